//! Both ends in one process, with time stepped by hand and numbers drawn from a counter.
//!
//! What this shows is that the two ends fit; that they are right is shown by recordings and by foreign peers.

#![allow(dead_code, unreachable_pub, reason = "each test uses some of it")]
#![allow(clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

use std::sync::Arc;
use std::time::Duration;

use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::key::PrivateKey;
use nuncio_crypto::random::Random;
use nuncio_crypto::secret::Secret;
use nuncio_crypto::trust::Trust;
use nuncio_policy::model::{Addressing, Binding, DerivedKeys, Operation, Policy, SoapVersion, Token};
use nuncio_policy::preset;
use nuncio_wss::{
    Answer, Context, Credential, Expectation, Freshness, HttpFacts, Initiator, InitiatorSettings, Issued, Limits,
    Message, Opened, Opening, Outbound, Passwords, PolicyReading, Principal, Recipient, RecipientSettings, Refusal,
    Time, Transport,
};

pub const NOW: Time = Time::from_millis(1_796_083_200_000);
pub const ACTION: &str = "urn:example/Echo";

/// Numbers that are different each time and the same in every run.
pub struct Numbers(pub u64);

impl Random for Numbers {
    fn fill(&mut self, out: &mut [u8]) {
        for octet in out {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *octet = self.0.to_be_bytes()[0];
        }
    }
}

/// The policy of a preset.
pub fn policy(name: &str) -> Policy {
    preset::named(name).unwrap_or_else(|| panic!("no preset {name}")).policy
}

fn certificate(pem: &[u8]) -> Certificate {
    Certificate::from_pem(pem).expect("a test certificate").pop().expect("one")
}

fn credential(pem: &[u8], key: &[u8]) -> Credential {
    Credential::new(certificate(pem), PrivateKey::from_pem(key).expect("a test key"))
}

pub fn server() -> Credential {
    credential(include_bytes!("../../../../tests/keys/server.pem"), include_bytes!("../../../../tests/keys/server.key"))
}

pub fn client() -> Credential {
    credential(include_bytes!("../../../../tests/keys/client.pem"), include_bytes!("../../../../tests/keys/client.key"))
}

pub fn stranger() -> Credential {
    credential(
        include_bytes!("../../../../tests/keys/stranger.pem"),
        include_bytes!("../../../../tests/keys/stranger.key"),
    )
}

/// Those of the given names.
pub fn credentials(names: &[&str]) -> Vec<Credential> {
    names.iter().map(|name| if *name == "server" { server() } else { stranger() }).collect()
}

pub const FRESHNESS: Freshness = Freshness { skew: Duration::from_mins(5), window: Duration::from_mins(5) };

pub fn limits() -> Limits {
    Limits {
        xml: nuncio_xml::Limits {
            bytes: 1 << 23,
            depth: 64,
            attributes: 64,
            attribute_bytes: 1 << 14,
            declarations: 32,
            declarations_in_scope: 96,
            elements: 10_000,
            children: 1000,
            name_bytes: 256,
            names: 4096,
            text_bytes: 1 << 23,
        },
        header_children: 32,
        signatures: 3,
        references: 16,
        prefixes: 32,
        encrypted_keys: 2,
        encrypted_data: 8,
        derived_keys: 6,
        certificate: 16_384,
        hot_contexts: 16,
    }
}

/// An initiator under one policy and a recipient under another, so that what the one leaves out the other must miss.
pub struct Pair {
    pub recipient: Arc<Recipient>,
    pub initiator: Initiator,
    pub numbers: Numbers,
    pub now: Time,
    pub soap: SoapVersion,
}

impl Pair {
    pub fn new(policy: &Policy, soap: SoapVersion) -> Self {
        Self::unlike(policy, policy, soap)
    }

    pub fn unlike(initiator: &Policy, recipient: &Policy, soap: SoapVersion) -> Self {
        Self::with(initiator, recipient, soap, client())
    }

    pub fn with(initiator: &Policy, recipient: &Policy, soap: SoapVersion, client: Credential) -> Self {
        Self::of(initiator, recipient, soap, client, vec![server()], vec![self::client().certificate])
    }

    /// An initiator with that user name and password.
    pub fn as_user(policy: &Policy, soap: SoapVersion, name: &str, password: &str) -> Self {
        let mut pair = Self::new(policy, soap);
        let mut ends = Ends::new(soap, Some(client()), Vec::new(), Vec::new());
        ends.username = (name.to_owned(), password.to_owned());
        pair.initiator = ends.initiator(std::slice::from_ref(policy), Vec::new());
        pair
    }

    /// An initiator under one policy, and a recipient that takes any of these.
    pub fn among(initiator: &Policy, recipient: &[Policy], soap: SoapVersion) -> Self {
        let trust = vec![client().certificate];
        Self::with_alternatives(std::slice::from_ref(initiator), recipient, soap, Some(client()), vec![server()], trust)
    }

