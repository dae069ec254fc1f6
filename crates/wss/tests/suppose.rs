//! Answers opened by who has them and not their requests.

#![allow(clippy::panic, reason = "a test's helpers fail the test")]

mod ends;

use std::sync::Arc;

use ends::{Pair, policy, soap};
use nuncio_policy::model::{Binding, Policy, SoapVersion, Token, TrustVersion};
use nuncio_wss::{Context, Dialect, HttpFacts, Message, Opening, Recipient, Refusal, Request, Supposed};

const CONVERSATION: &str = "wcf-ws2007-userNameForCertificate-conversation";

fn facts(message: &Message) -> HttpFacts<'_> {
    HttpFacts { content_type: message.content_type, soap_action: None }
}

/// The answer opened by what may have been asked.
fn open(pair: &Pair, message: &Message, supposed: &Supposed) -> Result<Opening, Refusal> {
    pair.initiator.open_supposed(&facts(message), message.body.clone(), supposed, pair.now)
}

/// Has a policy's conversations be of February 2005.
fn older(policy: &mut Policy) {
    let older = |policy: &mut Policy| {
        policy.trust =
            policy.trust.map(|trust| nuncio_policy::model::Trust { version: TrustVersion::February2005, ..trust });
    };
    older(policy);
    let Binding::Symmetric(binding) = &mut policy.binding else { panic!("not symmetric") };
    let Token::SecureConversation(token) = &mut binding.protection else { panic!("no conversation") };
    older(&mut token.bootstrap);
}

/// Within a conversation its key is all that an answer takes.
#[test]
fn answers_in_a_conversation_open_without_their_requests() {
    for name in
        [CONVERSATION, "wse-mutualCertificate11Security-conversation", "wcf-ws2007-userNameOverTransport-conversation"]
    {
        let policy = policy(name);
        let mut pair = Pair::new(&policy, soap(name)[0]);
        let (ours, theirs) = pair.establish();
        let (outbound, expectation) = pair.request("hello", Some(&ours));
        let opened = pair.open(&outbound, outbound.body.clone(), Some(&theirs)).expect("opened");
        let message = pair.echo(opened);
        let find = |name: &str, _: &'static Dialect| (ours.name() == name).then(|| Arc::clone(&ours));
        let supposed = pair.initiator.suppose(&facts(&message), &message.body, &find).expect("supposed");
        assert_eq!(supposed[0].request(), Request::Application);
        let known = pair.answer(&message, &expectation).expect("opened").plain().body;
        let alone = supposed.iter().find_map(|supposed| open(&pair, &message, supposed).ok());
        assert_eq!(alone.expect("opened").plain().body, known, "{name}");
        // One octet of what is signed, and it does not.
        let text = String::from_utf8(message.body.clone()).expect("text");
        let changed = Message { body: text.replacen("EchoResponse", "EchoResponsf", 1).into_bytes(), ..message };
        if !name.contains("Transport") {
            assert!(supposed.iter().all(|supposed| open(&pair, &changed, supposed).is_err()), "{name}");
        }
    }
}

/// What may have been asked is told by the answer's action.
#[test]
fn what_was_asked_is_told_by_the_action() {
    let mut pair = Pair::new(&policy(CONVERSATION), SoapVersion::V12);
    let (ours, theirs) = pair.establish();
    let (outbound, _) = pair.initiator.cancel(&ours, pair.now, &mut pair.numbers).expect("sealed");
    let opened = pair.open(&outbound, outbound.body.clone(), Some(&theirs)).expect("opened");
    let Ok((message, _)) = Recipient::cancel(opened, pair.now, &mut pair.numbers) else { panic!("not cancelled") };
    let find = |_: &str, _: &'static Dialect| Some(Arc::clone(&ours));
    let supposed = pair.initiator.suppose(&facts(&message), &message.body, &find).expect("supposed");
    assert_eq!(supposed.iter().map(Supposed::request).collect::<Vec<_>>(), [Request::Cancel]);
    open(&pair, &message, &supposed[0]).expect("cancelled");
    // A context that is not found, and another version of SOAP.
    let nobody = |_: &str, _: &'static Dialect| None::<Arc<Context>>;
    let unknown = pair.initiator.suppose(&facts(&message), &message.body, &nobody).map(drop);
    assert!(matches!(unknown, Err(Refusal::UnknownContext(name)) if name == ours.name()));
    let other = HttpFacts { content_type: "text/xml", soap_action: None };
    assert!(pair.initiator.suppose(&other, &message.body, &find).is_err());
}

/// A recipient answers in the generation in which it is asked; an initiator is answered in its own.
#[test]
fn the_generation_is_the_answers_own() {
    let mut old = policy(CONVERSATION);
    older(&mut old);
    let mut pair = Pair::unlike(&old, &policy(CONVERSATION), SoapVersion::V12);
    let (ours, theirs) = pair.establish();
    let (outbound, _) = pair.request("hello", Some(&ours));
    let opened = pair.open(&outbound, outbound.body.clone(), Some(&theirs)).expect("opened");
    let message = pair.echo(opened);
    let find = |_: &str, _: &'static Dialect| Some(Arc::clone(&ours));
    let supposed = pair.recipient.suppose(&facts(&message), &message.body, &find).expect("supposed");
    assert!(supposed.iter().any(|supposed| open(&pair, &message, supposed).is_ok()));
    assert!(pair.initiator.suppose(&facts(&message), &message.body, &find).is_ok());
    let newer = Pair::new(&policy(CONVERSATION), SoapVersion::V12);
    assert!(newer.initiator.suppose(&facts(&message), &message.body, &find).is_err());
}

/// What is under a key of its request does not open without it, and says so.
#[test]
fn what_is_under_a_key_of_the_request_says_so() {
    let name = "wcf-ws2007-userNameForCertificate";
    let mut pair = Pair::new(&policy(name), soap(name)[0]);
    let (outbound, _) = pair.request("hello", None);
    let opened = pair.open(&outbound, outbound.body.clone(), None).expect("opened");
    let message = pair.echo(opened);
    let find = |_: &str, _: &'static Dialect| None::<Arc<Context>>;
    let supposed = pair.initiator.suppose(&facts(&message), &message.body, &find).expect("supposed");
    let refused = open(&pair, &message, &supposed[0]).map(drop).expect_err("refused");
    assert_eq!(refused.lacks(), Some(nuncio_wss::Lack::Request), "{refused}");
}

/// Where the id of the request is known, an answer that names another is none to it.
#[test]
fn an_answer_to_another_id_does_not_open() {
    let name = "wcf-ws2007-userNameOverTransport";
    let mut pair = Pair::new(&policy(name), soap(name)[0]);
    let (outbound, expectation) = pair.request("hello", None);
    let opened = pair.open(&outbound, outbound.body.clone(), None).expect("opened");
    let message = pair.echo(opened);
    let find = |_: &str, _: &'static Dialect| None::<Arc<Context>>;
    let own = expectation.message_id().map(str::to_owned);
    for (id, opens) in [(None, true), (own, true), (Some("urn:uuid:another".to_owned()), false)] {
        let supposed = pair.initiator.suppose(&facts(&message), &message.body, &find).expect("supposed");
        let opened = supposed.into_iter().map(|supposed| open(&pair, &message, &supposed.answering(id.clone())));
        assert_eq!(opened.into_iter().any(|opened| opened.is_ok()), opens, "{id:?}");
    }
}
