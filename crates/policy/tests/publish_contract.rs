//! Contracts with the policy of who serves them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::path::PathBuf;

use nuncio_policy::model::{Message, MessageParts, PartSet, Parts, Policy, Port, SoapVersion};
use nuncio_policy::publish::{DocumentKind, Documents, Ports, Publication, Served, Unpublishable};
use nuncio_policy::{preset, wsdl};

const PUBLIC: &str = "https://public.example/a?b&c";
const CERTIFICATE: &[u8] = b"a certificate";

fn documents(bytes: &[u8]) -> Result<Documents, Unpublishable> {
    let mut documents = Documents::new("c.wsdl", bytes)?;
    while documents.import().is_some() {
        documents.leave();
    }
    Ok(documents)
}

/// The contract of a port as it is published, by its own policy.
fn published(bytes: &[u8], port: &Port) -> Result<String, Unpublishable> {
    let served = Served {
        ports: Ports::Named(&port.name),
        alternatives: port.alternatives.as_ref().unwrap(),
        operations: &port.operations,
        certificate: Some(CERTIFICATE),
    };
    Ok(Publication::new(&documents(bytes)?, &served)?.document(0, PUBLIC).unwrap())
}

fn under_preset(name: &str, documents: &Documents) -> Result<Publication, Unpublishable> {
    let preset = preset::named(name).unwrap();
    under(&[preset.policy], preset.soap, documents)
}

fn under(alternatives: &[Policy], soap: &[SoapVersion], documents: &Documents) -> Result<Publication, Unpublishable> {
    Publication::new(
        documents,
        &Served { ports: Ports::OfSoap(soap), alternatives, operations: &[], certificate: Some(CERTIFICATE) },
    )
}

/// What is published is read again as it is made ([`Unpublishable::Lost`]): here it is enough that it is made.
#[test]
fn every_contract_of_the_field() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    if !folder.is_dir() {
        println!("skip: {} is not there", folder.display());
        return;
    }
    let entries = |folder: PathBuf| -> Vec<PathBuf> {
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
    };
    let mut files = entries(folder.join("policies/wsdl"));
    for kind in ["wcf", "wse-twin", "dotnet10", "duplex"] {
        files.extend(entries(folder.join(kind)).into_iter().map(|scenario| scenario.join("wsdl.xml")));
    }
    let mut count = 0;
    for file in files {
        let Ok(bytes) = std::fs::read(&file) else { continue };
        let Ok(contract) = wsdl::read("c.wsdl", &bytes) else { continue };
        let secured = |port: &&Port| matches!(&port.alternatives, Ok(alternatives) if !alternatives.is_empty());
        for port in contract.ports.iter().filter(secured) {
            match published(&bytes, port) {
                Ok(text) => {
                    count += 1;
                    if let Some(address) = port.address.as_deref().filter(|address| address.contains("localhost")) {
                        assert!(!text.contains(address), "{}: {address}", file.display());
                    }
                }
                // Answers of WS-MetadataExchange, and contracts that have the service begin.
                Err(Unpublishable::NotAContract { .. }) if !contract_alone(&bytes) => {}
                Err(Unpublishable::Lost) if !port.callbacks.is_empty() => {}
                Err(error) => panic!("{} {}: {error}", file.display(), port.name),
            }
        }
    }
    assert!(count > 300, "{count} contracts");
}

fn contract_alone(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    !text.contains("Metadata>") && !text.contains("Envelope>")
}

const SUITE: &str = "<sp:AlgorithmSuite><wsp:Policy><sp:Basic256/></wsp:Policy></sp:AlgorithmSuite>";
const SIGNED: &str = "<sp:SignedParts><sp:Body/></sp:SignedParts>";
const ENCRYPTED: &str = "<sp:EncryptedParts><sp:Body/></sp:EncryptedParts>";
const USING: &str = "<w:UsingAddressing xmlns:w='http://www.w3.org/2006/05/addressing/wsdl'/>";

fn policy(content: &str) -> String {
    format!("<wsp:Policy>{content}</wsp:Policy>")
}

