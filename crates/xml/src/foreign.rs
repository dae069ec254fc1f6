//! Files that an operator gives us (WSDL, policies, old configuration): an owned tree, read with quick-xml.
//!
//! Messages never come this way: `read.rs` has its own lexer for them. What is kept here is what a reader of
//! policies needs and no more: names with their namespaces, attributes, text, the namespaces in scope, the line of each
//! element, so that an error can say where, and its place in the text, so that it can be replaced there. Comments and processing instructions are passed over.

use std::ops::Range;
use std::sync::Arc;

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};

/// The largest file read, in octets. The largest WSDL of large products is a tenth of it.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;
/// How deep elements may be nested.
pub const MAX_DEPTH: usize = 128;
/// How many elements a file may have.
pub const MAX_ELEMENTS: usize = 400_000;

/// The namespace of the prefix `xml`, which every file has without declaring it.
const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// The namespace of declarations themselves.
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// Reads a whole file into its root element.
///
/// UTF-8 only (a byte order mark is skipped), no DOCTYPE, no entities but the five, namespaces as XML Names 1.0 wants
/// them, within [`MAX_BYTES`], [`MAX_DEPTH`] and [`MAX_ELEMENTS`].
pub fn read(bytes: &[u8]) -> Result<Element, ForeignError> {
    if bytes.len() > MAX_BYTES {
        return Err(ForeignError { line: 1, reason: ForeignReason::TooLarge });
    }
    Builder::new(text(bytes)?).read()
}

/// The text of a file: what [`Element::span`] and [`Element::tag`] are places in.
pub fn text(bytes: &[u8]) -> Result<&str, ForeignError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => Err(ForeignError { line: line_at(bytes, error.valid_up_to()), reason: ForeignReason::NotUtf8 }),
    }
}

/// An element of a file.
#[derive(Clone, Debug)]
pub struct Element {
    /// Its namespace; empty where it has none.
    pub namespace: String,
    /// Its local name.
    pub local: String,
    /// Its attributes in the order of the file, without namespace declarations.
    pub attributes: Vec<Attribute>,
    /// Its elements and text in the order of the file.
    pub children: Vec<Node>,
    /// The line, from 1, in which its start tag begins.
    pub line: u32,
    /// Where its start tag is in the file's [`text`].
    pub tag: Range<usize>,
    /// Where it is there, start tag, content and end tag.
    pub span: Range<usize>,
    scope: Arc<Scope>,
}

/// An attribute of an [`Element`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Attribute {
    /// Its namespace; empty where it has no prefix.
    pub namespace: String,
    /// Its local name.
    pub local: String,
    /// Its value, normalised.
    pub value: String,
}

/// What an [`Element`] may hold.
#[derive(Clone, Debug)]
pub enum Node {
    /// An element.
    Element(Element),
    /// Text, CDATA included.
    Text(String),
}

impl Element {
    /// Whether this is the element of that namespace and local name.
    pub fn is(&self, namespace: &str, local: &str) -> bool {
        self.local == local && self.namespace == namespace
    }

    /// The element children.
    pub fn elements(&self) -> impl Iterator<Item = &Element> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// The first child of that name.
    pub fn child(&self, namespace: &str, local: &str) -> Option<&Element> {
        self.elements().find(|child| child.is(namespace, local))
    }

    /// The value of an attribute; `namespace` is empty for one without prefix.
    pub fn attribute(&self, namespace: &str, local: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|attribute| attribute.local == local && attribute.namespace == namespace)
            .map(|attribute| attribute.value.as_str())
    }

    /// The text children, concatenated.
    pub fn text(&self) -> String {
        self.children
            .iter()
            .filter_map(|node| match node {
                Node::Text(text) => Some(text.as_str()),
                Node::Element(_) => None,
            })
            .collect()
    }

    /// Resolves a `QName` in content (`message="tns:Echo"`) by the namespaces in scope here: namespace and local name.
    ///
    /// `None` where its prefix is not declared. A name without prefix is in the default namespace, as XML Schema has it.
    pub fn resolve<'a>(&'a self, name: &'a str) -> Option<(&'a str, &'a str)> {
        let name = name.trim();
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        self.scope.namespace(prefix).map(|namespace| (namespace, local))
    }
}

/// Why a file was not read, and where.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct ForeignError {
    /// The line, from 1.
    pub line: u32,
    /// What is wrong there.
    pub reason: ForeignReason,
}

