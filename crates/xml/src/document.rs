//! A document that was read: a table of nodes over its own octets, and the questions one may ask it.

use std::borrow::Cow;

use crate::ids::Ids;
use crate::names::{NO_NAMESPACE, NO_PREFIX, NONE, Names, XML_PREFIX};
use crate::text::same;
use crate::{Limits, ReadError, graft, read, text};

/// A node of a [`Document`]. It stays valid, and means the same node, in the documents that grafts make of that one.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct NodeId(pub(crate) u32);

/// The kinds of node. A message has no others: processing instructions are refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// An element.
    Element,
    /// A run of text between markup, or a CDATA section.
    Text,
    /// A comment. Canonical form and [`Document::text`] leave it out.
    Comment,
}

/// An expanded name ([XML Names 1.0] section 2.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Name<'a> {
    /// The namespace name; empty for a name in no namespace.
    pub namespace: &'a str,
    /// The local part.
    pub local: &'a str,
}

/// An attribute; namespace declarations are none.
#[derive(Clone)]
pub struct Attribute<'a> {
    /// The prefix as written; empty if there is none.
    pub prefix: &'a str,
    /// The namespace name; empty for an unqualified attribute.
    pub namespace: &'a str,
    /// The local part.
    pub local: &'a str,
    /// The value, normalised ([XML 1.0] section 3.3.3).
    pub value: Cow<'a, str>,
}

/// What a decrypted plaintext must be ([XML Encryption 1.1] section 3.1, the `Type` attribute).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fragment {
    /// Exactly one element, with white space around it at most, which is dropped.
    Element,
    /// Any balanced content: elements, text, comments, or nothing.
    Content,
}

/// A message that was read. It is never changed; decryption makes a new one ([`Document::graft`]).
///
/// It has no `Debug` and no `Clone`: it may hold decrypted secrets.
pub struct Document {
    pub(crate) source: String,
    pub(crate) tables: Tables,
    pub(crate) root: u32,
    pub(crate) limits: Limits,
}

/// Everything of a document but its octets.
pub(crate) struct Tables {
    pub(crate) names: Names,
    pub(crate) nodes: Vec<Node>,
    pub(crate) attributes: Vec<AttributeSpan>,
    pub(crate) declarations: Vec<Declaration>,
    pub(crate) ids: Ids,
    pub(crate) elements: usize,
}

/// The node is an element whose start tag is written as canonical form would write it.
pub(crate) const VERBATIM: u8 = 8;
/// The attributes of the element are in canonical order.
pub(crate) const ORDERED: u8 = 16;
/// A graft took the place of this element.
pub(crate) const REPLACED: u8 = 32;

/// A node: links and spans. What does not apply to its kind is zero or [`NONE`].
#[derive(Clone, Copy)]
pub(crate) struct Node {
    pub(crate) parent: u32,
    pub(crate) next: u32,
    /// The first child.
    pub(crate) child: u32,
    /// Where the start tag begins, or what the text or comment says.
    pub(crate) start: u32,
    /// Where that ends.
    pub(crate) end: u32,
    pub(crate) name: u32,
    pub(crate) namespace: u32,
    pub(crate) attributes: u32,
    pub(crate) declarations: u32,
    pub(crate) attribute_count: u16,
    pub(crate) declaration_count: u16,
    pub(crate) kind: Kind,
    /// The marks of `text.rs` for text; [`VERBATIM`], [`ORDERED`], [`REPLACED`] for elements.
    pub(crate) marks: u8,
}

/// What names the encoding of a document's octets, which are UTF-8 in any case ([RFC 7303] section 3.2).
///
/// [RFC 7303]: https://www.rfc-editor.org/rfc/rfc7303
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Encoding {
    /// The document itself: its declaration says UTF-8 or nothing, unless a byte order mark is before it.
    Declared,
    /// The charset of its media type, which says UTF-8. It goes before the declaration: programs that write to a string of
    /// 16-bit units declare those.
    Utf8,
}

