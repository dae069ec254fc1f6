//! The policies of one file, by what refers to them.

use std::collections::HashMap;

use nuncio_xml::foreign::Element;

use crate::error::{Place, PolicyError};
use crate::names;

/// The policies of one file.
pub(crate) struct Library<'a> {
    /// The file, as the caller named it.
    pub(crate) file: &'a str,
    /// `wsu:Id`, `xml:id`, or `Id` without namespace: what `#id` refers to. `Name` is among them, for files that refer
    /// to a name as if it were an id.
    ids: HashMap<&'a str, Vec<&'a Element>>,
    /// `Name`, which is an IRI: what a reference without `#` may refer to.
    names: HashMap<&'a str, Vec<&'a Element>>,
}

impl<'a> Library<'a> {
    /// Indexes every policy below an element.
    pub(crate) fn new(file: &'a str, root: &'a Element) -> Self {
        let mut library = Self { file, ids: HashMap::new(), names: HashMap::new() };
        library.index(root);
        library
    }

    fn index(&mut self, element: &'a Element) {
        if is_policy(element) {
            let id = [names::UTILITY, names::XML, ""]
                .into_iter()
                .zip(["Id", "id", "Id"])
                .find_map(|(namespace, local)| element.attribute(namespace, local));
            let name = element.attribute("", "Name");
            if let Some(name) = name {
                self.names.entry(name).or_default().push(element);
            }
            if let Some(id) = id.or(name) {
                self.ids.entry(id).or_default().push(element);
            }
        }
        for child in element.elements() {
            self.index(child);
        }
    }

    /// The policy that a reference standing in `at` means.
    pub(crate) fn find(&self, at: &Element, reference: &str) -> Result<&'a Element, PolicyError> {
        let place = || Place::of(self.file, at);
        let found = match reference.strip_prefix('#') {
            Some(id) => self.ids.get(id),
            None => match self.names.get(reference) {
                Some(found) => Some(found),
                None => return Err(PolicyError::ExternalReference { at: place(), reference: reference.to_owned() }),
            },
        };
        match found.map_or(&[][..], Vec::as_slice) {
            [policy] => Ok(policy),
            found => {
                Err(PolicyError::UnknownReference { at: place(), reference: reference.to_owned(), found: found.len() })
            }
        }
    }

    /// The policy that a `PolicyReference` means.
    pub(crate) fn follow(&self, reference: &Element) -> Result<&'a Element, PolicyError> {
        let Some(uri) = reference.attribute("", "URI") else {
            let within = reference.local.clone();
            return Err(PolicyError::Missing { at: Place::of(self.file, reference), what: "URI", within });
        };
        self.find(reference, uri.trim())
    }
}

/// Whether an element is a `wsp:Policy`.
pub(crate) fn is_policy(element: &Element) -> bool {
    element.local == "Policy" && names::is_policy(&element.namespace)
}

/// Whether an element is a `wsp:PolicyReference`.
pub(crate) fn is_reference(element: &Element) -> bool {
    element.local == "PolicyReference" && names::is_policy(&element.namespace)
}
