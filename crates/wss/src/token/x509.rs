//! `wsse:BinarySecurityToken` with an X.509 certificate ([X.509 Token Profile 1.1] section 3).

use nuncio_crypto::base64;
use nuncio_crypto::certificate::Certificate;
use nuncio_xml::{Document, NodeId, Writer};

use super::octets;
use super::reference::PREFIX;
use crate::names::{BASE64, WSSE, WSU, X509V3};
use crate::refusal::Refusal;

const OF: &str = "BinarySecurityToken";

/// The octets of the certificate in the token at `node`.
pub(crate) fn read(document: &Document, node: NodeId) -> Result<Vec<u8>, Refusal> {
    if document.attribute(node, "", "ValueType").is_none_or(|kind| kind != X509V3) {
        return Err(Refusal::header(OF, "is not an X.509 certificate"));
    }
    if document.attribute(node, "", "EncodingType").is_some_and(|encoding| encoding != BASE64) {
        return Err(Refusal::header(OF, "is not in base64"));
    }
    octets(document, node, OF)
}

/// Writes a certificate as a token; without an id where nothing refers to it.
pub(crate) fn write(writer: &mut Writer, id: Option<&str>, certificate: &Certificate) {
    writer.start(PREFIX, WSSE, OF);
    if let Some(id) = id {
        writer.attribute_ns("u", WSU, "Id", id);
    }
    writer.attribute("ValueType", X509V3);
    writer.attribute("EncodingType", BASE64);
    writer.text_with(|out| base64::encode_to(certificate.der(), out));
    writer.end();
}
