//! The client of the demonstration: it opens a conversation, calls, tries what must not work, and ends it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nuncio_crypto::certificate::Certificate;
use nuncio_policy::preset::Preset;
use nuncio_wss::{
    Context, Expectation, Freshness, HttpFacts, Initiator, InitiatorSettings, Opening, Outbound, PolicyReading, Time,
};
use nuncio_xml::Document;

use super::show::Show;
use super::{Failed, PASSWORD, USER, Wire};
use crate::clock::Clock;
use crate::config::MessageLimits;
use crate::random::{Draw, Entropy};

const NAMESPACE: &str = "http://nuncio.example/echo";
const SOAP: &str = "http://www.w3.org/2003/05/soap-envelope";

/// A client of the gateway.
pub(super) struct Client {
    url: String,
    http: reqwest::Client,
    initiator: Initiator,
    clock: Clock,
    random: Draw,
}

/// A call that was answered.
struct Called {
    request: Outbound,
    answer: Answer,
    /// The answer without its security.
    plain: String,
}

/// An answer as it came.
struct Answer {
    status: u16,
    content_type: String,
    body: Vec<u8>,
}

impl Client {
    pub(super) fn new(url: &str, preset: Preset, service: Certificate) -> Result<Self, Failed> {
        let soap = preset.soap.first().ok_or_else(|| failed("the preset speaks no SOAP"))?;
        let initiator = Initiator::new(InitiatorSettings {
            alternatives: vec![preset.policy],
            soap: *soap,
            operations: Vec::new(),
            service: Some(service),
            username: Some((USER.to_owned(), PASSWORD.to_owned())),
            credential: None,
            to: url.to_owned(),
            reading: PolicyReading::default(),
            freshness: Freshness { skew: Duration::from_mins(1), window: Duration::from_mins(5) },
            message_lifetime: Duration::from_mins(5),
            limits: MessageLimits::default().message(),
        })
        .map_err(failed)?;
        let http = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([])
            .timeout(Duration::from_secs(10))
            .build()
            .map_err(failed)?;
        Ok(Self { url: url.to_owned(), http, initiator, clock: Clock::system(), random: Entropy::system().draw() })
    }

    /// One round; an error names the step that did not do what it should.
    pub(super) async fn round(mut self, show: &Show, wire: &Wire) -> Result<(), Failed> {
        show.title("A client opens a conversation");
        let start = Instant::now();
        let (request, expectation) = self.initiator.issue(self.now(), &mut self.random).map_err(failed)?;
        let size = request.body.len();
        let answer = self.send(&request).await?;
        let opening = self.open(&answer, &expectation)?;
        let context = self.initiator.established(&opening, &expectation, self.now()).map_err(failed)?;
        let context = Arc::new(context);
        show.step(
            &format!("{USER} gets a security context ({size} octets asked, {} answered)", answer.body.len()),
            start.elapsed(),
        );
        Show::note(&format!("Context {}, until {}", context.identifier, context.expires));
        ensure(wire.take().is_none(), "the plain service hears nothing of it")?;

        show.title("It calls");
        let Called { request: sealed, answer, plain } = self.call(show, "Echo", "<text>hello</text>", &context).await?;
        ensure(plain.contains("<EchoResult>hello</EchoResult>"), "Echo gives back what it got")?;
        show.wire("client to gateway", &[], &sealed.body);
        let seen = wire.take().ok_or_else(|| failed("the plain service was not called"))?;
        show.wire("gateway to service", &seen.headers, &seen.request);
        show.wire("service to gateway", &[], &seen.response);
        show.wire("gateway to client", &[], &answer.body);

        let plain = self.call(show, "Reverse", "<data>AQID</data>", &context).await?.plain;
        ensure(plain.contains("<ReverseResult>AwIB</ReverseResult>"), "Reverse turns octets around")?;
        let plain = self.call(show, "WhoAmI", "", &context).await?.plain;
        ensure(plain.contains(&format!("<WhoAmIResult>{USER}</WhoAmIResult>")), "the service is told who calls")?;
        let first = self.call(show, "SessionId", "", &context).await?.plain;
        let second = self.call(show, "SessionId", "", &context).await?.plain;
        ensure(
            first == second && !first.contains(&*context.identifier),
            "the service is told which conversation it is",
        )?;
        let fault = self.call(show, "Fail", "<why>on purpose</why>", &context).await?.plain;
        ensure(fault.contains("failed as asked: on purpose"), "the service's fault comes through")?;
        let start = Instant::now();
        let (request, _) = self.seal("Notify", "<text>x</text>", &context)?;
        ensure(self.send(&request).await?.status == 202, "a one-way call is taken")?;
        show.step("Notify, one way", start.elapsed());
        wire.take();

        show.title("It tries what must not work");
        self.refused(show, wire, &sealed, "a message sent twice", "InvalidSecurity").await?;
        let (mut changed, _) = self.seal("Echo", "<text>hello</text>", &context)?;
        tamper(&mut changed.body)?;
        self.refused(show, wire, &changed, "a message with one octet changed", "InvalidSecurity").await?;

        show.title("It ends the conversation");
        let start = Instant::now();
        let (request, expectation) = self.initiator.cancel(&context, self.now(), &mut self.random).map_err(failed)?;
        let answer = self.send(&request).await?;
        let opening = self.open(&answer, &expectation)?;
        self.initiator.cancelled(&opening, &expectation).map_err(failed)?;
        show.step("the context is cancelled", start.elapsed());
        let (request, _) = self.seal("Echo", "<text>hello</text>", &context)?;
        self.refused(show, wire, &request, "a message in a conversation that has ended", "BadContextToken").await?;
        self.random.check().map_err(failed)?;
        show.title("Every step did what it should");
        Ok(())
    }

