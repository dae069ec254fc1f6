//! Policies under which the transport does all that is asked for: their messages have no security header, and need none.

#![allow(clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

mod ends;

use ends::{Pair, policy, soap};
use nuncio_policy::model::{Binding, HeaderPart, Policy, SoapVersion, TransportBinding, Wss};
use nuncio_wss::{Answer, Claim, Fault, HttpFacts, Message, Opened, Outbound, Refusal, Transport};

const PRESET: &str = "wcf-ws2007-userNameOverTransport";

/// TLS, and nothing besides.
fn alone() -> Policy {
    let mut policy = policy(PRESET);
    policy.supporting.clear();
    policy.properties.timestamp = false;
    policy
}

fn pair(policy: &Policy) -> Pair {
    Pair::new(policy, soap(PRESET)[0])
}

/// A request that has no security header.
fn bare(pair: &mut Pair) -> Outbound {
    let mut other = self::pair(&alone());
    let outbound = other.request("hello", None).0;
    assert!(!text(&outbound.body).contains("Security"), "{}", text(&outbound.body));
    pair.numbers = other.numbers;
    outbound
}

fn open(pair: &Pair, outbound: &Outbound, body: &str, transport: Transport) -> Result<Opened, Refusal> {
    let http = HttpFacts { content_type: &outbound.content_type, soap_action: outbound.soap_action.as_deref() };
    let received = pair.recipient.read(&http, body.as_bytes().to_vec())?;
    pair.recipient.open(received, None, transport, pair.now)
}

fn text(octets: &[u8]) -> &str {
    str::from_utf8(octets).expect("text")
}

/// The message with that in its header.
fn with(body: &str, block: &str) -> String {
    body.replace("</s:Header>", &format!("{block}</s:Header>"))
}

const WSSE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";

fn security(content: &str) -> String {
    format!(
        "<o:Security s:mustUnderstand=\"1\" xmlns:o=\"{WSSE}\" xmlns:u=\"http://docs.oasis-open.org/wss/2004/01/\
         oasis-200401-wss-wssecurity-utility-1.0.xsd\">{content}</o:Security>"
    )
}

#[test]
fn neither_the_request_nor_its_answer_has_a_security_header() {
    let mut pair = pair(&alone());
    let (outbound, expectation) = pair.request("hello", None);
    assert!(!text(&outbound.body).contains("Security"), "{}", text(&outbound.body));
    let opened = open(&pair, &outbound, text(&outbound.body), Transport::Secure).expect("opened");
    assert!(matches!(opened.claim(), Claim::Anonymous) && opened.context().is_none() && opened.once().next().is_none());
    assert!(text(&opened.plain().body).contains(">hello<"));
    let message = pair.echo(opened);
    assert!(!text(&message.body).contains("Security"), "{}", text(&message.body));
    let plain = pair.answer(&message, &expectation).unwrap_or_else(|refusal| panic!("{refusal}")).plain();
    assert!(text(&plain.body).contains(">hello<"));
}

/// A fault too is the service's own word: TLS says so, as of any other answer.
#[test]
fn faults_come_without_one_too() {
    let mut pair = pair(&alone());
    let (outbound, expectation) = pair.request("hello", None);
    let opened = open(&pair, &outbound, text(&outbound.body), Transport::Secure).expect("opened");
    let sealed = opened.into_reply().seal(Answer::Fault(Fault::busy()), pair.now, &mut pair.numbers);
    let (message, _): (Message, _) = sealed.expect("sealed");
    assert!(message.fault && !text(&message.body).contains("Security"));
    let plain = pair.answer(&message, &expectation).unwrap_or_else(|refusal| panic!("{refusal}")).plain();
    assert!(text(&plain.body).contains("Fault"));
}

