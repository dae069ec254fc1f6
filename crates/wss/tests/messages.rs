//! What a contract asks of single messages: elements, headers and parts that must be signed or there, tokens of one
//! operation, answers without the binding.

#![allow(clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

mod ends;

use ends::{ACTION, Pair, policy, soap};
use nuncio_policy::model::{ElementPath, HeaderPart, Message, Operation, Parts, Policy, Step};
use nuncio_wss::{Claim, Opened, Refusal};

const BASE: &str = "wcf-ws2007-anonymousForCertificate";

fn message(action: &str) -> Message {
    Message {
        action: action.to_owned(),
        soap_action: None,
        element: None,
        parts: Parts::default(),
        supporting: Vec::new(),
        protected: true,
    }
}

/// The contract of the one operation, changed.
fn operation(change: impl FnOnce(&mut Operation)) -> Operation {
    let (input, output) = (message(ACTION), Some(message("urn:example/EchoResponse")));
    let mut operation = Operation { name: "Echo".to_owned(), input, output, faults: Vec::new() };
    change(&mut operation);
    operation
}

/// A path of steps like `s:Envelope` and `//e:text`.
fn path(steps: &[&str]) -> ElementPath {
    let step = |step: &&str| {
        let (anywhere_below, name) = step.strip_prefix("//").map_or((false, *step), |name| (true, name));
        let (prefix, local) = name.split_once(':').expect("a prefix");
        let namespace = match prefix {
            "s" => "http://www.w3.org/2003/05/soap-envelope",
            "e" => "urn:example",
            "m" => "urn:m",
            _ => panic!("{prefix}"),
        };
        Step { anywhere_below, namespace: Some(namespace.to_owned()), local: Some(local.to_owned()) }
    };
    ElementPath { text: steps.join("/"), steps: steps.iter().map(step).collect() }
}

/// A request with a header block of the application's, sealed under one contract and opened under another.
fn send(initiator: (&Policy, Operation), recipient: (&Policy, Operation)) -> Result<Opened, Refusal> {
    let mut pair = Pair::contracted(initiator, recipient, soap(BASE)[0]);
    let plain = String::from_utf8(pair.plain("hello")).expect("text");
    let block = "<soap:Header><m:Note xmlns:m=\"urn:m\">a note</m:Note></soap:Header><soap:Body>";
    let plain = plain.replace("<soap:Body>", block).into_bytes();
    let (outbound, _) = pair.initiator.seal(plain, ACTION, None, pair.now, &mut pair.numbers).expect("sealed");
    pair.open(&outbound, outbound.body.clone(), None)
}

/// What is signed beside the timestamp is what the contract says, to the element.
#[test]
fn elements_that_a_path_leads_to_are_signed() {
    let mut bare = policy(BASE);
    bare.parts = Parts::default();
    for (steps, around) in [
        (&["s:Envelope", "s:Body"][..], "the body"),
        (&["s:Envelope", "s:Body", "e:Echo", "e:text"], "within the body"),
        (&["s:Envelope", "s:Header", "m:Note"], "a header block"),
        (&["//e:text"], "somewhere"),
        (&["//e:Echo", "//e:text"], "somewhere below somewhere"),
    ] {
        let signed = operation(|operation| operation.input.parts.signed_elements.push(path(steps)));
        let opened = send((&bare, signed.clone()), (&bare, signed.clone()));
        assert!(opened.is_ok(), "{around}: {:?}", opened.map(drop));
        let opened = send((&bare, operation(|_| {})), (&bare, signed)).map(drop);
        let text = steps.join("/");
        assert!(matches!(opened, Err(Refusal::NotSigned(ref part)) if *part == text), "{around}: {opened:?}");
    }
    // Where nothing is, nothing must be signed.
    let absent = operation(|operation| operation.input.parts.signed_elements.push(path(&["//m:absent"])));
    assert!(send((&bare, operation(|_| {})), (&bare, absent)).is_ok());
}

/// `SignedParts` without children: the body and every header.
#[test]
fn every_header_is_signed_where_all_are_meant() {
    let mut bare = policy(BASE);
    bare.parts = Parts::default();
    let every = operation(|operation| {
        operation.input.parts.signed.body = true;
        operation.input.parts.signed.every_header = true;
    });
    assert!(send((&bare, every.clone()), (&bare, every.clone())).is_ok());
    let usual = policy(BASE);
    let opened = send((&usual, operation(|_| {})), (&bare, every)).map(drop);
    assert!(matches!(opened, Err(Refusal::NotSigned(ref part)) if part == "Note"), "{opened:?}");
}

#[test]
fn what_is_required_must_be_there() {
    let policy = policy(BASE);
    let header = |name: &str| HeaderPart { name: Some(name.to_owned()), namespace: "urn:m".to_owned() };
    for (name, there) in [("Note", true), ("Receipt", false)] {
        let with = operation(|operation| operation.input.parts.required.push(header(name)));
        let opened = send((&policy, operation(|_| {})), (&policy, with)).map(drop);
        assert_eq!(opened.is_ok(), there, "{opened:?}");
        assert!(there || matches!(opened, Err(Refusal::PartMissing(_))), "{opened:?}");
    }
    for (local, there) in [("e:Echo", true), ("e:Reverse", false)] {
        let with = operation(|operation| {
            operation.input.parts.required_elements.push(path(&["s:Envelope", "s:Body", local]));
        });
        let opened = send((&policy, operation(|_| {})), (&policy, with)).map(drop);
        assert_eq!(opened.is_ok(), there, "{opened:?}");
    }
}

/// A token that one operation asks for beside those of the port.
#[test]
fn an_operation_asks_for_a_token_of_its_own() {
    let bare = policy(BASE);
    let tokens = policy("wcf-ws2007-userNameForCertificate").supporting;
    let with = operation(|operation| operation.input.supporting = tokens);
    let opened = send((&bare, with.clone()), (&bare, with.clone())).expect("with its token");
    assert!(matches!(opened.claim(), Claim::Username(user) if user.name == "alice"));
    let opened = send((&bare, operation(|_| {})), (&bare, with.clone())).map(drop);
    assert!(matches!(opened, Err(Refusal::TokenMissing(_))), "{opened:?}");
    let opened = send((&bare, with), (&bare, operation(|_| {}))).map(drop);
    assert!(matches!(opened, Err(Refusal::SecurityHeader { .. })), "{opened:?}");
}

/// Where the contract secures requests alone, the answer goes in clear, and one in clear is taken; nowhere else.
#[test]
fn an_answer_goes_in_clear_where_the_contract_says_so() {
    let policy = policy(BASE);
    let clear = operation(|operation| operation.output.as_mut().expect("answered").protected = false);
    for (asked, expected) in [(clear.clone(), true), (operation(|_| {}), false)] {
        let mut pair = Pair::contracted((&policy, asked), (&policy, clear.clone()), soap(BASE)[0]);
        let (outbound, expectation) = pair.request("hello", None);
        let opened = pair.open(&outbound, outbound.body.clone(), None).expect("opened");
        let message = pair.echo(opened);
        let text = String::from_utf8(message.body.clone()).expect("text");
        assert!(!text.contains("Security") && text.contains("hello"), "{text}");
        let answer = pair.answer(&message, &expectation).map(drop);
        assert_eq!(answer.is_ok(), expected, "{answer:?}");
    }
}
