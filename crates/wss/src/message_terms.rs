//! What is asked of one message: parts, supporting tokens, and whether the binding holds for it at all.

use nuncio_policy::model::{
    Binding, ElementPath, HeaderPart, Message, MessageKind, MessagePolicy, PartSet, Parts, Policy, Step,
    SupportingToken, Token,
};

use nuncio_xml::Name;
use nuncio_xmlsec::{DSIG, XENC};

use crate::addressing;
use crate::elements::may_lead_to;
use crate::names::{SOAP11, SOAP12, WSSE, WSSE11, WSU};
use crate::terms::NotBuilt;

/// What is asked of one message, the port's policy and the message's own merged (WS-PolicyAttachment 1.5, section 4).
#[derive(Clone)]
pub(crate) struct MessageTerms {
    /// What must be protected in a message that comes.
    pub(crate) parts: Parts,
    /// What is protected in a message that goes: what is asked for as elements is signed as what is around them.
    pub(crate) sealed: Parts,
    /// The supporting tokens of a request that comes.
    pub(crate) supporting: Vec<SupportingToken>,
    /// The same of one that goes.
    pub(crate) sealing: Vec<SupportingToken>,
    /// Whether the security binding holds for it.
    pub(crate) protected: bool,
    /// What is asked of a request, where its supporting tokens have parts that their own signatures do not protect.
    request: Option<Box<Self>>,
}

impl MessageTerms {
    /// What a policy asks of every message.
    pub(crate) fn of_policy(policy: &Policy) -> Result<Self, NotBuilt> {
        check_signable(policy, &policy.parts)?;
        Self::new(policy, policy.parts.clone(), policy.supporting.clone(), true)
    }

    /// What a policy asks of every message of a kind.
    pub(crate) fn of_kind(policy: &Policy, kind: MessageKind) -> Result<Self, NotBuilt> {
        let parts = parts_of(policy, kind);
        check_signable(policy, &parts)?;
        Self::new(policy, parts, policy.supporting.clone(), true)
    }

    /// What a policy and the contract ask of a message, under one of its own alternatives.
    pub(crate) fn of_message(
        policy: &Policy,
        kind: MessageKind,
        message: &Message,
        own: &MessagePolicy,
    ) -> Result<Self, NotBuilt> {
        let mut parts = parts_of(policy, kind);
        parts.merge(&own.parts);
        check_signable(policy, &parts)?;
        let supporting = policy.supporting.iter().chain(&own.supporting).cloned().collect();
        Self::new(policy, parts, supporting, message.protected)
    }

    /// Whether as much is asked of both.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.parts == other.parts
            && self.supporting.len() == other.supporting.len()
            && self.protected == other.protected
            && match (&self.request, &other.request) {
                (Some(one), Some(other)) => one.is_like(other),
                (one, other) => one.is_none() && other.is_none(),
            }
    }

    /// Whether everything is signed that another asks to be.
    pub(crate) fn signs_all_of(&self, other: &Self) -> bool {
        let (signed, wanted) = (&self.parts.signed, &other.parts.signed);
        (signed.body || !wanted.body)
            && (signed.every_header
                || !wanted.every_header && wanted.headers.iter().all(|header| signed.headers.contains(header)))
            && other.parts.signed_elements.iter().all(|path| self.parts.signed_elements.contains(path))
    }

    /// How much is asked: more than of another, wherever what is asked of that is asked too, and wherever more is secret. The
    /// body comes before all else: that it is secret where nobody asked for it is no reason to refuse it, as it is of others.
    pub(crate) fn weight(&self) -> (bool, usize, usize) {
        /// More than any list of header blocks is long.
        const EVERY: usize = 10_000;
        let set = |set: &PartSet| usize::from(set.body) + set.headers.len() + if set.every_header { EVERY } else { 0 };
        let Parts {
            signed,
            encrypted,
            signed_elements,
            encrypted_elements,
            content_encrypted_elements,
            required,
            required_elements,
        } = &self.parts;
        let secret = set(encrypted) + encrypted_elements.len() + content_encrypted_elements.len();
        let elements = signed_elements.len() + required_elements.len();
        (encrypted.body, secret, set(signed) + elements + required.len() + self.supporting.len())
    }

    /// These parts, and those supporting tokens with what the policy names for them.
    fn new(policy: &Policy, parts: Parts, supporting: Vec<SupportingToken>, protected: bool) -> Result<Self, NotBuilt> {
        let mut all = parts.clone();
        for token in &supporting {
            all.merge(&left_to_the_binding(token));
        }
        let request = (all != parts).then(|| Self::alone(policy, all, supporting.clone(), protected)).transpose()?;
        let request = request.map(Box::new);
        Ok(Self { request, ..Self::alone(policy, parts, supporting, protected)? })
    }

    /// These parts and no others, and those supporting tokens.
    pub(crate) fn alone(
        policy: &Policy,
        mut parts: Parts,
        supporting: Vec<SupportingToken>,
        protected: bool,
    ) -> Result<Self, NotBuilt> {
        hide_parts(&mut parts)?;
        check_parts(&parts)?;
        // Each costs a thousand hashes and more: a message may make us derive one such key.
        let users = supporting.iter().filter(|token| token.endorsing && matches!(token.token, Token::Username(_)));
        if users.count() > 1 {
            return Err(NotBuilt("a user name token that endorses beside another"));
        }
        let sealed = sealed(&parts);
        let mut sealing = supporting.clone();
        for token in &mut sealing {
            token.parts = self::sealed(&own_parts(policy, token));
        }
        Ok(Self { parts, sealed, supporting, sealing, protected, request: None })
    }

    /// What is asked of a request: of a response, these terms themselves.
    pub(crate) fn of_request(&self) -> &Self {
        self.request.as_deref().unwrap_or(self)
    }
}

