//! Contracts in several documents, as WCF and CXF publish them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use nuncio_crypto::certificate::Certificate;
use nuncio_policy::wsdl::{self, Documents};
use nuncio_xml::foreign::{self, Element};

const WSDL: &str = "http://schemas.xmlsoap.org/wsdl/";

/// A contract in the parts that WCF gives it: services; bindings with the policies; messages and port types; types.
fn split(text: &str) -> [String; 4] {
    let root = foreign::read(text.as_bytes()).unwrap();
    let tag = &text[root.tag.clone()];
    let end = &text[root.span.clone()];
    let end = &end[end.rfind("</").unwrap()..];
    let part = |imports: &str, is: &dyn Fn(&Element) -> bool| {
        let within: String = root.elements().filter(|one| is(one)).map(|one| &text[one.span.clone()]).collect();
        format!("{tag}{imports}{within}{end}")
    };
    let import = |at: &str| format!("<import xmlns='{WSDL}' namespace='urn:x' location='{at}'/>");
    let named = |names: &'static [&str]| move |one: &Element| one.namespace == WSDL && names.contains(&&*one.local);
    [
        part(&import("?wsdl=wsdl0"), &named(&["service"])),
        part(&import("?wsdl=wsdl1"), &|one| !named(&["service", "message", "portType", "types"])(one)),
        // Whoever goes round comes back.
        part(&(import("?wsdl") + &import("?wsdl=wsdl2")), &named(&["message", "portType"])),
        part("", &named(&["types"])),
    ]
}

/// The documents of a contract, as they are found from the first one.
fn linked(parts: &[(&str, &str)]) -> Documents {
    let mut documents = Documents::new(parts[0].0, parts[0].1.as_bytes()).unwrap();
    while let Some((_, location)) = documents.import() {
        let location = location.to_owned();
        match parts.iter().find(|(at, _)| *at == location) {
            Some((at, text)) => {
                if !documents.has(at) {
                    documents.add(at, text.as_bytes()).unwrap();
                }
                documents.link(at);
            }
            None => documents.leave(),
        }
    }
    documents
}

fn in_parts([services, bindings, messages, types]: &[String; 4]) -> Documents {
    linked(&[("?wsdl", services), ("?wsdl=wsdl0", bindings), ("?wsdl=wsdl1", messages), ("?wsdl=wsdl2", types)])
}

