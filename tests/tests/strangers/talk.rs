//! What our two ends say to one another, written down with what each message must be.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nuncio_crypto::random::Random;
use nuncio_crypto::secret::Secret;
use nuncio_crypto::trust::Trust;
use nuncio_policy::model::SoapVersion;
use nuncio_tests::ends::limits;
use nuncio_tests::peers::{self, PASSWORD, USER};
use nuncio_wss::{
    Answer, Context, Expectation, Freshness, HttpFacts, Initiator, InitiatorSettings, Issued, Message, Opened, Opening,
    Outbound, Passwords, PolicyReading, Principal, Recipient, RecipientSettings, Time, Transport,
};

use crate::expected::{Expected, Grant, LIFETIME, Purpose, Subject};
use crate::misjudged::misjudged;
use crate::shapes::Shape;
use crate::supported::BLOCKS;

const ACTION: &str = "urn:example/Echo";
const NOW: i64 = 1_796_083_200_000;

/// The one user that the service knows.
struct Known;

impl Passwords for Known {
    fn password(&self, user: &str) -> Option<Secret> {
        (user == USER).then(|| Secret::from(PASSWORD.as_bytes()))
    }
}

/// Numbers that are different each time and the same in every run.
struct Numbers(u64);

impl Random for Numbers {
    fn fill(&mut self, out: &mut [u8]) {
        for octet in out {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *octet = self.0.to_be_bytes()[0];
        }
    }
}

/// Whose certificate and key the strangers have too.
pub(crate) const PARTIES: [(&str, &str); 2] = [("service", "server"), ("client", "client")];

/// Both ends of a conversation, and what they said.
pub(crate) struct Talk<'a> {
    shape: &'a Shape,
    folder: PathBuf,
    number: usize,
    recipient: Arc<Recipient>,
    initiator: Initiator,
    numbers: Numbers,
    now: i64,
    messages: Vec<Expected>,
}

impl<'a> Talk<'a> {
    /// Sets both ends up.
    pub(crate) fn new(shape: &'a Shape, number: usize, folder: &Path) -> Self {
        let freshness = Freshness { skew: Duration::from_mins(5), window: Duration::from_mins(5) };
        let message_lifetime = Duration::from_millis(LIFETIME.unsigned_abs());
        let (service, client) = (peers::credential("server").unwrap(), peers::credential("client").unwrap());
        let recipient = Recipient::new(RecipientSettings {
            alternatives: vec![shape.policy.clone()],
            soap: shape.soap,
            operations: Vec::new(),
            trust: Trust::new(vec![client.certificate.clone()]).unwrap(),
            passwords: Some(Arc::new(Known)),
            addresses: Vec::new(),
            freshness,
            message_lifetime,
            context_lifetime: Duration::from_hours(1),
            context_jitter: 0,
            forward_addressing: false,
            limits: limits(),
            credentials: vec![peers::credential("server").unwrap()],
        })
        .unwrap_or_else(|error| panic!("{}: {error}", shape.name));
        let initiator = Initiator::new(InitiatorSettings {
            alternatives: vec![shape.policy.clone()],
            soap: shape.soap,
            operations: Vec::new(),
            service: Some(service.certificate),
            username: Some((USER.into(), PASSWORD.into())),
            credential: Some(client),
            to: "http://service.example/echo".into(),
            reading: PolicyReading::default(),
            freshness,
            message_lifetime,
            limits: limits(),
        })
        .unwrap_or_else(|error| panic!("{}: {error}", shape.name));
        let numbers = Numbers(number as u64 + 1);
        Self { shape, folder: folder.to_owned(), number, recipient, initiator, numbers, now: NOW, messages: Vec::new() }
    }

    /// A context is asked for, used, renewed, used again and cancelled; or, without one, calls are made. Each call has its
    /// answer, and one that is a fault.
    pub(crate) fn run(mut self) -> Vec<Expected> {
        if !self.shape.converses() {
            self.call(Purpose::Application, None);
            self.call(Purpose::Fault, None);
            return self.messages;
        }
        let first = self.key(Purpose::Issue, None);
        self.call(Purpose::Application, Some(&first));
        self.call(Purpose::Fault, Some(&first));
        let mut last = first;
        if self.shape.cancels() {
            last = self.key(Purpose::Renew, Some(&last));
            self.call(Purpose::Application, Some(&last));
            self.cancel(&last);
        }
        self.messages
    }

