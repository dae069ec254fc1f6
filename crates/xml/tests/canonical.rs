//! Exclusive canonical form, by example: those of the specification, and one for each of its rules.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test")]

mod generate;

use generate::{Random, WIDE};
use nuncio_xml::{Document, NodeId, exclusive};

fn read(source: &str) -> Document {
    Document::read(source.as_bytes().to_vec(), &WIDE).unwrap_or_else(|error| panic!("{error}: {source}"))
}

/// The first element of that local name, in document order.
fn find(document: &Document, local: &str) -> NodeId {
    let mut stack = vec![document.root()];
    while let Some(node) = stack.pop() {
        if document.name(node).local == local {
            return node;
        }
        let mut children: Vec<_> = document.elements(node).collect();
        children.reverse();
        stack.extend(children);
    }
    panic!("no element {local}")
}

fn canonical(document: &Document, apex: NodeId, inclusive: &[&str]) -> String {
    let mut out = Vec::new();
    exclusive(document, apex, inclusive, &mut out);
    String::from_utf8(out).unwrap()
}

/// The canonical form of the element `local` of `source`.
#[track_caller]
fn check(source: &str, local: &str, inclusive: &[&str], expected: &str) {
    let document = read(source);
    assert_eq!(canonical(&document, find(&document, local), inclusive), expected, "{source}");
}

/// As [`check`], for the root and no prefix list.
#[track_caller]
fn check_root(source: &str, expected: &str) {
    let document = read(source);
    assert_eq!(canonical(&document, document.root(), &[]), expected, "{source}");
}

/// [Exc-C14N] section 2.2: the enveloping changes, the canonical form of what is enveloped does not.
#[test]
fn the_specification_on_enveloping() {
    let expected = "<n1:elem2 xmlns:n1=\"http://example.net\" xml:lang=\"en\"><n3:stuff xmlns:n3=\"ftp://example.org\"></n3:stuff></n1:elem2>";
    check(
        "<n0:local xmlns:n0=\"foo:bar\" xmlns:n3=\"ftp://example.org\"><n1:elem2 xmlns:n1=\"http://example.net\" \
         xml:lang=\"en\"><n3:stuff xmlns:n3=\"ftp://example.org\"/></n1:elem2></n0:local>",
        "elem2",
        &[],
        expected,
    );
    check(
        "<n2:pdu xmlns:n1=\"http://example.com\" xmlns:n2=\"http://foo.example\" xml:lang=\"fr\" xml:space=\"retain\">\
         <n1:elem2 xmlns:n1=\"http://example.net\" xml:lang=\"en\"><n3:stuff xmlns:n3=\"ftp://example.org\"/></n1:elem2></n2:pdu>",
        "elem2",
        &[],
        expected,
    );
    check(
        "<n0:pdu xmlns:n0='http://a.example'><n1:elem1 xmlns:n1='http://b.example'>content</n1:elem1></n0:pdu>",
        "elem1",
        &[],
        "<n1:elem1 xmlns:n1=\"http://b.example\">content</n1:elem1>",
    );
}

/// [Exc-C14N] section 2.1: `xml:` attributes of ancestors are not inherited, in contrast to inclusive canonical form.
#[test]
fn xml_attributes_are_not_inherited() {
    check("<a xml:lang='de' xml:space='preserve'><b/></a>", "b", &[], "<b></b>");
    check("<a xml:lang='de'><b xml:lang='en'/></a>", "b", &["xml"], "<b xml:lang=\"en\"></b>");
    check_root(
        "<a xml:lang='de' b='' xmlns:c='urn:c' c:d=''/>",
        "<a xmlns:c=\"urn:c\" b=\"\" xml:lang=\"de\" c:d=\"\"></a>",
    );
}

