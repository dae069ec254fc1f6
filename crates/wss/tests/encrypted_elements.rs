//! Elements that a policy has encrypted where they stand: sealed and opened by both ends, and what is refused of them.

#![allow(clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

mod ends;

use ends::{Pair, namespace, policy, soap};
use nuncio_policy::model::{ElementPath, HeaderPart, PartSet, Policy, ProtectionOrder, SoapVersion, Step};
use nuncio_wss::{Expectation, Opened, Refusal};

const BASES: [&str; 4] = [
    "wcf-ws2007-anonymousForCertificate",
    "wcf-ws2007-mutualCertificate",
    "wse-mutualCertificate10Security",
    "wcf-ws2007-anonymousForCertificate-conversation",
];

/// A path by prefixes: `s` is SOAP's namespace, `e` and `h` the message's, and a name without prefix is of any; a name
/// behind `*` stands anywhere below.
fn path(text: &str, soap: SoapVersion) -> ElementPath {
    let step = |word: &str| {
        let (anywhere_below, name) = word.strip_prefix('*').map_or((false, word), |name| (true, name));
        let (prefix, local) = name.split_once(':').map_or((None, name), |(prefix, local)| (Some(prefix), local));
        let namespace = prefix.map(|prefix| match prefix {
            "s" => namespace(soap).to_owned(),
            "a" => "http://www.w3.org/2005/08/addressing".to_owned(),
            "" => String::new(),
            other => format!("urn:{other}"),
        });
        Step { anywhere_below, namespace, local: Some(local.to_owned()) }
    };
    ElementPath { text: text.to_owned(), steps: text.split('/').map(step).collect() }
}

/// A policy without encrypted parts, but with those paths.
fn with_paths(base: &str, elements: &[&str], contents: &[&str]) -> Policy {
    let mut policy = policy(base);
    policy.parts.encrypted = PartSet::default();
    let paths = |texts: &[&str]| texts.iter().map(|text| path(text, soap(base)[0])).collect();
    policy.parts.encrypted_elements = paths(elements);
    policy.parts.content_encrypted_elements = paths(contents);
    policy
}

/// A plain message with secrets in the body and in a header block.
fn plain(soap: SoapVersion) -> Vec<u8> {
    let namespace = namespace(soap);
    format!(
        "<soap:Envelope xmlns:soap=\"{namespace}\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\
         <soap:Header><h:Ticket xmlns:h=\"urn:h\"><h:Seat>a-seat</h:Seat><h:Code>a-code</h:Code></h:Ticket></soap:Header>\
         <soap:Body><Pay xmlns=\"urn:e\" xmlns:q=\"urn:q\"><Card kind=\"q:gold\"><Number>a-number</Number><!-- ! --> tail\
         </Card><none xmlns=\"\" xsi:type=\"q:x\">a-none</none><Card>another</Card><Sum>a-sum</Sum></Pay></soap:Body>\
         </soap:Envelope>"
    )
    .into_bytes()
}

/// A request as it was sent, and what its recipient made of it.
struct Sent {
    pair: Pair,
    text: String,
    opened: Result<Opened, Refusal>,
    expectation: Expectation,
}

fn send(initiator: &Policy, recipient: &Policy, base: &str) -> Sent {
    let mut pair = Pair::unlike(initiator, recipient, soap(base)[0]);
    let contexts = base.ends_with("-conversation").then(|| pair.establish());
    let (ours, theirs) = contexts.unzip();
    let plain = plain(pair.soap);
    let (outbound, expectation) =
        pair.initiator.seal(plain, ends::ACTION, ours.as_ref(), pair.now, &mut pair.numbers).expect("sealed");
    let opened = pair.open(&outbound, outbound.body.clone(), theirs.as_ref());
    let text = String::from_utf8(outbound.body).expect("text");
    Sent { pair, text, opened, expectation }
}

