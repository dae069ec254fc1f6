//! How much of everything a document may have.

/// How much of everything a document may have. Every limit is inclusive: what equals it is read, what exceeds it is refused.
///
/// There are no defaults here: they stand in one table in the configuration. All limits are cumulative over a document
/// and the fragments that are [grafted](crate::Document::graft) into it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Octets of the document, plus the octets of every plaintext grafted into it. Never more than `u32::MAX / 2`.
    pub bytes: usize,
    /// Elements open at once; the root has depth 1.
    pub depth: usize,
    /// Attributes on one element, namespace declarations not among them. Never more than `u16::MAX`.
    pub attributes: usize,
    /// Octets of one attribute value or namespace name, as written between its quotes.
    pub attribute_bytes: usize,
    /// Namespace declarations on one element. Never more than `u16::MAX`.
    pub declarations: usize,
    /// Namespace declarations on all the elements that are open at once.
    pub declarations_in_scope: usize,
    /// Elements of the document.
    pub elements: usize,
    /// Children of one element, whatever their kind.
    pub children: usize,
    /// Octets of one qualified name, prefix and colon included, and of one namespace name: what is written of a document,
    /// canonical or copied, may declare the namespace on each of its elements.
    pub name_bytes: usize,
    /// Distinct qualified names, prefixes and namespace names of the document, taken together.
    pub names: usize,
    /// Octets of one run of text, one CDATA section or one comment, as written.
    pub text_bytes: usize,
}
