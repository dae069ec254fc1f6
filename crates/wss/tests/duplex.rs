//! Each direction a channel of its own (`CompositeDuplex`): answers to an address, what the service begins, and what of it a
//! listening initiator does not take.

#![allow(clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

mod ends;

use std::sync::Arc;
use std::time::Duration;

use ends::{ACTION, FRESHNESS, Pair, client, limits, policy, server, soap};
use nuncio_policy::model::{Message, MessagePolicy, Operation, Policy};
use nuncio_wss::{
    Arrived, Callbacks, Channel, Context, HttpFacts, Initiator, InitiatorSettings, Opening, Outbound, PolicyReading,
    Refusal, Request, SealPlain, Transport,
};

const CONVERSATION: &str = "wcf-ws2007-anonymousForCertificate-conversation";
const PER_MESSAGE: [&str; 2] = ["wcf-ws2007-mutualCertificate", "wse-mutualCertificate10Security"];
const SERVICE: &str = "http://service.example/echo";
const CLIENT: &str = "http://client.example/callback";
const CALLED: &str = "urn:example/Called";

fn duplex(name: &str) -> Policy {
    Policy { duplex: true, ..policy(name) }
}

/// The callback of that action, whose body is what [`Pair::plain`] writes.
fn callback(action: &str) -> Operation {
    let input = Message {
        action: action.to_owned(),
        soap_action: None,
        element: Some(("urn:example".to_owned(), "Echo".to_owned())),
        alternatives: vec![MessagePolicy::default()],
        protected: true,
    };
    Operation { name: "Called".to_owned(), input, output: None, faults: Vec::new() }
}

/// Two ends under that policy, of which the initiator listens.
fn listening(policy: &Policy, name: &str, callbacks: Vec<Operation>) -> Pair {
    let mut pair = Pair::new(policy, soap(name)[0]);
    pair.initiator = pair.initiator.listening(vec![CLIENT.to_owned()], callbacks).expect("listens");
    pair
}

fn receive(pair: &Pair, content_type: &str, body: &[u8]) -> Arrived {
    let http = HttpFacts { content_type, soap_action: None };
    pair.initiator.receive(&http, body.to_vec(), Transport::Clear).unwrap_or_else(|refusal| panic!("{refusal}"))
}

/// One who seals for `to` as the holder of the service's certificate, or of a conversation's key, does.
fn sender(policy: &Policy, pair: &Pair, to: &str, operation: Operation) -> Initiator {
    Initiator::new(InitiatorSettings {
        alternatives: vec![policy.clone()],
        soap: pair.soap,
        operations: vec![operation],
        service: Some(client().certificate),
        username: None,
        credential: Some(server()),
        to: to.to_owned(),
        reading: PolicyReading::default(),
        freshness: FRESHNESS,
        message_lifetime: Duration::from_mins(5),
        limits: limits(),
    })
    .expect("built")
}

/// A message for `to` under that action, sealed as the service does.
fn begun(pair: &mut Pair, policy: &Policy, to: &str, action: &str, context: Option<&Arc<Context>>) -> Outbound {
    let sender = sender(policy, pair, to, callback(action));
    let plain = pair.plain("called");
    sender.seal(plain, action, context, pair.now, &mut pair.numbers).expect("sealed").0
}

fn open_callback(pair: &Pair, outbound: &Outbound, context: Option<&Arc<Context>>) -> Result<Opening, Refusal> {
    let arrived = receive(pair, &outbound.content_type, &outbound.body);
    pair.initiator.open_callback(arrived, context, pair.now)
}

fn refusal(opened: Result<Opening, Refusal>) -> Refusal {
    opened.map(drop).expect_err("refused")
}

