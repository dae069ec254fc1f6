//! Building a document: names resolved, nesting, ids and limits checked, in the one pass that lexes it.

use std::ops::Range;

use crate::document::{AttributeSpan, Declaration, Document, Encoding, Kind, Node, ORDERED, Tables, VERBATIM};
use crate::ids::Ids;
use crate::lex::{Lexer, Part, Token, check_characters};
use crate::names::{NO_NAMESPACE, NO_PREFIX, NONE, Names, XML_NAMESPACE, XML_PREFIX, XMLNS_NAMESPACE, XMLNS_PREFIX};
use crate::scope::Scope;
use crate::text::{attribute, is_space};
use crate::{Limits, ReadError, ids};

/// The longest source that spans of `u32` can address, with room for ids of as many nodes.
const MAX_BYTES: usize = u32::MAX as usize / 2;

/// [`Document::read`].
pub(crate) fn document(bytes: Vec<u8>, encoding: Encoding, limits: &Limits) -> Result<Document, ReadError> {
    check_length(bytes.len(), limits)?;
    let source = String::from_utf8(bytes).map_err(|_| ReadError::NotUtf8)?;
    check_characters(&source)?;
    let capacity = nodes(source.as_bytes()) + 16;
    let mut tables = Tables {
        names: Names::new(),
        nodes: Vec::with_capacity(capacity),
        attributes: Vec::with_capacity(capacity / 3),
        declarations: Vec::with_capacity(64),
        ids: Ids::new(),
        elements: 0,
    };
    let start = if source.starts_with('\u{FEFF}') { '\u{FEFF}'.len_utf8() } else { 0 };
    let mut lexer = Lexer::new(&source, start);
    // The mark goes before the charset of a media type, and that before the declaration.
    lexer.xml_declaration(encoding == Encoding::Utf8 || start > 0)?;
    let mut builder = Builder::new(&source, lexer, &mut tables, limits, Top::Document);
    builder.run()?;
    let Some(&root) = builder.tops.first() else { return Err(ReadError::NoRoot) };
    Ok(Document { source, tables, root, limits: *limits })
}

/// About how many nodes a source has, for room to begin with. A message whose body is one long text has few for its length,
/// and room that is asked for in vain is work for the kernel; so long sources are sampled for tags, of which there are as
/// many.
pub(crate) fn nodes(source: &[u8]) -> usize {
    const LONG: usize = 32 * 1024;
    const SAMPLE: usize = 512;
    if source.len() < LONG {
        // As many as dense messages have.
        return source.len() / 12;
    }
    let stride = source.len() / 16;
    let samples =
        source.chunks(stride).map(|chunk| memchr::memchr_iter(b'<', &chunk[..chunk.len().min(SAMPLE)]).count());
    (samples.sum::<usize>() * stride / SAMPLE).min(source.len() / 8)
}

pub(crate) fn check_length(length: usize, limits: &Limits) -> Result<(), ReadError> {
    let limit = limits.bytes.min(MAX_BYTES);
    if length > limit { Err(ReadError::TooLongDocument(limit)) } else { Ok(()) }
}

/// What may stand outside every element that is open.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Top {
    /// One element; white space and comments, which are dropped.
    Document,
    /// One element; white space, which is dropped.
    Element,
    /// Anything, all of which is kept.
    Content,
}

/// An element whose end tag is still to come.
struct Open {
    node: u32,
    last: u32,
    children: usize,
    /// What to close the scope to.
    mark: usize,
    /// Its name as written.
    name: Range<usize>,
}

