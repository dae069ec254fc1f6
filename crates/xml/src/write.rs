//! Writing messages in exclusive canonical form, so that signing needs no second pass.

use std::ops::Range;

use crate::canon::{Sink, declare};
use crate::gaps::{Bindings, EMPTY, Gap, NONE, Seen, XML};
use crate::text::{escape_attribute, escape_text};

/// Writes a message whose octets are canonical ([Exc-C14N]) as they are written.
///
/// A namespace is declared where it is first used visibly, attributes and declarations come in canonical order, text is
/// escaped as canonical form escapes it. What a message needs beyond that — declarations for names in content, comments,
/// declarations that a nested [apex](Writer::apex) repeats — is written and noted as a gap, which
/// [`Writer::canonical`] leaves out.
///
/// The caller nests [`start`](Writer::start) and [`end`](Writer::end), and writes XML characters and names only.
pub struct Writer {
    pub(crate) out: Vec<u8>,
    pub(crate) bindings: Bindings,
    open: Vec<Frame>,
    pending: Pending,
    pub(crate) next_is_apex: bool,
    /// Namespaces whose declarations copies keep only where a name uses them visibly.
    pub(crate) omitted: Vec<String>,
    /// Whether copies leave comments out.
    pub(crate) omits_comments: bool,
    /// Scratch: the declarations of one start tag.
    tag: Vec<Item>,
}

/// An element that is open.
struct Frame {
    /// Its name as written in the output.
    name: Range<usize>,
    /// What to release the bindings to.
    mark: usize,
    is_apex: bool,
}

/// A start tag that may still be given attributes. The buffers serve one tag after the other.
#[derive(Default)]
struct Pending {
    is_some: bool,
    /// The texts of the local names and values below.
    text: String,
    prefix: u32,
    namespace: u32,
    local: Range<usize>,
    attributes: Vec<PendingAttribute>,
    uses: Vec<(u32, u32)>,
    extra: Vec<(u32, u32)>,
}

#[derive(Clone)]
struct PendingAttribute {
    prefix: u32,
    namespace: u32,
    local: Range<usize>,
    value: Range<usize>,
}

/// A declaration of the tag that is being written.
struct Item {
    prefix: u32,
    namespace: u32,
    seen: Seen,
    used: bool,
    /// Whether it is there in writing: a default namespace that is none already needs no word.
    written: bool,
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

impl Writer {
    /// A writer of nothing yet. What starts at position zero is an apex.
    pub fn new() -> Self {
        Self::with_capacity(4096)
    }

    /// A writer of nothing yet, with room for so many octets.
    pub fn with_capacity(octets: usize) -> Self {
        Self {
            out: Vec::with_capacity(octets),
            bindings: Bindings::new(),
            open: Vec::with_capacity(16),
            pending: Pending::default(),
            next_is_apex: false,
            omitted: Vec::new(),
            omits_comments: false,
            tag: Vec::new(),
        }
    }

    /// Makes the element that is started or copied next an apex of canonicalisation: it declares, or one of those within
    /// it, every namespace it uses visibly, whatever is in scope. [`Writer::canonical`] may then be asked for it.
    pub fn apex(&mut self) {
        self.close_tag();
        self.next_is_apex = true;
    }

    /// Starts an element. An empty `namespace` is none, and then so is the prefix.
    pub fn start(&mut self, prefix: &str, namespace: &str, local: &str) {
        self.close_tag();
        let prefix = if namespace.is_empty() { "" } else { prefix };
        let pending = &mut self.pending;
        pending.is_some = true;
        pending.text.clear();
        pending.attributes.clear();
        pending.extra.clear();
        // Mostly those of the tag before.
        if self.bindings.prefixes.get(pending.prefix) != prefix {
            pending.prefix = self.bindings.prefixes.intern(prefix);
        }
        if self.bindings.namespaces.get(pending.namespace) != namespace {
            pending.namespace = self.bindings.namespaces.intern(namespace);
        }
        pending.local = append(&mut pending.text, local);
    }

    /// Gives the started element an unqualified attribute. Each name is given once.
    pub fn attribute(&mut self, local: &str, value: &str) {
        self.push_attribute(EMPTY, EMPTY, local, value);
    }

