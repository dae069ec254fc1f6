//! Plays recorded conversations to a [`Subject`] and judges what it makes of them.
//!
//! Where each direction is a channel of its own, what the service sends is a request of HTTP like what the client sends: an
//! answer says which request it is to, and the player finds that; what answers none the service has begun.
//!
//! A refusal is right only where the users, the forgotten contexts or the want of any security say so; everything else
//! must open, with the body that the [`oracle`] finds and the session keys of the recording.

use crate::http::HttpMessage;
use crate::recording::{Exchange, Party, Scenario};
use crate::subject::{Halt, Opened, Subject};
use crate::{compare, oracle};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Which message of an exchange of HTTP.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Direction {
    /// The first.
    Request,
    /// Its answer on the back channel.
    Response,
}

/// What came of a scenario.
#[derive(Debug, Eq, PartialEq)]
pub enum Outcome {
    /// All went as it must; so many messages were opened.
    Passed(usize),
    /// These went wrong; so many messages were opened.
    Failed(Vec<Failure>, usize),
    /// The subject cannot play it yet, and why.
    Skipped(String),
}

/// One thing that went wrong.
#[derive(Debug, Eq, PartialEq)]
pub struct Failure {
    /// The exchange and its message, or nothing where the scenario did not start.
    pub at: Option<(u32, Direction)>,
    /// What went wrong, in a line.
    pub why: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some((n, Direction::Request)) => write!(f, "exchange {n:02} request: {}", self.why),
            Some((n, Direction::Response)) => write!(f, "exchange {n:02} response: {}", self.why),
            None => f.write_str(&self.why),
        }
    }
}

/// What must become of a message.
enum Expected {
    /// It opens.
    Opened,
    /// It is refused, and why.
    Refused(&'static str),
    /// It is a fault without security.
    Unsecured,
}

/// Plays one scenario.
pub fn play<S: Subject>(scenario: &Scenario) -> Outcome {
    if scenario.exchanges.is_empty() {
        return Outcome::Skipped("it has no exchanges over HTTP".into());
    }
    if let Some(other) = scenario.exchanges.iter().flat_map(|of| [&of.request, &of.response]).find_map(other_media_type)
    {
        return Outcome::Skipped(format!("media type {other}"));
    }
    let subject = match S::start(scenario) {
        Ok(subject) => subject,
        Err(Halt::NotBuilt(what)) => return Outcome::Skipped(what),
        Err(Halt::Refused(why) | Halt::Unsecured(why)) => return Outcome::Failed(vec![Failure { at: None, why }], 0),
    };
    let mut play =
        Play { scenario, subject, known: BTreeSet::new(), asked: BTreeMap::new(), opened: 0, failures: Vec::new() };
    for (exchange, direction) in in_order(scenario) {
        match play.message(exchange, direction) {
            Err(what) if play.failures.is_empty() => return Outcome::Skipped(what),
            Err(_) => break,
            Ok(()) => {}
        }
    }
    if play.failures.is_empty() { Outcome::Passed(play.opened) } else { Outcome::Failed(play.failures, play.opened) }
}

/// The messages in the order in which they were made: exchanges of two channels overlap.
fn in_order(scenario: &Scenario) -> Vec<(&Exchange, Direction)> {
    let mut messages: Vec<_> =
        scenario.exchanges.iter().flat_map(|of| [(of, Direction::Request), (of, Direction::Response)]).collect();
    messages.sort_by_key(|(of, direction)| match direction {
        Direction::Request => of.request_at,
        Direction::Response => of.response_at,
    });
    messages
}

fn other_media_type(message: &HttpMessage) -> Option<String> {
    let media_type = message.media_type();
    let plain = message.body.is_empty() || matches!(media_type.as_str(), "text/xml" | "application/soap+xml");
    (!plain).then_some(media_type)
}

struct Play<'s, S> {
    scenario: &'s Scenario,
    subject: S,
    /// Identifiers of the contexts that the service has.
    known: BTreeSet<String>,
    /// The exchanges in which the client asked something, by the id of the message.
    asked: BTreeMap<String, u32>,
    opened: usize,
    failures: Vec<Failure>,
}

