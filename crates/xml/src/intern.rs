//! Texts kept once each, and named by a number.

use crate::text::same;

/// A slot that is free.
const FREE: u32 = u32::MAX;
/// Slots that one search looks at before it turns to the sorted list.
const PROBES: usize = 8;

/// A set of texts, numbered from zero in the order they came.
pub(crate) struct Texts {
    /// Them all, one behind the other.
    pool: String,
    /// Where each starts and ends.
    spans: Vec<(u32, u32)>,
    index: Index,
}

impl Texts {
    /// An empty set with room for `capacity` texts.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            pool: String::with_capacity(capacity * 16),
            spans: Vec::with_capacity(capacity),
            index: Index::new((capacity * 4).next_power_of_two()),
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    /// The text of that number.
    #[inline]
    pub(crate) fn get(&self, id: u32) -> &str {
        get(&self.spans, &self.pool, id)
    }

    /// The text of that number from an octet of it on.
    #[inline]
    pub(crate) fn tail(&self, id: u32, from: u32) -> &str {
        let (start, end) = self.spans[id as usize];
        &self.pool[(start + from) as usize..end as usize]
    }

    /// The number of `text`, if it is there.
    #[inline]
    pub(crate) fn find(&self, text: &str) -> Option<u32> {
        self.index.find(text, |id| self.get(id))
    }

    /// The number of `text`, which is entered if it is not there.
    #[inline]
    pub(crate) fn intern(&mut self, text: &str) -> u32 {
        match self.find(text) {
            Some(id) => id,
            None => self.add(text),
        }
    }

    /// Enters `text`, which is not there yet.
    pub(crate) fn add(&mut self, text: &str) -> u32 {
        let start = self.pool.len() as u32;
        self.pool.push_str(text);
        let id = self.spans.len() as u32;
        self.spans.push((start, self.pool.len() as u32));
        let (spans, pool) = (&self.spans, &self.pool);
        self.index.insert(id, |id| get(spans, pool, id));
        id
    }
}

#[inline]
fn get<'a>(spans: &[(u32, u32)], pool: &'a str, id: u32) -> &'a str {
    let (start, end) = spans[id as usize];
    &pool[start as usize..end as usize]
}

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
        Self { slots: vec![FREE; slots], used: 0, overflow: Vec::new() }
    }

    #[inline]
    fn find<'a>(&self, text: &str, of: impl Fn(u32) -> &'a str) -> Option<u32> {
        let mask = self.slots.len() - 1;
        let first = hash(text.as_bytes()) as usize;
        for probe in 0..PROBES {
            let id = self.slots[(first + probe) & mask];
            if id == FREE {
                return None;
            }
            if same(of(id).as_bytes(), text.as_bytes()) {
                return Some(id);
            }
        }
        self.overflow.binary_search_by(|&id| of(id).cmp(text)).ok().map(|at| self.overflow[at])
    }

    /// Enters an id whose text is not there yet.
    fn insert<'a>(&mut self, id: u32, of: impl Fn(u32) -> &'a str) {
        if self.used * 2 >= self.slots.len() {
            let slots = vec![FREE; self.slots.len() * 4];
            let old = std::mem::replace(&mut self.slots, slots);
            self.used = 0;
            let overflow = std::mem::take(&mut self.overflow);
            for id in old.into_iter().filter(|&id| id != FREE).chain(overflow) {
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
            if *slot == FREE {
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
    // What is left, by loads that overlap: with what was taken in, where there is some, or else with each other.
    let tail = if let (false, Some(last)) = (rest.is_empty(), text.last_chunk::<8>()) {
        u64::from_le_bytes(*last)
    } else if let (Some(first), Some(last)) = (rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
        u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32
    } else {
        rest.iter().fold(0, |tail, &byte| tail << 8 | u64::from(byte))
    };
    ((hash ^ tail).wrapping_mul(K) >> 32) as u32
}