/// What a policy protects in every message of a kind.
fn parts_of(policy: &Policy, kind: MessageKind) -> Parts {
    let mut parts = policy.parts.clone();
    parts.merge(policy.messages.of(kind));
    parts
}

/// The parts that a supporting token's own signature covers. Of a security context WCF's policies over a transport name parts,
/// and no WCF signs them.
pub(crate) fn own_parts(policy: &Policy, token: &SupportingToken) -> Parts {
    if !token.endorsing {
        return Parts::default();
    }
    let Parts { signed, signed_elements, .. } = token.parts.clone();
    let are_passed_over =
        matches!((&policy.binding, &token.token), (Binding::Transport(_), Token::SecureConversation(_)));
    let signed = if are_passed_over { PartSet::default() } else { signed };
    Parts { signed, signed_elements, ..Parts::default() }
}

/// The parts of a supporting token that the binding protects in its stead. Where it makes no signature, those to be signed;
/// and those to be encrypted (WS-SecurityPolicy 1.2, section 8.1: "using the token"): whoever holds a certificate's key
/// encrypts nothing with it that another could read, and so CXF encrypts them with the rest.
fn left_to_the_binding(token: &SupportingToken) -> Parts {
    let mut parts = token.parts.clone();
    if token.endorsing {
        parts.signed = PartSet::default();
        parts.signed_elements.clear();
    }
    parts
}

/// The parts as they are sealed: what is to be signed as elements is signed as what is around them.
fn sealed(parts: &Parts) -> Parts {
    let mut sealed = parts.clone();
    for path in &parts.signed_elements {
        sign_around(path, &mut sealed);
    }
    sealed
}

/// Refuses a path that leads to what no signature of the message can cover: what holds it, itself, and the lists that are
/// written after it. A transport covers everything.
fn check_signable(policy: &Policy, parts: &Parts) -> Result<(), NotBuilt> {
    if matches!(policy.binding, Binding::Transport(_)) {
        return Ok(());
    }
    let of = |namespace, local| Name { namespace, local };
    for soap in [SOAP11, SOAP12] {
        let above = [of(soap, "Envelope"), of(soap, "Header"), of(WSSE, "Security")];
        let [signature, list] = [(DSIG, "Signature"), (XENC, "ReferenceList")].map(|(space, local)| of(space, local));
        let holds = (1..=above.len()).map(|at| above[..at].to_vec());
        let all = holds.chain([signature, list].map(|child| above.iter().copied().chain([child]).collect()));
        if all.into_iter().any(|names| parts.signed_elements.iter().any(|path| may_lead_to(&path.steps, &names))) {
            return Err(NotBuilt("SignedElements of what holds the signature, or of that itself"));
        }
    }
    Ok(())
}

/// Adds the smallest part that covers the elements of a path: a header block, the body, or, where the path says of no
/// place, all of them. The timestamp is signed wherever there is one, and whether a path leads to other children of the
/// security header is told when they are written.
fn sign_around(path: &ElementPath, parts: &mut Parts) {
    match path.steps.as_slice() {
        [envelope, body, ..] if is_soap(envelope, "Envelope") && is_soap(body, "Body") => parts.signed.body = true,
        [envelope, header, security, ..]
            if is_soap(envelope, "Envelope") && is_soap(header, "Header") && is(security, WSSE, "Security") => {}
        [envelope, header, Step { anywhere_below: false, namespace: Some(namespace), local }, ..]
            if is_soap(envelope, "Envelope") && is_soap(header, "Header") =>
        {
            let signed = Parts {
                signed: PartSet {
                    headers: vec![HeaderPart { name: local.clone(), namespace: namespace.clone() }],
                    ..PartSet::default()
                },
                ..Parts::default()
            };
            parts.merge(&signed);
        }
        _ => {
            parts.signed.body = true;
            parts.signed.every_header = true;
        }
    }
}

