//! Who calls, as a backend is told.
//!
//! A request to a backend is built from nothing, so no header of a client's can reach it, however it is spelled; there
//! is no list of headers to strip, and none to forget.

use std::borrow::Cow;
use std::sync::Arc;

use hyper::header::{HeaderName, HeaderValue};
use nuncio_policy::authorise::Proof;
use nuncio_policy::model::SoapVersion;
use nuncio_wss::{Asserted, Form, Holder, Opened, Plain, Principal};

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

/// Something that a backend can be told of who calls.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Claim {
    /// His name.
    Principal,
    /// The conversation.
    Conversation,
    /// How he proved who he is.
    Proof,
    /// His roles.
    Roles,
    /// Who issued his certificate.
    Issuer,
    /// The SHA-1 of his certificate.
    Thumbprint,
}

/// What a backend is told of who calls, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Telling {
    /// In headers.
    pub headers: Vec<(Claim, HeaderName)>,
    /// In the message.
    pub soap: Option<Form>,
}

/// In headers of Nuncio's own: the name and the conversation.
impl Default for Telling {
    fn default() -> Self {
        Self { headers: vec![(Claim::Principal, PRINCIPAL), (Claim::Conversation, CONVERSATION)], soap: None }
    }
}

/// Who calls, and all that is known of him.
pub struct Caller {
    /// Who it is.
    pub principal: Arc<Principal>,
    /// The id of his conversation.
    pub conversation: Option<String>,
    /// His roles.
    pub roles: Vec<String>,
}

impl Caller {
    /// How he proved who he is.
    pub(crate) fn proof(&self) -> Proof {
        match &*self.principal {
            Principal::Anonymous => Proof::None,
            Principal::Certificate(_) => Proof::Certificate,
            Principal::User(_) => Proof::Password,
        }
    }

    fn holder(&self) -> Option<&Holder> {
        match &*self.principal {
            Principal::Certificate(holder) => Some(holder),
            Principal::Anonymous | Principal::User(_) => None,
        }
    }

    /// What a header says; `None` where there is nothing to say.
    fn header(&self, claim: Claim) -> Result<Option<HeaderValue>, TooLong> {
        let text: Option<Cow<'_, str>> = match claim {
            Claim::Principal => self.principal.name().map(Cow::Borrowed),
            Claim::Conversation => self.conversation.as_deref().map(Cow::Borrowed),
            Claim::Proof => Some(proved(self.proof()).into()),
            Claim::Issuer => self.holder().map(|holder| Cow::Borrowed(&*holder.issuer)),
            Claim::Thumbprint => self.holder().map(|holder| thumbprint(holder).into()),
            // A comma in a name is encoded, so that what is read at commas is what was said.
            Claim::Roles if self.roles.is_empty() => None,
            Claim::Roles => return self.roles_header().map(Some),
        };
        text.map(|text| header_value(&text)).transpose()
    }

    fn roles_header(&self) -> Result<HeaderValue, TooLong> {
        let mut all = Vec::new();
        for role in &self.roles {
            if !all.is_empty() {
                all.push(b',');
            }
            let one = header_value(role)?;
            for &octet in one.as_bytes() {
                if octet == b',' { all.extend_from_slice(b"%2C") } else { all.push(octet) }
            }
        }
        let length = all.len();
        HeaderValue::from_maybe_shared(bytes::Bytes::from(all))
            .ok()
            .filter(|_| length <= LONGEST)
            .ok_or(TooLong(length))
    }
}

fn proved(proof: Proof) -> &'static str {
    match proof {
        Proof::None => "none",
        Proof::Password => "password",
        Proof::Certificate => "certificate",
    }
}

fn thumbprint(holder: &Holder) -> String {
    holder.thumbprint.iter().fold(String::new(), |text, octet| text + &format!("{octet:02X}"))
}

/// The leave to call a backend, in somebody's name.
///
/// Only [`Permit::assertion`] makes one, so a search for that word finds every place where a caller is believed; and
/// nothing reaches a backend without one.
pub struct Permit {
    headers: Vec<(HeaderName, HeaderValue)>,
    soap: Option<Form>,
    caller: Caller,
}

impl Permit {
    /// Asserts that whoever sent a message has proved to be `caller`, and may call; `telling` is what is told of it.
    pub(crate) fn assertion(caller: Caller, telling: &Telling) -> Result<Self, TooLong> {
        let mut headers = Vec::with_capacity(telling.headers.len());
        for (claim, name) in &telling.headers {
            if let Some(value) = caller.header(*claim)? {
                headers.push((name.clone(), value));
            }
        }
        Ok(Self { headers, soap: telling.soap, caller })
    }

    /// The headers that tell a backend so.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        self.headers.iter().cloned()
    }

    /// The message in that version of SOAP, which tells a backend so where it is meant to.
    pub(crate) fn plain(&self, opened: &Opened, version: SoapVersion) -> Plain {
        let Some(form) = self.soap else { return opened.plain_in(version, None) };
        let thumbprint = self.caller.holder().map(thumbprint);
        let mut claims = vec![("Proof", proved(self.caller.proof()))];
        claims.extend(self.caller.roles.iter().map(|role| ("Role", &**role)));
        claims.extend(self.caller.holder().map(|holder| ("Issuer", &*holder.issuer)));
        claims.extend(thumbprint.as_deref().map(|thumbprint| ("Thumbprint", thumbprint)));
        claims.extend(self.caller.conversation.as_deref().map(|conversation| ("Conversation", conversation)));
        opened.plain_in(version, Some(&Asserted { form, principal: self.caller.principal.name(), claims: &claims }))
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
