//! A plain request on the plain side of an egress route: what the route would do with it.

use nuncio_wss::{HttpFacts, Refusal, Unsecured};

use super::judge::Judge;
use super::outside::Outside;
use super::report::{PolicyVerdict, RefusalReport, Report};
use super::verdict::advised;
use crate::command::Failed;
use crate::config::Endpoint;
use crate::egress::{NotSent, action_of, check_replies};

/// Why it would not be sent on.
enum Refused {
    Unreadable(Refusal),
    NotSent(NotSent),
}

impl Judge {
    /// Says what becomes of a plain request at an egress route. An error where the route would refuse it.
    pub(super) fn send_on(
        &self,
        report: &mut Report,
        (outside, endpoint): (&Outside, &Endpoint),
        http: &HttpFacts<'_>,
        body: &[u8],
    ) -> Result<Option<Failed>, Failed> {
        let said = |problem: &dyn std::fmt::Display| Failed::Step(format!("{}: {problem}", self.name));
        let initiator = outside.material.initiator(endpoint).map_err(|problem| said(&problem))?;
        let limits = self.limits.message();
        let sent = http
            .soap()
            .ok_or(Refusal::Envelope("is of a content type that no version of SOAP has"))
            .and_then(|soap| Unsecured::read(http, soap, body.to_vec(), &limits))
            .map_err(Refused::Unreadable)
            .and_then(|message| {
                check_replies(&message).map_err(Refused::NotSent)?;
                action_of(&initiator, &message).map_err(Refused::NotSent)
            });
        let mut assumed = self.notes.clone();
        if !outside.open {
            assumed.push("That whoever calls is one of the route's callers is taken for granted.".to_owned());
        }
        let refused = match sent {
            Ok(action) => {
                let urls = outside.urls.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                let within = if initiator.conversation().is_some() { ", in a conversation" } else { "" };
                report.outcome = "taken";
                report.says.push(format!(
                    "It would be taken: it goes to the service at {urls} under the action {action}, protected as the policy says{within}."
                ));
                None
            }
            Err(refused) => {
                let refusal = match refused {
                    Refused::Unreadable(refusal) => RefusalReport { route: None, ..advised(&refusal) },
                    Refused::NotSent(reason) => not_sent(reason),
                };
                report.outcome = "refused";
                report.says.push(format!("The route would refuse it: {}.", refusal.reason));
                report.refusal = Some(refusal);
                Some(Failed::WouldBeRefused)
            }
        };
        report.policy = Some(PolicyVerdict { plain: true, ..PolicyVerdict::of(self, assumed) });
        Ok(refused)
    }
}

fn not_sent(reason: NotSent) -> RefusalReport {
    let (means, client, route) = match reason {
        NotSent::NoAction => (
            "Nothing says which operation of the service is called.",
            "Name the operation's action in SOAPAction (SOAP 1.1) or in the content type (SOAP 1.2).",
            Some("Give the route the service's contract: an operation is known by what is in the body, too."),
        ),
        NotSent::AnsweredElsewhere => (
            "The answer to a plain request goes back on the connection on which that came.",
            "Leave ReplyTo and FaultTo out, or name the anonymous address.",
            None,
        ),
    };
    RefusalReport {
        reason: reason.to_string(),
        means: means.to_owned(),
        client: Some(client.to_owned()),
        service: None,
        route: route.map(str::to_owned),
    }
}
