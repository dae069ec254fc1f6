//! What is odd about a file that is usable is told, with its line.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use nuncio_policy::bare::{self, Listing, Says};
use nuncio_policy::model::{Layout, Policy};
use nuncio_policy::wsdl;

const TLS: &str = "<sp:TransportBinding><wsp:Policy><sp:TransportToken><wsp:Policy><sp:HttpsToken/></wsp:Policy></sp:TransportToken>\
    <sp:AlgorithmSuite><wsp:Policy><sp:Basic256/></wsp:Policy></sp:AlgorithmSuite></wsp:Policy></sp:TransportBinding>";

/// A policy whose content begins in line 2.
fn list(content: &str) -> Listing {
    let text = format!(
        "<wsp:Policy xmlns:wsp='http://schemas.xmlsoap.org/ws/2004/09/policy' \
        xmlns:sp='http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702' \
        xmlns:sp11='http://schemas.xmlsoap.org/ws/2005/07/securitypolicy'>\n{content}\n</wsp:Policy>"
    );
    bare::list("p.xml", text.as_bytes()).unwrap()
}

/// The alternatives of a policy that has one remark.
fn check(content: &str, remark: &str) -> Vec<Policy> {
    let mut listing = list(content);
    let remarks: Vec<String> = listing.remarks.iter().map(ToString::to_string).collect();
    assert_eq!(remarks, [remark]);
    match listing.policies.remove(0).says {
        Ok(Says::Endpoint(alternatives)) => alternatives,
        _ => Vec::new(),
    }
}

fn layout(policy: &Policy) -> Layout {
    policy.properties.layout
}

#[test]
fn a_policy_in_order_has_none() {
    assert_eq!(list(TLS).remarks, []);
}

#[test]
fn mistakes_that_people_shipped_are_told() {
    check(
        &format!("{TLS}\n<sp:Wss11><sp:Policy><sp:RequireSignatureConfirmation/></sp:Policy></sp:Wss11>"),
        "p.xml:3: Policy within Wss11 is not in a namespace of WS-Policy",
    );
    check(&format!("{TLS}\n<sp11:Wss10/>"), "p.xml:3: Wss10 is of WS-SecurityPolicy 1.1, the binding beside it of 1.2");
    check(
        &format!(
            "{TLS}\n<a:Addressing xmlns:a='http://www.w3.org/2007/05/addressing/metadata'><wsp:Policy>\n<AnonymousResponses/></wsp:Policy></a:Addressing>"
        ),
        "p.xml:4: AnonymousResponses is in no namespace: read as that of WS-Addressing",
    );
    let policies = check(
        &format!("{TLS}\n<sp:SignedSupportingTokens>\n<sp:UsernameToken/></sp:SignedSupportingTokens>"),
        "p.xml:4: UsernameToken stands in SignedSupportingTokens without a Policy around it",
    );
    assert_eq!(policies[0].supporting.len(), 1);
    check(
        &format!("{TLS}\n<sp:RequiredParts><sp:Header Name='x' Namespace=''/></sp:RequiredParts>"),
        "p.xml:3: Header is of no namespace: no header of SOAP is",
    );
    check(
        "<sp:TransportBinding><wsp:Policy><sp:TransportToken><wsp:Policy><sp:HttpsToken/></wsp:Policy></sp:TransportToken></wsp:Policy></sp:TransportBinding>",
        "p.xml:2: TransportBinding has no AlgorithmSuite, and needs none here",
    );
    check(
        &TLS.replace("<sp:AlgorithmSuite>", "<sp:AlgorithmSuite signatureAlgorithm='SHA256withRSA'>"),
        "p.xml:2: AlgorithmSuite has an attribute signatureAlgorithm, which is not followed",
    );
    let policies = check(
        &TLS.replace("<sp:AlgorithmSuite>", "<sp:Layout><sp:LaxTsFirst/></sp:Layout><sp:AlgorithmSuite>"),
        "p.xml:2: LaxTsFirst stands in Layout without a Policy around it",
    );
    assert_eq!(layout(&policies[0]), Layout::LaxTimestampFirst);
    let policies = check(
        &format!("{TLS}\n<sp:Layout><wsp:Policy><sp:LaxTsLast/></wsp:Policy></sp:Layout>"),
        "p.xml:3: Layout stands beside the binding: read as the binding's",
    );
    assert_eq!(layout(&policies[0]), Layout::LaxTimestampLast);
    let policies = check(
        &TLS.replace("<sp:Basic256/>", "<sp:Basic256/><sp:Basic128/><sp:TripleDes/>"),
        "p.xml:2: several suites in one AlgorithmSuite: read as a choice between them",
    );
    let suites: Vec<&str> = policies.iter().map(|policy| policy.properties.suite.name).collect();
    assert_eq!(suites, ["Basic256", "Basic128", "TripleDes"]);
}

