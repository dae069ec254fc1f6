//! What a contract asks of single messages: elements, headers and parts that must be signed or there, tokens of one
//! operation, answers without the binding.

#![allow(clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

mod ends;

use ends::{ACTION, Pair, policy, soap};
use nuncio_policy::model::{
    ElementPath, FaultMessage, HeaderPart, Message, MessagePolicy, Operation, Parts, Policy, Step,
};
use nuncio_wss::{Claim, HttpFacts, Opened, Refusal};

const BASE: &str = "wcf-ws2007-anonymousForCertificate";

fn message(action: &str) -> Message {
    Message {
        action: action.to_owned(),
        soap_action: None,
        element: None,
        alternatives: vec![MessagePolicy::default()],
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
        let signed = operation(|operation| operation.input.alternatives[0].parts.signed_elements.push(path(steps)));
        let opened = send((&bare, signed.clone()), (&bare, signed.clone()));
        assert!(opened.is_ok(), "{around}: {:?}", opened.map(drop));
        let opened = send((&bare, operation(|_| {})), (&bare, signed)).map(drop);
        let text = steps.join("/");
        assert!(matches!(opened, Err(Refusal::NotSigned(ref part)) if *part == text), "{around}: {opened:?}");
    }
    // Where nothing is, nothing must be signed.
    let absent =
        operation(|operation| operation.input.alternatives[0].parts.signed_elements.push(path(&["//m:absent"])));
    assert!(send((&bare, operation(|_| {})), (&bare, absent)).is_ok());
}

