//! A client, a gateway and a plain service behind it, and what must hold when the gateway refuses.

use std::fmt::Write;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use nuncio::config::{Endpoint, Keeping, MessageLimits, StoreKind, StoreLimits};
use nuncio::log::Quoted;
use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::key::PrivateKey;
use nuncio_policy::model::{Addressing, Binding, HeaderPart, Policy, SoapVersion, SymmetricBinding};
use nuncio_policy::preset::{self, Preset};
use nuncio_tests::ends;
use nuncio_tests::gateway::{Numbers, Running, Settings};
use nuncio_tests::http::HttpMessage;
use nuncio_tests::peers::{PASSWORD, USER, key};
use nuncio_tests::plain::{Backend, Seen};
use nuncio_tests::wire;
use nuncio_wss::{
    Class, Context, Credential, Expectation, Freshness, HttpFacts, Initiator, InitiatorSettings, Outbound,
    PolicyReading, Time,
};

/// Signed and encrypted messages, each with a user name and password.
pub(crate) const PER_MESSAGE: &str = "wcf-ws2007-userNameForCertificate";
/// The same in a conversation.
pub(crate) const CONVERSATION: &str = "wcf-ws2007-userNameForCertificate-conversation";

pub(crate) const WSSE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";

/// The test's present.
pub(crate) const NOW: i64 = 1_796_083_200_000;
pub(crate) const MINUTE: i64 = 60_000;

const NAMESPACE: &str = "http://nuncio.example/echo";
pub(crate) const ACTION: &str = "http://nuncio.example/echo/IEcho/Echo";

/// Who a client is.
pub(crate) struct Who {
    pub(crate) user: &'static str,
    pub(crate) password: &'static str,
    /// The name of the files with its certificate and key.
    pub(crate) keys: &'static str,
}

/// The one whom the gateway knows.
pub(crate) const ALICE: Who = Who { user: USER, password: PASSWORD, keys: "client" };

/// What is around a gateway's policy.
struct Around {
    stores: StoreLimits,
    backend: io::Result<Backend>,
    /// Another plain service in its place.
    url: Option<String>,
    /// An alternative that is preferred, and cannot be served.
    unserved: Option<Policy>,
}

impl Default for Around {
    fn default() -> Self {
        Self { stores: StoreLimits::default(), backend: Backend::start(), url: None, unserved: None }
    }
}

pub(crate) struct Bench {
    pub(crate) gateway: Running,
    pub(crate) backend: Backend,
    pub(crate) policy: Policy,
    pub(crate) client: Initiator,
    pub(crate) context: Option<Arc<Context>>,
    pub(crate) numbers: Numbers,
    soap: SoapVersion,
    secrets: Vec<String>,
}

fn file(name: &str) -> String {
    std::fs::read_to_string(key(name)).unwrap()
}

fn certificate(name: &str) -> Certificate {
    Certificate::from_pem(file(name).as_bytes()).unwrap().pop().unwrap()
}

impl Bench {
    /// A gateway for that preset, messages in the newest version of SOAP that it speaks.
    pub(crate) fn new(name: &str) -> Self {
        let speaks = preset::named(name).unwrap().soap;
        Self::speaking(name, *speaks.last().unwrap(), true)
    }

    /// A gateway for that preset with something changed.
    pub(crate) fn changed(name: &str, change: impl FnOnce(&mut Policy)) -> Self {
        let mut preset = preset::named(name).unwrap();
        change(&mut preset.policy);
        Self::of(preset, SoapVersion::V12, true, Around::default())
    }

    /// A gateway for that preset, messages in that version of SOAP.
    pub(crate) fn speaking(name: &str, soap: SoapVersion, inside_tls: bool) -> Self {
        Self::of(preset::named(name).unwrap(), soap, inside_tls, Around::default())
    }

    /// A gateway for that preset that keeps no more than that.
    pub(crate) fn keeping(name: &str, stores: StoreLimits) -> Self {
        Self::of(preset::named(name).unwrap(), SoapVersion::V12, true, Around { stores, ..Around::default() })
    }

