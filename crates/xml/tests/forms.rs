//! Inclusive canonical form, by the examples of its specification and by its relation to the exclusive one; and what both
//! forms may be told besides: comments, an element left out, a bound.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test")]

mod generate;

use generate::{Random, WIDE};
use nuncio_xml::{Canonical, Document, Each, Form, Limits, NodeId, TooLong, canonicalise, exclusive};

fn read(source: &str) -> Document {
    Document::read(source.as_bytes().to_vec(), &WIDE).unwrap_or_else(|error| panic!("{error}: {source}"))
}

/// Every element, in document order.
fn elements(document: &Document) -> Vec<NodeId> {
    let mut found = vec![document.root()];
    let mut at = 0;
    while let Some(&node) = found.get(at) {
        found.extend(document.elements(node));
        at += 1;
    }
    found.sort();
    found
}

fn find(document: &Document, local: &str) -> NodeId {
    let all = elements(document);
    all.into_iter().find(|&node| document.name(node).local == local).unwrap_or_else(|| panic!("no element {local}"))
}

fn written(document: &Document, apex: NodeId, how: &Canonical<'_>) -> String {
    let mut out = Vec::new();
    let octets = canonicalise(document, apex, how, usize::MAX, &mut out).unwrap();
    assert_eq!(octets, out.len());
    String::from_utf8(out).unwrap()
}

const INCLUSIVE: Canonical<'static> = Canonical::of(Form::Inclusive);
const EXCLUSIVE: Canonical<'static> = Canonical::of(Form::Exclusive(&[]));

#[track_caller]
fn check(source: &str, local: &str, how: &Canonical<'_>, expected: &str) {
    let document = read(source);
    assert_eq!(written(&document, find(&document, local), how), expected, "{source}");
}

/// [C14N 1.0] section 3.1, within the root: comments, which the algorithm `WithComments` keeps.
#[test]
fn the_specification_on_comments() {
    let source = "<doc>Hello, world!<!-- Comment 1 --></doc>";
    check(source, "doc", &INCLUSIVE, "<doc>Hello, world!</doc>");
    let with = Canonical { comments: true, ..INCLUSIVE };
    check(source, "doc", &with, "<doc>Hello, world!<!-- Comment 1 --></doc>");
    check("<doc><!--a\r\nb\rc &amp; <d>--></doc>", "doc", &with, "<doc><!--a\nb\nc &amp; <d>--></doc>");
    let with = Canonical { comments: true, ..EXCLUSIVE };
    check(source, "doc", &with, "<doc>Hello, world!<!-- Comment 1 --></doc>");
}

/// [C14N 1.0] section 3.2.
#[test]
fn the_specification_on_white_space() {
    let source = "<doc>\n   <clean>   </clean>\n   <dirty>   A   B   </dirty>\n   <mixed>\n      A\n      \
                  <clean>   </clean>\n      B\n      <dirty>   A   B   </dirty>\n      C\n   </mixed>\n</doc>";
    check(source, "doc", &INCLUSIVE, source);
}