#[test]
fn answers_go_where_the_request_says() {
    for name in PER_MESSAGE.into_iter().chain([CONVERSATION]) {
        let policy = duplex(name);
        // What answers is no callback, though one have its action.
        let mut pair = listening(&policy, name, vec![callback(&format!("{ACTION}Response"))]);
        let contexts = (name == CONVERSATION).then(|| pair.establish());
        let (ours, theirs) = contexts.as_ref().map(|(ours, theirs)| (ours, theirs)).unzip();
        let (outbound, expectation) = pair.request("hello", ours);
        let (_, other) = pair.request("hello again", ours);
        let opened = pair.open(&outbound, outbound.body.clone(), theirs).expect("opened");
        assert_eq!(opened.reply_to(), Some(CLIENT), "{name}");
        let message = pair.echo(opened);

        let arrived = || receive(&pair, message.content_type, &message.body);
        assert_eq!(arrived().relates_to(), expectation.message_id(), "{name}");
        let opening = pair.initiator.open_answer(arrived(), &expectation, pair.now);
        let plain = opening.unwrap_or_else(|refusal| panic!("{name}: {refusal}")).plain().body;
        assert!(String::from_utf8_lossy(&plain).contains(">hello<"), "{name}");

        let mistaken = refusal(pair.initiator.open_answer(arrived(), &other, pair.now));
        let refused = match name {
            // It is under the key of the request that it answers.
            "wcf-ws2007-mutualCertificate" => matches!(mistaken, Refusal::KeyReference(_)),
            _ => matches!(mistaken, Refusal::Addressing { header: "RelatesTo", .. }),
        };
        assert!(refused, "{name}: {mistaken}");
        let unasked = refusal(pair.initiator.open_callback(arrived(), ours, pair.now));
        assert!(matches!(unasked, Refusal::Addressing { header: "RelatesTo", .. }), "{name}: {unasked}");
    }
}

#[test]
fn an_answer_to_another_address_is_not_taken() {
    let name = PER_MESSAGE[0];
    let policy = duplex(name);
    let mut pair = Pair::new(&policy, soap(name)[0]);
    // It does not listen, and so asks for the back channel.
    let (outbound, expectation) = pair.request("hello", None);
    let opened = pair.open(&outbound, outbound.body.clone(), None).expect("opened");
    assert_eq!(opened.reply_to(), None);
    let message = pair.echo(opened);
    assert!(pair.answer(&message, &expectation).is_ok());
    let arrived = receive(&pair, message.content_type, &message.body);
    let refusal = refusal(pair.initiator.open_answer(arrived, &expectation, pair.now));
    assert!(matches!(refusal, Refusal::Addressing { header: "To", .. }), "{refusal}");
}

#[test]
fn an_address_for_answers_is_refused_without_duplex() {
    for name in PER_MESSAGE.into_iter().chain([CONVERSATION]) {
        let (with, without) = (duplex(name), policy(name));
        let mut pair = Pair::unlike(&with, &without, soap(name)[0]);
        pair.initiator = pair.initiator.listening(vec![CLIENT.to_owned()], Vec::new()).expect("listens");
        let (outbound, _) = match name {
            CONVERSATION => pair.initiator.issue(pair.now, &mut pair.numbers).expect("sealed"),
            _ => pair.request("hello", None),
        };
        let refusal = pair.open(&outbound, outbound.body.clone(), None).map(drop).expect_err("refused");
        assert!(matches!(refusal, Refusal::Addressing { header: "ReplyTo", .. }), "{name}: {refusal}");

        let pair = Pair::new(&without, soap(name)[0]);
        assert!(pair.initiator.listening(vec![CLIENT.to_owned()], Vec::new()).is_err(), "{name}");
    }
}

/// Somebody in between could have answers, and what the service begins, sent to himself.
#[test]
fn an_address_for_answers_that_is_not_signed_is_refused() {
    for name in [CONVERSATION, PER_MESSAGE[1]] {
        let mut policy = duplex(name);
        policy.parts.signed.headers.retain(|part| part.name.as_deref() != Some("ReplyTo"));
        let mut pair = listening(&policy, name, Vec::new());
        let contexts = (name == CONVERSATION).then(|| pair.establish());
        let (ours, theirs) = contexts.as_ref().map(|(ours, theirs)| (ours, theirs)).unzip();
        let (outbound, _) = pair.request("hello", ours);
        let opened = pair.open(&outbound, outbound.body.clone(), theirs).map(drop);
        assert!(matches!(&opened, Err(Refusal::NotSigned(what)) if what == "ReplyTo"), "{name}: {opened:?}");
    }
}

