//! The player judges rightly: a subject that answers from the oracle passes, and each way of going wrong is a failure.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail the test")]

use nuncio_tests::ends;
use nuncio_tests::http::HttpMessage;
use nuncio_tests::oracle;
use nuncio_tests::player::{Direction, Outcome, play};
use nuncio_tests::recording::{self, Exchange, Scenario};
use nuncio_tests::subject::{Context, Halt, Opened, Subject};
use std::collections::BTreeSet;
use std::sync::LazyLock;

static SCENARIOS: LazyLock<Vec<Scenario>> = LazyLock::new(|| recording::load(&recording::packed()).unwrap());

fn scenario(name: &str) -> &'static Scenario {
    SCENARIOS.iter().find(|scenario| scenario.name == name).unwrap()
}

/// Opens everything as the oracle does, refuses what a service would, and goes wrong as `FAULT` says.
struct Puppet<const FAULT: usize> {
    scenario: &'static Scenario,
    known: BTreeSet<String>,
}

const GOOD: usize = 0;
const OTHER_BODY: usize = 1;
const OTHER_KEY: usize = 2;
const NOTHING_LEARNED: usize = 3;
const REFUSES_ALL: usize = 4;
const ADMITS_ALL: usize = 5;

impl<const FAULT: usize> Subject for Puppet<FAULT> {
    fn start(of: &Scenario) -> Result<Self, Halt> {
        Ok(Self { scenario: scenario(&of.name), known: BTreeSet::new() })
    }

    fn forget(&mut self) {
        self.known.clear();
    }

    fn request(&mut self, exchange: &Exchange) -> Result<Opened, Halt> {
        let plain = oracle::open(&exchange.request.body, &self.scenario.keys).unwrap();
        if FAULT == REFUSES_ALL {
            return Err(Halt::Refused("no".into()));
        }
        if FAULT != ADMITS_ALL {
            if oracle::credentials(&plain)
                .unwrap()
                .is_some_and(|(user, word)| self.scenario.meta.users().get(&user) != Some(&word))
            {
                return Err(Halt::Refused("wrong password".into()));
            }
            if oracle::contexts(&plain).unwrap().iter().any(|context| !self.known.contains(context)) {
                return Err(Halt::Refused("unknown context".into()));
            }
        }
        let plain = if FAULT == OTHER_BODY { plain.replace("line 1", "line 2") } else { plain };
        Ok(Opened { envelope: plain.into_bytes(), action: exchange.request_action.clone(), contexts: Vec::new() })
    }

    fn response(&mut self, exchange: &Exchange) -> Result<Opened, Halt> {
        self.of_service(&exchange.response, exchange.response_action.clone())
    }

    fn arrival(&mut self, exchange: &Exchange, answers: Option<u32>) -> Result<Opened, Halt> {
        let plain = oracle::open(&exchange.request.body, &self.scenario.keys).unwrap();
        assert_eq!(answers.is_some(), plain.contains("RelatesTo>"), "{} {}", self.scenario.name, exchange.n);
        self.of_service(&exchange.request, exchange.request_action.clone())
    }
}

impl<const FAULT: usize> Puppet<FAULT> {
    fn of_service(&mut self, message: &HttpMessage, action: Option<String>) -> Result<Opened, Halt> {
        let plain = oracle::open(&message.body, &self.scenario.keys).unwrap();
        if oracle::is_unsecured_fault(&plain).unwrap() {
            return Err(Halt::Unsecured("fault".into()));
        }
        let mut contexts = Vec::new();
        if let Some((identifier, instance)) = oracle::issued(&plain).unwrap() {
            let recorded = &self.scenario.keys.security_context_tokens;
            let mut key = recorded
                .iter()
                .find(|key| key.identifier == identifier && key.instance == instance)
                .unwrap()
                .key
                .clone();
            key[0] ^= u8::from(FAULT == OTHER_KEY);
            self.known.insert(identifier.clone());
            if FAULT != NOTHING_LEARNED {
                contexts.push(Context { identifier, instance, key });
            }
        }
        Ok(Opened { envelope: plain.into_bytes(), action, contexts })
    }
}

