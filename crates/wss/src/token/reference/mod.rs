//! `wsse:SecurityTokenReference`: every form in which a key is named ([WSS 1.1] section 7, and the token profiles).

mod write;

use nuncio_crypto::certificate::Certificate;
use nuncio_xml::{Document, NodeId};
use nuncio_xmlsec::{DSIG, XENC};

use super::context::SecurityContextToken;
use super::{elements, octets, text};
use crate::dialect::Dialect;
use crate::names::{
    BASE64, ENCRYPTED_KEY, ENCRYPTED_KEY_SHA1, PKI_PATH, SUBJECT_KEY_IDENTIFIER, THUMBPRINT, USERNAME_TOKEN, WSSE,
    WSSE11, X509V3,
};
use crate::refusal::Refusal;

pub(crate) use write::{
    Implied, PREFIX, write_certificate, write_context, write_encrypted_key, write_encrypted_key_sha1, write_local,
};

const OF: &str = "SecurityTokenReference";

/// Most ways in which one `X509Data` may name its certificate.
const MAX_NAMES: usize = 8;

/// How a key is named.
#[derive(Debug)]
pub(crate) enum Reference {
    /// By the id of an element of this message.
    Local(String),
    /// By a URI that is no fragment: the identifier of a security context, and its instance where it was renewed.
    External {
        /// The identifier.
        uri: String,
        /// The instance.
        instance: Option<String>,
    },
    /// By the SHA-1 of an encrypted key's ciphertext.
    EncryptedKeySha1(Vec<u8>),
    /// By something about a certificate.
    Certificate(CertificateReference),
}

/// How a certificate is named.
#[derive(Debug)]
pub(crate) enum CertificateReference {
    /// By the SHA-1 of its DER form.
    Thumbprint(Vec<u8>),
    /// By its subject key identifier.
    SubjectKeyIdentifier(Vec<u8>),
    /// By its issuer (RFC 2253) and serial number (decimal).
    IssuerSerial {
        /// The issuer.
        issuer: String,
        /// The serial number.
        serial: String,
    },
    /// Whole.
    Embedded(Vec<u8>),
    /// In several ways, all of which must mean it.
    All(Vec<CertificateReference>),
}

impl CertificateReference {
    /// Whether it names that certificate.
    pub(crate) fn names(&self, certificate: &Certificate) -> bool {
        match self {
            Self::Thumbprint(octets) => certificate.thumbprint().as_slice() == octets.as_slice(),
            Self::SubjectKeyIdentifier(octets) => {
                certificate.subject_key_identifier().is_some_and(|identifier| identifier == octets.as_slice())
            }
            Self::IssuerSerial { issuer, serial } => certificate.is_issued_as(issuer, serial),
            Self::Embedded(octets) => certificate.der() == octets.as_slice(),
            Self::All(names) => names.iter().all(|name| name.names(certificate)),
        }
    }
}

impl Reference {
    /// Reads what a `KeyInfo` holds: one `SecurityTokenReference` (BSP R5402, R5417), or the `X509Data` that peers write who
    /// know XML Signature and Encryption alone.
    pub(crate) fn of_key_info(document: &Document, key_info: NodeId) -> Result<Self, Refusal> {
        match elements(document, key_info, "KeyInfo")?.as_slice() {
            [node] if document.is(*node, WSSE, OF) => Self::read(document, *node),
            [node] if document.is(*node, DSIG, "X509Data") => x509_data(document, *node),
            _ => Err(Refusal::header("KeyInfo", "is not one security token reference")),
        }
    }

    /// Reads the `SecurityTokenReference` at `node`.
    pub(crate) fn read(document: &Document, node: NodeId) -> Result<Self, Refusal> {
        let [child] = elements(document, node, OF)?[..] else {
            return Err(Refusal::header(OF, "has not exactly one child"));
        };
        let said = document.attribute(node, WSSE11, "TokenType");
        let name = document.name(child);
        let reference = match (name.namespace, name.local) {
            (WSSE, "Reference") => direct(document, child)?,
            (WSSE, "KeyIdentifier") => key_identifier_of(document, child)?,
            (WSSE, "Embedded") => embedded(document, child)?,
            (DSIG, "X509Data") => x509_data(document, child)?,
            _ => return Err(Refusal::header(OF, "names a key in a way that is not known")),
        };
        match said {
            Some(said) if !reference.is_to(document, &said) => {
                Err(Refusal::header(OF, "says that it is to a token of another type"))
            }
            _ => Ok(reference),
        }
    }

