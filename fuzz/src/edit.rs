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

/// An element without its ids, and with nothing in it or with something else.
fn forgery(element: &[u8], content: &[u8]) -> Option<Vec<u8>> {
    let start = element.iter().position(|&byte| byte == b'>')?;
    let end = element.windows(2).rposition(|pair| pair == b"</")?;
    let tag = str::from_utf8(&element[..start]).ok()?;
    let kept: Vec<&str> = tag.split(' ').filter(|part| !part.contains("Id=\"")).collect();
    Some([kept.join(" ").as_bytes(), b">", content, &element[end..]].concat())
}

/// The text with one edit, as the seed says: an element left out, doubled, moved, swapped, wrapped, or wrapped away with a
/// forgery in its place; a value copied over another, a comment or white space put in. `None` where there is nothing to edit.
pub fn edited(text: &[u8], seed: u32) -> Option<Vec<u8>> {
    let mut numbers = Numbers(seed.into());
    let elements = elements(text);
    if elements.len() < 2 {
        return None;
    }
    let mut any = || elements[numbers.below(elements.len())].clone();
    let (one, other) = (any(), any());
    // The last to end are the outermost: the body is among them.
    let outer = elements[elements.len() - 1 - numbers.below(elements.len().min(4))].clone();
    let join = |parts: &[&[u8]]| parts.concat();
    let put = |at: usize, what: &[u8]| join(&[&text[..at], what, &text[at..]]);
    let wrapped = |inner: &[u8]| join(&[b"<w:W xmlns:w=\"urn:w\">", inner, b"</w:W>"]);
    Some(match numbers.below(10) {
        0 => join(&[&text[..one.start], &text[one.end..]]),
        1 => put(one.end, &text[one]),
        2 => put(other.start, &text[one]),
        3 if one.end <= other.start => {
            let between = &text[one.end..other.start];
            join(&[&text[..one.start], &text[other.clone()], between, &text[one], &text[other.end..]])
        }
        3 | 4 => join(&[&text[..one.start], &wrapped(&text[one.clone()]), &text[one.end..]]),
        5 => {
            let values = values(text);
            let mut any = || values.get(numbers.below(values.len())).cloned();
            let (from, to) = (any()?, any()?);
            join(&[&text[..to.start], &text[from], &text[to.end..]])
        }
        6 => put(one.start, b"<!-- -->"),
        7 => put(one.end, b"\n "),
        kind => {
            let one = if kind == 8 { one } else { outer };
            let element = &text[one.clone()];
            let forged = forgery(element, if numbers.below(2) == 0 { b"" } else { &text[other.clone()] })?;
            if other.start <= one.start {
                let between = &text[other.start..one.start];
                join(&[&text[..other.start], &wrapped(element), between, &forged, &text[one.end..]])
            } else if other.start >= one.end {
                let between = &text[one.end..other.start];
                join(&[&text[..one.start], &forged, between, &wrapped(element), &text[other.start..]])
            } else {
                join(&[&text[..one.start], &forged, &text[one.end..]])
            }
        }
    })
}