/// What is wrong with a file.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ForeignReason {
    /// A DOCTYPE.
    #[error("a DOCTYPE, which is never read")]
    Doctype,
    /// Two attributes of one expanded name.
    #[error("attribute {0} stands twice in one element")]
    DuplicateAttribute(String),
    /// Another encoding than UTF-8 is declared.
    #[error("encoding {0} is declared, only UTF-8 is read")]
    Encoding(String),
    /// An entity that is not one of the five.
    #[error("entity &{0}; is not one of the five of XML")]
    Entity(String),
    /// Not well-formed, in the parser's words.
    #[error("not well-formed: {0}")]
    IllFormed(String),
    /// A namespace declaration that XML Names 1.0 forbids.
    #[error("namespace declaration {0} is not allowed")]
    NamespaceDeclaration(String),
    /// No root element, or the end of the file before the root's.
    #[error("the file ends before its root element does")]
    NoRoot,
    /// Bytes that are not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// Something beside the root element.
    #[error("content beside the root element")]
    Outside,
    /// Too deep.
    #[error("elements are nested deeper than {MAX_DEPTH}")]
    TooDeep,
    /// Too large.
    #[error("the file is larger than {MAX_BYTES} octets")]
    TooLarge,
    /// Too many elements.
    #[error("the file has more than {MAX_ELEMENTS} elements")]
    TooManyElements,
    /// A prefix that nothing declares.
    #[error("prefix {0} is not declared")]
    UndeclaredPrefix(String),
}

/// The namespaces that an element declares, and those around it.
#[derive(Debug)]
struct Scope {
    declared: Vec<(String, String)>,
    outer: Option<Arc<Scope>>,
}

impl Scope {
    fn namespace(&self, prefix: &str) -> Option<&str> {
        if let Some((_, namespace)) = self.declared.iter().find(|(declared, _)| declared == prefix) {
            return Some(namespace);
        }
        match (&self.outer, prefix) {
            (Some(outer), _) => outer.namespace(prefix),
            (None, "") => Some(""),
            (None, "xml") => Some(XML),
            (None, _) => None,
        }
    }
}

/// One reading.
struct Builder<'a> {
    text: &'a str,
    reader: Reader<&'a [u8]>,
    /// The elements whose end tag is still to come, outermost first.
    open: Vec<Element>,
    root: Option<Element>,
    elements: usize,
    /// The line of the octet at `counted`.
    line: u32,
    counted: usize,
}

impl<'a> Builder<'a> {
    fn new(text: &'a str) -> Self {
        let reader = Reader::from_str(text);
        Self { text, reader, open: Vec::new(), root: None, elements: 0, line: 1, counted: 0 }
    }

    fn read(mut self) -> Result<Element, ForeignError> {
        loop {
            self.count_to(self.reader.buffer_position());
            let event = match self.reader.read_event() {
                Ok(event) => event,
                Err(error) => {
                    self.count_to(self.reader.error_position());
                    return Err(self.error(ForeignReason::IllFormed(error.to_string())));
                }
            };
            match event {
                Event::Start(tag) => {
                    let element = self.element(&tag)?;
                    self.open.push(element);
                }
                Event::Empty(tag) => {
                    let element = self.element(&tag)?;
                    self.close(element)?;
                }
                // The parser has compared the names.
                Event::End(_) => match self.open.pop() {
                    Some(element) => self.close(element)?,
                    None => return Err(self.error(ForeignReason::Outside)),
                },
                Event::Text(text) => self.append(&text.xml10_content())?,
                Event::CData(text) => self.append(&text.xml10_content())?,
                Event::GeneralRef(reference) => {
                    let text = match reference.resolve_char_ref() {
                        Ok(Some(character)) => character.to_string(),
                        Ok(None) => match quick_xml::escape::resolve_predefined_entity(&reference) {
                            Some(text) => text.to_owned(),
                            None => return Err(self.error(ForeignReason::Entity(reference.to_string()))),
                        },
                        Err(error) => return Err(self.error(ForeignReason::IllFormed(error.to_string()))),
                    };
                    self.append(&text)?;
                }
                Event::Decl(declaration) => {
                    if let Some(Ok(encoding)) = declaration.encoding()
                        && !encoding.eq_ignore_ascii_case("utf-8")
                    {
                        return Err(self.error(ForeignReason::Encoding(encoding.into_owned())));
                    }
                }
                Event::Comment(_) | Event::PI(_) => {}
                Event::DocType(_) => return Err(self.error(ForeignReason::Doctype)),
                Event::Eof => {
                    return match self.root.take() {
                        Some(root) => Ok(root),
                        None => Err(self.error(ForeignReason::NoRoot)),
                    };
                }
            }
        }
    }

