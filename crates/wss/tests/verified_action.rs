//! Which action a message has proved: never one that anybody on the way may have written.

#![allow(clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

mod ends;

use ends::{ACTION, Pair, policy, soap};
use nuncio_policy::model::{Addressing, Message, MessagePolicy, Operation, Policy};
use nuncio_wss::{HttpFacts, Opened, Outbound, Refusal, Transport};

const PRESET: &str = "wse-mutualCertificate10Security";
const OVER_TLS: &str = "wcf-ws2007-userNameOverTransport";

/// An operation whose request has that element.
fn operation(name: &str, element: &str) -> Operation {
    let mut own = MessagePolicy::default();
    own.parts.signed.body = true;
    let input = Message {
        action: format!("urn:example/{name}"),
        soap_action: None,
        element: Some(("urn:example".to_owned(), element.to_owned())),
        alternatives: vec![own],
        protected: true,
    };
    Operation { name: name.to_owned(), input, output: None, faults: Vec::new() }
}

fn pair(policy: &Policy, preset: &str, operations: Vec<Operation>) -> Pair {
    let one = std::slice::from_ref(policy);
    let mut pair =
        Pair::of_contracts((one, operations.clone()), (one, operations), soap(preset)[0], Some(ends::client()));
    pair.now = ends::NOW;
    pair
}

/// Opens a message that says that action in its transport.
fn open(pair: &Pair, outbound: &Outbound, action: &str) -> Result<Opened, Refusal> {
    let media = outbound.content_type.split(';').next().expect("a media type");
    let content_type = format!("{media}; charset=utf-8; action=\"{action}\"");
    let http = HttpFacts { content_type: &content_type, soap_action: Some(action) };
    let received = pair.recipient.read(&http, outbound.body.clone())?;
    pair.recipient.open(received, None, Transport::Secure, pair.now)
}

fn verified(pair: &mut Pair, action: &str) -> Option<String> {
    let (outbound, _) = pair.request("hello", None);
    let opened = open(pair, &outbound, action).unwrap_or_else(|refusal| panic!("{refusal}"));
    opened.verified_action().map(str::to_owned)
}

#[test]
fn an_action_that_is_signed_or_under_tls_is_proved() {
    for preset in [PRESET, OVER_TLS] {
        let mut pair = pair(&policy(preset), preset, Vec::new());
        assert_eq!(verified(&mut pair, ACTION).as_deref(), Some(ACTION), "{preset}");
        // What the transport says beside it must be the same.
        let (outbound, _) = pair.request("hello", None);
        assert!(matches!(open(&pair, &outbound, "urn:example/Other"), Err(Refusal::Action { .. })), "{preset}");
    }
}

#[test]
fn an_action_that_anybody_may_write_is_not() {
    let mut unsigned = policy(PRESET);
    unsigned.parts.signed.headers.clear();
    assert_eq!(verified(&mut pair(&unsigned, PRESET, Vec::new()), ACTION), None);

    let without = Policy { addressing: Addressing::None, ..unsigned };
    for action in [ACTION, "urn:example/Other", ""] {
        assert_eq!(verified(&mut pair(&without, PRESET, Vec::new()), action), None, "{action:?}");
    }
    // Where two operations have one request, the body does not say which.
    let two = vec![operation("Echo", "Echo"), operation("Other", "Echo")];
    for action in [ACTION, "urn:example/Other"] {
        assert_eq!(verified(&mut pair(&without, PRESET, two.clone()), action), None, "{action}");
    }
}

#[test]
fn a_body_that_only_one_operation_has_proves_its_action() {
    let mut without = Policy { addressing: Addressing::None, ..policy(PRESET) };
    without.parts.signed.headers.clear();
    let two = vec![operation("Echo", "Echo"), operation("Other", "Other")];
    let mut pair = pair(&without, PRESET, two);
    assert_eq!(verified(&mut pair, ACTION).as_deref(), Some(ACTION));
    let (outbound, _) = pair.request("hello", None);
    for other in ["urn:example/Other", "urn:unknown"] {
        assert!(matches!(open(&pair, &outbound, other), Err(Refusal::Action { .. })), "{other}");
    }
}
