//! The writer's law: what it writes reads back as what was meant, and its canonical octets are those of a canonicaliser.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test")]

mod generate;

use generate::{Random, WIDE, document};
use nuncio_xml::{Document, Kind, NodeId, Set, Writer, exclusive};

fn read(bytes: &[u8]) -> Document {
    match Document::read(bytes.to_vec(), &WIDE) {
        Ok(document) => document,
        Err(error) => panic!("{error}: {}", String::from_utf8_lossy(bytes)),
    }
}

fn canonical(document: &Document, apex: NodeId) -> String {
    let mut out = Vec::new();
    exclusive(document, apex, &[], &mut out);
    String::from_utf8(out).unwrap()
}

fn written(writer: &Writer, range: std::ops::Range<usize>) -> String {
    let mut out = Vec::new();
    writer.canonical(range, &mut out);
    String::from_utf8(out).unwrap()
}

fn all(document: &Document) -> Vec<NodeId> {
    let mut all = vec![document.root()];
    let mut at = 0;
    while at < all.len() {
        all.extend(document.elements(all[at]));
        at += 1;
    }
    all
}

#[test]
fn a_copy_reads_back_as_the_original() {
    for seed in 0..3000 {
        let source = document(&mut Random(seed), 12);
        let original = read(source.as_bytes());
        for node in all(&original) {
            let mut writer = Writer::new();
            writer.copy(&original, node);
            let end = writer.position();
            let expected = canonical(&original, node);
            assert_eq!(written(&writer, 0..end), expected, "seed {seed}: {source}");
            let again = read(writer.bytes());
            assert_eq!(canonical(&again, again.root()), expected, "seed {seed}: {source}");
            same_scopes(&original, node, &again, again.root(), &source);
        }
    }
}

/// Names in content mean the same in the copy: at every element, every prefix of the original is bound as there.
fn same_scopes(original: &Document, a: NodeId, copy: &Document, b: NodeId, source: &str) {
    for (prefix, uri) in original.in_scope(a) {
        assert_eq!(copy.lookup_prefix(b, prefix), Some(uri), "{prefix} in {source}");
    }
    assert_eq!(original.lookup_prefix(a, ""), copy.lookup_prefix(b, ""), "{source}");
    let (mut left, mut right) = (original.elements(a), copy.elements(b));
    loop {
        match (left.next(), right.next()) {
            (Some(a), Some(b)) => same_scopes(original, a, copy, b, source),
            (None, None) => break,
            _ => panic!("another number of children: {source}"),
        }
    }
}

/// Elements written as apexes, by where they start and end.
type Apexes = Vec<(usize, usize)>;

/// Writes random elements by hand, with apexes, copies and pieces among them.
fn scribble(random: &mut Random, writer: &mut Writer, depth: usize, apexes: &mut Apexes) {
    const PREFIXES: [&str; 4] = ["", "a", "b", "c"];
    const URIS: [&str; 3] = ["urn:one", "urn:two", ""];
    let is_apex = depth == 0 || random.one_in(3);
    let start = writer.position();
    if is_apex {
        writer.apex();
    }
    match if depth == 0 { 0 } else { random.below(6) } {
        4 => {
            let source = document(random, 6);
            let other = read(source.as_bytes());
            let nodes = all(&other);
            let node = nodes[random.below(nodes.len())];
            if random.one_in(2) {
                writer.copy(&other, node);
            } else {
                let (prefix, namespace) = (random.pick(&["a", "b", "n"]), random.pick(&URIS));
                writer.copy_with(&other, node, &Set { prefix, namespace, local: "Alpha", value: "set \"&\t" });
            }
        }
        5 if depth < 4 => {
            let mut inner = Writer::new();
            let mut inner_apexes = Apexes::new();
            if random.one_in(2) {
                inner.start(random.pick(&PREFIXES), random.pick(&URIS), "Outside");
            }
            scribble(random, &mut inner, 0, &mut inner_apexes);
            // The outermost of them is the last to end.
            let (from, to) = *inner_apexes.last().unwrap();
            let end = inner.position();
            assert_eq!(to, end);
            writer.piece(&inner, from..to);
            apexes.push((start, writer.position()));
            return;
        }
        _ => {
            writer.start(random.pick(&PREFIXES), random.pick(&URIS), random.pick(&["x", "y"]));
            if random.one_in(3) {
                writer.declare(random.pick(&PREFIXES), random.pick(&URIS));
            }
            if random.one_in(2) {
                writer.attribute_ns(random.pick(&PREFIXES), "urn:two", "q", "1 < 2");
            }
            if random.one_in(3) {
                writer.attribute_ns(random.pick(&PREFIXES), "urn:one", "p", "\"\r\n");
            }
            if random.one_in(2) {
                writer.attribute("z", "&");
            }
            if random.one_in(3) {
                writer.declare(random.pick(&PREFIXES), random.pick(&URIS));
            }
            for _ in 0..if depth > 5 { 0 } else { random.below(4) } {
                if random.one_in(4) {
                    writer.text("t > \r&");
                    writer.text_with(|out| out.extend_from_slice(b"AAEC"));
                } else {
                    scribble(random, writer, depth + 1, apexes);
                }
            }
            writer.end();
        }
    }
    if is_apex {
        apexes.push((start, writer.position()));
    }
}

