//! Distinguished names: read from a certificate, written as [RFC 2253], read back from whatever a peer writes.
//!
//! A peer names an issuer in `ds:X509IssuerName` as a text, and every platform writes another one: blanks after the
//! commas or none, `S` or `ST`, quotes or backslashes, an OID or a keyword, most significant part first or last. The
//! name only picks among certificates that are known already, so reading it liberally costs no security.

use x509_parser::asn1_rs::{Any, FromDer, Tag, ToDer};
use x509_parser::x509::X509Name;

/// Attribute types by OID. The first keyword is the one we write, and only where [`Type::written`] says so.
struct Type {
    oid: &'static str,
    /// Written by keyword: those of [RFC 2253] section 2.3, and two more that Java reads too. Other types are written
    /// as OID and hexadecimal DER, which every reader of [RFC 2253] must take.
    written: bool,
    keywords: &'static [&'static str],
}

const fn written(oid: &'static str, keywords: &'static [&'static str]) -> Type {
    Type { oid, written: true, keywords }
}

const fn read(oid: &'static str, keywords: &'static [&'static str]) -> Type {
    Type { oid, written: false, keywords }
}

const EMAIL: &str = "1.2.840.113549.1.9.1";

const TYPES: &[Type] = &[
    written("2.5.4.3", &["CN"]),
    written("2.5.4.6", &["C"]),
    written("2.5.4.7", &["L"]),
    written("2.5.4.8", &["ST", "S"]),
    written("2.5.4.9", &["STREET"]),
    written("2.5.4.10", &["O"]),
    written("2.5.4.11", &["OU"]),
    written("0.9.2342.19200300.100.1.1", &["UID", "USERID"]),
    written("0.9.2342.19200300.100.1.25", &["DC"]),
    written("2.5.4.5", &["serialNumber"]),
    written(EMAIL, &["emailAddress", "E", "EMAIL"]),
    read("2.5.4.4", &["SN", "SURNAME"]),
    read("2.5.4.12", &["T", "TITLE"]),
    read("2.5.4.13", &["DESCRIPTION"]),
    read("2.5.4.17", &["POSTALCODE"]),
    read("2.5.4.42", &["G", "GN", "GIVENNAME"]),
    read("2.5.4.43", &["I", "INITIALS"]),
    read("2.5.4.44", &["GENERATION", "GENERATIONQUALIFIER"]),
    read("2.5.4.45", &["X500UNIQUEIDENTIFIER"]),
    read("2.5.4.46", &["DNQ", "DNQUALIFIER"]),
    read("2.5.4.97", &["ORGANIZATIONIDENTIFIER"]),
];

/// A name in the form that compares: for every relative name its attributes, type and folded value, sorted.
#[derive(Eq, PartialEq)]
pub(crate) struct Name(Vec<Vec<(String, String)>>);

impl Name {
    /// The name in a certificate, most significant part last as [RFC 2253] has it.
    pub(crate) fn from_certificate(name: &X509Name<'_>) -> Self {
        Self::sorted(
            relative_names(name)
                .map(|attributes| attributes.map(|(oid, value)| (oid, fold(&text_of(value)))).collect())
                .collect(),
        )
    }

    /// The name that a peer wrote; `None` where it cannot be read as one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut rest = text.trim_matches(WHITE_SPACE);
        let mut names = Vec::new();
        while !rest.is_empty() {
            let mut attributes = Vec::new();
            loop {
                let (kind, value) = rest.split_once('=')?;
                let (value, after) = read_value(value.trim_start_matches(WHITE_SPACE))?;
                attributes.push((oid_of(kind)?, fold(&value)));
                let separator = after.chars().next();
                rest = after.get(1..).unwrap_or_default();
                match separator {
                    Some('+') => {}
                    // A separator announces another name.
                    Some(_) if rest.trim_matches(WHITE_SPACE).is_empty() => return None,
                    _ => break,
                }
            }
            names.push(attributes);
        }
        Some(Self::sorted(names))
    }

    /// Its attributes, type and folded value each, in whatever order.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = &(String, String)> {
        self.0.iter().flatten()
    }

    /// Whether both are the same list, read forwards, or one of them backwards: some tools write the order of the
    /// certificate and not that of [RFC 2253].
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self == other || self.0.len() == other.0.len() && self.0.iter().rev().eq(other.0.iter())
    }

    fn sorted(mut names: Vec<Vec<(String, String)>>) -> Self {
        for attributes in &mut names {
            attributes.sort();
        }
        Self(names)
    }
}

