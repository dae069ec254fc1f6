//! Faults that a service's contract does not declare, as its clients must take them.

#![allow(clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

mod ends;

use std::time::Duration;

use ends::{ACTION, FRESHNESS, Pair, client, limits, policy, server};
use nuncio_crypto::trust::Trust;
use nuncio_policy::model::{FaultMessage, Message, MessagePolicy, Operation, SoapVersion};
use nuncio_wss::{Answer, Initiator, InitiatorSettings, PolicyReading, Recipient, RecipientSettings, Refusal};

const PRESET: &str = "wcf-ws2007-anonymousForCertificate";

fn message(action: &str, element: &str) -> Message {
    Message {
        action: action.to_owned(),
        soap_action: None,
        element: Some(("urn:example".to_owned(), element.to_owned())),
        alternatives: vec![MessagePolicy::default()],
        protected: true,
    }
}

/// The contract of an echo, with a fault of that action or with none.
fn contract(fault: Option<&str>) -> Vec<Operation> {
    let fault = fault.map(|action| FaultMessage { name: "Trouble".to_owned(), message: message(action, "Trouble") });
    vec![Operation {
        name: "Echo".to_owned(),
        input: message(ACTION, "Echo"),
        output: Some(message("urn:example/EchoResponse", "EchoResponse")),
        faults: fault.into_iter().collect(),
    }]
}

/// What the initiator, whose contract has no faults, makes of one of that action.
fn opened(action: &str) -> Result<bool, Refusal> {
    let mut pair = Pair::new(&policy(PRESET), SoapVersion::V12);
    pair.recipient = Recipient::new(RecipientSettings {
        alternatives: vec![policy(PRESET)],
        soap: pair.soap,
        operations: contract(Some(action)),
        credentials: vec![server()],
        trust: Trust::new(vec![client().certificate]).expect("pins"),
        passwords: None,
        addresses: Vec::new(),
        freshness: FRESHNESS,
        message_lifetime: Duration::from_mins(5),
        context_lifetime: Duration::from_hours(1),
        context_jitter: 0,
        forward_addressing: false,
        limits: limits(),
    })
    .expect("built");
    pair.initiator = Initiator::new(InitiatorSettings {
        alternatives: vec![policy(PRESET)],
        soap: pair.soap,
        operations: contract(None),
        service: Some(server().certificate),
        username: None,
        credential: None,
        to: "http://service.example/echo".into(),
        reading: PolicyReading::default(),
        freshness: FRESHNESS,
        message_lifetime: Duration::from_mins(5),
        limits: limits(),
    })
    .expect("built");
    let (outbound, expectation) = pair.request("hello", None);
    let received = pair.open(&outbound, outbound.body.clone(), None).expect("opened");
    let fault = b"<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Body><s:Fault><s:Code><s:Value>s:Receiver\
        </s:Value></s:Code><s:Reason><s:Text xml:lang=\"en\">no</s:Text></s:Reason><s:Detail><Trouble xmlns=\"urn:example\"/>\
        </s:Detail></s:Fault></s:Body></s:Envelope>";
    let reply = received.into_reply();
    let (message, _) = reply.seal(Answer::Envelope(fault.to_vec()), pair.now, &mut pair.numbers).expect("sealed");
    pair.answer(&message, &expectation).map(|opening| opening.is_fault())
}

/// CXF gives an exception that no contract declares the action that a declared fault of its name would have.
#[test]
fn a_fault_may_have_the_default_action_of_one_that_is_not_declared() {
    assert!(matches!(opened("urn:example/Echo/Fault/IllegalStateException"), Ok(true)));
    for action in ["urn:example/Echo/Fault", "urn:example/Other/Fault/X", "urn:example/EchoFault/X", "urn:other"] {
        assert!(matches!(opened(action), Err(Refusal::Action { .. })), "{action}");
    }
}