fn failures<const FAULT: usize>(name: &str) -> Vec<(u32, Direction, String)> {
    match play::<Puppet<FAULT>>(scenario(name)) {
        Outcome::Failed(failures, _) => failures
            .into_iter()
            .map(|failure| {
                let (n, direction) = failure.at.unwrap();
                (n, direction, failure.why)
            })
            .collect(),
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn what_opens_as_the_oracle_says_passes() {
    for scenario in SCENARIOS.iter() {
        match play::<Puppet<GOOD>>(scenario) {
            Outcome::Passed(_) => {}
            Outcome::Skipped(why) => assert_eq!(why, "media type multipart/related", "{}", scenario.name),
            Outcome::Failed(failures, _) => panic!("{}: {}", scenario.name, failures[0]),
        }
    }
    // Seven requests, six responses: the one-way call has none.
    assert_eq!(play::<Puppet<GOOD>>(scenario("wcf-userNameForCertificate-sc-2005-02")), Outcome::Passed(13));
}

#[test]
fn each_fault_is_found_where_it_is() {
    let name = "wcf-userNameForCertificate-sc-2005-02";

    let other_body = failures::<OTHER_BODY>(name);
    assert_eq!(other_body.iter().map(|(n, ..)| *n).collect::<Vec<_>>(), [2, 3, 5, 6]);
    assert!(other_body[0].2.starts_with("another body: at /Body[1]/Echo[1]/text"), "{}", other_body[0].2);

    let [(1, Direction::Response, why)] = &failures::<OTHER_KEY>(name)[..] else { panic!() };
    assert!(why.starts_with("another key"), "{why}");
    let [(1, Direction::Response, why)] = &failures::<NOTHING_LEARNED>(name)[..] else { panic!() };
    assert!(why.ends_with("not learned"), "{why}");
    assert_eq!(failures::<REFUSES_ALL>(name).len(), 7);
}

#[test]
fn what_must_be_refused_may_not_open() {
    let [(1, Direction::Request, why)] = &failures::<ADMITS_ALL>("wcf-userNameForCertificate-sc-1.3-badPassword")[..]
    else {
        panic!()
    };
    assert_eq!(why, "opened, but the password is wrong");
    let [(4, Direction::Request, why)] =
        &failures::<ADMITS_ALL>("wcf-anonymousForCertificate-sc-2005-02-serverRestart")[..]
    else {
        panic!()
    };
    assert_eq!(why, "opened, but its context is forgotten");
}

/// A port without security whose exchange of that number says something else.
fn changed(n: u32, what: &str, with: &str) -> Scenario {
    let mut scenarios = recording::load(&recording::packed().join("duplex.tar.zst")).unwrap();
    scenarios.retain(|scenario| scenario.name == "wsDualHttpBinding-nosecurity");
    let mut scenario = scenarios.remove(0);
    let exchange = scenario.exchanges.iter_mut().find(|exchange| exchange.n == n).unwrap();
    let body = String::from_utf8(exchange.request.body.clone()).unwrap();
    assert!(body.contains(what), "{body}");
    exchange.request.body = body.replace(what, with).into_bytes();
    scenario
}

fn only_failure(scenario: &Scenario) -> (u32, String) {
    match ends::play(scenario) {
        Outcome::Failed(failures, 17) => {
            let [failure] = &failures[..] else { panic!("{failures:?}") };
            (failure.at.unwrap().0, failure.why.clone())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_port_without_security_is_played_without() {
    assert_eq!(ends::play(&changed(5, "<s:Body/>", "<s:Body/>")), Outcome::Passed(18));
    let security = "<o:Security xmlns:o=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd\"/></s:Header>";
    let (n, why) = only_failure(&changed(5, "</s:Header>", security));
    assert_eq!((n, why.as_str()), (5, "it is secured, and the port has no security"));
}

#[test]
fn what_the_service_sends_answers_what_was_asked() {
    let (n, why) = only_failure(&changed(4, "urn:uuid:ff3df9c9", "urn:uuid:00000000"));
    assert!(n == 4 && why.ends_with("which was not asked"), "{n}: {why}");
}