    /// Whether the reference is to a token of that type. What is not in the message is judged by the kind of reference; an
    /// id that nothing has leads nowhere, which whoever follows it says.
    fn is_to(&self, document: &Document, kind: &str) -> bool {
        match self {
            Self::Local(id) => document.by_id(id).is_none_or(|node| is_of_type(document, node, kind)),
            Self::External { .. } => is_context(kind),
            Self::EncryptedKeySha1(_) => kind == ENCRYPTED_KEY,
            Self::Certificate(_) => kind == X509V3 || kind == PKI_PATH,
        }
    }
}

/// Whether a type is that of a security context token, of either generation: CXF says the older one of both.
fn is_context(kind: &str) -> bool {
    Dialect::all().into_iter().any(|dialect| kind == dialect.context_token)
}

/// Whether the element at `node` is a token of that type. What is still encrypted may be of any.
fn is_of_type(document: &Document, node: NodeId, kind: &str) -> bool {
    let name = document.name(node);
    match (name.namespace, name.local) {
        (XENC, "EncryptedData") => true,
        (XENC, "EncryptedKey") => kind == ENCRYPTED_KEY,
        (WSSE, "UsernameToken") => kind == USERNAME_TOKEN,
        (WSSE, "BinarySecurityToken") => document.attribute(node, "", "ValueType").is_some_and(|own| own == kind),
        (namespace, "SecurityContextToken") => Dialect::of_conversation(namespace).is_some() && is_context(kind),
        (namespace, "DerivedKeyToken") => {
            Dialect::of_conversation(namespace).is_some()
                && (Dialect::all().into_iter().any(|dialect| kind == dialect.derived_key_token)
                    || kind == ENCRYPTED_KEY && is_of_encrypted_key(document, node))
        }
        _ => false,
    }
}

/// Whether the derived key at `node` says that it comes from an encrypted key: CXF's streaming engine gives it that one's type
/// where a signature refers to it.
fn is_of_encrypted_key(document: &Document, node: NodeId) -> bool {
    let source = document.elements(node).next().filter(|&child| document.is(child, WSSE, OF));
    let source = source.and_then(|reference| document.elements(reference).next());
    source.and_then(|child| document.attribute(child, "", "ValueType")).is_some_and(|kind| kind == ENCRYPTED_KEY)
}

/// A `wsse:Reference`, to an element of this message or to a security context.
fn direct(document: &Document, node: NodeId) -> Result<Reference, Refusal> {
    const OF: &str = "Reference";
    let uri = document.attribute(node, "", "URI").ok_or(Refusal::header(OF, "has no URI"))?;
    let reference = match uri.strip_prefix('#') {
        Some("") => return Err(Refusal::header(OF, "has an empty fragment")),
        Some(id) => Reference::Local(id.to_owned()),
        None => {
            let instance = Dialect::all()
                .into_iter()
                .find_map(|dialect| document.attribute(node, dialect.conversation, "Instance"))
                .map(std::borrow::Cow::into_owned);
            Reference::External { uri: uri.into_owned(), instance }
        }
    };
    match document.attribute(node, "", "ValueType") {
        Some(kind) if !is_known_type(&kind) => Err(Refusal::header(OF, "is to a token of no type that is known")),
        Some(kind) if !reference.is_to(document, &kind) => {
            Err(Refusal::header(OF, "says that it is to a token of another type"))
        }
        _ => Ok(reference),
    }
}

/// Whether a `ValueType` is that of a token that may be referred to.
fn is_known_type(kind: &str) -> bool {
    let derived = |dialect: &Dialect| kind == dialect.derived_key_token;
    [X509V3, PKI_PATH, ENCRYPTED_KEY, USERNAME_TOKEN].contains(&kind)
        || is_context(kind)
        || Dialect::all().into_iter().any(derived)
}

