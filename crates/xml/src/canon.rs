//! Exclusive XML Canonicalization 1.0 ([Exc-C14N]), without comments, of one element and all it holds.

use std::ops::Range;

use crate::document::{Document, Kind, Node, NodeId, ORDERED, VERBATIM, some};
use crate::names::{NO_NAMESPACE, NO_PREFIX, NONE, Names, XML_PREFIX};
use crate::text::{self, CANONICAL, escape_attribute, escape_text};

/// Where canonical octets go: a digest, a buffer.
pub trait Sink {
    /// Takes the next octets. They come in pieces of any size.
    fn write(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn write(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// A sink that calls a function with each piece.
pub struct Each<F>(pub F);

impl<F: FnMut(&[u8])> Sink for Each<F> {
    fn write(&mut self, bytes: &[u8]) {
        (self.0)(bytes);
    }
}

/// Writes the canonical form of the element `apex` to `sink` ([Exc-C14N] section 3).
///
/// `inclusive_prefixes` is the `PrefixList` of `ec:InclusiveNamespaces`: those prefixes are treated as in inclusive
/// canonicalisation, `#default` being the default namespace. Of a text node, its canonical text is written; of a comment,
/// nothing.
pub fn exclusive(document: &Document, apex: NodeId, inclusive_prefixes: &[&str], sink: &mut impl Sink) {
    let names = &document.tables.names;
    let mut rendered = vec![NONE; names.prefix_count()];
    rendered[NO_PREFIX as usize] = NO_NAMESPACE;
    let inclusive = inclusive_prefixes.iter().filter_map(|&prefix| match prefix {
        "#default" => Some(NO_PREFIX),
        "" => None,
        other => names.find_prefix(other),
    });
    let mut canonicaliser = Canonicaliser {
        document,
        names,
        out: Output { source: document.source.as_bytes(), run: 0..0, staged: Vec::with_capacity(STAGE), sink },
        inclusive: inclusive.collect(),
        rendered,
        log: Vec::new(),
        needed: Vec::new(),
        order: Vec::new(),
    };
    canonicaliser.walk(apex);
    canonicaliser.out.finish();
}

/// Octets that are gathered before a sink is called.
const STAGE: usize = 4096;
/// A run of source octets of that length goes to the sink straight.
const LONG: usize = 1024;

struct Canonicaliser<'a, S> {
    document: &'a Document,
    names: &'a Names,
    out: Output<'a, S>,
    inclusive: Vec<u32>,
    /// By prefix: the namespace that the output binds it to here, or [`NONE`].
    rendered: Vec<u32>,
    /// What to undo at the end of each element: its node, the prefix, what that was bound to.
    log: Vec<(u32, u32, u32)>,
    /// Scratch: the declarations that a start tag needs, the order of its attributes.
    needed: Vec<(u32, u32)>,
    order: Vec<u32>,
}

impl<S: Sink> Canonicaliser<'_, S> {
    fn walk(&mut self, apex: NodeId) {
        let mut at = apex;
        self.start(at, true);
        loop {
            let node = self.document.node(at);
            if let Some(child) = some(node.child) {
                at = child;
                self.start(at, false);
                continue;
            }
            // Up, past every element that ends here, and on to the next sibling.
            loop {
                self.end(at);
                if at == apex {
                    return;
                }
                let node = self.document.node(at);
                if let Some(next) = some(node.next) {
                    at = next;
                    self.start(at, false);
                    break;
                }
                at = NodeId(node.parent);
            }
        }
    }

    #[inline]
    fn start(&mut self, at: NodeId, is_apex: bool) {
        let node = self.document.node(at);
        match node.kind {
            Kind::Comment => {}
            Kind::Text => self.text(node),
            Kind::Element => {
                self.needed.clear();
                self.need(at, self.names.qname(node.name).prefix, node.namespace);
                for span in node.attributes(&self.document.tables) {
                    if span.namespace != NO_NAMESPACE {
                        self.need(at, self.names.qname(span.name).prefix, span.namespace);
                    }
                }
                if !self.inclusive.is_empty() {
                    self.need_inclusive(at, is_apex);
                }
                if node.marks & VERBATIM != 0 && self.needed.is_empty() {
                    self.out.raw(node.start as usize..node.end as usize);
                } else {
                    self.tag(node);
                }
            }
        }
    }

    /// Notes a declaration that the start tag must have because the output does not bind the prefix so.
    #[inline]
    fn need(&mut self, at: NodeId, prefix: u32, namespace: u32) {
        let bound = &mut self.rendered[prefix as usize];
        if *bound != namespace && prefix != XML_PREFIX {
            self.log.push((at.0, prefix, *bound));
            *bound = namespace;
            self.needed.push((prefix, namespace));
        }
    }

    /// The prefixes of the list: what is in scope at the apex, and what changes below it.
    #[cold]
    fn need_inclusive(&mut self, at: NodeId, is_apex: bool) {
        for index in 0..self.inclusive.len() {
            let prefix = self.inclusive[index];
            let declarations = self.document.node(at).declarations(&self.document.tables);
            let declared = declarations.iter().find(|declaration| declaration.prefix == prefix);
            let namespace = match declared {
                Some(declaration) => declaration.namespace,
                None if is_apex => self.document.lookup(at, prefix),
                None => NONE,
            };
            if namespace != NONE {
                self.need(at, prefix, namespace);
            }
        }
    }

    /// A start tag that is not written as the source writes it.
    fn tag(&mut self, node: &Node) {
        let names = self.names;
        let out = self.out.staged();
        out.push(b'<');
        out.extend_from_slice(names.qualified(node.name).as_bytes());
        if self.needed.len() > 1 {
            self.needed.sort_unstable_by_key(|&(prefix, _)| names.prefix(prefix));
        }
        for &(prefix, namespace) in &self.needed {
            declare(names.prefix(prefix), names.namespace(namespace), out);
        }
        let spans = node.attributes(&self.document.tables);
        self.order.clear();
        self.order.extend(0..spans.len() as u32);
        if node.marks & ORDERED == 0 {
            self.order.sort_by_key(|&at| {
                let span = &spans[at as usize];
                (names.namespace(span.namespace), names.local(span.name))
            });
        }
        for &at in &self.order {
            let span = &spans[at as usize];
            let raw = &self.document.source[span.start as usize..span.end as usize];
            attribute(names.qualified(span.name), raw, span.marks, out);
        }
        out.push(b'>');
    }

    #[inline]
    fn text(&mut self, node: &Node) {
        let span = node.start as usize..node.end as usize;
        if node.marks & CANONICAL != 0 {
            self.out.raw(span);
        } else {
            let raw = &self.document.source[span];
            escape_text(&text::text(raw, node.marks), self.out.staged());
        }
    }

    #[inline]
    fn end(&mut self, at: NodeId) {
        let node = self.document.node(at);
        if node.kind != Kind::Element {
            return;
        }
        self.out.end_tag(self.names.qualified(node.name).as_bytes());
        while let Some(&(owner, prefix, before)) = self.log.last() {
            if owner != at.0 {
                break;
            }
            self.rendered[prefix as usize] = before;
            self.log.pop();
        }
    }
}

/// Appends a namespace declaration.
pub(crate) fn declare(prefix: &str, namespace: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b" xmlns");
    if !prefix.is_empty() {
        out.push(b':');
        out.extend_from_slice(prefix.as_bytes());
    }
    out.extend_from_slice(b"=\"");
    escape_attribute(namespace, out);
    out.push(b'"');
}

