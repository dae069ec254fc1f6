//! Documents made to cost much: they end soon, and on a small stack.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test")]
#![allow(clippy::format_collect, reason = "documents are made once")]

mod generate;

use generate::WIDE;
use nuncio_xml::{Document, Limits, ReadError, ReadError::*};

fn read(bytes: impl AsRef<[u8]>, limits: &Limits) -> Result<Document, ReadError> {
    Document::read(bytes.as_ref().to_vec(), limits)
}

#[track_caller]
fn refused(bytes: impl AsRef<[u8]>, reason: ReadError) {
    assert_eq!(read(bytes, &WIDE).err(), Some(reason));
}

/// No limits on what there may be many of.
const ENDLESS: Limits = Limits {
    depth: usize::MAX,
    attributes: usize::MAX,
    elements: usize::MAX,
    names: usize::MAX,
    declarations: usize::MAX,
    declarations_in_scope: usize::MAX,
    ..WIDE
};

/// Deep nesting ends soon and on a small stack: reading, every walk, and dropping are loops.
#[test]
fn pa_01_deep_nesting() {
    let run = move || {
        let deep = "<a>".repeat(75_000) + &"</a>".repeat(75_000);
        let document = read(&deep, &ENDLESS).unwrap_or_else(|error| panic!("{error}"));
        let mut canonical = Vec::new();
        nuncio_xml::exclusive(&document, document.root(), &[], &mut canonical);
        assert_eq!(canonical, deep.as_bytes());
        let mut writer = nuncio_xml::Writer::new();
        writer.copy(&document, document.root());
        assert_eq!(writer.bytes(), deep.as_bytes());
        drop(document);
        refused(deep, TooDeep(WIDE.depth));
        for depth in [1_500, 65_535, 65_536, 65_537] {
            let deep = "<a xmlns='urn:x'>".repeat(depth) + &"</a>".repeat(depth);
            refused(&deep, TooDeep(WIDE.depth));
            let document = read(&deep, &ENDLESS).unwrap_or_else(|error| panic!("{error}"));
            assert!(document.is(document.root(), "urn:x", "a"), "{depth}");
        }
    };
    std::thread::Builder::new().stack_size(256 << 10).spawn(run).unwrap().join().unwrap();
}

/// Very many of anything cost no more than so many times one of it: a square would not end.
#[test]
fn pa_02_and_03_attributes_and_declarations() {
    let wide = ENDLESS;
    let run = move || {
        let attributes: String = (0..60_000).map(|n| format!(" a{n}=''")).collect();
        assert!(read(format!("<a{attributes}/>"), &wide).is_ok());
        refused(format!("<a{attributes}/>"), TooManyAttributes(64));
        let declarations: String = (0..60_000).map(|n| format!(" xmlns:a{n}='urn:{n}'")).collect();
        assert!(read(format!("<a{declarations}/>"), &wide).is_ok());
        refused(format!("<a{declarations}/>"), TooManyDeclarations(WIDE.declarations));
        refused(format!("<a xmlns:a='{}'/>", "u".repeat(1 << 20)), TooLongAttribute(WIDE.attribute_bytes));
    };
    std::thread::Builder::new().stack_size(256 << 10).spawn(run).unwrap().join().unwrap();
}

#[test]
fn pa_04_elements_comments_and_ids() {
    let ids = |n: usize| format!("<a u:Id='{n}'/>");
    let many: String = (0..60_000).map(ids).collect();
    let wsu = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
    assert!(read(format!("<a xmlns:u='{wsu}'>{many}</a>"), &ENDLESS).is_ok());
    refused("<a/>".repeat(1_000_000), SecondRoot);
    let elements = format!("<r>{}</r>", "<a/>".repeat(1_000_000));
    assert_eq!(read(&elements, &Limits { elements: 100_000, ..ENDLESS }).err(), Some(TooManyElements(100_000)));
    assert_eq!(read(&elements, &Limits { children: 10_000, ..ENDLESS }).err(), Some(TooManyChildren(10_000)));
    let comments = format!("<r>{}</r>", "<!---->".repeat(25_000));
    assert_eq!(read(comments, &Limits { children: 10_000, ..ENDLESS }).err(), Some(TooManyChildren(10_000)));
}

#[test]
fn pa_05_overlong_names_and_values() {
    refused(format!("<{}/>", "a".repeat(1_000_000)), TooLongName(256));
    refused(format!("<a {}=''/>", "a".repeat(100_000)), TooLongName(256));
    refused(format!("<a xmlns:{}='urn:x'/>", "a".repeat(100_000)), TooLongName(256));
    refused(format!("<a b='{}'/>", "a".repeat(100_000)), TooLongAttribute(WIDE.attribute_bytes));
    let text = Limits { text_bytes: 99_999, ..WIDE };
    let long = "a".repeat(100_000);
    for source in [format!("<a>{long}</a>"), format!("<a><!--{long}--></a>"), format!("<a><![CDATA[{long}]]></a>")] {
        assert_eq!(read(source, &text).err(), Some(TooLongText(99_999)));
    }
}

/// Strings that collide under the hashes of other languages' libraries (DJB's, times 31 and 33) are as quick as any.
#[test]
fn pa_08_names_whose_hashes_collide() {
    for pair in [["Aa", "BB"], ["Ez", "FY"]] {
        let name = |n: usize| (0..14).map(|bit| pair[n >> bit & 1]).collect::<String>();
        let attributes: String = (0..10_000).map(|n| format!(" {}=''", name(n))).collect();
        let document = read(format!("<a{attributes}/>"), &ENDLESS).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(document.attributes(document.root()).count(), 10_000);
        let twice = format!("<a{attributes} {}=''/>", name(0));
        assert_eq!(read(twice, &ENDLESS).err(), Some(AttributeRepeated));
    }
}

/// Names whose hashes collide fall into a sorted list and are still told apart.
#[test]
fn pa_08_many_names_are_told_apart() {
    let limits = Limits { names: 200_000, elements: 200_000, ..WIDE };
    let names: Vec<String> = (0..60_000).map(|n| format!("n{n}")).collect();
    let source = format!("<r>{}</r>", names.iter().map(|name| format!("<{name}/>")).collect::<String>());
    let document = read(source, &limits).unwrap_or_else(|error| panic!("{error}"));
    for (node, name) in document.elements(document.root()).zip(&names) {
        assert_eq!(document.name(node).local, name);
    }
}