fn one_of(choices: &[&str]) -> String {
    let choices = choices.join("</wsp:All><wsp:All>");
    policy(&format!("<wsp:ExactlyOne><wsp:All>{choices}</wsp:All></wsp:ExactlyOne>"))
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

/// A contract with another port beside the one that is served, and these policies: of the binding, its operation, and the
/// latter's input, output and fault.
fn contract([binding, operation, input, output, fault]: [&str; 5]) -> String {
    format!(
        "<?xml version='1.0'?>\n<definitions targetNamespace='urn:t' xmlns='http://schemas.xmlsoap.org/wsdl/' xmlns:t='urn:t' \
        xmlns:s='http://schemas.xmlsoap.org/wsdl/soap/' xmlns:wsp='http://schemas.xmlsoap.org/ws/2004/09/policy' \
        xmlns:sp='http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702'><documentation>what &lt; it is</documentation>\
        <!-- said --><types><schema xmlns='http://www.w3.org/2001/XMLSchema'>\
        <import schemaLocation='x.xsd'/><include schemaLocation = \"sub/y.xsd\" /></schema></types>\
        <message name='M'/><portType name='P' >\
        <operation name='O'><input message='t:M'/><output message='t:M'/><fault name='F' message='t:M'/></operation></portType>\n\
        <binding name='B' type='t:P'>{binding}<s:binding transport='http://schemas.xmlsoap.org/soap/http'/>\n\
        <operation name='O'>{operation}\n<input>{input}<s:body/></input>\n<output>{output}</output>\
        <fault name='F'>{fault}<s:fault name='F'/></fault></operation></binding>\
        <binding name='C' type='t:P'><s:binding transport='http://schemas.xmlsoap.org/soap/http'/></binding>\
        <service name='S'><port name='Other' binding='t:C'><s:address location='http://inside/other'/></port>\
        <port name='Q' binding='t:B'><s:address x='&gt;' location='http://inside/q'/><a:EndpointReference \
        xmlns:a='http://www.w3.org/2005/08/addressing'><a:Address>http://inside/q</a:Address></a:EndpointReference></port>\
        </service><service name='T'><port name='Last' binding='t:C'><s:address location='http://inside/t'/></port></service>\
        </definitions>"
    )
}

fn port(text: &str) -> Port {
    let contract = wsdl::read("c.wsdl", text.as_bytes()).unwrap();
    contract.ports.into_iter().find(|port| port.name == "Q").unwrap()
}

/// Whatever scopes a policy is attached to: what is published says the same, or is not published.
#[test]
fn every_scope() {
    let secured = policy(&symmetric());
    let two = one_of(&[SIGNED, ENCRYPTED]);
    let optional = policy(
        "<sp:SignedSupportingTokens wsp:Optional='true'><wsp:Policy><sp:UsernameToken/></wsp:Policy></sp:SignedSupportingTokens>",
    );
    let both = one_of(&[&transport(), &format!("{}{SIGNED}", symmetric())]);
    let with_parts = one_of(&[&format!("{}{SIGNED}", symmetric()), &format!("{}{SIGNED}{ENCRYPTED}", symmetric())]);
    for scopes in [
        [&*secured, "", "", "", ""],
        [&policy(&format!("{}{SIGNED}{ENCRYPTED}{USING}", symmetric())), "", "", "", ""],
        [&with_parts, "", &policy(ENCRYPTED), "", ""],
        [&secured, &two, "", "", ""],
        [&secured, &two, &policy(ENCRYPTED), &two, &optional],
        [&secured, &one_of(&[&format!("{SIGNED}{ENCRYPTED}"), ENCRYPTED, ""]), &two, "", &policy(SIGNED)],
        ["", &policy(&format!("{}{SIGNED}", symmetric())), "", "", ""],
        ["", &both, "", &policy(ENCRYPTED), ""],
        [&policy(USING), "", &secured, "", ""],
    ] {
        let text = contract(scopes);
        published(text.as_bytes(), &port(&text)).unwrap_or_else(|error| panic!("{error}: {scopes:?}"));
    }
    // Alternatives of messages beside alternatives with a binding: no attachment says which go together.
    let text = contract(["", &both, &two, "", ""]);
    assert!(published(text.as_bytes(), &port(&text)).is_err());
}

#[test]
fn nothing_else_is_touched() {
    let scopes = [&*policy(&format!("{}{SIGNED}{USING}", symmetric())), "", "", &policy(ENCRYPTED), ""];
    let text = contract(scopes);
    let published = published(text.as_bytes(), &port(&text)).unwrap();
    let found = |start: &str, end: &str| -> Vec<&str> {
        published.split(start).skip(1).map(|rest| rest.split_once(end).unwrap().0).collect()
    };
    assert!(!published.contains("inside"), "{published}");
    let escaped = "https://public.example/a?b&amp;c";
    assert_eq!(found("<s:address x='&gt;' location='", "'"), [escaped]);
    assert_eq!(found("<a:Address>", "<"), [escaped]);
    assert_eq!(found("<X509Certificate>", "<"), ["YSBjZXJ0aWZpY2F0ZQ=="]);
    assert_eq!(found("<binding name='", "'"), ["B"]);
    assert_eq!(found("<port name='", "'"), ["Q"]);
    assert_eq!(found("<service name='", "'"), ["S"]);
    assert_eq!(
        found("<documentation>", "</documentation><wsp:Policy "),
        ["what &lt; it is"],
        "before policies, as the schema has it"
    );
    // The policies of the endpoint, of two messages and of another.
    assert_eq!(found("wsu:Id=\"", "\"").len(), 3);
    assert_eq!(published.matches("</sp:EncryptedParts>").count(), 1);
    // And without all that, it is what it was.
    let without = |text: &str, start: &str, end: &str| -> String {
        let (mut out, mut rest) = (String::new(), text);
        while let Some((before, after)) = rest.split_once(start) {
            out += before;
            rest = after.split_once(end).unwrap().1;
        }
        out + rest
    };
    let mut plain = without(&published, "<wsp:Policy", "</wsp:ExactlyOne></wsp:Policy>");
    plain = without(&plain, "<p:PolicyReference", "/>");
    plain = without(&plain, "<a:EndpointReference", "</a:EndpointReference>").replace(escaped, "http://inside/q");
    let mut expected = contract(["", "", "", "", ""]);
    for (start, end) in
        [("<binding name='C'", "</binding>"), ("<port name='Other'", "</port>"), ("<service name='T'", "</service>")]
    {
        expected = without(&expected, start, end);
    }
    expected = without(&expected, "<a:EndpointReference", "</a:EndpointReference>");
    assert_eq!(plain, expected);
}

#[test]
fn a_policy_of_another_scope_or_name_does_not_stay() {
    let ids = "xmlns:wsu='http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd'";
    let scopes = ["<wsp:PolicyReference URI='#p'/>", "<wsp:PolicyReference URI='#q'/>", "", "", ""];
    let attached = format!(
        "<wsp:Policy {ids} wsu:Id='p'>{}</wsp:Policy><wsp:Policy {ids} wsu:Id='q'>{SIGNED}</wsp:Policy><message",
        symmetric()
    );
    let text = contract(scopes)
        .replacen("<message", &attached, 1)
        .replace("<portType name='P' ", "<portType wsp:PolicyURIs=\"#q\" name='P' ");
    let published = published(text.as_bytes(), &port(&text)).unwrap();
    for gone in ["'#p'", "'#q'", "PolicyURIs", "wsu:Id='"] {
        assert!(!published.contains(gone), "{gone}: {published}");
    }
    assert!(published.contains("<portType name='P' >"));
    assert_eq!(wsdl::read("c", published.as_bytes()).unwrap().remarks, []);
}

#[test]
fn a_preset_in_a_plain_contract() {
    let plain = contract(["", "", "", "", ""]).replace("<output></output>", "<output/>");
    for preset in preset::all().filter(|preset| preset.name.starts_with("wse")) {
        let publication = under_preset(preset.name, &documents(plain.as_bytes()).unwrap()).unwrap();
        let text = publication.document(0, PUBLIC).unwrap();
        let ports = wsdl::read("c.wsdl", text.as_bytes()).unwrap().ports;
        assert_eq!(ports.iter().map(|port| port.name.as_str()).collect::<Vec<_>>(), ["Other", "Q", "Last"]);
        assert!(!text.contains("http://inside/"), "{}", preset.name);
    }
    // Its ports speak SOAP 1.1 alone.
    let error = under_preset("wcf-ws2007-mutualCertificate", &documents(plain.as_bytes()).unwrap()).unwrap_err();
    assert_eq!(error, Unpublishable::NoPort);
}

/// What holds for the messages of one kind stands at these: here the answers are signed and not encrypted.
#[test]
fn parts_of_one_kind_of_message_in_a_plain_contract() {
    let plain = contract(["", "", "", "", ""]).replace("<output></output>", "<output/>");
    let documents = documents(plain.as_bytes()).unwrap();
    let preset = preset::named("wse-mutualCertificate11Security").unwrap();
    let all = preset.policy.parts.clone();
    let signed = Parts { encrypted: PartSet::default(), ..all.clone() };
    let messages = MessageParts { request: all, response: signed.clone(), fault: signed };
    let own = Policy { parts: Parts::default(), messages, ..preset.policy.clone() };
    let publication = under(std::slice::from_ref(&own), preset.soap, &documents).unwrap();
    let text = publication.document(0, PUBLIC).unwrap();
    let ports = wsdl::read("c.wsdl", text.as_bytes()).unwrap().ports;
    let mut operations = ports.iter().flat_map(|port| &port.operations);
    let operation = operations.find(|operation| operation.output.is_some()).unwrap();
    let encrypted = |message: &Message| message.alternatives[0].parts.encrypted.body;
    assert!(encrypted(&operation.input) && !encrypted(operation.output.as_ref().unwrap()));
    assert_eq!(under(&[own, preset.policy], preset.soap, &documents).unwrap_err(), Unpublishable::Lost);
}

#[test]
fn documents_that_are_imported_are_served_beside_it() {
    let text = contract(["", "", "", "", ""]);
    let mut documents = Documents::new("a/c.wsdl", text.as_bytes()).unwrap();
    let mut asked = Vec::new();
    while let Some((from, location)) = documents.import().map(|(from, location)| (from.to_owned(), location.to_owned()))
    {
        let known = documents.has("a/x.xsd");
        match location.as_str() {
            "x.xsd" if !known => documents
                .add(
                    "a/x.xsd",
                    b"<schema xmlns='http://www.w3.org/2001/XMLSchema'><include schemaLocation='x.xsd'/></schema>",
                )
                .unwrap(),
            "x.xsd" => {}
            _ => {
                documents.leave();
                asked.push((from, location));
                continue;
            }
        }
        documents.link("a/x.xsd");
        asked.push((from, location));
    }
    let expected = [("a/c.wsdl", "x.xsd"), ("a/c.wsdl", "sub/y.xsd"), ("a/x.xsd", "x.xsd")];
    assert_eq!(asked.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect::<Vec<_>>(), expected);
    let publication = under_preset("wse-mutualCertificate11Security", &documents).unwrap();
    assert_eq!([0, 1, 2].map(|n| publication.kind(n)), [Some(DocumentKind::Wsdl), Some(DocumentKind::Schema), None]);
    let contract = publication.document(0, "http://p/\"").unwrap();
    assert!(
        contract.contains("<import schemaLocation='http://p/&quot;?xsd=1'/><include schemaLocation = \"sub/y.xsd\" />")
    );
    assert!(publication.document(1, "http://p/").unwrap().contains("'http://p/?xsd=1'"));
}

#[test]
fn what_is_no_contract_is_refused() {
    let error = |bytes: &[u8]| Documents::new("c", bytes).unwrap_err().to_string();
    assert_eq!(error(b"<a/>"), "c:1 is no contract, or no schema of one");
    assert_eq!(error(b"<schema xmlns='http://www.w3.org/2001/XMLSchema'/>"), "c is no contract, or no schema of one");
    assert_eq!(error(b"<!DOCTYPE a><a/>"), "c:1: a DOCTYPE, which is never read");
    let text = contract(["", "", "", "", ""]);
    let mut documents = Documents::new("c", text.as_bytes()).unwrap();
    let schema = b"<schema xmlns='http://www.w3.org/2001/XMLSchema'/>";
    let refused = (0..100).find_map(|number| documents.add(&number.to_string(), schema).err());
    assert_eq!(refused, Some(Unpublishable::TooLarge { documents: 64, octets: 16 * 1024 * 1024 }));
    let without = text.replace("<s:address x='&gt;' location='http://inside/q'/>", "");
    let documents = self::documents(without.as_bytes()).unwrap();
    assert_eq!(under_preset("wse-mutualCertificate11Security", &documents).unwrap_err(), Unpublishable::NoAddress);
}
