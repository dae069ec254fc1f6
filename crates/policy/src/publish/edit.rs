//! A text with some stretches of it replaced, and places in it for an address that is not known yet.

use std::ops::Range;

/// A stretch of a text.
#[derive(Debug)]
pub(super) enum Piece {
    /// As it stands.
    Text(String),
    /// The address, in an attribute or as text.
    Address,
}

/// Replacements in a text, in any order.
#[derive(Debug, Default)]
pub(super) struct Edits(Vec<(Range<usize>, Vec<Piece>)>);

impl Edits {
    /// Puts something in the place of a stretch, or in between where it is empty. What was put in one place first comes
    /// first.
    pub(super) fn replace(&mut self, range: Range<usize>, pieces: impl IntoIterator<Item = Piece>) {
        self.0.push((range, pieces.into_iter().collect()));
    }

    /// Takes a stretch out.
    pub(super) fn remove(&mut self, range: Range<usize>) {
        self.replace(range, []);
    }

    /// The text as it is then. A replacement within a stretch that is replaced counts for nothing.
    pub(super) fn apply(mut self, text: &str) -> Vec<Piece> {
        // At one place what is put in between comes before what is replaced.
        self.0.sort_by_key(|(range, _)| (range.start, !range.is_empty(), std::cmp::Reverse(range.end)));
        let (mut out, mut done) = (Vec::new(), 0);
        for (range, pieces) in self.0 {
            let Some(before) = text.get(done..range.start) else { continue };
            out.push(Piece::Text(before.to_owned()));
            out.extend(pieces);
            done = range.end;
        }
        out.push(Piece::Text(text.get(done..).unwrap_or_default().to_owned()));
        out
    }
}

/// The text of pieces, with an address in its places.
pub(super) fn render(pieces: &[Piece], address: &str) -> String {
    let address = escaped(address);
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.as_str(),
            Piece::Address => address.as_str(),
        })
        .collect()
}

/// Fit for an attribute of either kind of quotation mark, and for text.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// The attributes of a start tag as they are written: name, place with the white space before it, and place of the value,
/// which are relative to the tag. The tag is well-formed: it was read.
pub(super) fn attributes(tag: &str) -> Vec<(&str, Range<usize>, Range<usize>)> {
    let mut found = Vec::new();
    let space = |c: char| c.is_ascii_whitespace();
    let mut at = tag.find(|c: char| space(c) || c == '>').unwrap_or(tag.len());
    while let Some((name, _)) = tag.get(at..).and_then(|rest| rest.split_once('=')) {
        let value_from = at + name.len() + 1;
        let Some(quoted) = tag.get(value_from..).map(|rest| value_from + rest.len() - rest.trim_start().len()) else {
            break;
        };
        let Some(quote) = tag.get(quoted..).and_then(|rest| rest.chars().next()) else { break };
        let Some(length) = tag.get(quoted + 1..).and_then(|rest| rest.find(quote)) else { break };
        let value = quoted + 1..quoted + 1 + length;
        let next = value.end + 1;
        found.push((name.trim_matches(space), at..next, value));
        at = next;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_are_replaced_and_what_is_within_them_goes() {
        let mut edits = Edits::default();
        let text = |text: &str| [Piece::Text(text.to_owned())];
        edits.remove(2..6);
        edits.replace(3..4, text("lost"));
        edits.replace(6..6, text("x"));
        edits.replace(6..6, text("y"));
        edits.replace(6..7, [Piece::Address]);
        assert_eq!(render(&edits.apply("0123456789"), "&'"), "01xy&amp;&#39;789");
        assert_eq!(render(&Edits::default().apply("0"), ""), "0");
    }

    #[test]
    fn attributes_are_found_where_they_are() {
        let tag = "<a:b  c = '=\">' d:e=\"'\"\n f=''/>";
        let found: Vec<_> =
            attributes(tag).into_iter().map(|(name, all, value)| (name, &tag[all], &tag[value])).collect();
        assert_eq!(found, [("c", "  c = '=\">'", "=\">"), ("d:e", " d:e=\"'\"", "'"), ("f", "\n f=''", "")]);
        assert_eq!(attributes("<a>"), []);
        assert_eq!(attributes("<a/>"), []);
    }
}
