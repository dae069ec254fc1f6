//! Requests and their answers, spoken by our own two ends, one of which may have another idea of the policy than it should.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nuncio_crypto::trust::Trust;
use nuncio_policy::model::{Binding, Policy, Properties, SoapVersion, Token};
use nuncio_policy::{preset, yaml};
use nuncio_tests::ends;
use nuncio_tests::gateway::Numbers;
use nuncio_tests::http::HttpMessage;
use nuncio_tests::peers::{PASSWORD, USER, credential, key};
use nuncio_wss::{
    Answer, Context, Freshness, HttpFacts, Initiator, InitiatorSettings, Message, Opened, Outbound, PolicyReading,
    Principal, Recipient, RecipientSettings, Time, Transport,
};

use crate::broken::AT;
use crate::{arguments, octets};

/// What is asked in each request.
const ACTION: &str = "urn:e/Echo";

/// A client and a service.
pub(crate) struct Spoken {
    client: Initiator,
    service: Arc<Recipient>,
    numbers: Numbers,
    /// The conversation, as each side has it.
    context: Option<(Arc<Context>, Arc<Context>)>,
}

/// A request and its answer, as they were captured.
#[derive(Clone)]
pub(crate) struct Exchanged {
    pub(crate) request: HttpMessage,
    pub(crate) answer: HttpMessage,
}

/// The policy of a preset.
pub(crate) fn policy(name: &str) -> Policy {
    preset::named(name).unwrap().policy
}

/// A policy, and the one under which its conversations are begun.
pub(crate) fn with_bootstrap(policy: &mut Policy) -> Vec<&mut Properties> {
    let Policy { properties, binding, .. } = policy;
    let mut all = vec![properties];
    if let Binding::Symmetric(binding) = binding
        && let Token::SecureConversation(token) = &mut binding.protection
    {
        all.push(&mut token.bootstrap.properties);
    }
    all
}

fn soap(name: &str) -> SoapVersion {
    *preset::named(name).unwrap().soap.last().unwrap()
}

impl Spoken {
    /// A client under the policy of a preset, and a service with those certificates, the first of which signs, under one that is
    /// `changed`.
    pub(crate) fn unlike(name: &str, changed: impl FnOnce(&mut Policy), owners: &[&str]) -> Self {
        let mut other = policy(name);
        changed(&mut other);
        Self::between(&policy(name), &other, soap(name), owners, "client")
    }

    /// Another client, with that certificate, and a service that agree.
    pub(crate) fn of(name: &str, client: &str) -> Self {
        Self::between(&policy(name), &policy(name), soap(name), &["server"], client)
    }

    /// A client and a service under the policy of a preset that both have changed.
    pub(crate) fn alike(name: &str, changed: impl FnOnce(&mut Policy)) -> Self {
        let mut both = policy(name);
        changed(&mut both);
        Self::between(&both, &both, soap(name), &["server"], "client")
    }

    fn between(client: &Policy, service: &Policy, soap: SoapVersion, owners: &[&str], holder: &str) -> Self {
        let freshness = Freshness { skew: Duration::from_mins(1), window: Duration::from_mins(5) };
        let message_lifetime = Duration::from_mins(5);
        let client = Initiator::new(InitiatorSettings {
            alternatives: vec![client.clone()],
            soap,
            operations: Vec::new(),
            service: Some(credential("server").unwrap().certificate),
            username: Some((USER.to_owned(), PASSWORD.to_owned())),
            credential: Some(credential(holder).unwrap()),
            to: "http://service.example/echo".to_owned(),
            reading: PolicyReading::default(),
            freshness,
            message_lifetime,
            limits: ends::limits(),
        });
        let service = Recipient::new(RecipientSettings {
            alternatives: vec![service.clone()],
            soap,
            operations: Vec::new(),
            credentials: owners.iter().map(|owner| credential(owner).unwrap()).collect(),
            trust: Trust::new(vec![credential(holder).unwrap().certificate]).unwrap(),
            passwords: None,
            addresses: Vec::new(),
            freshness,
            message_lifetime,
            context_lifetime: Duration::from_hours(1),
            context_jitter: 0,
            forward_addressing: false,
            limits: ends::limits(),
        });
        let (client, service) = (client.unwrap_or_else(|error| panic!("{error}")), service);
        Self {
            client,
            service: service.unwrap_or_else(|error| panic!("{error}")),
            numbers: Numbers::default(),
            context: None,
        }
    }

    /// The same in a conversation whose key is known to both, whoever gave it.
    pub(crate) fn within(mut self, other: &Self) -> Self {
        self.context.clone_from(&other.context);
        self
    }

    fn opened(&self, outbound: &Outbound, at: i64) -> Opened {
        let http = HttpFacts { content_type: &outbound.content_type, soap_action: outbound.soap_action.as_deref() };
        let received = self.service.read(&http, outbound.body.clone()).unwrap_or_else(|error| panic!("{error}"));
        let theirs =
            self.context.as_ref().filter(|_| received.context().is_some()).map(|(_, theirs)| Arc::clone(theirs));
        let opened = self.service.open(received, theirs, Transport::Secure, Time::from_millis(at));
        opened.unwrap_or_else(|error| panic!("{error}"))
    }

