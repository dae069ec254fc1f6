//! Canonical XML 1.0 ([C14N 1.0]) and Exclusive XML Canonicalization 1.0 ([Exc-C14N]) of one element and all it holds.

use std::ops::Range;

use crate::document::{AttributeSpan, Document, Kind, Node, NodeId, ORDERED, VERBATIM, some};
use crate::names::{NO_NAMESPACE, NO_PREFIX, NONE, Names, XML_NAMESPACE, XML_PREFIX};
use crate::text::{self, CANONICAL, CDATA, escape_attribute, escape_text, same};

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

/// The two canonical forms.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form<'a> {
    /// [C14N 1.0]: every namespace that is in scope, and at the apex the `xml:` attributes of the elements around it
    /// (section 2.4).
    Inclusive,
    /// [Exc-C14N]: the namespaces that are visibly used. The prefixes listed here are treated as in the inclusive form,
    /// `#default` being the default namespace: the `PrefixList` of `ec:InclusiveNamespaces` (section 3).
    Exclusive(&'a [&'a str]),
}

/// How an element is canonicalised.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Canonical<'a> {
    /// The form.
    pub form: Form<'a>,
    /// Whether comments are kept, as the algorithms named `WithComments` do. No message may ask for it.
    pub comments: bool,
    /// An element within that is left out with all it holds: the signature within what it signs
    /// ([XML Signature 1.1] section 6.6.4).
    pub without: Option<NodeId>,
    /// Whether the apex declares the default namespace in any case, as `xmlns=""` if it is none: what the STR-Transform
    /// adds to either form ([WSS 1.1] section 8.3).
    pub declares_default: bool,
}

impl<'a> Canonical<'a> {
    /// That form, and nothing out of the ordinary.
    pub const fn of(form: Form<'a>) -> Self {
        Self { form, comments: false, without: None, declares_default: false }
    }
}

/// The canonical form is longer than the caller let it be.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the canonical form has more than {0} octets")]
pub struct TooLong(pub usize);

/// Writes the exclusive canonical form of the element `apex` to `sink`, without comments ([Exc-C14N] section 3).
///
/// `inclusive_prefixes` is the `PrefixList` of [`Form::Exclusive`]. Of a text node, its canonical text is written; of a
/// comment, nothing. For what a peer wrote, [`canonicalise`] has a bound.
pub fn exclusive(document: &Document, apex: NodeId, inclusive_prefixes: &[&str], sink: &mut impl Sink) {
    // No document is as long.
    let _ = canonicalise(document, apex, &Canonical::of(Form::Exclusive(inclusive_prefixes)), usize::MAX, sink);
}

/// Writes a canonical form of the element `apex` to `sink`, and tells how many octets it has.
///
/// # Errors
///
/// [`TooLong`] as soon as it has more than `limit` octets and some thousand: either form may declare one long namespace
/// on each of many short elements, and so be thousands of times as long as the document.
pub fn canonicalise(
    document: &Document,
    apex: NodeId,
    how: &Canonical<'_>,
    limit: usize,
    sink: &mut impl Sink,
) -> Result<usize, TooLong> {
    let names = &document.tables.names;
    let mut rendered = vec![NONE; names.prefix_count()];
    if !how.declares_default {
        rendered[NO_PREFIX as usize] = NO_NAMESPACE;
    }
    let listed = match how.form {
        Form::Inclusive => &[],
        Form::Exclusive(prefixes) => prefixes,
    };
    let listed = listed.iter().filter_map(|&prefix| match prefix {
        "#default" => Some(NO_PREFIX),
        "" => None,
        other => names.find_prefix(other),
    });
    let mut listed: Vec<u32> = listed.collect();
    if how.declares_default && !listed.contains(&NO_PREFIX) {
        listed.push(NO_PREFIX);
    }
    let mut canonicaliser = Canonicaliser {
        document,
        names,
        out: Output {
            source: document.source.as_bytes(),
            run: 0..0,
            staged: Vec::with_capacity(STAGE + LONG),
            written: 0,
            sink,
        },
        needs_more: how.form == Form::Inclusive || !listed.is_empty(),
        is_inclusive: how.form == Form::Inclusive,
        comments: how.comments,
        listed,
        without: how.without.map_or(NO_NODE, |node| node.0),
        rendered,
        log: Vec::new(),
        needed: Vec::new(),
        order: Vec::new(),
    };
    let whole = canonicaliser.walk(apex, limit);
    let octets = canonicaliser.out.finish();
    if whole && octets <= limit { Ok(octets) } else { Err(TooLong(limit)) }
}

/// The number of no node, and no link to one either.
const NO_NODE: u32 = NONE - 1;

/// Octets that are gathered before a sink is called. Few, since an allocator is quickest with small pieces.
const STAGE: usize = 768;
/// A run of source octets of that length goes to the sink straight.
const LONG: usize = 256;

struct Canonicaliser<'a, S> {
    document: &'a Document,
    names: &'a Names,
    out: Output<'a, S>,
    /// Whether a start tag declares more than its names use.
    needs_more: bool,
    is_inclusive: bool,
    comments: bool,
    /// The prefixes that exclusive form treats as inclusive form does.
    listed: Vec<u32>,
    /// The node that is left out, or [`NO_NODE`].
    without: u32,
    /// By prefix: the namespace that the output binds it to here, or [`NONE`].
    rendered: Vec<u32>,
    /// What to undo at the end of each element: its node, the prefix, what that was bound to.
    log: Vec<(u32, u32, u32)>,
    /// Scratch: the declarations that a start tag needs, the order of its attributes.
    needed: Vec<(u32, u32)>,
    order: Vec<u32>,
}