#[test]
fn what_is_left_out_is_told() {
    let policies = check(
        &format!("<wsp:ExactlyOne><wsp:All>{TLS}</wsp:All>\n<x:y xmlns:x='urn:x'/></wsp:ExactlyOne>"),
        "p.xml:1: an alternative is left out: p.xml:3: y (urn:x) is not known",
    );
    assert_eq!(policies.len(), 1);
    check(&format!("{TLS}\n<x:y xmlns:x='urn:x' wsp:Ignorable='true'/>"), "p.xml:3: y (urn:x) may be ignored, and is");
    check(
        &format!(
            "{TLS}<sp:SignedSupportingTokens><wsp:Policy>\n<sp:SamlToken wsp:Optional='true'/></wsp:Policy></sp:SignedSupportingTokens>"
        ),
        "p.xml:3: SamlToken may be left out of messages, is not built, and is left out",
    );
    let choice = "<wsp:ExactlyOne><sp:SignedParts/>\n<x:y xmlns:x='urn:x'/></wsp:ExactlyOne>";
    check(choice, "p.xml:1: an alternative is left out: p.xml:3: y (urn:x) is not known");
}

#[test]
fn encryption_first_of_nothing_is_told() {
    let side = |name: &str| format!("<sp:{name}><wsp:Policy><sp:X509Token/></wsp:Policy></sp:{name}>");
    let contract = |parts: &str| {
        format!(
            "<definitions targetNamespace='urn:t' xmlns='http://schemas.xmlsoap.org/wsdl/' xmlns:t='urn:t' \
            xmlns:s='http://schemas.xmlsoap.org/wsdl/soap/' xmlns:wsp='http://www.w3.org/ns/ws-policy' \
            xmlns:sp='http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702'><message name='M'/>\
            <portType name='P'><operation name='O'><input message='t:M'/></operation></portType>\n\
            <binding name='B' type='t:P'><wsp:Policy><sp:AsymmetricBinding><wsp:Policy>{}{}\
            <sp:AlgorithmSuite><wsp:Policy><sp:Basic256/></wsp:Policy></sp:AlgorithmSuite><sp:EncryptBeforeSigning/>\
            </wsp:Policy></sp:AsymmetricBinding>{parts}</wsp:Policy><s:binding transport='http://schemas.xmlsoap.org/soap/http'/>\
            <operation name='O'><input><s:body/></input></operation></binding>\
            <service name='S'><port name='P' binding='t:B'/></service></definitions>",
            side("InitiatorToken"),
            side("RecipientToken")
        )
    };
    let remarks = |parts: &str| -> Vec<String> {
        let contract = wsdl::read("c.wsdl", contract(parts).as_bytes()).unwrap();
        contract.remarks.iter().map(ToString::to_string).collect()
    };
    assert_eq!(remarks(""), ["c.wsdl:2: EncryptBeforeSigning, and nothing is encrypted"]);
    assert!(remarks("<sp:EncryptedParts><sp:Body/></sp:EncryptedParts>").is_empty());
}
