//! Contracts in the shapes that WCF and CXF give them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use nuncio_policy::model::{
    Addressing, Binding, DerivedKeys, Include, Layout, Message, Operation, Parts, Policy, PolicyVersion, Port,
    ProtectionOrder, ReliableMessaging, SecureConversationToken, SoapVersion, SymmetricBinding, Token,
    TransportBinding, X509Reference,
};
use nuncio_policy::{preset, wsdl};

fn ports(file: &str) -> Vec<Port> {
    let path = format!("{}/tests/data/{file}", env!("CARGO_MANIFEST_DIR"));
    wsdl::read(file, &std::fs::read(path).unwrap()).unwrap().ports
}

fn symmetric(policy: &Policy) -> &SymmetricBinding {
    match &policy.binding {
        Binding::Symmetric(binding) => binding,
        Binding::Transport(_) | Binding::Asymmetric(_) => panic!("not a symmetric binding"),
    }
}

fn transport(policy: &Policy) -> &TransportBinding {
    match &policy.binding {
        Binding::Transport(binding) => binding,
        Binding::Symmetric(_) | Binding::Asymmetric(_) => panic!("not a transport binding"),
    }
}

fn conversation(token: &Token) -> &SecureConversationToken {
    match token {
        Token::SecureConversation(token) => token,
        _ => panic!("another token"),
    }
}

fn element(message: &Message) -> Option<(&str, &str)> {
    message.element.as_ref().map(|(namespace, local)| (namespace.as_str(), local.as_str()))
}

#[test]
fn a_conversation_of_ws2007_http_binding_is_the_preset_of_that_name() {
    let port = ports("wcf-conversation.wsdl").remove(0);
    assert_eq!((port.name.as_str(), port.soap), ("WS2007HttpBinding_ILibrary", SoapVersion::V12));
    assert_eq!(port.address.as_deref(), Some("http://example.com/library.svc"));
    let mut policy = port.alternatives.unwrap().remove(0);
    assert_eq!(policy.parts, Parts::default(), "parts are of message scope here");
    policy.parts = port.operations[0].input.alternatives[0].parts.clone();
    let preset = preset::named("wcf-ws2007-userNameForCertificate-conversation").unwrap();
    assert_eq!(format!("{policy:#?}"), format!("{:#?}", preset.policy));
    assert_eq!(preset.soap, [port.soap]);
}

#[test]
fn messages_have_their_actions_elements_and_parts() {
    let port = ports("wcf-conversation.wsdl").remove(0);
    let [lend, remind] = port.operations.as_slice() else { panic!("two operations") };
    assert_eq!(lend.name, "Lend");
    assert_eq!(lend.input.action, "http://example.com/library/ILibrary/Lend");
    assert_eq!(lend.input.soap_action.as_deref(), Some("http://example.com/library/ILibrary/Lend"));
    assert_eq!(element(&lend.input), Some(("http://example.com/library", "Lend")));
    let output = lend.output.as_ref().unwrap();
    assert_eq!(
        (output.action.as_str(), &output.soap_action),
        ("http://example.com/library/ILibrary/LendResponse", &None)
    );
    assert_eq!(lend.faults[0].name, "NoSuchBookFault");
    let fault = &lend.faults[0].message;
    assert_eq!(fault.action, "http://example.com/library/ILibrary/LendNoSuchBookFault");
    assert_eq!(element(fault), Some(("http://example.com/library/data", "NoSuchBook")));
    for message in lend.messages() {
        assert!(message.alternatives[0].parts.signed.body && message.alternatives[0].parts.encrypted.body);
        assert!(message.alternatives[0].parts.signed.has_header("http://www.w3.org/2005/08/addressing", "RelatesTo"));
        assert_eq!(message.alternatives[0].parts.signed.headers.len(), 7);
    }
    assert!(remind.output.is_none() && remind.faults.is_empty());
    assert_eq!(remind.input.alternatives[0].parts, Parts::default());
}

