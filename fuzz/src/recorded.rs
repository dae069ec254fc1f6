//! Recorded messages with the keys of their service: what a folder holds that the project's `seeds` program wrote.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::key::PrivateKey;
use nuncio_crypto::trust::Trust;
use nuncio_policy::{bare, wsdl};
use nuncio_wss::{Credential, HttpFacts, Opened, Recipient, RecipientSettings, Refusal, Time, Transport};
use nuncio_xml::Document;

use crate::ends::{FRESHNESS, limits};

/// One message, and who opens it.
pub struct Recorded {
    recipient: Arc<Recipient>,
    content_type: String,
    soap_action: Option<String>,
    now: Time,
    /// Its octets.
    pub message: Vec<u8>,
    /// What it says: its action, and the canonical form of its body.
    said: (Option<String>, Vec<u8>),
}

impl Recorded {
    /// All of a folder: a folder each, with `wsdl.xml` and perhaps `policy.xml`, `service.pem`, `service.key`,
    /// `client.pem`, `message.xml` and the lines of `facts`: content type, SOAP action, instant in milliseconds.
    pub fn all(folder: &Path) -> Vec<Self> {
        let mut folders: Vec<_> =
            std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        folders.sort();
        folders.iter().map(|folder| Self::load(folder)).collect()
    }

    fn load(folder: &Path) -> Self {
        let file = |name: &str| std::fs::read(folder.join(name));
        let must = |name: &str| file(name).unwrap_or_else(|error| panic!("{}/{name}: {error}", folder.display()));
        let certificate = |pem: &[u8]| Certificate::from_pem(pem).expect("a certificate").pop().expect("one");
        let contract = wsdl::read("wsdl.xml", &must("wsdl.xml")).expect("a contract");
        let port = contract.ports.into_iter().next().expect("a port");
        let alternatives = match file("policy.xml") {
            Ok(policy) => bare::read("policy.xml", &policy).expect("a policy"),
            Err(_) => port.alternatives.expect("policies"),
        };
        let facts = String::from_utf8(must("facts")).expect("text");
        let mut facts = facts.lines();
        let (content_type, soap_action) = (facts.next().unwrap_or_default(), facts.next().unwrap_or_default());
        let now = facts.next().and_then(|millis| millis.parse().ok()).expect("an instant");
        let recipient = Recipient::new(RecipientSettings {
            alternatives,
            soap: port.soap,
            operations: port.operations,
            credentials: vec![Credential::new(
                certificate(&must("service.pem")),
                PrivateKey::from_pem(&must("service.key")).expect("a key"),
            )],
            trust: Trust::new(file("client.pem").map(|pem| certificate(&pem)).into_iter().collect()).expect("pins"),
            passwords: None,
            addresses: Vec::new(),
            freshness: FRESHNESS,
            message_lifetime: Duration::from_mins(5),
            context_lifetime: Duration::from_hours(1),
            context_jitter: 0,
            forward_addressing: false,
            limits: limits(),
        })
        .expect("built");
        let mut recorded = Self {
            recipient,
            content_type: content_type.to_owned(),
            soap_action: (!soap_action.is_empty()).then(|| soap_action.to_owned()),
            now: Time::from_millis(now),
            message: must("message.xml"),
            said: (None, Vec::new()),
        };
        let honest = recorded.open(recorded.message.clone());
        recorded.said = said(&honest.unwrap_or_else(|refusal| panic!("{}: {refusal}", folder.display())));
        recorded
    }

    /// Opens octets in the message's place.
    pub fn open(&self, octets: Vec<u8>) -> Result<Opened, Refusal> {
        let http = HttpFacts { content_type: &self.content_type, soap_action: self.soap_action.as_deref() };
        let received = self.recipient.read(&http, octets)?;
        self.recipient.open(received, None, Transport::Secure, self.now)
    }

    /// What was opened says what the message says.
    pub fn check(&self, opened: &Opened) {
        assert!(said(opened) == self.said, "it opens, and says something else");
    }
}

/// The action of a message, and the canonical form of its body.
pub fn said(opened: &Opened) -> (Option<String>, Vec<u8>) {
    let plain = Document::read(opened.plain().body, &limits().xml).expect("what is forwarded is well-formed");
    let body = plain.elements(plain.root()).last().expect("a body");
    (opened.action().map(str::to_owned), crate::canonical(&plain, body))
}
