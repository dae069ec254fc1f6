//! Interned names: qualified names, prefixes and namespace names, each kept once.

use crate::intern::Texts;
use crate::text::same;
use crate::{Limits, ReadError};

/// The prefix of a name without one.
pub(crate) const NO_PREFIX: u32 = 0;
/// The prefix `xml`.
pub(crate) const XML_PREFIX: u32 = 1;
/// The prefix `xmlns`, which no element and no attribute has: it makes a declaration.
pub(crate) const XMLNS_PREFIX: u32 = 2;
/// The namespace of a name that is in none.
pub(crate) const NO_NAMESPACE: u32 = 0;
/// The namespace of `xml:lang` and its like.
pub(crate) const XML_NAMESPACE: u32 = 1;
/// The namespace of `xmlns`, to which nothing may be bound.
pub(crate) const XMLNS_NAMESPACE: u32 = 2;
/// No name, prefix or namespace: a prefix that is not bound, a qualified name that declares nothing.
pub(crate) const NONE: u32 = u32::MAX;

const XML_URI: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS_URI: &str = "http://www.w3.org/2000/xmlns/";

/// As many names as a secured message has before those of its application.
const COMMON: usize = 128;

/// What is known of a qualified name since it was first seen.
#[derive(Clone, Copy)]
pub(crate) struct QName {
    /// Where in the text the local part starts.
    local: u32,
    /// Its prefix, [`NO_PREFIX`] if it has none.
    pub(crate) prefix: u32,
    /// The prefix that an attribute of this name declares, or [`NONE`].
    pub(crate) declares: u32,
    /// Whether an attribute of this name may be an id (see `ids.rs`).
    pub(crate) may_be_id: bool,
    /// The name that came after this one when it was last met: most likely it does again.
    follower: u32,
}

/// Every name of a document.
pub(crate) struct Names {
    /// The qualified names as written, and what is known of each.
    texts: Texts,
    known: Vec<QName>,
    /// The name that was last met.
    last: u32,
    prefixes: Texts,
    namespaces: Texts,
}

impl Names {
    /// A table with the names that every document knows.
    pub(crate) fn new() -> Self {
        let mut new = Self {
            texts: Texts::new(COMMON),
            known: Vec::with_capacity(COMMON),
            last: NONE,
            prefixes: Texts::new(16),
            namespaces: Texts::new(16),
        };
        for prefix in ["", "xml", "xmlns"] {
            new.prefixes.intern(prefix);
        }
        for uri in ["", XML_URI, XMLNS_URI] {
            new.namespaces.intern(uri);
        }
        new
    }

    #[inline]
    pub(crate) fn qname(&self, id: u32) -> QName {
        self.known[id as usize]
    }

    /// The name as written, with its prefix.
    #[inline]
    pub(crate) fn qualified(&self, id: u32) -> &str {
        self.texts.get(id)
    }

    pub(crate) fn local(&self, id: u32) -> &str {
        self.texts.tail(id, self.qname(id).local)
    }

    pub(crate) fn prefix(&self, id: u32) -> &str {
        self.prefixes.get(id)
    }

    pub(crate) fn namespace(&self, id: u32) -> &str {
        self.namespaces.get(id)
    }

    /// How many prefixes there are: their ids are the numbers below.
    pub(crate) fn prefix_count(&self) -> usize {
        self.prefixes.len()
    }

    /// How many namespace names there are: their ids are the numbers below.
    pub(crate) fn namespace_count(&self) -> usize {
        self.namespaces.len()
    }

    /// The prefix of that text, if the document has it.
    pub(crate) fn find_prefix(&self, text: &str) -> Option<u32> {
        self.prefixes.find(text)
    }

    /// The qualified name written `text`: its grammar is checked when it is first seen.
    #[inline]
    pub(crate) fn intern(&mut self, text: &str, limits: &Limits) -> Result<u32, ReadError> {
        let follower = self.known.get(self.last as usize).map_or(NONE, |last| last.follower);
        if follower != NONE && same(self.texts.get(follower).as_bytes(), text.as_bytes()) {
            self.last = follower;
            return Ok(follower);
        }
        let id = match self.texts.find(text) {
            Some(id) => id,
            None => self.add(text, limits)?,
        };
        if let Some(last) = self.known.get_mut(self.last as usize) {
            last.follower = id;
        }
        self.last = id;
        Ok(id)
    }

    /// The namespace name `uri`.
    pub(crate) fn intern_namespace(&mut self, uri: &str, limits: &Limits) -> Result<u32, ReadError> {
        if let Some(id) = self.namespaces.find(uri) {
            return Ok(id);
        }
        if !is_absolute(uri) {
            return Err(ReadError::NamespaceRelative);
        }
        let id = self.namespaces.add(uri);
        self.check(limits)?;
        Ok(id)
    }

    fn add(&mut self, text: &str, limits: &Limits) -> Result<u32, ReadError> {
        if text.len() > limits.name_bytes {
            return Err(ReadError::TooLongName(limits.name_bytes));
        }
        let (prefix, local) = text.split_once(':').unwrap_or(("", text));
        let qualified = local.len() < text.len();
        if !is_ncname(local) || (qualified && !is_ncname(prefix)) {
            return Err(ReadError::NameMalformed);
        }
        let prefix = self.prefixes.intern(prefix);
        let declares = match (prefix, local) {
            (XMLNS_PREFIX, declared) => self.prefixes.intern(declared),
            (NO_PREFIX, "xmlns") => NO_PREFIX,
            _ => NONE,
        };
        let may_be_id = matches!(local, "Id" | "ID" | "AssertionID");
        let local = (text.len() - local.len()) as u32;
        self.known.push(QName { local, prefix, declares, may_be_id, follower: NONE });
        let id = self.texts.add(text);
        self.check(limits)?;
        Ok(id)
    }

    /// The limit holds for all three kinds together; the six that every table starts with do not count.
    fn check(&self, limits: &Limits) -> Result<(), ReadError> {
        let count = self.known.len() + self.prefixes.len() + self.namespaces.len() - 6;
        if count > limits.names { Err(ReadError::TooManyNames(limits.names)) } else { Ok(()) }
    }
}

/// Whether `text` is an `NCName` ([XML Names 1.0] section 3).
fn is_ncname(text: &str) -> bool {
    let first = text.as_bytes().first();
    if first.is_some_and(|first| first.is_ascii_alphabetic() || *first == b'_') {
        // What most names are made of, without decoding it.
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        if text.as_bytes().iter().all(plain) {
            return true;
        }
    }
    let mut characters = text.chars();
    characters.next().is_some_and(is_name_start) && characters.all(is_name)
}

/// `NameStartChar` of [XML 1.0] section 2.3, less the colon.
#[rustfmt::skip]
fn is_name_start(c: char) -> bool {
    matches!(c,
        'A'..='Z' | '_' | 'a'..='z' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}' | '\u{370}'..='\u{37D}'
        | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}' | '\u{2C00}'..='\u{2FEF}'
        | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}' | '\u{10000}'..='\u{EFFFF}')
}

/// `NameChar` of [XML 1.0] section 2.3, less the colon.
fn is_name(c: char) -> bool {
    is_name_start(c) || matches!(c, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

/// Whether a URI reference starts with a scheme ([RFC 3986] section 3.1).
fn is_absolute(uri: &str) -> bool {
    let bytes = uri.as_bytes();
    match memchr::memchr(b':', bytes) {
        Some(colon) if colon > 0 => {
            bytes[0].is_ascii_alphabetic()
                && bytes[..colon].iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
        }
        _ => false,
    }
}
