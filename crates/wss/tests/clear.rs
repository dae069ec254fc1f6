//! Requests without the security binding that the others of their port have: nothing is believed of them, and nothing that
//! must be protected passes for one.

#![allow(clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

mod ends;

use ends::{Pair, client, policy, soap};
use nuncio_policy::model::{Addressing, Message, MessagePolicy, Operation, Parts, Policy, SoapVersion};
use nuncio_wss::{Claim, HttpFacts, Opened, Outbound, Refusal, Transport};

const PRESET: &str = "wse-mutualCertificate10Security";
const SYMMETRIC: &str = "wcf-ws2007-anonymousForCertificate";

fn bare(preset: &str) -> Policy {
    Policy { parts: Parts::default(), ..policy(preset) }
}

/// The operation whose request and whose answer are protected or in clear.
fn operation(name: &str, request: bool, answer: bool) -> Operation {
    let message = |name: &str, protected| {
        let mut own = MessagePolicy::default();
        own.parts.signed.body = protected;
        Message {
            action: format!("urn:example/{name}"),
            soap_action: None,
            element: Some(("urn:example".to_owned(), name.to_owned())),
            alternatives: vec![own],
            protected,
        }
    };
    let output = Some(message(&format!("{name}Response"), answer));
    Operation { name: name.to_owned(), input: message(name, request), output, faults: Vec::new() }
}

/// A port with an operation that is protected and one that is asked in clear.
fn pair(policy: &Policy, answer: bool) -> Pair {
    let operations = vec![operation("Echo", true, true), operation("Clear", false, answer)];
    let one = std::slice::from_ref(policy);
    let mut pair = Pair::of_contracts((one, operations.clone()), (one, operations), soap(PRESET)[0], Some(client()));
    pair.now = ends::NOW;
    pair
}

fn plain(pair: &Pair, name: &str) -> Vec<u8> {
    String::from_utf8(pair.plain("hello")).expect("text").replace("e:Echo", &format!("e:{name}")).into_bytes()
}

fn seal(pair: &mut Pair, name: &str) -> (Outbound, nuncio_wss::Expectation) {
    let plain = plain(pair, name);
    pair.initiator.seal(plain, &format!("urn:example/{name}"), None, pair.now, &mut pair.numbers).expect("sealed")
}

/// Opens a body that came as that message did, but for the action of the transport.
fn open(pair: &Pair, outbound: &Outbound, body: &str) -> Result<Opened, Refusal> {
    let http = HttpFacts { content_type: &outbound.content_type, soap_action: None };
    let received = pair.recipient.read(&http, body.as_bytes().to_vec())?;
    pair.recipient.open(received, None, Transport::Clear, pair.now)
}

fn text(octets: &[u8]) -> &str {
    str::from_utf8(octets).expect("text")
}

#[test]
fn a_request_in_clear_comes_from_nobody_and_is_answered_as_the_contract_says() {
    for (policy, answer) in [(bare(PRESET), false), (bare(PRESET), true), (bare(SYMMETRIC), false)] {
        let mut pair = pair(&policy, answer);
        let (outbound, expectation) = seal(&mut pair, "Clear");
        assert!(!text(&outbound.body).contains("Security"), "{}", text(&outbound.body));
        let opened = open(&pair, &outbound, text(&outbound.body)).unwrap_or_else(|refusal| panic!("{refusal}"));
        assert!(
            matches!(opened.claim(), Claim::Anonymous) && opened.context().is_none() && opened.once().next().is_none()
        );
        assert!(text(&opened.plain().body).contains(">hello<"));
        let message = pair.echo(opened);
        assert_eq!(text(&message.body).contains("Security"), answer);
        let plain = pair.answer(&message, &expectation).unwrap_or_else(|refusal| panic!("{refusal}")).plain();
        assert!(text(&plain.body).contains(">hello<"));
    }
}