    /// A gateway for that preset before that plain service.
    pub(crate) fn before(name: &str, backend: io::Result<Backend>) -> Self {
        Self::of(preset::named(name).unwrap(), SoapVersion::V12, true, Around { backend, ..Around::default() })
    }

    /// A gateway for that preset before a plain service of the test's own.
    pub(crate) fn behind(name: &str, url: String) -> Self {
        let around = Around { url: Some(url), ..Around::default() };
        Self::of(preset::named(name).unwrap(), SoapVersion::V12, true, around)
    }

    /// A gateway for that preset, which comes second among alternatives: the first is one that nobody can serve.
    pub(crate) fn second_to(name: &str, change: impl FnOnce(&mut Policy)) -> Self {
        let preset = preset::named(name).unwrap();
        let mut unserved = preset.policy.clone();
        // Nobody encrypts the addressing headers.
        let namespace = "http://www.w3.org/2005/08/addressing".to_owned();
        unserved.parts.encrypted.headers.push(HeaderPart { name: None, namespace });
        change(&mut unserved);
        Self::of(preset, SoapVersion::V12, true, Around { unserved: Some(unserved), ..Around::default() })
    }

    fn of(preset: Preset, soap: SoapVersion, inside_tls: bool, around: Around) -> Self {
        let Around { stores, backend, url, unserved } = around;
        let name = preset.name;
        let over_transport = matches!(preset.policy.binding, Binding::Transport(_));
        let backend = backend.unwrap();
        let gateway = Running::start(Settings {
            endpoint: Endpoint {
                name: preset.name.to_owned(),
                soap: preset.soap.to_vec(),
                alternatives: unserved.into_iter().chain([preset.policy.clone()]).collect(),
                operations: Vec::new(),
                message_lifetime: None,
                identity: None,
            },
            identity: (file("server.pem"), file("server.key")),
            users: vec![(USER.to_owned(), PASSWORD.to_owned())],
            trust: vec![file("client.pem")],
            addresses: Vec::new(),
            inside_tls: inside_tls && over_transport,
            backend: url.unwrap_or_else(|| backend.url()),
            stores,
            store: StoreKind::Memory,
            keeping: Keeping::default(),
            now: NOW,
        });
        let gateway = gateway.unwrap_or_else(|error| panic!("{name}: {error}"));
        let client = initiator(preset.policy.clone(), soap, &ALICE);
        let secrets = vec![PASSWORD.to_owned(), file("server.key").lines().nth(1).unwrap().to_owned()];
        let mut bench = Self {
            gateway,
            backend,
            policy: preset.policy,
            client,
            context: None,
            numbers: Numbers::default(),
            soap,
            secrets,
        };
        if name.ends_with("-conversation") {
            bench.establish();
        }
        bench
    }

    /// A client with another idea of the policy.
    pub(crate) fn misled(&self, change: impl FnOnce(&mut Policy)) -> Initiator {
        let mut policy = self.policy.clone();
        change(&mut policy);
        initiator(policy, self.soap, &ALICE)
    }

    /// A client who is somebody else.
    pub(crate) fn as_who(&self, who: &Who) -> Initiator {
        initiator(self.policy.clone(), self.soap, who)
    }

    /// Begins a conversation, which honest requests then belong to.
    pub(crate) fn establish(&mut self) {
        let now = self.now();
        let (outbound, expectation) = self.client.issue(now, &mut self.numbers).unwrap();
        let answer = self.send(&message(&outbound));
        assert!(self.backend.take().is_empty());
        let facts = HttpFacts { content_type: answer.content_type(), soap_action: None };
        let opening = self.client.open(&facts, answer.body.clone(), &expectation, now);
        let opening = opening.unwrap_or_else(|refusal| panic!("{refusal}: {}", self.gateway.take_log().join("\n")));
        let context = self.client.established(&opening, &expectation, now).unwrap();
        let secret = context.danger_key_octets();
        self.secrets.push(nuncio_crypto::base64::encode(secret));
        let mut hex = String::new();
        for octet in secret {
            write!(hex, "{octet:02x}").unwrap();
        }
        self.secrets.push(hex);
        self.context = Some(Arc::new(context));
    }

