//! A plain program's request sealed, in its own version of SOAP or the other, and the answer as that program gets it.

#![allow(clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

mod ends;

use ends::{ACTION, Pair, limits, namespace, policy};
use nuncio_policy::model::{Addressing, SoapVersion};
use nuncio_wss::{Answer, Correlation, HttpFacts, Message, Outbound, Unsecured};

/// Nothing is encrypted under it: what travels can be seen.
const PRESET: &str = "wcf-ws2007-userNameOverTransport";
const WSA10: &str = "http://www.w3.org/2005/08/addressing";
const WSA04: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing";
const IDENTITY: &str = "<n:Identity xmlns:n=\"urn:nuncio:identity:1\"><n:Principal>mallory</n:Principal></n:Identity>";
const VERSIONS: [SoapVersion; 2] = [SoapVersion::V11, SoapVersion::V12];

fn text(octets: &[u8]) -> &str {
    str::from_utf8(octets).expect("text")
}

/// By what a version of SOAP says whom a block is for.
fn whom(version: SoapVersion) -> &'static str {
    if version == SoapVersion::V11 { "actor" } else { "role" }
}

fn envelope(version: SoapVersion, header: &str, body: &str) -> Vec<u8> {
    let namespace = namespace(version);
    format!("<p:Envelope xmlns:p=\"{namespace}\"><p:Header>{header}</p:Header><p:Body>{body}</p:Body></p:Envelope>")
        .into_bytes()
}

/// A plain request as its listener reads it.
fn plain(version: SoapVersion, header: &str) -> Unsecured {
    let content_type = if version == SoapVersion::V11 { "text/xml" } else { "application/soap+xml" };
    let body = envelope(version, header, "<e:Echo xmlns:e=\"urn:example\">hello</e:Echo>");
    let http = HttpFacts { content_type, soap_action: None };
    Unsecured::read(&http, version, body, &limits()).unwrap_or_else(|refusal| panic!("{refusal}"))
}

/// The addressing headers of a request in that version.
fn addressed(namespace: &str) -> String {
    format!(
        "<a:Action xmlns:a=\"{namespace}\">{ACTION}</a:Action><a:MessageID xmlns:a=\"{namespace}\">urn:plain:1</a:MessageID>\
         <a:To xmlns:a=\"{namespace}\">http://plain.example/</a:To>"
    )
}

/// A pair of that version of SOAP, whose messages have that addressing.
fn pair(soap: SoapVersion, addressing: Addressing) -> Pair {
    let mut policy = policy(PRESET);
    policy.addressing = addressing;
    Pair::new(&policy, soap)
}

fn seal(pair: &mut Pair, message: &Unsecured) -> (Outbound, nuncio_wss::Expectation) {
    let sealed = pair.initiator.seal_unsecured(message, ACTION, None, pair.now, &mut pair.numbers);
    sealed.unwrap_or_else(|error| panic!("{error}"))
}

/// What a plain program gets where a service answers so, and adds to the header of what it sealed.
fn answered(pair: &mut Pair, message: &Unsecured, answer: Answer, added: &str) -> Message {
    let (outbound, expectation) = seal(pair, message);
    let opened = pair.open(&outbound, outbound.body.clone(), None).unwrap_or_else(|refusal| panic!("{refusal}"));
    let (mut sealed, trouble) =
        opened.into_reply().seal(answer, pair.now, &mut pair.numbers).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(trouble, None);
    sealed.body = text(&sealed.body).replace("</s:Header>", &format!("{added}</s:Header>")).into_bytes();
    let opening = pair.answer(&sealed, &expectation).unwrap_or_else(|refusal| panic!("{refusal}"));
    opening.answer(message.soap(), &message.correlation())
}

/// Each pair of the version that a plain program speaks and that of the port.
fn both_ways() -> impl Iterator<Item = (SoapVersion, SoapVersion)> {
    VERSIONS.into_iter().flat_map(|from| VERSIONS.map(|to| (from, to)))
}