/// The name as [RFC 2253] writes it: last part first, no blanks, backslashes before what is special.
pub(crate) fn write(name: &X509Name<'_>) -> String {
    write_with(name, |_| true, escape)
}

/// The name as both Java and Windows read it ([RFC 2253] section 4): as [`write`], but with quotes in place of
/// backslashes, and an e-mail address, for which the two have no keyword in common, by its OID.
pub(crate) fn write_quoted(name: &X509Name<'_>) -> String {
    write_with(name, |oid| oid != EMAIL, quote)
}

fn write_with(name: &X509Name<'_>, by_keyword: fn(&str) -> bool, value_to: fn(&str, &mut String)) -> String {
    let mut out = String::new();
    for (at, attributes) in relative_names(name).enumerate() {
        if at > 0 {
            out.push(',');
        }
        for (at, (oid, value)) in attributes.enumerate() {
            if at > 0 {
                out.push('+');
            }
            let keyword = TYPES.iter().find(|t| t.written && t.oid == oid && by_keyword(&oid));
            let keyword = keyword.and_then(|t| t.keywords.first());
            if let (Some(keyword), Some(text)) = (keyword, string_of(value)) {
                out.push_str(keyword);
                out.push('=');
                value_to(&text, &mut out);
            } else {
                out.push_str(&oid);
                out.push('=');
                out.push_str(&hexadecimal(value));
            }
        }
    }
    out
}

const WHITE_SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// The relative names, last first, each as its attributes by dotted OID.
fn relative_names<'a>(
    name: &'a X509Name<'_>,
) -> impl Iterator<Item = impl Iterator<Item = (String, &'a Any<'a>)> + 'a> + 'a {
    let names: Vec<_> = name.iter_rdn().collect();
    names.into_iter().rev().map(|name| name.iter().map(|a| (a.attr_type().to_id_string(), a.attr_value())))
}

/// The dotted OID of a keyword, or of an OID as it is or behind `OID.`.
fn oid_of(kind: &str) -> Option<String> {
    let kind = kind.trim_matches(WHITE_SPACE);
    if let Some(known) = TYPES.iter().find(|t| t.keywords.iter().any(|word| word.eq_ignore_ascii_case(kind))) {
        return Some(known.oid.to_owned());
    }
    let dotted = kind.get(..4).filter(|prefix| prefix.eq_ignore_ascii_case("OID.")).map_or(kind, |_| &kind[4..]);
    let sound = !dotted.is_empty() && dotted.bytes().all(|octet| octet.is_ascii_digit() || octet == b'.');
    sound.then(|| dotted.to_owned())
}

/// Reads one value, and gives what follows it: nothing, or a text that begins with its separator.
fn read_value(text: &str) -> Option<(String, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        let (value, rest) = unescape(quoted, true)?;
        // Behind the closing quote only a separator.
        let rest = rest.trim_start_matches(WHITE_SPACE);
        return (rest.is_empty() || rest.starts_with(SEPARATORS)).then_some((value, rest));
    }
    if text.starts_with('#') {
        let end = text.find(SEPARATORS).unwrap_or(text.len());
        if let Some(value) = unhexadecimal(text[1..end].trim_end_matches(WHITE_SPACE)) {
            return Some((value, &text[end..]));
        }
    }
    unescape(text, false)
}

const SEPARATORS: [char; 3] = [',', ';', '+'];

/// Undoes escapes up to the end of a value, and gives what follows. Quoted values end at a quote that is not doubled
/// (Windows doubles quotes within), others at a separator.
fn unescape(text: &str, quoted: bool) -> Option<(String, &str)> {
    let mut octets = Vec::new();
    let mut at = 0;
    let bytes = text.as_bytes();
    while let Some(&octet) = bytes.get(at) {
        match octet {
            b'\\' => {
                let pair = text.get(at + 1..at + 3).and_then(|pair| u8::from_str_radix(pair, 16).ok());
                let special = bytes.get(at + 1).filter(|next| b",;+\"\\<>=# ".contains(next));
                let (octet, length) = match (special, pair) {
                    (Some(special), _) => (*special, 2),
                    (None, Some(octet)) => (octet, 3),
                    // Windows writes a backslash as it is.
                    (None, None) => (b'\\', 1),
                };
                octets.push(octet);
                at += length;
                continue;
            }
            b'"' if quoted && bytes.get(at + 1) == Some(&b'"') => at += 1,
            b'"' if quoted => return Some((String::from_utf8(octets).ok()?, &text[at + 1..])),
            b',' | b';' | b'+' if !quoted => break,
            _ => {}
        }
        octets.push(octet);
        at += 1;
    }
    if quoted {
        return None;
    }
    Some((String::from_utf8(octets).ok()?, &text[at..]))
}