/// What is encrypted, what is not, and that both ends get back what was sent.
fn check(base: &str, order: ProtectionOrder, elements: &[&str], contents: &[&str], hidden: &[&str]) {
    let mut policy = with_paths(base, elements, contents);
    policy.properties.order = order;
    let Sent { mut pair, text, opened, expectation, .. } = send(&policy, &policy, base);
    let opened = opened.unwrap_or_else(|refusal| panic!("{base}, {order:?}, {elements:?}, {contents:?}: {refusal}"));
    for word in ["a-seat", "a-code", "a-number", "q:gold", "tail", "another", "a-none", "a-sum"] {
        assert_eq!(!text.contains(word), hidden.contains(&word), "{base}, {elements:?}, {contents:?}: {word}");
    }
    let got = String::from_utf8(opened.plain().body).expect("text");
    for word in ["a-seat", "a-code", "a-number", "q:gold", "tail", "another", "xmlns=\"\"", "a-none", "a-sum"] {
        assert!(got.contains(word), "{base}, {elements:?}, {contents:?}: no {word}");
    }
    let message = pair.echo(opened);
    let answer = String::from_utf8(message.body.clone()).expect("text");
    for word in ["a-number", "q:gold", "tail", "another", "a-none", "a-sum"] {
        assert_eq!(!answer.contains(word), hidden.contains(&word), "{base}, {elements:?}: {word}");
    }
    let opening = pair.answer(&message, &expectation);
    let opening = opening.unwrap_or_else(|refusal| panic!("{base}, {order:?}, {elements:?}, {contents:?}: {refusal}"));
    assert!(String::from_utf8(opening.plain().body).expect("text").contains("a-sum"));
}

#[test]
fn elements_are_encrypted_where_they_stand() {
    type Case = (&'static [&'static str], &'static [&'static str], &'static [&'static str]);
    let cases: [Case; 12] = [
        (&["s:Envelope/s:Body/e:Pay/e:Card"], &[], &["a-number", "q:gold", "tail", "another"]),
        (&[], &["s:Envelope/s:Body/e:Pay/e:Card"], &["a-number", "tail", "another"]),
        (&["*e:Number"], &[], &["a-number"]),
        (&["*:none"], &[], &["a-none"]),
        (&[], &["*none"], &["a-none"]),
        (&["*Sum"], &["*e:Card"], &["a-number", "tail", "another", "a-sum"]),
        // One within the other: the outer hides both.
        (&["*e:Number", "*e:Card"], &["*e:Number"], &["a-number", "q:gold", "tail", "another"]),
        (&["*e:Number"], &["*e:Pay"], &["a-number", "q:gold", "tail", "another", "a-none", "a-sum"]),
        (&["s:Envelope/s:Body/e:Pay"], &[], &["a-number", "q:gold", "tail", "another", "a-none", "a-sum"]),
        (&[], &["s:Envelope/s:Body"], &["a-number", "q:gold", "tail", "another", "a-none", "a-sum"]),
        (&["s:Envelope/s:Header/h:Ticket"], &["*e:Sum"], &["a-seat", "a-code", "a-sum"]),
        (&["*h:Seat"], &["s:Envelope/s:Header/h:Ticket/h:Code"], &["a-seat", "a-code"]),
    ];
    for base in BASES {
        for order in [ProtectionOrder::SignBeforeEncrypt, ProtectionOrder::EncryptBeforeSign] {
            for (elements, contents, hidden) in cases {
                check(base, order, elements, contents, hidden);
            }
            check(base, order, &["*h:Ticket"], &[], &["a-seat", "a-code"]);
            check(base, order, &[], &["*h:Ticket"], &["a-seat", "a-code"]);
            check(base, order, &["*e:Nowhere"], &[], &[]);
        }
    }
}

/// What the recipient says, under its policy, of a request under another.
fn refusal(initiator: &Policy, recipient: &Policy, base: &str) -> Option<Refusal> {
    send(initiator, recipient, base).opened.map(drop).err()
}

/// Each base in each order.
fn everywhere(check: impl Fn(&dyn Fn(&[&str], &[&str]) -> Policy, &str)) {
    for base in BASES {
        for order in [ProtectionOrder::SignBeforeEncrypt, ProtectionOrder::EncryptBeforeSign] {
            let policy = |elements: &[&str], contents: &[&str]| {
                let mut policy = with_paths(base, elements, contents);
                policy.properties.order = order;
                policy.properties.encrypt_signature = false;
                policy
            };
            check(&policy, base);
        }
    }
}

