//! `wsse:BinarySecurityToken` with an X.509 certificate, or a path of them ([X.509 Token Profile 1.1] section 3).

use nuncio_crypto::base64;
use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::path::CertificatePath;
use nuncio_policy::model::X509Kind;
use nuncio_xml::{Document, NodeId, Writer};

use super::octets;
use super::reference::PREFIX;
use crate::names::{BASE64, PKI_PATH, WSSE, WSU, X509V3};
use crate::refusal::Refusal;

const OF: &str = "BinarySecurityToken";

/// What a token holds.
pub(crate) struct Carried {
    pub(crate) octets: Vec<u8>,
    /// Whether it is a path, the holder's certificate last, and not the one certificate.
    pub(crate) path: bool,
}

/// What the token at `node` holds.
pub(crate) fn read(document: &Document, node: NodeId) -> Result<Carried, Refusal> {
    let path = match document.attribute(node, "", "ValueType").as_deref() {
        Some(X509V3) => false,
        Some(PKI_PATH) => true,
        _ => return Err(Refusal::header(OF, "is not an X.509 certificate")),
    };
    if document.attribute(node, "", "EncodingType").is_some_and(|encoding| encoding != BASE64) {
        return Err(Refusal::header(OF, "is not in base64"));
    }
    Ok(Carried { octets: octets(document, node, OF)?, path })
}

/// The octets of the one certificate in the token at `node`.
pub(crate) fn read_one(document: &Document, node: NodeId) -> Result<Vec<u8>, Refusal> {
    match read(document, node)? {
        Carried { octets, path: false } => Ok(octets),
        Carried { path: true, .. } => Err(Refusal::header(OF, "is a path where one certificate is asked for")),
    }
}

/// The `ValueType` of tokens of that kind.
pub(crate) const fn value_type(kind: X509Kind) -> &'static str {
    match kind {
        X509Kind::PkiPathV1 => PKI_PATH,
        // No policy with the others is served.
        X509Kind::V1 | X509Kind::V3 | X509Kind::Pkcs7 => X509V3,
    }
}

/// Writes a certificate as a token of that kind; without an id where nothing refers to it.
pub(crate) fn write(writer: &mut Writer, id: Option<&str>, certificate: &Certificate, kind: X509Kind) {
    writer.start(PREFIX, WSSE, OF);
    if let Some(id) = id {
        writer.attribute_ns("u", WSU, "Id", id);
    }
    writer.attribute("ValueType", value_type(kind));
    writer.attribute("EncodingType", BASE64);
    match kind {
        X509Kind::PkiPathV1 => {
            writer.text_with(|out| base64::encode_to(&CertificatePath::to_der(&[certificate]), out));
        }
        _ => writer.text_with(|out| base64::encode_to(certificate.der(), out)),
    }
    writer.end();
}
