//! From assertions to the model: one alternative of a policy in normal form becomes one [`Policy`].

mod binding;
pub(crate) mod library;
pub(crate) mod normal;
mod parts;
pub(crate) mod path;
mod supporting;
mod table;
mod token;

use nuncio_xml::foreign::Element;

use crate::error::{Place, PolicyError};
use crate::model::{
    Addressing, Binding, MessageParts, MessagePolicy, Parts, Policy, ReliableMessaging, SupportingToken, Token, Trust,
    TrustVersion, Wss,
};
use crate::names;
use library::Library;
use normal::{Alternative, Assertion, is_true};

/// Reads the usable alternatives of a policy that has a security binding; none where no alternative has one.
///
/// An alternative that is not usable is left out as long as another is usable; else the error is the first one's.
pub(crate) fn policies(
    library: &Library<'_>,
    at: &Element,
    alternatives: &[Alternative<'_>],
) -> Result<Vec<Policy>, PolicyError> {
    let placed = placed_policies(library, at, alternatives)?;
    Ok(placed.into_iter().map(|(_, policy)| policy).collect())
}

/// The same, each with its position among the alternatives.
pub(crate) fn placed_policies(
    library: &Library<'_>,
    at: &Element,
    alternatives: &[Alternative<'_>],
) -> Result<Vec<(usize, Policy)>, PolicyError> {
    let reader = Reader { library };
    let read: Vec<_> = alternatives.iter().map(|alternative| reader.policy(alternative).transpose()).collect();
    if !read.is_empty() && read.iter().all(Option::is_none) {
        return Ok(Vec::new());
    }
    usable(library, at, read.into_iter().enumerate().filter_map(|(position, read)| Some((position, read?))))
}

/// The alternatives that are usable; the others are left out, with a remark. Where none is, the error is the first one's.
fn usable<T>(
    library: &Library<'_>,
    at: &Element,
    alternatives: impl Iterator<Item = (usize, Result<T, PolicyError>)>,
) -> Result<Vec<(usize, T)>, PolicyError> {
    let mut usable = Vec::new();
    let mut refused = Vec::new();
    for (position, alternative) in alternatives {
        match alternative {
            Ok(read) => usable.push((position, read)),
            Err(error) => refused.push(error),
        }
    }
    if !usable.is_empty() {
        for error in &refused {
            library.remark(at, format!("an alternative is left out: {error}"));
        }
        return Ok(usable);
    }
    let none = || PolicyError::NoAlternative { at: library.place(at) };
    Err(refused.into_iter().next().unwrap_or_else(none))
}

/// What the policies of operation and message scope say of a message.
#[derive(Clone, Debug)]
pub(crate) struct Scoped<'a> {
    /// Its alternatives. Never empty.
    pub(crate) alternatives: Vec<MessagePolicy>,
    /// What belongs to an endpoint's policy and stands here: the alternatives of a security binding, with the options of
    /// WSS and trust beside it. None where there is no binding.
    pub(crate) endpoint: Vec<Alternative<'a>>,
}

impl Default for Scoped<'_> {
    fn default() -> Self {
        Self { alternatives: vec![MessagePolicy::default()], endpoint: Vec::new() }
    }
}

/// Adds what a policy of operation or message scope says: each alternative of what was said before holds together with each
/// of these that is usable.
pub(crate) fn scoped<'a>(
    library: &Library<'a>,
    at: &Element,
    alternatives: Vec<Alternative<'a>>,
    into: &mut Scoped<'a>,
) -> Result<(), PolicyError> {
    let reader = Reader { library };
    let has_binding = alternatives.iter().flatten().any(is_binding);
    let (mut endpoint, mut rest) = (Vec::new(), Vec::new());
    for alternative in alternatives {
        let (its_own, others) =
            alternative.into_iter().partition::<Vec<_>, _>(|assertion| has_binding && is_endpoints(assertion));
        endpoint.push(its_own);
        rest.push(others);
    }
    let read = rest.iter().map(|alternative| reader.message(alternative)).enumerate();
    let mut usable = usable(library, at, read)?;
    // What assertions that were passed over left behind is alike.
    let says_nothing = |(parts, supporting): &(Parts, Vec<_>)| supporting.is_empty() && parts.is_empty();
    let mut nothing = false;
    usable.retain(|(_, says)| has_binding || !(says_nothing(says) && std::mem::replace(&mut nothing, true)));
    normal::limit(library, at, into.alternatives.len().saturating_mul(usable.len()))?;
    let mut together = Vec::with_capacity(into.alternatives.len() * usable.len());
    for before in &into.alternatives {
        for (position, (parts, supporting)) in &usable {
            library.work(at, 1 + before.supporting.len() + supporting.len())?;
            let mut both = before.clone();
            both.parts.merge(parts);
            both.supporting.extend(supporting.iter().cloned());
            if has_binding {
                both.attached = Some(before.attached.unwrap_or(0) * endpoint.len() + position);
            }
            together.push(both);
        }
    }
    into.alternatives = together;
    if has_binding {
        let before = std::mem::take(&mut into.endpoint);
        into.endpoint = if before.is_empty() { endpoint } else { normal::merge(library, at, vec![before, endpoint])? };
    }
    Ok(())
}

