//! Our recipient and our initiator as the player sees them.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::key::PrivateKey;
use nuncio_crypto::secret::Secret;
use nuncio_crypto::trust::Trust;
use nuncio_policy::PolicyError;
use nuncio_policy::model::{Operation, Policy, Port};
use nuncio_policy::{bare, wsdl};
use nuncio_wss::{
    Arrived, Claim, Context, Credential, Expectation, Freshness, HttpFacts, Initiator, InitiatorSettings, Limits,
    Opening, PolicyReading, Recipient, RecipientSettings, Refusal, Request, Time, Transport,
};

use crate::http::HttpMessage;
use crate::oracle;
use crate::player::{self, Outcome};
use crate::recording::{Exchange, KeyPair, Party, Scenario};
use crate::subject::{self, Halt, Opened, Subject};
use crate::unsecured::Unsecured;

/// Both ends of one conversation.
pub struct Ends {
    recipient: Arc<Recipient>,
    initiator: Initiator,
    users: BTreeMap<String, String>,
    /// The contexts that our recipient has.
    contexts: BTreeMap<String, Arc<Context>>,
    /// Those that our initiator has.
    held: BTreeMap<String, Arc<Context>>,
    /// Those that one side has cancelled: the other's Cancel, and the answers, come under them still.
    ended: BTreeMap<String, Arc<Context>>,
    expectations: BTreeMap<u32, Expectation>,
    /// That of the answer that was opened last.
    spent: Option<Expectation>,
    claims: HashSet<[u8; 16]>,
    answers: HashSet<[u8; 16]>,
}

impl Subject for Ends {
    fn start(scenario: &Scenario) -> Result<Self, Halt> {
        let (alternatives, port) = terms(scenario)?;
        if alternatives.is_empty() {
            return Err(Halt::NotBuilt("a port without security".into()));
        }
        let certificates = &scenario.meta.certificates;
        let service = credential(&certificates.service)?;
        let trust = certificates.client.as_ref().map(certificate).transpose()?.into_iter().collect();
        let recipient = Recipient::new(RecipientSettings {
            alternatives: alternatives.clone(),
            soap: port.soap,
            // What the client answers is to its recipient a message like any other.
            operations: port.operations.iter().cloned().chain(answers(&port.callbacks)).collect(),
            trust: Trust::new(trust).map_err(refused)?,
            passwords: None,
            addresses: vec![scenario.meta.service_address.clone()],
            freshness: FRESHNESS,
            message_lifetime: Duration::from_mins(5),
            context_lifetime: Duration::from_hours(15),
            context_jitter: 0,
            // So that whoever looks sees all that is handed on.
            forward_addressing: true,
            limits: limits(),
            credentials: vec![service],
        })
        .map_err(|error| Halt::NotBuilt(error.to_string()))?;
        let initiator = Initiator::new(InitiatorSettings {
            alternatives,
            soap: port.soap,
            operations: port.operations,
            service: Some(certificate(&certificates.service)?),
            username: None,
            credential: certificates.client.as_ref().map(credential).transpose()?,
            to: scenario.meta.service_address.clone(),
            reading: PolicyReading::default(),
            freshness: FRESHNESS,
            message_lifetime: Duration::from_mins(5),
            limits: limits(),
        })
        .map_err(|error| Halt::NotBuilt(error.to_string()))?;
        let listens = listens(scenario);
        let initiator = if listens.is_empty() {
            initiator
        } else {
            initiator.listening(listens, port.callbacks).map_err(|error| Halt::NotBuilt(error.to_string()))?
        };
        Ok(Self {
            recipient,
            initiator,
            users: scenario.meta.users(),
            contexts: BTreeMap::new(),
            held: BTreeMap::new(),
            ended: BTreeMap::new(),
            expectations: BTreeMap::new(),
            spent: None,
            claims: HashSet::new(),
            answers: HashSet::new(),
        })
    }

    fn forget(&mut self) {
        self.contexts.clear();
        self.ended.clear();
    }