#[test]
fn only_what_is_visibly_used_is_declared() {
    check_root("<a xmlns:p='urn:p' xmlns:q='urn:q'>p:x</a>", "<a>p:x</a>");
    check_root(
        "<a xmlns:p='urn:p' xmlns='urn:d'><p:b/><c p:d=''/></a>",
        "<a xmlns=\"urn:d\"><p:b xmlns:p=\"urn:p\"></p:b><c xmlns:p=\"urn:p\" p:d=\"\"></c></a>",
    );
    // Declared once for the subtree that uses it, and again beside it.
    check_root(
        "<r xmlns:p='urn:p'><p:a><p:b/></p:a><p:a/></r>",
        "<r><p:a xmlns:p=\"urn:p\"><p:b></p:b></p:a><p:a xmlns:p=\"urn:p\"></p:a></r>",
    );
    // An unqualified attribute does not use the default namespace.
    check_root("<p:a xmlns='urn:d' xmlns:p='urn:p' b=''/>", "<p:a xmlns:p=\"urn:p\" b=\"\"></p:a>");
    // A superfluous declaration is dropped.
    check_root("<p:a xmlns:p='urn:p'><p:b xmlns:p='urn:p'/></p:a>", "<p:a xmlns:p=\"urn:p\"><p:b></p:b></p:a>");
}

#[test]
fn a_prefix_may_be_bound_anew() {
    check_root(
        "<p:a xmlns:p='urn:1'><p:b xmlns:p='urn:2'><p:c xmlns:p='urn:1'/></p:b><p:d/></p:a>",
        "<p:a xmlns:p=\"urn:1\"><p:b xmlns:p=\"urn:2\"><p:c xmlns:p=\"urn:1\"></p:c></p:b><p:d></p:d></p:a>",
    );
    // The inner binding is used by nothing until the outer one is back.
    check_root(
        "<p:a xmlns:p='urn:1'><x xmlns:p='urn:2'><p:c xmlns:p='urn:1'/></x></p:a>",
        "<p:a xmlns:p=\"urn:1\"><x><p:c></p:c></x></p:a>",
    );
    check_root(
        "<x xmlns:p='urn:1' p:y=''><x xmlns:p='urn:2' p:y=''/></x>",
        "<x xmlns:p=\"urn:1\" p:y=\"\"><x xmlns:p=\"urn:2\" p:y=\"\"></x></x>",
    );
}

#[test]
fn no_default_namespace_is_declared_only_where_one_is_in_force() {
    check_root("<a xmlns=''/>", "<a></a>");
    check_root("<a xmlns='urn:d'><b xmlns=''/></a>", "<a xmlns=\"urn:d\"><b xmlns=\"\"></b></a>");
    check_root(
        "<a xmlns='urn:d'><b xmlns=''><c xmlns='urn:d'/><d/></b></a>",
        "<a xmlns=\"urn:d\"><b xmlns=\"\"><c xmlns=\"urn:d\"></c><d></d></b></a>",
    );
    // In force in the source, not in the output: the apex is the outermost element.
    check("<a xmlns='urn:d'><b xmlns=''/></a>", "b", &[], "<b></b>");
    // A default namespace that no element of the output uses is not in force there.
    check_root("<p:a xmlns:p='urn:p' xmlns='urn:d'><b xmlns=''/></p:a>", "<p:a xmlns:p=\"urn:p\"><b></b></p:a>");
    // Between the two stands an element that does not use the default namespace.
    check_root(
        "<a xmlns='urn:d' xmlns:p='urn:p'><p:b xmlns=''><c/></p:b></a>",
        "<a xmlns=\"urn:d\"><p:b xmlns:p=\"urn:p\"><c xmlns=\"\"></c></p:b></a>",
    );
}