/// [C14N 1.0] section 3.3, without the attribute that a document type gives.
#[test]
fn the_specification_on_tags() {
    check(
        "<doc>\n   <e1   />\n   <e2   ></e2>\n   <e3   name = \"elem3\"   id=\"elem3\"   />\n   \
         <e4   name=\"elem4\"   id=\"elem4\"   ></e4>\n   \
         <e5 a:attr=\"out\" b:attr=\"sorted\" attr2=\"all\" attr=\"I'm\"\n      xmlns:b=\"http://www.ietf.org\"\n      \
         xmlns:a=\"http://www.w3.org\"\n      xmlns=\"http://example.org\"/>\n   \
         <e6 xmlns=\"\" xmlns:a=\"http://www.w3.org\">\n      <e7 xmlns=\"http://www.ietf.org\">\n         \
         <e8 xmlns=\"\" xmlns:a=\"http://www.w3.org\">\n            \
         <e9 xmlns=\"\" xmlns:a=\"http://www.ietf.org\" attr=\"default\"/>\n         </e8>\n      </e7>\n   </e6>\n</doc>",
        "doc",
        &INCLUSIVE,
        "<doc>\n   <e1></e1>\n   <e2></e2>\n   <e3 id=\"elem3\" name=\"elem3\"></e3>\n   \
         <e4 id=\"elem4\" name=\"elem4\"></e4>\n   \
         <e5 xmlns=\"http://example.org\" xmlns:a=\"http://www.w3.org\" xmlns:b=\"http://www.ietf.org\" attr=\"I'm\" \
         attr2=\"all\" b:attr=\"sorted\" a:attr=\"out\"></e5>\n   \
         <e6 xmlns:a=\"http://www.w3.org\">\n      <e7 xmlns=\"http://www.ietf.org\">\n         \
         <e8 xmlns=\"\">\n            <e9 xmlns:a=\"http://www.ietf.org\" attr=\"default\"></e9>\n         </e8>\n      \
         </e7>\n   </e6>\n</doc>",
    );
}

/// [C14N 1.0] section 3.4, without the attributes that a document type makes something else of.
#[test]
fn the_specification_on_characters() {
    check(
        "<doc>\r\n   <text>First line&#x0d;&#10;Second line</text>\r\n   <value>&#x32;</value>\r\n   \
         <compute><![CDATA[value>\"0\" && value<\"10\" ?\"valid\":\"error\"]]></compute>\r\n   \
         <compute expr='value>\"0\" &amp;&amp; value&lt;\"10\" ?\"valid\":\"error\"'>valid</compute>\r\n   \
         <norm attr=' &apos;   &#x20;&#13;&#xa;&#9;   &apos; '/>\r\n</doc>",
        "doc",
        &INCLUSIVE,
        "<doc>\n   <text>First line&#xD;\nSecond line</text>\n   <value>2</value>\n   \
         <compute>value&gt;\"0\" &amp;&amp; value&lt;\"10\" ?\"valid\":\"error\"</compute>\n   \
         <compute expr=\"value>&quot;0&quot; &amp;&amp; value&lt;&quot;10&quot; ?&quot;valid&quot;:&quot;error&quot;\">\
         valid</compute>\n   <norm attr=\" '    &#xD;&#xA;&#x9;   ' \"></norm>\n</doc>",
    );
}

/// [C14N 1.0] section 3.6.
#[test]
fn the_specification_on_encoding() {
    check("<doc>&#169;</doc>", "doc", &INCLUSIVE, "<doc>\u{a9}</doc>");
}

/// [C14N 1.0] section 2.4, of the apex: the declarations in scope there, and the attributes of `xml:` around it. Section
/// 3.7 shows the same for a set of nodes with holes, which no reference of ours makes.
#[test]
fn an_apex_inherits() {
    let source = "<doc xmlns=\"http://www.ietf.org\" xmlns:w3c=\"http://www.w3.org\" xml:base=\"something/else\">\
                  <e1 xml:lang=\"en\" w3c:a=\"1\"><e2 xmlns=\"\" xml:id=\"abc\" xml:base=\"bar/\" xml:space=\"preserve\">\
                  <e3 id=\"E3\" xml:lang=\"de\"/></e2></e1></doc>";
    check(
        source,
        "e3",
        &INCLUSIVE,
        "<e3 xmlns:w3c=\"http://www.w3.org\" id=\"E3\" xml:base=\"bar/\" xml:id=\"abc\" xml:lang=\"de\" \
         xml:space=\"preserve\"></e3>",
    );
    check(
        source,
        "e1",
        &INCLUSIVE,
        "<e1 xmlns=\"http://www.ietf.org\" xmlns:w3c=\"http://www.w3.org\" w3c:a=\"1\" \
         xml:base=\"something/else\" xml:lang=\"en\"><e2 xmlns=\"\" xml:base=\"bar/\" xml:id=\"abc\" xml:space=\"preserve\">\
         <e3 id=\"E3\" xml:lang=\"de\"></e3></e2></e1>",
    );
    check(source, "e3", &EXCLUSIVE, "<e3 id=\"E3\" xml:lang=\"de\"></e3>");
}

