//! What a policy makes of a message, as it is told.

use nuncio_wss::{Lack, Refusal};

use super::judge::{Judge, Outcome, Verdict};
use super::report::{AlternativeReport, PolicyVerdict, RefusalReport, Report};
use crate::command::Failed;

/// Puts a verdict into a report. An error where the message would be refused.
pub(super) fn conclude(report: &mut Report, judge: &Judge, verdict: Verdict, strict: bool) -> Option<Failed> {
    let Verdict { outcome, stale, principal, assumed, alternatives } = verdict;
    report.policy = Some(PolicyVerdict {
        name: judge.name.clone(),
        assumed,
        principal,
        alternatives: alternatives.into_iter().enumerate().map(|(at, found)| alternative(at + 1, found)).collect(),
    });
    let old = stale.as_ref().map(|refusal| match refusal {
        Refusal::FromTheFuture { .. } => "it is from the future".to_owned(),
        _ => "it is too old".to_owned(),
    });
    match outcome {
        Outcome::Taken => {
            report.outcome = "taken";
            let (Some(refusal), Some(old)) = (&stale, old) else {
                report.says.push("It would be taken: it satisfies the policy.".to_owned());
                return None;
            };
            report.says.push(format!(
                "It would have been taken when it was made. At the instant of looking {old}: {refusal}."
            ));
            report.refusal = Some(advised(refusal));
            if strict {
                report.outcome = "refused";
            }
            strict.then(|| Failed::WouldBeRefused(refusal.to_string()))
        }
        Outcome::Refused(refusal) => {
            report.outcome = "refused";
            report.says.push(format!("It would be refused: {refusal}."));
            if let Some(old) = old {
                report.says.push(format!("That is so for the instant at which it was made; besides, {old} now."));
            }
            report.refusal = Some(advised(&refusal));
            Some(Failed::WouldBeRefused(refusal.to_string()))
        }
        Outcome::Denied => {
            report.outcome = "refused";
            let reason = "the rules of the route do not allow it".to_owned();
            report.says.push(format!("It would be opened, and denied: {reason}."));
            report.refusal = Some(RefusalReport {
                reason: reason.clone(),
                means: "The message is sound, and whoever sent it may not call that action.".to_owned(),
                client: Some("Call as somebody who may.".to_owned()),
                route: Some("Let the caller call that action in `authorise`.".to_owned()),
            });
            Some(Failed::WouldBeRefused(reason))
        }
        Outcome::Undecided(lack, refusal) => {
            report.outcome = "undecided";
            let wanting = wanting(lack);
            report.says.push(format!("Whether it would be taken cannot be said: {refusal}."));
            report.refusal = Some(RefusalReport {
                reason: refusal.to_string(),
                means: wanting.to_owned(),
                client: None,
                route: None,
            });
            None
        }
    }
}

fn alternative(number: usize, found: Result<Outcome, String>) -> AlternativeReport {
    let (outcome, reason) = match found {
        Ok(Outcome::Taken) => ("taken", None),
        Ok(Outcome::Refused(refusal)) => ("refused", Some(refusal.to_string())),
        Ok(Outcome::Denied) => ("refused", Some("the rules of the route do not allow it".to_owned())),
        Ok(Outcome::Undecided(_, refusal)) => ("undecided", Some(refusal.to_string())),
        Err(why) => ("not-served", Some(why)),
    };
    AlternativeReport { number, outcome, reason }
}

/// What to give, so that it can be decided.
fn wanting(lack: Lack) -> &'static str {
    match lack {
        Lack::PrivateKey => {
            "The message is encrypted for the service: give its certificate and key (--certificate, --key)."
        }
        Lack::Trust => "The client's certificate is to be believed by others: give them (--trust).",
        Lack::Context => {
            "The message belongs to a conversation: give its key (--context), which who speaks in it has and no gateway tells."
        }
        Lack::Password => "The message has a user name: give the password that is right (--user).",
        Lack::Request => "The message is under a key of another one.",
    }
}

pub(super) fn advised(refusal: &Refusal) -> RefusalReport {
    let advice = refusal.advice();
    RefusalReport {
        reason: refusal.to_string(),
        means: advice.means.to_owned(),
        client: Some(advice.client.to_owned()),
        route: advice.route.map(str::to_owned),
    }
}