/// Values compare without regard to case and to the amount of white space ([RFC 5280] section 7.1).
fn fold(value: &str) -> String {
    value.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// The text of a value; for one that is not a string, its hexadecimal DER.
fn text_of(value: &Any<'_>) -> String {
    string_of(value).unwrap_or_else(|| hexadecimal(value))
}

/// The text of a value of any string type of ASN.1 that names are written in.
fn string_of(value: &Any<'_>) -> Option<String> {
    let octets = value.data;
    match value.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::NumericString | Tag::VisibleString => {
            String::from_utf8(octets.to_vec()).ok()
        }
        // What is called T.61 is Latin-1 in practice.
        Tag::T61String => Some(octets.iter().map(|octet| char::from(*octet)).collect()),
        Tag::BmpString => {
            let (units, rest) = octets.as_chunks::<2>();
            rest.is_empty()
                .then(|| String::from_utf16(&units.iter().map(|u| u16::from_be_bytes(*u)).collect::<Vec<_>>()))?
                .ok()
        }
        Tag::UniversalString => {
            let (units, rest) = octets.as_chunks::<4>();
            rest.is_empty().then(|| units.iter().map(|u| char::from_u32(u32::from_be_bytes(*u))).collect())?
        }
        _ => None,
    }
}

/// `#` and the DER of a value ([RFC 2253] section 2.4).
fn hexadecimal(value: &Any<'_>) -> String {
    let mut out = String::from("#");
    for octet in value.to_der_vec().unwrap_or_default() {
        out.extend([octet >> 4, octet & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0')));
    }
    out
}

/// The text of a value given as hexadecimal DER, whatever its string type.
fn unhexadecimal(digits: &str) -> Option<String> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let octet = |pair: &[u8; 2]| u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok();
    let der = pairs.iter().map(octet).collect::<Option<Vec<u8>>>().filter(|_| rest.is_empty())?;
    let (rest, value) = Any::from_der(&der).ok()?;
    rest.is_empty().then(|| text_of(&value))
}

/// Writes a value with the escapes of [RFC 2253] section 2.4.
fn escape(text: &str, out: &mut String) {
    let last = text.chars().count().saturating_sub(1);
    for (at, char) in text.chars().enumerate() {
        let special = match char {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => true,
            '#' => at == 0,
            ' ' => at == 0 || at == last,
            _ => false,
        };
        if char == '\0' {
            out.push_str("\\00");
        } else {
            if special {
                out.push('\\');
            }
            out.push(char);
        }
    }
}

/// Writes a value between quotes, where it has special characters. Quotes and backslashes within are written in as many
/// ways as there are platforms: such a value is written by [`escape`], as the specification has it.
fn quote(text: &str, out: &mut String) {
    let special = |char| matches!(char, ',' | '+' | '<' | '>' | ';' | '=');
    let quoted = text.starts_with(['#', ' ']) || text.ends_with(' ') || text.contains(special);
    if quoted && !text.contains(['"', '\\', '\0']) {
        out.extend(["\"", text, "\""]);
    } else {
        escape(text, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values in quotes, where they need them, mean what they mean with backslashes.
    #[test]
    fn quoted_values() {
        for (text, expect) in [
            ("Nuncio", "Nuncio"),
            ("Entrust, Inc.", "\"Entrust, Inc.\""),
            ("a+b", "\"a+b\""),
            ("a=b", "\"a=b\""),
            ("#1", "\"#1\""),
            (" a ", "\" a \""),
            ("a b", "a b"),
            ("", ""),
            ("say \"a, b\"", "say \\\"a\\, b\\\""),
            ("DOMAIN\\a, b", "DOMAIN\\\\a\\, b"),
        ] {
            let (mut quoted, mut escaped) = (String::new(), String::new());
            quote(text, &mut quoted);
            escape(text, &mut escaped);
            assert_eq!(quoted, expect);
            check(&format!("O={quoted},C=DE"), &format!("O={escaped},C=DE"), true);
        }
    }

    #[track_caller]
    fn check(one: &str, other: &str, same: bool) {
        let (a, b) = (Name::parse(one).unwrap(), Name::parse(other).unwrap());
        assert_eq!(a.is_same(&b), same, "{one} / {other}");
        assert_eq!(b.is_same(&a), same, "{other} / {one}");
    }

    /// One name in the spellings of .NET, Java and OpenSSL.
    #[test]
    fn spellings_of_one_name() {
        let name = "CN=service,OU=Gateway,O=Nuncio,ST=Berlin,C=DE";
        for same in [
            "CN=service, OU=Gateway, O=Nuncio, S=Berlin, C=DE",
            "cn=service,ou=Gateway,o=Nuncio,st=Berlin,c=DE",
            "  CN = service ,\n\tOU = Gateway; O=Nuncio,ST=Berlin,C=DE\r\n",
            "C=DE, ST=Berlin, O=Nuncio, OU=Gateway, CN=service",
            "CN=SERVICE,OU=gateway,O=nuncio,ST=BERLIN,C=de",
            "CN=\"service\",OU=\"Gateway\",O=Nuncio,ST=Berlin,C=DE",
            "2.5.4.3=service,OID.2.5.4.11=Gateway,oid.2.5.4.10=Nuncio,ST=Berlin,C=#13024445",
            "CN=s\\65rvice,OU=Gateway,O=Nuncio,ST=Berlin,C=#0c024445",
        ] {
            check(name, same, true);
        }
        for other in [
            "CN=service,OU=Gateway,O=Nuncio,ST=Berlin",
            "CN=service,OU=Gateway,O=Nuncio,L=Berlin,C=DE",
            "OU=Gateway,CN=service,O=Nuncio,ST=Berlin,C=DE",
            "CN=service+OU=Gateway,O=Nuncio,ST=Berlin,C=DE",
            "CN=service,OU=Gateway\\,O=Nuncio,ST=Berlin,C=DE",
            "CN=services,OU=Gateway,O=Nuncio,ST=Berlin,C=DE",
            "",
        ] {
            check(name, other, false);
        }
    }

    /// A comma within a value, as Java and as Windows write it; and quotes within quotes.
    #[test]
    fn special_characters() {
        check(r"O=Entrust\, Inc.,C=US", r#"O="Entrust, Inc.", C=US"#, true);
        check(r"O=Entrust\2C Inc.,C=US", r#"O="Entrust\, Inc." , C=US"#, true);
        check(r#"O=a \"b\" c"#, r#"O="a ""b"" c""#, true);
        check(r"CN=DOMAIN\\user", r"CN=DOMAIN\user", true);
        check(r"CN=S\C3\B6hne", "CN=söhne", true);
        check(r"CN=\#1", r##"CN="#1""##, true);
        check("CN=#1", r"CN=\#1", true);
    }

    /// Every spelling of an e-mail address and of an organisation's identifier.
    #[test]
    fn types_by_any_name() {
        for email in ["emailAddress=a@b", "EMAILADDRESS=a@b", "E=a@b", "1.2.840.113549.1.9.1=#1603614062"] {
            check("E=a@b,C=DE", &format!("{email}, C=DE"), true);
        }
        for id in ["OID.2.5.4.97=V-1", "2.5.4.97=v-1", "2.5.4.97=#0c03562d31", "2.5.4.97=#1303562D31"] {
            check("organizationIdentifier=V-1", id, true);
        }
    }

    /// Several attributes in one relative name have no order.
    #[test]
    fn sets_have_no_order() {
        check("CN=a+UID=1,C=DE", "UID=1 + CN=a, C=DE", true);
        check("CN=a+UID=1,C=DE", "CN=a,UID=1,C=DE", false);
    }

    /// What is no name.
    #[test]
    fn other_texts_are_no_names() {
        for text in [
            "CN",
            "CN=a,",
            "CN=a,B",
            ",CN=a",
            "CN=\"a",
            "CN=\"a\"b",
            "=a",
            "CN=a,+C=DE",
            "CN=\\C3,C=DE",
            "é=a",
            "CN=a+",
        ] {
            assert!(Name::parse(text).is_none(), "{text}");
        }
        assert!(Name::parse(" ").is_some_and(|name| name.0.is_empty()));
    }
}