#[test]
fn a_port_that_cannot_be_used_leaves_the_others_alone() {
    let ports = ports("wcf-over-transport.wsdl");
    let names: Vec<&str> = ports.iter().map(|port| port.name.as_str()).collect();
    assert_eq!(names, ["Conversation", "Basic", "NetTcp"], "a port without SOAP is none");
    let error = ports[2].alternatives.as_ref().unwrap_err();
    assert_eq!(
        error.to_string(),
        "wcf-over-transport.wsdl:103: transport http://schemas.microsoft.com/soap/tcp is not built yet"
    );

    let policy = &ports[0].alternatives.as_ref().unwrap()[0];
    assert_eq!((policy.version, policy.addressing), (PolicyVersion::V11, Addressing::V10));
    assert!(!transport(policy).client_certificate);
    let supporting = &policy.supporting[0];
    assert!(supporting.endorsing && !supporting.signed && !supporting.encrypted && !supporting.optional);
    assert!(supporting.parts.signed.has_header("http://www.w3.org/2005/08/addressing", "To"));
    let token = conversation(&supporting.token);
    assert_eq!((token.cancel, token.renew, token.derived_keys), (true, false, DerivedKeys::None));
    assert_eq!(token.bootstrap.addressing, Addressing::V10, "the port's");
    assert!(matches!(token.bootstrap.supporting[0].token, Token::Username(_)));
    assert!(policy.trust.is_none());

    assert_eq!(ports[1].soap, SoapVersion::V11);
    let policy = &ports[1].alternatives.as_ref().unwrap()[0];
    assert_eq!(policy.addressing, Addressing::None);
    assert!(!transport(policy).client_certificate && policy.properties.timestamp);
    assert_eq!(ports[1].operations[0].input.action, "urn:example:library/ILibrary/Remind", "the SOAP action");
}

#[test]
fn references_choices_and_defaults_of_a_contract_for_cxf() {
    let port = ports("cxf-mutual.wsdl").remove(0);
    let alternatives = port.alternatives.unwrap();
    let suites: Vec<&str> = alternatives.iter().map(|policy| policy.properties.suite.name).collect();
    assert_eq!(suites, ["Basic128Sha256", "Basic256"], "the suite that is not built is no reason to refuse the others");
    let policy = &alternatives[0];
    assert_eq!((policy.version, policy.addressing), (PolicyVersion::V12, Addressing::V10));
    assert!(policy.wss.v11 && policy.wss.signature_confirmation);
    let binding = symmetric(policy);
    let properties = &policy.properties;
    assert_eq!((properties.order, properties.layout), (ProtectionOrder::EncryptBeforeSign, Layout::Lax));
    assert!(!properties.timestamp && !properties.encrypt_signature && !properties.protect_tokens);
    let Token::X509(protection) = &binding.protection else { panic!("another token") };
    assert_eq!(
        (protection.include, protection.derived_keys, protection.reference),
        (Include::Always, DerivedKeys::None, X509Reference::IssuerSerial)
    );

    let Operation { input, output, faults, .. } = &port.operations[0];
    let output = output.as_ref().unwrap();
    assert_eq!(input.action, "http://example.com/stock/Exchange/QuoteRequest");
    assert_eq!(output.action, "http://example.com/stock/Exchange/Answer");
    assert_eq!(faults[0].message.action, "http://example.com/stock/Exchange/Quote/Fault/Closed");
    assert_eq!(element(input), Some(("http://example.com/stock/", "Quote")));
    assert!(input.alternatives[0].parts.signed.body && !input.alternatives[0].parts.encrypted.body);
    assert!(
        output.alternatives[0].parts.signed.body && output.alternatives[0].parts.encrypted.body,
        "operation and message scope add up"
    );
    assert!(
        faults[0].message.alternatives[0].parts.signed.body && !faults[0].message.alternatives[0].parts.encrypted.body
    );
}

