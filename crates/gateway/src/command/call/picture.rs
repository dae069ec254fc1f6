//! What went over the wire: each message, what signed and encrypted it, and how long each step took.

use std::time::Duration;

use nuncio_wss::portrait::{Given, Portrait};
use nuncio_wss::{HttpFacts, Request, Time};

use crate::command::colour::Colour;
use crate::command::inspect::protection;
use crate::command::page::Page;
use crate::config::MessageLimits;
use crate::egress::{Exchanged, Own, Wire};

/// All of it, as one text; each message `whole`, if that is wanted.
pub(super) fn picture(colour: Colour, exchanged: &[Exchanged], own: &Own, now: Time, whole: bool) -> String {
    let mut page = Page::new(colour);
    for (number, exchange) in exchanged.iter().enumerate() {
        let what = match exchange.expectation.request() {
            Request::Application => "The call",
            Request::Issue => "A conversation is begun",
            Request::Renew => "A conversation is renewed",
            Request::Cancel => "The conversation is ended",
        };
        page.title(&format!("{}. {what}", number + 1));
        let octets = |wire: &Wire| format!("{} octets", wire.body.len());
        page.line(2, &format!("Request: {}, sealed in {}.", octets(&exchange.sent), time(exchange.sealed)));
        // Who made the keys of a message, or of its conversation, can see all of it.
        let given = Given {
            credentials: own.credential.as_slice(),
            certificates: own.service.as_slice(),
            contexts: exchange.expectation.context().map(std::slice::from_ref).unwrap_or_default(),
            passwords: Some(&own.users),
            answers: Some(&exchange.expectation),
        };
        let message = |page: &mut Page, wire, answer| message(page, wire, &given, (answer, now, whole));
        message(&mut page, &exchange.sent, false);
        let (Some(came), Some(waited), Some(status)) = (&exchange.came, exchange.waited, exchange.status) else {
            page.line(2, "No answer came.");
            continue;
        };
        let opened = match exchange.opened {
            Some(opened) => format!("looked at in {}", time(opened)),
            None => "not opened".to_owned(),
        };
        page.line(2, &format!("Answer: HTTP {status}, {}, after {}, {opened}.", octets(came), time(waited)));
        if !came.body.is_empty() {
            message(&mut page, came, true);
        }
    }
    page.text
}

fn message(page: &mut Page, wire: &Wire, given: &Given<'_>, (answer, now, whole): (bool, Time, bool)) {
    let http = HttpFacts { content_type: &wire.content_type, soap_action: wire.soap_action.as_deref() };
    let limits = MessageLimits::default().message();
    match Portrait::of(wire.body.clone(), Some(&http), given, &limits) {
        Ok(portrait) => protection(page, &portrait, answer, now),
        Err(refusal) => page.line(4, &format!("It cannot be read: {refusal}.")),
    }
    if whole {
        page.write(format_args!("    {}", String::from_utf8_lossy(&wire.body)));
    }
}

/// A time as people read it.
fn time(duration: Duration) -> String {
    let millis = duration.as_secs_f64() * 1000.0;
    if millis < 10.0 { format!("{millis:.2} ms") } else { format!("{millis:.0} ms") }
}