/// [Exc-C14N] section 2.1: what is enveloped has another inclusive form in another envelope.
#[test]
fn the_specification_on_enveloping() {
    let content = "<n1:elem2 xmlns:n1=\"http://example.net\" xml:lang=\"en\"><n3:stuff xmlns:n3=\"ftp://example.org\"/></n1:elem2>";
    check(
        &format!("<n0:local xmlns:n0=\"foo:bar\" xmlns:n3=\"ftp://example.org\">{content}</n0:local>"),
        "elem2",
        &INCLUSIVE,
        "<n1:elem2 xmlns:n0=\"foo:bar\" xmlns:n1=\"http://example.net\" xmlns:n3=\"ftp://example.org\" xml:lang=\"en\">\
         <n3:stuff></n3:stuff></n1:elem2>",
    );
    check(
        &format!(
            "<n2:pdu xmlns:n1=\"http://example.com\" xmlns:n2=\"http://foo.example\" xml:lang=\"fr\" \
             xml:space=\"retain\">{content}</n2:pdu>"
        ),
        "elem2",
        &INCLUSIVE,
        "<n1:elem2 xmlns:n1=\"http://example.net\" xmlns:n2=\"http://foo.example\" xml:lang=\"en\" xml:space=\"retain\">\
         <n3:stuff xmlns:n3=\"ftp://example.org\"></n3:stuff></n1:elem2>",
    );
}

/// A declaration that says what is in force already is superfluous, one that takes a default namespace away is not.
#[test]
fn declarations_follow_the_source() {
    check(
        "<a xmlns='urn:d' xmlns:p='urn:p'><b xmlns:p='urn:p' xmlns='urn:d'/><c xmlns=''><d xmlns=''/></c><e/></a>",
        "a",
        &INCLUSIVE,
        "<a xmlns=\"urn:d\" xmlns:p=\"urn:p\"><b></b><c xmlns=\"\"><d></d></c><e></e></a>",
    );
    check("<a xmlns='urn:d'><b xmlns=''><c/></b></a>", "c", &INCLUSIVE, "<c></c>");
    check("<a xmlns='urn:d'><b xmlns=''/></a>", "b", &INCLUSIVE, "<b></b>");
}

/// A signature within what it signs: the element alone goes, with all it holds.
#[test]
fn an_element_is_left_out() {
    let source = "<a xmlns:p='urn:p'>1<b/>2<sig><c/>3</sig>4<p:d/></a>";
    for (left_out, expected) in [
        ("sig", "<a>1<b></b>24<p:d xmlns:p=\"urn:p\"></p:d></a>"),
        ("b", "<a>12<sig><c></c>3</sig>4<p:d xmlns:p=\"urn:p\"></p:d></a>"),
        ("d", "<a>1<b></b>2<sig><c></c>3</sig>4</a>"),
        ("c", "<a>1<b></b>2<sig>3</sig>4<p:d xmlns:p=\"urn:p\"></p:d></a>"),
    ] {
        let document = read(source);
        let how = Canonical { without: Some(find(&document, left_out)), ..EXCLUSIVE };
        assert_eq!(written(&document, document.root(), &how), expected);
    }
    let document = read("<a><sig/></a>");
    let how = Canonical { without: Some(find(&document, "sig")), ..EXCLUSIVE };
    assert_eq!(written(&document, document.root(), &how), "<a></a>");
}