    fn request(&mut self, exchange: &Exchange) -> Result<Opened, Halt> {
        let opened = self.open_request(&exchange.request, exchange.request_at).map_err(refused)?;
        // Its sender has it, whatever becomes of the request from here.
        self.expectations.insert(exchange.n, opened.expectation().map_err(refused)?);
        if let Claim::Username(username) = opened.claim() {
            let known = self.users.get(&username.name);
            if !known.is_some_and(|password| username.proves(&Secret::from(password.as_bytes()))) {
                return Err(refused(Refusal::WrongPassword(username.name.clone())));
            }
        }
        if opened.once().any(|once| !self.claims.insert(once.key)) {
            return Err(refused(Refusal::Replayed));
        }
        if opened.request() == Request::Cancel
            && let Some(context) = opened.context()
        {
            let name = context.name();
            self.ended.extend(self.contexts.remove(&name).map(|context| (name, context)));
        }
        Ok(Opened {
            envelope: opened.plain().body,
            action: exchange.request_action.as_ref().and(opened.action()).map(str::to_owned),
            contexts: Vec::new(),
        })
    }

    fn response(&mut self, exchange: &Exchange) -> Result<Opened, Halt> {
        let expectation = self.asked(exchange.n)?;
        let now = Time::from_millis(exchange.response_at);
        let opened = open_response(&self.initiator, &exchange.response, &expectation, now);
        let opened = self.answered(opened, &expectation, exchange.response_action.as_deref(), now);
        self.spent = Some(expectation);
        opened
    }

    fn arrival(&mut self, exchange: &Exchange, answers: Option<u32>) -> Result<Opened, Halt> {
        let now = Time::from_millis(exchange.request_at);
        let action = exchange.request_action.as_deref();
        let arrived = self.arrived(&exchange.request);
        let Some(n) = answers else {
            let cancels = arrived.as_ref().is_ok_and(|arrived| arrived.request() == Request::Cancel);
            let named = arrived.as_ref().ok().and_then(Arrived::context).map(str::to_owned);
            let opened = arrived.and_then(|arrived| self.open_callback(arrived, now));
            let opening = self.taken(opened)?;
            if let Some(name) = named.filter(|_| cancels) {
                self.ended.extend(self.held.remove(&name).map(|context| (name, context)));
            }
            return Ok(handed_on(&opening, action, Vec::new()));
        };
        let expectation = self.asked(n)?;
        let opened = arrived.and_then(|arrived| self.initiator.open_answer(arrived, &expectation, now));
        let opened = self.answered(opened, &expectation, action, now);
        self.spent = Some(expectation);
        opened
    }
}

impl Ends {
    /// What the sender of that exchange's request remembers of it. The answer to a request that was refused before it was
    /// opened is shown with the memory of another: it is no answer to that one, so that nothing but a fault without security
    /// is taken.
    fn asked(&mut self, n: u32) -> Result<Expectation, Halt> {
        let expectation = self.expectations.remove(&n).or_else(|| self.spent.take());
        expectation.ok_or_else(|| Halt::Refused("nothing is known of a request that it could answer".into()))
    }

    /// A message of the service's that was opened, and never before.
    fn taken(&mut self, opened: Result<Opening, Refusal>) -> Result<Opening, Halt> {
        let opening = opened.map_err(|refusal| match refusal {
            Refusal::UnsecuredFault(told) => Halt::Unsecured(told.reason),
            other => refused(other),
        })?;
        if opening.once().is_some_and(|once| !self.answers.insert(once.key)) {
            return Err(refused(Refusal::Replayed));
        }
        Ok(opening)
    }

    /// Takes from an answer what it brings.
    fn answered(
        &mut self,
        opened: Result<Opening, Refusal>,
        expectation: &Expectation,
        action: Option<&str>,
        now: Time,
    ) -> Result<Opened, Halt> {
        let opening = self.taken(opened)?;
        let mut contexts = Vec::new();
        if !opening.is_fault() {
            match expectation.request() {
                Request::Issue | Request::Renew => {
                    let context = self.initiator.established(&opening, expectation, now).map_err(refused)?;
                    contexts.push(subject::Context {
                        identifier: context.identifier.to_string(),
                        instance: context.instance().map(str::to_owned),
                        key: context.danger_key_octets().to_vec(),
                    });
                    let context = Arc::new(context);
                    self.held.insert(context.name(), Arc::clone(&context));
                    self.contexts.insert(context.name(), context);
                }
                Request::Cancel => self.initiator.cancelled(&opening, expectation).map_err(refused)?,
                Request::Application => {}
            }
        }
        Ok(handed_on(&opening, action, contexts))
    }