#[test]
fn what_is_sealed_is_of_the_ports_version_and_says_what_the_plain_request_said() {
    for (from, to) in both_ways() {
        let header = format!(
            "{}<k:Kept xmlns:k=\"urn:k\" p:mustUnderstand=\"0\"></k:Kept><k:Passing xmlns:k=\"urn:k\" \
             p:{}=\"urn:somebody\"></k:Passing>{IDENTITY}",
            addressed(WSA04),
            whom(from)
        );
        let mut pair = pair(to, Addressing::V10);
        let (outbound, expectation) = seal(&mut pair, &plain(from, &header));
        let sealed = text(&outbound.body);
        let envelope = format!("<s:Envelope xmlns:s=\"{}\">", namespace(to));
        assert!(sealed.starts_with(&envelope), "{from:?} {to:?}: {sealed}");
        for present in [
            ">hello</e:Echo>",
            ":mustUnderstand=\"0\"></k:Kept>",
            &format!(":{}=\"urn:somebody\"></k:Passing>", whom(to)),
            &format!("xmlns:a=\"{WSA10}\""),
            expectation.message_id().expect("it has an id"),
        ] {
            assert!(sealed.contains(present), "{from:?} {to:?}: no {present} in {sealed}");
        }
        // Nothing of who calls in our words, and nothing of the addressing that was meant for us.
        for absent in ["mallory", "urn:nuncio:identity", WSA04, "urn:plain:1", "plain.example"] {
            assert!(!sealed.contains(absent), "{from:?} {to:?}: {absent} in {sealed}");
        }
        if from != to {
            assert!(!sealed.contains(namespace(from)), "{from:?} {to:?}: {sealed}");
        }
        let opened = pair.open(&outbound, outbound.body.clone(), None).unwrap_or_else(|refusal| panic!("{refusal}"));
        assert_eq!(opened.action(), Some(ACTION));
        assert!(text(&opened.plain().body).contains(">hello<"));
    }
}

#[test]
fn an_answer_is_of_the_plain_programs_version_without_security() {
    for (from, to) in both_ways() {
        let mut pair = pair(to, Addressing::V10);
        let kept = "<k:Kept xmlns:k=\"urn:k\"></k:Kept>";
        // What else a service may have in its header, which nothing here seals.
        let whom = format!("<k:Passing xmlns:k=\"urn:k\" s:{}=\"urn:somebody\"></k:Passing>", whom(to));
        let added = format!("{whom}{IDENTITY}");
        let answer = envelope(to, kept, "<e:EchoResponse xmlns:e=\"urn:example\">hello</e:EchoResponse>");
        let message = answered(&mut pair, &plain(from, ""), Answer::Envelope(answer), &added);
        let body = text(&message.body);
        assert!(!message.fault);
        assert_eq!(message.content_type.starts_with("text/xml"), from == SoapVersion::V11, "{}", message.content_type);
        assert!(body.starts_with(&format!("<s:Envelope xmlns:s=\"{}\">", namespace(from))), "{from:?} {to:?}: {body}");
        assert!(body.contains(">hello</e:EchoResponse>") && body.contains("k:Kept"), "{from:?} {to:?}: {body}");
        assert!(
            body.contains(&format!(":{}=\"urn:somebody\"></k:Passing>", self::whom(from))),
            "{from:?} {to:?}: {body}"
        );
        for absent in ["Security", "Timestamp", "wssecurity", WSA10, WSA04, "mallory", "urn:nuncio:identity"] {
            assert!(!body.contains(absent), "{from:?} {to:?}: {absent} in {body}");
        }
    }
}

#[test]
fn addressing_is_answered_in_kind() {
    for (from, to) in both_ways() {
        for (namespace, version) in [(WSA10, Addressing::V10), (WSA04, Addressing::August2004)] {
            let message = plain(from, &addressed(namespace));
            let correlation = message.correlation();
            assert_eq!((correlation.addressing(), correlation.message_id()), (version, Some("urn:plain:1")));

            let answer = envelope(to, "", "<e:EchoResponse xmlns:e=\"urn:example\"></e:EchoResponse>");
            let answer = answered(&mut pair(to, Addressing::V10), &message, Answer::Envelope(answer), "");
            let body = text(&answer.body);
            let anonymous = if version == Addressing::V10 { "/anonymous" } else { "/role/anonymous" };
            for present in [
                format!("<a:Action xmlns:a=\"{namespace}\">{ACTION}Response</a:Action>"),
                format!("<a:RelatesTo xmlns:a=\"{namespace}\">urn:plain:1</a:RelatesTo>"),
                format!("<a:To xmlns:a=\"{namespace}\">{namespace}{anonymous}</a:To>"),
            ] {
                assert!(body.contains(&present), "{from:?} {to:?}: no {present} in {body}");
            }
            let other = if namespace == WSA10 { WSA04 } else { WSA10 };
            assert!(!body.contains(other), "{body}");
        }
    }
}

