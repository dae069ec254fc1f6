//! What a contract refers to, by name: definitions of a file, operations of a port type.

use std::collections::HashMap;

use nuncio_xml::foreign::Element;

use super::read::children;
use crate::documents::{DocumentKind, Documents};
use crate::error::PolicyError;
use crate::names;
use crate::read::library::Library;

/// A definition, and the target namespace of the definitions that it is among.
#[derive(Clone, Copy)]
pub(crate) struct Definition<'a> {
    pub(crate) element: &'a Element,
    pub(crate) target_namespace: &'a str,
}

/// The definitions of one contract, in whichever of its documents they are.
pub(crate) struct Index<'a> {
    /// By kind, namespace and local name. Of two of a name the first counts.
    definitions: HashMap<(&'a str, &'a str, &'a str), Definition<'a>>,
    /// Namespace and location of what is imported and not here.
    imports: Vec<(&'a str, &'a str)>,
    /// Whether what is imported was looked for.
    follows: bool,
}

impl<'a> Index<'a> {
    /// The definitions of those contracts of one file. What they import is not looked for.
    pub(super) fn new(contracts: &[&'a Element]) -> Self {
        let mut index = Self { definitions: HashMap::new(), imports: Vec::new(), follows: false };
        for contract in contracts {
            index.add(contract, |_| false);
        }
        index
    }

    /// The definitions of all documents of a contract.
    pub(crate) fn of(documents: &'a Documents) -> Self {
        let mut index = Self { definitions: HashMap::new(), imports: Vec::new(), follows: true };
        for (number, document) in documents.all.iter().enumerate().filter(|(_, one)| one.kind == DocumentKind::Wsdl) {
            index.add(&document.root, |import| documents.target(number, import.tag.start).is_some());
        }
        index
    }

    fn add(&mut self, contract: &'a Element, is_here: impl Fn(&Element) -> bool) {
        let target_namespace = contract.attribute("", "targetNamespace").unwrap_or_default();
        for element in contract.elements().filter(|element| element.namespace == names::WSDL) {
            if let Some(name) = element.attribute("", "name") {
                let key = (element.local.as_str(), target_namespace, name);
                self.definitions.entry(key).or_insert(Definition { element, target_namespace });
            }
        }
        for import in children(contract, "import").filter(|import| !is_here(import)) {
            let namespace = import.attribute("", "namespace").unwrap_or_default();
            self.imports.extend(import.attribute("", "location").map(|location| (namespace, location)));
        }
    }

    /// The definition of a kind that an attribute of an element refers to by its `name`.
    pub(crate) fn named(
        &self,
        library: &Library<'a>,
        element: &'a Element,
        name: &str,
        kind: &'static str,
    ) -> Result<Definition<'a>, PolicyError> {
        let resolved = element.resolve(name);
        let found = resolved.and_then(|(namespace, local)| self.definitions.get(&(kind, namespace, local)));
        found.copied().ok_or_else(|| {
            let (at, name) = (library.place(element), name.to_owned());
            let same = |import: &&(&str, &str)| resolved.is_some_and(|(namespace, _)| import.0 == namespace);
            match self.imports.iter().find(same).or(self.imports.first()) {
                Some((_, location)) if self.follows => {
                    PolicyError::NotAmong { at, kind, name, location: (*location).to_owned() }
                }
                Some((_, location)) => PolicyError::Imported { at, kind, name, location: (*location).to_owned() },
                None => PolicyError::UnknownName { at, kind, name },
            }
        })
    }
}

/// Name of an operation, and of its input and output where they are told.
type Signature<'a> = (&'a str, Option<&'a str>, Option<&'a str>);

/// The operations of a port type.
pub(crate) struct Operations<'a>(HashMap<Signature<'a>, &'a Element>);

impl<'a> Operations<'a> {
    pub(crate) fn of(port_type: &'a Element) -> Self {
        let mut operations = HashMap::new();
        for operation in children(port_type, "operation") {
            let Some((name, input, output)) = signature(operation) else { continue };
            for key in [(name, None, None), (name, input, None), (name, None, output), (name, input, output)] {
                operations.entry(key).or_insert(operation);
            }
        }
        Self(operations)
    }

    /// The operation that one of a binding means. Overloads are told apart by the names of their messages (WSDL 1.1,
    /// section 2.5).
    pub(crate) fn meant_by(&self, operation: &'a Element) -> Option<&'a Element> {
        let signature = signature(operation)?;
        self.0.get(&signature).or_else(|| self.0.get(&(signature.0, None, None))).copied()
    }
}

fn signature(operation: &Element) -> Option<Signature<'_>> {
    let message = |kind| operation.child(names::WSDL, kind).and_then(|message| message.attribute("", "name"));
    Some((operation.attribute("", "name")?, message("input"), message("output")))
}