#[test]
fn an_element_that_is_not_encrypted_as_the_policy_has_it_is_refused() {
    const CARDS: &[&str] = &["s:Envelope/s:Body/e:Pay/e:Card"];
    type Paths = (&'static [&'static str], &'static [&'static str]);
    let cases: [(&str, Paths, Paths); 5] = [
        ("in clear beside one that is not", (&["*e:Sum"], &[]), (&["*e:Sum", "*e:Card"], &[])),
        ("a part of it", (&["*e:Number"], &[]), (&["*e:Number"], CARDS)),
        ("its content alone", (&[], CARDS), (CARDS, CARDS)),
        ("its content in part", (&["*e:Number"], &["*e:Nowhere"]), (&["*e:Number"], CARDS)),
        ("a header block", (&["*e:Sum"], &[]), (&["*e:Sum", "*h:Seat"], &[])),
    ];
    everywhere(|policy, base| {
        for (what, sent, asked) in cases {
            let refusal = refusal(&policy(sent.0, sent.1), &policy(asked.0, asked.1), base);
            assert!(matches!(refusal, Some(Refusal::NotEncrypted(_))), "{base}, {what}: {refusal:?}");
        }
    });
}

#[test]
fn an_encrypted_element_that_no_path_leads_to_is_refused() {
    everywhere(|policy, base| {
        for (sent, asked, fault) in [
            (policy(&["*e:Card"], &[]), policy(&[], &[]), "stands where the policy encrypts nothing"),
            (policy(&["*e:Card"], &[]), policy(&[], &["*e:Card"]), "stands where the policy encrypts nothing"),
            (policy(&[], &["*e:Card"]), policy(&["*e:Nowhere"], &[]), "stands where the policy encrypts nothing"),
            (policy(&["*e:Card"], &[]), policy(&["*e:Sum"], &["*e:Sum"]), "no path"),
            (
                policy(&["*e:Card", "*e:Sum"], &[]),
                policy(&["*e:Card"], &[]),
                "hides an element that the policy does not encrypt",
            ),
            (
                policy(&[], &["*e:Card", "*e:Sum"]),
                policy(&[], &["*e:Card"]),
                "hides an element that the policy does not encrypt",
            ),
            (
                policy(&["*h:Ticket"], &[]),
                policy(&["*e:Nowhere"], &[]),
                "hides an element that the policy does not encrypt",
            ),
            (policy(&["*h:Ticket"], &[]), policy(&[], &["*e:Nowhere"]), "block"),
        ] {
            match refusal(&sent, &asked, base) {
                Some(Refusal::SecurityHeader { element: "EncryptedData", fault: found }) => {
                    assert_eq!(found, fault, "{base}");
                }
                Some(Refusal::NotEncrypted(_)) if fault == "no path" => {}
                Some(Refusal::SecurityHeader { element: "Header", .. }) if fault == "block" => {}
                other => panic!("{base}, {fault}: {other:?}"),
            }
        }
    });
}

/// Within a body that is encrypted an element is encrypted; an element that is all of a body is not the body's content.
#[test]
fn a_body_and_its_elements_are_told_apart() {
    everywhere(|policy, base| {
        let mut whole = policy(&[], &[]);
        whole.parts.encrypted.body = true;
        assert!(refusal(&whole, &policy(&["*e:Card"], &["*e:Sum"]), base).is_none(), "{base}");
        let mut both = policy(&["*e:Pay"], &[]);
        both.parts.encrypted.body = true;
        let refusal = refusal(&policy(&["*e:Pay"], &[]), &both, base);
        assert!(matches!(&refusal, Some(Refusal::NotEncrypted(what)) if what == "Body"), "{base}: {refusal:?}");
    });
}