#[test]
fn a_correlation_says_no_more_than_it_knows() {
    let unaddressed = plain(SoapVersion::V12, "").correlation();
    assert_eq!(unaddressed, Correlation::NONE);
    assert_eq!((unaddressed.addressing(), unaddressed.message_id()), (Addressing::None, None));

    // Without an id there is nothing to relate to; and a port without addressing names no action.
    let action = format!("<a:Action xmlns:a=\"{WSA10}\">{ACTION}</a:Action>");
    let message = plain(SoapVersion::V12, &action);
    assert_eq!(message.correlation().message_id(), None);
    let answer = |fault: &str| envelope(SoapVersion::V11, "", fault);
    let mut pair = pair(SoapVersion::V11, Addressing::None);
    let answered_in_words =
        answered(&mut pair, &message, Answer::Envelope(answer("<e:R xmlns:e=\"urn:example\"></e:R>")), "");
    let body = text(&answered_in_words.body);
    assert!(body.contains("<a:To ") && !body.contains("RelatesTo") && !body.contains("<a:Action"), "{body}");

    // But that of a fault is known.
    let fault = "<p:Fault><faultcode>p:Server</faultcode><faultstring>no</faultstring></p:Fault>";
    let faulted = answered(&mut pair, &message, Answer::FaultEnvelope(answer(fault)), "");
    let body = text(&faulted.body);
    assert!(body.contains(&format!("<a:Action xmlns:a=\"{WSA10}\">{WSA10}/soap/fault</a:Action>")), "{body}");
    let august = plain(SoapVersion::V12, &action.replace(WSA10, WSA04));
    let faulted = answered(&mut pair, &august, Answer::FaultEnvelope(answer(fault)), "");
    let body = text(&faulted.body);
    assert!(body.contains(&format!("<a:Action xmlns:a=\"{WSA04}\">{WSA04}/fault</a:Action>")), "{body}");
}

#[test]
fn a_fault_keeps_its_code_its_reason_and_its_detail() {
    let detail = "<d:Late xmlns:d=\"urn:d\">by a day</d:Late>";
    for (from, to) in both_ways() {
        let fault = match to {
            SoapVersion::V11 => format!(
                "<p:Fault><faultcode xmlns:c=\"urn:c\">c:TooLate</faultcode><faultstring>too late</faultstring>\
                 <detail>{detail}</detail></p:Fault>"
            ),
            SoapVersion::V12 => format!(
                "<p:Fault><p:Code><p:Value>p:Sender</p:Value><p:Subcode><p:Value xmlns:c=\"urn:c\">c:TooLate</p:Value>\
                 </p:Subcode></p:Code><p:Reason><p:Text xml:lang=\"en\">too late</p:Text></p:Reason>\
                 <p:Detail>{detail}</p:Detail></p:Fault>"
            ),
        };
        let answer = Answer::FaultEnvelope(envelope(to, "", &fault));
        let message = answered(&mut pair(to, Addressing::V10), &plain(from, &addressed(WSA10)), answer, "");
        let body = text(&message.body);
        assert!(message.fault, "{from:?} {to:?}");
        let expected: &[&str] = match from {
            SoapVersion::V11 => &["<faultcode ", ":TooLate</faultcode>", ">too late</faultstring>", "<detail>"],
            // SOAP 1.1 does not say whose fault a code of one's own is.
            SoapVersion::V12 if to == SoapVersion::V11 => {
                &[":Receiver</", ":Subcode>", ":TooLate</", ">too late</", ":Detail>"]
            }
            SoapVersion::V12 => &[":Sender</", ":Subcode>", ":TooLate</", ">too late</", ":Detail>"],
        };
        for present in expected.iter().copied().chain([detail, "=\"urn:c\"", "urn:plain:1</a:RelatesTo>"]) {
            assert!(body.contains(present), "{from:?} {to:?}: no {present} in {body}");
        }
        if from != to {
            assert!(!body.contains(namespace(to)), "{from:?} {to:?}: {body}");
        }
        assert!(!body.contains("Security"), "{from:?} {to:?}: {body}");
    }
}
