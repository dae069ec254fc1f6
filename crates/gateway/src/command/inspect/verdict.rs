//! What a policy makes of a message, as it is told.

use nuncio_wss::{Lack, Refusal};

use super::judge::{Judge, Outcome, Side, Verdict, Wanting};
use super::report::{AlternativeReport, PolicyVerdict, RefusalReport, Report};
use crate::command::Failed;

/// What is said of requests, and of answers.
struct Words {
    taken: &'static str,
    was_taken: &'static str,
    refused: &'static str,
    undecided: &'static str,
}

const OF_REQUEST: Words = Words {
    taken: "It would be taken: it satisfies the policy.",
    was_taken: "It would have been taken when it was made.",
    refused: "It would be refused",
    undecided: "Whether it would be taken cannot be said",
};

const OF_ANSWER: Words = Words {
    taken: "It would be believed: it is what the policy has the service answer.",
    was_taken: "It would have been believed when it was made.",
    refused: "It would not be believed",
    undecided: "Whether it would be believed cannot be said",
};

impl PolicyVerdict {
    /// That of a judge, of which nothing is said yet but what is taken for granted.
    pub(super) fn of(judge: &Judge, assumed: Vec<String>) -> Self {
        Self {
            name: judge.name.clone(),
            side: match judge.side {
                Side::Flags { .. } => None,
                Side::Ingress { .. } => Some("ingress"),
                Side::Egress(_) => Some("egress"),
            },
            plain: false,
            assumed,
            principal: None,
            alternatives: Vec::new(),
        }
    }
}

