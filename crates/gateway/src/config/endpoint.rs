//! The policy of a route: read, one port chosen, and held against what else the route has.

use std::path::PathBuf;
use std::time::Duration;

use nuncio_crypto::certificate::Certificate;
use nuncio_policy::model::{
    Binding, Contract, Operation, PasswordKind, Policy, Port, SoapVersion, SupportingToken, Token,
};
use nuncio_policy::yaml::Stated;

use super::Said;
use super::base::{Base, read};
use super::error::{ConfigError, Problem, Troubled};
use super::policy::PolicySource;

/// What a route demands of its clients.
#[derive(Clone)]
pub struct Endpoint {
    /// What it is called: a port's name, or a preset's.
    pub name: String,
    /// The versions of SOAP that it speaks.
    pub soap: Vec<SoapVersion>,
    /// The alternatives of its policy, in the order in which they are preferred. Empty where it demands nothing.
    pub alternatives: Vec<Policy>,
    /// The operations of the contract; none where a preset stands in for one.
    pub operations: Vec<Operation>,
    /// For how long its messages are good, where that is said with its policy.
    pub message_lifetime: Option<Duration>,
    /// The certificate that its contract says is the service's.
    pub identity: Option<Certificate>,
}

impl Endpoint {
    /// Reads the policy that a route says.
    pub(super) fn load(source: PolicySource, base: &Base) -> Result<Self, ConfigError> {
        match source {
            PolicySource::Contract { wsdl: file, port } => {
                let name = file.value.display().to_string();
                let contract = nuncio_policy::wsdl::read(&name, &read(base, &file)?)
                    .map_err(|error| file.problem(Problem::Policy(error)))?;
                let (said, port) = match port {
                    Some(name) => (name.clone().map(drop), named(contract, &name)?),
                    None => (file.clone().map(drop), only(contract, &file)?),
                };
                Self::of_port(port).map_err(|problem| said.problem(problem))
            }
            PolicySource::Stated(said) => {
                let at = said.with(());
                let Stated { name, soap, alternatives, operations, settings } = *said.value;
                let alternatives = served(&name, alternatives).map_err(|problem| at.problem(problem))?;
                let message_lifetime = settings.message_lifetime.map(|lifetime| lifetime.value);
                Ok(Self { name, soap, alternatives, operations, message_lifetime, identity: None })
            }
        }
    }

    /// That of a port of a contract which was fetched: of the one that is named, or else the only one that has a policy.
    pub(crate) fn of_contract(name: &str, contract: Contract, port: Option<&str>) -> Result<Self, Problem> {
        let at = Said::flag("wsdl", PathBuf::from(name));
        let port = match port {
            Some(wanted) => named(contract, &Said::flag("port", wanted.to_owned())),
            None => only(contract, &at),
        };
        Self::of_port(port.map_err(|error| *error.problem)?)
    }

    /// One that demands nothing.
    pub(super) fn plain() -> Self {
        let soap = vec![SoapVersion::V11, SoapVersion::V12];
        Self {
            name: "plain".to_owned(),
            soap,
            alternatives: Vec::new(),
            operations: Vec::new(),
            message_lifetime: None,
            identity: None,
        }
    }

    /// Whether it demands nothing: whoever comes may call.
    pub fn is_plain(&self) -> bool {
        self.alternatives.is_empty()
    }

    fn of_port(port: Port) -> Result<Self, Problem> {
        let alternatives = port.alternatives.map_err(Problem::Policy)?;
        if alternatives.is_empty() {
            return Err(Problem::NoPolicy(port.name));
        }
        let alternatives = served(&port.name, alternatives)?;
        Ok(Self {
            name: port.name,
            soap: vec![port.soap],
            alternatives,
            operations: port.operations,
            message_lifetime: None,
            identity: port.identity,
        })
    }

    /// Whether messages must come under TLS: all of them, or those that ask for a conversation.
    pub fn needs_transport(&self) -> bool {
        self.any(&|policy| matches!(policy.binding, Binding::Transport(_)))
    }

    /// Whether TLS must authenticate clients by certificate.
    pub fn needs_client_certificates(&self) -> bool {
        self.any(&|policy| matches!(&policy.binding, Binding::Transport(binding) if binding.client_certificate))
    }

    /// Whether the route's own certificate protects messages.
    pub fn needs_identity(&self) -> bool {
        self.any(&|policy| match &policy.binding {
            Binding::Transport(_) => false,
            Binding::Symmetric(binding) => matches!(binding.protection, Token::X509(_)),
            Binding::Asymmetric(_) => true,
        })
    }

    /// Whether a client may prove by certificate who it is.
    pub fn admits_certificates(&self) -> bool {
        self.any(&|policy| matches!(policy.binding, Binding::Asymmetric(_)))
            || self.supports(|token| matches!(token.token, Token::X509(_)))
    }

