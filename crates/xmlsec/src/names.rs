//! Namespaces and identifiers of XML Signature, XML Encryption and exclusive canonicalisation.

/// XML Signature.
pub const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";

/// XML Encryption.
pub const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";

/// XML Encryption 1.1.
pub(crate) const XENC11: &str = "http://www.w3.org/2009/xmlenc11#";

/// Exclusive canonicalisation: the algorithm, and the namespace of `InclusiveNamespaces`.
pub const EXCLUSIVE_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

/// Canonical XML 1.0.
pub(crate) const INCLUSIVE_C14N: &str = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";

/// The transform that leaves a signature out of what it signs.
pub(crate) const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// The transform that puts a token in the place of a reference to it.
pub(crate) const STR_TRANSFORM: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#STR-Transform";

/// WS-Security 1.0: the namespace of that transform's parameter, and of what it works on.
pub(crate) const WSSE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";

/// `Type` of an `EncryptedData` that stands for an element.
pub(crate) const ELEMENT: &str = "http://www.w3.org/2001/04/xmlenc#Element";

/// `Type` of an `EncryptedData` that stands for an element's content.
pub(crate) const CONTENT: &str = "http://www.w3.org/2001/04/xmlenc#Content";
