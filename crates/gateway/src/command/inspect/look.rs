//! A capture looked at: what is in it, and what becomes of it.

use nuncio_policy::explain::Grade;
use nuncio_policy::model::Message;
use nuncio_wss::portrait::{Given, Kind, Portrait};
use nuncio_wss::{HttpFacts, Passwords, Time, V13};

use super::asked::Asked;
use super::capture::Capture;
use super::form::{no_answer, of_no_answer, of_rejection, other_form, turned_away};
use super::judge::Judge;
use super::report::{CaptureReport, PolicyVerdict, RefusalReport, Report, RequestReport};
use super::verdict::conclude;
use super::{describe, remarks, silent};
use crate::command::Failed;
use crate::command::findings::Findings;
use crate::media;

/// What comes of looking.
pub(super) struct Told {
    pub(super) report: Report,
    pub(super) ends: Option<Failed>,
}

/// The request that an answer is to, as it was captured.
struct GivenRequest<'a> {
    capture: &'a Capture,
    portrait: Portrait,
    asked: Asked,
}

impl<'a> GivenRequest<'a> {
    fn of(capture: &'a Capture, given: &Given<'_>, limits: &nuncio_wss::Limits) -> Result<Self, Failed> {
        let failed = |why: &dyn std::fmt::Display| Failed::Step(format!("--request: {why}"));
        if let Some(why) = other_form(capture) {
            return Err(failed(&why));
        }
        if capture.is_answer() == Some(true) {
            return Err(failed(&"it is an answer itself"));
        }
        let said = capture.header("Content-Type");
        let facts = said.map(|content_type| HttpFacts { content_type, soap_action: capture.header("SOAPAction") });
        let portrait = Portrait::of(capture.body.clone(), facts.as_ref(), given, limits)
            .map_err(|refusal| failed(&format!("it cannot be read as a SOAP message: {refusal}")))?;
        let asked = Asked::of(capture, &portrait);
        Ok(Self { capture, portrait, asked })
    }

    fn report(&self) -> RequestReport {
        RequestReport {
            kind: self.portrait.kind.word(),
            action: self.portrait.action.clone(),
            message_id: self.portrait.addressing.message_id.clone(),
            created: self.portrait.created().map(|created| created.to_string()),
        }
    }
}

