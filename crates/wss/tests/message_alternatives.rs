//! Policies of operations and messages that leave a choice: the recipient takes a message under any alternative, the
//! initiator makes it under one.

#![allow(clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

mod ends;

use ends::{ACTION, Pair, client, policy, soap};
use nuncio_policy::model::{HeaderPart, Message, MessagePolicy, Operation, Parts, Policy};
use nuncio_wss::{Claim, HttpFacts, Opened, Refusal, Request, Transport};

const BASE: &str = "wcf-ws2007-anonymousForCertificate";

/// A policy under which nothing of every message is protected.
fn bare() -> Policy {
    Policy { parts: Parts::default(), ..policy(BASE) }
}

/// An alternative of that alternative of the operation.
fn of(operation: usize, signed: bool, encrypted: bool) -> MessagePolicy {
    let mut one = MessagePolicy { operation, ..MessagePolicy::default() };
    one.parts.signed.body = signed;
    one.parts.encrypted.body = encrypted;
    one
}

/// The same with the tokens of a preset.
fn with_tokens(preset: &str, one: MessagePolicy) -> MessagePolicy {
    MessagePolicy { supporting: policy(preset).supporting, ..one }
}

fn operation(inputs: &[MessagePolicy], outputs: &[MessagePolicy]) -> Operation {
    let message = |action: &str, alternatives: &[MessagePolicy]| Message {
        action: action.to_owned(),
        soap_action: None,
        element: None,
        alternatives: alternatives.to_vec(),
        protected: true,
    };
    Operation {
        name: "Echo".to_owned(),
        input: message(ACTION, inputs),
        output: Some(message("urn:example/EchoResponse", outputs)),
        faults: Vec::new(),
    }
}

fn pair(initiator: &Operation, recipient: &Operation) -> Pair {
    let bare = bare();
    Pair::contracted((&bare, initiator.clone()), (&bare, recipient.clone()), soap(BASE)[0])
}

fn send(pair: &mut Pair) -> Result<Opened, Refusal> {
    let (outbound, _) = pair.request("hello", None);
    pair.open(&outbound, outbound.body.clone(), None)
}

/// Where one operation alone asks for a password, its requests bring one, and no others.
#[test]
fn a_password_goes_with_the_operation_that_asks_for_it() {
    let answer = [of(0, true, false)];
    let user = with_tokens("wcf-ws2007-userNameForCertificate", of(0, true, false));
    for (input, asks) in [(user, true), (of(0, true, false), false)] {
        let one = operation(&[input], &answer);
        let initiator = pair(&one, &one).initiator;
        let brings = |action| initiator.brings_password(Request::Application, action);
        assert_eq!((brings(ACTION), brings("urn:example/Other")), (asks, false));
        assert_eq!(initiator.brings_password_at_all(), asks);
        assert!(initiator.protects(ACTION) && initiator.protects("urn:example/Other"));
    }
    let mut clear = operation(&[of(0, false, false)], &answer);
    (clear.input.protected, clear.output) = (false, None);
    clear.input.element = Some(("urn:example".to_owned(), "Echo".to_owned()));
    assert!(!pair(&clear, &clear).initiator.protects(ACTION));
}

#[test]
fn a_request_under_any_alternative_is_opened_and_under_none_is_not() {
    let user = with_tokens("wcf-ws2007-userNameForCertificate", of(0, true, false));
    let certificate = with_tokens("wcf-ws2007-mutualCertificate", of(0, true, false));
    let encrypted = of(0, true, true);
    let answer = [of(0, true, false)];
    let any = operation(&[user.clone(), certificate.clone(), encrypted.clone()], &answer);
    for (at, one) in [user, certificate, encrypted].into_iter().enumerate() {
        let opened = send(&mut pair(&operation(&[one], &answer), &any));
        let opened = opened.unwrap_or_else(|refusal| panic!("{at}: {refusal}"));
        match opened.claim() {
            Claim::Username(_) => assert_eq!(at, 0),
            Claim::Certificate(_) => assert_eq!(at, 1),
            Claim::Anonymous => assert_eq!(at, 2),
            Claim::User(_) | Claim::Context(_) | Claim::Transport => panic!("nobody of that kind"),
        }
        assert!(String::from_utf8_lossy(&opened.plain().body).contains(">hello<"));
    }
    // Signed, and neither encrypted nor with a token: less than any of them asks for. The first refusal is told, and what asks for
    // secrets is tried first.
    let refused = send(&mut pair(&operation(&[of(0, true, false)], &answer), &any)).map(drop);
    assert!(matches!(refused, Err(Refusal::NotEncrypted(_))), "{refused:?}");
    // One of each.
    let mixed = with_tokens("wcf-ws2007-userNameForCertificate", of(0, false, true));
    assert!(send(&mut pair(&operation(&[mixed], &answer), &any)).is_err());
}

#[test]
fn the_initiator_picks_the_first_alternative_that_it_has_the_tokens_for() {
    let certificate = with_tokens("wcf-ws2007-mutualCertificate", of(0, true, false));
    let contract = operation(&[certificate, of(0, true, true)], &[of(0, true, false)]);
    for credential in [true, false] {
        let bare = [bare()];
        let contracts = || (&bare[..], vec![contract.clone()]);
        let mut pair = Pair::of_contracts(contracts(), contracts(), soap(BASE)[0], credential.then(client));
        let opened = send(&mut pair).expect("opened");
        assert_eq!(matches!(opened.claim(), Claim::Certificate(_)), credential);
        let body = pair.request("hello", None).0.body;
        assert_eq!(String::from_utf8_lossy(&body).contains(">hello<"), credential, "in clear under the first alone");
    }
}

