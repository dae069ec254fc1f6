//! A contract with the policy of who serves it, and an address that is said when it is asked for: all else of its documents
//! stays as it is.

use std::collections::HashSet;

use nuncio_crypto::base64;
use nuncio_xml::foreign::Element;

use super::edit::{Edits, Piece, attributes, escaped, render};
use super::scopes::Scopes;
use super::{Unpublishable, check};
use crate::documents::{Document, DocumentKind, Documents, imports};
use crate::model::{Addressing, MessageKind, MessagePolicy, Operation, Policy, SoapVersion};
use crate::names;
use crate::read::library::{is_policy, is_reference};

/// What is served under a contract.
#[derive(Clone, Copy, Debug)]
pub struct Served<'a> {
    /// At which of its ports.
    pub ports: Ports<'a>,
    /// Under which alternatives of a policy. Never empty.
    pub alternatives: &'a [Policy],
    /// The operations of the port, in its order; none where the policy holds for whatever operations there are.
    pub operations: &'a [Operation],
    /// The certificate of the service, in DER, where clients need it before they call.
    pub certificate: Option<&'a [u8]>,
}

/// Which ports of a contract are served.
#[derive(Clone, Copy, Debug)]
pub enum Ports<'a> {
    /// The first of that name.
    Named(&'a str),
    /// Those that speak one of these versions of SOAP.
    OfSoap(&'a [SoapVersion]),
}

/// A contract that can be served.
///
/// The ports that are not served are not in it, nor what stood at them: they would lead past who serves it. Nor are the
/// policies that the documents had.
#[derive(Debug)]
pub struct Publication {
    documents: Vec<(DocumentKind, Vec<Piece>)>,
}

impl Publication {
    /// Puts a policy into a contract. What is written is read again: where that gave another policy, there is none.
    pub fn new(documents: &Documents, served: &Served<'_>) -> Result<Self, Unpublishable> {
        let kept = Kept::of(documents, served.ports)?;
        let scopes = Scopes::new(served.alternatives)?;
        let mut published = Vec::with_capacity(documents.all.len());
        for (number, document) in documents.all.iter().enumerate() {
            let mut writing = Writing {
                document,
                kept: &kept,
                served,
                scopes: &scopes,
                edits: Edits::default(),
                policies: Vec::new(),
            };
            if document.kind == DocumentKind::Wsdl {
                writing.definitions()?;
            }
            writing.imports(documents, number);
            published.push((document.kind, writing.edits.apply(&document.text)));
        }
        let publication = Self { documents: published };
        check::same(&publication, served)?;
        Ok(publication)
    }

    /// What a document is, by its number. The contract itself is number 0.
    pub fn kind(&self, number: usize) -> Option<DocumentKind> {
        self.documents.get(number).map(|(kind, _)| *kind)
    }

    /// A document, by its number, of a service at an address. It imports others as `?wsdl=N` and `?xsd=N` of that address.
    pub fn document(&self, number: usize, address: &str) -> Option<String> {
        self.documents.get(number).map(|(_, pieces)| render(pieces, address))
    }

    pub(super) fn kinds(&self) -> impl Iterator<Item = DocumentKind> {
        self.documents.iter().map(|(kind, _)| *kind)
    }
}

/// The ports that stay, and their bindings: by where they are in the documents' trees.
struct Kept(HashSet<*const Element>);

impl Kept {
    fn of(documents: &Documents, served: Ports<'_>) -> Result<Self, Unpublishable> {
        let mut kept = HashSet::new();
        let ports =
            contracts(documents).flat_map(|root| wsdl(root, "service").flat_map(|service| wsdl(service, "port")));
        for port in ports {
            let name = port.attribute("", "binding").and_then(|name| port.resolve(name));
            let binding = name.and_then(|(namespace, local)| {
                let of_namespace =
                    |root: &&Element| root.attribute("", "targetNamespace").unwrap_or_default() == namespace;
                let mut bindings = contracts(documents).filter(of_namespace).flat_map(|root| wsdl(root, "binding"));
                bindings.find(|binding| binding.attribute("", "name") == Some(local))
            });
            let Some((binding, soap)) = binding.and_then(|binding| Some((binding, soap(binding)?))) else { continue };
            let wanted = match served {
                Ports::Named(name) => kept.is_empty() && port.attribute("", "name") == Some(name),
                Ports::OfSoap(versions) => versions.contains(&soap),
            };
            if wanted {
                kept.insert(std::ptr::from_ref(port));
                kept.insert(std::ptr::from_ref(binding));
            }
        }
        if kept.is_empty() { Err(Unpublishable::NoPort) } else { Ok(Self(kept)) }
    }

    fn has(&self, element: &Element) -> bool {
        self.0.contains(&std::ptr::from_ref(element))
    }
}

fn contracts(documents: &Documents) -> impl Iterator<Item = &Element> {
    documents.all.iter().filter(|document| document.kind == DocumentKind::Wsdl).map(|document| &document.root)
}

fn wsdl<'a>(element: &'a Element, local: &'static str) -> impl Iterator<Item = &'a Element> {
    element.elements().filter(move |child| child.is(names::WSDL, local))
}

/// The version of SOAP of a binding; `None` where it is another's.
fn soap(binding: &Element) -> Option<SoapVersion> {
    let versions = [(names::WSDL_SOAP_11, SoapVersion::V11), (names::WSDL_SOAP_12, SoapVersion::V12)];
    versions.into_iter().find_map(|(soap, version)| binding.child(soap, "binding").map(|_| version))
}

/// A document that is being written.
struct Writing<'a> {
    document: &'a Document,
    kept: &'a Kept,
    served: &'a Served<'a>,
    scopes: &'a Scopes<'a>,
    edits: Edits,
    /// Policies that its elements refer to, as they are written without an id.
    policies: Vec<String>,
}