    /// Gives the started element a qualified attribute. Where its prefix is bound to another namespace on this very tag,
    /// the attribute is given a prefix made from it.
    pub fn attribute_ns(&mut self, prefix: &str, namespace: &str, local: &str, value: &str) {
        if namespace.is_empty() {
            return self.attribute(local, value);
        }
        let namespace = self.bindings.namespaces.intern(namespace);
        let prefix = if prefix.is_empty() { "ns" } else { prefix };
        let mut prefix_id = self.bindings.prefixes.intern(prefix);
        let mut number = 0;
        while self.pending.binds_otherwise(prefix_id, namespace) {
            number += 1;
            prefix_id = self.bindings.prefixes.intern(&format!("{prefix}{number}"));
        }
        self.push_attribute(prefix_id, namespace, local, value);
    }

    /// Declares a prefix on the started element although no name uses it there: for names in content. Canonical form
    /// leaves it out. A prefix that the tag uses visibly for another namespace stays with that one.
    pub fn declare(&mut self, prefix: &str, namespace: &str) {
        let pair = (self.bindings.prefixes.intern(prefix), self.bindings.namespaces.intern(namespace));
        // To declare a prefix away is not in the power of XML 1.0.
        if self.pending.is_some && (pair.0 == EMPTY || pair.1 != EMPTY) {
            self.pending.extra.push(pair);
        }
    }

    /// Writes text.
    pub fn text(&mut self, text: &str) {
        self.close_tag();
        escape_text(text, &mut self.out);
    }

    /// Writes text that `fill` appends. It must be canonical already, as base64 is.
    pub fn text_with(&mut self, fill: impl FnOnce(&mut Vec<u8>)) {
        self.close_tag();
        fill(&mut self.out);
    }

    /// Ends the innermost open element.
    pub fn end(&mut self) {
        self.close_tag();
        let Some(frame) = self.open.pop() else { return };
        self.out.extend_from_slice(b"</");
        self.out.extend_from_within(frame.name);
        self.out.push(b'>');
        self.bindings.close(frame.mark, self.out.len());
        if frame.is_apex {
            self.bindings.close_apex();
        }
    }

    /// How many octets are written, the started tag closed first: where the next element or text begins.
    pub fn position(&mut self) -> usize {
        self.close_tag();
        self.out.len()
    }

    /// The octets so far, without a start tag that is still open to attributes.
    pub fn bytes(&self) -> &[u8] {
        &self.out
    }

    /// The octets.
    pub fn into_bytes(mut self) -> Vec<u8> {
        self.close_tag();
        self.out
    }

    /// The canonical form of the element that was written there as an apex, from its [`position`](Writer::position) to
    /// that behind its end: the octets less the gaps.
    pub fn canonical(&self, range: Range<usize>, sink: &mut impl Sink) {
        let mut done = range.start.min(self.out.len());
        let end = range.end.clamp(done, self.out.len());
        let gaps = &self.bindings.gaps;
        let first = gaps.partition_point(|gap| gap.span.start < done);
        for gap in gaps[first..].iter().take_while(|gap| gap.span.start < end) {
            if !gap.span.is_empty() && !gap.seen.by(range.start) {
                sink.write(&self.out[done..gap.span.start]);
                done = gap.span.end;
            }
        }
        sink.write(&self.out[done..end]);
    }

    /// Takes the wish for an apex: opens one here, and tells whether it must be closed.
    pub(crate) fn take_apex(&mut self) -> bool {
        std::mem::take(&mut self.next_is_apex) && self.bindings.open_apex(self.out.len())
    }