    /// Whether a client may prove by password who it is.
    pub fn admits_users(&self) -> bool {
        self.derives_keys() || self.has_users(|kind| kind != PasswordKind::None)
    }

    /// Whether a client's password comes hashed.
    pub fn hashes_passwords(&self) -> bool {
        self.has_users(|kind| kind == PasswordKind::Digest)
    }

    /// Whether a client may prove its password by a signature: with a key that is derived from it.
    pub fn derives_keys(&self) -> bool {
        self.supports(|token| token.endorsing && matches!(token.token, Token::Username(_)))
    }

    /// Whether a client may say a user's name without proving it.
    pub fn takes_names_alone(&self) -> bool {
        self.has_users(|kind| kind == PasswordKind::None)
    }

    /// Whether it has user names with passwords that come `so`. Those that sign have none.
    fn has_users(&self, so: impl Fn(PasswordKind) -> bool) -> bool {
        let is = |token: &Token| matches!(token, Token::Username(token) if so(token.password));
        self.supports(|supporting| !supporting.endorsing && is(&supporting.token))
    }

    /// Whether a supporting token `is`: of the endpoint, or of one of its messages alone.
    fn supports(&self, is: impl Fn(&SupportingToken) -> bool) -> bool {
        let messages = self.operations.iter().flat_map(Operation::messages);
        self.any(&|policy| policy.supporting.iter().any(&is))
            || messages.flat_map(|message| &message.alternatives).any(|own| own.supporting.iter().any(&is))
    }

    fn any(&self, is: &impl Fn(&Policy) -> bool) -> bool {
        self.alternatives.iter().any(|policy| any(policy, is))
    }
}

/// Whether a policy `is`, or one under which its tokens are issued.
fn any(policy: &Policy, is: &impl Fn(&Policy) -> bool) -> bool {
    let protection = match &policy.binding {
        Binding::Symmetric(binding) => Some(&binding.protection),
        Binding::Transport(_) | Binding::Asymmetric(_) => None,
    };
    let tokens = protection.into_iter().chain(policy.supporting.iter().map(|supporting| &supporting.token));
    let mut bootstraps = tokens.filter_map(|token| match token {
        Token::SecureConversation(conversation) => Some(&*conversation.bootstrap),
        Token::X509(_) | Token::Username(_) => None,
    });
    is(policy) || bootstraps.any(|bootstrap| any(bootstrap, is))
}

/// The alternatives of a policy that can be served, less those that want answers sent elsewhere.
fn served(name: &str, alternatives: Vec<Policy>) -> Result<Vec<Policy>, Problem> {
    let (alternatives, others): (Vec<Policy>, Vec<Policy>) =
        alternatives.into_iter().partition(|policy| !policy.duplex);
    if alternatives.is_empty() && !others.is_empty() {
        return Err(Problem::Channel { port: name.to_owned(), what: "replies to another address" });
    }
    if alternatives.iter().all(|policy| policy.reliable.is_some()) {
        tracing::warn!(
            port = %name,
            "the policy asks for reliable messaging: its messages go through, and the backend must keep the sequences"
        );
    }
    Ok(alternatives)
}

fn named(contract: Contract, name: &Said<String>) -> Result<Port, ConfigError> {
    let have = names(contract.ports.iter());
    let port = contract.ports.into_iter().find(|port| port.name == name.value);
    port.ok_or_else(|| name.problem(Problem::Port { name: name.value.clone(), have }))
}

/// The one port with a policy, usable or not.
fn only(contract: Contract, file: &Said<PathBuf>) -> Result<Port, ConfigError> {
    let shown = file.value.display().to_string();
    let have = names(contract.ports.iter());
    let has_policy = |port: &Port| port.alternatives.as_ref().map_or(true, |alternatives| !alternatives.is_empty());
    let mut ports: Vec<Port> = contract.ports.into_iter().filter(has_policy).collect();
    match (ports.pop(), ports.is_empty()) {
        (Some(port), true) => Ok(port),
        (None, _) => Err(file.problem(Problem::NoPort { file: shown, have })),
        (Some(last), false) => {
            let have = names(ports.iter().chain([&last]));
            Err(file.problem(Problem::Ports { file: shown, have }))
        }
    }
}