/// [WSS 1.1] section 8.3: the token that stands for a reference declares the default namespace it has, or that it has
/// none.
#[test]
fn a_default_namespace_is_declared_in_any_case() {
    for form in [Form::Exclusive(&[]), Form::Exclusive(&["#default"]), Form::Inclusive] {
        let how = Canonical { declares_default: true, ..Canonical::of(form) };
        check("<p:a xmlns:p='urn:p'><b/></p:a>", "a", &how, "<p:a xmlns=\"\" xmlns:p=\"urn:p\"><b></b></p:a>");
        check("<a><b c=''/></a>", "b", &how, "<b xmlns=\"\" c=\"\"></b>");
        check(
            "<p:a xmlns:p='urn:p' xmlns='urn:d'><p:b/></p:a>",
            "b",
            &how,
            "<p:b xmlns=\"urn:d\" xmlns:p=\"urn:p\"></p:b>",
        );
        check("<a xmlns='urn:d'><b xmlns=''><c/></b></a>", "b", &how, "<b xmlns=\"\"><c></c></b>");
    }
}

/// Either form is its own, and the exclusive form does not change with what the inclusive one adds.
#[test]
fn the_forms_agree() {
    for seed in 0..1000 {
        let source = generate::document(&mut Random(seed), 20);
        let document = read(&source);
        for apex in elements(&document) {
            let mut plain = Vec::new();
            exclusive(&document, apex, &[], &mut plain);
            let inclusive = written(&document, apex, &INCLUSIVE);
            let again = read(&inclusive);
            assert_eq!(written(&again, again.root(), &INCLUSIVE), inclusive, "{source}");
            if !document.attributes(apex).chain(inherited(&document, apex)).any(|attribute| attribute.prefix == "xml") {
                let mut other = Vec::new();
                exclusive(&again, again.root(), &[], &mut other);
                assert_eq!(String::from_utf8_lossy(&other), String::from_utf8_lossy(&plain), "{source}");
            }
            // A list of every prefix makes of the exclusive form the inclusive one, but for the attributes around.
            let mut prefixes: Vec<&str> = document.in_scope(apex).into_iter().map(|(prefix, _)| prefix).collect();
            prefixes.iter_mut().filter(|prefix| prefix.is_empty()).for_each(|prefix| *prefix = "#default");
            let listed = written(&document, apex, &Canonical::of(Form::Exclusive(&prefixes)));
            let declared = |text: &str| text.split('>').next().unwrap_or_default().matches("xmlns").count();
            assert_eq!(declared(&listed), declared(&inclusive), "{source}");
        }
    }
}

fn inherited(document: &Document, apex: NodeId) -> impl Iterator<Item = nuncio_xml::Attribute<'_>> {
    std::iter::successors(document.parent(apex), |&node| document.parent(node))
        .flat_map(|node| document.attributes(node))
}

/// One long namespace on each of many short elements makes a form much longer than the document: it stops where it is
/// told to (threat XS-28).
#[test]
fn the_bound_holds() {
    let long = format!("urn:{}", "u".repeat(4000));
    let source = format!("<r xmlns:p=\"{long}\">{}</r>", "<p:a/>".repeat(4000));
    let wide = Limits { name_bytes: 1 << 14, ..WIDE };
    let document = Document::read(source.clone().into_bytes(), &wide).unwrap();
    for (how, bound) in [(EXCLUSIVE, 4 * source.len()), (Canonical { comments: true, ..EXCLUSIVE }, 100)] {
        let mut octets = 0;
        let refused =
            canonicalise(&document, document.root(), &how, bound, &mut Each(|piece: &[u8]| octets += piece.len()));
        assert_eq!(refused, Err(TooLong(bound)));
        assert!(octets < bound + 16_384, "{octets}");
    }
    let mut out = Vec::new();
    let small = read("<a>12345</a>");
    assert_eq!(canonicalise(&small, small.root(), &INCLUSIVE, 12, &mut out), Ok(12));
    assert_eq!(canonicalise(&small, small.root(), &INCLUSIVE, 11, &mut out), Err(TooLong(11)));
}
