//! Which namespace each prefix is bound to, while a document is read.

use crate::names::{NO_NAMESPACE, NO_PREFIX, NONE, XML_NAMESPACE, XML_PREFIX};

/// The bindings in scope, with the way back: to close an element is to undo what it declared.
pub(crate) struct Scope {
    /// By prefix id: the namespace id, or [`NONE`].
    bound: Vec<u32>,
    /// Every declaration of an open element: its prefix and what that was bound to before.
    log: Vec<(u32, u32)>,
}

impl Scope {
    /// The scope outside the root: no default namespace, and `xml`.
    pub(crate) fn new() -> Self {
        let mut bound = vec![NONE; 16];
        bound[NO_PREFIX as usize] = NO_NAMESPACE;
        bound[XML_PREFIX as usize] = XML_NAMESPACE;
        Self { bound, log: Vec::with_capacity(32) }
    }

    /// The namespace that `prefix` is bound to, or [`NONE`].
    #[inline]
    pub(crate) fn lookup(&self, prefix: u32) -> u32 {
        self.bound.get(prefix as usize).copied().unwrap_or(NONE)
    }

    /// Binds `prefix` until [`Scope::close`].
    pub(crate) fn bind(&mut self, prefix: u32, namespace: u32) {
        let at = prefix as usize;
        if at >= self.bound.len() {
            self.bound.resize(at.saturating_mul(2), NONE);
        }
        self.log.push((prefix, self.bound[at]));
        self.bound[at] = namespace;
    }

    /// How many declarations are in scope; also the mark to [`close`](Scope::close) to.
    pub(crate) fn depth(&self) -> usize {
        self.log.len()
    }

    /// Undoes every declaration since `mark`.
    #[inline]
    pub(crate) fn close(&mut self, mark: usize) {
        while self.log.len() > mark {
            if let Some((prefix, before)) = self.log.pop() {
                self.bound[prefix as usize] = before;
            }
        }
    }
}
