//! Character data: what it says, and how canonical form writes it.

use std::borrow::Cow;

use crate::ReadError;

/// The octets as written are the value: no reference, nothing to normalise.
pub(crate) const VALUE: u8 = 1;
/// The octets as written are the canonical form ([C14N 1.0] section 2.3).
pub(crate) const CANONICAL: u8 = 2;
/// The text is a CDATA section: an ampersand starts no reference.
pub(crate) const CDATA: u8 = 4;

/// The rules by which written octets become a value.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Form {
    /// References are resolved, line ends normalised.
    Text,
    /// Line ends are normalised.
    Cdata,
    /// As text, and white space becomes spaces ([XML 1.0] section 3.3.3).
    Attribute,
}

/// The value of a text node.
pub(crate) fn text(raw: &str, marks: u8) -> Cow<'_, str> {
    if marks & VALUE != 0 {
        Cow::Borrowed(raw)
    } else if marks & CDATA != 0 {
        Cow::Owned(decode(raw, Form::Cdata))
    } else {
        Cow::Owned(decode(raw, Form::Text))
    }
}

/// The value of an attribute.
pub(crate) fn attribute(raw: &str, marks: u8) -> Cow<'_, str> {
    if marks & VALUE != 0 { Cow::Borrowed(raw) } else { Cow::Owned(decode(raw, Form::Attribute)) }
}

/// Checks every reference in `raw`, and tells whether canonical form would write each as it stands.
pub(crate) fn check_references(raw: &str, form: Form) -> Result<bool, ReadError> {
    let bytes = raw.as_bytes();
    let mut canonical = true;
    for at in memchr::memchr_iter(b'&', bytes) {
        let (_, length) = reference(&bytes[at..])?;
        canonical &= match &bytes[at..at + length] {
            b"&amp;" | b"&lt;" | b"&#xD;" => true,
            b"&gt;" => form == Form::Text,
            b"&quot;" | b"&#x9;" | b"&#xA;" => form == Form::Attribute,
            _ => false,
        };
    }
    Ok(canonical)
}

/// Whether `c` is white space to XML ([XML 1.0] section 2.3).
pub(crate) fn is_space(c: u8) -> bool {
    matches!(c, b' ' | b'\t' | b'\n' | b'\r')
}

/// Appends the canonical form of a text node's value.
pub(crate) fn escape_text(value: &str, out: &mut Vec<u8>) {
    let is_escaped = |byte| (byte == b'&') | (byte == b'<') | (byte == b'>') | (byte == b'\r');
    escape(value, out, is_escaped, |byte| match byte {
        b'&' => Some(b"&amp;"),
        b'<' => Some(b"&lt;"),
        b'>' => Some(b"&gt;"),
        b'\r' => Some(b"&#xD;"),
        _ => None,
    });
}

/// Appends the canonical form of an attribute's value, without the quotes.
pub(crate) fn escape_attribute(value: &str, out: &mut Vec<u8>) {
    let is_escaped = |byte| (byte < b' ') | (byte == b'&') | (byte == b'<') | (byte == b'"');
    escape(value, out, is_escaped, |byte| match byte {
        b'&' => Some(b"&amp;"),
        b'<' => Some(b"&lt;"),
        b'"' => Some(b"&quot;"),
        b'\t' => Some(b"&#x9;"),
        b'\n' => Some(b"&#xA;"),
        b'\r' => Some(b"&#xD;"),
        _ => None,
    });
}

/// Appends a value, each octet that has a reference instead as that. `is_escaped` holds for those octets at least: most
/// values have none.
#[inline]
fn escape(
    value: &str,
    out: &mut Vec<u8>,
    is_escaped: impl Fn(u8) -> bool,
    escaped: impl Fn(u8) -> Option<&'static [u8]>,
) {
    let bytes = value.as_bytes();
    let mut done = 0;
    for (at, &byte) in bytes.iter().enumerate().skip(find(bytes, is_escaped)) {
        if let Some(reference) = escaped(byte) {
            out.extend_from_slice(&bytes[done..at]);
            out.extend_from_slice(reference);
            done = at + 1;
        }
    }
    out.extend_from_slice(&bytes[done..]);
}

