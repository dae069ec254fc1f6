//! What canonical form leaves out of what was written, and which bindings it has rendered.
//!
//! A message is canonicalised from several elements: its body, its headers, `ds:SignedInfo` within `ds:Signature`. Each is
//! an *apex*, and each sees its own part of the output: a declaration that `ds:SignedInfo` must render again is no part
//! of the canonical form of the `wsse:Security` around it. So every declaration notes from which apexes it is seen.

use std::ops::Range;

use crate::intern::Texts;

/// No entry, and no prefix.
pub(crate) const NONE: u32 = u32::MAX;
/// The id of the empty text among prefixes and among namespaces.
pub(crate) const EMPTY: u32 = 0;
/// The id of the prefix `xml`, which is never declared.
pub(crate) const XML: u32 = 1;

/// A stretch of output that canonical form has only when it starts at certain apexes.
#[derive(Clone)]
pub(crate) struct Gap {
    /// Where it stands. Empty for a default namespace that was none already: see [`Bindings::decide`].
    pub(crate) span: Range<usize>,
    /// It belongs to the canonical form of the apexes that start at these positions, the last included.
    pub(crate) seen: Seen,
    /// What it declares; for a comment, [`NONE`].
    pub(crate) prefix: u32,
    pub(crate) namespace: u32,
    /// The element that it stands on; the end is known once that is closed.
    pub(crate) element: Range<usize>,
    /// Whether the element uses the prefix visibly ([Exc-C14N] section 1.1).
    pub(crate) used: bool,
}

/// The apexes whose canonical form has a declaration, by their positions: `from` to `to`, both included.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Seen {
    pub(crate) from: usize,
    pub(crate) to: usize,
}

impl Seen {
    /// No apex has it.
    pub(crate) const NEVER: Self = Self { from: usize::MAX, to: 0 };

    /// Those of the apexes that lie at or behind `start`, when what is there moves to `base`.
    pub(crate) fn moved(self, start: usize, base: usize) -> Self {
        if self.from > self.to || self.to < start {
            return Self::NEVER;
        }
        let to = if self.to == usize::MAX { usize::MAX } else { self.to - start + base };
        Self { from: self.from.max(start) - start + base, to }
    }

    /// These apexes, which lie at or behind `base`, and those before it.
    ///
    /// If an outer apex needs a declaration, so do all inner ones; save `xmlns=""`, which an inner one may not need.
    pub(crate) fn and_outer(self, outer: Self, base: usize) -> Self {
        match (self, outer) {
            (inner, Self::NEVER) => inner,
            (Self::NEVER, outer) => Self { from: outer.from, to: outer.to.min(base.saturating_sub(1)) },
            (inner, outer) => Self { from: outer.from, to: inner.to },
        }
    }

    /// Whether the apex at that position has it.
    #[inline]
    pub(crate) fn by(self, apex: usize) -> bool {
        self.from <= apex && apex <= self.to
    }
}

/// A declaration on an element that is open.
struct Entry {
    gap: usize,
    /// The entry for the same prefix that it hides, or [`NONE`].
    hides: u32,
}

/// The declarations of the elements that are open, and every gap.
pub(crate) struct Bindings {
    pub(crate) prefixes: Texts,
    pub(crate) namespaces: Texts,
    /// In the order of their positions.
    pub(crate) gaps: Vec<Gap>,
    /// The positions of the apexes that are open, the outermost first.
    apexes: Vec<usize>,
    entries: Vec<Entry>,
    /// By prefix: its innermost entry, or [`NONE`].
    innermost: Vec<u32>,
}

/// As many gaps as a secured message has without those of its application.
const COMMON: usize = 48;

impl Bindings {
    /// No bindings; position zero is an apex, whatever is written there.
    pub(crate) fn new() -> Self {
        let mut new = Self {
            prefixes: Texts::new(16),
            namespaces: Texts::new(16),
            gaps: Vec::with_capacity(COMMON),
            apexes: vec![0],
            entries: Vec::with_capacity(16),
            innermost: Vec::with_capacity(16),
        };
        for prefix in ["", "xml"] {
            new.prefixes.intern(prefix);
        }
        new.namespaces.intern("");
        new
    }

    /// What the element at the current place must do about a prefix that it uses.
    ///
    /// None: the output binds it so, as does the canonical form of every apex. Otherwise it must be declared, and the
    /// declaration is seen by these apexes. Inner apexes see a part of what outer ones see. So if an outer one needs a
    /// declaration all inner ones do; but `xmlns=""` is needed only where a default namespace was seen, so if an inner
    /// apex needs that all outer ones do. Either way the apexes in need are neighbours.
    #[inline]
    pub(crate) fn decide(&self, prefix: u32, namespace: u32) -> Option<Seen> {
        if prefix == XML {
            return None;
        }
        let innermost = self.innermost.get(prefix as usize).copied().unwrap_or(NONE);
        let apex = self.apexes.last().copied().unwrap_or(0);
        if innermost != NONE {
            let gap = &self.gaps[self.entries[innermost as usize].gap];
            if gap.namespace == namespace && gap.element.start >= apex && gap.seen.by(apex) {
                // Where it was written the outer apexes were given the same binding, or had it.
                return None;
            }
        }
        self.decide_slowly(innermost, prefix, namespace)
    }

