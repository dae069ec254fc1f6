//! References written.

use nuncio_crypto::base64;
use nuncio_crypto::certificate::Certificate;
use nuncio_policy::model::{X509Kind, X509Reference};
use nuncio_xml::Writer;
use nuncio_xmlsec::DSIG;

use super::OF;
use crate::dialect::Dialect;
use crate::names::{BASE64, ENCRYPTED_KEY, ENCRYPTED_KEY_SHA1, SUBJECT_KEY_IDENTIFIER, THUMBPRINT, WSSE, WSSE11, WSU};
use crate::token::x509;

/// The prefix of WS-Security in what we write.
pub(crate) const PREFIX: &str = "o";

/// A key that is derived from the one referred to, as the reference itself says (WS-SecureConversation 1.4, section 7.2).
pub(crate) struct Implied<'a> {
    pub(crate) dialect: &'static Dialect,
    pub(crate) nonce: &'a [u8],
    /// Octets of the key.
    pub(crate) length: usize,
}

/// Starts a reference, to a token or to a key that is derived from its.
fn start(writer: &mut Writer, implied: Option<&Implied<'_>>) {
    writer.start(PREFIX, WSSE, OF);
    if let Some(Implied { dialect, nonce, length }) = implied {
        let (prefix, namespace) = (dialect.prefixes.1, dialect.conversation);
        writer.attribute_ns(prefix, namespace, "Length", &length.to_string());
        writer.attribute_ns(prefix, namespace, "Nonce", &base64::encode(nonce));
    }
}

/// Writes a reference to an element of this message; `value_type` is its token type, where one is said.
pub(crate) fn write_local(writer: &mut Writer, id: &str, value_type: Option<&str>, implied: Option<&Implied<'_>>) {
    start(writer, implied);
    writer.start(PREFIX, WSSE, "Reference");
    writer.attribute("URI", &["#", id].concat());
    if let Some(value_type) = value_type {
        writer.attribute("ValueType", value_type);
    }
    writer.end();
    writer.end();
}

/// Writes a reference to an `EncryptedKey` of this message.
pub(crate) fn write_encrypted_key(writer: &mut Writer, id: &str, implied: Option<&Implied<'_>>) {
    start(writer, implied);
    writer.attribute_ns("k", WSSE11, "TokenType", ENCRYPTED_KEY);
    writer.start(PREFIX, WSSE, "Reference");
    writer.attribute("URI", &["#", id].concat());
    writer.attribute("ValueType", ENCRYPTED_KEY);
    writer.end();
    writer.end();
}

/// Writes a reference to an encrypted key of another message by the SHA-1 of its ciphertext.
pub(crate) fn write_encrypted_key_sha1(writer: &mut Writer, sha1: &[u8], implied: Option<&Implied<'_>>) {
    start(writer, implied);
    writer.attribute_ns("k", WSSE11, "TokenType", ENCRYPTED_KEY);
    key_identifier(writer, ENCRYPTED_KEY_SHA1, sha1);
    writer.end();
}

/// Writes a reference to a security context that does not travel with the message.
pub(crate) fn write_context(
    writer: &mut Writer,
    dialect: &Dialect,
    identifier: &str,
    instance: Option<&str>,
    implied: Option<&Implied<'_>>,
) {
    start(writer, implied);
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
/// WSS 1.1 its thumbprint, which every certificate has (WSS 1.1 X.509 profile, section 3.3). `id` is that of the reference,
/// where a signature covers the certificate by it.
pub(crate) fn write_certificate(
    writer: &mut Writer,
    certificate: &Certificate,
    wanted: X509Reference,
    v11: bool,
    id: Option<&str>,
) {
    writer.start(PREFIX, WSSE, OF);
    if let Some(id) = id {
        writer.attribute_ns("u", WSU, "Id", id);
    }
    match wanted {
        X509Reference::IssuerSerial => write_issuer_serial(writer, certificate),
        X509Reference::KeyIdentifier if write_subject_key_identifier(writer, certificate) => {}
        X509Reference::Any if !v11 => {
            if !write_subject_key_identifier(writer, certificate) {
                write_issuer_serial(writer, certificate);
            }
        }
        X509Reference::Embedded => write_embedded(writer, certificate),
        X509Reference::Thumbprint | X509Reference::KeyIdentifier | X509Reference::Any => {
            write_thumbprint(writer, certificate);
        }
    }
    writer.end();
}

/// Names a certificate by its thumbprint.
fn write_thumbprint(writer: &mut Writer, certificate: &Certificate) {
    key_identifier(writer, THUMBPRINT, &certificate.thumbprint());
}

/// Holds the certificate itself.
fn write_embedded(writer: &mut Writer, certificate: &Certificate) {
    writer.start(PREFIX, WSSE, "Embedded");
    x509::write(writer, None, certificate, X509Kind::V3);
    writer.end();
}

/// Names a certificate by issuer and serial number.
fn write_issuer_serial(writer: &mut Writer, certificate: &Certificate) {
    writer.start("", DSIG, "X509Data");
    writer.start("", DSIG, "X509IssuerSerial");
    writer.start("", DSIG, "X509IssuerName");
    writer.text(certificate.issuer_reference());
    writer.end();
    writer.start("", DSIG, "X509SerialNumber");
    writer.text(certificate.serial());
    writer.end();
    writer.end();
    writer.end();
}

/// Names a certificate by its subject key identifier, `false` if it has none.
fn write_subject_key_identifier(writer: &mut Writer, certificate: &Certificate) -> bool {
    let Some(identifier) = certificate.subject_key_identifier() else { return false };
    key_identifier(writer, SUBJECT_KEY_IDENTIFIER, identifier);
    true
}

fn key_identifier(writer: &mut Writer, value_type: &str, octets: &[u8]) {
    writer.start(PREFIX, WSSE, "KeyIdentifier");
    writer.attribute("ValueType", value_type);
    writer.attribute("EncodingType", BASE64);
    writer.text_with(|out| base64::encode_to(octets, out));
    writer.end();
}