/// No octet of an encrypted element can be changed, and none can stand in another's place.
#[test]
fn encrypted_elements_are_not_changed_or_exchanged() {
    everywhere(|policy, base| {
        let policy = policy(&["*e:Card"], &["*e:Sum"]);
        let mut pair = Pair::new(&policy, soap(base)[0]);
        let contexts = base.ends_with("-conversation").then(|| pair.establish());
        let (ours, theirs) = contexts.unzip();
        let plain = plain(pair.soap);
        let sealed = pair.initiator.seal(plain, ends::ACTION, ours.as_ref(), pair.now, &mut pair.numbers);
        let (outbound, _) = sealed.expect("sealed");
        let text = String::from_utf8(outbound.body.clone()).expect("text");
        assert!(pair.open(&outbound, text.clone().into_bytes(), theirs.as_ref()).is_ok());
        let body = text.find("<s:Body").expect("a body");
        let all: Vec<usize> = text[body..].match_indices("<e:EncryptedData").map(|(at, _)| at + body).collect();
        let [first, second, third] = all.as_slice() else { panic!("{base}: {} are encrypted", all.len()) };
        let end = |at: usize| at + text[at..].find("</e:EncryptedData>").expect("an end") + "</e:EncryptedData>".len();
        let (one, other) = (&text[*first..end(*first)], &text[*second..end(*second)]);
        let exchanged = [&text[..*first], other, &text[end(*first)..*second], one, &text[end(*second)..]].concat();
        let dropped = [&text[..*first], &text[end(*first)..]].concat();
        let moved = [&text[..*first], &text[end(*first)..end(*second)], one, &text[end(*second)..]].concat();
        let value = text[*third..].find("<e:CipherValue>").expect("a value") + third + "<e:CipherValue>".len() + 30;
        let letter = if text.as_bytes()[value] == b'A' { "B" } else { "A" };
        let changed = [&text[..value], letter, &text[value + 1..]].concat();
        for (what, edited) in [("exchanged", exchanged), ("dropped", dropped), ("moved", moved), ("changed", changed)] {
            assert!(pair.open(&outbound, edited.into_bytes(), theirs.as_ref()).is_err(), "{base}: {what}");
        }
    });
}

/// A token that endorses signs what is encrypted as the primary signature does: before or after, as the policy's order has it.
#[test]
fn what_endorses_covers_what_is_encrypted() {
    let base = "wcf-ws2007-mutualCertificate";
    for order in [ProtectionOrder::SignBeforeEncrypt, ProtectionOrder::EncryptBeforeSign] {
        for (elements, contents) in
            [(&["*h:Ticket"][..], &["*e:Sum"][..]), (&["*h:Seat", "*e:Pay"], &[]), (&[], &["*h:Ticket", "*e:Card"])]
        {
            let without = {
                let mut policy = with_paths(base, elements, contents);
                policy.properties.order = order;
                policy
            };
            let mut with = without.clone();
            let ticket = HeaderPart { name: None, namespace: "urn:h".to_owned() };
            let parts = &mut with.supporting[0].parts;
            parts.signed = PartSet { body: true, headers: vec![ticket], ..PartSet::default() };
            parts.signed_elements = vec![path("*e:Sum", soap(base)[0]), path("*h:Code", soap(base)[0])];
            let what = format!("{order:?}, {elements:?}, {contents:?}");
            assert!(refusal(&with, &with, base).is_none(), "{what}: {:?}", refusal(&with, &with, base));
            let refusal = refusal(&without, &with, base);
            assert!(matches!(refusal, Some(Refusal::NotSigned(_))), "{what}: {refusal:?}");
        }
    }
}

/// No signature covers the lists: an element that is struck off one is not left encrypted.
#[test]
fn an_encrypted_element_that_is_not_listed_is_refused() {
    everywhere(|policy, base| {
        let policy = policy(&["*e:Card", "*h:Seat"], &["*e:Sum"]);
        let mut pair = Pair::new(&policy, soap(base)[0]);
        let contexts = base.ends_with("-conversation").then(|| pair.establish());
        let (ours, theirs) = contexts.unzip();
        let plain = plain(pair.soap);
        let sealed = pair.initiator.seal(plain, ends::ACTION, ours.as_ref(), pair.now, &mut pair.numbers);
        let (outbound, _) = sealed.expect("sealed");
        let text = String::from_utf8(outbound.body.clone()).expect("text");
        let listed: Vec<usize> = text.match_indices("<e:DataReference").map(|(at, _)| at).collect();
        assert_eq!(listed.len(), 4, "{base}");
        for (which, at) in listed.into_iter().enumerate() {
            let end = text[at..].find("</e:DataReference>").expect("an end") + at + "</e:DataReference>".len();
            let edited = [&text[..at], &text[end..]].concat().into_bytes();
            assert!(pair.open(&outbound, edited, theirs.as_ref()).is_err(), "{base}: {which}");
        }
    });
}
