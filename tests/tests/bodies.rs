//! Bodies made from the recorded contracts are those that the recorded clients sent.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail the test")]

use std::collections::BTreeMap;

use nuncio_policy::request::{Request, operations};
use nuncio_policy::wsdl::Documents;
use nuncio_tests::recording::{self, Party};
use nuncio_tests::{compare, oracle};
use roxmltree::{Document, Node};

const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// What is set in an element: each text by its path.
fn settings(element: Node<'_, '_>, path: &str, into: &mut Vec<(String, String)>) {
    let join = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
    for attribute in element.attributes() {
        let prefix = if attribute.namespace() == Some(XSI) { "xsi:" } else { "" };
        into.push((join(&format!("@{prefix}{}", attribute.name())), attribute.value().to_owned()));
    }
    for child in element.children().filter(Node::is_element) {
        let path = join(child.tag_name().name());
        if !child.children().any(|inner| inner.is_element()) && child.attribute((XSI, "nil")).is_none() {
            into.push((path.clone(), child.text().unwrap_or_default().to_owned()));
        }
        settings(child, &path, into);
    }
}

#[test]
fn every_recorded_request_is_made_again() {
    let mut made: BTreeMap<String, usize> = BTreeMap::new();
    for scenario in recording::load(&recording::packed()).unwrap() {
        let documents = Documents::new("wsdl.xml", scenario.wsdl.as_ref().unwrap()).unwrap();
        let names: Vec<String> = operations(&documents).unwrap().into_iter().map(|one| one.name).collect();
        for exchange in scenario.exchanges.iter().filter(|exchange| exchange.from == Party::Client) {
            let Ok(plain) = oracle::open(&exchange.request.body, &scenario.keys) else { continue };
            let envelope = Document::parse(&plain).unwrap();
            let body = envelope.root_element().children().find(|one| one.tag_name().name() == "Body").unwrap();
            let Some(sent) = body.first_element_child() else { continue };
            // An operation's element has the operation's name here. Those of conversations and sequences are others'.
            let name = sent.tag_name().name();
            if !names.iter().any(|one| one == name) {
                continue;
            }
            let mut found = Vec::new();
            settings(sent, "", &mut found);
            let wanted: Vec<(&str, &str)> = found.iter().map(|(path, value)| (path.as_str(), value.as_str())).collect();
            let content = Request::new(&documents, None, name).unwrap().body(&wanted);
            let content = content.unwrap_or_else(|error| panic!("{} {}: {error}", scenario.name, exchange.n));
            let namespace = envelope.root_element().tag_name().namespace().unwrap();
            let actual = format!("<s:Envelope xmlns:s='{namespace}'><s:Body>{content}</s:Body></s:Envelope>");
            compare::bodies(&plain, &actual)
                .unwrap_or_else(|error| panic!("{} {}: {error}", scenario.name, exchange.n));
            *made.entry(name.to_owned()).or_default() += 1;
        }
    }
    assert!(["Echo", "Fail", "Notify", "Reverse", "WhoAmI"].iter().all(|name| made.contains_key(*name)), "{made:?}");
    assert!(made.values().sum::<usize>() > 700, "{made:?}");
}