/// A contract of one operation whose binding begins in line 4 and whose port type is one to fill in.
fn contract(definitions: &str, binding: &str, input: &str) -> String {
    format!(
        "<definitions targetNamespace='urn:t' xmlns='http://schemas.xmlsoap.org/wsdl/' xmlns:t='urn:t' xmlns:s='http://schemas.xmlsoap.org/wsdl/soap/'
        xmlns:wsp='http://www.w3.org/ns/ws-policy' xmlns:sp='http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702'>
        {definitions}
        <binding name='B' type='t:P'>{binding}<s:binding transport='http://schemas.xmlsoap.org/soap/http'/>
          <operation name='O'><input>{input}<s:body/></input></operation></binding>
        <service name='S'><port name='P' binding='t:B'/></service></definitions>"
    )
}

const PORT_TYPE: &str =
    "<message name='M'/><portType name='P'><operation name='O'><input message='t:M'/></operation></portType>";

fn port_error(text: &str) -> String {
    wsdl::read("c.wsdl", text.as_bytes()).unwrap().ports.remove(0).alternatives.unwrap_err().to_string()
}

#[test]
fn what_is_wrong_with_a_port_is_said_with_its_line() {
    let sp = "http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702";
    let parts = "<wsp:Policy><sp:SignedParts><sp:Body/></sp:SignedParts></wsp:Policy>";
    assert_eq!(port_error(&contract(PORT_TYPE, "", parts)), "c.wsdl:4: binding B has no security binding");
    let supporting =
        "<wsp:Policy><sp:SignedSupportingTokens><sp:UsernameToken/></sp:SignedSupportingTokens></wsp:Policy>";
    assert_eq!(port_error(&contract(PORT_TYPE, "", supporting)), "c.wsdl:4: binding B has no security binding");
    assert_eq!(
        port_error(&contract(PORT_TYPE, "", "<wsp:Policy><sp:Wss11/></wsp:Policy>")),
        format!("c.wsdl:5: Wss11 ({sp}) is not built yet at operation or message scope")
    );
    let two = "<wsp:Policy><sp:KerberosToken/></wsp:Policy><wsp:Policy><sp:TransportBinding/></wsp:Policy>";
    assert_eq!(port_error(&contract(PORT_TYPE, two, "")), format!("c.wsdl:4: KerberosToken ({sp}) is not built yet"));
    assert_eq!(
        port_error(&contract(PORT_TYPE, "<wsp:PolicyReference URI='#none'/>", "")),
        "c.wsdl:4: 0 policies have the id #none"
    );
    assert_eq!(port_error(&contract("", "", "")), "c.wsdl:4: portType t:P is not defined in this file");
    assert_eq!(
        port_error(&contract("<import namespace='urn:t' location='p.wsdl'/>", "", "")),
        "c.wsdl:4: portType t:P is not defined in this file, which imports p.wsdl: all must be in one file"
    );
    let empty = "<message name='M'/><portType name='P'><operation name='O'/></portType>";
    assert_eq!(port_error(&contract(empty, "", "")), "c.wsdl:3: operation O has no input");
}

const TLS: &str = "<sp:TransportBinding><wsp:Policy><sp:TransportToken><wsp:Policy><sp:HttpsToken/></wsp:Policy></sp:TransportToken>\
    </wsp:Policy></sp:TransportBinding><sp:Wss11/>";

/// A contract of two operations, each of request and response, with these policies in the messages of their binding.
fn two_operations(messages: [&str; 4]) -> String {
    let [one, answer, two, other] = messages;
    let abstracted =
        |name| format!("<operation name='{name}'><input message='t:M'/><output message='t:M'/></operation>");
    let port_type = format!("<message name='M'/><portType name='P'>{}{}</portType>", abstracted("O"), abstracted("Q"));
    contract(&port_type, "", "").replace(
        "<operation name='O'><input><s:body/></input></operation></binding>",
        &format!(
            "<operation name='O'><input>{one}<s:body/></input><output>{answer}<s:body/></output></operation>\n\
            <operation name='Q'><input>{two}<s:body/></input><output>{other}<s:body/></output></operation></binding>"
        ),
    )
}

