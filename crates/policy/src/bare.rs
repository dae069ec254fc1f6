//! A policy alone in its file, without a contract around it.

use nuncio_xml::foreign::{self, Element};

use crate::error::{Place, PolicyError};
use crate::model::{Addressing, Policy};
use crate::read::library::{Library, is_policy, is_reference};
use crate::read::{self, normal};
use crate::wsdl::unreadable;

/// Reads the alternatives of the policy in a file: its root, or the only policy somewhere below another root. Where
/// there are several, the one that no other refers to; `file` is what errors call it.
///
/// Parts that the policy protects are in [`Policy::parts`]: they hold for every message.
pub fn read(file: &str, bytes: &[u8]) -> Result<Vec<Policy>, PolicyError> {
    let root = foreign::read(bytes).map_err(|error| unreadable(file, error))?;
    let library = Library::new(file, &root);
    let policy = the_policy(&library, &root)?;
    let mut alternatives = read::policies(&library, policy, &normal::alternatives(&library, policy)?)?;
    for policy in &mut alternatives {
        read::settle_addressing(policy, Addressing::None, &[]);
    }
    Ok(alternatives)
}

/// The one policy of a file that no other refers to.
fn the_policy<'a>(library: &Library<'a>, root: &'a Element) -> Result<&'a Element, PolicyError> {
    let mut outermost = Vec::new();
    collect(root, &is_policy, &mut outermost);
    let mut references = Vec::new();
    for policy in &outermost {
        for child in policy.elements() {
            collect(child, &is_reference, &mut references);
        }
    }
    let mut referred = Vec::new();
    for reference in references {
        referred.push(library.follow(reference)?);
    }
    let mut tops = outermost.iter().filter(|policy| !referred.iter().any(|target| std::ptr::eq(*target, **policy)));
    match (tops.next(), tops.next()) {
        (Some(first), Some(second)) => {
            Err(PolicyError::SeveralPolicies { at: Place::of(library.file, second), first: first.line })
        }
        (Some(only), None) => Ok(only),
        // Policies that all refer to each other: reading the first one says so.
        (None, _) => outermost.first().copied().ok_or_else(|| PolicyError::NoPolicy { file: library.file.to_owned() }),
    }
}

/// The outermost elements of a kind, from `element` down.
fn collect<'a>(element: &'a Element, is: &dyn Fn(&Element) -> bool, into: &mut Vec<&'a Element>) {
    if is(element) {
        into.push(element);
        return;
    }
    for child in element.elements() {
        collect(child, is, into);
    }
}