/// What such a fault says of who asked is told apart from what it says else: a plain fault says nothing of him.
#[test]
fn a_fault_says_whether_it_is_of_security() {
    let mut pair = pair(&alone());
    for (namespace, code, of_security) in [
        (WSSE, "FailedAuthentication", true),
        (WSSE, "InvalidSecurity", true),
        ("urn:mine", "FailedAuthentication", false),
    ] {
        let (outbound, expectation) = pair.request("hello", None);
        let opened = open(&pair, &outbound, text(&outbound.body), Transport::Secure).expect("opened");
        let sealed = opened.into_reply().seal(Answer::Fault(Fault::busy()), pair.now, &mut pair.numbers);
        let (mut message, _): (Message, _) = sealed.expect("sealed");
        let subcode = format!("<s:Subcode><s:Value xmlns:w=\"{namespace}\">w:{code}</s:Value></s:Subcode></s:Code>");
        message.body = text(&message.body).replace("</s:Code>", &subcode).into_bytes();
        let opening = pair.answer(&message, &expectation).unwrap_or_else(|refusal| panic!("{refusal}"));
        assert!(opening.is_fault() && !opening.is_secured(), "{code}");
        assert_eq!(opening.is_of_security(), of_security, "{}", text(&message.body));
    }
}

#[test]
fn the_transport_must_protect_all_the_same_and_names_the_caller_where_the_policy_says() {
    let mut certified = alone();
    certified.binding = Binding::Transport(TransportBinding { client_certificate: true });
    for (policy, transport, refusal) in [
        (alone(), Transport::Clear, Some(Refusal::UnprotectedTransport)),
        (alone(), Transport::Secure, None),
        (alone(), Transport::Authenticated, None),
        (certified.clone(), Transport::Clear, Some(Refusal::UnprotectedTransport)),
        (certified.clone(), Transport::Secure, Some(Refusal::UnauthenticatedTransport)),
        (certified.clone(), Transport::Authenticated, None),
    ] {
        let mut pair = pair(&policy);
        let outbound = bare(&mut pair);
        let opened = open(&pair, &outbound, text(&outbound.body), transport);
        if let Ok(opened) = &opened {
            assert_eq!(matches!(opened.claim(), Claim::Transport), policy == certified);
        }
        let (found, refusal) =
            (opened.err().map(|found| found.to_string()), refusal.map(|refusal| refusal.to_string()));
        assert_eq!(found, refusal, "{transport:?}");
    }
}

/// With anything that would stand in it, the header is missed.
#[test]
fn what_asks_for_more_is_not_satisfied_by_nothing() {
    let mut timestamp = alone();
    timestamp.properties.timestamp = true;
    let token = Policy { supporting: policy(PRESET).supporting, ..alone() };
    let mut optional = token.clone();
    optional.supporting[0].optional = true;
    for policy in [timestamp, token, optional, policy("wcf-ws2007-anonymousForCertificate")] {
        let mut pair = pair(&policy);
        let outbound = bare(&mut pair);
        let opened = open(&pair, &outbound, text(&outbound.body), Transport::Secure).map(drop);
        assert!(matches!(opened, Err(Refusal::TokenMissing("security header"))), "{opened:?}");
    }
}

#[test]
fn an_answer_that_must_confirm_has_a_header() {
    let mut policy = alone();
    policy.wss = Wss { v11: true, signature_confirmation: true };
    let mut pair = pair(&policy);
    let (outbound, expectation) = pair.request("hello", None);
    let opened = open(&pair, &outbound, text(&outbound.body), Transport::Secure).expect("opened");
    let message = pair.echo(opened);
    assert!(text(&message.body).contains("SignatureConfirmation"));
    assert!(pair.answer(&message, &expectation).is_ok());
    let (start, end) = (text(&message.body).find("<o:Security"), text(&message.body).find("</o:Security>"));
    let (start, end) = (start.expect("one"), end.expect("one") + "</o:Security>".len());
    let body = [&message.body[..start], &message.body[end..]].concat();
    let answer = pair.answer(&Message { body, ..message }, &expectation).map(drop);
    assert!(matches!(answer, Err(Refusal::TokenMissing("security header"))), "{answer:?}");
}

