//! Copying into a message: nodes of a document, and what another writer wrote.

use std::ops::Range;

use crate::Writer;
use crate::canon::attribute;
use crate::document::{AttributeSpan, Document, Fragment, Kind, Node, NodeId, ORDERED, VERBATIM, some};
use crate::gaps::{EMPTY, Gap, NONE};
use crate::names::{NO_NAMESPACE, NO_PREFIX};
use crate::text::{self, CANONICAL, escape_attribute, escape_text, same};

impl Writer {
    /// Copies an element with all it holds, a text or a comment, in canonical form.
    ///
    /// Comments are kept as gaps, and so are the declarations that the source has in scope and no name uses visibly: names
    /// in content keep their meaning.
    pub fn copy(&mut self, document: &Document, node: NodeId) {
        self.close_tag();
        Copier::new(self, document).copy(node, None);
    }

    /// Copies the children of an element, as [`Writer::copy`] does each.
    pub fn copy_children(&mut self, document: &Document, parent: NodeId) {
        self.close_tag();
        let mut copier = Copier::new(self, document);
        for child in document.children(parent) {
            copier.copy(child, None);
        }
    }

    /// Copies an element, as [`Writer::copy`] or [`Writer::copy_with`] does, with other elements in the place of some, or
    /// of their content. The mirror of [`Document::graft`].
    pub fn copy_but(
        &mut self,
        document: &Document,
        node: NodeId,
        set: Option<&Set<'_>>,
        substitute: &mut dyn Substitute,
    ) {
        self.close_tag();
        let mut copier = Copier::new(self, document);
        copier.substitute = Some(substitute);
        copier.copy(node, set);
    }

    /// From now on, copies drop declarations of these namespaces where no name uses them visibly: the caller knows that no
    /// name in content is of them.
    pub fn omit(&mut self, namespaces: &[&str]) {
        self.omitted.extend(namespaces.iter().map(|namespace| (*namespace).to_owned()));
    }

    /// From now on, copies leave comments out. No canonical form has them, so no signature covers them, and a reader that
    /// takes the text on both sides of one for two texts is misled.
    pub fn omit_comments(&mut self) {
        self.omits_comments = true;
    }

    /// Copies an element with one attribute set: it replaces the attribute of that name if the element has it.
    ///
    /// Where the element's scope binds the prefix to another namespace, the attribute is given a prefix made from it. An
    /// empty `namespace` sets an unqualified attribute. A node that is no element is just copied.
    pub fn copy_with(&mut self, document: &Document, node: NodeId, set: &Set<'_>) {
        self.close_tag();
        Copier::new(self, document).copy(node, Some(set));
    }

    /// Embeds what another writer wrote as an apex at `range`, with its gaps. It stays an apex here.
    ///
    /// A declaration of it that is in force here is none of the canonical form of the elements around it.
    pub fn piece(&mut self, other: &Writer, range: Range<usize>) {
        self.close_tag();
        self.next_is_apex = false;
        let range = range.start.min(other.out.len())..range.end.min(other.out.len());
        let base = self.out.len();
        let shift = |at: usize| at.saturating_sub(range.start) + base;
        let first = other.bindings.gaps.partition_point(|gap| gap.span.start < range.start);
        let theirs = other.bindings.gaps[first..].iter().take_while(|gap| gap.span.start < range.end);
        let mark = self.bindings.mark();
        let own = self.bindings.gaps.len();
        // Where their elements end that our bindings stand on, and where `xmlns=""` must be put in.
        let mut ends = Vec::new();
        let mut insertions = Vec::new();
        for gap in theirs {
            while ends.pop_if(|end| *end <= gap.element.start).is_some() {
                self.bindings.release(mark + ends.len());
            }
            let span = shift(gap.span.start)..shift(gap.span.end);
            let element = shift(gap.element.start)..shift(gap.element.end);
            let mut seen = gap.seen.moved(range.start, base);
            if gap.prefix == NONE {
                self.bindings.gaps.push(Gap { span, seen, element, ..*gap });
                continue;
            }
            let prefix = self.bindings.prefixes.intern(other.bindings.prefixes.get(gap.prefix));
            let namespace = self.bindings.namespaces.intern(other.bindings.namespaces.get(gap.namespace));
            if let Some(outer) = self.bindings.decide(prefix, namespace) {
                if gap.used {
                    seen = seen.and_outer(outer, base);
                }
                if span.is_empty() {
                    insertions.push(span.start);
                }
            }
            self.bindings.bind(Gap { span, seen, prefix, namespace, element, used: gap.used });
            ends.push(gap.element.end);
        }
        self.bindings.release(mark);
        let mut done = range.start;
        for &at in &insertions {
            let at = at - base + range.start;
            self.out.extend_from_slice(&other.out[done..at]);
            self.out.extend_from_slice(NO_DEFAULT);
            done = at;
        }
        self.out.extend_from_slice(&other.out[done..range.end]);
        if !insertions.is_empty() {
            self.bindings.make_room(own, base, &insertions, NO_DEFAULT.len());
        }
    }
}

