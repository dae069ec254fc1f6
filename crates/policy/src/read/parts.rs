//! `SignedParts` and `EncryptedParts` (WS-SecurityPolicy 1.2, section 4).

use super::Reader;
use super::normal::Assertion;
use crate::error::{Place, PolicyError};
use crate::model::{HeaderPart, PartSet, Parts};
use crate::names;

impl Reader<'_> {
    /// Adds the parts that an assertion names; `false` where it is another assertion.
    pub(super) fn parts(&self, assertion: &Assertion<'_>, into: &mut Parts) -> Result<bool, PolicyError> {
        match assertion.security() {
            Some("SignedParts") => {
                if assertion.element.elements().next().is_none() {
                    return Err(
                        self.not_built_here(assertion, "without children, which means the body and every header")
                    );
                }
                into.signed.merge(&self.part_set(assertion)?);
            }
            Some("EncryptedParts") => {
                let mut set = self.part_set(assertion)?;
                if !set.headers.is_empty() {
                    return Err(self.not_built_here(assertion, "with a Header"));
                }
                // Without children it means the body.
                set.body |= assertion.element.elements().next().is_none();
                into.encrypted.merge(&set);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn part_set(&self, assertion: &Assertion<'_>) -> Result<PartSet, PolicyError> {
        let mut set = PartSet::default();
        for part in assertion.element.elements() {
            match part.local.as_str() {
                "Body" if names::is_security(&part.namespace) => set.body = true,
                "Header" if names::is_security(&part.namespace) => {
                    let Some(namespace) = part.attribute("", "Namespace") else {
                        return Err(PolicyError::Missing {
                            at: Place::of(self.file, part),
                            what: "Namespace",
                            within: part.local.clone(),
                        });
                    };
                    let name = part.attribute("", "Name").filter(|name| !name.is_empty()).map(str::to_owned);
                    let header = HeaderPart { name, namespace: namespace.to_owned() };
                    if !set.headers.contains(&header) {
                        set.headers.push(header);
                    }
                }
                _ => self.unexpected(&Assertion { element: part, nested: Vec::new(), optional: false })?,
            }
        }
        Ok(set)
    }
}
