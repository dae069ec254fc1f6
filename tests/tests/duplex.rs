//! What a service begins, and its client's answer to that: sealed by us beside what WCF sealed, and held to the same shape.
//!
//! A recorded conversation is opened by our two ends. Where its service begins something, ours does the same under the same
//! keys, and where its client says that a context is cancelled, so does ours. The recording's own keys open both.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail the test")]

use std::collections::{BTreeMap, BTreeSet};

use nuncio_tests::compare;
use nuncio_tests::ends::{Ends, callbacks};
use nuncio_tests::gateway::Numbers;
use nuncio_tests::oracle::{self, by_id, local};
use nuncio_tests::recording::{self, Exchange, Party, Scenario};
use nuncio_tests::subject::Subject;
use nuncio_wss::{Callbacks, Channel, HttpFacts, Opening, Outbound, Request, Time, Transport};
use roxmltree::{Document, Node};

const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
const RELIABLE: &str = "http://schemas.xmlsoap.org/ws/2005/02/rm";
/// Where a key of the usual place and length is said to be derived from, which may be left out.
const PLACE: [&str; 2] = ["Offset", "Length"];

/// The names below an element, less what belongs to sequences and the references of a signature.
fn names(of: Node<'_, '_>, into: &mut Vec<String>) {
    for child in of.children().filter(Node::is_element) {
        let name = local(child);
        let namespace = child.tag_name().namespace().unwrap_or_default();
        if namespace == RELIABLE || namespace == DSIG && name == "Reference" || PLACE.contains(&name) {
            continue;
        }
        into.push(format!("{{{namespace}}}{name}"));
        names(child, into);
    }
}

/// The names of a message's header, as they stand, and of what is signed; in clear.
fn shape(clear: &str) -> (Vec<String>, BTreeSet<String>) {
    let document = Document::parse(clear).unwrap();
    let header = document.root_element().first_element_child().unwrap();
    let mut found = Vec::new();
    names(header, &mut found);
    let references = document.descendants().filter(|node| node.has_tag_name((DSIG, "Reference")));
    let signed = references.map(|node| {
        let id = node.attribute("URI").unwrap().trim_start_matches('#');
        by_id(&document, id).unwrap_or_else(|| panic!("{id} is not there"))
    });
    let signed = signed.filter(|node| node.tag_name().namespace() != Some(RELIABLE));
    (found, signed.map(|node| local(node).to_owned()).collect())
}

/// Holds what we sealed to what was recorded.
fn compared(what: &str, scenario: &Scenario, recorded: &Exchange, ours: &Outbound) {
    let opened = |body: &[u8]| oracle::open(body, &scenario.keys).unwrap_or_else(|error| panic!("{what}: {error}"));
    let (recorded, ours) = (opened(&recorded.request.body), opened(&ours.body));
    assert_eq!(shape(&ours), shape(&recorded), "{what}");
    compare::bodies(&recorded, &ours).unwrap_or_else(|difference| panic!("{what}: {difference}"));
    for header in ["Action", "To"] {
        let header = |clear| oracle::addressing(clear, header).unwrap();
        assert_eq!(header(&ours), header(&recorded), "{what}");
    }
}

/// A conversation as far as it has come.
struct Talk {
    scenario: Scenario,
    ends: Ends,
    callbacks: Callbacks,
    /// The way to the client of the last request.
    channel: Option<Channel>,
    /// The exchanges in which the client asked something, by the id of the message.
    asked: BTreeMap<String, u32>,
    /// The Cancel of the service's, opened.
    cancel: Option<Opening>,
    numbers: Numbers,
}

