//! Decrypted content in the place of its element: read in that scope, and able to reach nothing beyond it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test")]
#![allow(clippy::needless_pass_by_value, reason = "a table reads better so")]

mod generate;

use std::ops::Range;

use generate::{Random, WIDE};
use nuncio_xml::{Document, Fragment, Kind, Limits, NodeId, ReadError, ReadError::*, Substitute, Writer, exclusive};

const WSU: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";

const ENVELOPE: &str = concat!(
    "<s:Envelope xmlns:s='urn:soap' xmlns='urn:default' ",
    "xmlns:u='http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd'>",
    "<s:Header u:Id='header'/><s:Body u:Id='body' xmlns:b='urn:body'>before",
    "<e:Data xmlns:e='urn:e' xmlns='urn:inner' u:Id='data'><e:Cipher/></e:Data>",
    "<after/></s:Body></s:Envelope>",
);

fn envelope(limits: &Limits) -> (Document, NodeId) {
    let document = Document::read(ENVELOPE.as_bytes().to_vec(), limits).unwrap_or_else(|error| panic!("{error}"));
    let data = document.by_id("data").unwrap();
    (document, data)
}

fn graft(plaintext: &str, form: Fragment) -> Result<(Document, Vec<NodeId>), ReadError> {
    let (document, data) = envelope(&WIDE);
    document.graft(data, plaintext.as_bytes().to_vec(), form)
}

#[track_caller]
fn refused(plaintext: &str, reason: ReadError) {
    for form in [Fragment::Element, Fragment::Content] {
        assert_eq!(graft(plaintext, form).err(), Some(reason.clone()), "{plaintext:?} as {form:?}");
    }
}