/// An attribute: its name, and where its value is written.
#[derive(Clone, Copy)]
pub(crate) struct AttributeSpan {
    pub(crate) name: u32,
    pub(crate) namespace: u32,
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) marks: u8,
}

/// A namespace declaration.
#[derive(Clone, Copy)]
pub(crate) struct Declaration {
    pub(crate) prefix: u32,
    pub(crate) namespace: u32,
}

impl Document {
    /// Reads a message: UTF-8, with or without a byte order mark and an XML declaration of version 1.0.
    ///
    /// Everything is checked here, in one pass: well-formedness ([XML 1.0]), namespaces ([XML Names 1.0]), SOAP's own
    /// prohibitions (document types, processing instructions: [SOAP 1.2] section 5), ids, and `limits`.
    ///
    /// What grafts bring is put behind `bytes`: where these have capacity for it, nothing is moved.
    pub fn read(bytes: Vec<u8>, limits: &Limits) -> Result<Self, ReadError> {
        read::document(bytes, Encoding::Declared, limits)
    }

    /// As [`Document::read`], of octets whose encoding that names.
    pub fn read_in(bytes: Vec<u8>, encoding: Encoding, limits: &Limits) -> Result<Self, ReadError> {
        read::document(bytes, encoding, limits)
    }

    /// The document in which the nodes of `plaintext` stand in the place of the element `at`.
    ///
    /// The plaintext is read by itself, in the namespace scope of `at`'s parent ([XML Encryption 1.1] section 4.3.3):
    /// it can close nothing that it did not open. Every limit counts what is there already. Its ids must differ from all
    /// others, those of replaced elements included.
    ///
    /// Also returns the new nodes that now stand where `at` stood. All older nodes stay valid; `at` itself stays
    /// readable, knows its parent and is still found by its id, but no walk of children meets it again.
    pub fn graft(self, at: NodeId, plaintext: Vec<u8>, form: Fragment) -> Result<(Self, Vec<NodeId>), ReadError> {
        graft::graft(self, at, plaintext, form)
    }

    /// The octets that it was read from, and behind them what was grafted.
    pub fn source(&self) -> &[u8] {
        self.source.as_bytes()
    }

    /// How many octets it was read from, those of grafts included.
    pub fn octets(&self) -> usize {
        self.source.len()
    }

    /// The root element.
    pub fn root(&self) -> NodeId {
        NodeId(self.root)
    }

    /// The element that holds `n`; none for the root.
    pub fn parent(&self, n: NodeId) -> Option<NodeId> {
        some(self.node(n).parent)
    }

    /// The kind of `n`.
    pub fn kind(&self, n: NodeId) -> Kind {
        self.node(n).kind
    }

    /// Whether a graft took the place of `n` or of an element that holds it: it is then no part of the document's tree.
    pub fn is_replaced(&self, n: NodeId) -> bool {
        let mut next = Some(n);
        while let Some(n) = next {
            let node = self.node(n);
            if node.kind == Kind::Element && node.marks & REPLACED != 0 {
                return true;
            }
            next = some(node.parent);
        }
        false
    }

    /// The children of `n`, of every kind, in document order.
    pub fn children(&self, n: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        std::iter::successors(some(self.node(n).child), |&child| some(self.node(child).next))
    }

    /// The next element after `n` among the children of its parent.
    pub fn next_element(&self, n: NodeId) -> Option<NodeId> {
        let mut siblings = std::iter::successors(some(self.node(n).next), |&next| some(self.node(next).next));
        siblings.find(|&next| self.kind(next) == Kind::Element)
    }

    /// The element children of `n`, in document order.
    pub fn elements(&self, n: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        self.children(n).filter(|&child| self.kind(child) == Kind::Element)
    }

