//! Policies attached to the parts of a contract (WS-PolicyAttachment 1.5, section 5).

use nuncio_xml::foreign::Element;

use crate::error::PolicyError;
use crate::model::Operation;
use crate::names;
use crate::read::library::{Library, is_policy, is_reference};
use crate::read::normal::{self, Alternative};
use crate::read::{self, Scoped};

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

/// What is attached to elements of operation or message scope says, added up.
pub(super) fn scoped<'a>(
    library: &Library<'a>,
    elements: &[&'a Element],
    into: &mut Scoped<'a>,
) -> Result<(), PolicyError> {
    // One element at a time: they are of different files of the same contract as often as not, and their parts add up.
    for element in elements {
        let alternatives = effective(library, element, &[element])?;
        read::scoped(library, element, alternatives, into)?;
    }
    Ok(())
}

/// Lifts security bindings that are attached to operations or messages to the endpoint, whose they are by rights
/// (WS-SecurityPolicy 1.2, appendix A), and marks the messages that are left without one.
///
/// `scoped` are the messages' policies in the order of `operations`. The result is what goes into the endpoint's policy.
pub(super) fn lift<'a>(
    library: &Library<'a>,
    scoped: &[Scoped<'a>],
    endpoint: &[Alternative<'a>],
    operations: &mut [&mut Operation],
) -> Result<Vec<Alternative<'a>>, PolicyError> {
    let mut lifted: Option<&Scoped<'a>> = None;
    for message in scoped {
        let Some(binding) = message.endpoint.iter().flatten().find(|assertion| read::is_binding(assertion)) else {
            continue;
        };
        let first = lifted.get_or_insert(message);
        if !normal::are_same(&first.endpoint, &message.endpoint) {
            return Err(PolicyError::NotBuiltHere {
                at: library.place(binding.element),
                assertion: binding.element.local.clone(),
                namespace: binding.element.namespace.clone(),
                position: "at message scope, where another message has another",
            });
        }
    }
    let Some(lifted) = lifted else { return Ok(vec![Vec::new()]) };
    if !endpoint.iter().flatten().any(read::is_binding) {
        let messages = operations.iter_mut().flat_map(|operation| operation.messages_mut());
        for (message, scoped) in messages.zip(scoped) {
            message.protected = !scoped.endpoint.is_empty();
        }
    }
    Ok(lifted.endpoint.clone())
}