/// Takes the paths of encrypted elements that lead to a whole header block, or to all that the body holds, for those
/// parts; refuses those that may lead to what cannot be encrypted so.
fn hide_parts(parts: &mut Parts) -> Result<(), NotBuilt> {
    let mut paths = Vec::new();
    for path in std::mem::take(&mut parts.encrypted_elements) {
        match header_block(&path.steps) {
            Some(part) => parts.encrypted.headers.push(part),
            None => paths.push(path),
        }
    }
    parts.encrypted_elements = paths;
    let mut paths = Vec::new();
    for path in std::mem::take(&mut parts.content_encrypted_elements) {
        match path.steps.as_slice() {
            [envelope, body] if is_soap(envelope, "Envelope") && is_soap(body, "Body") => parts.encrypted.body = true,
            _ => paths.push(path),
        }
    }
    parts.content_encrypted_elements = paths;
    let mut paths = parts.encrypted_elements.iter().chain(&parts.content_encrypted_elements);
    paths.try_for_each(|path| check_hidden(&path.steps))
}

/// The header blocks of a name that is no part of security, where a path leads to these and nowhere else.
fn header_block(steps: &[Step]) -> Option<HeaderPart> {
    match steps {
        [envelope, header, Step { anywhere_below: false, namespace: Some(namespace), local }]
            if is_soap(envelope, "Envelope")
                && is_soap(header, "Header")
                && !SECURITY.contains(&namespace.as_str()) =>
        {
            Some(HeaderPart { name: local.clone(), namespace: namespace.clone() })
        }
        _ => None,
    }
}

/// Namespaces of what stands in a security header.
const SECURITY: [&str; 5] = [WSSE, WSSE11, WSU, DSIG, XENC];

/// Refuses a path that may lead to what frames a message, or to headers that are not copied from a plain message.
fn check_hidden(steps: &[Step]) -> Result<(), NotBuilt> {
    let of = |namespace, local| Name { namespace, local };
    for soap in [SOAP11, SOAP12] {
        let [envelope, header, body] = ["Envelope", "Header", "Body"].map(|local| of(soap, local));
        let frame: [&[Name<'_>]; 3] = [&[envelope], &[envelope, header], &[envelope, body]];
        if frame.iter().any(|names| may_lead_to(steps, names)) {
            return Err(NotBuilt("encryption of the envelope, the header or the body as elements"));
        }
        for at in 1..=steps.len() {
            if may_lead_to(&steps[..at], &[envelope, header, of(WSSE, "Security")]) {
                return Err(NotBuilt("encrypted elements of the security header"));
            }
            if addressing::names().any(|name| may_lead_to(&steps[..at], &[envelope, header, name])) {
                return Err(NotBuilt("encrypted elements of addressing"));
            }
        }
    }
    match steps.last().and_then(|step| step.namespace.as_deref()) {
        Some(namespace) if SECURITY.contains(&namespace) => Err(NotBuilt("encrypted elements of the security header")),
        Some(namespace) if addressing::is_addressing(namespace) => Err(NotBuilt("encrypted elements of addressing")),
        _ => Ok(()),
    }
}

/// Refuses encrypted parts that no end reads: the action says what must be encrypted.
fn check_parts(parts: &Parts) -> Result<(), NotBuilt> {
    let action = |part: &HeaderPart| {
        addressing::is_addressing(&part.namespace) && part.name.as_deref().is_none_or(|name| name == "Action")
    };
    if parts.encrypted.headers.iter().any(action) {
        return Err(NotBuilt("EncryptedParts with the action"));
    }
    if parts.encrypted.every_header {
        return Err(NotBuilt("EncryptedParts of every header"));
    }
    Ok(())
}

/// Whether a path leads to a child of the security header.
pub(crate) fn is_in_security(path: &ElementPath) -> bool {
    matches!(path.steps.as_slice(), [envelope, header, security, ..]
        if is_soap(envelope, "Envelope") && is_soap(header, "Header") && is(security, WSSE, "Security"))
}

/// Whether a step names that child.
fn is(step: &Step, namespace: &str, local: &str) -> bool {
    !step.anywhere_below && step.namespace.as_deref() == Some(namespace) && step.local.as_deref() == Some(local)
}

/// Whether a step names that child in either version of SOAP.
fn is_soap(step: &Step, local: &str) -> bool {
    is(step, SOAP11, local) || is(step, SOAP12, local)
}