#[test]
fn what_the_service_begins_is_opened_under_its_operation() {
    for name in [CONVERSATION, PER_MESSAGE[1]] {
        let policy = duplex(name);
        let mut pair = listening(&policy, name, vec![callback(CALLED)]);
        let contexts = (name == CONVERSATION).then(|| pair.establish());
        let context = contexts.as_ref().map(|(ours, _)| ours);

        let message = begun(&mut pair, &policy, CLIENT, CALLED, context);
        let arrived = receive(&pair, &message.content_type, &message.body);
        assert_eq!((arrived.relates_to(), arrived.request()), (None, Request::Application), "{name}");
        assert_eq!(arrived.context().map(str::to_owned), context.map(|context| context.name()), "{name}");
        let opening = open_callback(&pair, &message, context).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        assert_eq!(opening.action(), Some(CALLED), "{name}");

        let message = begun(&mut pair, &policy, CLIENT, "urn:example/Other", context);
        let refused = refusal(open_callback(&pair, &message, context));
        assert!(matches!(refused, Refusal::Action { .. }), "{name}: {refused}");
        let message = begun(&mut pair, &policy, SERVICE, CALLED, context);
        let refused = refusal(open_callback(&pair, &message, context));
        assert!(matches!(refused, Refusal::Addressing { header: "To", .. }), "{name}: {refused}");
    }
}

/// A sequence may fail of itself: the fault is signed under the context, and answers nothing.
#[test]
fn a_fault_that_answers_nothing_is_opened_where_the_contract_has_it() {
    let policy = duplex(CONVERSATION);
    let action = "http://docs.oasis-open.org/ws-rx/wsrm/200702/fault";
    let mut fault = callback(action);
    fault.input.element = None;
    let mut pair = listening(&policy, CONVERSATION, vec![fault.clone()]);
    let (ours, _) = pair.establish();
    let namespace = ends::namespace(pair.soap);
    let plain = format!(
        "<s:Envelope xmlns:s=\"{namespace}\"><s:Body><s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason>\
        <s:Text xml:lang=\"en\">it was idle for too long</s:Text></s:Reason></s:Fault></s:Body></s:Envelope>"
    );
    let sender = sender(&policy, &pair, CLIENT, fault);
    let sealed = sender.seal(plain.clone().into_bytes(), action, Some(&ours), pair.now, &mut pair.numbers);
    let opening = open_callback(&pair, &sealed.expect("sealed").0, Some(&ours));
    let opening = opening.unwrap_or_else(|refusal| panic!("{refusal}"));
    assert!(opening.is_fault() && opening.action() == Some(action));
    // Nobody vouches for one in clear.
    let header = format!(
        "<s:Header><a:Action xmlns:a=\"http://www.w3.org/2005/08/addressing\">{action}</a:Action></s:Header><s:Body>"
    );
    let arrived = receive(&pair, "application/soap+xml", plain.replacen("<s:Body>", &header, 1).as_bytes());
    let refused = refusal(pair.initiator.open_callback(arrived, Some(&ours), pair.now));
    assert!(matches!(refused, Refusal::UnsecuredFault(_)), "{refused}");
}

