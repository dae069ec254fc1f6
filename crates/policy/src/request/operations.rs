//! What may be asked for: the operations of a contract, and what the body of a request for one is.

use nuncio_xml::foreign::Element;

use super::NotMade;
use crate::documents::{DocumentKind, Documents};
use crate::model::SoapVersion;
use crate::names;
use crate::read::library::Library;
use crate::wsdl::index::{Index, Operations};
use crate::wsdl::read::children;

/// An operation that a client may ask for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listed {
    /// The port that has it.
    pub port: String,
    /// The version of SOAP that the port speaks.
    pub soap: SoapVersion,
    /// Its name.
    pub name: String,
    /// Its SOAP action, where the binding says one.
    pub soap_action: Option<String>,
    /// Whether it is answered.
    pub answered: bool,
}

/// What the body of a request is.
pub(super) enum Input<'a> {
    /// Nothing.
    Nothing,
    /// The element of that name.
    Element { namespace: &'a str, name: &'a str },
    /// An element that is named as the operation, with an element for each of those parts.
    Rpc { namespace: &'a str, name: &'a str, parts: Vec<&'a Element> },
}

/// The operations of a contract.
pub(super) struct Requests<'a> {
    documents: &'a Documents,
    library: Library<'a>,
    index: Index<'a>,
}

/// An operation of a port.
struct Bound<'a> {
    port: &'a str,
    soap: &'a str,
    name: &'a str,
    /// In the binding.
    concrete: &'a Element,
    /// In the port type.
    abstracted: &'a Element,
    /// `style` of the binding.
    style: Option<&'a str>,
}

impl<'a> Requests<'a> {
    pub(super) fn new(documents: &'a Documents) -> Self {
        let files = documents.all.iter().map(|document| (document.at.as_str(), &document.root)).collect();
        Self { documents, library: Library::of(files), index: Index::of(documents) }
    }

    pub(super) fn listed(&self) -> Result<Vec<Listed>, NotMade> {
        let listed = |bound: &Bound<'_>| Listed {
            port: bound.port.to_owned(),
            soap: if bound.soap == names::WSDL_SOAP_11 { SoapVersion::V11 } else { SoapVersion::V12 },
            name: bound.name.to_owned(),
            soap_action: bound.extension().and_then(|one| one.attribute("", "soapAction")).map(str::to_owned),
            answered: bound.abstracted.child(names::WSDL, "output").is_some(),
        };
        Ok(self.all()?.iter().map(listed).collect())
    }

    /// What the body of a request for an operation is.
    pub(super) fn input(&self, port: Option<&str>, operation: &str) -> Result<Input<'a>, NotMade> {
        let mut all = self.all()?;
        if let Some(name) = port {
            let have = distinct(all.iter().map(|bound| bound.port));
            all.retain(|bound| bound.port == name);
            if all.is_empty() {
                return Err(NotMade::NoPort { name: name.to_owned(), have });
            }
        }
        if let Some(bound) = all.iter().find(|bound| bound.name == operation) {
            return self.of(bound);
        }
        let have = distinct(all.iter().map(|bound| bound.name));
        Err(NotMade::NoOperation { name: operation.to_owned(), have })
    }

    /// The operations that a client begins, of every port for SOAP.
    fn all(&self) -> Result<Vec<Bound<'a>>, NotMade> {
        let mut all = Vec::new();
        let contracts = self.documents.all.iter().filter(|document| document.kind == DocumentKind::Wsdl);
        let services = contracts.flat_map(|document| children(&document.root, "service"));
        for port in services.flat_map(|service| children(service, "port")) {
            let Some(binding) = port.attribute("", "binding") else { continue };
            let binding = self.index.named(&self.library, port, binding, "binding")?.element;
            let mut soap = [names::WSDL_SOAP_11, names::WSDL_SOAP_12].into_iter();
            let Some(extension) = soap.find_map(|soap| binding.child(soap, "binding")) else { continue };
            let Some(of) = binding.attribute("", "type") else { continue };
            let port_type = self.index.named(&self.library, binding, of, "portType")?.element;
            self.library.work(port, port_type.children.len() + binding.children.len())?;
            let operations = Operations::of(port_type);
            for concrete in children(binding, "operation") {
                let name = concrete.attribute("", "name").unwrap_or_default();
                let Some(abstracted) = operations.meant_by(concrete) else { continue };
                let first = abstracted
                    .elements()
                    .find(|one| one.namespace == names::WSDL && matches!(one.local.as_str(), "input" | "output"));
                if first.is_some_and(|first| first.local == "input") {
                    let (port, soap) = (port.attribute("", "name").unwrap_or_default(), extension.namespace.as_str());
                    let style = extension.attribute("", "style");
                    all.push(Bound { port, soap, name, concrete, abstracted, style });
                }
            }
        }
        Ok(all)
    }

    fn of(&self, bound: &Bound<'a>) -> Result<Input<'a>, NotMade> {
        let not_built = |what: &str| NotMade::NotBuilt { at: bound.name.to_owned(), what: what.to_owned() };
        let input = bound.abstracted.child(names::WSDL, "input");
        let named = input.and_then(|input| Some((input, input.attribute("", "message")?)));
        let Some((input, message)) = named else { return Ok(Input::Nothing) };
        let message = self.index.named(&self.library, input, message, "message")?.element;
        let body = bound.concrete.child(names::WSDL, "input").and_then(|input| input.child(bound.soap, "body"));
        if body.and_then(|body| body.attribute("", "use")) == Some("encoded") {
            return Err(not_built("a body in the encoding of SOAP"));
        }
        let listed = body.and_then(|body| body.attribute("", "parts"));
        let parts = children(message, "part").filter(|part| match (listed, part.attribute("", "name")) {
            (Some(listed), Some(name)) => listed.split_ascii_whitespace().any(|listed| listed == name),
            _ => true,
        });
        let parts: Vec<&Element> = parts.collect();
        let style = bound.extension().and_then(|one| one.attribute("", "style")).or(bound.style);
        if style == Some("rpc") {
            if parts.iter().any(|part| part.attribute("", "type").is_none()) {
                return Err(not_built("a part of an operation in rpc style without a type"));
            }
            let namespace = body.and_then(|body| body.attribute("", "namespace")).unwrap_or_default();
            return Ok(Input::Rpc { namespace, name: bound.name, parts });
        }
        match parts.as_slice() {
            [] => Ok(Input::Nothing),
            [part] => {
                let name = part.attribute("", "element").ok_or_else(|| not_built("a body that is of a type"))?;
                let prefix = || NotMade::Prefix { name: name.to_owned() };
                let (namespace, name) = part.resolve(name).ok_or_else(prefix)?;
                Ok(Input::Element { namespace, name })
            }
            _ => Err(not_built("a body of several parts")),
        }
    }
}

impl<'a> Bound<'a> {
    fn extension(&self) -> Option<&'a Element> {
        self.concrete.child(self.soap, "operation")
    }
}

/// Names, each once.
fn distinct<'n>(names: impl Iterator<Item = &'n str>) -> Vec<String> {
    let mut distinct: Vec<String> = Vec::new();
    for name in names {
        if !distinct.iter().any(|one| one == name) {
            distinct.push(name.to_owned());
        }
    }
    distinct
}
