//! Every recorded answer, held to its scenario's policy as a client would hold it: with its request given, and without.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use nuncio_tests::ends::Ends;
use nuncio_tests::recording::{self, Exchange, Party, Scenario};
use nuncio_tests::subject::Subject;
use nuncio_tests::time;
use serde_json::Value;

use crate::{Files, arguments, inspect, octets};

/// So many answers are believed with their request, and so many without.
const BELIEVED: usize = 1093;
const BELIEVED_ALONE: usize = 1001;

/// The service's word for why it did not take a request, which nothing protects: no client believes it.
const BAD_TOKEN: &str = "At least one security token in the message could not be validated.";
const BAD_SECURITY: &str = "An error occurred when verifying security for the message.";
const LOST: &str = "The message could not be processed.";

/// Recorded answers that are faults without security, as the services sent them: by scenario and number, with their reason.
const UNSECURED: [(&str, &str); 11] = [
    ("basic-username-wrongPassword 1", BAD_TOKEN),
    ("custom-certificate-sc-0205b-layout-LaxTimestampLast 2", BAD_SECURITY),
    ("custom-certificate-sc-13b-layout-LaxTimestampLast 2", BAD_SECURITY),
    ("custom-username-sc-13b-layout-LaxTimestampLast 2", BAD_SECURITY),
    ("wcf-anonymousForCertificate-sc-1.3-noTimestamp-replayDetection 1", BAD_SECURITY),
    ("wcf-anonymousForCertificate-sc-2005-02-noTimestamp-replayDetection 1", BAD_SECURITY),
    ("wcf-anonymousForCertificate-sc-2005-02-serverRestart 4", LOST),
    ("wcf-userNameForCertificate-nosc-1.3-badPassword 1", BAD_TOKEN),
    ("wcf-userNameForCertificate-sc-1.3-badPassword 1", BAD_TOKEN),
    ("ws2007-username-nosc-wrongPassword 1", BAD_TOKEN),
    ("wshttp-username-nosc-wrongPassword 1", BAD_TOKEN),
];

/// Scenarios whose policy is not built, and which no gateway serves: their messages come in parts.
const NOT_BUILT: [&str; 3] = ["ws2007-username-nosc-mtom", "wshttp-username-nosc-mtom", "wshttp-username-sc-mtom"];

/// What came of an answer.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Came {
    Believed,
    /// It is under a key of its request, which was not given.
    NotDecided,
    Unsecured,
}

#[test]
fn every_recorded_answer_is_believed() {
    let scenarios = recording::load(&recording::packed()).unwrap();
    let next = AtomicUsize::new(0);
    let (counts, unsecured, wrong) =
        (Mutex::new(BTreeMap::new()), Mutex::new(Vec::new()), Mutex::new(Vec::<String>::new()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(scenario) = scenarios.get(next.fetch_add(1, Ordering::Relaxed)) {
                    // A client that has its answers sent elsewhere is none that a gateway serves, or is.
                    if scenario.exchanges.iter().any(|exchange| exchange.from == Party::Service) {
                        continue;
                    }
                    assert_eq!(
                        Ends::start(scenario).is_err(),
                        NOT_BUILT.contains(&&*scenario.name),
                        "{}",
                        scenario.name
                    );
                    if NOT_BUILT.contains(&&*scenario.name) {
                        continue;
                    }
                    let files = Files::of(scenario);
                    let answers = scenario.exchanges.iter().filter(|exchange| !exchange.response.body.is_empty());
                    for (exchange, given) in answers.flat_map(|exchange| [(exchange, true), (exchange, false)]) {
                        match hold(scenario, &files, exchange, given) {
                            Ok(came) => {
                                if came == Came::Unsecured && given {
                                    unsecured.lock().unwrap().push(format!("{} {}", scenario.name, exchange.n));
                                }
                                *counts.lock().unwrap().entry((given, came)).or_insert(0) += 1;
                            }
                            Err(why) => wrong.lock().unwrap().push(why),
                        }
                    }
                }
            });
        }
    });
    let (counts, mut unsecured, wrong) =
        (counts.into_inner().unwrap(), unsecured.into_inner().unwrap(), wrong.into_inner().unwrap());
    assert!(wrong.is_empty(), "{} answers:\n{}", wrong.len(), wrong.join("\n"));
    unsecured.sort();
    let mut known = UNSECURED.map(|(at, _)| at.to_owned());
    known.sort();
    assert_eq!(unsecured, known);
    let count = |given, came| counts.get(&(given, came)).copied().unwrap_or_default();
    eprintln!("{counts:?}");
    assert_eq!(count(true, Came::NotDecided), 0);
    assert!(count(true, Came::Believed) >= BELIEVED && count(false, Came::Believed) >= BELIEVED_ALONE, "{counts:?}");
}

