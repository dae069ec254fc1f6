//! Every recorded message: what is told of it is what the recording's own index and the oracle say it is, and what is said of
//! a request is what our recipient makes of it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use nuncio_tests::ends::Ends;
use nuncio_tests::http::HttpMessage;
use nuncio_tests::player::Direction;
use nuncio_tests::recording::{self, Exchange, Party, Scenario};
use nuncio_tests::subject::{Halt, Subject};
use nuncio_tests::{oracle, time};
use roxmltree::Document;
use serde_json::Value;

use crate::{Files, inspect, octets};

/// So many messages are told, and of so many requests it is said what becomes of them.
const MESSAGES: usize = 2810;
const JUDGED: usize = 1251;

#[test]
fn every_recorded_message_is_told_as_what_it_is() {
    let scenarios = recording::load(&recording::packed()).unwrap();
    let (told, judged, next) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(scenario) = scenarios.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (messages, requests, of_scenario) = tell(scenario);
                    wrong.lock().unwrap().extend(of_scenario);
                    told.fetch_add(messages, Ordering::Relaxed);
                    judged.fetch_add(requests, Ordering::Relaxed);
                }
            });
        }
    });
    let (told, judged) = (told.into_inner(), judged.into_inner());
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} messages are told as what they are not:\n{}", wrong.len(), wrong.join("\n"));
    eprintln!("{told} messages told, {judged} requests judged");
    assert!(told >= MESSAGES && judged >= JUDGED, "{told} messages, {judged} requests");
}

/// Tells all messages of a scenario; how many, how many requests were held to its policy, and of which what is told is wrong.
fn tell(scenario: &Scenario) -> (usize, usize, Vec<String>) {
    let files = Files::of(scenario);
    let keys = files.keys(scenario);
    // A gateway serves no port that answers to another address.
    let duplex = scenario.exchanges.iter().any(|exchange| exchange.from == Party::Service);
    let mut ends = Ends::start(scenario).ok().filter(|_| !duplex);
    let (mut told, mut judged, mut wrong) = (0, 0, Vec::new());
    for exchange in &scenario.exchanges {
        for (direction, message) in [(Direction::Request, &exchange.request), (Direction::Response, &exchange.response)]
        {
            let at = format!("{} {} {direction:?}", scenario.name, exchange.n);
            let request = direction == Direction::Request && exchange.from == Party::Client;
            let policy = if request && ends.is_some() { files.policy(scenario) } else { Vec::new() };
            let clock = match direction {
                Direction::Request => exchange.request_at,
                Direction::Response => exchange.response_at,
            };
            let mut all = [keys.clone(), policy].concat();
            all.extend(["--json".into(), "--clock".into(), time::format_utc(clock)]);
            let capture = octets(message);
            let json = inspect(&capture, &all);
            told += 1;
            let (status, json) = (json.status, json.json());
            let checked = std::panic::catch_unwind(|| check(&at, scenario, exchange, direction, message, &json));
            wrong.extend(checked.err().map(|_| at.clone()));
            if let (Some(ends), Direction::Response, false) = (&mut ends, direction, message.body.is_empty()) {
                // By it the recipient has the conversation that it grants.
                let _ = ends.response(exchange);
            }
            if !request {
                continue;
            }
            let Some(ends) = &mut ends else { continue };
            // Contexts that were lost there are at hand here.
            if !scenario.meta.replay.forget_before.is_empty() {
                continue;
            }
            let taken = match ends.request(exchange) {
                Ok(_) => (Some(0), "taken"),
                Err(Halt::NotBuilt(_)) => continue,
                Err(_) => (Some(3), "refused"),
            };
            let said = (status, json["outcome"].as_str().unwrap());
            let unread = (Some(4), "unreadable");
            if said != taken && !(taken.1 == "refused" && said == unread) {
                wrong.push(format!("{at}: {said:?}, {}", json["refusal"]["reason"]));
            }
            judged += 1;
        }
    }
    (told, judged, wrong)
}

