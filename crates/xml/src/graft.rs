//! Decrypted content read in the place of its element.

use crate::ReadError;
use crate::document::{Document, Fragment, Kind, NodeId, REPLACED, Tables, some};
use crate::lex::{Lexer, check_characters};
use crate::names::NONE;
use crate::read::{Builder, Top, check_length, nodes};

/// [`Document::graft`].
pub(crate) fn graft(
    document: Document,
    at: NodeId,
    plaintext: Vec<u8>,
    form: Fragment,
) -> Result<(Document, Vec<NodeId>), ReadError> {
    let Document { mut source, mut tables, root, limits } = document;
    let place = Place::of(&tables, at).ok_or(ReadError::NotReplaceable)?;
    check_length(source.len().saturating_add(plaintext.len()), &limits)?;
    let plaintext = String::from_utf8(plaintext).map_err(|_| ReadError::NotUtf8)?;
    check_characters(&plaintext)?;
    if plaintext.starts_with('\u{FEFF}') {
        return Err(ReadError::ByteOrderMarkInFragment);
    }
    let start = source.len();
    // The plaintext lies behind all that is there, and is lexed from its own first octet: no token spans the seam.
    source.push_str(&plaintext);
    tables.nodes.reserve(nodes(plaintext.as_bytes()));
    drop(plaintext);
    let lexer = Lexer::new(&source, start);
    let top = if form == Fragment::Element { Top::Element } else { Top::Content };
    let mut builder = Builder::new(&source, lexer, &mut tables, &limits, top);
    builder.settle_in(&place);
    builder.run()?;
    let tops = builder.tops;
    if form == Fragment::Element && tops.len() != 1 {
        return Err(ReadError::NotOneElement);
    }
    place.link(&mut tables, &tops);
    let tops = tops.into_iter().map(NodeId).collect();
    Ok((Document { source, tables, root, limits }, tops))
}

/// The place of an element that a graft replaces.
struct Place {
    at: u32,
    parent: u32,
    /// The sibling before it, or [`NONE`].
    before: u32,
    after: u32,
    /// How many other children the parent has.
    siblings: usize,
    /// The elements around it, the root first.
    ancestors: Vec<u32>,
}

impl Place {
    fn of(tables: &Tables, at: NodeId) -> Option<Self> {
        let node = tables.nodes.get(at.0 as usize)?;
        let parent = some(node.parent)?.0;
        if node.kind != Kind::Element {
            return None;
        }
        let mut ancestors = Vec::new();
        let mut next = at.0;
        while next != NONE {
            let node = &tables.nodes[next as usize];
            if node.marks & REPLACED != 0 {
                return None;
            }
            next = node.parent;
            if next != NONE {
                ancestors.push(next);
            }
        }
        ancestors.reverse();
        let (mut before, mut siblings, mut child) = (NONE, 0, tables.nodes[parent as usize].child);
        while child != NONE {
            let next = tables.nodes[child as usize].next;
            if next == at.0 {
                before = child;
            }
            siblings += usize::from(child != at.0);
            child = next;
        }
        Some(Self { at: at.0, parent, before, after: node.next, siblings, ancestors })
    }

    /// Puts a chain of new nodes where the element stood.
    fn link(&self, tables: &mut Tables, tops: &[u32]) {
        let nodes = &mut tables.nodes;
        nodes[self.at as usize].marks |= REPLACED;
        nodes[self.at as usize].next = NONE;
        for pair in tops.windows(2) {
            nodes[pair[0] as usize].next = pair[1];
        }
        if let Some(&last) = tops.last() {
            nodes[last as usize].next = self.after;
        }
        let first = tops.first().copied().unwrap_or(self.after);
        match self.before {
            NONE => nodes[self.parent as usize].child = first,
            before => nodes[before as usize].next = first,
        }
    }
}

impl Builder<'_> {
    /// Makes the surroundings of a fragment those of the element that it replaces.
    fn settle_in(&mut self, place: &Place) {
        self.parent = place.parent;
        self.depth = place.ancestors.len();
        self.siblings = place.siblings;
        for &ancestor in &place.ancestors {
            for declaration in self.tables.nodes[ancestor as usize].declarations(self.tables) {
                self.scope.bind(declaration.prefix, declaration.namespace);
            }
        }
    }
}