fn canonical(document: &Document, apex: NodeId) -> String {
    let mut out = Vec::new();
    exclusive(document, apex, &[], &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn content_stands_where_the_element_stood() {
    let (document, tops) =
        graft("x<b:y u:Id='y'>&lt;</b:y><z/><!-- c -->", Fragment::Content).unwrap_or_else(|e| panic!("{e}"));
    let body = document.by_id("body").unwrap();
    assert_eq!(
        canonical(&document, body),
        format!(
            "<s:Body xmlns:s=\"urn:soap\" xmlns:u=\"{WSU}\" u:Id=\"body\">beforex<b:y xmlns:b=\"urn:body\" u:Id=\"y\">&lt;</b:y>\
             <z xmlns=\"urn:default\"></z><after xmlns=\"urn:default\"></after></s:Body>"
        )
    );
    assert_eq!(tops.len(), 4);
    let children: Vec<_> = document.children(body).collect();
    assert_eq!(children[1..5], tops);
    assert!(tops.iter().all(|&top| document.parent(top) == Some(body)));
    assert_eq!(document.by_id("y"), Some(tops[1]));
    assert_eq!(document.kind(tops[3]), Kind::Comment);
    assert_eq!(document.text(body), "beforex");
    assert_eq!(document.lookup_prefix(tops[2], "e"), None);
    assert_eq!(document.lookup_prefix(tops[2], ""), Some("urn:default"));
}

#[test]
fn an_element_stands_where_the_element_stood() {
    let (document, tops) = graft("\n <z><b:y/></z> ", Fragment::Element).unwrap_or_else(|e| panic!("{e}"));
    let body = document.by_id("body").unwrap();
    assert_eq!(document.elements(body).count(), 2);
    assert_eq!(document.children(body).nth(1), Some(tops[0]));
    assert!(document.is(tops[0], "urn:default", "z"));
}

#[test]
fn nothing_may_stand_where_the_element_stood() {
    let (document, tops) = graft("", Fragment::Content).unwrap_or_else(|e| panic!("{e}"));
    let body = document.by_id("body").unwrap();
    assert!(tops.is_empty());
    assert_eq!(document.children(body).count(), 2);
}

#[test]
fn older_nodes_stay_what_they_were() {
    let (document, data) = envelope(&WIDE);
    let before = canonical(&document, data);
    let cipher = document.elements(data).next().unwrap();
    let (document, _) = document.graft(data, b"x".to_vec(), Fragment::Content).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(canonical(&document, data), before);
    assert_eq!(document.by_id("data"), Some(data));
    assert!(document.is_replaced(data) && document.is_replaced(cipher));
    assert!(!document.is_replaced(document.root()));
    assert!(document.children(document.by_id("body").unwrap()).all(|child| child != data));
    // Neither it nor what it holds can be replaced again.
    assert_eq!(document.graft(cipher, b"x".to_vec(), Fragment::Content).err(), Some(NotReplaceable));
}

#[test]
fn grafts_follow_each_other_and_nest() {
    let (document, tops) = graft("<b:one/><b:two u:Id='two'/>", Fragment::Content).unwrap_or_else(|e| panic!("{e}"));
    let (document, inner) = document
        .graft(tops[1], b"<b:three>deep</b:three>".to_vec(), Fragment::Element)
        .unwrap_or_else(|e| panic!("{e}"));
    let (document, first) = document.graft(tops[0], b"".to_vec(), Fragment::Content).unwrap_or_else(|e| panic!("{e}"));
    assert!(first.is_empty());
    let body = document.by_id("body").unwrap();
    let locals: Vec<_> = document.elements(body).map(|node| document.name(node).local).collect();
    assert_eq!(locals, ["three", "after"]);
    assert_eq!(document.text(inner[0]), "deep");
    assert_eq!(document.only_text(inner[0]).as_deref(), Some("deep"));
}

#[test]
fn xe_12_a_plaintext_reaches_nothing_beyond_itself() {
    refused("</s:Body><s:Body>", EndTagWithoutStart);
    refused("<x/></s:Body>", EndTagWithoutStart);
    refused("</e:Data>", EndTagWithoutStart);
    refused("<x>", Truncated);
    refused("<x></y>", EndTagMismatched);
    refused("<x", Truncated);
    refused("<x a='", Truncated);
    refused("<!-- ", Truncated);
    refused("<![CDATA[", Truncated);
    refused("<e:x/>", PrefixUndeclared("e".to_owned()));
    refused("<q:x/>", PrefixUndeclared("q".to_owned()));
    refused("\u{feff}<x/>", ByteOrderMarkInFragment);
    refused("<?xml version='1.0'?><x/>", ProcessingInstruction);
    refused("<?pi?><x/>", ProcessingInstruction);
    refused("<!DOCTYPE x><x/>", Doctype);
    refused("<x>\0</x>", IllegalCharacter);
    refused("<x>&e;</x>", EntityUnknown);
    for id in ["header", "body", "data"] {
        refused(&format!("<x u:Id='{id}'/>"), IdRepeated(id.to_owned()));
    }
    let twice = "<x><y u:Id='n'/><y u:Id='n'/></x>";
    refused(twice, IdRepeated("n".to_owned()));
    let (document, data) = envelope(&WIDE);
    let utf16 = b"\xff\xfe<\0x\0/\0>\0".to_vec();
    assert_eq!(document.graft(data, utf16, Fragment::Content).err(), Some(NotUtf8));
}

#[test]
fn an_encrypted_element_is_exactly_one() {
    for plaintext in ["", " ", "x", "<x/><y/>", "<x/>y", "y<x/>", "<!-- --><x/>", "<x/><![CDATA[ ]]>", "&#x20;<x/>"] {
        assert_eq!(graft(plaintext, Fragment::Element).err(), Some(NotOneElement), "{plaintext:?}");
        assert!(graft(plaintext, Fragment::Content).is_ok(), "{plaintext:?}");
    }
}

#[test]
fn only_elements_below_the_root_are_replaced() {
    let (document, data) = envelope(&WIDE);
    let (root, text) = (document.root(), document.children(document.parent(data).unwrap()).next().unwrap());
    assert_eq!(document.graft(root, b"<x/>".to_vec(), Fragment::Element).err(), Some(NotReplaceable));
    let (document, _) = envelope(&WIDE);
    assert_eq!(document.graft(text, b"<x/>".to_vec(), Fragment::Content).err(), Some(NotReplaceable));
}

/// Grafts one plaintext that meets a limit together with what is there, and one that exceeds it.
#[track_caller]
fn edge(set: impl Fn(&mut Limits), at: &str, beyond: &str, reason: ReadError) {
    let mut limits = WIDE;
    set(&mut limits);
    for (plaintext, expected) in [(at, None), (beyond, Some(reason))] {
        let (document, data) = envelope(&limits);
        let result = document.graft(data, plaintext.as_bytes().to_vec(), Fragment::Content);
        assert_eq!(result.err(), expected, "{plaintext}");
    }
}

#[test]
fn xe_07_limits_are_cumulative() {
    let bytes = ENVELOPE.len() + 4;
    edge(|l| l.bytes = bytes, "<x/>", "<xy/>", TooLongDocument(bytes));
    edge(|l| l.depth = 4, "<x><y/></x>", "<x><y><z/></y></x>", TooDeep(4));
    edge(|l| l.elements = 8, "<x/><y/>", "<x/><y/><z/>", TooManyElements(8));
    edge(|l| l.children = 4, "x<y/>", "x<y/>z", TooManyChildren(4));
    // Those of the envelope and the body, not those of the element that is replaced.
    edge(
        |l| l.declarations_in_scope = 6,
        "<x xmlns='urn:e' xmlns:b='urn:e'/>",
        "<x xmlns='urn:e' xmlns:b='urn:e' xmlns:s='urn:e'/>",
        TooManyDeclarationsInScope(6),
    );
    let (mut low, mut high) = (0, 4096);
    // The least number of names with which `<x/>` is read: one less, and it is not.
    while low < high {
        let names = usize::midpoint(low, high);
        let ok = Document::read(ENVELOPE.as_bytes().to_vec(), &Limits { names, ..WIDE }).is_ok();
        (low, high) = if ok { (low, names) } else { (names + 1, high) };
    }
    edge(|l| l.names = low + 1, "<x/><s:Body/>", "<x/><y/>", TooManyNames(low + 1));
}

/// Where the elements below the root are written, in the order in which they end.
fn elements_in(source: &str) -> Vec<Range<usize>> {
    let (mut spans, mut open, mut at) = (Vec::new(), Vec::new(), 0);
    while let Some(start) = source[at..].find('<').map(|found| at + found) {
        let rest = &source[start..];
        let skipped = [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")];
        if let Some((_, end)) = skipped.iter().find(|(begin, _)| rest.starts_with(begin)) {
            at = start + rest.find(end).unwrap() + end.len();
            continue;
        }
        let mut quote = None;
        let end = rest.find(|c| match quote {
            None if c == '"' || c == '\'' => quote.replace(c).is_some(),
            None => c == '>',
            Some(open) if c == open => quote.take().is_none(),
            Some(_) => false,
        });
        at = start + end.unwrap() + 1;
        if rest.starts_with("</") {
            spans.push(open.pop().unwrap()..at);
        } else if source[..at].ends_with("/>") {
            spans.push(start..at);
        } else {
            open.push(start);
        }
    }
    spans.pop();
    spans
}

/// A document an element of which is taken out and grafted back is the document that it was.
#[test]
fn what_is_taken_out_and_grafted_back_is_the_same() {
    let mut grafted = 0;
    for seed in 0..400 {
        let source = generate::document(&mut Random(seed), 12);
        let read = |source: &str| {
            Document::read(source.as_bytes().to_vec(), &WIDE).unwrap_or_else(|e| panic!("{e}: {source}"))
        };
        let original = read(&source);
        for span in elements_in(&source) {
            let (head, tail) = (&source[..span.start], &source[span.end..]);
            for form in [Fragment::Element, Fragment::Content] {
                let holed = read(&format!("{head}<hole xmlns='urn:hole'><full/></hole>{tail}"));
                let mut nodes = vec![holed.root()];
                let hole = loop {
                    match nodes.pop() {
                        Some(node) if holed.is(node, "urn:hole", "hole") => break node,
                        Some(node) => nodes.extend(holed.elements(node)),
                        None => panic!("no hole in {holed}", holed = canonical(&holed, holed.root())),
                    }
                };
                let (whole, tops) = holed
                    .graft(hole, source[span.clone()].as_bytes().to_vec(), form)
                    .unwrap_or_else(|error| panic!("seed {seed}: {error}: {}", &source[span.clone()]));
                assert_eq!(tops.len(), 1);
                assert_eq!(canonical(&whole, whole.root()), canonical(&original, original.root()), "seed {seed}");
            }
            grafted += 1;
        }
    }
    assert!(grafted > 1000, "only {grafted} elements were taken out");
}

/// Elements that are written in the place of some of a copy, each with a number as its id.
struct Placeholders {
    places: Vec<(NodeId, Fragment)>,
}

impl Substitute for Placeholders {
    fn stands_for(&self, node: NodeId) -> Option<Fragment> {
        self.places.iter().find(|place| place.0 == node).map(|place| place.1)
    }

    fn write(&mut self, writer: &mut Writer, node: NodeId, form: Fragment) {
        let at = self.places.iter().position(|place| *place == (node, form)).unwrap();
        writer.start("a", "urn:place", "Holder");
        writer.attribute_ns("u", WSU, "Id", &format!("place-{at}"));
        writer.end();
    }
}

/// What a copy leaves out and its fragments give back is the original.
#[test]
fn what_is_substituted_is_grafted_back() {
    let mut substituted = 0;
    for seed in 0..3000 {
        let mut random = Random(seed);
        let source = generate::document(&mut random, 12);
        let original = Document::read(source.as_bytes().to_vec(), &WIDE).unwrap();
        let mut placeholders = Placeholders { places: Vec::new() };
        let mut open = vec![original.root()];
        while let Some(node) = open.pop() {
            let form = if random.one_in(2) { Fragment::Element } else { Fragment::Content };
            if random.one_in(4) && (node != original.root() || form == Fragment::Content) {
                placeholders.places.push((node, form));
            } else {
                open.extend(original.elements(node));
            }
        }
        let mut writer = Writer::new();
        writer.apex();
        writer.copy_but(&original, original.root(), None, &mut placeholders);
        let end = writer.position();
        let mut written = Vec::new();
        writer.canonical(0..end, &mut written);
        let mut copy = Document::read(writer.into_bytes(), &WIDE).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), canonical(&copy, copy.root()), "seed {seed}: {source}");
        for (at, &(node, form)) in placeholders.places.iter().enumerate() {
            let holder = copy.by_id(&format!("place-{at}")).unwrap_or_else(|| panic!("seed {seed}: none for {at}"));
            copy = copy.graft(holder, original.fragment(node, form), form).unwrap().0;
            substituted += 1;
        }
        assert_eq!(canonical(&copy, copy.root()), canonical(&original, original.root()), "seed {seed}: {source}");
    }
    assert!(substituted > 2000, "{substituted}");
}
