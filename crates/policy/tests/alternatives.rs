//! Policies of operations and messages that leave a choice.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use nuncio_policy::bare::{self, Says};
use nuncio_policy::model::{Binding, Contract, Message, MessagePolicy};
use nuncio_policy::wsdl;

const NAMESPACES: &str = "xmlns:wsp='http://www.w3.org/ns/ws-policy' \
    xmlns:sp='http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702'";
const SUITE: &str = "<sp:AlgorithmSuite><wsp:Policy><sp:Basic256/></wsp:Policy></sp:AlgorithmSuite>";
const SIGNED: &str = "<sp:SignedParts><sp:Body/></sp:SignedParts>";
const ENCRYPTED: &str = "<sp:EncryptedParts><sp:Body/></sp:EncryptedParts>";

fn policy(content: &str) -> String {
    format!("<wsp:Policy>{content}</wsp:Policy>")
}

fn one_of(choices: &[&str]) -> String {
    let choices = choices.join("</wsp:All><wsp:All>");
    format!("<wsp:ExactlyOne><wsp:All>{choices}</wsp:All></wsp:ExactlyOne>")
}

fn symmetric() -> String {
    let token = policy("<sp:X509Token/>");
    let content = policy(&format!("<sp:ProtectionToken>{token}</sp:ProtectionToken>{SUITE}"));
    format!("<sp:SymmetricBinding>{content}</sp:SymmetricBinding>")
}

fn transport() -> String {
    let token = policy("<sp:HttpsToken/>");
    let content = policy(&format!("<sp:TransportToken>{token}</sp:TransportToken>{SUITE}"));
    format!("<sp:TransportBinding>{content}</sp:TransportBinding>")
}

/// The contract of one operation, with these policies: of the binding, its operation, and the latter's input and output.
fn contract(of_binding: &str, of_operation: &str, of_input: &str, of_output: &str) -> Contract {
    let text = format!(
        "<definitions targetNamespace='urn:t' xmlns='http://schemas.xmlsoap.org/wsdl/' xmlns:t='urn:t' \
        xmlns:s='http://schemas.xmlsoap.org/wsdl/soap/' {NAMESPACES}><message name='M'/><portType name='P'>\
        <operation name='O'><input message='t:M'/><output message='t:M'/></operation></portType>\n\
        <binding name='B' type='t:P'>{of_binding}<s:binding transport='http://schemas.xmlsoap.org/soap/http'/>\n\
        <operation name='O'>{of_operation}\n<input>{of_input}<s:body/></input>\n<output>{of_output}<s:body/></output>\
        </operation></binding><service name='S'><port name='P' binding='t:B'/></service></definitions>"
    );
    wsdl::read("c.wsdl", text.as_bytes()).unwrap()
}

/// What each alternative is of, and says of the body: whether it is signed, and encrypted.
fn says(message: &Message) -> Vec<(usize, Option<usize>, bool, bool)> {
    let of = |one: &MessagePolicy| (one.operation, one.attached, one.parts.signed.body, one.parts.encrypted.body);
    message.alternatives.iter().map(of).collect()
}

#[test]
fn the_alternatives_of_a_policy_for_messages_are_a_set() {
    let optional = "<sp:EncryptedParts wsp:Optional='true'><sp:Body/></sp:EncryptedParts>";
    for (content, encrypted) in [
        (one_of(&[SIGNED, &format!("{SIGNED}{ENCRYPTED}")]), [false, true]),
        (format!("{SIGNED}{optional}"), [true, false]),
    ] {
        let text = format!("<wsp:Policy {NAMESPACES}>{content}</wsp:Policy>");
        let mut listing = bare::list("p.xml", text.as_bytes()).unwrap();
        assert_eq!(listing.remarks, []);
        let Ok(Says::Message(alternatives)) = listing.policies.remove(0).says else { unreachable!("for messages") };
        assert!(alternatives.iter().all(|one| one.parts.signed.body));
        let found: Vec<bool> = alternatives.iter().map(|one| one.parts.encrypted.body).collect();
        assert_eq!(found, encrypted, "{content}");
    }
}