#[test]
fn listed_prefixes_are_treated_as_inclusive_form_treats_them() {
    let source = "<a xmlns='urn:d' xmlns:p='urn:p' xmlns:q='urn:q'><b xmlns=''><q:c/><d xmlns:p='urn:2'/></b></a>";
    check(
        source,
        "a",
        &["p"],
        "<a xmlns=\"urn:d\" xmlns:p=\"urn:p\"><b xmlns=\"\"><q:c xmlns:q=\"urn:q\"></q:c><d xmlns:p=\"urn:2\"></d></b></a>",
    );
    check(source, "b", &["p", "q"], "<b xmlns:p=\"urn:p\" xmlns:q=\"urn:q\"><q:c></q:c><d xmlns:p=\"urn:2\"></d></b>");
    check(source, "c", &["#default", "p"], "<q:c xmlns:p=\"urn:p\" xmlns:q=\"urn:q\"></q:c>");
    // Prefixes that are unknown, or known but not bound there, or `xml`, add nothing.
    check(source, "b", &["unknown", "xml", "xmlns", ""], "<b><q:c xmlns:q=\"urn:q\"></q:c><d></d></b>");
    check("<a><b xmlns:p='urn:p'/><c/></a>", "c", &["p"], "<c></c>");

    let default = "<p:a xmlns:p='urn:p' xmlns='urn:d'><p:b/><p:c xmlns=''><p:d xmlns='urn:d'/></p:c></p:a>";
    check(
        default,
        "a",
        &["#default"],
        "<p:a xmlns=\"urn:d\" xmlns:p=\"urn:p\"><p:b></p:b><p:c xmlns=\"\"><p:d xmlns=\"urn:d\"></p:d></p:c></p:a>",
    );
    check(default, "b", &["#default"], "<p:b xmlns=\"urn:d\" xmlns:p=\"urn:p\"></p:b>");
    check(default, "c", &["#default"], "<p:c xmlns:p=\"urn:p\"><p:d xmlns=\"urn:d\"></p:d></p:c>");
    check(default, "a", &[], "<p:a xmlns:p=\"urn:p\"><p:b></p:b><p:c><p:d></p:d></p:c></p:a>");
}

#[test]
fn attributes_are_in_order_of_namespace_then_name() {
    check_root(
        "<a xmlns:z='urn:1' xmlns:y='urn:2' y:a='1' z:b='2' z:a='3' b='4' a='5' y:B='6'/>",
        "<a xmlns:y=\"urn:2\" xmlns:z=\"urn:1\" a=\"5\" b=\"4\" z:a=\"3\" z:b=\"2\" y:B=\"6\" y:a=\"1\"></a>",
    );
    check_root(
        "<a \u{e9}='1' z='2' \u{10000}='3' \u{fffd}='4'/>",
        "<a z=\"2\" \u{e9}=\"1\" \u{fffd}=\"4\" \u{10000}=\"3\"></a>",
    );
}

#[test]
fn text_is_escaped() {
    check_root("<a>&amp;&lt;&gt;&quot;&apos;&#x41;</a>", "<a>&amp;&lt;&gt;\"'A</a>");
    check_root("<a>x > y \" ' \t</a>", "<a>x &gt; y \" ' \t</a>");
    check_root("<a>&#13;&#10;&#9;&#xD;</a>", "<a>&#xD;\n\t&#xD;</a>");
    check_root("<a>\u{e9}&#xE9;&#x1F600;</a>", "<a>\u{e9}\u{e9}\u{1F600}</a>");
}

#[test]
fn xs_13_line_ends_are_normalised_before_references() {
    check_root("<a>1\r\n2\r3\n4&#13;\n5</a>", "<a>1\n2\n3\n4&#xD;\n5</a>");
    check_root("<a b='1\r\n2\r3\n4\t5'/>", "<a b=\"1 2 3 4 5\"></a>");
    check_root("<a><![CDATA[1\r\n2\r3&#13;]]></a>", "<a>1\n2\n3&amp;#13;</a>");
}

#[test]
fn attribute_values_are_escaped() {
    check_root("<a b='&quot;\"&apos;'/>", "<a b=\"&quot;&quot;'\"></a>");
    check_root("<a b=\"&#9;&#10;&#13;&#x20;\"/>", "<a b=\"&#x9;&#xA;&#xD; \"></a>");
    check_root("<a b='<'/>".replace('<', "&lt;").replacen("&lt;", "<", 1).as_str(), "<a b=\"&lt;\"></a>");
    check_root("<a b='&gt; > &amp;'/>", "<a b=\"> > &amp;\"></a>");
    check_root("<a xmlns='urn:x?a&amp;b'/>", "<a xmlns=\"urn:x?a&amp;b\"></a>");
}