    /// A conversation begun.
    pub(crate) fn begin(&mut self) -> Exchanged {
        let now = Time::from_millis(AT);
        let (outbound, expectation) = self.client.issue(now, &mut self.numbers).unwrap();
        let opened = self.opened(&outbound, AT);
        let issued = Recipient::issue(opened, Principal::Anonymous, None, now, &mut self.numbers);
        let issued = issued.unwrap_or_else(|error| panic!("{error}"));
        let http = HttpFacts { content_type: issued.message.content_type, soap_action: None };
        let opening = self.client.open(&http, issued.message.body.clone(), &expectation, now).unwrap();
        let ours = self.client.established(&opening, &expectation, now).unwrap();
        self.context = Some((Arc::new(ours), Arc::new(issued.context)));
        exchanged(outbound, issued.message)
    }

    /// A call and its answer, which may say that it was made at another time.
    pub(crate) fn call_at(&mut self, text: &str, at: i64) -> Exchanged {
        self.answered(text, at, Answer::Envelope)
    }

    pub(crate) fn call(&mut self, text: &str) -> Exchanged {
        self.call_at(text, AT)
    }

    fn answered(&mut self, text: &str, at: i64, answer: impl FnOnce(Vec<u8>) -> Answer) -> Exchanged {
        let plain = format!(
            "<s:Envelope xmlns:s=\"{}\"><s:Body><Echo xmlns=\"urn:e\">{text}</Echo></s:Body></s:Envelope>",
            match self.client.soap() {
                SoapVersion::V11 => "http://schemas.xmlsoap.org/soap/envelope/",
                SoapVersion::V12 => "http://www.w3.org/2003/05/soap-envelope",
            }
        );
        let (now, context) = (Time::from_millis(AT), self.context.as_ref().map(|(ours, _)| ours));
        let sealed = self.client.seal(plain.into_bytes(), ACTION, context, now, &mut self.numbers);
        let (outbound, _) = sealed.unwrap_or_else(|error| panic!("{error}"));
        let opened = self.opened(&outbound, AT);
        let said = answer(opened.plain().body);
        let (message, trouble) = opened.into_reply().seal(said, Time::from_millis(at), &mut self.numbers).unwrap();
        assert_eq!(trouble, None);
        exchanged(outbound, message)
    }

    /// A fault that the service protects.
    pub(crate) fn fault(&mut self) -> Exchanged {
        self.answered("x", AT, |_| Answer::Fault(nuncio_wss::Fault::busy()))
    }

    /// The conversation ended.
    pub(crate) fn cancel(&mut self) -> Exchanged {
        let (ours, now) = (Arc::clone(&self.context.as_ref().unwrap().0), Time::from_millis(AT));
        let (outbound, _) = self.client.cancel(&ours, now, &mut self.numbers).unwrap();
        let cancelled = Recipient::cancel(self.opened(&outbound, AT), now, &mut self.numbers);
        let Ok((message, _)) = cancelled else { panic!("not cancelled") };
        exchanged(outbound, message)
    }

    /// What names the conversation and its key on the command line.
    pub(crate) fn key(&self) -> String {
        let (ours, _) = self.context.as_ref().unwrap();
        format!("{}={}", ours.name(), base64_simd::STANDARD.encode_to_string(ours.danger_key_octets()))
    }
}

fn exchanged(outbound: Outbound, message: Message) -> Exchanged {
    let Outbound { content_type, soap_action, body } = outbound;
    let mut headers = vec![("Content-Type".to_owned(), content_type)];
    headers.extend(soap_action.map(|action| ("SOAPAction".to_owned(), action)));
    let request = HttpMessage { start_line: "POST /echo HTTP/1.1".to_owned(), headers, body };
    let status = if message.fault { "HTTP/1.1 500 Internal Server Error" } else { "HTTP/1.1 200 OK" };
    let headers = vec![("Content-Type".to_owned(), message.content_type.to_owned())];
    Exchanged { request, answer: HttpMessage { start_line: status.to_owned(), headers, body: message.body } }
}

/// A file of this run alone.
pub(crate) fn file(name: &str, octets: &[u8]) -> String {
    static FILES: AtomicUsize = AtomicUsize::new(0);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("inspect").join("spoken");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("{}-{name}", FILES.fetch_add(1, Ordering::Relaxed)));
    std::fs::write(&file, octets).unwrap();
    file.display().to_string()
}

/// A captured request, as a flag names it.
pub(crate) fn asked(request: &HttpMessage) -> Vec<String> {
    arguments(&["--request", &file("request.http", &octets(request))])
}

/// Policies, as a flag names them: any of them will do.
pub(crate) fn held_to(policies: &[Policy]) -> Vec<String> {
    let text = yaml::write(&[SoapVersion::V11, SoapVersion::V12], policies);
    arguments(&["--policy", &file("policy.yaml", text.as_bytes())])
}

/// The service's certificate and key.
pub(crate) fn service() -> Vec<String> {
    arguments(&["--certificate", &path("server.pem"), "--key", &path("server.key")])
}

/// The client's.
pub(crate) fn client() -> Vec<String> {
    arguments(&["--client-certificate", &path("client.pem"), "--client-key", &path("client.key")])
}

/// A test key's file.
pub(crate) fn path(name: &str) -> String {
    key(name).display().to_string()
}
