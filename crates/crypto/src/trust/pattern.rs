//! Patterns of the names of certificates: parts of a distinguished name, or an alternative name.

use core::fmt;
use std::net::IpAddr;

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{ExtendedKeyUsage, GeneralName};

use crate::name::Name;

/// A text that is no pattern.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is neither a distinguished name such as `CN=*, O=Acme` nor one of `DNS:`, `email:`, `URI:` and `IP:`")]
pub struct NotPattern(pub String);

/// What a name must be like. `*` stands for any text within one value, and never for more than that.
#[derive(Clone, Eq, PartialEq)]
pub enum Pattern {
    /// Parts of a distinguished name, each of which must be in it; what else is in it, and in which order, does not matter.
    Distinguished(Vec<(String, String)>),
    /// An alternative name: its kind and its value, in small letters.
    Alternative(&'static str, String),
}

/// The kinds of alternative names, as OpenSSL writes them.
const KINDS: [&str; 4] = ["DNS", "email", "URI", "IP"];

impl Pattern {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Self, NotPattern> {
        let refuse = || NotPattern(text.to_owned());
        let kind = text.split_once(':').and_then(|(kind, value)| {
            let kind = KINDS.into_iter().find(|known| known.eq_ignore_ascii_case(kind.trim()))?;
            Some((kind, value.trim()))
        });
        if let Some((kind, value)) = kind {
            return if value.is_empty() { Err(refuse()) } else { Ok(Self::Alternative(kind, value.to_lowercase())) };
        }
        let mut parts: Vec<(String, String)> = Name::parse(text).ok_or_else(refuse)?.attributes().cloned().collect();
        parts.sort();
        if parts.is_empty() { Err(refuse()) } else { Ok(Self::Distinguished(parts)) }
    }
}

/// A distinguished name, read.
pub struct Subject(Name);

impl Subject {
    /// Reads the name in the form of RFC 2253; `None` where it is none.
    pub fn parse(text: &str) -> Option<Self> {
        Name::parse(text).map(Self)
    }

    /// Whether it is like that: never like an alternative name.
    pub fn is(&self, pattern: &Pattern) -> bool {
        match pattern {
            Pattern::Alternative(..) => false,
            Pattern::Distinguished(parts) => has(&self.0, parts),
        }
    }
}

fn has(name: &Name, parts: &[(String, String)]) -> bool {
    let is = |(kind, wanted): &(String, String)| {
        name.attributes().any(|(other, value)| kind == other && is_like(wanted, value))
    };
    parts.iter().all(is)
}

impl fmt::Debug for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Distinguished(parts) => out.debug_tuple("Distinguished").field(parts).finish(),
            Self::Alternative(kind, value) => write!(out, "{kind}:{value}"),
        }
    }
}

/// The names of a certificate.
pub(super) struct Names {
    distinguished: Name,
    alternative: Vec<(&'static str, String)>,
}

impl Names {
    /// Of whom it is about; `None` where the alternative names are malformed.
    pub(super) fn of(facts: &X509Certificate<'_>) -> Option<Self> {
        let all = facts.subject_alternative_name().ok()?;
        let names = all.iter().flat_map(|all| &all.value.general_names);
        let alternative = names.filter_map(|name| {
            Some(match name {
                GeneralName::DNSName(name) => ("DNS", name.to_lowercase()),
                GeneralName::RFC822Name(name) => ("email", name.to_lowercase()),
                GeneralName::URI(name) => ("URI", name.to_lowercase()),
                GeneralName::IPAddress(octets) => ("IP", address(octets)?.to_string()),
                _ => return None,
            })
        });
        Some(Self { distinguished: Name::from_certificate(facts.subject()), alternative: alternative.collect() })
    }

    /// Of who issued it.
    pub(super) fn issuer_of(facts: &X509Certificate<'_>) -> Self {
        Self { distinguished: Name::from_certificate(facts.issuer()), alternative: Vec::new() }
    }

    /// Whether they are like that.
    pub(super) fn has(&self, pattern: &Pattern) -> bool {
        match pattern {
            Pattern::Alternative(kind, wanted) => {
                self.alternative.iter().any(|(other, value)| kind == other && is_like(wanted, value))
            }
            Pattern::Distinguished(parts) => has(&self.distinguished, parts),
        }
    }
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(octets).ok().map(IpAddr::from);
    four.or_else(|| <[u8; 16]>::try_from(octets).ok().map(IpAddr::from))
}

/// The extended key usages of a certificate, as dotted numbers.
pub(super) fn usages(usage: &ExtendedKeyUsage<'_>) -> Vec<String> {
    const NAMED: &str = "1.3.6.1.5.5.7.3.";
    let named = [
        (usage.server_auth, "1"),
        (usage.client_auth, "2"),
        (usage.code_signing, "3"),
        (usage.email_protection, "4"),
        (usage.time_stamping, "8"),
        (usage.ocsp_signing, "9"),
    ];
    let named = named.into_iter().filter(|(is, _)| *is).map(|(_, number)| format!("{NAMED}{number}"));
    named.chain(usage.other.iter().map(ToString::to_string)).collect()
}

/// Whether a text is like a pattern in which `*` stands for any text. Each star takes as little as it can, and none is
/// looked at twice, so that no pattern is slow.
pub fn is_like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(last) = parts.next_back() else { return pattern == text };
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, text, like) in [
            ("", "", true),
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("*", "a,b", true),
            ("a*", "abc", true),
            ("a*", "ba", false),
            ("*.acme.example", "x.acme.example", true),
            ("*.acme.example", "acme.example", false),
            ("*.acme.example", "x.acme.example.evil", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("ab*ba", "aba", false),
            ("*a*", "bab", true),
            ("**", "x", true),
        ] {
            assert_eq!(is_like(pattern, text), like, "{pattern} {text}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["", "Acme", "DNS:", "CN", "=x", "phone:1", "CN=\"x"] {
            assert_eq!(Pattern::parse(text), Err(NotPattern(text.to_owned())), "{text}");
        }
        assert_eq!(Pattern::parse("dns: *.Acme.example"), Ok(Pattern::Alternative("DNS", "*.acme.example".into())));
        assert!(Pattern::parse("O=Acme, CN=*").is_ok_and(|pattern| pattern == Pattern::parse("cn=*,o=acme").unwrap()));
    }
}