    /// The expanded name of an element; both parts are empty for any other node.
    pub fn name(&self, n: NodeId) -> Name<'_> {
        let node = self.node(n);
        match node.kind {
            Kind::Element => Name {
                namespace: self.tables.names.namespace(node.namespace),
                local: self.tables.names.local(node.name),
            },
            _ => Name { namespace: "", local: "" },
        }
    }

    /// The prefix of an element as written; empty if it has none, and for any other node.
    pub fn prefix(&self, n: NodeId) -> &str {
        let node = self.node(n);
        match node.kind {
            Kind::Element => self.tables.names.prefix(self.tables.names.qname(node.name).prefix),
            _ => "",
        }
    }

    /// Whether `n` is an element of that expanded name.
    pub fn is(&self, n: NodeId, namespace: &str, local: &str) -> bool {
        let (node, names) = (self.node(n), &self.tables.names);
        // The local part first: it is short, and tells most names apart.
        node.kind == Kind::Element
            && same(names.local(node.name).as_bytes(), local.as_bytes())
            && names.namespace(node.namespace) == namespace
    }

    /// The value of an attribute; `namespace` is empty for an unqualified one.
    pub fn attribute(&self, n: NodeId, namespace: &str, local: &str) -> Option<Cow<'_, str>> {
        let names = &self.tables.names;
        let found = self.attribute_spans(n).iter().find(|span| {
            let is_local = same(names.local(span.name).as_bytes(), local.as_bytes());
            is_local
                && if namespace.is_empty() {
                    span.namespace == NO_NAMESPACE
                } else {
                    names.namespace(span.namespace) == namespace
                }
        })?;
        Some(self.value(found))
    }

    /// The attributes of `n` as written, namespace declarations left out.
    pub fn attributes(&self, n: NodeId) -> impl Iterator<Item = Attribute<'_>> + '_ {
        let names = &self.tables.names;
        self.attribute_spans(n).iter().map(|span| Attribute {
            prefix: names.prefix(names.qname(span.name).prefix),
            namespace: names.namespace(span.namespace),
            local: names.local(span.name),
            value: self.value(span),
        })
    }

    /// The text of an element: all its text children, as one; comments and element children are passed over. Of a text
    /// node, what it says. Of a comment, nothing.
    pub fn text(&self, n: NodeId) -> Cow<'_, str> {
        match self.kind(n) {
            Kind::Comment => return Cow::Borrowed(""),
            Kind::Text => return self.text_value(n),
            Kind::Element => {}
        }
        let mut texts = self.children(n).filter(|&child| self.kind(child) == Kind::Text);
        let Some(first) = texts.next() else { return Cow::Borrowed("") };
        let mut text = self.text_value(first);
        for next in texts {
            text.to_mut().push_str(&self.text_value(next));
        }
        text
    }

    /// The text of an element that holds nothing but text; none if any child is an element or a comment.
    ///
    /// For values on which security rests (`ds:DigestValue`, `wsc:Identifier` …): a comment within one is how readers
    /// have been made to disagree about it.
    pub fn only_text(&self, n: NodeId) -> Option<Cow<'_, str>> {
        let only = self.kind(n) != Kind::Comment && self.children(n).all(|child| self.kind(child) == Kind::Text);
        only.then(|| self.text(n))
    }

    /// Whether `n` is a text node of XML white space only.
    pub fn is_whitespace(&self, n: NodeId) -> bool {
        self.kind(n) == Kind::Text && self.text_value(n).bytes().all(text::is_space)
    }

    /// The element with that id. Ids are `wsu:Id` on any element, `Id` on the elements of XML Signature and XML
    /// Encryption and on `wsu:Timestamp`, `ID` and `AssertionID` on the assertions of SAML 2.0 and 1.1; all are unique.
    ///
    /// An element that a graft replaced keeps its id ([`Document::is_replaced`] tells).
    pub fn by_id(&self, id: &str) -> Option<NodeId> {
        self.tables.ids.find(id).map(NodeId)
    }

    /// The id of `n`, by the same table as [`Document::by_id`].
    pub fn id(&self, n: NodeId) -> Option<Cow<'_, str>> {
        let names = &self.tables.names;
        let found =
            self.attribute_spans(n).iter().find(|span| self.is_id(n, span) && names.qname(span.name).may_be_id)?;
        Some(self.value(found))
    }

    /// The namespace that `prefix` is bound to at `at`; the empty prefix asks for the default namespace. None if it is
    /// not bound. For names in content, such as `xsi:type`.
    pub fn lookup_prefix(&self, at: NodeId, prefix: &str) -> Option<&str> {
        let id = self.tables.names.find_prefix(prefix)?;
        let namespace = self.lookup(at, id);
        (namespace != NONE && namespace != NO_NAMESPACE).then(|| self.tables.names.namespace(namespace))
    }

    /// Every prefix bound at `at` with its namespace, the innermost declaration of each; the empty prefix is the default
    /// namespace, there only if it is some. `xml` is left out. In no particular order.
    pub fn in_scope(&self, at: NodeId) -> Vec<(&str, &str)> {
        let names = &self.tables.names;
        let bound = self.bindings(at);
        let bound = bound.iter().filter(|declaration| declaration.namespace != NO_NAMESPACE);
        bound.map(|declaration| (names.prefix(declaration.prefix), names.namespace(declaration.namespace))).collect()
    }

    #[inline]
    pub(crate) fn node(&self, n: NodeId) -> &Node {
        &self.tables.nodes[n.0 as usize]
    }

    pub(crate) fn attribute_spans(&self, n: NodeId) -> &[AttributeSpan] {
        self.node(n).attributes(&self.tables)
    }

    /// The namespace id that the prefix of that id is bound to at `at`, or [`NONE`].
    pub(crate) fn lookup(&self, at: NodeId, prefix: u32) -> u32 {
        if prefix == XML_PREFIX {
            return crate::names::XML_NAMESPACE;
        }
        let mut next = Some(at);
        while let Some(n) = next {
            let node = self.node(n);
            let found = node.declarations(&self.tables).iter().find(|declaration| declaration.prefix == prefix);
            if let Some(found) = found {
                return found.namespace;
            }
            next = some(node.parent);
        }
        if prefix == NO_PREFIX { NO_NAMESPACE } else { NONE }
    }

    /// The innermost declaration of each prefix at `at`, those of no default namespace among them.
    pub(crate) fn bindings(&self, at: NodeId) -> Vec<Declaration> {
        let mut found: Vec<Declaration> = Vec::new();
        let mut seen = vec![false; self.tables.names.prefix_count()];
        let mut next = Some(at);
        while let Some(n) = next {
            let node = self.node(n);
            for declaration in node.declarations(&self.tables) {
                if !std::mem::replace(&mut seen[declaration.prefix as usize], true) {
                    found.push(*declaration);
                }
            }
            next = some(node.parent);
        }
        found
    }

    fn is_id(&self, n: NodeId, span: &AttributeSpan) -> bool {
        let names = &self.tables.names;
        let element = self.name(n);
        let attribute = (names.namespace(span.namespace), names.local(span.name));
        crate::ids::is_id((element.namespace, element.local), attribute)
    }

    fn value(&self, span: &AttributeSpan) -> Cow<'_, str> {
        text::attribute(&self.source[span.start as usize..span.end as usize], span.marks)
    }

    fn text_value(&self, n: NodeId) -> Cow<'_, str> {
        let node = self.node(n);
        text::text(&self.source[node.start as usize..node.end as usize], node.marks)
    }
}

impl Node {
    #[inline]
    pub(crate) fn attributes<'a>(&self, tables: &'a Tables) -> &'a [AttributeSpan] {
        let start = self.attributes as usize;
        &tables.attributes[start..start + self.attribute_count as usize]
    }

    #[inline]
    pub(crate) fn declarations<'a>(&self, tables: &'a Tables) -> &'a [Declaration] {
        let start = self.declarations as usize;
        &tables.declarations[start..start + self.declaration_count as usize]
    }
}

pub(crate) fn some(id: u32) -> Option<NodeId> {
    (id != NONE).then_some(NodeId(id))
}
