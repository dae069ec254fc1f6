//! The service `IEcho`: document/literal wrapped, SOAP 1.1 and 1.2, with no idea of WS-Security or WS-Addressing.
//!
//! It answers as services in the field do: a fault with HTTP 500, a one-way call with 202, a header that it must
//! understand and does not with a fault (SOAP 1.2 part 1 section 5.4.8). What the gateway says of a caller, it gives
//! back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::{HeaderMap, StatusCode};
use nuncio_crypto::base64;
use nuncio_policy::model::SoapVersion;
use nuncio_xml::{Document, NodeId, Writer};

use crate::config::MessageLimits;
use crate::gateway::Handler;
use crate::http::{Inbound, Outbound};
use crate::identity::{CONVERSATION, PRINCIPAL};
use crate::log::Audit;
use crate::media;

/// The service's namespace.
const NAMESPACE: &str = "http://nuncio.example/echo";
const SOAP_11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const SOAP_12: &str = "http://www.w3.org/2003/05/soap-envelope";
/// The roles in which a header is meant for whoever ends the message's way.
const NEXT: [&str; 3] = [
    "http://schemas.xmlsoap.org/soap/actor/next",
    "http://www.w3.org/2003/05/soap-envelope/role/next",
    "http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver",
];

/// What a request says in the headers that a gateway sets for its backends.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Claimed {
    /// `X-Nuncio-Principal`.
    pub principal: Option<String>,
    /// `X-Nuncio-Conversation`.
    pub conversation: Option<String>,
}

/// The service.
#[derive(Clone, Default)]
pub struct Echo {
    limits: MessageLimits,
    requests: Arc<AtomicU64>,
}

impl Echo {
    /// A service that takes messages within `limits`.
    pub fn new(limits: MessageLimits) -> Self {
        Self { limits, requests: Arc::default() }
    }

    /// How many requests have reached it.
    pub fn requests(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.requests)
    }

    fn answer(&self, inbound: Inbound, claimed: &Claimed) -> Outbound {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let version = inbound.soap;
        let outcome = Document::read(inbound.body, &self.limits.document())
            .map_err(|error| Fault::sender(format!("the message cannot be read: {error}")))
            .and_then(|document| perform(&document, version, claimed));
        match outcome {
            Ok(Performed::Notified) => Outbound::empty(StatusCode::ACCEPTED),
            Ok(Performed::Answered { operation, result }) => respond(version, StatusCode::OK, |writer| {
                writer.start("", NAMESPACE, &format!("{operation}Response"));
                writer.start("", NAMESPACE, &format!("{operation}Result"));
                writer.text(&result);
                writer.end();
                writer.end();
            }),
            Err(fault) => respond(version, StatusCode::INTERNAL_SERVER_ERROR, |writer| fault.write(version, writer)),
        }
    }
}

impl Handler for Echo {
    type Heard = Claimed;

    fn hear(headers: &HeaderMap) -> Claimed {
        // Never a reason to refuse: of a client's own it means nothing, and a gateway's is there once.
        let claim = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Claimed { principal: claim(PRINCIPAL), conversation: claim(CONVERSATION) }
    }

    async fn handle(&self, request: Inbound, claimed: Claimed, _: &mut Audit) -> Outbound {
        self.answer(request, &claimed)
    }
}

/// The namespace of a version of SOAP.
const fn namespace(version: SoapVersion) -> &'static str {
    match version {
        SoapVersion::V11 => SOAP_11,
        SoapVersion::V12 => SOAP_12,
    }
}

enum Performed {
    Answered { operation: String, result: String },
    Notified,
}

/// A fault; the service's own, or the envelope's.
struct Fault {
    /// The local name of the code: in the service's namespace if it has a detail, else in SOAP's.
    code: Code,
    reason: String,
    /// `Why` of the detail.
    why: Option<String>,
}

enum Code {
    Asked,
    MustUnderstand,
    Sender,
    VersionMismatch,
}

impl Fault {
    fn sender(reason: impl Into<String>) -> Self {
        Self { code: Code::Sender, reason: reason.into(), why: None }
    }

