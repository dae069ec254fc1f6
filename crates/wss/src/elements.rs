//! Where a path of a policy leads to (WS-SecurityPolicy 1.2, section 4: `SignedElements` and its like).

use std::collections::HashSet;

use nuncio_policy::model::{ElementPath, Step};
use nuncio_xml::{Document, Name, NodeId, ReadError, Writer};

use crate::limits::OURS;
use crate::names::WSSE;

/// The elements of a document at a path, in no order and each once.
pub(crate) fn at(document: &Document, path: &ElementPath) -> Vec<NodeId> {
    let mut steps = path.steps.iter();
    let Some(first) = steps.next() else { return Vec::new() };
    let root = document.root();
    let mut found = Vec::new();
    if leads_to(document, first, root) {
        found.push(root);
    }
    if first.anywhere_below {
        below(document, root, first, &mut HashSet::new(), &mut found);
    }
    for step in steps {
        let mut next = Vec::new();
        let mut seen = HashSet::new();
        for &from in &found {
            if step.anywhere_below {
                below(document, from, step, &mut seen, &mut next);
            } else {
                next.extend(document.elements(from).filter(|&child| leads_to(document, step, child)));
            }
        }
        found = next;
    }
    found
}

/// Whether a path may lead to an element that has that name and stands within elements of those before it, the envelope
/// first.
pub(crate) fn may_lead_to(path: &[Step], names: &[Name<'_>]) -> bool {
    let Some((step, steps)) = path.split_first() else { return names.is_empty() };
    let skipped = if step.anywhere_below { names.len() } else { 1 };
    (0..skipped.min(names.len())).any(|at| is_named(step, names[at]) && may_lead_to(steps, &names[at + 1..]))
}

/// Whether each of the elements at a path is, or is within, something that is `covered`. What is within such a thing is noted:
/// each node is asked about once, however many elements are within it.
pub(crate) fn are_covered(
    document: &Document,
    path: &ElementPath,
    within: &mut HashSet<NodeId>,
    covered: impl Fn(NodeId) -> bool,
) -> bool {
    at(document, path).into_iter().all(|element| {
        let mut climbed = Vec::new();
        let mut at = Some(element);
        while let Some(node) = at.filter(|node| !within.contains(node) && !covered(*node)) {
            climbed.push(node);
            at = document.parent(node);
        }
        within.extend(at);
        within.extend(climbed);
        at.is_some()
    })
}

/// An envelope in that namespace, whose security header holds that: what a path leads to in it can be told before there is
/// a message. Also gives the header.
pub(crate) fn in_security(soap: &str, content: &[u8]) -> Result<(Document, NodeId), ReadError> {
    let mut writer = Writer::new();
    writer.start("s", soap, "Envelope");
    writer.start("s", soap, "Header");
    writer.start("o", WSSE, "Security");
    writer.text_with(|out| out.extend_from_slice(content));
    for _ in 0..3 {
        writer.end();
    }
    let document = Document::read(writer.into_bytes(), &OURS)?;
    let header = document.elements(document.root()).next();
    let security = header.and_then(|header| document.elements(header).next()).ok_or(ReadError::NotOneElement)?;
    Ok((document, security))
}

/// Whether a step names an element.
fn leads_to(document: &Document, step: &Step, node: NodeId) -> bool {
    is_named(step, document.name(node))
}

fn is_named(step: &Step, name: Name<'_>) -> bool {
    step.namespace.as_deref().is_none_or(|namespace| namespace == name.namespace)
        && step.local.as_deref().is_none_or(|local| local == name.local)
}

/// Adds every element below `from` that a step names, less what is below one of those that were `seen`: what is within
/// another is looked at once.
fn below(document: &Document, from: NodeId, step: &Step, seen: &mut HashSet<NodeId>, into: &mut Vec<NodeId>) {
    let mut open = vec![from];
    while let Some(node) = open.pop() {
        if !seen.insert(node) {
            continue;
        }
        // An element has one parent, and each parent is looked at once: so none is found twice.
        for child in document.elements(node) {
            if leads_to(document, step, child) {
                into.push(child);
            }
            open.push(child);
        }
    }
}
