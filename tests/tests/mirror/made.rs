//! A player's subject that has our initiator make every request of the client's once more.

use std::cell::RefCell;

use nuncio_tests::ends::Ends;
use nuncio_tests::gateway::Numbers;
use nuncio_tests::oracle::{self, child, local, text_of};
use nuncio_tests::player::{Outcome, play};
use nuncio_tests::recording::{Exchange, Keys, Scenario};
use nuncio_tests::subject::{Halt, Opened, Subject};
use nuncio_wss::{Context, Opening, Outbound, Time};
use roxmltree::{Document, Node};
use std::sync::Arc;

use crate::shape::{self, Element};

/// A recorded request beside ours.
pub(crate) struct Twin {
    pub(crate) scenario: String,
    pub(crate) n: u32,
    pub(crate) recorded: Element,
    pub(crate) ours: Element,
}

thread_local! {
    static MADE: RefCell<Vec<Twin>> = const { RefCell::new(Vec::new()) };
}

/// Plays the scenarios; every request of a client beside ours.
pub(crate) fn twins(scenarios: &[Scenario]) -> Vec<Twin> {
    MADE.take();
    for scenario in scenarios {
        if let Outcome::Failed(failures, _) = play::<Mirror>(scenario) {
            panic!("{}: {}", scenario.name, failures[0]);
        }
    }
    MADE.take()
}

/// Our two ends, and beside them what the client's requests are made of.
struct Mirror {
    ends: Ends,
    name: String,
    keys: Keys,
    /// The service's Cancel, opened.
    cancel: Option<Opening>,
    numbers: Numbers,
}

impl Subject for Mirror {
    fn start(scenario: &Scenario) -> Result<Self, Halt> {
        let (name, keys) = (scenario.name.clone(), scenario.keys.clone());
        Ok(Self { ends: Ends::start(scenario)?, name, keys, cancel: None, numbers: Numbers::default() })
    }

    fn forget(&mut self) {
        self.ends.forget();
    }

    fn request(&mut self, exchange: &Exchange) -> Result<Opened, Halt> {
        let ours = self.make(exchange);
        let recorded = &exchange.request;
        let twin = Twin {
            scenario: self.name.clone(),
            n: exchange.n,
            recorded: shape::of(recorded.content_type(), recorded.soap_action(), &recorded.body, &self.keys),
            ours: shape::of(&ours.content_type, ours.soap_action.as_deref(), &ours.body, &self.keys),
        };
        MADE.with_borrow_mut(|made| made.push(twin));
        self.ends.request(exchange)
    }

    fn response(&mut self, exchange: &Exchange) -> Result<Opened, Halt> {
        self.ends.response(exchange)
    }

    fn arrival(&mut self, exchange: &Exchange, answers: Option<u32>) -> Result<Opened, Halt> {
        if answers.is_none() && exchange.request_action.as_deref().is_some_and(|of| of.ends_with("/RST/SCT/Cancel")) {
            self.cancel = self.ends.open_arrival(&exchange.request, None, exchange.request_at).and_then(Result::ok);
        }
        self.ends.arrival(exchange, answers)
    }
}

impl Mirror {
    /// The same request, of our initiator.
    fn make(&mut self, exchange: &Exchange) -> Outbound {
        let clear = oracle::open(&exchange.request.body, &self.keys).unwrap();
        let document = Document::parse(&clear).unwrap();
        let action = exchange.request_action.clone().unwrap_or_else(|| of_transport(exchange));
        // By the user of the message itself, who may have had another password than the right one.
        let user = oracle::credentials(&clear).ok().flatten();
        let of_user = user.map(|user| self.ends.initiator().of_caller(Some(user), None));
        let initiator = of_user.as_ref().unwrap_or(self.ends.initiator());
        let now = Time::from_millis(exchange.request_at);
        let context = security(&document).and_then(|header| self.context(header));
        let numbers = &mut self.numbers;
        let known = || context.as_ref().unwrap_or_else(|| panic!("{} {}: no context", self.name, exchange.n));
        let made = match action.rsplit_once("/RST/SCT") {
            Some((_, "")) => initiator.issue(now, numbers),
            Some((_, "/Renew")) => initiator.renew(known(), now, numbers),
            Some((_, "/Cancel")) => initiator.cancel(known(), now, numbers),
            _ if self.cancel.is_some() && action.ends_with("/RSTR/SCT/Cancel") => {
                let cancel = self.cancel.take().unwrap();
                return initiator.seal_cancelled(&cancel, known(), now, numbers).unwrap();
            }
            _ => {
                let mut plain = clear.clone();
                if let Some(header) = security(&document) {
                    plain.replace_range(header.range(), "");
                }
                let sealed = initiator.seal(plain.into_bytes(), &action, context.as_ref(), now, numbers);
                return sealed.unwrap_or_else(|error| panic!("{} {}: {error}", self.name, exchange.n)).0;
            }
        };
        made.unwrap_or_else(|error| panic!("{} {}: {error}", self.name, exchange.n)).0
    }

    /// The context whose token a security header has.
    fn context(&self, header: Node<'_, '_>) -> Option<Arc<Context>> {
        let token = child(header, "SecurityContextToken")?;
        let said = |name| child(token, name).map(text_of);
        let name = match (said("Identifier")?, said("Instance")) {
            (identifier, Some(instance)) => format!("{identifier} {instance}"),
            (identifier, None) => identifier,
        };
        self.ends.held().find(|context| context.name() == name).cloned()
    }
}

fn security<'a, 'i>(document: &'a Document<'i>) -> Option<Node<'a, 'i>> {
    child(document.root_element(), "Header")?.children().find(|block| local(*block) == "Security")
}

/// The action where the message itself has none.
fn of_transport(exchange: &Exchange) -> String {
    exchange.request.soap_action().unwrap_or_default().trim_matches('"').to_owned()
}