#[test]
fn a_binding_attached_to_messages_is_the_ports_and_leaves_the_others_unprotected() {
    let policy = format!(
        "<wsp:Policy>{TLS}<sp:SignedSupportingTokens><wsp:Policy><sp:UsernameToken/></wsp:Policy></sp:SignedSupportingTokens></wsp:Policy>"
    );
    let text = two_operations([&policy, "", &policy, ""]);
    let port = wsdl::read("c.wsdl", text.as_bytes()).unwrap().ports.remove(0);
    let alternatives = port.alternatives.unwrap();
    assert!(
        alternatives.len() == 1
            && !transport(&alternatives[0]).client_certificate
            && alternatives[0].properties.suite.name == "Basic256"
            && alternatives[0].wss.v11
    );
    assert!(alternatives[0].supporting.is_empty());
    for operation in &port.operations {
        let output = operation.output.as_ref().unwrap();
        assert_eq!((operation.input.protected, output.protected), (true, false));
        assert!(operation.input.alternatives[0].supporting[0].signed && output.alternatives[0].supporting.is_empty());
    }

    let other = policy.replace("<sp:HttpsToken/>", "<sp:HttpToken/>");
    assert_eq!(
        port_error(&two_operations([&policy, "", &other, ""])),
        "c.wsdl:6: TransportBinding (http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702) is not built yet at \
        message scope, where another message has another"
    );
    let parts = "<wsp:Policy><sp:SignedParts><sp:Body/></sp:SignedParts></wsp:Policy>";
    assert_eq!(
        port_error(&two_operations([&policy, parts, &policy, ""])),
        "c.wsdl:4: binding B has no security binding",
        "parts of a message that nothing protects"
    );
}

#[test]
fn what_is_no_contract_is_refused() {
    let refused = |text: &str| wsdl::read("c.wsdl", text.as_bytes()).unwrap_err().to_string();
    assert_eq!(refused("\n<policy/>"), "c.wsdl:2: a contract begins with definitions of WSDL 1.1, not with policy");
    assert_eq!(refused("<!DOCTYPE x><x/>"), "c.wsdl:1: a DOCTYPE, which is never read");
    assert_eq!(
        refused("<definitions xmlns='http://schemas.xmlsoap.org/wsdl/'/>"),
        "c.wsdl: no port with a SOAP binding"
    );
    let unbound = "<definitions xmlns='http://schemas.xmlsoap.org/wsdl/'>\n<service><port name='P' binding='B'/></service></definitions>";
    assert_eq!(refused(unbound), "c.wsdl:2: binding B is not defined in this file");
}

#[test]
fn a_port_without_policy_asks_for_no_security() {
    let port = wsdl::read("c.wsdl", contract(PORT_TYPE, "", "").as_bytes()).unwrap().ports.remove(0);
    assert!(port.alternatives.unwrap().is_empty());
    assert_eq!(port.operations[0].input.action, "urn:t:P:O", "one way: named as its operation");
}