/// Looks at what was captured, and at the request that it answers, if that is given.
pub(super) async fn look(
    judge: &Judge,
    capture: &Capture,
    request: Option<&Capture>,
    now: Time,
    strict: bool,
) -> Result<Told, Failed> {
    let mut findings = Findings::default();
    for odd in &capture.odd {
        findings.add(Grade::Note, "capture", odd.clone());
    }
    if request.is_some() && capture.is_answer() == Some(false) {
        return Err(Failed::Step("--request: what is looked at is a request itself".to_owned()));
    }
    if judge.answer && capture.is_answer() == Some(false) {
        return Err(Failed::Step("--answer: what is looked at is a request".to_owned()));
    }
    if let Some(why) = other_form(capture) {
        return Ok(unreadable(capture, now, &why, None, findings));
    }
    let is_empty = capture.body.trim_ascii().is_empty();
    if is_empty && capture.is_answer() != Some(true) {
        return Ok(unreadable(capture, now, "it has no body", None, findings));
    }
    let credentials = judge.all_credentials()?;
    let (certificates, contexts) = (judge.certificates(), judge.contexts(&V13, now));
    let passwords: &dyn Passwords = &*judge.users;
    let mut given = Given {
        credentials: &credentials,
        certificates: &certificates,
        contexts: &contexts,
        passwords: Some(passwords),
        answers: None,
    };
    let said = capture.header("Content-Type");
    let facts = |content_type| HttpFacts { content_type, soap_action: capture.header("SOAPAction") };
    let limits = judge.wide();
    let request = request.map(|request| GivenRequest::of(request, &given, &limits)).transpose()?;
    if is_empty {
        let request_report = request.as_ref().map(GivenRequest::report);
        let mut report = Report { request: request_report, ..Report::bare("read", capture, now, findings) };
        let ends = silent::hear(&mut report, judge, capture, request.as_ref().map(|given| &given.portrait));
        return Ok(Told { report, ends });
    }
    let remembered = match (&judge.endpoint, &request) {
        (Some(endpoint), Some(request)) => judge.remembered(endpoint, &request.asked, now)?,
        _ => None,
    };
    given.answers = remembered.as_ref();
    let portrait = match Portrait::of(capture.body.clone(), said.map(facts).as_ref(), &given, &limits) {
        Ok(portrait) => portrait,
        Err(refusal) => {
            let answer = capture.is_answer() == Some(true) || request.is_some();
            let advice = judge.advised(&refusal, answer);
            return Ok(unreadable(capture, now, &refusal.to_string(), Some(advice), findings));
        }
    };
    let answer = capture.is_answer().unwrap_or_else(|| {
        matches!(portrait.kind, Kind::Issued | Kind::Renewed | Kind::Cancelled | Kind::TokenResponse | Kind::Fault)
            || portrait.addressing.relates_to.is_some()
            || request.is_some()
            || judge.answer
    });
    let guessed = !answer && capture.start_line.is_none() && is_output(judge, &portrait);
    let answer = answer || guessed;
    remarks::remark(&portrait, answer, now, &mut findings);
    let mut report = Report {
        outcome: "read",
        at: now.to_string(),
        says: introduction(capture, &portrait, answer),
        capture: told(capture),
        message: Some(describe::describe(&portrait, answer, now)),
        request: request.as_ref().map(GivenRequest::report),
        policy: None,
        refusal: None,
        findings: findings.sorted(),
    };
    let content_type = said.unwrap_or(media::content_type(portrait.soap));
    let (http, seen) = (facts(content_type), (capture, &portrait, answer));
    let ends = held(judge, &mut report, seen, request.as_ref(), &http, (now, strict)).await?;
    if let Some(policy) = report.policy.as_mut().filter(|_| guessed) {
        policy.assumed.push("It is taken for an answer, since the contract has it for one.".to_owned());
    }
    Ok(Told { report, ends })
}

/// Whether the contract has such a message as an answer, and as no request.
fn is_output(judge: &Judge, portrait: &Portrait) -> bool {
    let payload = portrait.body.payload.as_ref();
    let is = |message: &Message| match (&portrait.action, &message.element, payload) {
        (Some(action), _, _) => *action == message.action,
        (None, Some((namespace, local)), Some(payload)) => *namespace == payload.namespace && *local == payload.local,
        (None, _, _) => false,
    };
    let operations = judge.endpoint.iter().flat_map(|endpoint| &endpoint.operations);
    let mut outputs = operations.clone().filter_map(|operation| operation.output.as_ref());
    outputs.any(is) && !operations.map(|operation| &operation.input).any(is)
}

