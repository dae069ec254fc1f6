//! Files that would multiply, nest or repeat without end are refused, soon.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::time::{Duration, Instant};

use nuncio_policy::{bare, wsdl};

const NAMESPACES: &str = "xmlns:wsp='http://www.w3.org/ns/ws-policy' \
    xmlns:sp='http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702'";
/// Far above what any of these takes in a debug build, far below what the square of their size would take.
const SOON: Duration = Duration::from_secs(30);

/// As many texts as said, each made from its number.
fn many(of: &dyn Fn(usize) -> String, count: usize) -> String {
    (0..count).map(of).collect()
}

/// The error of a policy with that content, found soon.
fn refused(content: &str) -> String {
    let text = format!("<wsp:Policy {NAMESPACES}>{content}</wsp:Policy>");
    let begun = Instant::now();
    let error = bare::read("p.xml", text.as_bytes()).unwrap_err().to_string();
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    error
}

#[test]
fn parts_are_bounded() {
    let headers: String = many(&|n| format!("<sp:Header Namespace='urn:{n}'/>"), 501);
    assert_eq!(
        refused(&format!("<sp:SignedParts>{headers}</sp:SignedParts>")),
        "p.xml:1: SignedParts has more than 500 parts"
    );
    let paths = "<sp:XPath>/a</sp:XPath>".repeat(501);
    assert_eq!(
        refused(&format!("<sp:RequiredElements>{paths}</sp:RequiredElements>")),
        "p.xml:1: RequiredElements has more than 500 parts"
    );
}

#[test]
fn nesting_is_bounded_with_references_followed() {
    // Each policy refers to the next from deep within.
    let (open, close) = ("<wsp:All>".repeat(100), "</wsp:All>".repeat(100));
    let policy = |n: usize| {
        let next = n + 1;
        format!("<wsp:Policy Name='p{n}'>{open}<wsp:PolicyReference URI='#p{next}'/>{close}</wsp:Policy>")
    };
    let policies = many(&policy, 20);
    assert_eq!(
        refused(&format!("{policies}<wsp:Policy Name='p20'/>")),
        "p.xml:1: more than 1000 references, or 32 within one another"
    );
}

#[test]
fn nothing_many_times_is_little_work() {
    // Assertions that are passed over, beside alternatives that would be copied for each of them.
    let choice = "<wsp:ExactlyOne><sp:a/><sp:b/></wsp:ExactlyOne>".repeat(6);
    let nothing = "<sp:MustSupportRefThumbprint/>".repeat(300_000);
    assert_eq!(
        refused(&format!("{choice}{nothing}")),
        "p.xml:1: a (http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702) is not known"
    );
}

#[test]
fn the_same_policy_many_times_is_bounded() {
    let large = format!("<wsp:Policy Name='p'>{}</wsp:Policy>", "<sp:x/>".repeat(400));
    let references = "<wsp:PolicyReference URI='#p'/>".repeat(999);
    assert_eq!(
        refused(&format!("{large}{references}")),
        "p.xml:1: the policies of this file are too intricate: they multiply to more than 20000000 assertions"
    );
}

/// A contract of as many operations and ports as said, whose messages all refer to one policy.
fn contract(operations: usize, ports: usize, policy: &str) -> String {
    let reference = "<wsp:PolicyReference URI='#p'/>";
    format!(
        "<definitions targetNamespace='urn:t' xmlns='http://schemas.xmlsoap.org/wsdl/' xmlns:t='urn:t' \
        xmlns:s='http://schemas.xmlsoap.org/wsdl/soap/' {NAMESPACES}><wsp:Policy Name='p'>{policy}</wsp:Policy>{}\
        <portType name='P'>{}</portType><binding name='B' type='t:P'><s:binding transport='http://schemas.xmlsoap.org/soap/http'/>{}</binding>\
        <service name='S'>{}</service></definitions>",
        many(&|n| format!("<message name='M{n}'/>"), operations),
        many(&|n| format!("<operation name='O{n}'><input message='t:M{n}'/></operation>"), operations),
        many(&|n| format!("<operation name='O{n}'><input>{reference}</input></operation>"), operations),
        many(&|n| format!("<port name='P{n}' binding='t:B'/>"), ports),
    )
}

#[test]
fn a_large_contract_is_read_in_time_and_a_huge_one_refused() {
    let begun = Instant::now();
    let port = wsdl::read("c.wsdl", contract(10_000, 1, "").as_bytes()).unwrap().ports.remove(0);
    assert_eq!(port.operations.len(), 10_000);
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());

    let begun = Instant::now();
    let many = wsdl::read("c.wsdl", contract(500, 10_000, "").as_bytes()).unwrap();
    let refused = many.ports.iter().filter(|port| port.alternatives.is_err()).count();
    assert!(refused > 9_000, "{refused}: ports times operations are more than a file may have");
    let policy = "<sp:SignedParts>".to_owned() + &"<sp:Header Namespace='urn:x'/>".repeat(400) + "</sp:SignedParts>";
    let error = wsdl::read("c.wsdl", contract(10_000, 1, &policy).as_bytes()).unwrap().ports.remove(0);
    let error = error.alternatives.unwrap_err().to_string();
    assert!(error.ends_with("they multiply to more than 20000000 assertions"), "{error}");
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}