/// Every alternative of the operation with every one of the message; which is of which of the operation's is kept.
#[test]
fn alternatives_of_both_scopes_hold_together() {
    let (of_operation, of_input) = (policy(&one_of(&[SIGNED, ""])), policy(&one_of(&[ENCRYPTED, ""])));
    let contract = contract(&policy(&symmetric()), &of_operation, &of_input, "");
    let operation = &contract.ports[0].operations[0];
    let expected = [(0, None, true, true), (0, None, true, false), (1, None, false, true), (1, None, false, false)];
    assert_eq!(says(&operation.input), expected);
    assert_eq!(says(operation.output.as_ref().unwrap()), [(0, None, true, false), (1, None, false, false)]);
}

/// A binding at operation scope goes with what stands beside it, and with nothing that stands beside another.
#[test]
fn an_alternative_with_a_binding_goes_with_its_binding() {
    let of_operation = policy(&one_of(&[&transport(), &format!("{}{SIGNED}{ENCRYPTED}", symmetric()), SIGNED]));
    let contract = contract("", &of_operation, &policy(&one_of(&[ENCRYPTED, ""])), "");
    let port = &contract.ports[0];
    let policies = port.alternatives.as_ref().unwrap();
    let attached: Vec<Option<usize>> = policies.iter().map(|policy| policy.attached).collect();
    assert_eq!(attached, [Some(0), Some(1)]);
    assert!(
        matches!(policies[0].binding, Binding::Transport(_)) && matches!(policies[1].binding, Binding::Symmetric(_))
    );
    let input = &port.operations[0].input;
    for (policy, signed) in policies.iter().zip([false, true]) {
        let mut going = input.alternatives.iter().filter(|one| one.goes_with(policy));
        assert!(going.clone().count() == 2 && going.all(|one| one.parts.signed.body == signed));
    }
    // What has no binding beside it goes with none.
    assert!(input.alternatives.iter().any(|one| policies.iter().all(|policy| !one.goes_with(policy))));
}

#[test]
fn what_is_left_out_is_not_taken_for_nothing() {
    let unknown = "<x:y xmlns:x='urn:x'/>";
    let error = |of_binding: &str, of_input: &str| {
        contract(of_binding, "", of_input, "").ports.remove(0).alternatives.unwrap_err().to_string()
    };
    assert_eq!(error(&policy(&one_of(&[unknown, ""])), ""), "c.wsdl:2: y (urn:x) is not known");
    let secured = policy(&symmetric());
    assert_eq!(error(&secured, &policy(&one_of(&[unknown]))), "c.wsdl:4: y (urn:x) is not known");
    let contract = contract(&secured, "", &policy(&one_of(&[unknown, SIGNED])), "");
    assert_eq!(says(&contract.ports[0].operations[0].input), [(0, None, true, false)]);
    let remarks: Vec<String> = contract.remarks.iter().map(ToString::to_string).collect();
    assert_eq!(remarks, ["c.wsdl:4: an alternative is left out: c.wsdl:4: y (urn:x) is not known"]);
}

#[test]
fn alternatives_do_not_multiply_without_end() {
    let header = |number: usize| format!("<sp:SignedParts><sp:Header Namespace='urn:{number}'/></sp:SignedParts>");
    let of = |count: usize| {
        let choices: Vec<String> = (0..count).map(header).collect();
        policy(&one_of(&choices.iter().map(String::as_str).collect::<Vec<_>>()))
    };
    let error = |of_binding: &str, of_operation: &str, of_input: &str| {
        contract(of_binding, of_operation, of_input, "").ports.remove(0).alternatives.unwrap_err().to_string()
    };
    let secured = policy(&symmetric());
    // In the operation and in its input, and in the port and in its input.
    assert_eq!(error(&secured, &of(9), &of(8)), "c.wsdl:4: the policy has more than 64 alternatives");
    let choice = policy(&one_of(&[symmetric().as_str(); 9]));
    assert_eq!(error(&choice, "", &of(8)), "c.wsdl:2: the policy has more than 64 alternatives");
    assert!(contract(&policy(&one_of(&[symmetric().as_str(); 8])), "", &of(8), "").ports[0].alternatives.is_ok());
}