/// Appends an attribute whose value is written `raw` in a source.
pub(crate) fn attribute(qualified: &str, raw: &str, marks: u8, out: &mut Vec<u8>) {
    out.push(b' ');
    out.extend_from_slice(qualified.as_bytes());
    out.extend_from_slice(b"=\"");
    if marks & CANONICAL != 0 {
        out.extend_from_slice(raw.as_bytes());
    } else {
        escape_attribute(&text::attribute(raw, marks), out);
    }
    out.push(b'"');
}

/// Gathers output, and makes one copy of source octets that follow each other.
struct Output<'a, S> {
    source: &'a [u8],
    /// Source octets that are still to be written.
    run: Range<usize>,
    /// What comes before them.
    staged: Vec<u8>,
    sink: &'a mut S,
}

impl<S: Sink> Output<'_, S> {
    /// Writes that span of the source.
    #[inline]
    fn raw(&mut self, span: Range<usize>) {
        if self.run.end == span.start {
            self.run.end = span.end;
        } else {
            self.flush_run();
            self.run = span;
        }
    }

    /// Writes an end tag, as part of the run if the source has the very octets there.
    #[inline]
    fn end_tag(&mut self, name: &[u8]) {
        let end = self.run.end + name.len() + 3;
        if let Some([b'<', b'/', middle @ .., b'>']) = self.source.get(self.run.end..end)
            && middle == name
            && !self.run.is_empty()
        {
            self.run.end = end;
            return;
        }
        let out = self.staged();
        out.extend_from_slice(b"</");
        out.extend_from_slice(name);
        out.push(b'>');
    }

    /// The buffer to append to, all before it being written.
    #[inline]
    fn staged(&mut self) -> &mut Vec<u8> {
        self.flush_run();
        &mut self.staged
    }

    fn flush_run(&mut self) {
        let run = &self.source[std::mem::take(&mut self.run)];
        if run.len() < LONG {
            self.staged.extend_from_slice(run);
        }
        if self.staged.len() >= STAGE || run.len() >= LONG {
            self.sink.write(&self.staged);
            self.staged.clear();
        }
        if run.len() >= LONG {
            self.sink.write(run);
        }
    }

    fn finish(mut self) {
        self.flush_run();
        if !self.staged.is_empty() {
            self.sink.write(&self.staged);
        }
    }
}