    /// The time that the gateway's clock shows.
    pub(crate) fn now(&self) -> Time {
        Time::from_millis(self.gateway.clock())
    }

    /// A request that nothing is wrong with.
    pub(crate) fn request(&self, text: &str) -> HttpMessage {
        message(&self.seal(&self.client, text).0)
    }

    /// A request by another client.
    pub(crate) fn request_by(&self, client: &Initiator, text: &str) -> HttpMessage {
        message(&self.seal(client, text).0)
    }

    pub(crate) fn seal(&self, client: &Initiator, text: &str) -> (Outbound, Expectation) {
        self.seal_at(client, &echo(self.soap, text), self.now())
    }

    /// A request within that conversation.
    pub(crate) fn request_in(&self, context: &Arc<Context>, text: &str) -> HttpMessage {
        let plain = echo(self.soap, text).into_bytes();
        let sealed = self.client.seal(plain, ACTION, Some(context), self.now(), &mut self.numbers.clone());
        message(&sealed.unwrap().0)
    }

    pub(crate) fn seal_at(&self, client: &Initiator, plain: &str, at: Time) -> (Outbound, Expectation) {
        let plain = plain.as_bytes().to_vec();
        client.seal(plain, ACTION, self.context.as_ref(), at, &mut self.numbers.clone()).unwrap()
    }

    /// A plain envelope with that in its body.
    pub(crate) fn plain(&self, body: &str) -> String {
        envelope(self.soap, body)
    }

    pub(crate) fn send(&self, message: &HttpMessage) -> HttpMessage {
        wire::send(&self.gateway.url(), message).unwrap()
    }

    /// Sends what must go through; what the plain service saw of it.
    pub(crate) fn pass(&self, message: &HttpMessage) -> Seen {
        let answer = self.send(message);
        let log = self.gateway.take_log().join("\n");
        assert_eq!(answer.status(), Some(200), "{log}");
        self.sound(&log);
        let mut seen = self.backend.take();
        assert_eq!(seen.len(), 1, "{log}");
        seen.remove(0)
    }

    /// An honest request goes through, whatever came before it.
    pub(crate) fn honest(&self, after: &str) {
        let (outbound, expectation) = self.seal(&self.client, after);
        let answer = self.send(&message(&outbound));
        let log = self.gateway.take_log().join("\n");
        assert_eq!(answer.status(), Some(200), "after {after}: {log}");
        let seen = self.backend.take();
        assert!(
            seen.len() == 1 && seen[0].is_plain() && seen[0].text().contains(&escaped(after)),
            "after {after}: {seen:?}"
        );
        let facts = HttpFacts { content_type: answer.content_type(), soap_action: None };
        let opening = self.client.open(&facts, answer.body.clone(), &expectation, self.now());
        let opening = opening.unwrap_or_else(|refusal| panic!("after {after}: {refusal}"));
        let plain = String::from_utf8(opening.plain().body).unwrap();
        assert!(plain.contains(&format!("<EchoResult>{}</EchoResult>", escaped(after))), "after {after}: {plain}");
    }

    /// The message is refused: the plain service sees nothing of it, the client gets the octets of that class and no
    /// others, the log says why in one line and tells no secret; and the next honest request goes through.
    pub(crate) fn refuse(&self, what: &str, message: &HttpMessage, class: Class, reason: &str) {
        let answer = self.refused(what, message, reason);
        assert_eq!(answer.status(), Some(500), "{what}");
        assert_eq!(without_relates_to(&answer.body), self.fault(class), "{what}");
        self.honest(what);
    }

    /// The request is turned away by HTTP's own means, with that status and no body.
    pub(crate) fn reject(&self, what: &str, message: &HttpMessage, status: u16, reason: &str) {
        let answer = self.refused(what, message, reason);
        assert_eq!((answer.status(), answer.body.len()), (Some(status), 0), "{what}");
        self.honest(what);
    }

