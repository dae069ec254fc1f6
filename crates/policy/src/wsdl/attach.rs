//! Policies attached to the parts of a contract (WS-PolicyAttachment 1.5, section 5).

use nuncio_xml::foreign::Element;

use crate::error::PolicyError;
use crate::model::Parts;
use crate::names;
use crate::read;
use crate::read::library::{Library, is_policy, is_reference};
use crate::read::normal::{self, Alternative};

/// The alternatives of what is attached to several elements of one scope, merged; one empty alternative where nothing
/// is.
pub(super) fn effective<'a>(
    library: &Library<'a>,
    at: &Element,
    elements: &[&'a Element],
) -> Result<Vec<Alternative<'a>>, PolicyError> {
    let mut attached = Vec::new();
    for element in elements {
        for child in element.elements().filter(|child| is_policy(child) || is_reference(child)) {
            attached.push(normal::alternatives(library, child)?);
        }
        let uris = element
            .attributes
            .iter()
            .filter(|attribute| attribute.local == "PolicyURIs" && names::is_policy(&attribute.namespace));
        for reference in uris.flat_map(|attribute| attribute.value.split_ascii_whitespace()) {
            attached.push(normal::alternatives(library, library.find(element, reference)?)?);
        }
    }
    normal::merge(library, at, attached)
}

/// The parts that what is attached to elements of operation or message scope protects.
pub(super) fn parts<'a>(library: &Library<'a>, elements: &[&'a Element]) -> Result<Parts, PolicyError> {
    let mut parts = Parts::default();
    // One element at a time: they are of different files of the same contract as often as not, and their parts add up.
    for element in elements {
        let alternatives = effective(library, element, &[element])?;
        parts.merge(&read::parts(library, element, &alternatives)?);
    }
    Ok(parts)
}
