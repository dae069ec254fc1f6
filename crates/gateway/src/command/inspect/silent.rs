//! An answer without a body: a word of success by its status alone, where the contract has the service say no more.

use nuncio_wss::portrait::{Kind, Portrait};

use super::capture::Capture;
use super::form::{no_answer, of_no_answer};
use super::judge::Judge;
use super::look::rejected_by_head;
use super::report::{PolicyVerdict, RefusalReport, Report};
use crate::command::Failed;
use crate::config::Endpoint;

/// What the contract says of it.
enum Silence {
    /// It may be.
    Meant,
    /// What was asked for has an answer.
    Wrong,
    /// What was asked for is not known, and with it might be said.
    Undecided,
    /// The contract does not know what was asked for.
    Untold,
}

/// Says what becomes of an answer without a body; `asked` is the request that it answers, if that is given. An error where it
/// would not be believed.
pub(super) fn hear(report: &mut Report, judge: &Judge, capture: &Capture, asked: Option<&Portrait>) -> Option<Failed> {
    let Some(endpoint) = &judge.endpoint else {
        let says = if capture.status().is_some_and(|status| status < 300) {
            "An answer without a body: the service took a message that needs no answer, or says no more."
        } else {
            "An answer without a body: the service did not do what it was asked, and does not say why."
        };
        report.says.push(says.to_owned());
        return None;
    };
    report.says.push("An answer without a body.".to_owned());
    if let Some(unavailable) = no_answer(capture, &judge.limits) {
        return Some(rejected_by_head(report, judge, true, of_no_answer(&unavailable)));
    }
    let mut assumed = judge.notes.clone();
    match silence(endpoint, asked) {
        Silence::Wrong => return Some(rejected_by_head(report, judge, true, nothing())),
        Silence::Undecided => {
            report.outcome = "undecided";
            let reason = "it is without a body, and only what was asked for says whether it may be".to_owned();
            report.says.push(format!("Whether it would be believed cannot be said: {reason}."));
            let means = "Give the request that it answers (--request).".to_owned();
            report.refusal = Some(RefusalReport { reason, means, client: None, service: None, route: None });
        }
        silence => {
            report.outcome = "taken";
            report.says.push("It would be believed: the service took the message, and says no more.".to_owned());
            if matches!(silence, Silence::Untold) {
                assumed.push(
                    "The contract does not say what was asked for: that it may have no answer is taken for granted."
                        .to_owned(),
                );
            }
            assumed.push(
                "Nothing protects an answer without a body: that it is the service's is taken for granted.".to_owned(),
            );
        }
    }
    report.policy = Some(PolicyVerdict::of(judge, assumed));
    None
}

fn silence(endpoint: &Endpoint, asked: Option<&Portrait>) -> Silence {
    let operations = &endpoint.operations;
    let Some(asked) = asked else {
        let answers_all = !operations.is_empty() && operations.iter().all(|operation| operation.output.is_some());
        return if answers_all { Silence::Wrong } else { Silence::Undecided };
    };
    if matches!(asked.kind, Kind::Issue | Kind::Renew | Kind::Cancel) {
        return Silence::Wrong;
    }
    let known = operations.iter().find(|operation| asked.action.as_ref() == Some(&operation.input.action));
    match known {
        Some(operation) if operation.output.is_some() => Silence::Wrong,
        Some(_) => Silence::Meant,
        None => Silence::Untold,
    }
}

/// What is said where an answer must be.
fn nothing() -> RefusalReport {
    RefusalReport {
        reason: "the service took the message and sent no answer".to_owned(),
        means: "What was asked for has an answer, and none came: whether the service did it is not known.".to_owned(),
        client: Some("If the operation is one way, give the client the contract that says so.".to_owned()),
        service: Some("Answer the operation with the message that the contract has for it.".to_owned()),
        route: None,
    }
}
