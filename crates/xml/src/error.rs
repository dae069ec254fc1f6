//! Why a document was refused.

/// Why a message, or a plaintext to be grafted into one, is no document to us. One variant for each thing the peer did.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Two attributes of one element have the same expanded name ([XML Names 1.0] section 6.3).
    #[error("an element has two attributes of the same name")]
    AttributeRepeated,
    /// A plaintext starts with a byte order mark: it was a document of its own before it was encrypted.
    #[error("a fragment starts with a byte order mark")]
    ByteOrderMarkInFragment,
    /// `]]>` stands in text ([XML 1.0] section 2.4).
    #[error("`]]>` in text")]
    CdataEndInText,
    /// A character reference is malformed or names no XML character ([XML 1.0] section 4.1).
    #[error("a character reference is malformed or names no XML character")]
    CharacterReferenceInvalid,
    /// `--` stands in a comment, or `--->` ends it ([XML 1.0] section 2.5).
    #[error("`--` in a comment")]
    CommentMalformed,
    /// Text, a CDATA section or a reference stands outside the root element.
    #[error("text outside the root element")]
    ContentOutsideRoot,
    /// A document type declaration. SOAP forbids it, and so ends every attack by entity.
    #[error("a document type declaration")]
    Doctype,
    /// The XML declaration names an encoding that is not UTF-8.
    #[error("the XML declaration names an encoding that is not UTF-8")]
    EncodingNotUtf8,
    /// An end tag names another element than the one that is open.
    #[error("an end tag names another element than the open one")]
    EndTagMismatched,
    /// An end tag closes an element that was not opened, or not in this fragment.
    #[error("an end tag without a start tag")]
    EndTagWithoutStart,
    /// A reference to an entity that is not one of the five predefined ones, or an ampersand that starts no reference.
    #[error("a reference to an entity that is not predefined")]
    EntityUnknown,
    /// Two elements of the document have the same id.
    #[error("id {0:?} is there twice")]
    IdRepeated(String),
    /// One element has two attributes that are both ids: which one names it would be in the eye of the reader.
    #[error("an element has two ids")]
    IdsOnOneElement,
    /// A character that XML does not allow ([XML 1.0] section 2.2).
    #[error("a character that XML does not allow")]
    IllegalCharacter,
    /// `<` stands in an attribute value.
    #[error("`<` in an attribute value")]
    LessThanInAttribute,
    /// Markup that is none: a start tag, end tag or declaration does not follow the grammar.
    #[error("malformed markup")]
    MarkupMalformed,
    /// A name is no `QName` ([XML Names 1.0] section 4).
    #[error("a name is no qualified name")]
    NameMalformed,
    /// A prefix is bound to no namespace, as in `xmlns:p=""` ([XML Names 1.0] section 2.2).
    #[error("a prefix is declared with an empty namespace")]
    NamespaceEmpty,
    /// A namespace name is a relative reference: its canonical form is undefined ([C14N 1.0] section 1.3).
    #[error("a namespace name is relative")]
    NamespaceRelative,
    /// The prefix `xml` or `xmlns`, or the namespace of one, is declared otherwise than the specification binds it.
    #[error("a reserved prefix or namespace is declared")]
    NamespaceReserved,
    /// The document holds no element.
    #[error("no root element")]
    NoRoot,
    /// The plaintext of an encrypted element is not exactly one element.
    #[error("the fragment is not exactly one element")]
    NotOneElement,
    /// The node to be replaced by a graft is no element, is the root, or was replaced already.
    #[error("the node to replace is not an element below the root")]
    NotReplaceable,
    /// The octets are not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// A prefix is used that no declaration in scope binds.
    #[error("prefix {0:?} is not declared")]
    PrefixUndeclared(String),
    /// A processing instruction, or an XML declaration that is not at the very start. SOAP forbids the former.
    #[error("a processing instruction")]
    ProcessingInstruction,
    /// A second element stands beside the root.
    #[error("a second root element")]
    SecondRoot,
    /// Elements are nested deeper than [`Limits::depth`](crate::Limits::depth).
    #[error("elements are nested deeper than {0}")]
    TooDeep(usize),
    /// An attribute value or namespace name exceeds [`Limits::attribute_bytes`](crate::Limits::attribute_bytes).
    #[error("an attribute value is longer than {0} octets")]
    TooLongAttribute(usize),
    /// The document, with what was grafted, exceeds [`Limits::bytes`](crate::Limits::bytes).
    #[error("the document is longer than {0} octets")]
    TooLongDocument(usize),
    /// A name, or the name of a namespace, exceeds [`Limits::name_bytes`](crate::Limits::name_bytes).
    #[error("a name is longer than {0} octets")]
    TooLongName(usize),
    /// A run of text, a CDATA section or a comment exceeds [`Limits::text_bytes`](crate::Limits::text_bytes).
    #[error("a text is longer than {0} octets")]
    TooLongText(usize),
    /// An element exceeds [`Limits::attributes`](crate::Limits::attributes).
    #[error("an element has more than {0} attributes")]
    TooManyAttributes(usize),
    /// An element exceeds [`Limits::children`](crate::Limits::children).
    #[error("an element has more than {0} children")]
    TooManyChildren(usize),
    /// An element exceeds [`Limits::declarations`](crate::Limits::declarations).
    #[error("an element has more than {0} namespace declarations")]
    TooManyDeclarations(usize),
    /// The open elements exceed [`Limits::declarations_in_scope`](crate::Limits::declarations_in_scope).
    #[error("more than {0} namespace declarations are in scope")]
    TooManyDeclarationsInScope(usize),
    /// The document exceeds [`Limits::elements`](crate::Limits::elements).
    #[error("more than {0} elements")]
    TooManyElements(usize),
    /// The document exceeds [`Limits::names`](crate::Limits::names).
    #[error("more than {0} distinct names")]
    TooManyNames(usize),
    /// The octets end within markup or before every element is closed.
    #[error("the document ends early")]
    Truncated,
    /// The XML declaration is malformed or names a version that is not 1.0.
    #[error("the XML declaration is malformed or not of version 1.0")]
    XmlDeclarationInvalid,
}