#[test]
fn a_contract_in_parts_says_what_it_says_in_one_file() {
    let file = |name: &str| std::fs::read(format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    for bytes in ["cxf-mutual.wsdl", "wcf-conversation.wsdl", "wcf-over-transport.wsdl"].map(file) {
        let whole = wsdl::read("whole", &bytes).unwrap();
        let parts = wsdl::read_all(&in_parts(&split(foreign::text(&bytes).unwrap()))).unwrap();
        assert_eq!(whole.ports.len(), parts.ports.len());
        for (mut one, other) in whole.ports.into_iter().zip(parts.ports) {
            // Those say where.
            if let (Err(_), Err(error)) = (&one.alternatives, &other.alternatives) {
                one.alternatives = Err(error.clone());
            }
            assert_eq!(format!("{one:#?}"), format!("{other:#?}"));
        }
    }
}

const SOAP: &str = "http://schemas.xmlsoap.org/wsdl/soap/";

fn definitions(content: &str) -> String {
    format!(
        "<definitions targetNamespace='urn:t' xmlns='{WSDL}' xmlns:t='urn:t' xmlns:s='{SOAP}' \
         xmlns:wsp='http://schemas.xmlsoap.org/ws/2004/09/policy' \
         xmlns:sp='http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702' xmlns:u='http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd'>{content}</definitions>"
    )
}

/// A policy of two files that both call theirs `p`; what the second says stands in its second line.
fn policy(suite: &str) -> String {
    format!(
        "\n<wsp:Policy u:Id='p'><sp:TransportBinding><wsp:Policy><sp:TransportToken><wsp:Policy><sp:HttpsToken><wsp:Policy/>\
         </sp:HttpsToken></wsp:Policy></sp:TransportToken>\n<sp:AlgorithmSuite><wsp:Policy><sp:{suite}/></wsp:Policy>\
         </sp:AlgorithmSuite></wsp:Policy></sp:TransportBinding></wsp:Policy>"
    )
}

fn bound(import: &str, suite: &str, of: &str) -> String {
    definitions(&format!(
        "{import}{}<binding name='{of}' type='t:P'><wsp:PolicyReference URI='#p'/><s:binding \
         transport='http://schemas.xmlsoap.org/soap/http'/></binding>",
        policy(suite)
    ))
}

const PORT_TYPE: &str = "<portType name='P'/>";

fn services() -> String {
    definitions(
        "<import location='a'/><import location='b'/><service name='S'><port name='A' binding='t:A'/>\
         <port name='B' binding='t:B'/></service>",
    )
}

#[test]
fn an_id_is_one_of_its_own_document() {
    let (a, b) = (bound("", "Basic128", "A"), bound("", "Basic256", "B"));
    let (a, services) = (a.replace("<binding ", &format!("{PORT_TYPE}<binding ")), services());
    let ports = wsdl::read_all(&linked(&[("", &services), ("a", &a), ("b", &b)])).unwrap().ports;
    let suites: Vec<&str> =
        ports.iter().map(|port| port.alternatives.as_ref().unwrap()[0].properties.suite.name).collect();
    assert_eq!(suites, ["Basic128", "Basic256"]);

    // One that is of another document alone is found there, and two of other documents are not chosen from.
    let without = b.replace("u:Id='p'", "u:Id='q'");
    let ports = wsdl::read_all(&linked(&[("", &services), ("a", &a), ("b", &without)])).unwrap().ports;
    assert_eq!(ports[1].alternatives.as_ref().unwrap()[0].properties.suite.name, "Basic128");
    let third = definitions(&policy("Basic256"));
    let from = services.replace("<service", "<import location='c'/><service");
    let error = wsdl::read_all(&linked(&[("", &from), ("a", &a), ("b", &without), ("c", &third)])).unwrap().ports;
    assert_eq!(error[1].alternatives.as_ref().unwrap_err().to_string(), "b:3: 2 policies have the id #p");
}

#[test]
fn errors_and_remarks_say_in_which_document() {
    let services = services();
    let a = bound("", "Basic128", "A").replace("<binding ", &format!("{PORT_TYPE}<binding "));
    let b = bound("", "Basic512", "B");
    let contract = wsdl::read_all(&linked(&[("", &services), ("a", &a), ("b", &b)])).unwrap();
    assert!(contract.ports[0].alternatives.is_ok(), "it leaves the others alone");
    let error = contract.ports[1].alternatives.as_ref().unwrap_err().to_string();
    assert!(error.starts_with("b:3: "), "{error}");
}

#[test]
fn what_is_not_among_the_documents_is_named() {
    let services = services();
    let a = bound("<import location='http://elsewhere/x'/>", "Basic128", "A");
    let error = wsdl::read_all(&linked(&[("", &services), ("a", &a)])).unwrap_err();
    assert_eq!(
        error.to_string(),
        ":1: binding t:B is not defined in the contract, which imports b: that is not among its documents"
    );
    let b = bound("", "Basic128", "B");
    let ports = wsdl::read_all(&linked(&[("", &services), ("a", &a), ("b", &b)])).unwrap().ports;
    assert_eq!(
        ports[1].alternatives.as_ref().unwrap_err().to_string(),
        "b:3: portType t:P is not defined in the contract, which imports http://elsewhere/x: that is not among its documents"
    );
}

/// The endpoint reference of a port, as WCF writes it.
const IDENTITY: &str = "<EndpointReference xmlns='http://www.w3.org/2005/08/addressing'>\
    <Identity xmlns='http://schemas.xmlsoap.org/ws/2006/02/addressingidentity'><KeyInfo \
    xmlns='http://www.w3.org/2000/09/xmldsig#'><X509Data><X509Certificate>@</X509Certificate><X509Certificate>of an \
    authority</X509Certificate></X509Data></KeyInfo></Identity></EndpointReference>";

#[test]
fn who_the_service_is() {
    let pem = std::fs::read_to_string(format!("{}/../../tests/keys/server.pem", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let certificate: String = pem.lines().filter(|line| !line.starts_with("--")).collect();
    let of = |reference: &str| {
        let port = format!("<service name='S'><port name='A' binding='t:A'>{reference}</port></service></definitions>");
        let text = bound(PORT_TYPE, "Basic128", "A").replace("</definitions>", &port);
        let contract = wsdl::read("c", text.as_bytes()).unwrap();
        let remarks: Vec<String> = contract.remarks.iter().map(ToString::to_string).collect();
        (contract.ports[0].identity.as_ref().map(|one| one.der().to_vec()), remarks)
    };
    let whole = IDENTITY.replace('@', &certificate);
    assert_eq!(of(&whole), (Some(Certificate::from_pem(pem.as_bytes()).unwrap()[0].der().to_vec()), Vec::new()));
    let of_2004 =
        whole.replace("http://www.w3.org/2005/08/addressing", "http://schemas.xmlsoap.org/ws/2004/08/addressing");
    assert!(of(&of_2004).0.is_some());

    let unreadable = ["c:3: the service's certificate cannot be read, and is left out".to_owned()];
    for broken in [IDENTITY.to_owned(), IDENTITY.replace('@', &certificate[..400]), IDENTITY.replace('@', "")] {
        assert_eq!(of(&broken), (None, unreadable.to_vec()), "the port is one all the same");
    }
    for other in ["", &whole.replace("addressingidentity", "x"), &whole.replace("EndpointReference", "Reference")] {
        assert_eq!(of(other), (None, Vec::new()));
    }
}