impl<'a> Writing<'a> {
    fn definitions(&mut self) -> Result<(), Unpublishable> {
        let root = &self.document.root;
        self.strip(root);
        for service in wsdl(root, "service") {
            let (kept, others): (Vec<_>, Vec<_>) = wsdl(service, "port").partition(|port| self.kept.has(port));
            if kept.is_empty() {
                self.edits.remove(service.span.clone());
                continue;
            }
            for port in others {
                self.edits.remove(port.span.clone());
            }
            for port in kept {
                self.port(port)?;
            }
        }
        for binding in wsdl(root, "binding") {
            if self.kept.has(binding) {
                self.binding(binding);
            } else {
                self.edits.remove(binding.span.clone());
            }
        }
        let policies = self.policies.iter().enumerate();
        let texts: String = policies.map(|(number, text)| text.replacen(NO_ID, &id(number), 1)).collect();
        self.put(root, texts);
        Ok(())
    }

    /// Takes the policies out of an element, and what refers to them.
    fn strip(&mut self, element: &'a Element) {
        let attached = |attribute: &nuncio_xml::foreign::Attribute| {
            attribute.local == "PolicyURIs" && names::is_policy(&attribute.namespace)
        };
        if element.attributes.iter().any(attached) {
            let tag = self.tag(element);
            for (name, all, _) in attributes(tag) {
                if name.ends_with(":PolicyURIs") {
                    let start = element.tag.start;
                    self.edits.remove(start + all.start..start + all.end);
                }
            }
        }
        for child in element.elements() {
            if is_policy(child) || is_reference(child) {
                self.edits.remove(child.span.clone());
            } else if !child.is(names::WSDL, "types") {
                self.strip(child);
            }
        }
    }

    /// The address of a port, and what clients must know of the service before they call.
    fn port(&mut self, port: &'a Element) -> Result<(), Unpublishable> {
        let mut address = None;
        for child in port.elements() {
            let is_address = [names::WSDL_SOAP_11, names::WSDL_SOAP_12].iter().any(|soap| child.is(soap, "address"));
            if is_address && address.is_none() && self.value(child, "location", vec![Piece::Address]) {
                address = Some(child);
            } else if is_address || child.local == "EndpointReference" && names::is_addressing(&child.namespace) {
                // Another's identity, at another's address.
                self.edits.remove(child.span.clone());
            }
        }
        let address = address.ok_or(Unpublishable::NoAddress)?;
        let addressing = match self.served.alternatives.first().map(|policy| policy.addressing) {
            Some(Addressing::V10) => names::ADDRESSING_10,
            Some(Addressing::August2004) => names::ADDRESSING_2004,
            Some(Addressing::None) | None => return Ok(()),
        };
        if let Some(certificate) = self.served.certificate {
            let before = format!("<a:EndpointReference xmlns:a=\"{addressing}\"><a:Address>");
            let after = format!(
                "</a:Address><Identity xmlns=\"http://schemas.xmlsoap.org/ws/2006/02/addressingidentity\">\
                 <KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data><X509Certificate>{}</X509Certificate>\
                 </X509Data></KeyInfo></Identity></a:EndpointReference>",
                base64::encode(certificate)
            );
            let end = address.span.end;
            self.edits.replace(end..end, [Piece::Text(before), Piece::Address, Piece::Text(after)]);
        }
        Ok(())
    }

