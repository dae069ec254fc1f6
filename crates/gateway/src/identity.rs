//! Who calls, as a backend is told.
//!
//! A request to a backend is built from nothing, so no header of a client's can reach it, however it is spelled; there
//! is no list of headers to strip, and none to forget.

use hyper::header::{HeaderName, HeaderValue};

/// Who calls: a user's name, or a certificate's subject in the form of RFC 2253.
pub const PRINCIPAL: HeaderName = HeaderName::from_static("x-nuncio-principal");
/// The conversation: an opaque id, the same in each call of one.
pub const CONVERSATION: HeaderName = HeaderName::from_static("x-nuncio-conversation");

/// The longest value, in octets, once it is encoded.
pub const LONGEST: usize = 1024;

/// A value that does not fit into a header.
///
/// It is refused, not cut: two callers must not look the same.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error("the caller's name has {0} octets in a header, which may have {LONGEST}")]
pub struct TooLong(pub usize);

/// Puts a caller's name or a conversation's id into a header value.
///
/// Printable ASCII stands for itself, but for `%`; everything else, and a space at either end, is percent-encoded octet
/// by octet of its UTF-8. Decoding `%XX` gives the exact value back, so two names never share an encoding.
pub fn header_value(value: &str) -> Result<HeaderValue, TooLong> {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let last = value.len().saturating_sub(1);
    let mut encoded = Vec::with_capacity(value.len());
    for (at, octet) in value.bytes().enumerate() {
        let plain = match octet {
            b'%' => false,
            b' ' => at != 0 && at != last,
            _ => octet.is_ascii_graphic(),
        };
        if plain {
            encoded.push(octet);
        } else {
            encoded.extend_from_slice(&[b'%', HEX[usize::from(octet >> 4)], HEX[usize::from(octet & 15)]]);
        }
    }
    let length = encoded.len();
    if length > LONGEST {
        return Err(TooLong(length));
    }
    // Only printable ASCII is left, which every header value may have.
    HeaderValue::from_maybe_shared(bytes::Bytes::from(encoded)).map_err(|_| TooLong(length))
}

/// The leave to call a backend, in somebody's name.
///
/// Only [`Permit::assertion`] makes one, so a search for that word finds every place where a caller is believed; and
/// nothing reaches a backend without one.
#[derive(Clone, Debug)]
pub struct Permit {
    principal: Option<HeaderValue>,
    conversation: Option<HeaderValue>,
}

impl Permit {
    /// Asserts that whoever sent a message has proved to be `principal`, in `conversation`.
    pub(crate) fn assertion(principal: Option<&str>, conversation: Option<&str>) -> Result<Self, TooLong> {
        Ok(Self {
            principal: principal.map(header_value).transpose()?,
            conversation: conversation.map(header_value).transpose()?,
        })
    }

    /// The headers that tell a backend so.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let principal = self.principal.clone().map(|value| (PRINCIPAL, value));
        principal.into_iter().chain(self.conversation.clone().map(|value| (CONVERSATION, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_encoded() {
        for (value, header) in [
            ("alice", "alice"),
            ("CN=wcf client, O=Test,C=DE", "CN=wcf client, O=Test,C=DE"),
            ("a\r\nX-Admin: 1", "a%0D%0AX-Admin: 1"),
            ("Zoë", "Zo%C3%AB"),
            ("100%", "100%25"),
            ("%0A", "%250A"),
            (" alice ", "%20alice%20"),
            (" ", "%20"),
            ("a\0\u{7f}b", "a%00%7Fb"),
            ("\"><x/>", "\"><x/>"),
            ("", ""),
        ] {
            assert_eq!(header_value(value).unwrap().to_str().unwrap(), header, "{value:?}");
        }
    }

    #[test]
    fn a_long_value_is_refused() {
        assert!(header_value(&"x".repeat(LONGEST)).is_ok());
        assert_eq!(header_value(&"x".repeat(LONGEST + 1)), Err(TooLong(LONGEST + 1)));
        assert_eq!(header_value(&"é".repeat(200)), Err(TooLong(1200)));
    }
}
