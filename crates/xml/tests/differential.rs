//! Random documents, read by us and by quick-xml: the same elements, names, attributes and text.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test")]

mod generate;

use generate::{Random, WIDE};
use nuncio_xml::{Document, Kind, NodeId};
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

/// What a reader saw, one line for each tag and each run of text.
type Seen = Vec<String>;

enum Step {
    Enter(NodeId),
    Leave,
}

fn ours(document: &Document) -> Seen {
    let mut seen = Seen::new();
    let mut text = String::new();
    let mut steps = vec![Step::Enter(document.root())];
    while let Some(step) = steps.pop() {
        match step {
            Step::Enter(node) if document.kind(node) == Kind::Element => {
                flush(&mut text, &mut seen);
                let name = document.name(node);
                let attributes = document
                    .attributes(node)
                    .map(|attribute| format!("{{{}}}{}={:?}", attribute.namespace, attribute.local, attribute.value));
                seen.push(start(document.prefix(node), name.namespace, name.local, &attributes.collect::<Vec<_>>()));
                steps.push(Step::Leave);
                let mut children: Vec<_> = document.children(node).map(Step::Enter).collect();
                children.reverse();
                steps.extend(children);
            }
            Step::Enter(node) => text.push_str(&document.text(node)),
            Step::Leave => {
                flush(&mut text, &mut seen);
                seen.push("end".to_owned());
            }
        }
    }
    seen
}

fn start(prefix: &str, namespace: &str, local: &str, attributes: &[String]) -> String {
    format!("start {prefix} {{{namespace}}}{local} {attributes:?}")
}

fn flush(text: &mut String, seen: &mut Seen) {
    if !text.is_empty() {
        seen.push(format!("text {:?}", std::mem::take(text)));
    }
}

fn namespace(result: &ResolveResult<'_>) -> String {
    match result {
        // Namespace names are attribute values: quick-xml leaves their references to its callers.
        ResolveResult::Bound(namespace) => quick_xml::escape::unescape(namespace.as_ref()).unwrap().into_owned(),
        ResolveResult::Unbound => String::new(),
        ResolveResult::Unknown(prefix) => panic!("prefix {prefix:?} is unknown"),
    }
}

fn theirs(source: &str) -> Seen {
    let mut reader = NsReader::from_str(source);
    let (mut seen, mut text, mut depth) = (Seen::new(), String::new(), 0);
    let tag = |reader: &NsReader<&[u8]>, tag: &BytesStart<'_>| {
        let (result, local) = reader.resolver().resolve_element(tag.name());
        let element = (namespace(&result), local.as_ref().to_owned());
        let mut attributes = Vec::new();
        for attribute in tag.attributes() {
            let attribute = attribute.unwrap();
            if attribute.key.as_namespace_binding().is_some() {
                continue;
            }
            let (result, local) = reader.resolver().resolve_attribute(attribute.key);
            let value = attribute.normalized_value(XmlVersion::Explicit1_0).unwrap();
            attributes.push(format!("{{{}}}{}={:?}", namespace(&result), local.as_ref(), value));
        }
        let prefix = tag.name().prefix().map(|prefix| prefix.as_ref().to_owned()).unwrap_or_default();
        start(&prefix, &element.0, &element.1, &attributes)
    };
    loop {
        match reader.read_event().unwrap() {
            Event::Start(element) => {
                flush(&mut text, &mut seen);
                seen.push(tag(&reader, &element));
                depth += 1;
            }
            Event::Empty(element) => {
                flush(&mut text, &mut seen);
                seen.push(tag(&reader, &element));
                seen.push("end".to_owned());
            }
            Event::End(_) => {
                flush(&mut text, &mut seen);
                seen.push("end".to_owned());
                depth -= 1;
            }
            Event::Text(run) if depth > 0 => text.push_str(&run.xml10_content()),
            Event::CData(run) => text.push_str(&run.xml10_content()),
            Event::GeneralRef(reference) => match reference.resolve_char_ref().unwrap() {
                Some(c) => text.push(c),
                None => text.push_str(quick_xml::escape::resolve_predefined_entity(&reference).unwrap()),
            },
            Event::Eof => return seen,
            Event::Text(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
}

#[test]
fn we_see_what_quick_xml_sees() {
    for seed in 0..3000 {
        let source = generate::document(&mut Random(seed), 25);
        let document =
            Document::read(source.as_bytes().to_vec(), &WIDE).unwrap_or_else(|error| panic!("{error}: {source}"));
        assert_eq!(ours(&document), theirs(&source), "seed {seed}: {source}");
    }
}

/// Bits flipped at random: we never panic, and what we accept roxmltree accepts as well.
#[test]
fn damaged_documents_are_refused_or_well_formed() {
    let mut accepted = 0;
    for seed in 0..20_000 {
        let mut random = Random(seed);
        let mut bytes = generate::document(&mut random, 4).into_bytes();
        for _ in 0..=random.below(2) {
            let at = random.below(bytes.len());
            match random.below(3) {
                0 => bytes[at] ^= 1 << random.below(8),
                1 => bytes[at] = b"<>&\"'/ :=!-]"[random.below(12)],
                _ => drop(bytes.remove(at)),
            }
        }
        if let Ok(document) = Document::read(bytes.clone(), &WIDE) {
            accepted += 1;
            let mut canonical = Vec::new();
            nuncio_xml::exclusive(&document, document.root(), &[], &mut canonical);
            let source = String::from_utf8(bytes).unwrap();
            assert!(roxmltree::Document::parse(&source).is_ok(), "{source}");
        }
    }
    assert!(accepted > 1000, "only {accepted} damaged documents are documents still");
}
