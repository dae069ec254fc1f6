//! Interned names: qualified names, prefixes and namespace names, each kept once.

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

/// A qualified name as written, split once when it is first seen.
#[derive(Clone, Copy)]
pub(crate) struct QName {
    start: u32,
    local: u32,
    end: u32,
    /// Its prefix, [`NO_PREFIX`] if it has none.
    pub(crate) prefix: u32,
    /// The prefix that an attribute of this name declares, or [`NONE`].
    pub(crate) declares: u32,
    /// Whether an attribute of this name may be an id (see `ids.rs`).
    pub(crate) may_be_id: bool,
}

/// Every name of a document.
pub(crate) struct Names {
    /// The text of them all.
    pool: String,
    names: Vec<QName>,
    prefixes: Vec<(u32, u32)>,
    namespaces: Vec<(u32, u32)>,
    name_index: Index,
    prefix_index: Index,
    namespace_index: Index,
}

impl Names {
    /// A table with the names that every document knows.
    pub(crate) fn new() -> Self {
        let mut new = Self {
            pool: String::with_capacity(2048),
            names: Vec::with_capacity(64),
            prefixes: Vec::with_capacity(16),
            namespaces: Vec::with_capacity(16),
            name_index: Index::new(256),
            prefix_index: Index::new(32),
            namespace_index: Index::new(32),
        };
        for prefix in ["", "xml", "xmlns"] {
            new.add_prefix(prefix);
        }
        for uri in ["", XML_URI, XMLNS_URI] {
            new.add_namespace(uri);
        }
        new
    }

    pub(crate) fn qname(&self, id: u32) -> QName {
        self.names[id as usize]
    }

    /// The name as written, with its prefix.
    pub(crate) fn qualified(&self, id: u32) -> &str {
        let name = self.qname(id);
        &self.pool[name.start as usize..name.end as usize]
    }

    pub(crate) fn local(&self, id: u32) -> &str {
        let name = self.qname(id);
        &self.pool[name.local as usize..name.end as usize]
    }

    pub(crate) fn prefix(&self, id: u32) -> &str {
        let (start, end) = self.prefixes[id as usize];
        &self.pool[start as usize..end as usize]
    }

    pub(crate) fn namespace(&self, id: u32) -> &str {
        let (start, end) = self.namespaces[id as usize];
        &self.pool[start as usize..end as usize]
    }

    /// How many prefixes there are: their ids are the numbers below.
    pub(crate) fn prefix_count(&self) -> usize {
        self.prefixes.len()
    }

    /// How many namespace names there are: their ids are the numbers below.
    pub(crate) fn namespace_count(&self) -> usize {
        self.namespaces.len()
    }

    /// How many qualified names there are: their ids are the numbers below.
    pub(crate) fn name_count(&self) -> usize {
        self.names.len()
    }

    /// The prefix of that text, if the document has it.
    pub(crate) fn find_prefix(&self, text: &str) -> Option<u32> {
        self.prefix_index.find(text, |id| self.prefix(id))
    }

    /// The qualified name written `text`: its grammar is checked when it is first seen.
    pub(crate) fn intern(&mut self, text: &str, limits: &Limits) -> Result<u32, ReadError> {
        if let Some(id) = self.name_index.find(text, |id| self.qualified(id)) {
            return Ok(id);
        }
        self.add_name(text, limits)
    }

    /// The namespace name `uri`.
    pub(crate) fn intern_namespace(&mut self, uri: &str, limits: &Limits) -> Result<u32, ReadError> {
        if let Some(id) = self.namespace_index.find(uri, |id| self.namespace(id)) {
            return Ok(id);
        }
        if !is_absolute(uri) {
            return Err(ReadError::NamespaceRelative);
        }
        let id = self.add_namespace(uri);
        self.check(limits)?;
        Ok(id)
    }

    fn add_name(&mut self, text: &str, limits: &Limits) -> Result<u32, ReadError> {
        if text.len() > limits.name_bytes {
            return Err(ReadError::TooLongName(limits.name_bytes));
        }
        let colon = memchr::memchr(b':', text.as_bytes());
        let (prefix, local) = match colon {
            Some(at) => (&text[..at], &text[at + 1..]),
            None => ("", text),
        };
        if !is_ncname(local) || (colon.is_some() && !is_ncname(prefix)) {
            return Err(ReadError::NameMalformed);
        }
        let prefix = self.intern_prefix(prefix);
        let declares = match (prefix, local) {
            (XMLNS_PREFIX, declared) => self.intern_prefix(declared),
            (NO_PREFIX, "xmlns") => NO_PREFIX,
            _ => NONE,
        };
        let start = self.pool.len() as u32;
        self.pool.push_str(text);
        let end = self.pool.len() as u32;
        let id = self.names.len() as u32;
        let local_at = end - local.len() as u32;
        let may_be_id = matches!(local, "Id" | "ID" | "AssertionID");
        self.names.push(QName { start, local: local_at, end, prefix, declares, may_be_id });
        let (names, pool) = (&self.names, &self.pool);
        self.name_index.insert(id, |id| {
            let name = names[id as usize];
            &pool[name.start as usize..name.end as usize]
        });
        self.check(limits)?;
        Ok(id)
    }