/// An answer is under the alternative of the operation that its request is under, and of the message's own under any; under
/// another of the operation it is taken where it is signed as much.
#[test]
fn an_answer_is_under_the_alternative_of_the_operation_that_its_request_is_under() {
    let inputs = [of(0, true, false), of(1, true, true), of(2, false, true)];
    let outputs = [of(0, true, false), of(1, false, true), of(1, true, true), of(2, false, false)];
    for one in 0..3 {
        let mut pair = pair(&operation(&inputs[one..=one], &outputs), &operation(&inputs, &outputs));
        let (outbound, expectation) = pair.request("hello", None);
        let message =
            pair.open(&outbound, outbound.body.clone(), None).map(|opened| pair.echo(opened)).expect("opened");
        let clear = String::from_utf8_lossy(&message.body).contains(">hello<");
        assert_eq!(clear, one != 1, "{one}: in clear where its request's alternative says so");
        let answer = pair.answer(&message, &expectation).map(drop);
        assert!(answer.is_ok(), "{one}: {answer:?}");
    }
    // What the service answers with, and whether that is taken by whoever asked under the last and under the first.
    for (answer, last, first) in [
        (of(0, true, false), true, true),
        (of(0, true, true), true, true),
        (of(0, false, true), true, false),
        (of(0, false, false), true, false),
    ] {
        for (one, taken) in [(2, last), (0, first)] {
            let asking = MessagePolicy { operation: 0, ..inputs[one].clone() };
            let service = operation(&[asking], std::slice::from_ref(&answer));
            let mut pair = pair(&operation(&inputs[one..=one], &outputs), &service);
            let (outbound, expectation) = pair.request("hello", None);
            let opened = pair.open(&outbound, outbound.body.clone(), None).expect("opened");
            let message = pair.echo(opened);
            let answer = pair.answer(&message, &expectation).map(drop);
            assert_eq!(answer.is_ok(), taken, "{one}: {answer:?}");
        }
    }
}

/// What stands beside one binding is not enough under another.
#[test]
fn an_alternative_with_a_binding_is_none_under_another() {
    let attached = |attached, one: MessagePolicy| MessagePolicy { attached: Some(attached), ..one };
    let inputs = [attached(0, of(0, true, false)), attached(1, of(1, true, true))];
    let contract = operation(&inputs, &[of(0, true, false), of(1, true, false)]);
    let mutual = Policy { parts: Parts::default(), ..policy("wse-mutualCertificate10Security") };
    let set = [Policy { attached: Some(0), ..mutual }, Policy { attached: Some(1), ..bare() }];
    for (under, parts, opens) in
        [(0, of(0, true, false), true), (1, of(0, true, true), true), (1, of(0, true, false), false)]
    {
        let sender = operation(&[parts], &[of(0, true, false)]);
        let one = [set[under].clone()];
        let ends = ((&one[..], vec![sender]), (&set[..], vec![contract.clone()]));
        let opened = send(&mut Pair::of_contracts(ends.0, ends.1, soap(BASE)[0], Some(client()))).map(drop);
        assert_eq!(opened.is_ok(), opens, "{under}: {opened:?}");
    }
}

/// A request that its operation does not name is held to what holds for every message. Where an alternative of the operation
/// asks for more, it might be under that, and would be answered as if it were not.
#[test]
fn a_request_without_an_action_is_under_what_holds_for_every_message() {
    let element = |mut operation: Operation| {
        operation.input.element = Some(("urn:example".to_owned(), "Echo".to_owned()));
        operation
    };
    let policy = Policy { addressing: nuncio_policy::model::Addressing::None, ..policy(BASE) };
    let user = with_tokens("wcf-ws2007-userNameForCertificate", of(0, false, false));
    let less = of(1, false, false);
    for (inputs, opens) in [
        (vec![less.clone()], true),
        (vec![MessagePolicy { operation: 0, ..less.clone() }, less.clone()], true),
        (vec![user.clone(), less], false),
        (vec![user], false),
    ] {
        let outputs = [of(0, false, true), of(1, true, false)];
        let contract = element(operation(&inputs, &outputs));
        let plain = operation(&[of(0, false, false)], &[of(0, false, false)]);
        let mut pair = Pair::contracted((&policy, plain), (&policy, contract), soap(BASE)[0]);
        let (outbound, _) = pair.request("hello", None);
        let http = HttpFacts { content_type: "application/soap+xml; charset=utf-8", soap_action: None };
        let received = pair.recipient.read(&http, outbound.body).unwrap_or_else(|refusal| panic!("{refusal}"));
        let opened =
            pair.recipient.open(received, None, Transport::Secure, pair.now).map(|opened| opened.is_answered());
        assert_eq!(opened.is_ok(), opens, "{:?}", opened.err());
    }
}

/// However many header blocks another alternative has signed, what was asked in secret is answered so.
#[test]
fn what_is_asked_in_secret_is_not_answered_in_clear() {
    let mut blocks = of(0, true, false);
    blocks.parts.signed.headers =
        ["One", "Two"].map(|name| HeaderPart { name: Some(name.to_owned()), namespace: "urn:h".to_owned() }).to_vec();
    let inputs = [blocks, of(1, true, true)];
    let outputs = [of(0, true, false), of(1, true, true)];
    let mut pair = pair(&operation(&inputs[1..], &outputs[1..]), &operation(&inputs, &outputs));
    let opened = send(&mut pair).expect("opened");
    let answer = pair.echo(opened).body;
    assert!(!String::from_utf8_lossy(&answer).contains(">hello<"));
}