impl<S: Subject> Play<'_, S> {
    /// Plays one message; an error is what is not built yet.
    fn message(&mut self, exchange: &Exchange, direction: Direction) -> Result<(), String> {
        let message = match direction {
            Direction::Request => {
                if self.scenario.meta.replay.forget_before.contains(&exchange.n) {
                    self.subject.forget();
                    self.known.clear();
                }
                &exchange.request
            }
            // An accepted one-way message has no answer to open.
            Direction::Response if exchange.response.body.is_empty() => return Ok(()),
            Direction::Response => &exchange.response,
        };
        let cannot_tell = |error: oracle::OracleError| format!("the oracle cannot tell: {error}");
        let played = match oracle::open(&message.body, &self.scenario.keys).map_err(cannot_tell) {
            Ok(plain) => match self.open(exchange, direction, &plain) {
                Ok(Err(Halt::NotBuilt(what))) => return Err(what),
                Ok(verdict) => self.judge(exchange, direction, &plain, verdict),
                Err(why) => Err(why),
            },
            Err(why) => Err(why),
        };
        if let Err(why) = played {
            self.failures.push(Failure { at: Some((exchange.n, direction)), why });
        }
        Ok(())
    }

    /// Has the subject open a message that says `plain`; an error is what is wrong with the recording.
    fn open(&mut self, exchange: &Exchange, direction: Direction, plain: &str) -> Result<Result<Opened, Halt>, String> {
        let header = |name| oracle::addressing(plain, name).map_err(|error| error.to_string());
        Ok(match (direction, exchange.from) {
            (Direction::Request, Party::Client) => {
                self.asked.extend(header("MessageID")?.map(|id| (id, exchange.n)));
                self.subject.request(exchange)
            }
            (Direction::Request, Party::Service) => {
                let answers = match header("RelatesTo")? {
                    Some(id) => {
                        Some(*self.asked.get(&id).ok_or_else(|| format!("it answers {id}, which was not asked"))?)
                    }
                    None => None,
                };
                self.subject.arrival(exchange, answers)
            }
            (Direction::Response, Party::Client) => self.subject.response(exchange),
            (Direction::Response, Party::Service) => {
                return Err("the client says something on the back channel of what the service sent".into());
            }
        })
    }

    fn judge(
        &mut self,
        exchange: &Exchange,
        direction: Direction,
        plain: &str,
        verdict: Result<Opened, Halt>,
    ) -> Result<(), String> {
        let cannot_tell = |error: oracle::OracleError| format!("the oracle cannot tell: {error}");
        if !S::SECURED && oracle::is_secured(plain).map_err(cannot_tell)? {
            return Err("it is secured, and the port has no security".into());
        }
        let by = match direction {
            Direction::Request => exchange.from,
            Direction::Response => Party::Service,
        };
        let expected = self.expected(by, plain).map_err(cannot_tell)?;
        let opened = match (expected, verdict) {
            (Expected::Opened, Ok(opened)) => opened,
            (Expected::Opened, Err(Halt::Unsecured(why))) => {
                return Err(format!("taken for an unsecured fault: {why}"));
            }
            (Expected::Opened, Err(halt)) => return Err(reason(halt)),
            (Expected::Refused(_), Err(Halt::Refused(_))) | (Expected::Unsecured, Err(Halt::Unsecured(_))) => {
                return Ok(());
            }
            (Expected::Refused(why), _) => return Err(format!("opened, but {why}")),
            (Expected::Unsecured, Ok(_)) => return Err("opened, but it is an unsecured fault".into()),
            (Expected::Unsecured, Err(halt)) => {
                return Err(format!("it is an unsecured fault, not to be refused: {}", reason(halt)));
            }
        };
        self.opened += 1;

        let envelope = String::from_utf8(opened.envelope).map_err(|error| error.to_string())?;
        compare::bodies(plain, &envelope).map_err(|difference| format!("another body: {difference}"))?;
        let action = match direction {
            Direction::Request => &exchange.request_action,
            Direction::Response => &exchange.response_action,
        };
        if action.is_some() && opened.action != *action {
            return Err(format!("action {:?}, but {action:?} was sent", opened.action));
        }
        self.contexts(by, plain, &opened.contexts)
    }

    /// What must become of a message that says `plain`.
    fn expected(&self, by: Party, plain: &str) -> Result<Expected, oracle::OracleError> {
        if !S::SECURED {
            return Ok(Expected::Opened);
        }
        if by == Party::Service {
            return Ok(if oracle::is_unsecured_fault(plain)? { Expected::Unsecured } else { Expected::Opened });
        }
        if let Some((user, password)) = oracle::credentials(plain)?
            && self.scenario.meta.users().get(&user) != Some(&password)
        {
            return Ok(Expected::Refused("the password is wrong"));
        }
        let forgetful = !self.scenario.meta.replay.forget_before.is_empty();
        if forgetful && oracle::contexts(plain)?.iter().any(|context| !self.known.contains(context)) {
            return Ok(Expected::Refused("its context is forgotten"));
        }
        Ok(Expected::Opened)
    }

    /// The contexts that an answer brings are the recording's.
    fn contexts(&mut self, by: Party, plain: &str, contexts: &[crate::subject::Context]) -> Result<(), String> {
        for context in contexts {
            let same = |key: &&crate::recording::ContextKey| {
                key.identifier == context.identifier && key.instance == context.instance
            };
            let recorded = self.scenario.keys.security_context_tokens.iter().find(same);
            let recorded = recorded.ok_or_else(|| format!("context {} is not in the recording", context.identifier))?;
            if recorded.key != context.key {
                return Err(format!("another key for context {}", context.identifier));
            }
        }
        if by == Party::Service
            && let Some((identifier, instance)) = oracle::issued(plain).map_err(|error| error.to_string())?
        {
            if !contexts.iter().any(|context| context.identifier == identifier && context.instance == instance) {
                return Err(format!("context {identifier} was issued and not learned"));
            }
            self.known.insert(identifier);
        }
        Ok(())
    }
}

fn reason(halt: Halt) -> String {
    match halt {
        Halt::NotBuilt(why) | Halt::Refused(why) | Halt::Unsecured(why) => why,
    }
}