    fn write(&self, version: SoapVersion, writer: &mut Writer) {
        let soap = namespace(version);
        let code = match (&self.code, version) {
            (Code::Asked, SoapVersion::V11) => "a:Asked",
            (Code::MustUnderstand, _) => "s:MustUnderstand",
            (Code::VersionMismatch, _) => "s:VersionMismatch",
            (Code::Sender, SoapVersion::V11) => "s:Client",
            (Code::Asked | Code::Sender, SoapVersion::V12) => "s:Sender",
        };
        writer.start("s", soap, "Fault");
        match version {
            SoapVersion::V11 => {
                qualified(writer, "", "", "faultcode", code);
                writer.start("", "", "faultstring");
                writer.text(&self.reason);
                writer.end();
            }
            SoapVersion::V12 => {
                writer.start("s", soap, "Code");
                qualified(writer, "s", soap, "Value", code);
                if matches!(self.code, Code::Asked) {
                    writer.start("s", soap, "Subcode");
                    qualified(writer, "s", soap, "Value", "a:Asked");
                    writer.end();
                }
                writer.end();
                writer.start("s", soap, "Reason");
                writer.start("s", soap, "Text");
                writer.attribute_ns("xml", "http://www.w3.org/XML/1998/namespace", "lang", "en-US");
                writer.text(&self.reason);
                writer.end();
                writer.end();
            }
        }
        if let Some(why) = &self.why {
            match version {
                SoapVersion::V11 => writer.start("", "", "detail"),
                SoapVersion::V12 => writer.start("s", soap, "Detail"),
            }
            writer.start("", NAMESPACE, "EchoFault");
            writer.start("", NAMESPACE, "Code");
            writer.text("42");
            writer.end();
            writer.start("", NAMESPACE, "Why");
            writer.text(why);
            writer.end();
            writer.end();
            writer.end();
        }
        writer.end();
    }
}

/// An element whose text is a qualified name with the prefix `s`, which is in scope, or `a`, which is declared here.
fn qualified(writer: &mut Writer, prefix: &str, namespace: &str, local: &str, name: &str) {
    writer.start(prefix, namespace, local);
    if name.starts_with("a:") {
        writer.declare("a", NAMESPACE);
    }
    writer.text(name);
    writer.end();
}

fn respond(version: SoapVersion, status: StatusCode, body: impl FnOnce(&mut Writer)) -> Outbound {
    let mut writer = Writer::new();
    writer.start("s", namespace(version), "Envelope");
    writer.start("s", namespace(version), "Body");
    body(&mut writer);
    writer.end();
    writer.end();
    Outbound { status, content_type: Some(media::content_type(version).to_owned()), body: writer.into_bytes() }
}

fn perform(document: &Document, version: SoapVersion, claimed: &Claimed) -> Result<Performed, Fault> {
    let soap = namespace(version);
    let envelope = document.root();
    if !document.is(envelope, soap, "Envelope") {
        let reason = "the envelope is not of the version that Content-Type says".to_owned();
        return Err(Fault { code: Code::VersionMismatch, reason, why: None });
    }
    if let Some(header) = document.elements(envelope).find(|child| document.is(*child, soap, "Header")) {
        understand(document, soap, header)?;
    }
    let body = document.elements(envelope).find(|child| document.is(*child, soap, "Body"));
    let call =
        body.and_then(|body| document.elements(body).next()).ok_or_else(|| Fault::sender("the body is empty"))?;
    let name = document.name(call);
    if name.namespace != NAMESPACE {
        return Err(Fault::sender(format!("there is no operation {{{}}}{}", name.namespace, name.local)));
    }
    let argument = |local| {
        let node = document.elements(call).find(|child| document.is(*child, NAMESPACE, local));
        node.map_or_else(String::new, |node| document.text(node).into_owned())
    };
    let result = match name.local {
        "Echo" => argument("text"),
        "Reverse" => {
            let mut data = base64::decode(&argument("data")).map_err(|_| Fault::sender("`data` is not base64"))?;
            data.reverse();
            base64::encode(&data)
        }
        "Fail" => {
            let why = argument("why");
            return Err(Fault { code: Code::Asked, reason: format!("failed as asked: {why}"), why: Some(why) });
        }
        "Notify" => return Ok(Performed::Notified),
        "WhoAmI" => claimed.principal.clone().unwrap_or_default(),
        "SessionId" => claimed.conversation.clone().unwrap_or_default(),
        other => return Err(Fault::sender(format!("there is no operation {{{NAMESPACE}}}{other}"))),
    };
    Ok(Performed::Answered { operation: name.local.to_owned(), result })
}

