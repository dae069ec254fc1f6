//! One element is taken out, doubled, moved, or wrapped away with another in its place.

use std::ops::Range;

use nuncio_tests::oracle::local;
use nuncio_tests::peers;
use roxmltree::{Document, Node};

use crate::changes::{Dice, Sample};
use crate::sweep::{Changed, sweep};
use crate::{OTHERS, PACKED, judge, sample};

const WSU: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";

const WSSE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
const SOAP11: &str = "http://schemas.xmlsoap.org/soap/envelope/";

/// What is done to an element.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// Taken out.
    Remove,
    /// There twice, next to itself.
    Double,
    /// Before it, a copy of it without ids and with other texts.
    Precede,
    /// Behind it, such a copy.
    Follow,
    /// At the end of another element.
    Move(&'static str),
    /// At the end of another element, or in a new header block, within an element that means nothing; a copy without ids and
    /// with other texts stands in its place.
    Wrap(&'static str),
    /// In a second security header, which is another's; such a copy stands in its place.
    Away,
    /// Such a copy stands in its place, and the element is within it.
    Nest,
}

const CHANGES: [Change; 13] = [
    Change::Remove,
    Change::Double,
    Change::Precede,
    Change::Follow,
    Change::Move("Envelope"),
    Change::Move("Header"),
    Change::Move("Security"),
    Change::Move("Body"),
    Change::Wrap("Header"),
    Change::Wrap("Security"),
    Change::Wrap("Body"),
    Change::Away,
    Change::Nest,
];

fn elements(message: &[u8], dice: &mut Dice, sample: Sample, each: &mut dyn FnMut(Changed)) {
    let text = str::from_utf8(message).unwrap();
    let shift = text.len() - text.trim_start_matches('\u{feff}').len();
    let document = Document::parse(&text[shift..]).unwrap();
    let nodes: Vec<_> = document.root_element().descendants().filter(Node::is_element).skip(1).collect();
    let all = nodes.iter().flat_map(|node| CHANGES.map(|change| (*node, change)));
    let chosen: Vec<_> = match sample {
        Sample::All => all.collect(),
        Sample::Of(count) => {
            let all: Vec<_> = all.collect();
            (0..count).map(|_| all[dice.roll(all.len())]).collect()
        }
    };
    for (node, change) in chosen {
        let Some((touched, changed)) = changed(&document, node, change) else { continue };
        each(Changed {
            what: format!("{change:?} {} at octet {}", local(node), node.range().start),
            class: Some(format!("{change:?} {}", local(node))),
            touched: touched.start + shift..touched.end + shift,
            of_blocks: matches!(change, Change::Move(_) | Change::Wrap(_) | Change::Away),
            message: [&text[..shift], &changed].concat().into_bytes(),
        });
    }
}

/// The document with one element changed, and the octets that this is about; `None` where it cannot be done.
fn changed(document: &Document<'_>, node: Node<'_, '_>, change: Change) -> Option<(Range<usize>, String)> {
    let source = document.input_text();
    let range = node.range();
    let end = range.end..range.end;
    let insert = |at: usize, what: &str| format!("{}{what}{}", &source[..at], &source[at..]);
    Some(match change {
        Change::Remove => (range.clone(), format!("{}{}", &source[..range.start], &source[range.end..])),
        Change::Double => (end, insert(range.end, &source[range])),
        Change::Precede => (range.start..range.start, insert(range.start, &forged(node, ""))),
        Change::Follow => (end, insert(range.end, &forged(node, ""))),
        Change::Move(to) => (range, moved(document, node, to, "", |whole| whole)?),
        Change::Wrap(to) => {
            let within = |whole| format!("<x:Wrap xmlns:x=\"urn:x\">{whole}</x:Wrap>");
            (range, moved(document, node, to, &forged(node, ""), within)?)
        }
        Change::Away => {
            let name = source.trim_start_matches(|character| character != '<')[1..].split(':').next()?;
            let actor = if source.contains(SOAP11) { "actor" } else { "role" };
            let within =
                |whole| format!("<x:Security xmlns:x=\"{WSSE}\" {name}:{actor}=\"urn:other\">{whole}</x:Security>");
            (range, moved(document, node, "Header", &forged(node, ""), within)?)
        }
        Change::Nest => {
            let nested =
                format!("{}{}{}", &source[..range.start], forged(node, &source[range.clone()]), &source[range.end..]);
            (range, nested)
        }
    })
}

/// The document with an element at the end of another, and something in its place.
fn moved(
    document: &Document<'_>,
    node: Node<'_, '_>,
    to: &str,
    instead: &str,
    wrap: impl Fn(String) -> String,
) -> Option<String> {
    let source = document.input_text();
    let target = document.descendants().find(|node| local(*node) == to)?;
    if target.ancestors().any(|above| above == node) || node.parent() == Some(target) && node.next_sibling().is_none() {
        return None;
    }
    let at = target.range().start + source[target.range()].rfind("</")?;
    let (range, whole) = (node.range(), wrap(portable(node)));
    Some(if range.start < at {
        [&source[..range.start], instead, &source[range.end..at], &whole, &source[at..]].concat()
    } else {
        [&source[..at], &whole, &source[at..range.start], instead, &source[range.end..]].concat()
    })
}

/// An element with every prefix declared that it may use, so that it can stand anywhere.
fn portable(node: Node<'_, '_>) -> String {
    let source = &node.document().input_text()[node.range()];
    let name = source.find([' ', '/', '>']).unwrap_or(source.len());
    let tag = &source[..source.find('>').unwrap_or(source.len())];
    let mut declared = String::new();
    for namespace in node.namespaces() {
        let declaration = match namespace.name() {
            Some("xml") => continue,
            Some(prefix) => format!(" xmlns:{prefix}=\""),
            None => " xmlns=\"".to_owned(),
        };
        if !tag.contains(&declaration) {
            declared.extend([&declaration, namespace.uri(), "\""]);
        }
    }
    format!("{}{declared}{}", &source[..name], &source[name..])
}

/// A copy of an element without ids, with other texts: of each the first character is another, or that before the `Z` of an
/// instant. It begins with what is put inside.
fn forged(node: Node<'_, '_>, inside: &str) -> String {
    let start = node.range().start;
    let mut copy = node.document().input_text()[node.range()].to_owned();
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    for element in node.descendants().filter(Node::is_element) {
        let ids = element.attributes().filter(|of| of.name() == "Id" && [None, Some(WSU)].contains(&of.namespace()));
        edits.extend(ids.map(|of| (of.range(), String::new())));
    }
    let source = node.document().input_text().as_bytes();
    for text in node.descendants().filter(Node::is_text) {
        let range = text.range();
        let instant = range.len() > 1 && source[range.end - 1] == b'Z';
        let at = if instant { range.end - 2 } else { range.start };
        if source[at].is_ascii_alphanumeric() {
            let other = if source[at].is_ascii_digit() { (source[at] - b'0' + 1) % 10 + b'0' } else { b'0' };
            edits.push((at..at + 1, (other as char).to_string()));
        }
    }
    edits.sort_by_key(|(range, _)| range.start);
    for (range, other) in edits.into_iter().rev() {
        copy.replace_range(range.start - start..range.end - start, &other);
    }
    if inside.is_empty() {
        return copy;
    }
    let tag = copy.find('>').unwrap_or(copy.len());
    if copy[..tag].ends_with('/') {
        let name = copy[1..].split([' ', '/', '>']).next().unwrap_or_default().to_owned();
        format!("{}>{inside}</{name}>", &copy[..tag - 1])
    } else {
        format!("{}{inside}{}", &copy[..=tag], &copy[tag + 1..])
    }
}

#[test]
fn of_the_packed_recordings() {
    let tally = sweep(PACKED.iter(), elements, sample(6));
    judge("elements of packed recordings", &tally);
    assert!(tally.scenarios >= 184 && tally.messages >= 2178 && tally.changes >= 10_000, "{tally}");
}

#[test]
fn of_other_recordings() {
    if OTHERS.is_empty() {
        peers::skip("elements of other recordings", "they are not there");
        return;
    }
    judge("elements of other recordings", &sweep(OTHERS.iter(), elements, sample(2)));
}