/// Holds an answer to its policy; why what is said of it is wrong.
fn hold(scenario: &Scenario, files: &Files, exchange: &Exchange, given: bool) -> Result<Came, String> {
    let at = format!("{} {}", scenario.name, exchange.n);
    let mut all = [files.keys(scenario), files.policy(scenario), arguments(&["--json"])].concat();
    all.extend(["--clock".to_owned(), time::format_utc(exchange.response_at)]);
    if given {
        all.extend(["--request".to_owned(), files.capture("request.http", &exchange.request)]);
    }
    let told = inspect(&octets(&exchange.response), &all);
    let json = told.json();
    let wrong = || Err(format!("{at}, its request {given}: {:?} {}", told.status, json["says"]));
    let assumed = said(&json["policy"]["assumed"]);
    let reason = json["refusal"]["reason"].as_str();
    if json["message"]["direction"] != "answer" || json["request"].is_null() == given {
        return wrong();
    }
    match (told.status, json["outcome"].as_str().unwrap(), reason) {
        (Some(0), "taken", None) if assumed.contains("Its request is not given") != given => Ok(Came::Believed),
        // What is under a key of the conversation, or of TLS, does not wait for its request.
        (Some(0), "undecided", Some("key reference: names an encrypted key that is not known"))
            if !given && !said(&json["says"]).contains("It belongs to") =>
        {
            Ok(Came::NotDecided)
        }
        (Some(3), "refused", Some(reason)) => match UNSECURED.iter().find(|(known, _)| *known == at) {
            Some((_, why)) if reason.contains("a fault without security") && reason.contains(why) => {
                Ok(Came::Unsecured)
            }
            _ => wrong(),
        },
        _ => wrong(),
    }
}

/// Sentences, one behind the other.
fn said(sentences: &Value) -> String {
    let all = sentences.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned());
    all.collect::<Vec<_>>().join(" ")
}

/// An answer without its HTTP head is known as one by the contract, or where that is said.
#[test]
fn an_answer_without_a_head_is_known_by_the_contract() {
    let scenarios = recording::load(&recording::packed()).unwrap();
    let scenario = scenarios.iter().find(|of| of.name == "basic-certificate").unwrap();
    let files = Files::of(scenario);
    let exchange = &scenario.exchanges[0];
    let clock = arguments(&["--json", "--clock", &time::format_utc(exchange.response_at)]);
    let keys = [files.keys(scenario), clock].concat();
    let direction = |more: &[String]| {
        let json = inspect(&exchange.response.body, &[keys.clone(), more.to_vec()].concat()).json();
        (
            json["message"]["direction"].as_str().unwrap().to_owned(),
            json["policy"]["assumed"].to_string(),
            json["outcome"].clone(),
        )
    };
    let (by_contract, assumed, outcome) = direction(&files.policy(scenario));
    assert_eq!((&*by_contract, outcome), ("answer", Value::from("taken")), "{assumed}");
    assert!(assumed.contains("taken for an answer"), "{assumed}");
    let (flagged, assumed, _) = direction(&arguments(&["--answer"]));
    assert!(flagged == "answer" && !assumed.contains("taken for an answer"), "{assumed}");
    let told = inspect(&octets(&exchange.request), &arguments(&["--answer"]));
    assert_eq!((told.status, told.out.contains("--answer: ")), (Some(1), true), "{}", told.out);
}