    fn call(&mut self, purpose: Purpose, contexts: Option<&(Arc<Context>, Arc<Context>)>) {
        let (ours, theirs) = contexts.map(|(ours, theirs)| (ours, theirs)).unzip();
        let plain = self.envelope("a &lt;b&gt; &amp; \u{e9}\u{10000}&#13;\n");
        let (outbound, expectation) = self
            .initiator
            .seal(plain.clone().into_bytes(), ACTION, ours, Time::from_millis(self.now), &mut self.numbers)
            .unwrap_or_else(|error| panic!("{}: {error}", self.shape.name));
        let request = self.note(Purpose::Application, None, &outbound.body, ours, Some(&plain));
        let opened = self.opened(&outbound, theirs);
        let answer = if purpose == Purpose::Fault { self.fault() } else { plain };
        let reply = opened.into_reply();
        let answered = Answer::Envelope(answer.clone().into_bytes());
        let (message, trouble) =
            reply.seal(answered, Time::from_millis(self.now), &mut self.numbers).expect("it was opened");
        assert_eq!(trouble, None, "{}", self.shape.name);
        self.note(purpose, Some(&request), &message.body, ours, Some(&answer));
        let opening = self.opening(&message, &expectation);
        assert_eq!(opening.is_fault(), purpose == Purpose::Fault, "{}", self.shape.name);
        self.now += 1000;
    }

    /// Asks for a context, or for another key of that one; gives it as both ends have it.
    fn key(&mut self, purpose: Purpose, old: Option<&(Arc<Context>, Arc<Context>)>) -> (Arc<Context>, Arc<Context>) {
        let now = Time::from_millis(self.now);
        let (ours, theirs) = old.map(|(ours, theirs)| (ours, theirs)).unzip();
        let asked = match ours {
            Some(context) => self.initiator.renew(context, now, &mut self.numbers),
            None => self.initiator.issue(now, &mut self.numbers),
        };
        let (outbound, expectation) = asked.unwrap_or_else(|error| panic!("{}: {error}", self.shape.name));
        let request = self.note(purpose, None, &outbound.body, ours, None);
        let opened = self.opened(&outbound, theirs);
        let principal = Principal::Anonymous;
        let issued = match purpose {
            Purpose::Renew => Recipient::renew(opened, principal, None, now, &mut self.numbers),
            _ => Recipient::issue(opened, principal, None, now, &mut self.numbers),
        };
        let Issued { context, message, .. } = issued.unwrap_or_else(|error| panic!("{}: {error}", self.shape.name));
        self.note(purpose, Some(&request), &message.body, ours, None);
        if let Some(answer) = self.messages.iter_mut().rev().find(|message| message.answers.is_some()) {
            answer.grants = Some(Grant::of(&context));
        }
        let opening = self.opening(&message, &expectation);
        let established = self.initiator.established(&opening, &expectation, now).expect("it was opened");
        self.now += 1000;
        (Arc::new(established), Arc::new(context))
    }

    fn cancel(&mut self, (ours, theirs): &(Arc<Context>, Arc<Context>)) {
        let now = Time::from_millis(self.now);
        let (outbound, expectation) = self.initiator.cancel(ours, now, &mut self.numbers).expect("sealed");
        let request = self.note(Purpose::Cancel, None, &outbound.body, Some(ours), None);
        let opened = self.opened(&outbound, Some(theirs));
        let cancelled = Recipient::cancel(opened, now, &mut self.numbers);
        let (message, _) = cancelled.unwrap_or_else(|error| panic!("{}: {error}", self.shape.name));
        self.note(Purpose::Cancel, Some(&request), &message.body, Some(ours), None);
        self.opening(&message, &expectation);
    }

    /// Writes a message down, with copies that were tampered with behind it; its file's name. An answer names its request's.
    fn note(
        &mut self,
        purpose: Purpose,
        answers: Option<&str>,
        octets: &[u8],
        context: Option<&Arc<Context>>,
        plain: Option<&str>,
    ) -> String {
        let subject = Subject {
            policy: &self.shape.policy,
            soap: self.shape.soap,
            purpose,
            request: answers.is_none(),
            context: context.map(Arc::as_ref),
            plain,
            action: ACTION,
            now: self.now,
        };
        let what = match purpose {
            Purpose::Application => "call",
            Purpose::Fault => "fault",
            Purpose::Issue => "issue",
            Purpose::Renew => "renew",
            Purpose::Cancel => "cancel",
        };
        let direction = if answers.is_none() { "request" } else { "answer" };
        let name = format!("{:03}-{:02} {what} {direction}: {}", self.number, self.messages.len(), self.shape.name);
        let file = format!("{:03}-{:02}.xml", self.number, self.messages.len());
        std::fs::write(self.folder.join(&file), octets).unwrap();
        let mut expected = subject.expected(name, file.clone());
        expected.answers = answers.map(str::to_owned);
        let text = std::str::from_utf8(octets).unwrap();
        let tampers = purpose == Purpose::Application && self.number.is_multiple_of(3);
        let tampered = if tampers { tampered(text) } else { Vec::new() };
        // Once in a conversation is enough for a tool that is started for each step, and for showing that the other looks.
        let like_it = |of: &Expected| of.name.contains(&format!(" {what} {direction}:"));
        let looked_at = purpose == Purpose::Application && !self.messages.iter().any(like_it);
        expected.alone = looked_at && self.shape.alone && (answers.is_none() || self.number.is_multiple_of(4));
        self.messages.push(expected.clone());
        if looked_at && self.number.is_multiple_of(16) {
            self.messages.extend(misjudged(&expected));
        }
        for (how, text) in tampered {
            let file = format!("{:03}-{:02}.xml", self.number, self.messages.len());
            std::fs::write(self.folder.join(&file), text).unwrap();
            let name = format!("{TAMPERED} {how} of {}", expected.name);
            let mut expected = expected.clone();
            (expected.name, expected.file, expected.alone) = (name, file, false);
            self.messages.push(expected);
        }
        file
    }

