//! Which attributes are ids, and which element each id names.

use crate::ReadError;

const WSU: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
const SAML1: &str = "urn:oasis:names:tc:SAML:1.0:assertion";
const SAML2: &str = "urn:oasis:names:tc:SAML:2.0:assertion";

/// Whether an attribute of that name, on an element of that name, is an id.
///
/// The table is closed: `xml:id`, `wsu:ID`, a lower-case `id` or an `Id` on any other element is an ordinary attribute,
/// so that no decoy is ever the target of a reference.
pub(crate) fn is_id((element, element_local): (&str, &str), (attribute, local): (&str, &str)) -> bool {
    match (attribute, local) {
        (WSU, "Id") => true,
        ("", "Id") => matches!((element, element_local), (DS | XENC, _) | (WSU, "Timestamp")),
        ("", "ID") => (element, element_local) == (SAML2, "Assertion"),
        ("", "AssertionID") => (element, element_local) == (SAML1, "Assertion"),
        _ => false,
    }
}

/// The ids of a document, sorted by value.
pub(crate) struct Ids {
    pool: String,
    /// Start and end in the pool, and the node.
    entries: Vec<(u32, u32, u32)>,
}

impl Ids {
    /// No ids, with room for as many as a secured message has.
    pub(crate) fn new() -> Self {
        Self { pool: String::with_capacity(512), entries: Vec::with_capacity(16) }
    }

    /// Notes an id; [`Ids::settle`] must follow before any search.
    pub(crate) fn push(&mut self, id: &str, node: u32) {
        let start = self.pool.len() as u32;
        self.pool.push_str(id);
        self.entries.push((start, self.pool.len() as u32, node));
    }

    /// Sorts what was pushed and refuses an id that is there twice.
    pub(crate) fn settle(&mut self) -> Result<(), ReadError> {
        let pool = &self.pool;
        let text = |entry: &(u32, u32, u32)| &pool[entry.0 as usize..entry.1 as usize];
        // Stable, because the sort that is adapts to what a graft appends to a sorted list.
        self.entries.sort_by(|a, b| text(a).cmp(text(b)));
        match self.entries.windows(2).find(|pair| text(&pair[0]) == text(&pair[1])) {
            Some(pair) => Err(ReadError::IdRepeated(text(&pair[0]).to_owned())),
            None => Ok(()),
        }
    }

    /// The node with that id.
    pub(crate) fn find(&self, id: &str) -> Option<u32> {
        let text = |entry: &(u32, u32, u32)| &self.pool[entry.0 as usize..entry.1 as usize];
        self.entries.binary_search_by(|entry| text(entry).cmp(id)).ok().map(|at| self.entries[at].2)
    }
}