    /// The element of a start tag, without its children.
    fn element(&mut self, tag: &BytesStart<'_>) -> Result<Element, ForeignError> {
        self.elements += 1;
        if self.elements > MAX_ELEMENTS {
            return Err(self.error(ForeignReason::TooManyElements));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(self.error(ForeignReason::TooDeep));
        }
        let mut declared = Vec::new();
        let mut written = Vec::new();
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|error| self.error(ForeignReason::IllFormed(error.to_string())))?;
            let value = attribute
                .normalized_value(XmlVersion::Explicit1_0)
                .map_err(|error| self.error(ForeignReason::IllFormed(error.to_string())))?
                .into_owned();
            let name = attribute.key.0;
            match name.split_once(':') {
                None if name == "xmlns" => declared.push((String::new(), value)),
                Some(("xmlns", prefix)) => {
                    let reserved = prefix == "xmlns" || (prefix == "xml") != (value == XML) || value == XMLNS;
                    if value.is_empty() || reserved {
                        return Err(self.error(ForeignReason::NamespaceDeclaration(format!("{name}={value:?}"))));
                    }
                    declared.push((prefix.to_owned(), value));
                }
                split => written.push((split.unwrap_or(("", name)), value)),
            }
        }
        let outer = self.open.last().map(|parent| Arc::clone(&parent.scope));
        let scope = match outer {
            Some(outer) if declared.is_empty() => outer,
            outer => Arc::new(Scope { declared, outer }),
        };
        let mut attributes: Vec<Attribute> = Vec::with_capacity(written.len());
        for ((prefix, local), value) in written {
            // An attribute without prefix is in no namespace, whatever the default is.
            let namespace = if prefix.is_empty() { "" } else { self.namespace(&scope, prefix)? };
            if attributes.iter().any(|other| other.local == local && other.namespace == namespace) {
                return Err(self.error(ForeignReason::DuplicateAttribute(local.to_owned())));
            }
            attributes.push(Attribute { namespace: namespace.to_owned(), local: local.to_owned(), value });
        }
        let name = tag.name().0;
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        let namespace = self.namespace(&scope, prefix)?.to_owned();
        let (local, tag) = (local.to_owned(), self.counted..self.position());
        let span = tag.clone();
        Ok(Element { namespace, local, attributes, children: Vec::new(), line: self.line, tag, span, scope })
    }

    fn namespace<'s>(&self, scope: &'s Scope, prefix: &str) -> Result<&'s str, ForeignError> {
        scope.namespace(prefix).ok_or_else(|| self.error(ForeignReason::UndeclaredPrefix(prefix.to_owned())))
    }

    /// Hands a finished element to its parent.
    fn close(&mut self, mut element: Element) -> Result<(), ForeignError> {
        element.span.end = self.position();
        match self.open.last_mut() {
            Some(parent) => parent.children.push(Node::Element(element)),
            None if self.root.is_none() => self.root = Some(element),
            None => return Err(self.error(ForeignReason::Outside)),
        }
        Ok(())
    }

    fn append(&mut self, text: &str) -> Result<(), ForeignError> {
        match self.open.last_mut() {
            Some(parent) => match parent.children.last_mut() {
                Some(Node::Text(before)) => before.push_str(text),
                _ => parent.children.push(Node::Text(text.to_owned())),
            },
            None if text.trim_matches([' ', '\t', '\r', '\n']).is_empty() => {}
            None => return Err(self.error(ForeignReason::Outside)),
        }
        Ok(())
    }

    /// Moves the line count on to an octet of the file.
    fn count_to(&mut self, position: u64) {
        let position = self.within(position);
        if let Some(passed) = self.text.as_bytes().get(self.counted..position) {
            self.line += line_at(passed, passed.len()) - 1;
            self.counted = position;
        }
    }

    /// The octet behind what was read last.
    fn position(&self) -> usize {
        self.within(self.reader.buffer_position())
    }

    fn within(&self, position: u64) -> usize {
        usize::try_from(position).unwrap_or(usize::MAX).min(self.text.len())
    }

    fn error(&self, reason: ForeignReason) -> ForeignError {
        ForeignError { line: self.line, reason }
    }
}