    fn opened(&self, outbound: &Outbound, context: Option<&Arc<Context>>) -> Opened {
        let http = HttpFacts { content_type: &outbound.content_type, soap_action: outbound.soap_action.as_deref() };
        let received = self.recipient.read(&http, outbound.body.clone());
        let received = received.unwrap_or_else(|error| panic!("{}: {error}", self.shape.name));
        let opened = self.recipient.open(received, context.cloned(), Transport::Secure, Time::from_millis(self.now));
        opened.unwrap_or_else(|error| panic!("{}: {error}", self.shape.name))
    }

    fn opening(&self, message: &Message, expectation: &Expectation) -> Opening {
        let http = HttpFacts { content_type: message.content_type, soap_action: None };
        let opening = self.initiator.open(&http, message.body.clone(), expectation, Time::from_millis(self.now));
        opening.unwrap_or_else(|error| panic!("{}: {error}", self.shape.name))
    }

    /// A plain envelope as an application writes it, with a qualified name in its content.
    fn envelope(&self, text: &str) -> String {
        let blocks = if self.shape.headers {
            format!(
                "<soap:Header><b:Open xmlns:b=\"{BLOCKS}\">seen by all</b:Open>\
                 <b:Secret xmlns:b=\"{BLOCKS}\" soap:mustUnderstand=\"1\">{text}</b:Secret></soap:Header>"
            )
        } else {
            String::new()
        };
        format!(
            "<soap:Envelope xmlns:soap=\"{}\" xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">{blocks}<soap:Body><e:Echo xmlns:e=\"urn:example\" b=\"2\" a='\"'>\
             <e:text xsi:type=\"xsd:string\">{text}</e:text><e:none/></e:Echo></soap:Body></soap:Envelope>",
            self.namespace()
        )
    }

    fn fault(&self) -> String {
        let fault = match self.shape.soap {
            SoapVersion::V11 => "<faultcode>s:Server</faultcode><faultstring>on purpose</faultstring>",
            SoapVersion::V12 => {
                "<s:Code><s:Value>s:Receiver</s:Value></s:Code><s:Reason><s:Text xml:lang=\"en\">on purpose</s:Text></s:Reason>"
            }
        };
        let namespace = self.namespace();
        format!("<s:Envelope xmlns:s=\"{namespace}\"><s:Body><s:Fault>{fault}</s:Fault></s:Body></s:Envelope>")
    }

    fn namespace(&self) -> &'static str {
        match self.shape.soap {
            SoapVersion::V11 => "http://schemas.xmlsoap.org/soap/envelope/",
            SoapVersion::V12 => "http://www.w3.org/2003/05/soap-envelope",
        }
    }
}

/// What the names of messages that were changed begin with.
pub(crate) const TAMPERED: &str = "tampered";

/// The message with one octet changed: of what is signed, of what is encrypted in the body.
fn tampered(text: &str) -> Vec<(&'static str, String)> {
    let mut tampered = Vec::new();
    // An octet within what an element of that name holds, from there on.
    let within = |name: &str, from: usize| {
        let at = from + text[from..].find(name)? + name.len();
        Some(at + text[at..].find('<')? / 2)
    };
    let body = text.find(":Body").expect("a body");
    // Over a transport an answer is not signed.
    if text.contains("SignatureValue>") || text.contains("CipherValue>") {
        tampered.extend(within("Created>", 0).map(|at| ("the timestamp", changed(text, at))));
    }
    tampered.extend(within("SignatureValue>", 0).map(|at| ("the signature", changed(text, at))));
    tampered.extend(within("CipherValue>", body).map(|at| ("the ciphertext", changed(text, at))));
    tampered
}

/// The text with another digit or letter at that place.
fn changed(text: &str, at: usize) -> String {
    let mut octets = text.as_bytes().to_vec();
    octets[at] = if octets[at] == b'7' { b'8' } else { b'7' };
    String::from_utf8(octets).expect("a digit in the place of another character of ASCII")
}
