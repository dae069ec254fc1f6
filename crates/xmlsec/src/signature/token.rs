//! The token that a `wsse:SecurityTokenReference` stands for under the STR-Transform ([WSS 1.1] section 8.3).

use nuncio_crypto::base64;
use nuncio_xml::{NodeId, Writer};

use crate::names::WSSE;

/// The token that a reference refers to, as the caller resolved it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Token {
    /// An element of the message.
    Element(NodeId),
    /// A token that is not in the message, a certificate known by its thumbprint say. It is digested as the
    /// `wsse:BinarySecurityToken` that it would be.
    Binary {
        /// Its `ValueType`.
        value_type: String,
        /// What it holds as base64.
        octets: Vec<u8>,
    },
}

/// The canonical `wsse:BinarySecurityToken` of a token that is not in the message. Its prefix is that of the reference,
/// `wsse` if that has none; it has no `EncodingType`; and it says that it has no default namespace.
pub(super) fn binary(prefix: &str, value_type: &str, octets: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new();
    let prefix = if prefix.is_empty() { "wsse" } else { prefix };
    writer.start(prefix, WSSE, "BinarySecurityToken");
    writer.attribute("ValueType", value_type);
    writer.text_with(|out| base64::encode_to(octets, out));
    writer.end();
    with_default(writer.into_bytes())
}

/// The canonical octets of an element with `xmlns=""` on its start tag, unless that declares a default namespace.
pub(super) fn with_default(mut octets: Vec<u8>) -> Vec<u8> {
    // The name ends at the first of these, and the declaration of a default namespace comes before all others.
    let name = octets.iter().position(|octet| matches!(octet, b' ' | b'>')).unwrap_or_default();
    if !octets[name..].starts_with(b" xmlns=\"") {
        octets.splice(name..name, *b" xmlns=\"\"");
    }
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_namespace_is_declared_once() {
        for (octets, expected) in [
            ("<a></a>", "<a xmlns=\"\"></a>"),
            ("<p:a xmlns:p=\"urn:p\"></p:a>", "<p:a xmlns=\"\" xmlns:p=\"urn:p\"></p:a>"),
            ("<a xmlns=\"urn:d\" b=\"c\"></a>", "<a xmlns=\"urn:d\" b=\"c\"></a>"),
            ("<a b=\" xmlns=\">c</a>", "<a xmlns=\"\" b=\" xmlns=\">c</a>"),
        ] {
            assert_eq!(String::from_utf8_lossy(&with_default(octets.as_bytes().to_vec())), expected);
        }
    }

    #[test]
    fn a_certificate_as_it_would_stand_in_the_message() {
        let expected = "<o:BinarySecurityToken xmlns=\"\" xmlns:o=\"http://docs.oasis-open.org/wss/2004/01/\
                        oasis-200401-wss-wssecurity-secext-1.0.xsd\" ValueType=\"urn:x\">YWJj</o:BinarySecurityToken>";
        assert_eq!(String::from_utf8_lossy(&binary("o", "urn:x", b"abc")), expected);
        let expected = expected.replace("o:Bin", "wsse:Bin").replace("xmlns:o", "xmlns:wsse");
        assert_eq!(String::from_utf8_lossy(&binary("", "urn:x", b"abc")), expected);
    }
}