    /// Writes the started tag.
    pub(crate) fn close_tag(&mut self) {
        if !self.pending.is_some {
            return;
        }
        let is_apex = self.take_apex();
        let mark = self.bindings.mark();
        let mut pending = std::mem::take(&mut self.pending);
        pending.is_some = false;
        let start = self.out.len();
        self.out.push(b'<');
        let (prefixes, namespaces) = (&self.bindings.prefixes, &self.bindings.namespaces);
        push_name(prefixes.get(pending.prefix), &pending.text[pending.local.clone()], &mut self.out);
        let name = start + 1..self.out.len();
        let key = |attribute: &PendingAttribute| {
            (namespaces.get(attribute.namespace), &pending.text[attribute.local.clone()])
        };
        if pending.attributes.len() > 1 {
            pending.attributes.sort_by(|a, b| key(a).cmp(&key(b)));
        }
        pending.uses.clear();
        pending.uses.push((pending.prefix, pending.namespace));
        let qualified = pending.attributes.iter().filter(|attribute| attribute.prefix != EMPTY);
        pending.uses.extend(qualified.map(|attribute| (attribute.prefix, attribute.namespace)));
        self.declare_all(start, &pending.uses, &pending.extra);
        for attribute in &pending.attributes {
            self.out.push(b' ');
            let prefix = self.bindings.prefixes.get(attribute.prefix);
            push_name(prefix, &pending.text[attribute.local.clone()], &mut self.out);
            self.out.extend_from_slice(b"=\"");
            escape_attribute(&pending.text[attribute.value.clone()], &mut self.out);
            self.out.push(b'"');
        }
        self.out.push(b'>');
        self.open.push(Frame { name, mark, is_apex });
        self.pending = pending;
    }

    /// Writes the declarations of the tag that starts at `element`: what it uses visibly, and what else is wanted.
    pub(crate) fn declare_all(&mut self, element: usize, uses: &[(u32, u32)], extra: &[(u32, u32)]) {
        let bindings = &self.bindings;
        let mut tag = std::mem::take(&mut self.tag);
        tag.clear();
        for &(prefix, namespace) in uses {
            if tag.iter().any(|item| item.prefix == prefix) {
                continue;
            }
            if let Some(seen) = bindings.decide(prefix, namespace) {
                tag.push(Item { prefix, namespace, seen, used: true, written: true });
            } else if prefix == EMPTY && bindings.is_bare() {
                tag.push(Item { prefix, namespace, seen: Seen::NEVER, used: true, written: false });
            }
        }
        for &(prefix, namespace) in extra {
            let is_used = uses.iter().any(|&(other, _)| other == prefix);
            if is_used || prefix == XML || tag.iter().any(|item| item.prefix == prefix) {
                continue;
            }
            let written = bindings.written(prefix) != namespace;
            if written || (prefix == EMPTY && bindings.is_bare()) {
                tag.push(Item { prefix, namespace, seen: Seen::NEVER, used: false, written });
            }
        }
        if tag.len() > 1 {
            tag.sort_unstable_by_key(|item| bindings.prefixes.get(item.prefix));
        }
        for &Item { prefix, namespace, seen, used, written } in &tag {
            let start = self.out.len();
            if written {
                declare(self.bindings.prefixes.get(prefix), self.bindings.namespaces.get(namespace), &mut self.out);
            }
            let span = start..self.out.len();
            self.bindings.bind(Gap { span, seen, prefix, namespace, element: element..element, used });
        }
        self.tag = tag;
    }

    /// Notes a comment, from `start` to here.
    pub(crate) fn note_comment(&mut self, start: usize) {
        let span = start..self.out.len();
        let gap = Gap { element: span.clone(), span, seen: Seen::NEVER, prefix: NONE, namespace: NONE, used: false };
        self.bindings.gaps.push(gap);
    }

    fn push_attribute(&mut self, prefix: u32, namespace: u32, local: &str, value: &str) {
        let pending = &mut self.pending;
        if pending.is_some {
            let local = append(&mut pending.text, local);
            let value = append(&mut pending.text, value);
            pending.attributes.push(PendingAttribute { prefix, namespace, local, value });
        }
    }
}

impl Pending {
    /// Whether a name of the tag has that prefix for another namespace.
    fn binds_otherwise(&self, prefix: u32, namespace: u32) -> bool {
        let names = self.attributes.iter().map(|attribute| (attribute.prefix, attribute.namespace));
        names.chain([(self.prefix, self.namespace)]).any(|(other, bound)| other == prefix && bound != namespace)
    }
}

fn append(text: &mut String, more: &str) -> Range<usize> {
    let start = text.len();
    text.push_str(more);
    start..text.len()
}

fn push_name(prefix: &str, local: &str, out: &mut Vec<u8>) {
    if !prefix.is_empty() {
        out.extend_from_slice(prefix.as_bytes());
        out.push(b':');
    }
    out.extend_from_slice(local.as_bytes());
}