    fn now(&self) -> Time {
        self.clock.now()
    }

    fn seal(
        &mut self,
        operation: &str,
        arguments: &str,
        context: &Arc<Context>,
    ) -> Result<(Outbound, Expectation), Failed> {
        let plain = format!(
            "<s:Envelope xmlns:s=\"{SOAP}\"><s:Body>\
             <{operation} xmlns=\"{NAMESPACE}\">{arguments}</{operation}></s:Body></s:Envelope>"
        );
        let action = format!("{NAMESPACE}/IEcho/{operation}");
        let now = self.now();
        self.initiator.seal(plain.into_bytes(), &action, Some(context), now, &mut self.random).map_err(failed)
    }

    /// Calls an operation.
    async fn call(
        &mut self,
        show: &Show,
        operation: &str,
        arguments: &str,
        context: &Arc<Context>,
    ) -> Result<Called, Failed> {
        let start = Instant::now();
        let (request, expectation) = self.seal(operation, arguments, context)?;
        let sealed = start.elapsed();
        let answer = self.send(&request).await?;
        let answered = start.elapsed();
        let opening = self.open(&answer, &expectation)?;
        let plain = String::from_utf8(opening.plain().body).map_err(failed)?;
        let took = start.elapsed();
        show.call(operation, sealed, answered.saturating_sub(sealed), took.saturating_sub(answered));
        Ok(Called { request, answer, plain })
    }

    fn open(&self, answer: &Answer, expectation: &Expectation) -> Result<Opening, Failed> {
        let http = HttpFacts { content_type: &answer.content_type, soap_action: None };
        self.initiator.open(&http, answer.body.clone(), expectation, self.now()).map_err(failed)
    }

    /// Sends what must be refused with that subcode, without a word of it reaching the plain service.
    async fn refused(
        &self,
        show: &Show,
        wire: &Wire,
        request: &Outbound,
        what: &str,
        subcode: &str,
    ) -> Result<(), Failed> {
        let start = Instant::now();
        let answer = self.send(request).await?;
        ensure(
            answer.status == 500 && Self::subcode(&answer)?.as_deref() == Some(subcode),
            &format!("{what} is refused as {subcode}"),
        )?;
        ensure(wire.take().is_none(), &format!("{what} does not reach the plain service"))?;
        show.step(&format!("{what} is refused ({subcode}), and the service hears nothing of it"), start.elapsed());
        Ok(())
    }

    /// The local name of the subcode of an unsecured fault of SOAP 1.2 (part 1 section 5.4.1), if it is one and has it.
    fn subcode(answer: &Answer) -> Result<Option<String>, Failed> {
        let document = Document::read(answer.body.clone(), &MessageLimits::default().document()).map_err(failed)?;
        let mut node = document.root();
        for local in ["Body", "Fault", "Code", "Subcode", "Value"] {
            match document.elements(node).find(|&child| document.is(child, SOAP, local)) {
                Some(child) => node = child,
                None => return Ok(None),
            }
        }
        Ok(document.text(node).split_once(':').map(|(_, local)| local.trim().to_owned()))
    }

    async fn send(&self, request: &Outbound) -> Result<Answer, Failed> {
        let post = self.http.post(&self.url).header("Content-Type", &request.content_type);
        let post = match &request.soap_action {
            Some(action) => post.header("SOAPAction", action),
            None => post,
        };
        let response = post.body(request.body.clone()).send().await.map_err(failed)?;
        let content_type = response.headers().get("Content-Type").and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        let status = response.status().as_u16();
        let body = response.bytes().await.map_err(failed)?.to_vec();
        Ok(Answer { status, content_type, body })
    }
}

/// Changes one octet of what the signature covers: the last digit of when the message was created.
fn tamper(body: &mut [u8]) -> Result<(), Failed> {
    let created = body.windows(9).position(|octets| octets == b":Created>");
    let digit = created.and_then(|at| body.get_mut(at + 9 + 22)).ok_or_else(|| failed("there is no timestamp"))?;
    *digit = if *digit == b'0' { b'1' } else { b'0' };
    Ok(())
}

fn ensure(holds: bool, what: &str) -> Result<(), Failed> {
    if holds { Ok(()) } else { Err(Failed::Step(format!("this did not hold: {what}"))) }
}

fn failed(error: impl std::fmt::Display) -> Failed {
    Failed::Step(error.to_string())
}
