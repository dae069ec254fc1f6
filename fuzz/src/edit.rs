//! Edits of markup: what an attacker does to a message, rather than what a broken wire does.

use std::ops::Range;

/// Numbers from a seed (`SplitMix64`).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end.max(1) as u64) as usize
    }
}

/// Where the elements are, by a scan that asks for nothing but balance.
fn elements(text: &[u8]) -> Vec<Range<usize>> {
    let (mut found, mut open, mut at) = (Vec::new(), Vec::new(), 0);
    while let Some(start) = text[at..].iter().position(|&byte| byte == b'<').map(|next| at + next) {
        let Some(end) = text[start..].iter().position(|&byte| byte == b'>').map(|next| start + next + 1) else { break };
        match (text.get(start + 1), text[end - 2]) {
            (Some(b'/'), _) => {
                if let Some(start) = open.pop() {
                    found.push(start..end);
                }
            }
            (Some(b'!' | b'?'), _) => {}
            (_, b'/') => found.push(start..end),
            _ => open.push(start),
        }
        at = end;
    }
    found
}

/// Where the values in quotes are.
fn values(text: &[u8]) -> Vec<Range<usize>> {
    let quotes: Vec<usize> = (0..text.len()).filter(|&at| text[at] == b'"').collect();
    quotes.chunks_exact(2).map(|pair| pair[0] + 1..pair[1]).collect()
}

/// The text with one edit, as the seed says: an element left out, doubled, moved, swapped or wrapped, a value copied
/// over another, a comment or white space put in. `None` where there is nothing to edit.
pub fn edited(text: &[u8], seed: u32) -> Option<Vec<u8>> {
    let mut numbers = Numbers(seed.into());
    let elements = elements(text);
    if elements.len() < 2 {
        return None;
    }
    let one = elements[numbers.below(elements.len())].clone();
    let other = elements[numbers.below(elements.len())].clone();
    let join = |parts: &[&[u8]]| parts.concat();
    let put = |at: usize, what: &[u8]| join(&[&text[..at], what, &text[at..]]);
    Some(match numbers.below(8) {
        0 => join(&[&text[..one.start], &text[one.end..]]),
        1 => put(one.end, &text[one]),
        2 => put(other.start, &text[one]),
        3 if one.end <= other.start => join(&[
            &text[..one.start],
            &text[other.clone()],
            &text[one.end..other.start],
            &text[one],
            &text[other.end..],
        ]),
        3 | 4 => {
            let inner = &text[one.clone()];
            join(&[&text[..one.start], b"<w:W xmlns:w=\"urn:w\">", inner, b"</w:W>", &text[one.end..]])
        }
        5 => {
            let values = values(text);
            let (from, to) =
                (values.get(numbers.below(values.len()))?.clone(), values.get(numbers.below(values.len()))?.clone());
            join(&[&text[..to.start], &text[from], &text[to.end..]])
        }
        6 => put(one.start, b"<!-- -->"),
        _ => put(one.end, b"\n "),
    })
}