impl Document {
    /// The octets of an element, or of its content: whatever scope they are grafted into ([`Document::graft`]), every name
    /// of them means what it means here.
    pub fn fragment(&self, node: NodeId, form: Fragment) -> Vec<u8> {
        let mut writer = Writer::new();
        // With a default namespace around it, what is in none says so.
        writer.start("", "around", "around");
        let start = writer.position();
        match form {
            Fragment::Element => writer.copy(self, node),
            Fragment::Content => writer.copy_children(self, node),
        }
        let mut octets = writer.into_bytes();
        octets.drain(..start);
        octets
    }
}

/// What is written in the place of elements that are copied ([`Writer::copy_but`]).
pub trait Substitute {
    /// Whether something else is written for an element, or for its content.
    fn stands_for(&self, node: NodeId) -> Option<Fragment>;
    /// Writes what that is: one element.
    fn write(&mut self, writer: &mut Writer, node: NodeId, form: Fragment);
}

/// The declaration of no default namespace.
const NO_DEFAULT: &[u8] = b" xmlns=\"\"";

/// An attribute to be set on an element that is copied.
#[derive(Clone, Copy)]
pub struct Set<'a> {
    /// The prefix, as far as it is free.
    pub prefix: &'a str,
    /// The namespace; empty for none.
    pub namespace: &'a str,
    /// The local name.
    pub local: &'a str,
    /// The value.
    pub value: &'a str,
}

impl Set<'_> {
    fn replaces(&self, document: &Document, span: &AttributeSpan) -> bool {
        let names = &document.tables.names;
        names.local(span.name) == self.local && names.namespace(span.namespace) == self.namespace
    }
}

/// That prefix, or one made from it, that binds to `namespace` without hiding what the scope of `node` binds.
fn free_prefix(document: &Document, node: NodeId, prefix: &str, namespace: &str) -> String {
    let mut free = prefix.to_owned();
    let mut number = 0;
    while document.lookup_prefix(node, &free).is_some_and(|bound| bound != namespace) {
        number += 1;
        free = format!("{prefix}{number}");
    }
    free
}

/// What is copied after the start of a node.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Next {
    /// Its children.
    Children,
    /// Its end: something else was written for its children.
    End,
    /// What comes after it: something else was written for all of it.
    Sibling,
}

/// Copies nodes of one document.
struct Copier<'a> {
    writer: &'a mut Writer,
    document: &'a Document,
    /// By their ids in the document: the writer's ids of prefixes and namespaces met so far, or [`NONE`].
    prefixes: Vec<u32>,
    namespaces: Vec<u32>,
    /// By their ids in the document: whether declarations of the namespace are dropped. Empty where none is.
    omitted: Vec<bool>,
    /// Source octets that are still to be written.
    run: Range<usize>,
    /// The open elements that declare something, and what to release the bindings to.
    declaring: Vec<(NodeId, usize)>,
    substitute: Option<&'a mut dyn Substitute>,
    uses: Vec<(u32, u32)>,
    extra: Vec<(u32, u32)>,
}

impl<'a> Copier<'a> {
    fn new(writer: &'a mut Writer, document: &'a Document) -> Self {
        let names = &document.tables.names;
        let omitted = if writer.omitted.is_empty() {
            Vec::new()
        } else {
            let ids = 0..names.namespace_count() as u32;
            ids.map(|id| writer.omitted.iter().any(|omitted| omitted == names.namespace(id))).collect()
        };
        Self {
            omitted,
            writer,
            document,
            prefixes: vec![NONE; names.prefix_count()],
            namespaces: vec![NONE; names.namespace_count()],
            run: 0..0,
            declaring: Vec::new(),
            substitute: None,
            uses: Vec::new(),
            extra: Vec::new(),
        }
    }