    /// As [`Self::refuse`], without a word on what the client gets, and without an honest request after it.
    pub(crate) fn refused(&self, what: &str, message: &HttpMessage, reason: &str) -> HttpMessage {
        self.gateway.take_log();
        let answer = self.send(message);
        assert!(self.backend.take().is_empty(), "{what}: the plain service saw it");
        let log = self.gateway.take_log();
        let [line] = log.as_slice() else { panic!("{what}: {log:#?}") };
        assert!(line.contains(" WARN nuncio::audit: "), "{what}: {line}");
        assert!(line.contains(&format!(" refused=\"{}\" took=", Quoted(reason))), "{what}: {line}");
        self.sound(line);
        answer
    }

    /// No secret is in the log.
    pub(crate) fn sound(&self, log: &str) {
        for secret in &self.secrets {
            assert!(!log.contains(secret.as_str()), "{secret} is in the log: {log}");
        }
    }

    /// Something more that the log must not tell.
    pub(crate) fn keep(&mut self, secret: &str) {
        self.secrets.push(secret.to_owned());
    }

    /// The unsecured fault of a class, written down here once more.
    pub(crate) fn fault(&self, class: Class) -> String {
        const SC: &str = "http://docs.oasis-open.org/ws-sx/ws-secureconversation/200512";
        let (code, subcode, reason) = match class {
            Class::Unreadable => ("Sender", None, "The message could not be read."),
            Class::NotUnderstood => ("MustUnderstand", None, "A header that must be understood was not."),
            Class::InvalidSecurity => (
                "Sender",
                Some((WSSE, "InvalidSecurity")),
                "An error occurred when verifying security for the message.",
            ),
            Class::FailedAuthentication => (
                "Sender",
                Some((WSSE, "FailedAuthentication")),
                "At least one security token in the message could not be validated.",
            ),
            Class::BadContextToken => (
                "Sender",
                Some((SC, "BadContextToken")),
                "The security context token is expired or is not valid. The message was not processed.",
            ),
            Class::InvalidRequest | Class::InvalidTimeRange => panic!("its fault is sealed"),
        };
        let (addressing, action) = match self.policy.addressing {
            Addressing::V10 => {
                ("http://www.w3.org/2005/08/addressing", "http://www.w3.org/2005/08/addressing/soap/fault")
            }
            Addressing::August2004 => (
                "http://schemas.xmlsoap.org/ws/2004/08/addressing",
                "http://schemas.xmlsoap.org/ws/2004/08/addressing/fault",
            ),
            Addressing::None => panic!("no test of these is without addressing"),
        };
        let fault = match self.soap {
            SoapVersion::V12 => {
                let subcode = subcode.map_or_else(String::new, |(namespace, local)| {
                    format!("<s:Subcode><s:Value xmlns:f=\"{namespace}\">f:{local}</s:Value></s:Subcode>")
                });
                format!(
                    "<s:Code><s:Value>s:{code}</s:Value>{subcode}</s:Code>\
                     <s:Reason><s:Text xml:lang=\"en-US\">{reason}</s:Text></s:Reason>"
                )
            }
            SoapVersion::V11 => {
                let code = if code == "Sender" { "Client" } else { code };
                let code = subcode.map_or_else(
                    || format!("<faultcode>s:{code}</faultcode>"),
                    |(namespace, local)| format!("<faultcode xmlns:f=\"{namespace}\">f:{local}</faultcode>"),
                );
                format!("{code}<faultstring xml:lang=\"en-US\">{reason}</faultstring>")
            }
        };
        format!(
            "<s:Envelope xmlns:s=\"{}\"><s:Header><a:Action xmlns:a=\"{addressing}\" s:mustUnderstand=\"1\">{action}\
             </a:Action></s:Header><s:Body><s:Fault>{fault}</s:Fault></s:Body></s:Envelope>",
            namespace(self.soap)
        )
    }
}

