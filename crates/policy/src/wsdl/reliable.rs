//! The messages of WS-ReliableMessaging itself: operations of a port whose policy asks for it, which no contract lists.

use crate::model::{Message, MessagePolicy, Operation, Parts, ReliableMessaging};

/// Requests of February 2005 and what answers them. Over a channel that answers each request, WCF ends both directions of
/// a sequence at once: a message and its answer of the same name.
const OF_FEBRUARY_2005: &[(&str, Option<&str>)] = &[
    ("CreateSequence", Some("CreateSequenceResponse")),
    ("LastMessage", Some("LastMessage")),
    ("TerminateSequence", Some("TerminateSequence")),
    ("SequenceAcknowledgement", None),
];
/// Requests of 1.1 and what answers them.
const OF_V11: &[(&str, Option<&str>)] = &[
    ("CreateSequence", Some("CreateSequenceResponse")),
    ("CloseSequence", Some("CloseSequenceResponse")),
    ("TerminateSequence", Some("TerminateSequenceResponse")),
    ("AckRequested", None),
    ("SequenceAcknowledgement", None),
];

/// What a side says of itself when a sequence has failed, in answer to nothing (WS-ReliableMessaging 1.1, section 4). WCF gives
/// such faults of February 2005 the action that any fault has.
const FAULTS_OF_FEBRUARY_2005: &[&str] =
    &["http://www.w3.org/2005/08/addressing/soap/fault", "http://schemas.xmlsoap.org/ws/2004/08/addressing/fault"];
const FAULTS_OF_V11: &[&str] = &["http://docs.oasis-open.org/ws-rx/wsrm/200702/fault"];

/// The operations of a version, for a port that has these operations and callbacks: those that a client begins and those
/// that the service does. What is signed in all that a side sends is signed in these too. They have no secrets, and WCF
/// encrypts none of them.
pub(super) fn operations(
    version: ReliableMessaging,
    operations: &[Operation],
    callbacks: &[Operation],
) -> (Vec<Operation>, Vec<Operation>) {
    let of_clients = shared(begun(operations).chain(answered(callbacks)));
    let of_the_service = shared(answered(operations).chain(begun(callbacks)));
    let between = |one, other| of_sequences(version, one, other);
    (between(&of_clients, &of_the_service), between(&of_the_service, &of_clients))
}

/// What begins operations.
fn begun(operations: &[Operation]) -> impl Iterator<Item = &Message> {
    operations.iter().map(|operation| &operation.input)
}

/// What answers operations.
fn answered(operations: &[Operation]) -> impl Iterator<Item = &Message> {
    operations.iter().filter_map(|operation| operation.output.as_ref())
}

/// The operations of a version, begun by one that signs so and answered by one that signs so.
fn of_sequences(version: ReliableMessaging, request: &(Parts, bool), response: &(Parts, bool)) -> Vec<Operation> {
    let namespace = version.namespace();
    let (messages, faults) = match version {
        ReliableMessaging::February2005 => (OF_FEBRUARY_2005, FAULTS_OF_FEBRUARY_2005),
        ReliableMessaging::V11 => (OF_V11, FAULTS_OF_V11),
    };
    let of_action = |action: String, (parts, protected): &(Parts, bool)| Message {
        action,
        soap_action: None,
        element: None,
        alternatives: vec![MessagePolicy { parts: parts.clone(), ..MessagePolicy::default() }],
        protected: *protected,
    };
    let message = |name: &str, says: &(Parts, bool)| of_action(format!("{namespace}/{name}"), says);
    let faults = faults.iter().map(|action| Operation {
        name: "SequenceFault".to_owned(),
        input: of_action((*action).to_owned(), request),
        output: None,
        faults: Vec::new(),
    });
    messages
        .iter()
        .map(|(name, answer)| Operation {
            name: (*name).to_owned(),
            input: message(name, request),
            output: answer.map(|answer| message(answer, response)),
            faults: Vec::new(),
        })
        .chain(faults)
        .collect()
}

/// What messages have in common: parts, and whether they are protected at all.
fn shared<'a>(messages: impl Iterator<Item = &'a Message>) -> (Parts, bool) {
    messages
        .flat_map(|message| message.parts().map(|parts| (parts.signed_too(parts), message.protected)))
        .reduce(|(one, protected), (other, too)| (one.signed_too(&other), protected && too))
        .unwrap_or((Parts::default(), true))
}