/// `SignedParts` without children: the body and every header.
#[test]
fn every_header_is_signed_where_all_are_meant() {
    let mut bare = policy(BASE);
    bare.parts = Parts::default();
    let every = operation(|operation| {
        operation.input.alternatives[0].parts.signed.body = true;
        operation.input.alternatives[0].parts.signed.every_header = true;
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
        let with = operation(|operation| operation.input.alternatives[0].parts.required.push(header(name)));
        let opened = send((&policy, operation(|_| {})), (&policy, with)).map(drop);
        assert_eq!(opened.is_ok(), there, "{opened:?}");
        assert!(there || matches!(opened, Err(Refusal::PartMissing(_))), "{opened:?}");
    }
    for (local, there) in [("e:Echo", true), ("e:Reverse", false)] {
        let with = operation(|operation| {
            operation.input.alternatives[0].parts.required_elements.push(path(&["s:Envelope", "s:Body", local]));
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
    let with = operation(|operation| operation.input.alternatives[0].supporting = tokens);
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

/// What an operation asks for cannot be got round by another action, or by none that the contract knows.
#[test]
fn xs_16_another_action_does_not_free_an_operation_of_what_it_asks_for() {
    let bare = policy(BASE);
    let tokens = policy("wcf-ws2007-userNameForCertificate").supporting;
    let echo = |operation: &mut Operation| operation.input.element = Some(("urn:example".into(), "Echo".into()));
    let free = operation(echo);
    let strict = operation(|operation| {
        echo(operation);
        operation.input.alternatives[0].supporting = tokens;
    });
    let mut pair = Pair::contracted((&bare, free), (&bare, strict), soap(BASE)[0]);
    let plain = pair.plain("hello");
    for action in ["urn:bogus", "urn:example/EchoResponse"] {
        let sealed = pair.initiator.seal(plain.clone(), action, None, pair.now, &mut pair.numbers);
        let (outbound, _) = sealed.expect("sealed");
        let refusal = pair.open(&outbound, outbound.body.clone(), None).map(drop);
        assert!(matches!(refusal, Err(Refusal::Action { .. })), "{action}: {refusal:?}");
    }
}

/// Where a declared fault may come in clear, it does; and nothing else does under its action.
#[test]
fn nothing_but_the_fault_comes_in_clear_under_the_action_of_one_that_may() {
    let policy = policy(BASE);
    let contract = operation(|operation| {
        let mut fault = message("urn:example/Fault");
        fault.protected = false;
        operation.faults.push(FaultMessage { name: "Fault".into(), message: fault });
    });
    let mut pair = Pair::contracted((&policy, contract.clone()), (&policy, contract), soap(BASE)[0]);
    let (_, expectation) = pair.request("hello", None);
    let namespace = "http://www.w3.org/2003/05/soap-envelope";
    let answer = |body: &str| {
        let text = format!(
            "<s:Envelope xmlns:s=\"{namespace}\"><s:Header><a:Action xmlns:a=\"http://www.w3.org/2005/08/addressing\">\
             urn:example/Fault</a:Action></s:Header><s:Body>{body}</s:Body></s:Envelope>"
        );
        let http = HttpFacts { content_type: "application/soap+xml", soap_action: None };
        pair.initiator.open(&http, text.into_bytes(), &expectation, pair.now).map(|opening| opening.is_fault())
    };
    let forged = answer("<e:EchoResponse xmlns:e=\"urn:example\">forged</e:EchoResponse>");
    assert!(matches!(forged, Err(Refusal::TokenMissing(_))), "{forged:?}");
    let fault = "<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text xml:lang=\"en\">no</s:Text></s:Reason></s:Fault>";
    let fault = answer(fault);
    assert!(matches!(fault, Ok(true)), "{fault:?}");
}

/// What nobody signed of an answer is told, for the log, as it is of a request.
#[test]
fn what_no_signature_covers_in_an_answer_is_told() {
    for name in [BASE, "wcf-ws2007-userNameOverTransport"] {
        let mut pair = Pair::new(&policy(name), soap(name)[0]);
        let (outbound, expectation) = pair.request("hello", None);
        let opened = pair.open(&outbound, outbound.body.clone(), None).expect("opened");
        let mut message = pair.echo(opened);
        let told = |message: &nuncio_wss::Message, pair: &Pair| -> Vec<String> {
            let opening = pair.answer(message, &expectation).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
            opening.unverified().map(str::to_owned).collect()
        };
        // The action is no concern of a plain client's.
        assert!(told(&message, &pair).is_empty(), "{name}");
        let text = String::from_utf8(message.body).expect("text");
        let role = "<m:For xmlns:m=\"urn:m\" xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" s:role=\"urn:x\"/>";
        let added = format!("<m:Note xmlns:m=\"urn:m\">a note</m:Note>{role}</s:Header>");
        message.body = text.replace("</s:Header>", &added).into_bytes();
        assert_eq!(told(&message, &pair), ["Note", "For"], "{name}");
    }
}

/// A header block that the policy wants signed does not reach the backend by being addressed to another.
#[test]
fn xs_25_a_header_of_the_policys_is_not_passed_on_as_anothers() {
    let mut policy = policy(BASE);
    policy.parts.signed.headers.push(HeaderPart { name: Some("Role".into()), namespace: "urn:m".into() });
    let mut pair = Pair::new(&policy, soap(BASE)[0]);
    let (outbound, _) = pair.request("hello", None);
    let text = String::from_utf8(outbound.body.clone()).expect("text");
    let at = text.find("Header>").expect("a header") + "Header>".len();
    let with = |attribute: &str, name: &str| {
        let block = format!(
            "<m:{name} xmlns:m=\"urn:m\" xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"{attribute}>admin</m:{name}>"
        );
        pair.open(&outbound, format!("{}{block}{}", &text[..at], &text[at..]).into_bytes(), None)
    };
    let refusal = with("", "Role").map(drop);
    assert!(matches!(refusal, Err(Refusal::NotSigned(ref part)) if part == "Role"), "{refusal:?}");
    for (name, passed) in [("Role", false), ("Note", true)] {
        let opened = with(" s:role=\"urn:x\"", name).expect("opened");
        let plain = String::from_utf8(opened.plain().body).expect("text");
        assert_eq!(plain.contains("admin"), passed, "{name}: {plain}");
    }
}

/// Elements are looked for once each, however often a path says "anywhere" and however deep they nest.
#[test]
fn xs_28_paths_are_followed_in_linear_time() {
    let step = || Step { anywhere_below: true, namespace: Some("urn:a".into()), local: Some("a".into()) };
    let mut policy = policy(BASE);
    let steps = (0..6).map(|_| step()).collect();
    policy.parts.signed_elements.push(ElementPath { text: "//a//a//a//a//a//a".into(), steps });
    let mut pair = Pair::new(&policy, soap(BASE)[0]);
    let nested = format!("{}{}", "<a>".repeat(55), "</a>".repeat(55)).repeat(170);
    let plain = String::from_utf8(pair.plain("")).expect("text");
    let (start, end) = (plain.find("<e:Echo").expect("a body"), plain.find("</soap:Body>").expect("a body"));
    let plain = format!("{}<a xmlns=\"urn:a\">{nested}</a>{}", &plain[..start], &plain[end..]);
    let sealed = pair.initiator.seal(plain.into_bytes(), ACTION, None, pair.now, &mut pair.numbers);
    let (outbound, _) = sealed.expect("sealed");
    assert!(pair.open(&outbound, outbound.body.clone(), None).is_ok());
}