    /// Each end under its policy and its contract, a single operation.
    pub fn contracted(initiator: (&Policy, Operation), recipient: (&Policy, Operation), soap: SoapVersion) -> Self {
        let of_one = |(policy, operation)| (std::slice::from_ref(policy), vec![operation]);
        Self::of_contracts(of_one(initiator), of_one(recipient), soap, Some(client()))
    }

    /// Each end under its alternatives and its contract; the initiator has that certificate or none.
    pub fn of_contracts(
        initiator: (&[Policy], Vec<Operation>),
        recipient: (&[Policy], Vec<Operation>),
        soap: SoapVersion,
        credential: Option<Credential>,
    ) -> Self {
        let mut ends = Ends::new(soap, credential, vec![server()], vec![client().certificate]);
        let recipient = ends.recipient(recipient.0, recipient.1);
        let initiator = ends.initiator(initiator.0, initiator.1);
        Self { recipient, initiator, numbers: Numbers(1), now: NOW, soap }
    }

    /// Both ends under these alternatives; the initiator has a certificate or has not.
    pub fn picking(alternatives: &[Policy], soap: SoapVersion, credential: bool) -> Self {
        let (credential, trust) = (credential.then(client), vec![client().certificate]);
        Self::with_alternatives(alternatives, alternatives, soap, credential, vec![server()], trust)
    }

    /// A recipient whose answers are signed by another than the service.
    pub fn answered_by(policy: &Policy, soap: SoapVersion, signer: Credential) -> Self {
        Self::of(policy, policy, soap, client(), vec![signer, server()], vec![client().certificate])
    }

    /// A recipient with these certificates of its own.
    pub fn answered_with(policy: &Policy, soap: SoapVersion, credentials: Vec<Credential>) -> Self {
        Self::of(policy, policy, soap, client(), credentials, vec![client().certificate])
    }

    /// A recipient with these addresses.
    pub fn addressed(policy: &Policy, soap: SoapVersion, addresses: &[&str]) -> Self {
        let mut pair = Self::new(policy, soap);
        let mut ends = Ends::new(soap, Some(client()), vec![server()], vec![client().certificate]);
        ends.addresses = addresses.iter().map(|&address| address.to_owned()).collect();
        pair.recipient = ends.recipient(std::slice::from_ref(policy), Vec::new());
        pair
    }

    /// A recipient that trusts these certificates.
    pub fn trusting(policy: &Policy, soap: SoapVersion, trust: Vec<Certificate>) -> Self {
        Self::of(policy, policy, soap, client(), vec![server()], trust)
    }

    /// An initiator who is somebody, and a recipient that trusts these certificates.
    pub fn as_whom(policy: &Policy, soap: SoapVersion, client: Credential, trust: Vec<Certificate>) -> Self {
        Self::of(policy, policy, soap, client, vec![server()], trust)
    }

    fn of(
        initiator: &Policy,
        recipient: &Policy,
        soap: SoapVersion,
        credential: Credential,
        credentials: Vec<Credential>,
        trust: Vec<Certificate>,
    ) -> Self {
        let (initiator, recipient) = (std::slice::from_ref(initiator), std::slice::from_ref(recipient));
        Self::with_alternatives(initiator, recipient, soap, Some(credential), credentials, trust)
    }

    fn with_alternatives(
        initiator: &[Policy],
        recipient: &[Policy],
        soap: SoapVersion,
        credential: Option<Credential>,
        credentials: Vec<Credential>,
        trust: Vec<Certificate>,
    ) -> Self {
        let mut ends = Ends::new(soap, credential, credentials, trust);
        let recipient = ends.recipient(recipient, Vec::new());
        Self { recipient, initiator: ends.initiator(initiator, Vec::new()), numbers: Numbers(1), now: NOW, soap }
    }

    /// A plain request as an application writes it.
    pub fn plain(&self, text: &str) -> Vec<u8> {
        let namespace = namespace(self.soap);
        format!(
            "<soap:Envelope xmlns:soap=\"{namespace}\" xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><soap:Body><e:Echo xmlns:e=\"urn:example\">\
             <e:text xsi:type=\"xsd:string\">{text}</e:text></e:Echo></soap:Body></soap:Envelope>"
        )
        .into_bytes()
    }

    pub fn request(&mut self, text: &str, context: Option<&Arc<Context>>) -> (Outbound, Expectation) {
        let plain = self.plain(text);
        self.initiator.seal(plain, ACTION, context, self.now, &mut self.numbers).expect("sealed")
    }

    /// Opens octets as the recipient.
    pub fn open(&self, outbound: &Outbound, body: Vec<u8>, context: Option<&Arc<Context>>) -> Result<Opened, Refusal> {
        let http = HttpFacts { content_type: &outbound.content_type, soap_action: outbound.soap_action.as_deref() };
        let received = self.recipient.read(&http, body)?;
        self.recipient.open(received, context.cloned(), Transport::Secure, self.now)
    }