#[test]
fn xs_13_sections_and_comments_leave_their_text_and_nothing() {
    check_root("<a>1<![CDATA[<&>]]]]>2<![CDATA[]]></a>", "<a>1&lt;&amp;&gt;]]2</a>");
    check_root("<!-- 1 --><a>1<!-- 2 -->2<b/><!-- 3 --></a><!-- 4 -->", "<a>12<b></b></a>");
    check_root("<?xml version='1.0'?>\n<a\n b = '1'\n></a\n>\n", "<a b=\"1\"></a>");
}

#[test]
fn text_nodes_and_comments_have_their_own_form() {
    let document = read("<a>x &gt; y<!-- c --></a>");
    let children: Vec<_> = document.children(document.root()).collect();
    assert_eq!(canonical(&document, children[0], &[]), "x &gt; y");
    assert_eq!(canonical(&document, children[1], &[]), "");
}

/// Canonical form is a fixed point, and never empty for an element (threat XS-10).
#[test]
fn xs_13_canonical_form_is_its_own() {
    for seed in 0..2000 {
        let source = generate::document(&mut Random(seed), 20);
        let document = read(&source);
        let once = canonical(&document, document.root(), &[]);
        assert!(once.starts_with('<'));
        let again = read(&once);
        assert_eq!(canonical(&again, again.root(), &[]), once, "{source}");
    }
}

#[test]
fn values_are_read_through_the_accessors() {
    let document = read(concat!(
        "<p:a xmlns:p='urn:p' xmlns='urn:d' p:b='1&amp;2' b='x\ty' xmlns:q='urn:q'>one<!-- c --><![CDATA[<two>]]>",
        "<c xmlns='' xmlns:q='urn:q2'> &#x20;<d>three</d></c></p:a>"
    ));
    let root = document.root();
    assert_eq!((document.name(root).namespace, document.name(root).local, document.prefix(root)), ("urn:p", "a", "p"));
    assert!(document.is(root, "urn:p", "a") && !document.is(root, "urn:d", "a") && !document.is(root, "urn:p", "b"));
    assert_eq!(document.attribute(root, "urn:p", "b").as_deref(), Some("1&2"));
    assert_eq!(document.attribute(root, "", "b").as_deref(), Some("x y"));
    assert_eq!(document.attribute(root, "urn:d", "b"), None);
    assert_eq!(document.attributes(root).count(), 2);
    assert_eq!(document.text(root), "one<two>");
    assert_eq!(document.only_text(root), None);
    let c = find(&document, "c");
    let space = document.children(c).next().unwrap();
    assert!(document.is_whitespace(space));
    assert!(!document.is_whitespace(c));
    assert_eq!(document.lookup_prefix(c, "q"), Some("urn:q2"));
    assert_eq!(document.lookup_prefix(c, ""), None);
    assert_eq!(document.lookup_prefix(root, ""), Some("urn:d"));
    assert_eq!(document.lookup_prefix(root, "xml"), Some("http://www.w3.org/XML/1998/namespace"));
    assert_eq!(document.lookup_prefix(root, "unknown"), None);
    let mut scope = document.in_scope(c);
    scope.sort_unstable();
    assert_eq!(scope, [("p", "urn:p"), ("q", "urn:q2")]);
    assert_eq!(document.only_text(find(&document, "d")).as_deref(), Some("three"));
    assert_eq!(document.parent(c), Some(root));
    assert_eq!(document.parent(root), None);
}

/// A comment must not split a value on which security rests (threat XS-11).
#[test]
fn xs_11_a_comment_disqualifies_a_text() {
    let document = read("<a><b>admin@x<!-- -->.evil</b><c>1<![CDATA[2]]>3</c><d/></a>");
    let b = find(&document, "b");
    assert_eq!((document.text(b).as_ref(), document.only_text(b)), ("admin@x.evil", None));
    assert_eq!(document.only_text(find(&document, "c")).as_deref(), Some("123"));
    assert_eq!(document.only_text(find(&document, "d")).as_deref(), Some(""));
}
