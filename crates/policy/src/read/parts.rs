//! What is to be signed, encrypted or there (WS-SecurityPolicy 1.2, section 4).

use nuncio_xml::foreign::Element;

use super::Reader;
use super::normal::Assertion;
use super::path::{self, Problem};
use crate::error::PolicyError;
use crate::model::{ElementPath, HeaderPart, PartSet, Parts};
use crate::names;

/// How many parts an assertion may name.
const MAX_PARTS: usize = 500;
/// The assertions that name parts.
const PARTS: [&str; 7] = [
    "SignedParts",
    "EncryptedParts",
    "RequiredParts",
    "SignedElements",
    "EncryptedElements",
    "ContentEncryptedElements",
    "RequiredElements",
];

/// `XPathVersion` of what is read. It is what is meant without the attribute, too.
const XPATH_10: &str = "http://www.w3.org/TR/1999/REC-xpath-19991116";

impl Reader<'_> {
    /// Adds the parts that an assertion names; `false` where it is another assertion.
    pub(super) fn parts(&self, assertion: &Assertion<'_>, into: &mut Parts) -> Result<bool, PolicyError> {
        let count = assertion.element.elements().count();
        let is_empty = count == 0;
        if names::is_security(&assertion.element.namespace) && PARTS.contains(&assertion.element.local.as_str()) {
            if count > MAX_PARTS {
                let (at, assertion) = (self.place(assertion), assertion.element.local.clone());
                return Err(PolicyError::TooManyParts { at, assertion, limit: MAX_PARTS });
            }
            // They are compared with one another.
            self.library.work(assertion.element, count * count)?;
        }
        match assertion.security() {
            Some("SignedParts") => {
                let mut set = self.part_set(assertion)?;
                // Without children it means all of them.
                set.body |= is_empty;
                set.every_header |= is_empty;
                into.signed.merge(&set);
            }
            Some("EncryptedParts") => {
                let mut set = self.part_set(assertion)?;
                // Without children it means the body.
                set.body |= is_empty;
                into.encrypted.merge(&set);
            }
            Some("RequiredParts") => {
                let mut required = Parts::default();
                for part in assertion.element.elements() {
                    if self.is_ignored(part, "Header")? {
                        continue;
                    }
                    let header = self.header(part)?;
                    if header.namespace.is_empty() {
                        self.library.remark(part, "Header is of no namespace: no header of SOAP is");
                    }
                    required.required.push(header);
                }
                into.merge(&required);
            }
            Some("SignedElements") => {
                into.merge(&Parts { signed_elements: self.paths(assertion)?, ..Parts::default() });
            }
            Some("EncryptedElements") => {
                into.merge(&Parts { encrypted_elements: self.paths(assertion)?, ..Parts::default() });
            }
            Some("ContentEncryptedElements") => {
                into.merge(&Parts { content_encrypted_elements: self.paths(assertion)?, ..Parts::default() });
            }
            Some("RequiredElements") => {
                into.merge(&Parts { required_elements: self.paths(assertion)?, ..Parts::default() });
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn part_set(&self, assertion: &Assertion<'_>) -> Result<PartSet, PolicyError> {
        let mut set = PartSet::default();
        for part in assertion.element.elements() {
            if part.local == "Body" && names::is_security(&part.namespace) {
                set.body = true;
            } else if !self.is_ignored(part, "Header")? {
                set.headers.push(self.header(part)?);
            }
        }
        Ok(set)
    }

    fn header(&self, part: &Element) -> Result<HeaderPart, PolicyError> {
        let Some(namespace) = part.attribute("", "Namespace") else {
            let (at, within) = (self.library.place(part), part.local.clone());
            return Err(PolicyError::Missing { at, what: "Namespace", within });
        };
        let name = part.attribute("", "Name").filter(|name| !name.is_empty()).map(str::to_owned);
        Ok(HeaderPart { name, namespace: namespace.to_owned() })
    }

    fn paths(&self, assertion: &Assertion<'_>) -> Result<Vec<ElementPath>, PolicyError> {
        let version = assertion.element.attributes.iter().find(|attribute| attribute.local == "XPathVersion");
        if let Some(version) = version.filter(|version| version.value.trim() != XPATH_10) {
            let (at, value) = (self.place(assertion), version.value.clone());
            return Err(PolicyError::BadValue { at, attribute: "XPathVersion", value });
        }
        let mut paths = Vec::new();
        for element in assertion.element.elements() {
            if self.is_ignored(element, "XPath")? {
                continue;
            }
            let text = element.text();
            let at = || self.library.place(element);
            let resolve =
                |prefix: &str| element.resolve(&format!("{prefix}:x")).map(|(namespace, _)| namespace.to_owned());
            let steps = path::parse(&resolve, &text).map_err(|problem| match problem {
                Problem::NotRead(rest) => PolicyError::Path { at: at(), path: text.clone(), rest: rest.to_owned() },
                Problem::Prefix(prefix) => {
                    PolicyError::UnknownName { at: at(), kind: "prefix", name: prefix.to_owned() }
                }
            })?;
            paths.push(ElementPath { text: text.trim().to_owned(), steps });
        }
        if paths.is_empty() { Err(self.missing(assertion, "XPath")) } else { Ok(paths) }
    }

    /// Whether a child of such an assertion is another than `expected` and may be ignored; refused where it may not.
    fn is_ignored(&self, element: &Element, expected: &str) -> Result<bool, PolicyError> {
        if element.local == expected && names::is_security(&element.namespace) {
            return Ok(false);
        }
        self.unexpected(&Assertion { element, nested: Vec::new(), optional: false })?;
        Ok(true)
    }
}
