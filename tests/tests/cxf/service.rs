//! Our initiator calls CXF's service, under the policies that it publishes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nuncio_policy::model::{Binding, Policy, ReferenceTarget, SoapVersion, SymmetricBinding, Token};
use nuncio_policy::wsdl;
use nuncio_tests::cxf::codes::{SERVED, tried};
use nuncio_tests::cxf::services::{Services, serves};
use nuncio_tests::cxf::{class_path, over_transport, peer, per_message};
use nuncio_tests::ends::limits;
use nuncio_tests::gateway::Numbers;
use nuncio_tests::http::HttpMessage;
use nuncio_tests::peers::{self, PASSWORD, USER};
use nuncio_tests::process::free_port;
use nuncio_tests::wire;
use nuncio_wss::{
    Context, Expectation, Freshness, HttpFacts, Initiator, InitiatorSettings, Opening, Outbound, PolicyReading, Time,
};

/// A client of one service.
struct Client {
    url: String,
    initiator: Initiator,
    numbers: Numbers,
    namespace: &'static str,
}

fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Time::from_millis(i64::try_from(since.as_millis()).unwrap())
}

impl Client {
    /// Reads what the service publishes.
    fn new(url: &str, code: &str) -> Result<Self, String> {
        let start_line = format!("GET /{}?wsdl HTTP/1.1", url.splitn(4, '/').nth(3).unwrap());
        let published = HttpMessage { start_line, headers: Vec::new(), body: Vec::new() };
        let published = wire::send(url, &published).map_err(|error| error.to_string())?.body;
        let contract = wsdl::read(url, &published).map_err(|error| error.to_string())?;
        let port = contract.ports.into_iter().next().ok_or("there is no port")?;
        let mut alternatives = port.alternatives.map_err(|error| error.to_string())?;
        for policy in &mut alternatives {
            refer(policy, code);
        }
        let initiator = Initiator::new(InitiatorSettings {
            alternatives,
            soap: port.soap,
            operations: port.operations,
            service: Some(peers::credential("server")?.certificate),
            username: Some((USER.into(), PASSWORD.into())),
            credential: Some(peers::credential("client")?),
            to: url.to_owned(),
            reading: PolicyReading::Letter,
            freshness: Freshness { skew: Duration::from_mins(5), window: Duration::from_mins(5) },
            message_lifetime: Duration::from_mins(5),
            limits: limits(),
        });
        let namespace = match port.soap {
            SoapVersion::V11 => "http://schemas.xmlsoap.org/soap/envelope/",
            SoapVersion::V12 => "http://www.w3.org/2003/05/soap-envelope",
        };
        let initiator = initiator.map_err(|error| error.to_string())?;
        Ok(Self { url: url.to_owned(), initiator, numbers: Numbers::default(), namespace })
    }

    fn send(&self, outbound: Outbound) -> Result<HttpMessage, String> {
        let mut headers = vec![("Content-Type".to_owned(), outbound.content_type)];
        headers.extend(outbound.soap_action.map(|action| ("SOAPAction".to_owned(), action)));
        let path = self.url.splitn(4, '/').nth(3).unwrap_or_default();
        let message = HttpMessage { start_line: format!("POST /{path} HTTP/1.1"), headers, body: outbound.body };
        wire::send(&self.url, &message).map_err(|error| error.to_string())
    }

    /// Sends a request and opens the answer.
    fn ask(&self, (outbound, expectation): (Outbound, Expectation)) -> Result<(Opening, Expectation), String> {
        let answer = self.send(outbound)?;
        let http = HttpFacts { content_type: answer.content_type(), soap_action: answer.soap_action() };
        let opening = self.initiator.open(&http, answer.body.clone(), &expectation, now());
        let opening = opening.map_err(|refusal| format!("{refusal}: {}", String::from_utf8_lossy(&answer.body)))?;
        Ok((opening, expectation))
    }

    fn sealed(
        &mut self,
        operation: &str,
        child: &str,
        text: &str,
        context: Option<&Arc<Context>>,
    ) -> (Outbound, Expectation) {
        let plain = format!(
            "<s:Envelope xmlns:s=\"{}\"><s:Body><e:{operation} xmlns:e=\"http://nuncio.example/echo\"><e:{child}>{text}</e:{child}>\
             </e:{operation}></s:Body></s:Envelope>",
            self.namespace
        );
        let action = format!("http://nuncio.example/echo/IEcho/{operation}");
        self.initiator.seal(plain.into_bytes(), &action, context, now(), &mut self.numbers).unwrap()
    }

    /// A context, or that one under another key.
    fn key(&mut self, old: Option<&Arc<Context>>) -> Result<Arc<Context>, String> {
        let asked = match old {
            Some(context) => self.initiator.renew(context, now(), &mut self.numbers),
            None => self.initiator.issue(now(), &mut self.numbers),
        };
        let (opening, expectation) = self.ask(asked.map_err(|error| error.to_string())?)?;
        let context = self.initiator.established(&opening, &expectation, now());
        context.map(Arc::new).map_err(|refusal| format!("{refusal}: {}", said(&opening)))
    }

