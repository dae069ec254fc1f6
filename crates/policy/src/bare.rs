//! A policy alone in its file, without a contract around it.

use std::collections::HashSet;

use nuncio_xml::foreign::{self, Element};

use crate::error::{Place, PolicyError, Remark};
use crate::model::{Addressing, MessagePolicy, Policy};
use crate::read::library::{Library, id, is_policy, is_reference};
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

/// A file of policies, each for itself.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The policies that stand in no other, in the order of the file.
    pub policies: Vec<Listed>,
    /// What is odd about them and was read all the same, in the order of the file.
    pub remarks: Vec<Remark>,
}

/// A policy of a file.
#[derive(Clone, Debug)]
pub struct Listed {
    /// What references to it say: its id, or its name.
    pub name: Option<String>,
    /// Where it is.
    pub at: Place,
    /// What it says; an error where no alternative of it is usable.
    pub says: Result<Says, PolicyError>,
}

/// What a policy says.
#[derive(Clone, Debug)]
pub enum Says {
    /// What holds for an endpoint: its alternatives, with a security binding each.
    Endpoint(Vec<Policy>),
    /// What holds for messages, or is added to an endpoint's policy: its alternatives.
    Message(Vec<MessagePolicy>),
}

/// Reads every policy of a file for itself, whatever else the file holds and wherever they are attached; `file` is what
/// errors call it.
pub fn list(file: &str, bytes: &[u8]) -> Result<Listing, PolicyError> {
    let root = foreign::read(bytes).map_err(|error| unreadable(file, error))?;
    let library = Library::new(file, &root);
    let mut outermost = Vec::new();
    collect(&root, &is_policy, &mut outermost);
    let policies = outermost
        .into_iter()
        .map(|policy| Listed {
            name: id(policy).map(str::to_owned),
            at: Place::of(file, policy),
            says: says(&library, policy),
        })
        .collect();
    Ok(Listing { policies, remarks: library.into_remarks() })
}

fn says(library: &Library<'_>, policy: &Element) -> Result<Says, PolicyError> {
    let alternatives = normal::alternatives(library, policy)?;
    if alternatives.iter().flatten().any(read::is_binding) {
        let mut policies = read::policies(library, policy, &alternatives)?;
        for policy in &mut policies {
            read::settle_addressing(policy, Addressing::None, &[]);
        }
        return Ok(Says::Endpoint(policies));
    }
    let mut scoped = read::Scoped::default();
    read::scoped(library, policy, alternatives, &mut scoped)?;
    Ok(Says::Message(scoped.alternatives))
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
    let mut referred: HashSet<*const Element> = HashSet::new();
    for reference in references {
        referred.insert(library.follow(reference)?);
    }
    let mut tops = outermost.iter().filter(|policy| !referred.contains(&std::ptr::from_ref(**policy)));
    match (tops.next(), tops.next()) {
        (Some(first), Some(second)) => {
            Err(PolicyError::SeveralPolicies { at: library.place(second), first: first.line })
        }
        (Some(only), None) => Ok(only),
        // Policies that all refer to each other: reading the first one says so.
        (None, _) => {
            outermost.first().copied().ok_or_else(|| PolicyError::NoPolicy { file: library.file().to_owned() })
        }
    }
}

/// The outermost elements of a kind, from `element` down.
pub(crate) fn collect<'a>(element: &'a Element, is: &dyn Fn(&Element) -> bool, into: &mut Vec<&'a Element>) {
    if is(element) {
        into.push(element);
        return;
    }
    for child in element.elements() {
        collect(child, is, into);
    }
}