#[test]
fn what_the_service_begins_is_a_callback() {
    let port_type = "<message name='M'/><portType name='P'><operation name='O'><input message='t:M'/></operation>\
        <operation name='N'><output message='t:M'/></operation>\
        <operation name='S'><output message='t:M'/><input message='t:M'/></operation></portType>";
    let parts = "<wsp:Policy><sp:SignedParts><sp:Body/></sp:SignedParts></wsp:Policy>";
    let binding = format!("<wsp:Policy>{TLS}</wsp:Policy>");
    let text = contract(port_type, &binding, "").replace(
        "</operation></binding>",
        &format!(
            "</operation><operation name='N'><output>{parts}<s:body/></output></operation>\
            <operation name='S'><s:operation soapAction='urn:s'/><input><s:body/></input><output><s:body/></output></operation></binding>"
        ),
    );
    let port = wsdl::read("c.wsdl", text.as_bytes()).unwrap().ports.remove(0);
    assert_eq!(port.alternatives.unwrap().len(), 1);
    assert_eq!(port.operations.iter().map(|operation| operation.name.as_str()).collect::<Vec<_>>(), ["O"]);
    let [notification, solicit] = port.callbacks.as_slice() else { panic!("two callbacks") };
    assert_eq!((notification.input.action.as_str(), notification.output.is_none()), ("urn:t:P:N", true));
    assert!(notification.input.alternatives[0].parts.signed.body, "its output is what begins it");
    let answer = solicit.output.as_ref().unwrap();
    assert_eq!((solicit.input.action.as_str(), answer.action.as_str()), ("urn:s", "urn:t:P:SResponse"));
}

#[test]
fn sequences_have_operations_of_their_own() {
    let namespaces = "xmlns:rm='http://schemas.xmlsoap.org/ws/2005/02/rm/policy' \
        xmlns:rmp='http://docs.oasis-open.org/ws-rx/wsrmp/200702' xmlns:d='http://schemas.microsoft.com/net/2006/06/duplex' \
        xmlns:o='http://schemas.microsoft.com/ws/2005/05/routing/policy'";
    let read = |assertions: &str, input: &str| {
        let binding = format!("<wsp:Policy {namespaces}>{TLS}{assertions}</wsp:Policy>");
        wsdl::read("c.wsdl", contract(PORT_TYPE, &binding, input).as_bytes()).unwrap().ports.remove(0)
    };
    let parts = "<wsp:Policy><sp:SignedParts><sp:Body/></sp:SignedParts><sp:EncryptedParts/></wsp:Policy>";
    let port = read("<rm:RMAssertion><rm:InactivityTimeout Milliseconds='1'/></rm:RMAssertion>", parts);
    let policy = &port.alternatives.as_ref().unwrap()[0];
    assert_eq!((policy.reliable, policy.duplex), (Some(ReliableMessaging::February2005), false));
    let create = &port.operations[1];
    assert_eq!(create.input.action, "http://schemas.xmlsoap.org/ws/2005/02/rm/CreateSequence");
    assert!(create.input.alternatives[0].parts.signed.body && create.input.alternatives[0].parts.encrypted.is_empty());
    assert!(port.callbacks.is_empty(), "its answers are all that the service sends");
    let answers: Vec<_> = port.operations.iter().map(|operation| operation.output.is_some()).collect();
    assert_eq!(answers, [false, true, true, true, false, false, false]);

    let assurance = "<wsp:Policy><rmp:DeliveryAssurance><wsp:Policy><rmp:InOrder/></wsp:Policy></rmp:DeliveryAssurance></wsp:Policy>";
    let port = read(&format!("<rmp:RMAssertion>{assurance}</rmp:RMAssertion><d:CompositeDuplex/><o:OneWay/>"), "");
    let policy = &port.alternatives.as_ref().unwrap()[0];
    assert_eq!((policy.reliable, policy.duplex), (Some(ReliableMessaging::V11), true));
    let action = &port.operations[2].output.as_ref().unwrap().action;
    assert_eq!(action, "http://docs.oasis-open.org/ws-rx/wsrm/200702/CloseSequenceResponse");
    assert_eq!(port.callbacks.len(), 6, "the service keeps a sequence of its own, which may fail");
    assert_eq!(port.callbacks[5].input.action, "http://docs.oasis-open.org/ws-rx/wsrm/200702/fault");
    assert_eq!(port.callbacks[0].input.action, "http://docs.oasis-open.org/ws-rx/wsrm/200702/CreateSequence");

    let port = read("<rmp:RMAssertion><wsp:Policy>\n<rmp:Else/></wsp:Policy></rmp:RMAssertion>", "");
    assert_eq!(
        port.alternatives.unwrap_err().to_string(),
        "c.wsdl:5: Else (http://docs.oasis-open.org/ws-rx/wsrmp/200702) is not built yet"
    );
}

