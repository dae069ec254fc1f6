//! SOAP's media types: `text/xml` (SOAP 1.1 section 6) and `application/soap+xml` (RFC 3902).

use nuncio_policy::model::SoapVersion;

/// What messages of that version are sent as.
pub(crate) const fn content_type(version: SoapVersion) -> &'static str {
    match version {
        SoapVersion::V11 => "text/xml; charset=utf-8",
        SoapVersion::V12 => "application/soap+xml; charset=utf-8",
    }
}

/// The version of SOAP that a content type means; `None` for any other media type, for one that is malformed (RFC 9110
/// section 8.3.1), and for one in another encoding than UTF-8.
///
/// A charset that says otherwise than the octets do is how two readers come to see two messages: only UTF-8 is read, so
/// only UTF-8 may be said.
pub(crate) fn version(content_type: &str) -> Option<SoapVersion> {
    let (media, rest) = content_type.split_at(content_type.find(';').unwrap_or(content_type.len()));
    let media = media.trim();
    let version = if media.eq_ignore_ascii_case("text/xml") {
        SoapVersion::V11
    } else if media.eq_ignore_ascii_case("application/soap+xml") {
        SoapVersion::V12
    } else {
        return None;
    };
    let is_utf_8 =
        |(name, value): &(&str, String)| !name.eq_ignore_ascii_case("charset") || value.eq_ignore_ascii_case("utf-8");
    parameters(rest)?.iter().all(is_utf_8).then_some(version)
}

/// The parameters behind a media type, each behind its semicolon; `None` if they are malformed.
fn parameters(mut rest: &str) -> Option<Vec<(&str, String)>> {
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', '\t', ';']);
        if rest.is_empty() {
            return Some(found);
        }
        let (name, behind) = rest.split_once('=')?;
        let (name, behind) = (name.trim(), behind.trim_start());
        let (value, behind) = behind.strip_prefix('"').map_or_else(|| bare_value(behind), quoted_string)?;
        let is_token = !name.is_empty()
            && name.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet));
        rest = behind.trim_start();
        if !is_token || !(rest.is_empty() || rest.starts_with(';')) {
            return None;
        }
        found.push((name, value));
    }
}

/// A value without quotes, and what is behind it. Not only of a token's characters: an action is taken so, too.
fn bare_value(text: &str) -> Option<(String, &str)> {
    let (value, behind) = text.split_at(text.find(';').unwrap_or(text.len()));
    let value = value.trim_end();
    let sound = !value.is_empty() && !value.contains(['"', ',', ' ', '\t']);
    sound.then(|| (value.to_owned(), behind))
}

/// The value of a quoted string whose first quote was taken, and what is behind its last.
fn quoted_string(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            _ => value.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn soap_in_utf_8_is_known() {
        for (content_type, expected) in [
            ("text/xml", Some(SoapVersion::V11)),
            (" Text/XML ; Charset=\"UTF-8\" ;", Some(SoapVersion::V11)),
            ("application/soap+xml; charset=utf-8; action=\"urn:a;charset=utf-16;b\"", Some(SoapVersion::V12)),
            ("application/soap+xml;action=urn:a", Some(SoapVersion::V12)),
            ("application/soap+xml; action=\"a\\\"; charset=utf-16\"", Some(SoapVersion::V12)),
            ("application/soap+xml; action=\"\"", Some(SoapVersion::V12)),
            (content_type(SoapVersion::V11), Some(SoapVersion::V11)),
            (content_type(SoapVersion::V12), Some(SoapVersion::V12)),
            ("", None),
            ("text/plain", None),
            ("text/xml+x", None),
            ("application/soap+xml; action=\"urn:a\"; charset=utf-16", None),
            ("text/xml; charset=utf-8; charset=utf-7", None),
            ("text/xml; charset = utf-16", None),
            ("text/xml; charset=\"utf\\-16\"", None),
            // Malformed: whoever reads on might find another charset than we do.
            ("text/xml; x; charset=utf-16", None),
            ("text/xml; charset", None),
            ("text/xml; charset=", None),
            ("text/xml; charset=utf-8 x", None),
            ("text/xml; charset=utf\"-8\"", None),
            ("text/xml; action=\"a", None),
            ("text/xml; action=\"a\\", None),
            ("text/xml; action=\"a\"b", None),
            ("text/xml, text/plain", None),
        ] {
            assert_eq!(version(content_type), expected, "{content_type}");
        }
    }
}