/// Whether an assertion is a security binding.
pub(crate) fn is_binding(assertion: &Assertion<'_>) -> bool {
    matches!(assertion.security(), Some("TransportBinding" | "SymmetricBinding" | "AsymmetricBinding"))
}

/// Whether an assertion is one of an endpoint's policy alone: a security binding, or options beside it.
fn is_endpoints(assertion: &Assertion<'_>) -> bool {
    is_binding(assertion) || matches!(assertion.security(), Some("Wss10" | "Wss11" | "Trust10" | "Trust13"))
}

/// Gives a policy, and the policies within it, the addressing that applies to it: the one it engages, else the one that
/// `declared` says, else the one whose headers are protected, in it or in `messages`.
pub(crate) fn settle_addressing(policy: &mut Policy, declared: Addressing, messages: &[&Parts]) {
    let mut found = or_else(policy.addressing, || declared);
    found = or_else(found, || addressing_of_parts(&policy.parts));
    for token in &policy.supporting {
        found = or_else(found, || addressing_of_parts(&token.parts));
    }
    for parts in messages {
        found = or_else(found, || addressing_of_parts(parts));
    }
    if let Some(bootstrap) = bootstrap(policy) {
        settle_addressing(bootstrap, found, &[]);
        // A bootstrap's headers are those of the same port.
        found = or_else(found, || bootstrap.addressing);
    }
    policy.addressing = found;
}

fn bootstrap(policy: &mut Policy) -> Option<&mut Policy> {
    let protection = match &mut policy.binding {
        Binding::Symmetric(binding) => Some(&mut binding.protection),
        Binding::Transport(_) | Binding::Asymmetric(_) => None,
    };
    let mut tokens = protection.into_iter().chain(policy.supporting.iter_mut().map(|supporting| &mut supporting.token));
    tokens.find_map(|token| match token {
        Token::SecureConversation(token) => Some(&mut *token.bootstrap),
        _ => None,
    })
}

fn or_else(addressing: Addressing, other: impl FnOnce() -> Addressing) -> Addressing {
    if addressing == Addressing::None { other() } else { addressing }
}

fn addressing_of_parts(parts: &Parts) -> Addressing {
    let headers = parts.signed.headers.iter().chain(&parts.encrypted.headers).chain(&parts.required);
    headers
        .map(|header| match header.namespace.as_str() {
            names::ADDRESSING_10 => Addressing::V10,
            names::ADDRESSING_2004 => Addressing::August2004,
            _ => Addressing::None,
        })
        .find(|addressing| *addressing != Addressing::None)
        .unwrap_or(Addressing::None)
}

/// The addressing that an element engages, as an assertion or as an extension of WSDL; `None` where it is another.
pub(crate) fn engaged_addressing(element: &Element) -> Option<Addressing> {
    match (element.namespace.as_str(), element.local.as_str()) {
        (names::ADDRESSING_10_WSDL, "UsingAddressing") | (names::ADDRESSING_10_METADATA, "Addressing") => {
            Some(Addressing::V10)
        }
        (names::ADDRESSING_2004_POLICY, "UsingAddressing") => Some(Addressing::August2004),
        _ => None,
    }
}