#[test]
fn a_request_that_must_be_protected_is_not_taken_for_one_in_clear() {
    let mut pair = pair(&bare(PRESET), false);
    let (outbound, _) = seal(&mut pair, "Clear");
    let clear = text(&outbound.body).to_owned();
    assert!(open(&pair, &outbound, &clear).is_ok());
    let is_action = |opened: &Result<(), Refusal>| matches!(opened, Err(Refusal::Action { .. }));

    // The body of the other under this one's action, and the reverse.
    let opened = open(&pair, &outbound, &clear.replace("e:Clear", "e:Echo")).map(drop);
    assert!(is_action(&opened), "{opened:?}");
    let opened = open(&pair, &outbound, &clear.replace("urn:example/Clear", "urn:example/Echo")).map(drop);
    assert!(matches!(opened, Err(Refusal::TokenMissing(_))), "{opened:?}");
    // One that no operation has.
    let opened = open(&pair, &outbound, &clear.replace("urn:example/Clear", "urn:example/Other")).map(drop);
    assert!(opened.is_err());
    // Behind it, and in its place where no element tells.
    let second = "<e:Echo xmlns:e=\"urn:example\"/></s:Body>";
    let opened = open(&pair, &outbound, &clear.replace("</s:Body>", second)).map(drop);
    assert!(matches!(opened, Err(Refusal::Envelope(_))), "{opened:?}");
    let (start, end) = (clear.find("<e:Clear").expect("one"), clear.find("</s:Body>").expect("one"));
    let opened = open(&pair, &outbound, &format!("{}{}", &clear[..start], &clear[end..])).map(drop);
    assert!(is_action(&opened), "{opened:?}");

    // A protected one whose security header was taken out.
    let (outbound, _) = seal(&mut pair, "Echo");
    let sealed = text(&outbound.body).to_owned();
    assert!(open(&pair, &outbound, &sealed).is_ok());
    let (start, end) = (sealed.find("<o:Security").expect("one"), sealed.find("</o:Security>").expect("one"));
    let bare = format!("{}{}", &sealed[..start], &sealed[end + "</o:Security>".len()..]);
    let opened = open(&pair, &outbound, &bare).map(drop);
    assert!(matches!(opened, Err(Refusal::TokenMissing(_))), "{opened:?}");
    let opened = open(&pair, &outbound, &bare.replace("urn:example/Echo", "urn:example/Clear")).map(drop);
    assert!(is_action(&opened), "{opened:?}");
}

/// Whoever secures it counts on something that nobody looks at.
#[test]
fn a_request_in_clear_has_no_security_header() {
    let mut pair = pair(&bare(PRESET), false);
    let (outbound, _) = seal(&mut pair, "Clear");
    let (protected, _) = seal(&mut pair, "Echo");
    let protected = text(&protected.body);
    let (start, end) = (protected.find("<o:Security").expect("one"), protected.find("</o:Security>").expect("one"));
    let header = &protected[start..end + "</o:Security>".len()];
    let body = text(&outbound.body).replace("</s:Header>", &format!("{header}</s:Header>"));
    let opened = open(&pair, &outbound, &body).map(drop);
    assert!(matches!(opened, Err(Refusal::SecurityHeader { element: "Security", .. })), "{opened:?}");
}

/// Where neither the message nor the transport says an action, the element does, and an encrypted body says none.
#[test]
fn without_an_action_the_element_tells() {
    let policy = Policy { addressing: Addressing::None, ..bare(PRESET) };
    let pair = pair(&policy, false);
    for (name, opens) in [("Clear", true), ("Echo", false), ("Other", false)] {
        let content_type = if pair.soap == SoapVersion::V11 { "text/xml" } else { "application/soap+xml" };
        let http = HttpFacts { content_type, soap_action: Some("\"\"") };
        let received = pair.recipient.read(&http, plain(&pair, name)).unwrap_or_else(|refusal| panic!("{refusal}"));
        let opened = pair.recipient.open(received, None, Transport::Clear, pair.now).map(drop);
        assert_eq!(opened.is_ok(), opens, "{name}: {opened:?}");
    }
}

/// What nobody signed is told, for the log; over a transport too, which such a request needs no more than a signature.
#[test]
fn what_comes_in_clear_is_told() {
    for preset in [PRESET, "wcf-ws2007-userNameOverTransport"] {
        let bare = Policy { supporting: Vec::new(), ..bare(preset) };
        let pair = pair(&bare, false);
        let header = "<soap:Header><m:Note xmlns:m=\"urn:m\">a note</m:Note></soap:Header><soap:Body>";
        let plain = String::from_utf8(plain(&pair, "Clear")).expect("text").replace("<soap:Body>", header);
        let mut numbers = ends::Numbers(1);
        let sealed = pair.initiator.seal(plain.into_bytes(), "urn:example/Clear", None, pair.now, &mut numbers);
        let (outbound, _) = sealed.expect("sealed");
        let http = HttpFacts { content_type: &outbound.content_type, soap_action: outbound.soap_action.as_deref() };
        let received = pair.recipient.read(&http, outbound.body).unwrap_or_else(|refusal| panic!("{refusal}"));
        let opened = pair.recipient.open(received, None, Transport::Clear, pair.now);
        let opened = opened.unwrap_or_else(|refusal| panic!("{preset}: {refusal}"));
        assert_eq!(opened.unverified().collect::<Vec<_>>(), ["Note"], "{preset}");
    }
}