impl Talk {
    /// What the client sends. The answer to a Cancel is sealed once more.
    fn of_client(&mut self, exchange: &Exchange, clear: &str, seen: &mut BTreeMap<&'static str, usize>) {
        let now = Time::from_millis(exchange.request_at);
        if let Some(cancel) = self.cancel.take_if(|_| oracle::addressing(clear, "RelatesTo").unwrap().is_some()) {
            let context = self.ends.held().next().cloned().unwrap();
            let answer = self.ends.initiator().seal_cancelled(&cancel, &context, now, &mut self.numbers).unwrap();
            compared("the answer to a Cancel", &self.scenario, exchange, &answer);
            *seen.entry("answers to a Cancel").or_default() += 1;
        }
        self.asked.extend(oracle::addressing(clear, "MessageID").unwrap().map(|id| (id, exchange.n)));
        if let Ok(opened) = self.ends.open_request(&exchange.request, exchange.request_at)
            && opened.request() == Request::Application
        {
            self.channel = opened.channel().or(self.channel.take());
        }
        self.ends.request(exchange).unwrap();
    }

    /// What the service sends. What it begins is sealed once more.
    fn of_service(&mut self, exchange: &Exchange, clear: &str, seen: &mut BTreeMap<&'static str, usize>) {
        let answers = oracle::addressing(clear, "RelatesTo").unwrap().and_then(|id| self.asked.get(&id)).copied();
        let arrival = self.ends.open_arrival(&exchange.request, answers, exchange.request_at);
        let (now, Some(channel)) = (Time::from_millis(exchange.request_at), &self.channel) else {
            self.ends.arrival(exchange, answers).unwrap();
            return;
        };
        let action = oracle::addressing(clear, "Action").unwrap().unwrap();
        let numbers = &mut self.numbers;
        if answers.is_none() && action.ends_with("/RST/SCT/Cancel") {
            let (ours, _) = self.callbacks.cancel(channel, now, numbers).unwrap();
            compared("a Cancel", &self.scenario, exchange, &ours);
            *seen.entry("Cancels").or_default() += 1;
            // What we sealed, and not what was recorded, is what our initiator answers.
            let http = HttpFacts { content_type: &ours.content_type, soap_action: ours.soap_action.as_deref() };
            let context = self.ends.held().next().cloned();
            let arrived = self.ends.initiator().receive(&http, ours.body, Transport::Clear).unwrap();
            self.cancel = Some(self.ends.initiator().open_callback(arrived, context.as_ref(), now).unwrap());
        } else if answers.is_none() && action.ends_with("/Called") {
            let plain = arrival.unwrap().unwrap().plain().body;
            let ours = self.callbacks.seal(channel, plain, &action, now, numbers).unwrap();
            compared("a callback", &self.scenario, exchange, &ours);
            *seen.entry("callbacks").or_default() += 1;
        }
        self.ends.arrival(exchange, answers).unwrap();
    }
}

#[test]
fn what_a_service_begins_has_the_shape_of_the_recorded() {
    let mut seen = BTreeMap::new();
    for scenario in recording::load(&recording::packed()).unwrap() {
        if scenario.exchanges.iter().all(|exchange| exchange.from == Party::Client) {
            continue;
        }
        let Ok(ends) = Ends::start(&scenario) else { continue };
        let callbacks = Callbacks::new(ends.recipient(), &callbacks(&scenario).unwrap()).unwrap();
        let (channel, asked, cancel, numbers) = (None, BTreeMap::new(), None, Numbers::default());
        let mut scenario = scenario;
        let mut exchanges = std::mem::take(&mut scenario.exchanges);
        exchanges.sort_by_key(|exchange| exchange.request_at);
        let mut talk = Talk { scenario, ends, callbacks, channel, asked, cancel, numbers };
        for exchange in &exchanges {
            let clear = oracle::open(&exchange.request.body, &talk.scenario.keys).unwrap();
            match exchange.from {
                Party::Client => talk.of_client(exchange, &clear, &mut seen),
                Party::Service => talk.of_service(exchange, &clear, &mut seen),
            }
        }
    }
    let expected = BTreeMap::from([("Cancels", 2), ("answers to a Cancel", 2), ("callbacks", 6)]);
    assert_eq!(seen, expected);
}