    fn decide_slowly(&self, innermost: u32, prefix: u32, namespace: u32) -> Option<Seen> {
        let bound = |at: u32| self.gaps[self.entries[at as usize].gap].namespace;
        let unbound = |prefix| if prefix == EMPTY { EMPTY } else { NONE };
        let mut seen = Seen::NEVER;
        for (index, &apex) in self.apexes.iter().enumerate() {
            let mut at = innermost;
            while at != NONE && !self.visible(at, apex) {
                at = self.entries[at as usize].hides;
            }
            if (if at == NONE { unbound(prefix) } else { bound(at) }) != namespace {
                seen.from = seen.from.min(apex);
                seen.to = if index + 1 == self.apexes.len() { usize::MAX } else { apex };
            }
        }
        let written = if innermost == NONE { unbound(prefix) } else { bound(innermost) };
        (seen != Seen::NEVER || written != namespace).then_some(seen)
    }

    /// Whether the canonical form of the open apex at that position has the declaration.
    fn visible(&self, entry: u32, apex: usize) -> bool {
        let gap = &self.gaps[self.entries[entry as usize].gap];
        gap.element.start >= apex && gap.seen.by(apex)
    }

    /// The namespace that the output binds the prefix to, canonical or not; [`NONE`] if it does not.
    pub(crate) fn written(&self, prefix: u32) -> u32 {
        match self.innermost.get(prefix as usize) {
            Some(&at) if at != NONE => self.gaps[self.entries[at as usize].gap].namespace,
            _ if prefix == EMPTY => EMPTY,
            _ => NONE,
        }
    }

    /// Whether no element since the innermost apex has used a default namespace, or its absence. The next to do so must be
    /// noted, even if it needs no declaration here: as part of a piece it may need one elsewhere.
    pub(crate) fn is_bare(&self) -> bool {
        match self.innermost.first() {
            Some(&at) if at != NONE => {
                let gap = &self.gaps[self.entries[at as usize].gap];
                !gap.used || self.apexes.last().is_some_and(|&apex| gap.element.start < apex)
            }
            _ => true,
        }
    }

    /// Notes a declaration on the element that is being written.
    pub(crate) fn bind(&mut self, gap: Gap) {
        let prefix = gap.prefix as usize;
        if prefix >= self.innermost.len() {
            self.innermost.resize(prefix + 16, NONE);
        }
        self.entries.push(Entry { gap: self.gaps.len(), hides: self.innermost[prefix] });
        self.innermost[prefix] = self.entries.len() as u32 - 1;
        self.gaps.push(gap);
    }

    /// How many declarations are in force: the mark to [`release`](Bindings::release) to.
    pub(crate) fn mark(&self) -> usize {
        self.entries.len()
    }

    /// Ends the declarations since `mark`, when the element that they stand on ends at `end`.
    pub(crate) fn close(&mut self, mark: usize, end: usize) {
        for entry in &self.entries[mark..] {
            self.gaps[entry.gap].element.end = end;
        }
        self.release(mark);
    }

    /// Ends the declarations since `mark`.
    pub(crate) fn release(&mut self, mark: usize) {
        while self.entries.len() > mark {
            if let Some(entry) = self.entries.pop() {
                self.innermost[self.gaps[entry.gap].prefix as usize] = entry.hides;
            }
        }
    }

    /// Moves the gaps from the `first` on, which lie behind `base`, for `length` octets being put in at each of those
    /// positions. A gap that is empty and lies at one of them becomes those octets.
    pub(crate) fn make_room(&mut self, first: usize, base: usize, insertions: &[usize], length: usize) {
        let moved = |at: usize| at + insertions.partition_point(|&insertion| insertion < at) * length;
        for gap in &mut self.gaps[first..] {
            // Where octets are put in, an empty gap becomes them, and what else starts there comes behind them.
            let inserted = if insertions.binary_search(&gap.span.start).is_ok() { length } else { 0 };
            gap.span = if gap.span.is_empty() {
                moved(gap.span.start)..moved(gap.span.end) + inserted
            } else {
                moved(gap.span.start) + inserted..moved(gap.span.end)
            };
            gap.element = moved(gap.element.start)..moved(gap.element.end);
            for apex in [&mut gap.seen.from, &mut gap.seen.to] {
                if *apex >= base && *apex != usize::MAX {
                    *apex = moved(*apex);
                }
            }
        }
    }

    /// Opens an apex; false if one is open at the same place.
    pub(crate) fn open_apex(&mut self, at: usize) -> bool {
        let new = self.apexes.last() != Some(&at);
        if new {
            self.apexes.push(at);
        }
        new
    }

    /// Closes the innermost apex.
    pub(crate) fn close_apex(&mut self) {
        self.apexes.pop();
    }
}
