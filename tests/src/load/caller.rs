//! What a client calls with: an initiator under the policy that a service publishes, or nothing where it is plain.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nuncio::config::MessageLimits;
use nuncio::random::Entropy;
use nuncio_policy::model::{Binding, Operation, Policy, SoapVersion, Token};
use nuncio_policy::{preset, wsdl};
use nuncio_wss::{
    Context, Expectation, Freshness, HttpFacts, Initiator, InitiatorSettings, Opening, Outbound, PolicyReading, Time,
};

use super::connection::{Answer, Connection};
use crate::peers::{self, PASSWORD, USER};

const ACTION: &str = "http://nuncio.example/echo/IEcho/Echo";

/// Why a call was not answered as it should be.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, thiserror::Error)]
pub enum Failed {
    /// The service had more to do than it takes, and said so.
    #[error("busy")]
    Busy {
        /// Whether it did so before it looked at the message, which may be sent again.
        again: bool,
    },
    /// Anything else.
    #[error("{0}")]
    Wrong(String),
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` has it")]
fn wrong(error: impl ToString) -> Failed {
    Failed::Wrong(error.to_string())
}

/// A message, and what an answer to it must be.
pub struct Call {
    message: Outbound,
    expectation: Option<Expectation>,
}

impl Call {
    /// What is sent.
    pub fn message(&self) -> &Outbound {
        &self.message
    }
}

/// A client of one service, shared by all who call through it.
pub struct Caller {
    initiator: Option<Initiator>,
    /// Whether its messages belong to a conversation.
    converses: bool,
    envelope: Vec<u8>,
    text: String,
    entropy: Entropy,
}

fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

impl Caller {
    /// One that calls without security, with bodies of about so many octets.
    pub fn plain(octets: usize) -> Self {
        let soap = SoapVersion::V12;
        let text = text(octets);
        Self { initiator: None, converses: false, envelope: envelope(soap, &text), text, entropy: Entropy::system() }
    }

    /// One that calls the service at `url`, whose key is the test key `service`, under the first policy of a contract that it can
    /// meet: as `alice` with her password, and with the test client's certificate.
    pub fn of_contract(url: &str, service: &str, contract: &[u8], octets: usize) -> Result<Self, String> {
        let contract = wsdl::read("contract", contract).map_err(|error| error.to_string())?;
        let port = contract.ports.into_iter().next().ok_or("the contract has no port")?;
        let alternatives = port.alternatives.map_err(|error| error.to_string())?;
        Self::new(url, service, alternatives, port.soap, port.operations, octets)
    }

    /// As [`Caller::of_contract`], under a policy by its name.
    pub fn of_preset(url: &str, name: &str, octets: usize) -> Result<Self, String> {
        let preset = preset::named(name).ok_or_else(|| format!("there is no preset {name:?}"))?;
        let soap = *preset.soap.first().ok_or("the preset speaks no SOAP")?;
        Self::new(url, "server", vec![preset.policy], soap, Vec::new(), octets)
    }

    fn new(
        url: &str,
        service: &str,
        alternatives: Vec<Policy>,
        soap: SoapVersion,
        operations: Vec<Operation>,
        octets: usize,
    ) -> Result<Self, String> {
        let converses = alternatives.first().is_some_and(converses);
        let initiator = Initiator::new(InitiatorSettings {
            alternatives,
            soap,
            operations,
            service: Some(peers::credential(service)?.certificate),
            username: Some((USER.into(), PASSWORD.into())),
            credential: Some(peers::credential("client")?),
            to: url.to_owned(),
            // As CXF reads the suites; those that are compared read the same either way.
            reading: PolicyReading::Letter,
            freshness: Freshness { skew: Duration::from_mins(5), window: Duration::from_mins(5) },
            message_lifetime: Duration::from_mins(5),
            limits: MessageLimits::default().message(),
        });
        let initiator = Some(initiator.map_err(|error| error.to_string())?);
        let text = text(octets);
        Ok(Self { initiator, converses, envelope: envelope(soap, &text), text, entropy: Entropy::system() })
    }

    /// Whether its messages belong to a conversation, which [`Caller::open`] begins.
    pub fn converses(&self) -> bool {
        self.converses
    }

    /// Begins a conversation.
    pub async fn open(&self, connection: &mut Connection) -> Result<Arc<Context>, Failed> {
        self.establish(connection, None).await
    }

    /// Gets a new key for a conversation.
    pub async fn renew(&self, connection: &mut Connection, context: &Arc<Context>) -> Result<Arc<Context>, Failed> {
        self.establish(connection, Some(context)).await
    }

    async fn establish(
        &self,
        connection: &mut Connection,
        renewed: Option<&Arc<Context>>,
    ) -> Result<Arc<Context>, Failed> {
        let initiator = self.initiator.as_ref().ok_or_else(|| wrong("a plain service has no conversations"))?;
        let mut random = self.entropy.draw();
        let asked = match renewed {
            None => initiator.issue(now(), &mut random),
            Some(context) => initiator.renew(context, now(), &mut random),
        };
        let (outbound, expectation) = asked.map_err(wrong)?;
        random.check().map_err(wrong)?;
        let answer = connection.post(&outbound).await.map_err(wrong)?;
        let opening = opened(initiator, answer, &expectation)?;
        initiator.established(&opening, &expectation, now()).map(Arc::new).map_err(wrong)
    }

    /// A call that can be made.
    pub fn message(&self, context: Option<&Arc<Context>>) -> Result<Call, Failed> {
        let Some(initiator) = &self.initiator else {
            let content_type = format!("application/soap+xml; charset=utf-8; action=\"{ACTION}\"");
            let message = Outbound { content_type, soap_action: None, body: self.envelope.clone() };
            return Ok(Call { message, expectation: None });
        };
        let mut random = self.entropy.draw();
        let sealed = initiator.seal(self.envelope.clone(), ACTION, context, now(), &mut random);
        let (message, expectation) = sealed.map_err(wrong)?;
        random.check().map_err(wrong)?;
        Ok(Call { message, expectation: Some(expectation) })
    }

    /// Makes a call, and looks at what comes back: the text that was sent.
    pub async fn call(&self, connection: &mut Connection, call: &Call) -> Result<(), Failed> {
        let answer = connection.post(&call.message).await.map_err(wrong)?;
        self.judge(call, answer)
    }

    /// Looks at what came back for a call.
    pub fn judge(&self, call: &Call, answer: Answer) -> Result<(), Failed> {
        let (Some(initiator), Some(expectation)) = (&self.initiator, &call.expectation) else {
            return match answer.status {
                200 => self.look(&answer.body),
                503 => Err(Failed::Busy { again: true }),
                status => Err(wrong(format!("answered with {status}"))),
            };
        };
        let opening = opened(initiator, answer, expectation)?;
        let plain = opening.plain().body;
        if opening.is_fault() {
            let busy = String::from_utf8_lossy(&plain).contains("too busy");
            return Err(if busy { Failed::Busy { again: false } } else { wrong("answered with a fault") });
        }
        self.look(&plain)
    }

    fn look(&self, answer: &[u8]) -> Result<(), Failed> {
        let echoed = std::str::from_utf8(answer).is_ok_and(|answer| answer.contains(&self.text));
        if echoed { Ok(()) } else { Err(wrong("another text came back")) }
    }
}

fn opened(initiator: &Initiator, answer: Answer, expectation: &Expectation) -> Result<Opening, Failed> {
    if answer.status == 503 {
        return Err(Failed::Busy { again: true });
    }
    let http = HttpFacts { content_type: &answer.content_type, soap_action: None };
    initiator.open(&http, answer.body, expectation, now()).map_err(wrong)
}

/// Whether messages under a policy belong to a conversation.
fn converses(policy: &Policy) -> bool {
    let is_context = |token: &Token| matches!(token, Token::SecureConversation(_));
    let protects = matches!(&policy.binding, Binding::Symmetric(binding) if is_context(&binding.protection));
    protects || policy.supporting.iter().any(|supporting| is_context(&supporting.token))
}

fn text(octets: usize) -> String {
    "plain text, and more of it. ".chars().cycle().take(octets).collect()
}

fn envelope(soap: SoapVersion, text: &str) -> Vec<u8> {
    let namespace = match soap {
        SoapVersion::V11 => "http://schemas.xmlsoap.org/soap/envelope/",
        SoapVersion::V12 => "http://www.w3.org/2003/05/soap-envelope",
    };
    format!(
        "<s:Envelope xmlns:s=\"{namespace}\"><s:Body><e:Echo xmlns:e=\"http://nuncio.example/echo\"><e:text>{text}</e:text>\
         </e:Echo></s:Body></s:Envelope>"
    )
    .into_bytes()
}
