//! `wsse:SecurityTokenReference`: every form in which a key is named ([WSS 1.1] section 7, and the token profiles).

use nuncio_crypto::base64;
use nuncio_crypto::certificate::Certificate;
use nuncio_policy::model::X509Reference;
use nuncio_xml::{Document, NodeId, Writer};
use nuncio_xmlsec::DSIG;

use super::{elements, octets, text};
use crate::dialect::Dialect;
use crate::names::{
    BASE64, ENCRYPTED_KEY, ENCRYPTED_KEY_SHA1, SUBJECT_KEY_IDENTIFIER, THUMBPRINT, WSSE, WSSE11, X509V3,
};
use crate::refusal::Refusal;

const OF: &str = "SecurityTokenReference";

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
        }
    }
}

impl Reference {
    /// Reads the one `SecurityTokenReference` within a `KeyInfo` (BSP R5402, R5417).
    pub(crate) fn of_key_info(document: &Document, key_info: NodeId) -> Result<Self, Refusal> {
        match elements(document, key_info, "KeyInfo")?.as_slice() {
            [node] if document.is(*node, WSSE, OF) => Self::read(document, *node),
            _ => Err(Refusal::header("KeyInfo", "is not one security token reference")),
        }
    }

    /// Reads the `SecurityTokenReference` at `node`.
    pub(crate) fn read(document: &Document, node: NodeId) -> Result<Self, Refusal> {
        let [child] = elements(document, node, OF)?[..] else {
            return Err(Refusal::header(OF, "has not exactly one child"));
        };
        let name = document.name(child);
        match (name.namespace, name.local) {
            (WSSE, "Reference") => {
                let uri = document.attribute(child, "", "URI").ok_or(Refusal::header("Reference", "has no URI"))?;
                if document.attribute(child, "", "ValueType").is_some_and(|kind| !is_known_type(&kind)) {
                    return Err(Refusal::header("Reference", "is to a token of no type that is known"));
                }
                match uri.strip_prefix('#') {
                    Some("") => Err(Refusal::header("Reference", "has an empty fragment")),
                    Some(id) => Ok(Self::Local(id.to_owned())),
                    None => {
                        let instance = Dialect::all()
                            .into_iter()
                            .find_map(|dialect| document.attribute(child, dialect.conversation, "Instance"))
                            .map(std::borrow::Cow::into_owned);
                        Ok(Self::External { uri: uri.into_owned(), instance })
                    }
                }
            }
            (WSSE, "KeyIdentifier") => {
                let value_type = document.attribute(child, "", "ValueType").unwrap_or_default();
                if document.attribute(child, "", "EncodingType").is_some_and(|encoding| encoding != BASE64) {
                    return Err(Refusal::header("KeyIdentifier", "is not in base64"));
                }
                let octets = octets(document, child, "KeyIdentifier")?;
                match value_type.as_ref() {
                    THUMBPRINT => Ok(Self::Certificate(CertificateReference::Thumbprint(octets))),
                    SUBJECT_KEY_IDENTIFIER => Ok(Self::Certificate(CertificateReference::SubjectKeyIdentifier(octets))),
                    ENCRYPTED_KEY_SHA1 => Ok(Self::EncryptedKeySha1(octets)),
                    X509V3 => Ok(Self::Certificate(CertificateReference::Embedded(octets))),
                    _ => Err(Refusal::header("KeyIdentifier", "is of no type that is known")),
                }
            }
            (WSSE, "Embedded") => match elements(document, child, "Embedded")?.as_slice() {
                [token] if document.is(*token, WSSE, "BinarySecurityToken") => {
                    let octets = super::x509::read(document, *token)?;
                    Ok(Self::Certificate(CertificateReference::Embedded(octets)))
                }
                _ => Err(Refusal::header("Embedded", "is not one certificate")),
            },
            (DSIG, "X509Data") => x509_data(document, child),
            _ => Err(Refusal::header(OF, "names a key in a way that is not known")),
        }
    }
}

/// Whether a `ValueType` is that of a token that may be referred to. It selects nothing: the token says what it is.
fn is_known_type(kind: &str) -> bool {
    let conversation = |dialect: &Dialect| kind == dialect.context_token || kind == dialect.derived_key_token;
    kind == X509V3 || kind == ENCRYPTED_KEY || Dialect::all().into_iter().any(conversation)
}

fn x509_data(document: &Document, node: NodeId) -> Result<Reference, Refusal> {
    const OF: &str = "X509Data";
    let [child] = elements(document, node, OF)?[..] else {
        return Err(Refusal::header(OF, "has not exactly one child"));
    };
    if document.is(child, DSIG, "X509Certificate") {
        return Ok(Reference::Certificate(CertificateReference::Embedded(octets(document, child, "X509Certificate")?)));
    }
    if !document.is(child, DSIG, "X509IssuerSerial") {
        return Err(Refusal::header(OF, "names a certificate in a way that is not known"));
    }
    match elements(document, child, "X509IssuerSerial")?.as_slice() {
        [issuer, serial]
            if document.is(*issuer, DSIG, "X509IssuerName") && document.is(*serial, DSIG, "X509SerialNumber") =>
        {
            Ok(Reference::Certificate(CertificateReference::IssuerSerial {
                issuer: text(document, *issuer, "X509IssuerName")?,
                serial: text(document, *serial, "X509SerialNumber")?,
            }))
        }
        _ => Err(Refusal::header("X509IssuerSerial", "is not an issuer and a serial number")),
    }
}