/// Holds a message to what there is to hold it to. An error where it would be refused.
async fn held(
    judge: &Judge,
    report: &mut Report,
    (capture, portrait, answer): (&Capture, &Portrait, bool),
    request: Option<&GivenRequest<'_>>,
    http: &HttpFacts<'_>,
    (now, strict): (Time, bool),
) -> Result<Option<Failed>, Failed> {
    let secured = portrait.securities > 0;
    let is_plain = |capture, secured| judge.outside().filter(|outside| outside.is_plain(capture, secured));
    let plain = is_plain(capture, secured).filter(|_| !answer);
    let plainly_asked = request.and_then(|given| is_plain(given.capture, given.portrait.securities > 0));
    if plain.is_some() {
        report.says.push("It is a plain request, from a program that calls the route.".to_owned());
    }
    if answer && !secured && plainly_asked.is_some() {
        report.says.push(
            "It is what the route answered a plain program. Nothing protects it there: the policy is about what the service \
             answered the route."
                .to_owned(),
        );
        report.policy = Some(PolicyVerdict { plain: true, ..PolicyVerdict::of(judge, judge.notes.clone()) });
        return Ok(None);
    }
    let rejected = if answer {
        no_answer(capture, &judge.limits).map(|unavailable| of_no_answer(&unavailable))
    } else {
        // What the service takes is not known.
        let limit = (judge.outside().is_none() || plain.is_some()).then_some(judge.limits.body_bytes);
        turned_away(capture, limit).map(|rejection| of_rejection(&rejection))
    };
    Ok(match (&judge.endpoint, rejected) {
        (Some(_), Some(refusal)) => Some(rejected_by_head(report, judge, answer, refusal)),
        (Some(endpoint), None) => {
            if let Some(outside) = plain {
                return judge.send_on(report, (outside, endpoint), http, &capture.body);
            }
            let mut verdict = if answer {
                judge.believe(endpoint, http, &capture.body, request.map(|given| &given.asked), (now, strict))?
            } else {
                judge.judge(endpoint, http, &capture.body, (now, strict)).await?
            };
            if judge.outside().is_some() && !secured && capture.request().is_none() && request.is_none() {
                verdict.assumed.push(
                    "It is taken to be a message to or from the service: without a security header it may be one of the plain \
                     side as well."
                        .to_owned(),
                );
            }
            conclude(report, judge, verdict, answer)
        }
        (None, _) => {
            report.says.extend(judge.notes.iter().cloned());
            if request.is_some() {
                report.says.push(
                    "The request that is given opens nothing here: its key opens this one under a policy alone."
                        .to_owned(),
                );
            }
            match &portrait.refused {
                Some(refusal) => {
                    report.outcome = "refused";
                    report.says.push(format!("No policy takes it: {refusal}."));
                    report.refusal = Some(judge.advised(refusal, answer));
                    Some(if answer { Failed::NotBelieved } else { Failed::WouldBeRefused })
                }
                None if answer => {
                    report.says.push("No policy is given: whether it would be believed is not said.".to_owned());
                    None
                }
                None => {
                    report.says.push("No policy is given: whether it would be taken is not said.".to_owned());
                    None
                }
            }
        }
    })
}

/// A gateway, or a service, looks at the head first.
pub(super) fn rejected_by_head(report: &mut Report, judge: &Judge, answer: bool, refusal: RefusalReport) -> Failed {
    let would = if answer { "It would not be believed" } else { "It would be refused" };
    report.outcome = "refused";
    report.says.push(format!("{would}: {}.", refusal.reason));
    report.refusal = Some(refusal);
    report.policy = Some(PolicyVerdict::of(judge, judge.notes.clone()));
    if answer { Failed::NotBelieved } else { Failed::WouldBeRefused }
}

/// What it is, in a few sentences.
fn introduction(capture: &Capture, portrait: &Portrait, answer: bool) -> Vec<String> {
    let soap = portrait.soap.number();
    let what = if answer { "An answer" } else { "A request" };
    let mut says = vec![format!("{what} in SOAP {soap}, of {} octets.", capture.body.len()), portrait.kind.to_string()];
    if let Some(payload) = &portrait.body.payload {
        let hidden = if portrait.body.encrypted { ", which came encrypted" } else { "" };
        says.push(format!("In its body is {}{hidden}.", payload.local));
    } else if portrait.body.encrypted {
        says.push("What is in its body is encrypted.".to_owned());
    }
    says.extend(describe::context_of(portrait).map(|context| format!("It belongs to {context}.")));
    says
}

fn told(capture: &Capture) -> CaptureReport {
    CaptureReport {
        form: if capture.headers.is_some() { "http" } else { "envelope" },
        start_line: capture.start_line.clone(),
        content_type: capture.header("Content-Type").map(str::to_owned),
        soap_action: capture.header("SOAPAction").map(str::to_owned),
        octets: capture.body.len(),
    }
}

impl Report {
    /// That of a message of which nothing can be seen.
    fn bare(outcome: &'static str, capture: &Capture, now: Time, findings: Findings) -> Self {
        Self {
            outcome,
            at: now.to_string(),
            says: Vec::new(),
            capture: told(capture),
            message: None,
            request: None,
            policy: None,
            refusal: None,
            findings: findings.sorted(),
        }
    }
}

/// What cannot be read.
pub(super) fn unreadable(
    capture: &Capture,
    now: Time,
    why: &str,
    refusal: Option<RefusalReport>,
    findings: Findings,
) -> Told {
    let report = Report {
        says: vec![format!("It cannot be read as a SOAP message: {why}.")],
        refusal,
        ..Report::bare("unreadable", capture, now, findings)
    };
    Told { report, ends: Some(Failed::NotRead) }
}