#[test]
fn a_callback_is_under_a_context_that_is_known_and_lasts() {
    let policy = duplex(CONVERSATION);
    let mut pair = listening(&policy, CONVERSATION, vec![callback(CALLED)]);
    let (ours, _) = pair.establish();
    let message = begun(&mut pair, &policy, CLIENT, CALLED, Some(&ours));
    let refused = refusal(open_callback(&pair, &message, None));
    assert!(matches!(refused, Refusal::UnknownContext(_)), "{refused}");
    let (other, _) = pair.establish();
    assert!(open_callback(&pair, &message, Some(&other)).is_err());
    pair.now = ours.expires;
    let refused = refusal(open_callback(&pair, &message, Some(&ours)));
    assert!(matches!(refused, Refusal::OutlivedContext(_)), "{refused}");
}

/// Under the key of a conversation both sides sign alike: a client's own request, sent back to it, is no callback.
#[test]
fn a_request_that_is_reflected_is_no_callback() {
    let policy = duplex(CONVERSATION);
    let mut pair = listening(&policy, CONVERSATION, vec![callback(ACTION)]);
    let (ours, _) = pair.establish();
    let (outbound, _) = pair.request("hello", Some(&ours));
    let refused = refusal(open_callback(&pair, &outbound, Some(&ours)));
    assert!(matches!(refused, Refusal::Addressing { header: "To", .. }), "{refused}");
}

#[test]
fn a_service_may_cancel_and_its_client_says_so_by_an_answer_alone() {
    let policy = duplex(CONVERSATION);
    let mut pair = listening(&policy, CONVERSATION, Vec::new());
    let (ours, theirs) = pair.establish();
    let service = sender(&policy, &pair, CLIENT, callback(CALLED));
    let (cancel, _) = service.cancel(&ours, pair.now, &mut pair.numbers).expect("sealed");
    let arrived = receive(&pair, &cancel.content_type, &cancel.body);
    assert_eq!(arrived.request(), Request::Cancel);
    assert!(pair.initiator.open_callback(arrived, Some(&ours), pair.now).is_ok());

    // What answers no Cancel is not taken for its answer.
    let (outbound, _) = pair.request("hello", Some(&ours));
    let http = HttpFacts { content_type: &outbound.content_type, soap_action: None };
    let received = pair.recipient.read(&http, outbound.body).unwrap_or_else(|refusal| panic!("{refusal}"));
    assert!(!received.is_cancelled());
    let opened = pair.recipient.open_cancelled(received, Some(theirs), Transport::Clear, pair.now);
    assert!(matches!(opened.map(drop), Err(Refusal::Action { .. })));
}

/// The way back to the client of a request, and the keys that it is known by.
fn channel(pair: &mut Pair, contexts: Option<&(Arc<Context>, Arc<Context>)>) -> Channel {
    let (ours, theirs) = contexts.map(|(ours, theirs)| (ours, theirs)).unzip();
    let (outbound, _) = pair.request("hello", ours);
    let opened = pair.open(&outbound, outbound.body.clone(), theirs).expect("opened");
    let channel = opened.channel().expect("an address");
    assert_eq!(channel.address(), CLIENT);
    channel
}

#[test]
fn a_service_calls_its_client_under_the_keys_that_it_has() {
    for name in [CONVERSATION, PER_MESSAGE[1]] {
        let policy = duplex(name);
        let mut asked = callback("urn:example/Asked");
        asked.output = Some(callback("urn:example/AskedResponse").input);
        let operations = vec![callback(CALLED), asked];
        let mut pair = listening(&policy, name, operations.clone());
        let contexts = (name == CONVERSATION).then(|| pair.establish());
        let context = contexts.as_ref().map(|(ours, _)| ours);
        let callbacks = Callbacks::new(&pair.recipient, &operations).expect("built");
        let channel = channel(&mut pair, contexts.as_ref());
        let plain = pair.plain("called");
        for (action, answered) in [(CALLED, false), ("urn:example/Asked", true)] {
            let message = callbacks.seal(&channel, plain.clone(), action, pair.now, &mut pair.numbers).expect("sealed");
            let opening = open_callback(&pair, &message, context).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
            assert_eq!(opening.action(), Some(action), "{name}");
            assert!(String::from_utf8_lossy(&opening.plain().body).contains(">called<"), "{name}");
            let text = String::from_utf8_lossy(&message.body).into_owned();
            assert!(!text.contains(">called<"), "{name}: encrypted");
            assert_eq!((text.contains("MessageID"), text.contains("ReplyTo")), (answered, answered), "{name}: {text}");
        }
        let unknown = callbacks.seal(&channel, plain, "urn:example/Other", pair.now, &mut pair.numbers).map(drop);
        assert!(matches!(unknown, Err(SealPlain::Unreadable(Refusal::Action { .. }))), "{name}: {unknown:?}");
    }
}

