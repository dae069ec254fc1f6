//! A player's subject that has every message changed before it opens it as it is.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use nuncio_tests::ends::Ends;
use nuncio_tests::http::HttpMessage;
use nuncio_tests::player::{Outcome, play};
use nuncio_tests::recording::{Exchange, Keys, Scenario};
use nuncio_tests::subject::{Halt, Opened, Subject};
use nuncio_wss::Time;

use crate::changes::{Dice, Sample};
use crate::essence::Essence;
use crate::protected::{Protected, place};

/// What came of the changes.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) scenarios: usize,
    pub(crate) messages: usize,
    pub(crate) changes: usize,
    pub(crate) refused: usize,
    /// Taken, with nothing else coming out: by place.
    pub(crate) harmless: BTreeMap<String, usize>,
    /// Taken, with something else coming out, where only the transport protects it.
    pub(crate) of_the_transport: usize,
    /// Taken, with something else coming out; or something that is signed says something else.
    pub(crate) harmful: Vec<String>,
}

impl Tally {
    pub(crate) fn harmless(&self) -> usize {
        self.harmless.values().sum()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenarios, messages, changes, refused, of_the_transport, .. } = self;
        write!(
            f,
            "{scenarios} scenarios, {messages} messages, {changes} changes: {refused} refused, {} harmless, {of_the_transport} of what the transport protects",
            self.harmless()
        )?;
        for (place, count) in &self.harmless {
            write!(f, "\n  {count:6} {place}")?;
        }
        Ok(())
    }
}

thread_local! {
    static TALLY: RefCell<Tally> = RefCell::default();
    static WAY: RefCell<Option<Way>> = const { RefCell::new(None) };
}

/// One change of a message.
pub(crate) struct Changed {
    /// What it is called.
    pub(crate) what: String,
    /// Among which it is counted where it does no harm; by the place of the octet where it is not said.
    pub(crate) class: Option<String>,
    /// The octets that are touched.
    pub(crate) touched: Range<usize>,
    /// Whether header blocks may come out in another order, and more of them that are told to be unverified.
    pub(crate) of_blocks: bool,
    /// The message as it is then.
    pub(crate) message: Vec<u8>,
}

/// The changes of a message.
pub(crate) type Way = fn(&[u8], &mut Dice, Sample, &mut dyn FnMut(Changed));

/// Plays scenarios with every message changed in that way before it is played.
pub(crate) fn sweep<'s>(scenarios: impl Iterator<Item = &'s Scenario>, way: Way, sample: Sample) -> Tally {
    TALLY.take();
    SAMPLE.set(sample);
    WAY.replace(Some(way));
    let mut played = 0;
    for scenario in scenarios {
        match play::<Tampered>(scenario) {
            Outcome::Passed(_) => played += 1,
            Outcome::Failed(failures, _) => panic!("{}: {}", scenario.name, failures[0]),
            Outcome::Skipped(_) => {}
        }
    }
    Tally { scenarios: played, ..TALLY.take() }
}

thread_local! {
    static SAMPLE: std::cell::Cell<Sample> = const { std::cell::Cell::new(Sample::All) };
}

/// Our two ends, of which every message is tried in changed form first.
struct Tampered {
    ends: Ends,
    name: String,
    keys: Keys,
    over_transport: bool,
}

impl Subject for Tampered {
    fn start(scenario: &Scenario) -> Result<Self, Halt> {
        let policy = scenario.policy.as_ref().or(scenario.wsdl.as_ref()).map(|octets| String::from_utf8_lossy(octets));
        let of_messages = |policy: &str| policy.contains("SymmetricBinding") || policy.contains("AsymmetricBinding");
        Ok(Self {
            ends: Ends::start(scenario)?,
            name: scenario.name.clone(),
            keys: scenario.keys.clone(),
            over_transport: !policy.is_some_and(|policy| of_messages(&policy)),
        })
    }

    fn forget(&mut self) {
        self.ends.forget();
    }

    fn request(&mut self, exchange: &Exchange) -> Result<Opened, Halt> {
        let (message, at) = (&exchange.request, exchange.request_at);
        let open = |message: &HttpMessage| {
            let opened = self.ends.open_request(message, at).ok()?;
            Some(Essence::of_request(opened, Time::from_millis(at)))
        };
        self.tamper(&format!("{} request {}", self.name, exchange.n), message, open);
        self.ends.request(exchange)
    }

    fn response(&mut self, exchange: &Exchange) -> Result<Opened, Halt> {
        let (message, at) = (&exchange.response, exchange.response_at);
        if let Some(to) = self.ends.expectation(exchange.n) {
            let open = |message: &HttpMessage| {
                let opening = self.ends.open_response(message, exchange.n, at)?.ok()?;
                Some(Essence::of_response(self.ends.initiator(), &opening, Some(to), Time::from_millis(at)))
            };
            self.tamper(&format!("{} response {}", self.name, exchange.n), message, open);
        }
        self.ends.response(exchange)
    }

    fn arrival(&mut self, exchange: &Exchange, answers: Option<u32>) -> Result<Opened, Halt> {
        let (message, at) = (&exchange.request, exchange.request_at);
        let to = answers.and_then(|n| self.ends.expectation(n));
        let open = |message: &HttpMessage| {
            let opening = self.ends.open_arrival(message, answers, at)?.ok()?;
            Some(Essence::of_response(self.ends.initiator(), &opening, to, Time::from_millis(at)))
        };
        self.tamper(&format!("{} arrival {}", self.name, exchange.n), message, open);
        self.ends.arrival(exchange, answers)
    }
}

impl Tampered {
    /// Opens a message in all its changed forms, and says what came of it.
    fn tamper(&self, name: &str, message: &HttpMessage, open: impl Fn(&HttpMessage) -> Option<Essence>) {
        // What is refused as it is, for its context is forgotten or it is a fault without security, is refused changed.
        let honest = open(message);
        let Some(way) = WAY.with_borrow(|way| *way) else { return };
        let mut protected = None;
        let mut tally = TALLY.take();
        tally.messages += 1;
        way(&message.body, &mut Dice::of(name), SAMPLE.get(), &mut |changed| {
            tally.changes += 1;
            let body = changed.message;
            let Some(found) = open(&HttpMessage { body: body.clone(), ..message.clone() }) else {
                tally.refused += 1;
                return;
            };
            let Some(honest) = &honest else {
                tally.harmful.push(format!("{name}: {}: taken, though it is refused as it is", changed.what));
                return;
            };
            let protected = protected.get_or_insert_with(|| Protected::of(&message.body, &self.keys));
            let touches = protected.touches(&changed.touched);
            let harms = touches && !protected.says_the_same(&body);
            let mut place = changed.class.unwrap_or_else(|| place(&message.body, changed.touched.start));
            if !found.same(honest, changed.of_blocks) {
                if self.over_transport && !harms {
                    tally.of_the_transport += 1;
                } else {
                    let differs = found.differs(honest).join(", ");
                    tally.harmful.push(format!("{name}: {} ({place}): {differs} changed", changed.what));
                }
            } else if harms {
                tally.harmful.push(format!("{name}: {} ({place}): taken, though it is protected", changed.what));
            } else {
                if touches {
                    place.push_str(", of the same canonical form");
                }
                if self.over_transport {
                    place.insert_str(0, "over a transport: ");
                }
                *tally.harmless.entry(place).or_default() += 1;
            }
        });
        TALLY.set(tally);
    }
}