#[test]
fn a_header_that_comes_nevertheless_is_opened() {
    let mut pair = pair(&alone());
    let outbound = bare(&mut pair);
    let body = text(&outbound.body);
    let stamped = |created: &str| security(&format!("<u:Timestamp><u:Created>{created}</u:Created></u:Timestamp>"));
    let now = pair.now.to_string();
    for (content, opens) in [
        (security(""), true),
        (stamped(&now), true),
        (stamped("2001-01-01T00:00:00Z"), false),
        (security("<o:UsernameToken><o:Username>alice</o:Username></o:UsernameToken>"), false),
        (security("<x xmlns=\"urn:x\"/>"), false),
        (format!("{}{}", security(""), security("")), false),
    ] {
        let opened = open(&pair, &outbound, &with(body, &content), Transport::Secure).map(drop);
        assert_eq!(opened.is_ok(), opens, "{content}: {opened:?}");
    }
}

/// What the policy requires and what nobody understands is looked at without a header too.
#[test]
fn the_rest_of_the_policy_holds() {
    let mut policy = alone();
    policy.parts.required = vec![HeaderPart { name: Some("Note".to_owned()), namespace: "urn:m".to_owned() }];
    let mut pair = pair(&policy);
    let outbound = bare(&mut pair);
    let body = text(&outbound.body);
    let of = |block: &str| open(&pair, &outbound, &with(body, block), Transport::Secure);
    assert!(matches!(of("").map(drop), Err(Refusal::PartMissing(_))));
    let opened = of("<Note xmlns=\"urn:m\"/>").unwrap_or_else(|refusal| panic!("{refusal}"));
    assert!(opened.unverified().any(|name| name == "Note"));
    let opened = of("<Note xmlns=\"urn:m\" s:mustUnderstand=\"1\"/>").map(drop);
    assert!(matches!(opened, Err(Refusal::NotUnderstood { .. })), "{opened:?}");
    let hidden = "<e:EncryptedData xmlns:e=\"http://www.w3.org/2001/04/xmlenc#\"/>";
    assert!(of(&format!("<Note xmlns=\"urn:m\"/>{hidden}")).is_err());
}

/// An answer under a policy without a timestamp has nothing in it that a header would be for, whatever its request brought.
#[test]
fn a_token_of_the_request_does_not_make_its_answer_have_a_header() {
    let policy = Policy { supporting: policy(PRESET).supporting, ..alone() };
    let mut pair = Pair::new(&policy, SoapVersion::V12);
    let (outbound, expectation) = pair.request("hello", None);
    assert!(text(&outbound.body).contains("UsernameToken"));
    let opened = open(&pair, &outbound, text(&outbound.body), Transport::Secure).expect("opened");
    let message = pair.echo(opened);
    assert!(!text(&message.body).contains("Security"));
    assert!(pair.answer(&message, &expectation).is_ok());
}

/// What satisfies an alternative that asks for more is taken under that one, wherever in the policy it stands.
#[test]
fn of_alternatives_the_one_that_asks_for_more_is_tried_first() {
    let mut proved = alone();
    proved.binding = Binding::Transport(TransportBinding { client_certificate: true });
    let mut stamped = alone();
    stamped.properties.timestamp = true;
    let all = [alone(), stamped.clone(), proved];
    let among = |of: &Policy| Pair::among(of, &all, soap(PRESET)[0]);

    let mut bare = among(&alone());
    let (outbound, _) = bare.request("hello", None);
    for (transport, proved) in [(Transport::Authenticated, true), (Transport::Secure, false)] {
        let opened = open(&bare, &outbound, text(&outbound.body), transport).expect("opened");
        assert_eq!(matches!(opened.claim(), Claim::Transport), proved, "{transport:?}");
    }
    let mut pair = among(&stamped);
    let (outbound, expectation) = pair.request("hello", None);
    let opened = open(&pair, &outbound, text(&outbound.body), Transport::Secure).expect("opened");
    let message = pair.echo(opened);
    assert!(text(&message.body).contains("Timestamp"), "{}", text(&message.body));
    assert!(pair.answer(&message, &expectation).is_ok());
}