#[test]
fn a_service_calls_nobody_whom_it_has_no_key_of() {
    // Under the service's certificate alone the key is the request's, and its sender has forgotten it.
    let policy = duplex(PER_MESSAGE[0]);
    let mut pair = listening(&policy, PER_MESSAGE[0], Vec::new());
    let callbacks = Callbacks::new(&pair.recipient, &[callback(CALLED)]).expect("built");
    let way = channel(&mut pair, None);
    let plain = pair.plain("called");
    let sealed = callbacks.seal(&way, plain, CALLED, pair.now, &mut pair.numbers).map(drop);
    assert!(matches!(sealed, Err(SealPlain::Unsealed(_))), "{sealed:?}");
    let sealed = callbacks.cancel(&way, pair.now, &mut pair.numbers).map(drop);
    assert!(sealed.is_err());
    // Nor over the back channel, nor in clear.
    let mut pair = Pair::new(&policy, soap(PER_MESSAGE[0])[0]);
    let (outbound, _) = pair.request("hello", None);
    assert!(pair.open(&outbound, outbound.body.clone(), None).expect("opened").channel().is_none());
    let plain = Pair::new(&self::policy(CONVERSATION), soap(CONVERSATION)[0]);
    assert!(Callbacks::new(&plain.recipient, &[callback(CALLED)]).is_err());
    let mut clear = callback(CALLED);
    clear.input.protected = false;
    assert!(Callbacks::new(&pair.recipient, &[clear]).is_err());
}

#[test]
fn a_context_is_cancelled_by_its_service() {
    let policy = duplex(CONVERSATION);
    let mut pair = listening(&policy, CONVERSATION, Vec::new());
    let (contexts, other) = (pair.establish(), pair.establish());
    let (ours, theirs) = &contexts;
    let callbacks = Callbacks::new(&pair.recipient, &[]).expect("built");
    let way = channel(&mut pair, Some(&contexts));
    let (cancel, id) = callbacks.cancel(&way, pair.now, &mut pair.numbers).expect("sealed");
    let opening = open_callback(&pair, &cancel, Some(ours)).unwrap_or_else(|refusal| panic!("{refusal}"));
    let answer = pair.initiator.seal_cancelled(&opening, ours, pair.now, &mut pair.numbers).expect("sealed");
    assert!(String::from_utf8_lossy(&answer.body).contains(&format!(">{id}</a:RelatesTo>")));
    let open = |context: &Arc<Context>| {
        let http = HttpFacts { content_type: &answer.content_type, soap_action: None };
        let received = pair.recipient.read(&http, answer.body.clone()).unwrap_or_else(|refusal| panic!("{refusal}"));
        assert!(received.is_cancelled());
        pair.recipient.open_cancelled(received, Some(Arc::clone(context)), Transport::Clear, pair.now)
    };
    let opened = open(theirs).unwrap_or_else(|refusal| panic!("{refusal}"));
    assert_eq!(opened.relates_to(), Some(id.as_str()));

    // What is no Cancel, and a Cancel of another context, has no such answer.
    assert!(open(&other.1).is_err());
    let refused = pair.initiator.seal_cancelled(&opening, &other.0, pair.now, &mut pair.numbers).map(drop);
    assert!(matches!(refused, Err(SealPlain::Unreadable(Refusal::TrustRequest(_)))), "{refused:?}");
}