    /// An echo, a call that must bring a fault, and one without an answer.
    fn every_operation(&mut self, code: &str, context: Option<&Arc<Context>>) -> Result<(), String> {
        let request = self.sealed("Echo", "text", "a &lt; \u{e9}", context);
        let (opening, _) = self.ask(request)?;
        let echoed = said(&opening);
        if !echoed.contains("EchoResult") || !echoed.contains("a &lt; \u{e9}") {
            return Err(format!("another text came back: {echoed}"));
        }
        let request = self.sealed("Fail", "why", "on purpose", context);
        let opening = match self.ask(request) {
            // What the contract does not declare CXF sends under the policy of the endpoint, and not the operation's.
            Err(refused) if word(code, "clear") && refused.contains("without security") => None,
            asked => Some(asked?.0),
        };
        if let Some(opening) = opening.filter(|opening| !opening.is_fault() || !said(opening).contains("on purpose")) {
            return Err(format!("no fault: {}", said(&opening)));
        }
        let (outbound, _) = self.sealed("Notify", "text", "x", context);
        let answer = self.send(outbound)?;
        if answer.status() != Some(202) {
            return Err(format!("{}: {}", answer.start_line, String::from_utf8_lossy(&answer.body)));
        }
        Ok(())
    }

    fn cancel(&mut self, context: &Arc<Context>) -> Result<(), String> {
        let asked = self.initiator.cancel(context, now(), &mut self.numbers).map_err(|error| error.to_string())?;
        let (opening, expectation) = self.ask(asked)?;
        self.initiator.cancelled(&opening, &expectation).map_err(|refusal| format!("{refusal}: {}", said(&opening)))
    }
}

fn word(code: &str, word: &str) -> bool {
    code.split('+').any(|of| of == word)
}

fn said(opening: &Opening) -> String {
    String::from_utf8_lossy(&opening.plain().body).into_owned()
}

/// Whether a context can be cancelled. CXF answers a Cancel under a policy of its own making, which signs with the context,
/// and has no user names without a password.
fn cancels(code: &str) -> bool {
    !code.split('+').any(|word| word == "nc" || word.starts_with("sct=") || word.starts_with("with=K"))
}

/// Calls a service as its policy wants it: in a conversation that is renewed and cancelled, or without one.
fn converse(url: &str, code: &str) -> Result<(), String> {
    let mut client = Client::new(url, code).map_err(|error| format!("contract: {error}"))?;
    if per_message(code) {
        return client.every_operation(code, None);
    }
    let context = client.key(None).map_err(|error| format!("issue: {error}"))?;
    client.every_operation(code, Some(&context)).map_err(|error| format!("call: {error}"))?;
    let renewed = client.key(Some(&context)).map_err(|error| format!("renew: {error}"))?;
    client.every_operation(code, Some(&renewed)).map_err(|error| format!("call after renewal: {error}"))?;
    if cancels(code) { client.cancel(&renewed).map_err(|error| format!("cancel: {error}")) } else { Ok(()) }
}

/// Has references to the policy's context lead where the code says, which the service does not know of.
fn refer(policy: &mut Policy, code: &str) {
    let Some(word) = code.split('+').find_map(|word| word.strip_prefix("target=")) else { return };
    let Binding::Symmetric(SymmetricBinding { protection: Token::SecureConversation(token) }) = &mut policy.binding
    else {
        panic!("{code}: no conversation");
    };
    token.target = match word {
        "Internal" => ReferenceTarget::Internal,
        "External" => ReferenceTarget::External,
        _ => ReferenceTarget::ExternalUri,
    };
}

/// The beginning of what went wrong: an envelope may be behind it.
fn shortened(error: &str) -> String {
    error.chars().take(300).collect()
}

#[test]
fn the_initiator_calls_every_service() {
    let Some(class_path) = class_path().unwrap() else { return };
    if peers::lacks("openssl") {
        return peers::skip("cxf services", "openssl is missing");
    }
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cxf services");
    peers::stores(&folder).unwrap();
    let port = free_port().unwrap();
    let codes: Vec<_> = tried(&SERVED).into_iter().filter(|code| !over_transport(code) && serves(code)).collect();
    let urls: Vec<_> = (0..codes.len()).map(|number| format!("http://127.0.0.1:{port}/{number}")).collect();
    let mut command = peer(&class_path, &folder);
    command.arg("serve");
    for (url, code) in urls.iter().zip(&codes) {
        command.args([url, code]);
    }
    let _services = Services::run(&mut command).unwrap();
    let wrong: Vec<_> = urls
        .iter()
        .zip(&codes)
        .filter_map(|(url, code)| converse(url, code).err().map(|error| format!("{code}: {}", shortened(&error))))
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), codes.len(), wrong.join("\n"));
}