    fn arrived(&self, message: &HttpMessage) -> Result<Arrived, Refusal> {
        self.initiator.receive(&facts(message), message.body.clone(), Transport::Secure)
    }

    fn open_callback(&self, arrived: Arrived, now: Time) -> Result<Opening, Refusal> {
        let ends = arrived.request() == Request::Cancel;
        let context = arrived.context().and_then(|name| self.held.get(name).or_else(|| self.ended(name, ends)));
        let context = context.cloned();
        self.initiator.open_callback(arrived, context.as_ref(), now)
    }

    /// Opens what came to where our initiator listens, the answer to that exchange's request or to none, at that time, in
    /// milliseconds since 1970; nothing is remembered of it. `None` where that request is not known, or was answered.
    pub fn open_arrival(
        &self,
        message: &HttpMessage,
        answers: Option<u32>,
        at: i64,
    ) -> Option<Result<Opening, Refusal>> {
        let now = Time::from_millis(at);
        let arrived = self.arrived(message);
        Some(match answers {
            None => arrived.and_then(|arrived| self.open_callback(arrived, now)),
            Some(n) => {
                let expectation = self.expectations.get(&n)?;
                arrived.and_then(|arrived| self.initiator.open_answer(arrived, expectation, now))
            }
        })
    }

    /// Opens a request at that time, in milliseconds since 1970; nothing is remembered of it.
    pub fn open_request(&self, message: &HttpMessage, at: i64) -> Result<nuncio_wss::Opened, Refusal> {
        let received = self.recipient.read(&facts(message), message.body.clone())?;
        let ends = received.is_cancelled() || received.request() == Request::Cancel;
        let context = match received.context() {
            Some(name) => match self.contexts.get(name).or_else(|| self.ended(name, ends)) {
                Some(context) => Some(Arc::clone(context)),
                None => return Err(Refusal::UnknownContext(name.to_owned())),
            },
            None => None,
        };
        let now = Time::from_millis(at);
        if received.is_cancelled() {
            return self.recipient.open_cancelled(received, context, Transport::Secure, now);
        }
        self.recipient.open(received, context, Transport::Secure, now)
    }

    /// A context that one side has cancelled, for a message about that.
    fn ended(&self, name: &str, ends: bool) -> Option<&Arc<Context>> {
        self.ended.get(name).filter(|_| ends)
    }

    /// Opens an answer to the request of that exchange at that time, in milliseconds since 1970; nothing is remembered of
    /// it. `None` where that request is not known, or was answered.
    pub fn open_response(&self, message: &HttpMessage, n: u32, at: i64) -> Option<Result<Opening, Refusal>> {
        let expectation = self.expectations.get(&n)?;
        Some(open_response(&self.initiator, message, expectation, Time::from_millis(at)))
    }

    /// What our initiator remembers of the request of an exchange until it is answered.
    pub fn expectation(&self, n: u32) -> Option<&Expectation> {
        self.expectations.get(&n)
    }

    /// Our initiator.
    pub fn initiator(&self) -> &Initiator {
        &self.initiator
    }

    /// Our recipient.
    pub fn recipient(&self) -> &Arc<Recipient> {
        &self.recipient
    }

    /// The contexts of our initiator, those that were cancelled too.
    pub fn held(&self) -> impl Iterator<Item = &Arc<Context>> {
        self.held.values().chain(self.ended.values())
    }
}

/// Plays a scenario to both ends, or, where its port has no security, to what reads its messages as they are. A recording of
/// a secured service may lack the policy that says how: its very first message tells.
pub fn play(scenario: &Scenario) -> Outcome {
    let unsecured = terms(scenario).is_ok_and(|(alternatives, _)| alternatives.is_empty());
    let first = scenario.exchanges.first().map(|exchange| String::from_utf8_lossy(&exchange.request.body));
    match first {
        Some(first) if unsecured && oracle::is_secured(&first).is_ok_and(|secured| secured) => {
            Outcome::Skipped("it is secured, and the policy that says how is not there".into())
        }
        Some(_) if unsecured => player::play::<Unsecured>(scenario),
        _ => player::play::<Ends>(scenario),
    }
}