/// The element that starts at each position of the source, found by counting start tags in both.
fn element_at(document: &Document, source: &str, at: usize) -> NodeId {
    let is_start = |pair: &[u8]| pair[0] == b'<' && pair[1] != b'/' && pair[1] != b'!';
    let before = source.as_bytes()[..=at].windows(2).filter(|pair| is_start(pair)).count();
    let mut order = Vec::new();
    let mut stack = vec![document.root()];
    while let Some(node) = stack.pop() {
        order.push(node);
        let mut children: Vec<_> = document.elements(node).collect();
        children.reverse();
        stack.extend(children);
    }
    order[before]
}

#[test]
fn canonical_octets_of_every_apex_are_those_of_the_canonicaliser() {
    for seed in 0..6000 {
        let mut random = Random(seed);
        let mut writer = Writer::new();
        let mut apexes = Apexes::new();
        scribble(&mut random, &mut writer, 0, &mut apexes);
        let output = String::from_utf8(writer.bytes().to_vec()).unwrap();
        // Comments hold no markup here, so start tags can be counted.
        let document = read(output.as_bytes());
        for (start, end) in apexes {
            let node = element_at(&document, &output, start);
            assert_eq!(document.kind(node), Kind::Element);
            let expected = canonical(&document, node);
            let found = written(&writer, start..end);
            if found != expected {
                let at = found.bytes().zip(expected.bytes()).take_while(|(a, b)| a == b).count();
                let from = at.saturating_sub(120);
                let (found, expected) = (&found.as_bytes()[from..], &expected.as_bytes()[from..]);
                let text = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(240)]).into_owned();
                panic!("seed {seed}, at {start}:\n{}\ninstead of\n{}\nin\n{output}", text(found), text(expected));
            }
        }
    }
}

fn signed() -> (Writer, [std::ops::Range<usize>; 2]) {
    let mut writer = Writer::new();
    writer.start("s", "urn:soap", "Envelope");
    writer.start("o", "urn:o", "Security");
    writer.start("", "urn:ds", "Signature");
    writer.apex();
    let start = writer.position();
    writer.start("", "urn:ds", "SignedInfo");
    writer.start("o", "urn:o", "Token");
    writer.end();
    writer.end();
    let signed_info = start..writer.position();
    writer.end();
    writer.end();
    writer.end();
    let all = 0..writer.position();
    (writer, [signed_info, all])
}

#[test]
fn a_nested_apex_repeats_declarations_as_gaps_of_what_is_around_it() {
    let (writer, [signed_info, all]) = signed();
    assert_eq!(
        written(&writer, signed_info),
        "<SignedInfo xmlns=\"urn:ds\"><o:Token xmlns:o=\"urn:o\"></o:Token></SignedInfo>"
    );
    assert_eq!(
        written(&writer, all),
        "<s:Envelope xmlns:s=\"urn:soap\"><o:Security xmlns:o=\"urn:o\"><Signature xmlns=\"urn:ds\"><SignedInfo><o:Token>\
         </o:Token></SignedInfo></Signature></o:Security></s:Envelope>"
    );
    assert_eq!(
        String::from_utf8_lossy(writer.bytes()),
        "<s:Envelope xmlns:s=\"urn:soap\"><o:Security xmlns:o=\"urn:o\"><Signature xmlns=\"urn:ds\">\
         <SignedInfo xmlns=\"urn:ds\"><o:Token xmlns:o=\"urn:o\"></o:Token></SignedInfo></Signature></o:Security></s:Envelope>"
    );
}