    fn copy(&mut self, top: NodeId, set: Option<&Set<'_>>) {
        let prefix = set.map(|set| match (set.prefix, set.namespace) {
            (_, "") => String::new(),
            ("", namespace) => free_prefix(self.document, top, "ns", namespace),
            (prefix, namespace) => free_prefix(self.document, top, prefix, namespace),
        });
        let set = set.zip(prefix.as_deref()).map(|(set, prefix)| Set { prefix, ..*set });
        let set = set.as_ref();
        let is_apex = self.document.kind(top) == Kind::Element && self.writer.take_apex();
        let (mut at, mut next) = (top, self.enter(top, true, set));
        'walk: loop {
            if next == Next::Children
                && let Some(child) = some(self.document.node(at).child)
            {
                at = child;
                next = self.enter(at, false, None);
                continue;
            }
            loop {
                if next != Next::Sibling {
                    self.end(at);
                }
                if at == top {
                    break 'walk;
                }
                let node = self.document.node(at);
                if let Some(sibling) = some(node.next) {
                    at = sibling;
                    next = self.enter(at, false, None);
                    break;
                }
                at = NodeId(node.parent);
                next = Next::End;
            }
        }
        self.flush();
        if is_apex {
            self.writer.bindings.close_apex();
        }
    }

    /// Starts a node, or writes what stands for it.
    #[inline]
    fn enter(&mut self, at: NodeId, is_top: bool, set: Option<&Set<'_>>) -> Next {
        if self.substitute.is_some() {
            return self.enter_or_substitute(at, is_top, set);
        }
        self.start(at, is_top, set);
        Next::Children
    }

    fn enter_or_substitute(&mut self, at: NodeId, is_top: bool, set: Option<&Set<'_>>) -> Next {
        let form = self.substitute.as_ref().and_then(|substitute| substitute.stands_for(at));
        if form != Some(Fragment::Element) {
            self.start(at, is_top, set);
        }
        let (Some(form), Some(substitute)) = (form, &mut self.substitute) else { return Next::Children };
        let run = std::mem::take(&mut self.run);
        self.writer.out.extend_from_slice(&self.document.source.as_bytes()[run]);
        substitute.write(self.writer, at, form);
        self.writer.close_tag();
        if form == Fragment::Element { Next::Sibling } else { Next::End }
    }

    #[inline]
    fn start(&mut self, at: NodeId, is_top: bool, set: Option<&Set<'_>>) {
        let node = self.document.node(at);
        match node.kind {
            Kind::Element => self.element(at, node, is_top, set),
            Kind::Text if node.marks & CANONICAL != 0 => self.raw(node),
            Kind::Text => {
                self.flush();
                let raw = &self.document.source[node.start as usize..node.end as usize];
                escape_text(&text::text(raw, node.marks), &mut self.writer.out);
            }
            Kind::Comment if self.writer.omits_comments => self.flush(),
            Kind::Comment => {
                self.flush();
                let start = self.writer.out.len();
                let comment = &self.document.source[node.start as usize..node.end as usize];
                for piece in ["<!--", comment, "-->"] {
                    self.writer.out.extend_from_slice(piece.as_bytes());
                }
                self.writer.note_comment(start);
            }
        }
    }

    fn element(&mut self, at: NodeId, node: &Node, is_top: bool, set: Option<&Set<'_>>) {
        let tables = &self.document.tables;
        self.uses.clear();
        self.extra.clear();
        self.use_pair(tables.names.qname(node.name).prefix, node.namespace);
        for span in node.attributes(tables) {
            // An attribute that is replaced uses no prefix any more.
            if span.namespace != NO_NAMESPACE && !set.is_some_and(|set| set.replaces(self.document, span)) {
                self.use_pair(tables.names.qname(span.name).prefix, span.namespace);
            }
        }
        if let Some(set) = set
            && !set.namespace.is_empty()
        {
            let bindings = &mut self.writer.bindings;
            self.uses.push((bindings.prefixes.intern(set.prefix), bindings.namespaces.intern(set.namespace)));
        }
        if is_top {
            let bindings = self.document.bindings(at);
            if bindings.iter().all(|declaration| declaration.prefix != NO_PREFIX) {
                self.extra.push((EMPTY, EMPTY));
            }
            for declaration in &bindings {
                self.wish(declaration.prefix, declaration.namespace);
            }
        } else {
            for declaration in node.declarations(tables) {
                self.wish(declaration.prefix, declaration.namespace);
            }
        }
        let bindings = &self.writer.bindings;
        let bound = self.uses.iter().all(|&(prefix, namespace)| bindings.decide(prefix, namespace).is_none())
            && self.extra.iter().all(|&(prefix, namespace)| bindings.written(prefix) == namespace)
            && !(bindings.is_bare() && self.uses.iter().chain(&self.extra).any(|&(prefix, _)| prefix == EMPTY));
        if bound && set.is_none() && node.marks & VERBATIM != 0 {
            self.raw(node);
            return;
        }
        self.flush();
        let (start, mark) = (self.writer.out.len(), self.writer.bindings.mark());
        self.writer.out.push(b'<');
        self.writer.out.extend_from_slice(tables.names.qualified(node.name).as_bytes());
        if !bound {
            self.writer.declare_all(start, &self.uses, &self.extra);
            if self.writer.bindings.mark() > mark {
                self.declaring.push((at, mark));
            }
        }
        self.attributes(node, set);
        self.writer.out.push(b'>');
    }

    fn attributes(&mut self, node: &Node, set: Option<&Set<'_>>) {
        let (names, out) = (&self.document.tables.names, &mut self.writer.out);
        let spans = node.attributes(&self.document.tables);
        let raw = |span: &AttributeSpan| &self.document.source[span.start as usize..span.end as usize];
        if node.marks & ORDERED != 0 && set.is_none() {
            for span in spans {
                attribute(names.qualified(span.name), raw(span), span.marks, out);
            }
            return;
        }
        let mut order: Vec<_> =
            spans.iter().map(|span| (names.namespace(span.namespace), names.local(span.name), Some(span))).collect();
        if let Some(set) = set {
            order.retain(|&(namespace, local, _)| (namespace, local) != (set.namespace, set.local));
            order.push((set.namespace, set.local, None));
        }
        order.sort_by_key(|&(namespace, local, _)| (namespace, local));
        for (_, _, span) in order {
            match (span, set) {
                (Some(span), _) => attribute(names.qualified(span.name), raw(span), span.marks, out),
                (None, Some(set)) => {
                    out.push(b' ');
                    if !set.prefix.is_empty() {
                        out.extend_from_slice(set.prefix.as_bytes());
                        out.push(b':');
                    }
                    out.extend_from_slice(set.local.as_bytes());
                    out.extend_from_slice(b"=\"");
                    escape_attribute(set.value, out);
                    out.push(b'"');
                }
                (None, None) => {}
            }
        }
    }

    #[inline]
    fn end(&mut self, at: NodeId) {
        let node = self.document.node(at);
        if node.kind != Kind::Element {
            return;
        }
        let name = self.document.tables.names.qualified(node.name).as_bytes();
        let end = self.run.end + name.len() + 3;
        if let Some([b'<', b'/', middle @ .., b'>']) = self.document.source.as_bytes().get(self.run.end..end)
            && same(middle, name)
            && !self.run.is_empty()
        {
            self.run.end = end;
        } else {
            self.flush();
            self.writer.out.extend_from_slice(b"</");
            self.writer.out.extend_from_slice(name);
            self.writer.out.push(b'>');
        }
        if let Some((_, mark)) = self.declaring.pop_if(|(node, _)| *node == at) {
            self.flush();
            self.writer.bindings.close(mark, self.writer.out.len());
        }
    }

    /// Notes a visible use of a prefix.
    #[inline]
    fn use_pair(&mut self, prefix: u32, namespace: u32) {
        let pair = self.translate(prefix, namespace);
        self.uses.push(pair);
    }

    /// Notes a declaration of the source.
    fn wish(&mut self, prefix: u32, namespace: u32) {
        if self.omitted.get(namespace as usize) == Some(&true) {
            return;
        }
        let pair = self.translate(prefix, namespace);
        self.extra.push(pair);
    }

    #[inline]
    fn translate(&mut self, prefix: u32, namespace: u32) -> (u32, u32) {
        let (names, bindings) = (&self.document.tables.names, &mut self.writer.bindings);
        let to = &mut self.prefixes[prefix as usize];
        if *to == NONE {
            *to = bindings.prefixes.intern(names.prefix(prefix));
        }
        let prefix = *to;
        let to = &mut self.namespaces[namespace as usize];
        if *to == NONE {
            *to = bindings.namespaces.intern(names.namespace(namespace));
        }
        (prefix, *to)
    }

    /// Writes a start tag or text as the source has it.
    #[inline]
    fn raw(&mut self, node: &Node) {
        if self.run.end == node.start as usize {
            self.run.end = node.end as usize;
        } else {
            self.flush();
            self.run = node.start as usize..node.end as usize;
        }
    }

    fn flush(&mut self) {
        let run = std::mem::take(&mut self.run);
        self.writer.out.extend_from_slice(&self.document.source.as_bytes()[run]);
    }
}