/// The prefix of WS-Security in what we write.
pub(crate) const PREFIX: &str = "o";

/// Writes a reference to an element of this message; `value_type` is its token type, where one is said.
pub(crate) fn write_local(writer: &mut Writer, id: &str, value_type: Option<&str>) {
    writer.start(PREFIX, WSSE, OF);
    writer.start(PREFIX, WSSE, "Reference");
    writer.attribute("URI", &format!("#{id}"));
    if let Some(value_type) = value_type {
        writer.attribute("ValueType", value_type);
    }
    writer.end();
    writer.end();
}

/// Writes a reference to an `EncryptedKey` of this message.
pub(crate) fn write_encrypted_key(writer: &mut Writer, id: &str) {
    writer.start(PREFIX, WSSE, OF);
    writer.attribute_ns("k", WSSE11, "TokenType", ENCRYPTED_KEY);
    writer.start(PREFIX, WSSE, "Reference");
    writer.attribute("URI", &format!("#{id}"));
    writer.attribute("ValueType", ENCRYPTED_KEY);
    writer.end();
    writer.end();
}

/// Writes a reference to an encrypted key of another message by the SHA-1 of its ciphertext.
pub(crate) fn write_encrypted_key_sha1(writer: &mut Writer, sha1: &[u8]) {
    writer.start(PREFIX, WSSE, OF);
    writer.attribute_ns("k", WSSE11, "TokenType", ENCRYPTED_KEY);
    key_identifier(writer, ENCRYPTED_KEY_SHA1, sha1);
    writer.end();
}

/// Writes a reference to a security context that does not travel with the message.
pub(crate) fn write_context(writer: &mut Writer, dialect: &Dialect, identifier: &str, instance: Option<&str>) {
    writer.start(PREFIX, WSSE, OF);
    writer.start(PREFIX, WSSE, "Reference");
    writer.attribute("URI", identifier);
    writer.attribute("ValueType", dialect.context_token);
    if let Some(instance) = instance {
        writer.attribute_ns(dialect.prefixes.1, dialect.conversation, "Instance", instance);
    }
    writer.end();
    writer.end();
}

/// Writes a reference to a certificate that does not travel, as a policy wants it; where it leaves that open, by what
/// every version of WS-Security can say of it: its subject key identifier, or else issuer and serial number; under
/// WSS 1.1 its thumbprint, which every certificate has (WSS 1.1 X.509 profile, section 3.3).
pub(crate) fn write_certificate(writer: &mut Writer, certificate: &Certificate, wanted: X509Reference, v11: bool) {
    match wanted {
        X509Reference::IssuerSerial => write_issuer_serial(writer, certificate),
        X509Reference::KeyIdentifier if write_subject_key_identifier(writer, certificate) => {}
        X509Reference::Any if !v11 => {
            if !write_subject_key_identifier(writer, certificate) {
                write_issuer_serial(writer, certificate);
            }
        }
        X509Reference::Thumbprint | X509Reference::KeyIdentifier | X509Reference::Embedded | X509Reference::Any => {
            write_thumbprint(writer, certificate);
        }
    }
}

/// Writes a reference to a certificate by its thumbprint.
fn write_thumbprint(writer: &mut Writer, certificate: &Certificate) {
    writer.start(PREFIX, WSSE, OF);
    key_identifier(writer, THUMBPRINT, &certificate.thumbprint());
    writer.end();
}

/// Writes a reference to a certificate by issuer and serial number.
fn write_issuer_serial(writer: &mut Writer, certificate: &Certificate) {
    writer.start(PREFIX, WSSE, OF);
    writer.start("", DSIG, "X509Data");
    writer.start("", DSIG, "X509IssuerSerial");
    writer.start("", DSIG, "X509IssuerName");
    writer.text(certificate.issuer());
    writer.end();
    writer.start("", DSIG, "X509SerialNumber");
    writer.text(certificate.serial());
    writer.end();
    writer.end();
    writer.end();
    writer.end();
}

/// Writes a reference to a certificate by its subject key identifier, `false` if it has none.
fn write_subject_key_identifier(writer: &mut Writer, certificate: &Certificate) -> bool {
    let Some(identifier) = certificate.subject_key_identifier() else { return false };
    writer.start(PREFIX, WSSE, OF);
    key_identifier(writer, SUBJECT_KEY_IDENTIFIER, identifier);
    writer.end();
    true
}

fn key_identifier(writer: &mut Writer, value_type: &str, octets: &[u8]) {
    writer.start(PREFIX, WSSE, "KeyIdentifier");
    writer.attribute("ValueType", value_type);
    writer.attribute("EncodingType", BASE64);
    writer.text_with(|out| base64::encode_to(octets, out));
    writer.end();
}