    fn intern_prefix(&mut self, text: &str) -> u32 {
        self.find_prefix(text).unwrap_or_else(|| self.add_prefix(text))
    }

    fn add_prefix(&mut self, text: &str) -> u32 {
        let id = add(&mut self.prefixes, &mut self.pool, text);
        let (spans, pool) = (&self.prefixes, &self.pool);
        self.prefix_index.insert(id, |id| slice(spans, pool, id));
        id
    }

    fn add_namespace(&mut self, uri: &str) -> u32 {
        let id = add(&mut self.namespaces, &mut self.pool, uri);
        let (spans, pool) = (&self.namespaces, &self.pool);
        self.namespace_index.insert(id, |id| slice(spans, pool, id));
        id
    }

    /// The limit holds for all three kinds together; the six that every table starts with do not count.
    fn check(&self, limits: &Limits) -> Result<(), ReadError> {
        let count = self.names.len() + self.prefixes.len() + self.namespaces.len() - 6;
        if count > limits.names { Err(ReadError::TooManyNames(limits.names)) } else { Ok(()) }
    }
}

fn add(spans: &mut Vec<(u32, u32)>, pool: &mut String, text: &str) -> u32 {
    let start = pool.len() as u32;
    pool.push_str(text);
    spans.push((start, pool.len() as u32));
    spans.len() as u32 - 1
}

fn slice<'a>(spans: &[(u32, u32)], pool: &'a str, id: u32) -> &'a str {
    let (start, end) = spans[id as usize];
    &pool[start as usize..end as usize]
}

/// Whether `text` is an `NCName` ([XML Names 1.0] section 3).
fn is_ncname(text: &str) -> bool {
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
    is_name_start(c)
        || matches!(c, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
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

/// Slots that one search looks at before it turns to the sorted list.
const PROBES: usize = 8;

/// A hash table of ids, by the text of each.
///
/// A peer knows the hash function and can write names that collide. Such names overflow into a sorted list, so that the
/// worst search is binary; hence no random key is needed, and reading stays a function of its arguments.
struct Index {
    slots: Vec<u32>,
    used: usize,
    overflow: Vec<u32>,
}

impl Index {
    fn new(slots: usize) -> Self {
        Self { slots: vec![NONE; slots], used: 0, overflow: Vec::new() }
    }

    #[inline]
    fn find<'a>(&self, text: &str, of: impl Fn(u32) -> &'a str) -> Option<u32> {
        let mask = self.slots.len() - 1;
        let first = hash(text.as_bytes()) as usize;
        for probe in 0..PROBES {
            let id = self.slots[(first + probe) & mask];
            if id == NONE {
                return None;
            }
            if of(id) == text {
                return Some(id);
            }
        }
        self.overflow.binary_search_by(|&id| of(id).cmp(text)).ok().map(|at| self.overflow[at])
    }

    /// Enters an id whose text is not there yet.
    fn insert<'a>(&mut self, id: u32, of: impl Fn(u32) -> &'a str) {
        if self.used * 2 >= self.slots.len() {
            let slots = vec![NONE; self.slots.len() * 4];
            let old = std::mem::replace(&mut self.slots, slots);
            self.used = 0;
            let overflow = std::mem::take(&mut self.overflow);
            for id in old.into_iter().filter(|&id| id != NONE).chain(overflow) {
                self.place(id, &of);
            }
        }
        self.place(id, &of);
    }

    fn place<'a>(&mut self, id: u32, of: &impl Fn(u32) -> &'a str) {
        let mask = self.slots.len() - 1;
        let text = of(id);
        let first = hash(text.as_bytes()) as usize;
        for probe in 0..PROBES {
            let slot = &mut self.slots[(first + probe) & mask];
            if *slot == NONE {
                *slot = id;
                self.used += 1;
                return;
            }
        }
        let at = self.overflow.partition_point(|&other| of(other) < text);
        self.overflow.insert(at, id);
    }
}

#[inline]
fn hash(text: &[u8]) -> u32 {
    const K: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut hash = text.len() as u64;
    let (chunks, rest) = text.as_chunks::<8>();
    for chunk in chunks {
        hash = (hash ^ u64::from_le_bytes(*chunk)).wrapping_mul(K);
        hash ^= hash >> 32;
    }
    let tail = rest.iter().fold(0, |tail, &byte| tail << 8 | u64::from(byte));
    ((hash ^ tail).wrapping_mul(K) >> 32) as u32
}