fn initiator(policy: Policy, soap: SoapVersion, who: &Who) -> Initiator {
    let private = PrivateKey::from_pem(file(&format!("{}.key", who.keys)).as_bytes()).unwrap();
    let settings = InitiatorSettings {
        alternatives: vec![policy],
        soap,
        operations: Vec::new(),
        service: Some(certificate("server.pem")),
        username: Some((who.user.to_owned(), who.password.to_owned())),
        credential: Some(Credential::new(certificate(&format!("{}.pem", who.keys)), private)),
        to: "http://service.example/echo".to_owned(),
        reading: PolicyReading::default(),
        freshness: Freshness { skew: Duration::from_mins(1), window: Duration::from_mins(5) },
        message_lifetime: Duration::from_mins(5),
        // What a client may write is not what the gateway reads.
        limits: ends::limits(),
    };
    Initiator::new(settings).unwrap_or_else(|error| panic!("{error}"))
}

/// A sealed request as it goes over the wire.
pub(crate) fn message(outbound: &Outbound) -> HttpMessage {
    let mut headers = vec![("Content-Type".to_owned(), outbound.content_type.clone())];
    headers.extend(outbound.soap_action.clone().map(|action| ("SOAPAction".to_owned(), action)));
    HttpMessage { start_line: "POST /echo HTTP/1.1".to_owned(), headers, body: outbound.body.clone() }
}

/// The message with another body.
pub(crate) fn with_body(message: &HttpMessage, body: impl Into<Vec<u8>>) -> HttpMessage {
    HttpMessage { body: body.into(), ..message.clone() }
}

/// The message with the first `from` in its body replaced by `to`.
pub(crate) fn edited(message: &HttpMessage, from: &str, to: &str) -> HttpMessage {
    let text = text(message);
    assert!(text.contains(from), "no {from} in {text}");
    with_body(message, text.replacen(from, to, 1))
}

pub(crate) fn text(message: &HttpMessage) -> &str {
    str::from_utf8(&message.body).unwrap()
}

/// Where the first element of that local name is in a message, below one of another.
pub(crate) fn range(message: &HttpMessage, parent: &str, local: &str) -> std::ops::Range<usize> {
    let document = roxmltree::Document::parse(text(message)).unwrap();
    let mut found = document.descendants().filter(|node| {
        node.tag_name().name() == local && node.parent().is_some_and(|node| node.tag_name().name() == parent)
    });
    found.next().unwrap_or_else(|| panic!("no {parent}/{local} in {}", text(message))).range()
}

/// The symmetric binding of a policy that has one.
pub(crate) fn symmetric(policy: &mut Policy) -> &mut SymmetricBinding {
    match &mut policy.binding {
        Binding::Symmetric(binding) => binding,
        Binding::Transport(_) | Binding::Asymmetric(_) => panic!("not a symmetric binding"),
    }
}

/// A fault without the one thing in it that is the request's.
pub(crate) fn without_relates_to(body: &[u8]) -> String {
    let text = String::from_utf8(body.to_vec()).unwrap();
    let (Some(start), Some(end)) = (text.find("<a:RelatesTo"), text.find("</a:RelatesTo>")) else { return text };
    format!("{}{}", &text[..start], &text[end + "</a:RelatesTo>".len()..])
}

fn echo(soap: SoapVersion, text: &str) -> String {
    envelope(soap, &format!("<Echo xmlns=\"{NAMESPACE}\"><text>{}</text></Echo>", escaped(text)))
}

fn envelope(soap: SoapVersion, body: &str) -> String {
    format!("<s:Envelope xmlns:s=\"{}\"><s:Body>{body}</s:Body></s:Envelope>", namespace(soap))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn namespace(soap: SoapVersion) -> &'static str {
    match soap {
        SoapVersion::V11 => "http://schemas.xmlsoap.org/soap/envelope/",
        SoapVersion::V12 => "http://www.w3.org/2003/05/soap-envelope",
    }
}

/// What a body may have in octets, by the table of defaults.
pub(crate) fn body_limit() -> usize {
    MessageLimits::default().body_bytes
}