/// A `wsse:KeyIdentifier`.
fn key_identifier_of(document: &Document, node: NodeId) -> Result<Reference, Refusal> {
    const OF: &str = "KeyIdentifier";
    let value_type = document.attribute(node, "", "ValueType").unwrap_or_default();
    if document.attribute(node, "", "EncodingType").is_some_and(|encoding| encoding != BASE64) {
        return Err(Refusal::header(OF, "is not in base64"));
    }
    let octets = octets(document, node, OF)?;
    if octets.is_empty() {
        return Err(Refusal::header(OF, "is empty"));
    }
    match value_type.as_ref() {
        THUMBPRINT => Ok(Reference::Certificate(CertificateReference::Thumbprint(octets))),
        SUBJECT_KEY_IDENTIFIER => Ok(Reference::Certificate(CertificateReference::SubjectKeyIdentifier(octets))),
        ENCRYPTED_KEY_SHA1 => Ok(Reference::EncryptedKeySha1(octets)),
        X509V3 => Ok(Reference::Certificate(CertificateReference::Embedded(octets))),
        _ => Err(Refusal::header(OF, "is of no type that is known")),
    }
}

/// A `wsse:Embedded`: a certificate, or a security context token, which names what its identifier names.
fn embedded(document: &Document, node: NodeId) -> Result<Reference, Refusal> {
    const OF: &str = "Embedded";
    let [token] = elements(document, node, OF)?[..] else {
        return Err(Refusal::header(OF, "is not one token"));
    };
    let reference = if document.is(token, WSSE, "BinarySecurityToken") {
        Reference::Certificate(CertificateReference::Embedded(super::x509::read_one(document, token)?))
    } else {
        let name = document.name(token);
        match Dialect::of_conversation(name.namespace).filter(|_| name.local == "SecurityContextToken") {
            Some(dialect) => {
                let token = SecurityContextToken::read(document, token, dialect)?;
                Reference::External { uri: token.identifier, instance: token.instance }
            }
            None => return Err(Refusal::header(OF, "is no certificate and no security context")),
        }
    };
    match document.attribute(node, "", "ValueType") {
        Some(kind) if !is_of_type(document, token, &kind) => {
            Err(Refusal::header(OF, "says that it is a token of another type"))
        }
        _ => Ok(reference),
    }
}

/// A `ds:X509Data` ([XML Signature 1.1] section 4.5.4): whatever is in it is about one certificate, and names it as
/// far as it goes. Where the certificate is there, the rest must be about it; a subject's name beside something that
/// tells certificates apart adds nothing.
fn x509_data(document: &Document, node: NodeId) -> Result<Reference, Refusal> {
    const OF: &str = "X509Data";
    let mut names = Vec::new();
    let mut whole = None;
    for child in elements(document, node, OF)? {
        if names.len() == MAX_NAMES {
            return Err(Refusal::TooMany { what: "names of one certificate", limit: MAX_NAMES });
        }
        let name = document.name(child);
        match (name.namespace, name.local) {
            (DSIG, "X509Certificate") => {
                let octets = octets(document, child, "X509Certificate")?;
                if whole.replace(octets).is_some() {
                    return Err(Refusal::header(OF, "has more than one certificate"));
                }
            }
            (DSIG, "X509IssuerSerial") => names.push(issuer_serial(document, child)?),
            (DSIG, "X509SKI") => {
                names.push(CertificateReference::SubjectKeyIdentifier(octets(document, child, "X509SKI")?));
            }
            (DSIG, "X509SubjectName") => {}
            _ => return Err(Refusal::header(OF, "names a certificate in a way that is not known")),
        }
    }
    let reference = match whole {
        Some(octets) => {
            let is_it = |certificate: Certificate| names.iter().all(|name| name.names(&certificate));
            if !names.is_empty() && !Certificate::from_der(octets.clone()).is_ok_and(is_it) {
                return Err(Refusal::header(OF, "names another certificate than the one in it"));
            }
            CertificateReference::Embedded(octets)
        }
        None => match names.pop() {
            None => return Err(Refusal::header(OF, "does not tell one certificate from others")),
            Some(only) if names.is_empty() => only,
            Some(last) => {
                names.push(last);
                CertificateReference::All(names)
            }
        },
    };
    Ok(Reference::Certificate(reference))
}

fn issuer_serial(document: &Document, node: NodeId) -> Result<CertificateReference, Refusal> {
    match elements(document, node, "X509IssuerSerial")?.as_slice() {
        [issuer, serial]
            if document.is(*issuer, DSIG, "X509IssuerName") && document.is(*serial, DSIG, "X509SerialNumber") =>
        {
            Ok(CertificateReference::IssuerSerial {
                issuer: text(document, *issuer, "X509IssuerName")?,
                serial: text(document, *serial, "X509SerialNumber")?,
            })
        }
        _ => Err(Refusal::header("X509IssuerSerial", "is not an issuer and a serial number")),
    }
}

#[cfg(test)]
mod tests;