    /// Opens an answer as the initiator.
    pub fn answer(&self, message: &Message, expectation: &Expectation) -> Result<Opening, Refusal> {
        let http = HttpFacts { content_type: message.content_type, soap_action: None };
        self.initiator.open(&http, message.body.clone(), expectation, self.now)
    }

    /// Establishes a conversation: the contexts of the initiator and of the recipient.
    pub fn establish(&mut self) -> (Arc<Context>, Arc<Context>) {
        let (outbound, expectation) = self.initiator.issue(self.now, &mut self.numbers).expect("sealed");
        let opened = self.open(&outbound, outbound.body.clone(), None).expect("opened");
        let issued = Recipient::issue(opened, Principal::Anonymous, None, self.now, &mut self.numbers);
        let Issued { context: theirs, message, .. } = issued.unwrap_or_else(|refused| panic!("not issued: {refused}"));
        let opening = self.answer(&message, &expectation).expect("answered");
        let ours = self.initiator.established(&opening, &expectation, self.now).expect("established");
        (Arc::new(ours), Arc::new(theirs))
    }

    /// Seals the echo of an opened request, as a backend answers it.
    pub fn echo(&mut self, opened: Opened) -> Message {
        let plain = opened.plain().body;
        let reply = opened.into_reply();
        let (message, trouble) = reply.seal(Answer::Envelope(plain), self.now, &mut self.numbers).expect("sealed");
        assert_eq!(trouble, None);
        message
    }
}

/// Has the keys of a binding derived so.
pub fn derive(policy: &mut Policy, derived_keys: DerivedKeys) {
    match &mut policy.binding {
        Binding::Symmetric(binding) => match &mut binding.protection {
            Token::X509(token) => token.derived_keys = derived_keys,
            Token::SecureConversation(token) => token.derived_keys = derived_keys,
            Token::Username(_) => {}
        },
        Binding::Asymmetric(binding) => {
            binding.initiator.derived_keys = derived_keys;
            binding.recipient.derived_keys = derived_keys;
        }
        Binding::Transport(_) => {}
    }
}

/// The versions of SOAP that a preset speaks.
pub fn soap(name: &str) -> &'static [SoapVersion] {
    preset::named(name).unwrap_or_else(|| panic!("no preset {name}")).soap
}

/// The namespace of a version of SOAP.
pub fn namespace(soap: SoapVersion) -> &'static str {
    match soap {
        SoapVersion::V11 => "http://schemas.xmlsoap.org/soap/envelope/",
        SoapVersion::V12 => "http://www.w3.org/2003/05/soap-envelope",
    }
}

/// Whether messages of the policy are addressed.
pub fn is_addressed(policy: &Policy) -> bool {
    policy.addressing != Addressing::None
}

/// What the two ends are made of beside their policies.
struct Ends {
    soap: SoapVersion,
    credential: Option<Credential>,
    credentials: Vec<Credential>,
    trust: Vec<Certificate>,
    addresses: Vec<String>,
    username: (String, String),
}

/// The one user that recipients know.
struct Known;

impl Passwords for Known {
    fn password(&self, user: &str) -> Option<Secret> {
        (user == "alice").then(|| Secret::from(&b"wonderland-1865"[..]))
    }
}

impl Ends {
    fn new(
        soap: SoapVersion,
        credential: Option<Credential>,
        credentials: Vec<Credential>,
        trust: Vec<Certificate>,
    ) -> Self {
        let username = ("alice".to_owned(), "wonderland-1865".to_owned());
        Self { soap, credential, credentials, trust, addresses: Vec::new(), username }
    }

    fn recipient(&mut self, alternatives: &[Policy], operations: Vec<Operation>) -> Arc<Recipient> {
        Recipient::new(RecipientSettings {
            alternatives: alternatives.to_vec(),
            soap: self.soap,
            operations,
            credentials: std::mem::take(&mut self.credentials),
            trust: Trust::new(std::mem::take(&mut self.trust)).expect("pins"),
            passwords: Some(Arc::new(Known)),
            addresses: std::mem::take(&mut self.addresses),
            freshness: FRESHNESS,
            message_lifetime: Duration::from_mins(5),
            context_lifetime: Duration::from_hours(1),
            context_jitter: 0,
            forward_addressing: false,
            limits: limits(),
        })
        .expect("built")
    }

    fn initiator(&mut self, alternatives: &[Policy], operations: Vec<Operation>) -> Initiator {
        Initiator::new(InitiatorSettings {
            alternatives: alternatives.to_vec(),
            soap: self.soap,
            operations,
            service: Some(server().certificate),
            username: Some(self.username.clone()),
            credential: self.credential.take(),
            to: "http://service.example/echo".into(),
            reading: PolicyReading::default(),
            freshness: FRESHNESS,
            message_lifetime: Duration::from_mins(5),
            limits: limits(),
        })
        .expect("built")
    }
}