/// What is told is what the recording and the oracle say.
fn check(
    at: &str,
    scenario: &Scenario,
    exchange: &Exchange,
    direction: Direction,
    message: &HttpMessage,
    json: &Value,
) {
    let says = json["says"].as_array().unwrap();
    assert!(!says.is_empty() && says.iter().all(|text| text.as_str().unwrap().ends_with('.')), "{at}: {says:?}");
    if message.body.is_empty() {
        assert_eq!(json["outcome"], "read", "{at}");
        return;
    }
    let media = message.media_type();
    if media != "text/xml" && media != "application/soap+xml" {
        assert_eq!(json["outcome"], "unreadable", "{at}: {media}");
        return;
    }
    let told = &json["message"];
    let answer = if direction == Direction::Response { "answer" } else { "request" };
    assert_eq!(told["direction"], answer, "{at}");
    let action = match direction {
        Direction::Request => &exchange.request_action,
        Direction::Response => &exchange.response_action,
    };
    if action.is_some() {
        assert_eq!(told["action"].as_str(), action.as_deref(), "{at}");
    }
    let plain = oracle::open(&message.body, &scenario.keys).unwrap_or_else(|error| panic!("{at}: {error}"));
    let document = Document::parse(plain.trim_start_matches('\u{feff}')).unwrap();
    let body = document.root_element().children().find(|node| node.tag_name().name() == "Body").unwrap();
    let payload = body.first_element_child();
    let kind = told["kind"].as_str().unwrap();
    match (told["payload"].as_str(), payload) {
        // It is encrypted under a key that is not there: the action says what it is.
        (None, payload) => {
            let unseen = told["body_encrypted"] == true || payload.is_none();
            assert!(unseen, "{at}: there is {payload:?}");
        }
        (Some(seen), Some(payload)) => {
            let name = payload.tag_name();
            assert_eq!(seen, format!("{{{}}}{}", name.namespace().unwrap_or_default(), name.name()), "{at}");
        }
        (Some(seen), None) => panic!("{at}: {seen} is not there"),
    }
    let expected = expected(action.as_deref().unwrap_or_default(), payload);
    let hidden = told["payload"].is_null() && kind == "application";
    assert!(kind == expected || hidden && expected == "fault", "{at}: {kind} in place of {expected}");
    for (part, state) in [("signatures", "value"), ("encrypted", "opened")] {
        for one in told[part].as_array().unwrap() {
            assert_ne!(one[state], "bad", "{at}: {one:#}");
        }
    }
    let bad = told["signatures"].as_array().unwrap().iter().flat_map(|one| one["covers"].as_array().unwrap());
    for cover in bad {
        assert_ne!(cover["digest"], "bad", "{at}: {cover}");
    }
    let dangers: Vec<_> =
        json["findings"].as_array().unwrap().iter().filter(|found| found["grade"] == "danger").collect();
    assert!(dangers.is_empty(), "{at}: {dangers:#?}");
}

/// What a message is, by its action and by what is in its body.
fn expected(action: &str, payload: Option<roxmltree::Node<'_, '_>>) -> &'static str {
    let local = payload.map(|node| node.tag_name().name()).unwrap_or_default();
    let kinds = [
        ("/RST/SCT", "issue"),
        ("/RST/SCT/Renew", "renew"),
        ("/RST/SCT/Cancel", "cancel"),
        ("/RSTR/SCT", "issued"),
        ("/RSTR/SCT/Renew", "renewed"),
        ("/RSTR/SCT/Cancel", "cancelled"),
    ];
    if local == "Fault" {
        return "fault";
    }
    if let Some((_, kind)) = kinds.iter().find(|(end, _)| action.contains("trust") && action.ends_with(end)) {
        return kind;
    }
    let reliable = [
        "CreateSequence",
        "CreateSequenceResponse",
        "TerminateSequence",
        "TerminateSequenceResponse",
        "CloseSequence",
        "CloseSequenceResponse",
    ];
    if reliable.contains(&local) || action.contains("/rm") || action.contains("wsrm") {
        return "sequence";
    }
    match local {
        "RequestSecurityToken" => "token-request",
        "RequestSecurityTokenResponse" | "RequestSecurityTokenResponseCollection" => "token-response",
        _ => "application",
    }
}