impl<S: Sink> Canonicaliser<'_, S> {
    /// Writes `apex` and all it holds; false if it stopped because more than `limit` octets were written.
    fn walk(&mut self, apex: NodeId, limit: usize) -> bool {
        let mut at = apex;
        self.start(at, true);
        loop {
            let node = self.document.node(at);
            if let Some(child) = self.kept(node.child) {
                at = child;
                self.start(at, false);
                continue;
            }
            // Up, past every element that ends here, and on to the next sibling.
            loop {
                self.end(at);
                if at == apex {
                    return true;
                }
                let node = self.document.node(at);
                if let Some(next) = self.kept(node.next) {
                    at = next;
                    self.start(at, false);
                    break;
                }
                at = NodeId(node.parent);
            }
            if self.out.written > limit {
                return false;
            }
        }
    }

    /// That node, or the next one if it is left out.
    #[inline]
    fn kept(&self, id: u32) -> Option<NodeId> {
        if id == self.without { some(self.document.node(NodeId(id)).next) } else { some(id) }
    }

    #[inline]
    fn start(&mut self, at: NodeId, is_apex: bool) {
        let node = self.document.node(at);
        match node.kind {
            Kind::Comment => {
                if self.comments {
                    self.comment(node);
                }
            }
            Kind::Text => self.text(node),
            Kind::Element => {
                self.needed.clear();
                self.need(at, self.names.qname(node.name).prefix, node.namespace);
                for span in node.attributes(&self.document.tables) {
                    if span.namespace != NO_NAMESPACE {
                        self.need(at, self.names.qname(span.name).prefix, span.namespace);
                    }
                }
                if self.needs_more && self.need_more(at, is_apex) {
                    return;
                }
                if node.marks & VERBATIM != 0 && self.needed.is_empty() {
                    self.out.raw(node.start as usize..node.end as usize);
                } else {
                    self.tag(node, &[]);
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

    /// Notes the declarations that names do not show: in the inclusive form of every prefix, in the exclusive one of those
    /// listed, what is in scope at the apex and what changes below it. Tells whether the start tag is written with that.
    #[cold]
    fn need_more(&mut self, at: NodeId, is_apex: bool) -> bool {
        for index in 0..self.listed.len() {
            let prefix = self.listed[index];
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
        if !self.is_inclusive {
            return false;
        }
        if !is_apex {
            for declaration in self.document.node(at).declarations(&self.document.tables) {
                self.need(at, declaration.prefix, declaration.namespace);
            }
            return false;
        }
        for declaration in self.document.bindings(at) {
            self.need(at, declaration.prefix, declaration.namespace);
        }
        self.tag(self.document.node(at), &self.inherited(at));
        true
    }

    /// The attributes in the namespace of `xml:` that the elements around the apex have and it has not itself, the
    /// innermost of each name ([C14N 1.0] section 2.4).
    fn inherited(&self, apex: NodeId) -> Vec<AttributeSpan> {
        let mut found: Vec<AttributeSpan> = Vec::new();
        let mut next = Some(apex);
        while let Some(at) = next {
            for span in self.document.attribute_spans(at) {
                if span.namespace == XML_NAMESPACE && found.iter().all(|other| other.name != span.name) {
                    found.push(*span);
                }
            }
            next = self.document.parent(at);
        }
        let own = self.document.attribute_spans(apex);
        found.retain(|span| own.iter().all(|other| other.name != span.name));
        found
    }

    /// A start tag that is not written as the source writes it; `more` are attributes that it has besides its own.
    fn tag(&mut self, node: &Node, more: &[AttributeSpan]) {
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
        let own = node.attributes(&self.document.tables);
        let span = |at: u32| own.get(at as usize).unwrap_or_else(|| &more[at as usize - own.len()]);
        self.order.clear();
        self.order.extend(0..(own.len() + more.len()) as u32);
        if node.marks & ORDERED == 0 || !more.is_empty() {
            self.order.sort_by_key(|&at| {
                let span = span(at);
                (names.namespace(span.namespace), names.local(span.name))
            });
        }
        for &at in &self.order {
            let span = span(at);
            let raw = &self.document.source[span.start as usize..span.end as usize];
            attribute(names.qualified(span.name), raw, span.marks, out);
        }
        out.push(b'>');
    }

    /// A comment, its line ends normalised ([C14N 1.0] section 2.3).
    #[cold]
    fn comment(&mut self, node: &Node) {
        let raw = &self.document.source[node.start as usize..node.end as usize];
        let out = self.out.staged();
        for piece in ["<!--", &text::text(raw, CDATA), "-->"] {
            out.extend_from_slice(piece.as_bytes());
        }
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
    /// How many octets the sink has had.
    written: usize,
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
            && same(middle, name)
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
            self.send();
        }
        if run.len() >= LONG {
            self.written += run.len();
            self.sink.write(run);
        }
    }

    fn send(&mut self) {
        self.written += self.staged.len();
        self.sink.write(&self.staged);
        self.staged.clear();
    }

    /// Writes what is left, and tells how many octets there were.
    fn finish(mut self) -> usize {
        self.flush_run();
        if !self.staged.is_empty() {
            self.send();
        }
        self.written
    }
}