fn names<'a>(ports: impl Iterator<Item = &'a Port>) -> String {
    let names: Vec<&str> = ports.map(|port| &*port.name).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use nuncio_policy::model::{Message, MessagePolicy, ReliableMessaging};
    use nuncio_policy::preset;

    use super::*;

    fn endpoint(policy: Policy) -> Endpoint {
        Endpoint {
            name: "port".into(),
            soap: vec![SoapVersion::V12],
            alternatives: vec![policy],
            operations: Vec::new(),
            message_lifetime: None,
            identity: None,
        }
    }

    fn preset(name: &str) -> Policy {
        preset::named(name).unwrap().policy
    }

    #[test]
    fn replies_to_elsewhere_are_not_served_and_sequences_are_the_backends() {
        let plain = preset("wcf-ws2007-userNameOverTransport");
        let reliable = Policy { reliable: Some(ReliableMessaging::V11), ..plain.clone() };
        let duplex = Policy { duplex: true, ..reliable.clone() };
        let of = |alternatives| {
            let port = Port {
                name: "P".into(),
                soap: SoapVersion::V12,
                address: None,
                identity: None,
                alternatives: Ok(alternatives),
                operations: Vec::new(),
                callbacks: Vec::new(),
            };
            Endpoint::of_port(port).map(|endpoint| endpoint.alternatives.len()).map_err(|problem| problem.to_string())
        };
        let elsewhere = Err("port P asks for replies to another address, which is not built yet".into());
        assert_eq!(of(vec![duplex.clone()]), elsewhere);
        assert_eq!(of(vec![duplex, plain]), Ok(1), "an alternative without is served");
        assert_eq!(of(vec![reliable]), Ok(1));
    }

    #[test]
    fn a_conversation_that_begins_over_tls_needs_it() {
        assert!(endpoint(preset("wcf-ws2007-userNameOverTransport-conversation")).needs_transport());
        let mut policy = preset("wcf-ws2007-userNameForCertificate-conversation");
        assert!(!endpoint(policy.clone()).needs_transport());
        let Binding::Symmetric(binding) = &mut policy.binding else { panic!("not symmetric") };
        let Token::SecureConversation(token) = &mut binding.protection else { panic!("no conversation") };
        *token.bootstrap = preset("wcf-ws2007-userNameOverTransport");
        assert!(endpoint(policy).needs_transport());
    }

    /// Of the port's own policy, of a bootstrap, and of one message alone.
    #[test]
    fn keys_are_derived_where_users_endorse() {
        let plain = preset("wcf-ws2007-userNameOverTransport");
        let mut endorsing = plain.clone();
        endorsing.supporting[0].endorsing = true;
        let mut conversation = preset("wcf-ws2007-userNameOverTransport-conversation");
        let Token::SecureConversation(token) = &mut conversation.supporting[0].token else { panic!("no conversation") };
        *token.bootstrap = endorsing.clone();
        let mut own = endpoint(plain.clone());
        let alternatives = vec![MessagePolicy { supporting: endorsing.supporting.clone(), ..MessagePolicy::default() }];
        let input = Message { action: "urn:a".into(), soap_action: None, element: None, alternatives, protected: true };
        own.operations = vec![Operation { name: "A".into(), input, output: None, faults: Vec::new() }];
        assert!(!endpoint(plain).derives_keys());
        for endpoint in [endpoint(endorsing), endpoint(conversation), own] {
            assert!(endpoint.derives_keys() && endpoint.admits_users());
        }
    }

    /// What one message asks for alone is asked for.
    #[test]
    fn tokens_of_one_message_are_found() {
        let plain = preset("wcf-wshttp-anonymousForCertificate");
        let mut username = preset("wcf-ws2007-userNameOverTransport").supporting.remove(0);
        let mut of = |kind: Option<PasswordKind>| {
            if let (Token::Username(token), Some(kind)) = (&mut username.token, kind) {
                token.password = kind;
            }
            let certificate = preset("wcf-wshttp-mutualCertificate").supporting;
            let supporting = if kind.is_some() { vec![username.clone()] } else { certificate };
            let alternatives = vec![MessagePolicy { supporting, ..MessagePolicy::default() }];
            let input =
                Message { action: "urn:a".into(), soap_action: None, element: None, alternatives, protected: true };
            let operations = vec![Operation { name: "A".into(), input, output: None, faults: Vec::new() }];
            let found = Endpoint { operations, ..endpoint(plain.clone()) };
            [found.admits_users(), found.hashes_passwords(), found.takes_names_alone(), found.admits_certificates()]
        };
        assert_eq!(of(Some(PasswordKind::Text)), [true, false, false, false]);
        assert_eq!(of(Some(PasswordKind::Digest)), [true, true, false, false]);
        assert_eq!(of(Some(PasswordKind::None)), [false, false, true, false]);
        assert_eq!(of(None), [false, false, false, true]);
    }

    #[test]
    fn passwords_come_hashed_where_a_policy_says_so_of_its_bootstrap_too() {
        for name in ["wcf-ws2007-userNameOverTransport", "wcf-ws2007-userNameOverTransport-conversation"] {
            let mut policy = preset(name);
            assert!(!endpoint(policy.clone()).hashes_passwords());
            let supporting = match &mut policy.supporting[0].token {
                Token::SecureConversation(token) => &mut token.bootstrap.supporting[0].token,
                token => token,
            };
            let Token::Username(username) = supporting else { panic!("no user name") };
            username.password = PasswordKind::Digest;
            assert!(endpoint(policy).hashes_passwords());
        }
    }
}