/// Puts a verdict into a report. An error where the message would be refused.
pub(super) fn conclude(report: &mut Report, judge: &Judge, verdict: Verdict, answer: bool) -> Option<Failed> {
    let Verdict { outcome, stale, principal, assumed, alternatives } = verdict;
    report.policy = Some(PolicyVerdict {
        principal,
        alternatives: alternatives.into_iter().enumerate().map(|(at, found)| alternative(at + 1, found)).collect(),
        ..PolicyVerdict::of(judge, judge.notes.iter().cloned().chain(assumed).collect())
    });
    let words = if answer { &OF_ANSWER } else { &OF_REQUEST };
    let advised = |refusal: &Refusal| judge.advised(refusal, answer);
    let old = stale.as_ref().map(|refusal| match refusal {
        Refusal::FromTheFuture { .. } => "it is from the future".to_owned(),
        _ => "it is too old".to_owned(),
    });
    let besides =
        old.as_ref().map(|old| format!("That is so for the instant at which it was made; besides, {old} now."));
    let refused = if answer { Failed::NotBelieved } else { Failed::WouldBeRefused };
    match outcome {
        Outcome::Taken => {
            report.outcome = "taken";
            if answer && report.message.as_ref().is_some_and(|message| message.fault.is_some()) {
                report.says.push("It is a fault, and the service vouches for it.".to_owned());
            }
            let (Some(refusal), Some(old)) = (&stale, old) else {
                report.says.push(words.taken.to_owned());
                return None;
            };
            report.says.push(format!("{} At the instant of looking {old}: {refusal}.", words.was_taken));
            report.refusal = Some(advised(refusal));
            None
        }
        Outcome::Refused(refusal) | Outcome::NotAsked(refusal) => {
            report.outcome = "refused";
            report.says.push(format!("{}: {refusal}.", words.refused));
            report.says.extend(besides);
            report.refusal = Some(advised(&refusal));
            Some(refused)
        }
        Outcome::Denied => {
            report.outcome = "refused";
            let reason = "the rules of the route do not allow it".to_owned();
            report.says.push(format!("It would be opened, and denied: {reason}."));
            report.says.extend(besides);
            report.refusal = Some(RefusalReport {
                reason,
                means: "The message is sound, and whoever sent it may not call that action.".to_owned(),
                client: Some("Call as somebody who may.".to_owned()),
                service: None,
                route: Some("Let the caller call that action in `authorise`.".to_owned()),
            });
            Some(refused)
        }
        Outcome::Undecided(wanting, refusal) => {
            report.outcome = "undecided";
            let of = match wanting {
                Wanting::Of(_) => "",
                Wanting::OfRequest(_) | Wanting::AnotherRequest => ", for its request",
            };
            report.says.push(format!("{}{of}: {refusal}.", words.undecided));
            report.says.extend(besides);
            report.refusal = Some(RefusalReport {
                reason: refusal.to_string(),
                means: wanted(wanting, answer).to_owned() + &given(judge, wanting),
                client: None,
                service: None,
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
        Ok(Outcome::NotAsked(refusal)) => ("refused", Some(format!("its request does not come under it: {refusal}"))),
        Ok(Outcome::Denied) => ("refused", Some("the rules of the route do not allow it".to_owned())),
        Ok(Outcome::Undecided(_, refusal)) => ("undecided", Some(refusal.to_string())),
        Err(why) => ("not-served", Some(why)),
    };
    AlternativeReport { number, outcome, reason }
}

/// Of which contexts the keys are given, where it is for want of that of another.
fn given(judge: &Judge, wanting: Wanting) -> String {
    let is_of_context = matches!(wanting, Wanting::Of(Lack::Context) | Wanting::OfRequest(Lack::Context));
    let names: Vec<&str> = judge.contexts.iter().map(|context| context.identifier.as_str()).collect();
    if is_of_context && !names.is_empty() {
        format!(" The keys that are given are those of {}.", names.join(", "))
    } else {
        String::new()
    }
}

/// What to give, so that it can be decided.
fn wanted(wanting: Wanting, answer: bool) -> &'static str {
    match wanting {
        Wanting::Of(Lack::PrivateKey) if answer => {
            "The answer is encrypted for the client: give its certificate and key (--client-certificate, --client-key)."
        }
        Wanting::Of(Lack::Trust) if answer => {
            "The answer is signed with the service's certificate, which is not known: give it (--certificate)."
        }
        Wanting::Of(Lack::PrivateKey) => {
            "The message is encrypted for the service: give its certificate and key (--certificate, --key)."
        }
        Wanting::Of(Lack::Trust) => "The client's certificate is to be believed by others: give them (--trust).",
        Wanting::Of(Lack::Context) => {
            "The message belongs to a conversation: give its key (--context), which client and service have; a gateway does not show it."
        }
        Wanting::Of(Lack::Password) => "The message has a user name: give the password that is right (--user).",
        Wanting::Of(Lack::Request) => {
            "The answer is under a key of its request: give that (--request), with what opens it (--certificate and --key of the service)."
        }
        Wanting::OfRequest(Lack::PrivateKey) => {
            "The request that it answers is encrypted for the service: give the service's certificate and key (--certificate, --key)."
        }
        Wanting::OfRequest(Lack::Trust) => {
            "The client's certificate in the request that it answers is to be believed by others: give them (--trust)."
        }
        Wanting::OfRequest(Lack::Context) => {
            "The request that it answers belongs to a conversation: give its key (--context)."
        }
        Wanting::OfRequest(Lack::Password) => {
            "The request that it answers is signed with a user's password: give that (--user)."
        }
        Wanting::OfRequest(Lack::Request) | Wanting::AnotherRequest => {
            "The request that is given would be refused itself, and says nothing of its answer: give the request that it answers (--request)."
        }
    }
}

impl Judge {
    /// A refusal with advice for those whom it is about: of an answer, the service and its client.
    pub(super) fn advised(&self, refusal: &Refusal, answer: bool) -> RefusalReport {
        if answer {
            return advised_of_answer(refusal);
        }
        // Without a policy there is no route, and a service that a route calls has none.
        let has_route = self.endpoint.is_some() && self.outside().is_none();
        let advised = advised(refusal);
        RefusalReport { route: advised.route.filter(|_| has_route), ..advised }
    }
}

pub(super) fn advised(refusal: &Refusal) -> RefusalReport {
    let advice = refusal.advice();
    RefusalReport {
        reason: refusal.to_string(),
        means: advice.means.to_owned(),
        client: Some(advice.client.to_owned()),
        service: None,
        route: advice.route.map(str::to_owned),
    }
}

/// The same of an answer.
fn advised_of_answer(refusal: &Refusal) -> RefusalReport {
    let advice = refusal.advice_of_answer();
    RefusalReport {
        reason: refusal.to_string(),
        means: advice.means.to_owned(),
        client: advice.client.map(str::to_owned),
        service: Some(advice.service.to_owned()),
        route: None,
    }
}