/// Refuses a header that must be understood, is meant for us, and is not: that is, any.
fn understand(document: &Document, soap: &str, header: NodeId) -> Result<(), Fault> {
    for block in document.elements(header) {
        let must = document.attribute(block, soap, "mustUnderstand");
        if !matches!(must.as_deref().map(str::trim), Some("1" | "true")) {
            continue;
        }
        let role = document.attribute(block, soap, "actor").or_else(|| document.attribute(block, soap, "role"));
        if role.is_none_or(|role| role.is_empty() || NEXT.contains(&&*role)) {
            let name = document.name(block);
            let reason = format!("header {{{}}}{} is not understood", name.namespace, name.local);
            return Err(Fault { code: Code::MustUnderstand, reason, why: None });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use nuncio_wss::Transport;

    use super::*;

    fn ask(service: &Echo, version: SoapVersion, header: &str, body: &str) -> (u16, Option<String>, String) {
        let soap = namespace(version);
        let envelope =
            format!("<s:Envelope xmlns:s=\"{soap}\"><s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>");
        let claimed = Claimed { principal: Some("alice & co".into()), conversation: Some("c1".into()) };
        let inbound = Inbound {
            path: "/".into(),
            content_type: media::content_type(version).into(),
            soap: version,
            soap_action: None,
            body: envelope.into_bytes(),
            client: None,
            transport: Transport::Clear,
            peer: [127, 0, 0, 1].into(),
            relayed: false,
        };
        let outbound = service.answer(inbound, &claimed);
        let text = String::from_utf8(outbound.body).unwrap();
        let inner = text
            .split_once("<s:Body>")
            .and_then(|(_, rest)| rest.strip_suffix("</s:Body></s:Envelope>"))
            .unwrap_or(&text)
            .to_owned();
        (outbound.status.as_u16(), outbound.content_type, inner)
    }

    fn call(operation: &str, arguments: &str) -> String {
        format!("<{operation} xmlns=\"{NAMESPACE}\">{arguments}</{operation}>")
    }

    #[test]
    fn every_operation_answers_in_both_versions() {
        let service = Echo::default();
        for version in [SoapVersion::V11, SoapVersion::V12] {
            for (operation, arguments, result) in [
                ("Echo", "<text>a &lt; b</text>", "a &lt; b"),
                ("Echo", "", ""),
                ("Reverse", "<data>AQID</data>", "AwIB"),
                ("WhoAmI", "", "alice &amp; co"),
                ("SessionId", "", "c1"),
            ] {
                let (status, content_type, body) = ask(&service, version, "", &call(operation, arguments));
                assert_eq!(status, 200);
                assert_eq!(content_type.as_deref(), Some(media::content_type(version)));
                let result = format!("<{operation}Result>{result}</{operation}Result>");
                assert_eq!(body, call(&format!("{operation}Response"), &result));
            }
            let (status, content_type, body) = ask(&service, version, "", &call("Notify", "<text>x</text>"));
            assert_eq!((status, content_type, &*body), (202, None, ""));
        }
        assert_eq!(service.requests().load(Ordering::Relaxed), 12);
    }

    #[test]
    fn what_a_gateway_says_is_heard() {
        let heard = |claims: &[&str]| {
            let mut headers = HeaderMap::new();
            for claim in claims {
                headers.append(PRINCIPAL, hyper::header::HeaderValue::from_bytes(claim.as_bytes()).unwrap());
            }
            Echo::hear(&headers).principal
        };
        assert_eq!(heard(&["alice"]).as_deref(), Some("alice"));
        assert_eq!(heard(&["mallory", "eve"]).as_deref(), Some("mallory"));
        assert_eq!(heard(&["Zo\u{eb}"]), None);
        assert_eq!(heard(&[]), None);
    }

    #[test]
    fn a_fault_is_as_the_contract_says() {
        let fail = call("Fail", "<why>on purpose</why>");
        let detail = format!("<EchoFault xmlns=\"{NAMESPACE}\"><Code>42</Code><Why>on purpose</Why></EchoFault>");
        let (status, _, body) = ask(&Echo::default(), SoapVersion::V11, "", &fail);
        assert_eq!(status, 500);
        assert_eq!(
            body,
            format!(
                "<s:Fault><faultcode xmlns:a=\"{NAMESPACE}\">a:Asked</faultcode>\
                 <faultstring>failed as asked: on purpose</faultstring><detail>{detail}</detail></s:Fault>"
            )
        );
        let (status, _, body) = ask(&Echo::default(), SoapVersion::V12, "", &fail);
        assert_eq!(status, 500);
        assert_eq!(
            body,
            format!(
                "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value xmlns:a=\"{NAMESPACE}\">a:Asked\
                 </s:Value></s:Subcode></s:Code><s:Reason><s:Text xml:lang=\"en-US\">failed as asked: on purpose</s:Text>\
                 </s:Reason><s:Detail>{detail}</s:Detail></s:Fault>"
            )
        );
    }

    #[test]
    fn what_it_does_not_know_is_a_fault() {
        let service = Echo::default();
        let security = "<o:Security xmlns:o=\"urn:o\" s:mustUnderstand=\"1\"/>";
        for (header, body, part) in [
            (security, call("Echo", ""), "s:MustUnderstand"),
            ("", call("Nothing", ""), "there is no operation"),
            ("", "<Echo xmlns=\"urn:other\"/>".to_owned(), "there is no operation {urn:other}Echo"),
            ("", String::new(), "the body is empty"),
            ("", call("Reverse", "<data>*</data>"), "is not base64"),
        ] {
            let (status, _, fault) = ask(&service, SoapVersion::V11, header, &body);
            assert_eq!(status, 500);
            assert!(fault.contains(part), "{fault}");
        }
        let elsewhere = "<o:H xmlns:o=\"urn:o\" s:mustUnderstand=\"1\" s:actor=\"urn:elsewhere\"/>";
        assert_eq!(ask(&service, SoapVersion::V11, elsewhere, &call("Echo", "")).0, 200);
    }
}