/// What the service of a scenario begins.
///
/// # Errors
///
/// Where its contract is not read.
pub fn callbacks(scenario: &Scenario) -> Result<Vec<Operation>, Halt> {
    terms(scenario).map(|(_, port)| port.callbacks)
}

/// What is handed on of a message of the service's; its action where the recording has one.
fn handed_on(opening: &Opening, action: Option<&str>, contexts: Vec<subject::Context>) -> Opened {
    Opened { envelope: opening.plain().body, action: action.and(opening.action()).map(str::to_owned), contexts }
}

/// What a client answers to callbacks, as its service takes it: requests without an answer.
fn answers(callbacks: &[Operation]) -> impl Iterator<Item = Operation> {
    callbacks.iter().filter_map(|callback| {
        let input = callback.output.clone()?;
        Some(Operation { name: callback.name.clone(), input, output: None, faults: Vec::new() })
    })
}

/// The addresses that the client listened at.
fn listens(scenario: &Scenario) -> Vec<String> {
    let by_service = scenario.exchanges.iter().filter(|exchange| exchange.from == Party::Service);
    let addresses: BTreeSet<_> = by_service.map(Exchange::address).collect();
    addresses.into_iter().collect()
}

fn open_response(
    initiator: &Initiator,
    message: &HttpMessage,
    to: &Expectation,
    now: Time,
) -> Result<Opening, Refusal> {
    initiator.open(&facts(message), message.body.clone(), to, now)
}

const FRESHNESS: Freshness = Freshness { skew: Duration::from_mins(5), window: Duration::from_mins(5) };

/// The alternatives of the policy that the scenario's service enforced, none where it enforced none, and the port that it is
/// of.
pub(crate) fn terms(scenario: &Scenario) -> Result<(Vec<Policy>, Port), Halt> {
    let bytes = scenario.wsdl.as_deref().ok_or_else(|| Halt::Refused("it has no wsdl.xml".into()))?;
    let contract = wsdl::read("wsdl.xml", bytes).map_err(|error| policy_error(&error))?;
    let port = contract.ports.into_iter().next().ok_or_else(|| Halt::Refused("wsdl.xml has no port".into()))?;
    let alternatives = match &scenario.policy {
        Some(bytes) => bare::read("policy.xml", bytes).map_err(|error| policy_error(&error))?,
        None => match &port.alternatives {
            Ok(alternatives) => alternatives.clone(),
            Err(error) => return Err(policy_error(error)),
        },
    };
    Ok((alternatives, port))
}

/// What the policy asks for and is not built is a skip; what it has wrong is a failure.
fn policy_error(error: &PolicyError) -> Halt {
    if error.is_not_built() { Halt::NotBuilt(error.to_string()) } else { Halt::Refused(error.to_string()) }
}

fn refused<E: Display>(error: E) -> Halt {
    Halt::Refused(format!("{error}"))
}

fn certificate(pair: &KeyPair) -> Result<Certificate, Halt> {
    let mut certificates = Certificate::from_pem(pair.certificate_pem.as_bytes()).map_err(refused)?;
    certificates.pop().ok_or_else(|| Halt::Refused("a certificate is missing".into()))
}

fn credential(pair: &KeyPair) -> Result<Credential, Halt> {
    let key = PrivateKey::from_pem(pair.private_key_pem.as_bytes()).map_err(refused)?;
    Ok(Credential::new(certificate(pair)?, key))
}

fn facts(message: &HttpMessage) -> HttpFacts<'_> {
    HttpFacts {
        content_type: message.header("content-type").unwrap_or_default(),
        soap_action: message.header("soapaction"),
    }
}

/// Limits far above any recording, so that none of them decides.
pub fn limits() -> Limits {
    const MANY: usize = 10_000_000;
    Limits {
        xml: nuncio_xml::Limits {
            bytes: MANY,
            depth: 100,
            attributes: 100,
            attribute_bytes: 100_000,
            declarations: 100,
            declarations_in_scope: 200,
            elements: MANY,
            children: MANY,
            name_bytes: 1000,
            names: 10_000,
            text_bytes: MANY,
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