/// Whether two short texts are the same octets. Without a call: most names have fewer octets than that would take
/// instructions.
#[inline]
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    if let (Some(end), Some(other_end)) = (one.last_chunk::<8>(), other.last_chunk::<8>()) {
        let (chunks, others) = (one.as_chunks::<8>().0, other.as_chunks::<8>().0);
        let different = |(chunk, other): (&[u8; 8], &[u8; 8])| u64::from_le_bytes(*chunk) ^ u64::from_le_bytes(*other);
        // What is left over, by a load that overlaps what comes before it.
        let rest = u64::from_le_bytes(*end) ^ u64::from_le_bytes(*other_end);
        return chunks.iter().zip(others).fold(rest, |found, pair| found | different(pair)) == 0;
    }
    if let (Some(start), Some(other_start)) = (one.first_chunk::<4>(), other.first_chunk::<4>())
        && let (Some(end), Some(other_end)) = (one.last_chunk::<4>(), other.last_chunk::<4>())
    {
        return start == other_start && end == other_end;
    }
    one.iter().zip(other).all(|(one, other)| one == other)
}

/// Where the first octet stands for which `is` holds; the length if there is none. Strides are looked at without a
/// branch within, which compiles to vector instructions.
#[inline]
pub(crate) fn find(bytes: &[u8], is: impl Fn(u8) -> bool) -> usize {
    const STRIDE: usize = 16;
    let (strides, rest) = bytes.as_chunks::<STRIDE>();
    for (at, stride) in strides.iter().enumerate() {
        let mut found = [0; STRIDE];
        for (found, &byte) in found.iter_mut().zip(stride) {
            *found = if is(byte) { 0xFF } else { 0 };
        }
        let found = u128::from_le_bytes(found);
        if found != 0 {
            return at * STRIDE + found.trailing_zeros() as usize / 8;
        }
    }
    let done = bytes.len() - rest.len();
    done + rest.iter().position(|&byte| is(byte)).unwrap_or(rest.len())
}

/// What `raw` says. Its references were checked when it was read.
fn decode(raw: &str, form: Form) -> String {
    let bytes = raw.as_bytes();
    let mut value = String::with_capacity(raw.len());
    let (mut done, mut at) = (0, 0);
    while let Some(&byte) = bytes.get(at) {
        let (instead, length) = match byte {
            b'\r' => {
                let line_end = if form == Form::Attribute { ' ' } else { '\n' };
                (line_end, if bytes.get(at + 1) == Some(&b'\n') { 2 } else { 1 })
            }
            b'\t' | b'\n' if form == Form::Attribute => (' ', 1),
            // Reading has refused what is no reference; were one here all the same, it would stand for itself.
            b'&' if form != Form::Cdata => reference(&bytes[at..]).unwrap_or(('&', 1)),
            _ => {
                at += 1;
                continue;
            }
        };
        value.push_str(&raw[done..at]);
        value.push(instead);
        at += length;
        done = at;
    }
    value.push_str(&raw[done..]);
    value
}

/// The character that a reference names, and the octets it takes. `bytes` starts with the ampersand.
fn reference(bytes: &[u8]) -> Result<(char, usize), ReadError> {
    const PREDEFINED: [(&[u8], char); 5] =
        [(b"&amp;", '&'), (b"&lt;", '<'), (b"&gt;", '>'), (b"&quot;", '"'), (b"&apos;", '\'')];
    if bytes.get(1) != Some(&b'#') {
        let known = PREDEFINED.iter().find(|(written, _)| bytes.starts_with(written));
        return known.map(|&(written, c)| (c, written.len())).ok_or(ReadError::EntityUnknown);
    }
    let (radix, start) = if bytes.get(2) == Some(&b'x') { (16, 3) } else { (10, 2) };
    let mut code = 0_u32;
    let mut at = start;
    while let Some(digit) = bytes.get(at).and_then(|&b| char::from(b).to_digit(radix)) {
        code = code.saturating_mul(radix).saturating_add(digit);
        at += 1;
    }
    if at == start || bytes.get(at) != Some(&b';') {
        return Err(ReadError::CharacterReferenceInvalid);
    }
    match char::from_u32(code) {
        Some(c) if is_character(c) => Ok((c, at + 1)),
        _ => Err(ReadError::CharacterReferenceInvalid),
    }
}

/// `Char` of [XML 1.0] section 2.2.
fn is_character(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}