    /// Refers from a binding and what is in it to their policies.
    fn binding(&mut self, binding: &'a Element) {
        let endpoint = self.scopes.endpoint(NO_ID);
        self.refer(binding, Some(endpoint));
        let mut operations = self.served.operations.iter().peekable();
        for element in wsdl(binding, "operation") {
            if self.served.operations.is_empty() {
                for message in element.elements().filter(|child| child.namespace == names::WSDL) {
                    let kind = match message.local.as_str() {
                        "input" => MessageKind::Request,
                        "output" => MessageKind::Response,
                        "fault" => MessageKind::Fault,
                        _ => continue,
                    };
                    self.message(message, &self.scopes.any_message(kind), true);
                }
            } else if let Some(operation) =
                // What the service begins is not among them.
                operations.next_if(|operation| element.attribute("", "name") == Some(&operation.name))
            {
                self.operation(element, operation);
            }
        }
    }

    fn operation(&mut self, element: &'a Element, operation: &Operation) {
        let said = self.scopes.operation(operation);
        self.message(element, &said.operation, false);
        let named = |name: &str| wsdl(element, "fault").find(|fault| fault.attribute("", "name") == Some(name));
        let faults = operation.faults.iter().map(|fault| named(&fault.name));
        let output = operation.output.as_ref().map(|_| element.child(names::WSDL, "output"));
        let elements = [element.child(names::WSDL, "input")].into_iter().chain(output).chain(faults);
        for ((element, message), alternatives) in elements.zip(operation.messages()).zip(&said.messages) {
            if let Some(element) = element {
                self.message(element, alternatives, message.protected);
            }
        }
    }

    fn message(&mut self, element: &'a Element, alternatives: &[MessagePolicy], protected: bool) {
        let policy = self.scopes.scoped(NO_ID, alternatives, protected);
        self.refer(element, policy);
    }

    fn refer(&mut self, element: &'a Element, policy: Option<String>) {
        let Some(policy) = policy else { return };
        let number = self.policies.iter().position(|known| *known == policy).unwrap_or_else(|| {
            self.policies.push(policy);
            self.policies.len() - 1
        });
        let reference = format!("<p:PolicyReference xmlns:p=\"{}\" URI=\"#{}\"/>", names::POLICY_2004, id(number));
        self.put(element, reference);
    }

    /// Puts a text at the beginning of an element's content, where the schema of WSDL has extensions.
    fn put(&mut self, element: &Element, text: String) {
        let documentation = element
            .elements()
            .next()
            .filter(|first| first.is(names::WSDL, "documentation"))
            .map(|first| first.span.end);
        let tag = self.tag(element);
        if let Some(name) = tag.strip_suffix("/>") {
            let name = name.trim_start_matches('<').split_ascii_whitespace().next().unwrap_or_default();
            let (content, end) = (format!(">{text}</{name}>"), element.tag.end);
            self.edits.replace(end - 2..end, [Piece::Text(content)]);
        } else {
            let at = documentation.unwrap_or(element.tag.end);
            self.edits.replace(at..at, [Piece::Text(text)]);
        }
    }

    /// Has imports lead to where their documents are served.
    fn imports(&mut self, documents: &Documents, number: usize) {
        let mut found = Vec::new();
        imports(&self.document.root, &mut found);
        for (element, _) in found {
            let Some(target) = documents.target(number, element.tag.start) else { continue };
            let (attribute, query) = match documents.all[target].kind {
                DocumentKind::Wsdl => ("location", "wsdl"),
                DocumentKind::Schema if element.namespace == names::WSDL => ("location", "xsd"),
                DocumentKind::Schema => ("schemaLocation", "xsd"),
            };
            self.value(element, attribute, vec![Piece::Address, Piece::Text(escaped(&format!("?{query}={target}")))]);
        }
    }

    /// Gives an attribute without prefix another value; `false` where there is none of that name.
    fn value(&mut self, element: &Element, attribute: &str, pieces: Vec<Piece>) -> bool {
        let found = attributes(self.tag(element)).into_iter().find(|(name, ..)| *name == attribute);
        let Some((_, _, value)) = found else { return false };
        let start = element.tag.start;
        self.edits.replace(start + value.start..start + value.end, pieces);
        true
    }

    fn tag(&self, element: &Element) -> &'a str {
        self.document.text.get(element.tag.clone()).unwrap_or_default()
    }
}

/// Stands for the id of a policy until it has one.
const NO_ID: &str = "@";

fn id(number: usize) -> String {
    format!("policy-{number}")
}
