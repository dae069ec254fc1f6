//! Base64 ([RFC 4648] section 4), as `xs:base64Binary` writes it: white space anywhere, otherwise one spelling only.

use base64_simd::STANDARD;

/// A text that is not base64: an octet outside the alphabet, missing or misplaced padding, or bits left over.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("is not base64")]
pub struct NotBase64;

/// Appends the base64 of `octets` to `out`, on one line.
pub fn encode_to(octets: &[u8], out: &mut Vec<u8>) {
    STANDARD.encode_append(octets, out);
}

/// The base64 of `octets`, on one line.
pub fn encode(octets: &[u8]) -> String {
    STANDARD.encode_to_string(octets)
}

/// The octets that `text` spells.
///
/// XML white space (space, tab, line feed, carriage return) is skipped wherever it stands ([XML Schema 2] section
/// 3.2.16). Everything else is strict: the padding is there and whole, and the bits it leaves over are zero, so a value
/// has one spelling but for its white space.
///
/// # Errors
///
/// [`NotBase64`] for anything else.
pub fn decode(text: &str) -> Result<Vec<u8>, NotBase64> {
    // Most texts come without white space; only those that fail are looked at again.
    STANDARD.decode_to_vec(text).or_else(|_| {
        // Line by line: 76 digits and a line break are what Java writes.
        let mut dense = Vec::with_capacity(text.len());
        for digits in text.as_bytes().split(|octet| is_white_space(*octet)) {
            dense.extend_from_slice(digits);
        }
        if dense.len() == text.len() {
            return Err(NotBase64);
        }
        STANDARD.decode_to_vec(dense).map_err(|_| NotBase64)
    })
}

/// White space of [XML 1.0] section 2.3, production S.
fn is_white_space(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t' | b'\n' | b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [RFC 4648] section 10, both ways.
    #[test]
    fn rfc_4648() {
        for (octets, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode(octets.as_bytes()), text);
            assert_eq!(decode(text).as_deref(), Ok(octets.as_bytes()));
            let mut out = b"before".to_vec();
            encode_to(octets.as_bytes(), &mut out);
            assert_eq!(out, format!("before{text}").as_bytes());
        }
        assert_eq!(decode("++//").unwrap(), [0xfb, 0xef, 0xff]);
    }

    /// White space of XML is skipped at every place, in the padding too.
    #[test]
    fn pa_13_white_space_is_skipped() {
        for text in ["Zm9vYg== ", "\r\nZm9v\r\nYg==\r\n", " Z m 9 v Y g = = ", "Zm9vYg=\n=", "\tZm9vYg=="] {
            assert_eq!(decode(text).as_deref(), Ok(&b"foob"[..]), "{text:?}");
        }
        assert_eq!(decode(" \t\r\n"), Ok(Vec::new()));
        assert_eq!(decode(&" ".repeat(100_000)), Ok(Vec::new()));
    }

    /// Whatever has a second spelling, or none.
    #[test]
    fn pa_13_other_texts_are_refused() {
        for text in [
            "Z",             // a lone digit
            "Zg",            // padding left out
            "Zg=",           // half of it
            "Zg===",         // too much of it
            "=",             // nothing but it
            "====",          // nothing but it
            "Zm9v=",         // none was due
            "Zm9v====",      // none was due
            "Zg==Zg==",      // two values
            "Z=g=",          // misplaced
            "Zh==",          // four bits left over, not zero
            "Zm9=",          // two bits left over, not zero
            "Zm-_",          // the alphabet for URLs
            "Zm9v!",         // outside the alphabet
            "Zm9vé",         // outside ASCII
            "Zm9v\u{a0}",    // white space, but not XML's
            "Zm9v\u{b}",     // white space, but not XML's
            "Zm9v\u{c}Zm9v", // white space, but not XML's
            "Zm9v\0",        // an octet that ends a string elsewhere
            "<!---->Zm9v",   // markup
        ] {
            assert_eq!(decode(text), Err(NotBase64), "{text:?}");
        }
    }

    /// Every length and every octet survives, past the widths that the vector code works in.
    #[test]
    fn round_trips() {
        let octets: Vec<u8> = (0..600_u32).map(|i| (i * 7 % 256) as u8).collect();
        for length in 0..octets.len() {
            let text = encode(&octets[..length]);
            assert_eq!(decode(&text).as_deref(), Ok(&octets[..length]));
            // No single digit can be changed to a white space or a foreign octet without notice.
            let mut broken = text.clone().into_bytes();
            if let Some(last) = broken.iter().rposition(|octet| *octet != b'=') {
                broken[last] = b' ';
                assert!(decode(core::str::from_utf8(&broken).unwrap()).is_err());
            }
        }
    }
}