pub(crate) struct Builder<'a> {
    source: &'a str,
    lexer: Lexer<'a>,
    pub(crate) tables: &'a mut Tables,
    limits: &'a Limits,
    pub(crate) scope: Scope,
    open: Vec<Open>,
    top: Top,
    /// The nodes outside every element that is open here.
    pub(crate) tops: Vec<u32>,
    /// What is around the fragment: its parent, that one's depth, and its other children.
    pub(crate) parent: u32,
    pub(crate) depth: usize,
    pub(crate) siblings: usize,
    /// By name: the last element with such an attribute, by its node. To find attributes of the same name at once.
    last_seen: Vec<u32>,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(source: &'a str, lexer: Lexer<'a>, tables: &'a mut Tables, limits: &'a Limits, top: Top) -> Self {
        Self {
            source,
            lexer,
            tables,
            limits,
            scope: Scope::new(),
            open: Vec::with_capacity(32),
            top,
            tops: Vec::new(),
            parent: NONE,
            depth: 0,
            siblings: 0,
            last_seen: Vec::new(),
        }
    }

    pub(crate) fn run(&mut self) -> Result<(), ReadError> {
        loop {
            match self.lexer.token()? {
                Token::Start => self.start()?,
                Token::End => self.end()?,
                Token::Text(span, marks) => self.text(span, marks)?,
                Token::Comment(span) => self.comment(span)?,
                Token::Finish => break,
            }
        }
        if !self.open.is_empty() {
            return Err(ReadError::Truncated);
        }
        self.tables.ids.settle()
    }

    fn start(&mut self) -> Result<(), ReadError> {
        if self.open.is_empty() && self.top != Top::Content && !self.tops.is_empty() {
            return Err(if self.top == Top::Document { ReadError::SecondRoot } else { ReadError::NotOneElement });
        }
        let start = self.lexer.at() - 1;
        let written = self.lexer.name()?;
        let name = self.tables.names.intern(&self.source[written.clone()], self.limits)?;
        self.tables.elements += 1;
        if self.tables.elements > self.limits.elements {
            return Err(ReadError::TooManyElements(self.limits.elements));
        }
        if self.depth + self.open.len() >= self.limits.depth {
            return Err(ReadError::TooDeep(self.limits.depth));
        }
        let mut node = Node {
            start: start as u32,
            name,
            attributes: self.tables.attributes.len() as u32,
            declarations: self.tables.declarations.len() as u32,
            ..blank(Kind::Element)
        };
        let id = self.tables.nodes.len() as u32;
        let mark = self.scope.depth();
        let mut verbatim = true;
        let empty = loop {
            match self.lexer.part(&mut verbatim)? {
                Part::Open => break false,
                Part::Empty => break true,
                Part::Attribute(name, value, marks) => {
                    verbatim &= self.attribute(&mut node, id, name, value, marks)?;
                }
            }
        };
        node.end = self.lexer.at() as u32;
        let prefix = self.tables.names.qname(name).prefix;
        node.namespace = self.resolve(prefix)?;
        let ordered = node.attribute_count == 0 || self.resolve_attributes(&node, id)?;
        if ordered {
            node.marks |= ORDERED;
        }
        if ordered && verbatim {
            node.marks |= VERBATIM;
        }
        self.attach(node)?;
        if empty {
            self.scope.close(mark);
        } else {
            self.open.push(Open { node: id, last: NONE, children: 0, mark, name: written });
        }
        Ok(())
    }

    /// An attribute or a namespace declaration; tells whether it is the former.
    fn attribute(
        &mut self,
        node: &mut Node,
        id: u32,
        name: Range<usize>,
        value: Range<usize>,
        marks: u8,
    ) -> Result<bool, ReadError> {
        if value.len() > self.limits.attribute_bytes {
            return Err(ReadError::TooLongAttribute(self.limits.attribute_bytes));
        }
        let name = self.tables.names.intern(&self.source[name], self.limits)?;
        let seen = self.last_seen.get(name as usize).copied();
        if seen == Some(id) {
            return Err(ReadError::AttributeRepeated);
        }
        if seen.is_none() {
            self.last_seen.resize((name as usize + 1).next_multiple_of(64), NONE);
        }
        self.last_seen[name as usize] = id;
        let declares = self.tables.names.qname(name).declares;
        if declares != NONE {
            self.declare(node, declares, value, marks)?;
            return Ok(false);
        }
        if usize::from(node.attribute_count) >= self.limits.attributes.min(usize::from(u16::MAX)) {
            return Err(ReadError::TooManyAttributes(self.limits.attributes));
        }
        node.attribute_count += 1;
        let (start, end) = (value.start as u32, value.end as u32);
        self.tables.attributes.push(AttributeSpan { name, namespace: NO_NAMESPACE, start, end, marks });
        Ok(true)
    }

    /// [XML Names 1.0] sections 2.2 and 3.
    fn declare(&mut self, node: &mut Node, prefix: u32, value: Range<usize>, marks: u8) -> Result<(), ReadError> {
        if usize::from(node.declaration_count) >= self.limits.declarations.min(usize::from(u16::MAX)) {
            return Err(ReadError::TooManyDeclarations(self.limits.declarations));
        }
        let uri = attribute(&self.source[value], marks);
        // Canonical form may declare it on every element, however short these are.
        if uri.len() > self.limits.name_bytes {
            return Err(ReadError::TooLongName(self.limits.name_bytes));
        }
        if uri.is_empty() && prefix != NO_PREFIX {
            return Err(ReadError::NamespaceEmpty);
        }
        let namespace = self.tables.names.intern_namespace(&uri, self.limits)?;
        if (prefix, namespace) == (XML_PREFIX, XML_NAMESPACE) {
            // Legal, and says nothing: `xml` is bound everywhere, and canonical form never declares it.
            return Ok(());
        }
        if matches!(namespace, XML_NAMESPACE | XMLNS_NAMESPACE) || matches!(prefix, XML_PREFIX | XMLNS_PREFIX) {
            return Err(ReadError::NamespaceReserved);
        }
        node.declaration_count += 1;
        self.scope.bind(prefix, namespace);
        if self.scope.depth() > self.limits.declarations_in_scope {
            return Err(ReadError::TooManyDeclarationsInScope(self.limits.declarations_in_scope));
        }
        self.tables.declarations.push(Declaration { prefix, namespace });
        Ok(())
    }

    #[inline]
    fn resolve(&self, prefix: u32) -> Result<u32, ReadError> {
        let namespace = self.scope.lookup(prefix);
        if namespace != NONE {
            return Ok(namespace);
        }
        Err(if prefix == XMLNS_PREFIX {
            ReadError::NamespaceReserved
        } else {
            ReadError::PrefixUndeclared(self.tables.names.prefix(prefix).to_owned())
        })
    }

    /// Resolves the prefixes of an element's attributes, refuses two of the same expanded name, enters its id, and tells
    /// whether they are in canonical order.
    fn resolve_attributes(&mut self, node: &Node, id: u32) -> Result<bool, ReadError> {
        let range = node.attributes as usize..self.tables.attributes.len();
        let mut qualified = 0;
        let mut has_id = false;
        for at in range.clone() {
            let name = self.tables.names.qname(self.tables.attributes[at].name);
            if name.prefix != NO_PREFIX {
                qualified += 1;
                self.tables.attributes[at].namespace = self.resolve(name.prefix)?;
            }
            if name.may_be_id && self.enter_id(node, id, at) {
                if has_id {
                    return Err(ReadError::IdsOnOneElement);
                }
                has_id = true;
            }
        }
        if qualified > 1 {
            self.check_repeated(range.clone())?;
        }
        let names = &self.tables.names;
        let key = |span: &AttributeSpan| (names.namespace(span.namespace), names.local(span.name));
        Ok(self.tables.attributes[range].is_sorted_by(|a, b| key(a) <= key(b)))
    }

    /// Attributes with different prefixes may still have the same expanded name ([XML Names 1.0] section 6.3).
    fn check_repeated(&mut self, range: Range<usize>) -> Result<(), ReadError> {
        let names = &self.tables.names;
        let mut expanded = Vec::with_capacity(range.len());
        for span in &self.tables.attributes[range] {
            if span.namespace != NO_NAMESPACE {
                expanded.push((span.namespace, names.local(span.name)));
            }
        }
        expanded.sort_unstable();
        if expanded.windows(2).any(|pair| pair[0] == pair[1]) { Err(ReadError::AttributeRepeated) } else { Ok(()) }
    }

    /// Enters the attribute as an id, if it is one.
    fn enter_id(&mut self, node: &Node, id: u32, at: usize) -> bool {
        let span = self.tables.attributes[at];
        let names = &self.tables.names;
        let element = (names.namespace(node.namespace), names.local(node.name));
        if !ids::is_id(element, (names.namespace(span.namespace), names.local(span.name))) {
            return false;
        }
        let value = attribute(&self.source[span.start as usize..span.end as usize], span.marks);
        self.tables.ids.push(&value, id);
        true
    }

    fn end(&mut self) -> Result<(), ReadError> {
        let Some(open) = self.open.pop() else { return Err(ReadError::EndTagWithoutStart) };
        self.lexer.end_tag(&open.name)?;
        self.scope.close(open.mark);
        Ok(())
    }

    fn text(&mut self, span: Range<usize>, marks: u8) -> Result<(), ReadError> {
        if span.len() > self.limits.text_bytes {
            return Err(ReadError::TooLongText(self.limits.text_bytes));
        }
        if self.open.is_empty() && self.top != Top::Content {
            let blank = marks & crate::text::CDATA == 0 && self.source[span].bytes().all(is_space);
            return match (blank, self.top) {
                (true, _) => Ok(()),
                (false, Top::Document) => Err(ReadError::ContentOutsideRoot),
                (false, _) => Err(ReadError::NotOneElement),
            };
        }
        self.attach(Node { start: span.start as u32, end: span.end as u32, marks, ..blank(Kind::Text) })
    }

    fn comment(&mut self, span: Range<usize>) -> Result<(), ReadError> {
        if span.len() > self.limits.text_bytes {
            return Err(ReadError::TooLongText(self.limits.text_bytes));
        }
        match (self.open.is_empty(), self.top) {
            (true, Top::Document) => Ok(()),
            (true, Top::Element) => Err(ReadError::NotOneElement),
            _ => self.attach(Node { start: span.start as u32, end: span.end as u32, ..blank(Kind::Comment) }),
        }
    }

    /// Enters a node into the table, as the next child of the open element.
    #[inline]
    fn attach(&mut self, mut node: Node) -> Result<(), ReadError> {
        let id = self.tables.nodes.len() as u32;
        let children = if let Some(open) = self.open.last_mut() {
            node.parent = open.node;
            let link = match open.last {
                NONE => &mut self.tables.nodes[open.node as usize].child,
                last => &mut self.tables.nodes[last as usize].next,
            };
            *link = id;
            open.last = id;
            open.children += 1;
            open.children
        } else {
            node.parent = self.parent;
            self.tops.push(id);
            // The root is nobody's child.
            if self.top == Top::Document { 0 } else { self.siblings + self.tops.len() }
        };
        if children > self.limits.children {
            return Err(ReadError::TooManyChildren(self.limits.children));
        }
        self.tables.nodes.push(node);
        Ok(())
    }
}

fn blank(kind: Kind) -> Node {
    Node {
        parent: NONE,
        next: NONE,
        child: NONE,
        start: 0,
        end: 0,
        name: 0,
        namespace: NO_NAMESPACE,
        attributes: 0,
        declarations: 0,
        attribute_count: 0,
        declaration_count: 0,
        kind,
        marks: 0,
    }
}