/// The version of WS-ReliableMessaging that an assertion engages.
fn reliable_messaging(element: &Element) -> Option<ReliableMessaging> {
    match (element.namespace.as_str(), element.local.as_str()) {
        (names::RELIABLE_2005, "RMAssertion") => Some(ReliableMessaging::February2005),
        (names::RELIABLE_11, "RMAssertion") => Some(ReliableMessaging::V11),
        _ => None,
    }
}

/// Whether an assertion says that each direction is a channel of its own.
fn is_duplex(element: &Element) -> bool {
    element.is(names::DUPLEX, "CompositeDuplex") || element.is(names::ROUTING, "OneWay")
}

/// Reads assertions of one file.
struct Reader<'a> {
    library: &'a Library<'a>,
}

impl Reader<'_> {
    /// Reads one alternative of an endpoint's policy, or of a bootstrap policy; `None` where it asks for no security.
    fn policy(&self, alternative: &[Assertion<'_>]) -> Result<Option<Policy>, PolicyError> {
        let mut binding = None;
        let mut supporting = Vec::new();
        let mut first_demand = None;
        let mut wss = None;
        let mut trust = None;
        let mut addressing = Addressing::None;
        let (mut reliable, mut duplex) = (None, false);
        let mut layout = None;
        let mut parts = Parts::default();
        for assertion in alternative {
            if self.parts(assertion, &mut parts)? {
                first_demand = first_demand.or(Some(assertion));
                continue;
            }
            if let Some(engaged) = engaged_addressing(assertion.element) {
                self.nothing_within(assertion)?;
                addressing = engaged;
                continue;
            }
            if let Some(version) = reliable_messaging(assertion.element) {
                self.once(&mut reliable, assertion, |_| self.nothing_within(assertion).map(|()| version))?;
                continue;
            }
            if is_duplex(assertion.element) {
                self.nothing_within(assertion)?;
                duplex = true;
                continue;
            }
            match assertion.security() {
                Some(_) if is_binding(assertion) => {
                    self.once(&mut binding, assertion, |_| self.binding(assertion))?;
                }
                Some("Layout") => {
                    self.library.remark(assertion.element, "Layout stands beside the binding: read as the binding's");
                    self.once(&mut layout, assertion, |_| self.layout(assertion))?;
                }
                Some("Wss10" | "Wss11") => {
                    self.once(&mut wss, assertion, |name| self.wss(assertion, name == "Wss11"))?;
                }
                Some("Trust10" | "Trust13") => self.once(&mut trust, assertion, |name| {
                    let version = if name == "Trust13" { TrustVersion::V13 } else { TrustVersion::February2005 };
                    self.trust(assertion, version)
                })?,
                Some(name) if let Some(duty) = supporting::duty(name) => {
                    first_demand = first_demand.or(Some(assertion));
                    self.supporting(assertion, duty, &mut supporting)?;
                }
                _ => self.unexpected(assertion)?,
            }
        }
        let Some((version, binding, mut properties)) = binding else {
            // Tokens or parts that nothing would protect are a mistake, not a wish for messages in clear.
            return match first_demand {
                Some(assertion) => Err(PolicyError::Missing {
                    at: self.place(assertion),
                    what: "security binding",
                    within: format!("the policy of {}", assertion.element.local),
                }),
                None => Ok(None),
            };
        };
        if let Some(layout) = layout {
            properties.layout = layout;
        }
        self.transport_suite(&binding, &supporting, alternative)?;
        self.generations(alternative);
        let wss = wss.unwrap_or_default();
        Ok(Some(Policy {
            version,
            binding,
            properties,
            supporting,
            wss,
            trust,
            addressing,
            reliable,
            duplex,
            parts,
            messages: MessageParts::default(),
            attached: None,
        }))
    }

    /// Remarks upon options of WSS that are of another generation than the binding beside them.
    fn generations(&self, alternative: &[Assertion<'_>]) {
        let generation = |assertion: &Assertion<'_>| match assertion.element.namespace.as_str() {
            names::SECURITY_11 => "1.1",
            _ => "1.2",
        };
        let Some(binding) = alternative.iter().find(|assertion| is_binding(assertion)) else { return };
        for options in alternative.iter().filter(|assertion| matches!(assertion.security(), Some("Wss10" | "Wss11"))) {
            let (theirs, its) = (generation(options), generation(binding));
            if theirs != its {
                let name = &options.element.local;
                let words = format!("{name} is of WS-SecurityPolicy {theirs}, the binding beside it of {its}");
                self.library.remark(options.element, words);
            }
        }
    }

    /// Reads one alternative of a policy of operation or message scope.
    fn message(&self, alternative: &[Assertion<'_>]) -> Result<(Parts, Vec<SupportingToken>), PolicyError> {
        let mut parts = Parts::default();
        let mut supporting = Vec::new();
        for assertion in alternative {
            if self.parts(assertion, &mut parts)? || engaged_addressing(assertion.element).is_some() {
                continue;
            }
            if is_endpoints(assertion) {
                return Err(self.not_built_here(assertion, "at operation or message scope"));
            }
            match assertion.security().and_then(supporting::duty) {
                Some(duty) => self.supporting(assertion, duty, &mut supporting)?,
                None => self.unexpected(assertion)?,
            }
        }
        Ok((parts, supporting))
    }

    fn wss(&self, assertion: &Assertion<'_>, v11: bool) -> Result<Wss, PolicyError> {
        let mut wss = Wss { v11, signature_confirmation: false };
        for nested in &assertion.nested {
            match nested.security() {
                Some("RequireSignatureConfirmation") => wss.signature_confirmation = true,
                _ => self.unexpected(nested)?,
            }
        }
        Ok(wss)
    }

    fn trust(&self, assertion: &Assertion<'_>, version: TrustVersion) -> Result<Trust, PolicyError> {
        let mut trust = Trust { version, client_entropy: false, server_entropy: false };
        for nested in &assertion.nested {
            match nested.security() {
                Some("RequireClientEntropy") => trust.client_entropy = true,
                Some("RequireServerEntropy") => trust.server_entropy = true,
                _ => self.unexpected(nested)?,
            }
        }
        Ok(trust)
    }

    /// Reads an assertion that may stand once.
    fn once<T>(
        &self,
        slot: &mut Option<T>,
        assertion: &Assertion<'_>,
        read: impl FnOnce(&str) -> Result<T, PolicyError>,
    ) -> Result<(), PolicyError> {
        if slot.is_some() {
            return Err(PolicyError::Repeated {
                at: self.place(assertion),
                assertion: assertion.element.local.clone(),
            });
        }
        *slot = Some(read(&assertion.element.local)?);
        Ok(())
    }

    /// Refuses what is nested in an assertion that is otherwise read by its name alone.
    fn nothing_within(&self, assertion: &Assertion<'_>) -> Result<(), PolicyError> {
        assertion.nested.iter().try_for_each(|nested| self.unexpected(nested))
    }

    /// Refuses an assertion that no reader has taken, unless it may be ignored (WS-Policy 1.5, section 4.4.2).
    fn unexpected(&self, assertion: &Assertion<'_>) -> Result<(), PolicyError> {
        let element = assertion.element;
        if is_true(element, "Ignorable") {
            let words = format!("{} ({}) may be ignored, and is", element.local, element.namespace);
            self.library.remark(element, words);
            return Ok(());
        }
        let (at, assertion, namespace) =
            (self.library.place(element), element.local.clone(), element.namespace.clone());
        Err(match table::known(element) {
            table::Known::NotBuilt => PolicyError::NotBuilt { at, assertion, namespace },
            table::Known::Unknown => PolicyError::UnknownAssertion { at, assertion, namespace },
        })
    }

    fn not_built(&self, element: &Element) -> PolicyError {
        let (assertion, namespace) = (element.local.clone(), element.namespace.clone());
        PolicyError::NotBuilt { at: self.library.place(element), assertion, namespace }
    }

    fn not_built_here(&self, assertion: &Assertion<'_>, position: &'static str) -> PolicyError {
        let at = self.place(assertion);
        let (assertion, namespace) = (assertion.element.local.clone(), assertion.element.namespace.clone());
        PolicyError::NotBuiltHere { at, assertion, namespace, position }
    }

    fn missing(&self, assertion: &Assertion<'_>, what: &'static str) -> PolicyError {
        PolicyError::Missing { at: self.place(assertion), what, within: assertion.element.local.clone() }
    }

    fn place(&self, assertion: &Assertion<'_>) -> Place {
        self.library.place(assertion.element)
    }
}