/// The line, from 1, of the octet at `position`.
fn line_at(bytes: &[u8], position: usize) -> u32 {
    1 + bytes.iter().take(position).filter(|&&octet| octet == b'\n').count() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        read(text.as_bytes()).unwrap_err().to_string()
    }

    fn walk<'t>(element: &Element, text: &'t str, found: &mut Vec<(&'t str, &'t str)>) {
        found.push((&text[element.tag.clone()], &text[element.span.clone()]));
        element.elements().for_each(|child| walk(child, text, found));
    }

    #[test]
    fn places_in_the_text() {
        let bytes =
            "\u{feff}<?xml version='1.0'?>\n<a>é <b:c xmlns:b='>'>x<d/> </b:c ><!-- <e> --><e></e>\n</a>".as_bytes();
        let (root, text) = (read(bytes).unwrap(), text(bytes).unwrap());
        let mut found = Vec::new();
        walk(&root, text, &mut found);
        assert_eq!(found[0].0, "<a>");
        assert!(found[0].1.starts_with("<a>é ") && found[0].1.ends_with("\n</a>"));
        let within = [("<b:c xmlns:b='>'>", "<b:c xmlns:b='>'>x<d/> </b:c >"), ("<d/>", "<d/>"), ("<e>", "<e></e>")];
        assert_eq!(found[1..], within);
    }

    #[test]
    fn names_attributes_text_and_lines() {
        let root = read(b"\xef\xbb\xbf<?xml version='1.0' encoding='UTF-8'?>\n<!-- c -->\n<a xmlns='urn:a' xmlns:b='urn:b'>\n <b:c b:d='1' d='a&amp;b'>x<![CDATA[<y]]>&#x7A;&lt;</b:c>\n\n <e xmlns=''/></a>\n").unwrap();
        assert!(root.is("urn:a", "a"));
        assert_eq!(root.line, 3);
        let c = root.child("urn:b", "c").unwrap();
        assert_eq!((c.line, c.text().as_str()), (4, "x<yz<"));
        assert_eq!(
            (c.attribute("urn:b", "d"), c.attribute("", "d"), c.attribute("urn:a", "d")),
            (Some("1"), Some("a&b"), None)
        );
        let e = root.elements().last().unwrap();
        assert_eq!((e.namespace.as_str(), e.line), ("", 6));
    }

    #[test]
    fn qualified_names_in_content_resolve_where_they_stand() {
        let root = read(b"<a xmlns='urn:a' xmlns:p='urn:1'><b xmlns:p='urn:2'/></a>").unwrap();
        let b = root.elements().next().unwrap();
        assert_eq!(root.resolve("p:x"), Some(("urn:1", "x")));
        assert_eq!(b.resolve(" p:x\n"), Some(("urn:2", "x")));
        assert_eq!(b.resolve("x"), Some(("urn:a", "x")));
        assert_eq!(b.resolve("q:x"), None);
    }

    #[test]
    fn what_is_not_well_formed_is_refused_with_its_line() {
        assert_eq!(
            refused("<a>\n<b>\n</a>"),
            "line 3: not well-formed: ill-formed document: expected `</b>`, but `</a>` was found"
        );
        assert_eq!(refused("<a>\n<p:b/></a>"), "line 2: prefix p is not declared");
        assert_eq!(refused("<a>\n\n<b p:c='1'/></a>"), "line 3: prefix p is not declared");
        assert_eq!(refused("<!DOCTYPE a>\n<a/>"), "line 1: a DOCTYPE, which is never read");
        assert_eq!(refused("<a>&b;</a>"), "line 1: entity &b; is not one of the five of XML");
        assert_eq!(refused("<a/>\n<b/>"), "line 2: content beside the root element");
        assert_eq!(refused("<a/>text"), "line 1: content beside the root element");
        assert_eq!(refused("<a>\n"), "line 2: the file ends before its root element does");
        assert_eq!(
            refused("<a xmlns:p='urn:x' xmlns:q='urn:x'\n p:b='' q:b=''/>"),
            "line 1: attribute b stands twice in one element"
        );
        assert_eq!(refused("<a xmlns:p=''/>"), "line 1: namespace declaration xmlns:p=\"\" is not allowed");
        assert_eq!(
            refused("<a xmlns:xml='urn:x'/>"),
            "line 1: namespace declaration xmlns:xml=\"urn:x\" is not allowed"
        );
        assert_eq!(
            refused("<?xml version='1.0' encoding='utf-16'?><a/>"),
            "line 1: encoding utf-16 is declared, only UTF-8 is read"
        );
        assert_eq!(read(b"<a>\n\xff</a>").unwrap_err().to_string(), "line 2: not UTF-8");
    }

    #[test]
    fn depth_is_bounded() {
        let deep = format!("{}{}", "<a>".repeat(MAX_DEPTH), "</a>".repeat(MAX_DEPTH));
        assert!(read(deep.as_bytes()).is_ok());
        let deeper = format!("{}{}", "<a>".repeat(MAX_DEPTH + 1), "</a>".repeat(MAX_DEPTH + 1));
        assert_eq!(refused(&deeper), "line 1: elements are nested deeper than 128");
    }
}