#[test]
fn an_answer_of_metadata_exchange_holds_contracts() {
    let definitions = contract(PORT_TYPE, &format!("<wsp:Policy>{TLS}</wsp:Policy>"), "");
    let service = definitions.find("<service").unwrap();
    let (before, service) = definitions.split_at(service);
    // The service is in definitions of its own, with a namespace of its own.
    let other = format!(
        "<definitions targetNamespace='urn:other' xmlns='http://schemas.xmlsoap.org/wsdl/' xmlns:t='urn:t'>{service}"
    );
    let answer = format!(
        "<Envelope xmlns='http://www.w3.org/2003/05/soap-envelope'><Body><m:Metadata xmlns:m='http://schemas.xmlsoap.org/ws/2004/09/mex'>\
        <m:MetadataSection>{other}</m:MetadataSection><m:MetadataSection>{before}</definitions></m:MetadataSection></m:Metadata></Body></Envelope>"
    );
    let port = wsdl::read("c.wsdl", answer.as_bytes()).unwrap().ports.remove(0);
    assert_eq!((port.alternatives.unwrap().len(), port.operations[0].input.action.as_str()), (1, "urn:t:P:O"));
    let nothing = wsdl::read("c.wsdl", b"<Envelope xmlns='http://www.w3.org/2003/05/soap-envelope'/>").unwrap_err();
    assert_eq!(nothing.to_string(), "c.wsdl:1: a contract begins with definitions of WSDL 1.1, not with Envelope");
}

#[test]
fn policies_are_found_wherever_they_may_be_attached() {
    let policy = |id: &str, assertion: &str| format!("<wsp:Policy {id}>{assertion}</wsp:Policy>");
    let parts = |name: &str| format!("<sp:SignedParts><sp:Header Namespace='{name}'/></sp:SignedParts>");
    let utility =
        "xmlns:u='http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd' u:Id='message'";
    let definitions = [
        "<message name='M'><wsp:Policy><wsp:PolicyReference URI='#message'/></wsp:Policy></message>\
        <portType name='P'><wsp:PolicyReference URI='#type'/><operation name='O'><wsp:PolicyReference URI='#operation'/>\
        <input message='t:M' wsp:PolicyURIs='#input urn:named'/></operation></portType>"
            .to_owned(),
        policy(utility, &parts("urn:message")),
        policy("xml:id='type'", "<wsaw:UsingAddressing xmlns:wsaw='http://www.w3.org/2006/05/addressing/wsdl'/>"),
        policy("Id='operation'", &parts("urn:operation")),
        policy("Name='input'", &parts("urn:input")),
        policy("Name='urn:named'", &parts("urn:named")),
        policy("Id='service'", TLS),
        policy("Id='port'", "<sp:Trust13 xmlns:sp='http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702'/>"),
    ];
    let text = contract(&definitions.concat(), "", &policy("", &parts("urn:bound")))
        .replace("<service name='S'>", "<service name='S'><wsp:PolicyReference URI='#service'/>")
        .replace("binding='t:B'/>", "binding='t:B'><wsp:PolicyReference URI='#port'/></port>");
    let port = wsdl::read("c.wsdl", text.as_bytes()).unwrap().ports.remove(0);
    let policy = port.alternatives.unwrap().remove(0);
    assert_eq!(policy.addressing, Addressing::V10, "the port type's");
    assert!(policy.trust.is_some(), "the port's");
    assert!(matches!(policy.binding, Binding::Transport(_)), "the service's");
    let headers = &port.operations[0].input.alternatives[0].parts.signed.headers;
    let headers: Vec<&str> = headers.iter().map(|header| header.namespace.as_str()).collect();
    assert_eq!(headers, ["urn:operation", "urn:bound", "urn:input", "urn:named", "urn:message"]);
}