#[test]
fn a_piece_has_no_declaration_twice_in_the_canonical_form_around_it() {
    let mut token = Writer::new();
    token.start("o", "urn:o", "Token");
    token.attribute_ns("u", "urn:u", "Id", "t");
    token.start("", "", "bare");
    token.end();
    token.end();
    let length = token.position();
    let mut writer = Writer::new();
    writer.start("", "urn:d", "Header");
    writer.start("o", "urn:o", "Security");
    let start = writer.position();
    writer.piece(&token, 0..length);
    let piece = start..writer.position();
    writer.end();
    writer.end();
    let all = 0..writer.position();
    let alone = "<o:Token xmlns:o=\"urn:o\" xmlns:u=\"urn:u\" u:Id=\"t\"><bare></bare></o:Token>";
    assert_eq!(written(&writer, piece), alone);
    assert_eq!(written(&token, 0..length), alone);
    assert_eq!(
        written(&writer, all),
        "<Header xmlns=\"urn:d\"><o:Security xmlns:o=\"urn:o\"><o:Token xmlns:u=\"urn:u\" u:Id=\"t\"><bare xmlns=\"\"></bare>\
         </o:Token></o:Security></Header>"
    );
}

#[test]
fn an_attribute_is_set_on_a_copy() {
    let copied = |source: &str, namespace: &str| {
        let document = read(source.as_bytes());
        let mut writer = Writer::new();
        writer.copy_with(&document, document.root(), &Set { prefix: "u", namespace, local: "Id", value: "new \"1\"" });
        String::from_utf8(writer.into_bytes()).unwrap()
    };
    let cases = [
        ("<a b='1'>t</a>", "urn:u", "<a xmlns:u=\"urn:u\" b=\"1\" u:Id=\"new &quot;1&quot;\">t</a>"),
        (
            "<a x:Id='old' xmlns:x='urn:u'/>",
            "urn:u",
            "<a xmlns:u=\"urn:u\" xmlns:x=\"urn:u\" u:Id=\"new &quot;1&quot;\"></a>",
        ),
        // The prefix means something else in the scope of the element, perhaps to its content.
        (
            "<a xmlns:u='urn:x'>u:q</a>",
            "urn:u",
            "<a xmlns:u=\"urn:x\" xmlns:u1=\"urn:u\" u1:Id=\"new &quot;1&quot;\">u:q</a>",
        ),
        (
            "<a z='' Id='old' b=''><a Id='old'/></a>",
            "",
            "<a Id=\"new &quot;1&quot;\" b=\"\" z=\"\"><a Id=\"old\"></a></a>",
        ),
    ];
    for (source, namespace, expected) in cases {
        assert_eq!(copied(source, namespace), expected);
    }
}

#[test]
fn comments_and_names_in_content_are_kept_as_gaps() {
    let document = read(b"<a xmlns:x='urn:x'><b type='x:t'><!-- x --></b><c/></a>");
    let b = document.elements(document.root()).next().unwrap();
    let mut writer = Writer::new();
    writer.start("s", "urn:soap", "Body");
    writer.declare("x", "urn:other");
    writer.copy_children(&document, document.root());
    writer.end();
    let all = 0..writer.position();
    assert_eq!(written(&writer, all), "<s:Body xmlns:s=\"urn:soap\"><b type=\"x:t\"></b><c></c></s:Body>");
    let again = read(writer.bytes());
    let copy = again.elements(again.root()).next().unwrap();
    assert_eq!(again.lookup_prefix(copy, "x"), document.lookup_prefix(b, "x"));
    assert_eq!(again.lookup_prefix(again.root(), "x"), Some("urn:other"));
    assert_eq!(again.children(copy).map(|child| again.kind(child)).collect::<Vec<_>>(), [Kind::Comment]);
}

/// Misuse writes something, and never panics.
#[test]
fn misuse_is_harmless() {
    let mut writer = Writer::new();
    writer.end();
    writer.attribute("lost", "x");
    writer.declare("lost", "urn:x");
    writer.start("p", "", "a");
    writer.declare("q", "");
    writer.end();
    writer.end();
    let length = writer.position();
    assert_eq!(written(&writer, 0..length + 9), "<a></a>");
    assert_eq!(written(&writer, length + 9..length + 10), "");
    let mut other = Writer::new();
    other.piece(&writer, 0..length + 9);
    other.piece(&writer, length + 5..length + 9);
    assert_eq!(other.bytes(), b"<a></a>");
}
