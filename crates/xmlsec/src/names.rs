//! Namespaces and identifiers of XML Signature, XML Encryption and exclusive canonicalisation.

/// XML Signature.
pub const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";

/// XML Encryption.
pub const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";

/// XML Encryption 1.1.
pub(crate) const XENC11: &str = "http://www.w3.org/2009/xmlenc11#";

/// Exclusive canonicalisation: the algorithm, and the namespace of `InclusiveNamespaces`.
pub const EXCLUSIVE_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

/// `Type` of an `EncryptedData` that stands for an element.
pub(crate) const ELEMENT: &str = "http://www.w3.org/2001/04/xmlenc#Element";

/// `Type` of an `EncryptedData` that stands for an element's content.
pub(crate) const CONTENT: &str = "http://www.w3.org/2001/04/xmlenc#Content";
