//! How much a message may hold beside what the document's own limits say. No defaults: the configuration has them.

/// Limits on one message, and on what is kept between messages.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Limits on the document.
    pub xml: nuncio_xml::Limits,
    /// Children of the security header.
    pub header_children: usize,
    /// Signatures.
    pub signatures: usize,
    /// References in one signature.
    pub references: usize,
    /// Prefixes in one `InclusiveNamespaces`.
    pub prefixes: usize,
    /// Encrypted keys; each costs an operation with a private key.
    pub encrypted_keys: usize,
    /// Encrypted elements.
    pub encrypted_data: usize,
    /// Derived key tokens.
    pub derived_keys: usize,
    /// Octets of one certificate.
    pub certificate: usize,
    /// Contexts whose derived keys are kept, those that were used last; some 2 KiB each.
    pub hot_contexts: usize,
}

/// What we wrote ourselves, from what was read within limits, is read again without any.
pub(crate) const OURS: nuncio_xml::Limits = nuncio_xml::Limits {
    bytes: usize::MAX,
    depth: usize::MAX,
    attributes: usize::MAX,
    attribute_bytes: usize::MAX,
    declarations: usize::MAX,
    declarations_in_scope: usize::MAX,
    elements: usize::MAX,
    children: usize::MAX,
    name_bytes: usize::MAX,
    names: usize::MAX,
    text_bytes: usize::MAX,
};
