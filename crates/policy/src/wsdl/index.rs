//! What a contract refers to, by name: definitions of a file, operations of a port type.

use std::collections::HashMap;

use nuncio_xml::foreign::Element;

use super::read::children;
use crate::error::{Place, PolicyError};
use crate::names;

/// A definition, and the target namespace of the definitions that it is among.
#[derive(Clone, Copy)]
pub(super) struct Definition<'a> {
    pub(super) element: &'a Element,
    pub(super) target_namespace: &'a str,
}

/// The definitions of one file: of its root, or of every contract within it.
pub(super) struct Index<'a> {
    file: &'a str,
    /// By kind, namespace and local name. Of two of a name the first counts.
    definitions: HashMap<(&'a str, &'a str, &'a str), Definition<'a>>,
    /// Namespace and location of what is imported.
    imports: Vec<(&'a str, &'a str)>,
}

impl<'a> Index<'a> {
    pub(super) fn new(file: &'a str, contracts: &[&'a Element]) -> Self {
        let mut index = Self { file, definitions: HashMap::new(), imports: Vec::new() };
        for contract in contracts {
            let target_namespace = contract.attribute("", "targetNamespace").unwrap_or_default();
            for element in contract.elements().filter(|element| element.namespace == names::WSDL) {
                if let Some(name) = element.attribute("", "name") {
                    let key = (element.local.as_str(), target_namespace, name);
                    index.definitions.entry(key).or_insert(Definition { element, target_namespace });
                }
            }
            for import in children(contract, "import") {
                let namespace = import.attribute("", "namespace").unwrap_or_default();
                index.imports.extend(import.attribute("", "location").map(|location| (namespace, location)));
            }
        }
        index
    }

    /// The definition of a kind that an attribute of an element refers to by its `name`.
    pub(super) fn named(
        &self,
        element: &'a Element,
        name: &str,
        kind: &'static str,
    ) -> Result<Definition<'a>, PolicyError> {
        let resolved = element.resolve(name);
        let found = resolved.and_then(|(namespace, local)| self.definitions.get(&(kind, namespace, local)));
        found.copied().ok_or_else(|| {
            let (at, name) = (Place::of(self.file, element), name.to_owned());
            let same = |import: &&(&str, &str)| resolved.is_some_and(|(namespace, _)| import.0 == namespace);
            match self.imports.iter().find(same).or(self.imports.first()) {
                Some((_, location)) => PolicyError::Imported { at, kind, name, location: (*location).to_owned() },
                None => PolicyError::UnknownName { at, kind, name },
            }
        })
    }
}

/// Name of an operation, and of its input and output where they are told.
type Signature<'a> = (&'a str, Option<&'a str>, Option<&'a str>);

/// The operations of a port type.
pub(super) struct Operations<'a>(HashMap<Signature<'a>, &'a Element>);

impl<'a> Operations<'a> {
    pub(super) fn of(port_type: &'a Element) -> Self {
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
    pub(super) fn meant_by(&self, operation: &'a Element) -> Option<&'a Element> {
        let signature = signature(operation)?;
        self.0.get(&signature).or_else(|| self.0.get(&(signature.0, None, None))).copied()
    }
}

fn signature(operation: &Element) -> Option<Signature<'_>> {
    let message = |kind| operation.child(names::WSDL, kind).and_then(|message| message.attribute("", "name"));
    Some((operation.attribute("", "name")?, message("input"), message("output")))
}
