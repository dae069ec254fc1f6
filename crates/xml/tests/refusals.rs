//! What a document may not be: every refusal with its exact reason, every limit at its edge.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test")]
#![allow(clippy::too_many_lines, clippy::format_collect, reason = "tables are long; documents are made once")]

mod generate;

use generate::WIDE;
use nuncio_xml::{Document, Limits, ReadError, ReadError::*};

fn read(bytes: impl AsRef<[u8]>, limits: &Limits) -> Result<Document, ReadError> {
    Document::read(bytes.as_ref().to_vec(), limits)
}

#[track_caller]
fn refused(bytes: impl AsRef<[u8]>, reason: ReadError) {
    let bytes = bytes.as_ref();
    assert_eq!(read(bytes, &WIDE).err(), Some(reason), "{:?}", String::from_utf8_lossy(bytes));
}

#[track_caller]
fn accepted(bytes: impl AsRef<[u8]>) {
    let bytes = bytes.as_ref();
    assert_eq!(read(bytes, &WIDE).err(), None, "{:?}", String::from_utf8_lossy(bytes));
}

const UNDECLARED: fn(&str) -> ReadError = |prefix| PrefixUndeclared(prefix.to_owned());

/// What is refused, why, and whether roxmltree refuses it too. It is laxer where SOAP or canonical form forbid what XML
/// allows.
fn table() -> Vec<(&'static str, ReadError, bool)> {
    vec![
        ("", NoRoot, true),
        (" \n", NoRoot, true),
        ("<!-- only -->", NoRoot, true),
        ("<", Truncated, true),
        ("<a", Truncated, true),
        ("<a ", Truncated, true),
        ("<a b", Truncated, true),
        ("<a b=", Truncated, true),
        ("<a b='", Truncated, true),
        ("<a b='c'", Truncated, true),
        ("<a/", Truncated, true),
        ("<a>", Truncated, true),
        ("<a></a", Truncated, true),
        ("<a></", Truncated, true),
        ("<a><b></b>", Truncated, true),
        ("<a><!-- ", Truncated, true),
        ("<a><!-- --", Truncated, true),
        ("<a><![CDATA[ ]]</a>", Truncated, true),
        ("<a/><a/>", SecondRoot, true),
        ("<a></a>x", ContentOutsideRoot, true),
        ("x<a/>", ContentOutsideRoot, true),
        ("<a/>&#x20;", ContentOutsideRoot, true),
        ("<![CDATA[ ]]><a/>", ContentOutsideRoot, true),
        ("<a/></a>", EndTagWithoutStart, true),
        ("</a>", EndTagWithoutStart, true),
        ("<a></b>", EndTagMismatched, true),
        ("<a></ab>", EndTagMismatched, true),
        ("<ab></a>", EndTagMismatched, true),
        ("<a></a b>", MarkupMalformed, true),
        ("<p:a xmlns:p='urn:x' xmlns:q='urn:x'></q:a>", EndTagMismatched, true),
        ("<a><b></a></b>", EndTagMismatched, true),
        ("< a/>", MarkupMalformed, true),
        ("<a b='1'c='2'/>", MarkupMalformed, true),
        ("<a b/>", MarkupMalformed, true),
        ("<a b=c/>", MarkupMalformed, true),
        ("<a / >", MarkupMalformed, true),
        ("<a='b'/>", MarkupMalformed, true),
        ("<a\"b\"/>", MarkupMalformed, true),
        ("<a><</a>", MarkupMalformed, true),
        ("<a><!ELEMENT b></a>", MarkupMalformed, true),
        ("<1a/>", NameMalformed, true),
        ("<a:/>", NameMalformed, true),
        ("<:a/>", NameMalformed, true),
        ("<a:b:c xmlns:a='urn:x'/>", NameMalformed, true),
        ("<a 1b=''/>", NameMalformed, true),
        ("<a b$=''/>", NameMalformed, true),
        ("<a\u{b7}b\u{d7}/>", NameMalformed, true),
        ("<-a/>", NameMalformed, true),
        ("<a xmlns:1='urn:x'/>", NameMalformed, true),
        ("<a xmlns:='urn:x'/>", NameMalformed, true),
        ("<a b='<'/>", LessThanInAttribute, true),
        ("<a b='1' b='2'/>", AttributeRepeated, true),
        ("<a xmlns:p='urn:x' xmlns:q='urn:x' p:b='' q:b=''/>", AttributeRepeated, true),
        ("<a p:b='' xmlns:p='urn:x' q:b='' xmlns:q='urn:&#x78;'/>", AttributeRepeated, true),
        ("<a xmlns='urn:x' xmlns='urn:y'/>", AttributeRepeated, true),
        ("<a xmlns:p='urn:x' xmlns:p='urn:x'/>", AttributeRepeated, true),
        ("<a>&nbsp;</a>", EntityUnknown, true),
        ("<a>&</a>", EntityUnknown, true),
        ("<a>& </a>", EntityUnknown, true),
        ("<a>&amp</a>", EntityUnknown, true),
        ("<a>&AMP;</a>", EntityUnknown, true),
        ("<a b='&xxe;'/>", EntityUnknown, true),
        ("<a>&#;</a>", CharacterReferenceInvalid, true),
        ("<a>&#x;</a>", CharacterReferenceInvalid, true),
        ("<a>&#X41;</a>", CharacterReferenceInvalid, true),
        ("<a>&#x41</a>", CharacterReferenceInvalid, true),
        ("<a>&#4g;</a>", CharacterReferenceInvalid, true),
        ("<a>&#0;</a>", CharacterReferenceInvalid, true),
        ("<a>&#x1;</a>", CharacterReferenceInvalid, true),
        ("<a>&#xB;</a>", CharacterReferenceInvalid, true),
        ("<a>&#xD800;</a>", CharacterReferenceInvalid, true),
        ("<a>&#xFFFE;</a>", CharacterReferenceInvalid, true),
        ("<a>&#xFFFF;</a>", CharacterReferenceInvalid, true),
        ("<a>&#x110000;</a>", CharacterReferenceInvalid, true),
        ("<a>&#99999999999999999999;</a>", CharacterReferenceInvalid, true),
        ("<a b='&#0;'/>", CharacterReferenceInvalid, true),
        ("<a>]]></a>", CdataEndInText, true),
        ("<a>x]]]]>y</a>", CdataEndInText, true),
        ("<a><!-- -- --></a>", CommentMalformed, true),
        ("<a><!-- ---></a>", CommentMalformed, true),
        ("<a>\u{1}</a>", IllegalCharacter, true),
        ("<a>\0</a>", IllegalCharacter, true),
        ("<a b='\u{1f}'/>", IllegalCharacter, true),
        ("<a><!-- \u{8} --></a>", IllegalCharacter, true),
        ("<a><![CDATA[\u{b}]]></a>", IllegalCharacter, true),
        ("<a>\u{fffe}</a>", IllegalCharacter, true),
        ("<a>\u{ffff}</a>", IllegalCharacter, true),
        ("<p:a/>", UNDECLARED("p"), true),
        ("<a p:b=''/>", UNDECLARED("p"), true),
        ("<a><b xmlns:p='urn:x'/><p:c/></a>", UNDECLARED("p"), true),
        ("<a xmlns:p=''/>", NamespaceEmpty, true),
        ("<a xmlns:p='urn:x'><b xmlns:p=''/></a>", NamespaceEmpty, true),
        ("<a xmlns:xml='urn:x'/>", NamespaceReserved, true),
        ("<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>", NamespaceReserved, true),
        ("<a xmlns='http://www.w3.org/XML/1998/namespace'/>", NamespaceReserved, true),
        ("<a xmlns:xmlns='urn:x'/>", NamespaceReserved, true),
        ("<a xmlns:xmlns='http://www.w3.org/2000/xmlns/'/>", NamespaceReserved, true),
        ("<a xmlns:p='http://www.w3.org/2000/xmlns/'/>", NamespaceReserved, true),
        ("<a xmlns='http://www.w3.org/2000/xmlns/'/>", NamespaceReserved, true),
        ("<xmlns:a/>", NamespaceReserved, true),
        ("<a xmlns='relative'/>", NamespaceRelative, false),
        ("<a xmlns:p='../up'/>", NamespaceRelative, false),
        ("<a xmlns:p='1:x'/>", NamespaceRelative, false),
        ("<!DOCTYPE a><a/>", Doctype, false),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", Doctype, false),
        ("<a/><!DOCTYPE a>", Doctype, true),
        ("<?pi?><a/>", ProcessingInstruction, false),
        ("<a><?pi x?></a>", ProcessingInstruction, false),
        ("<a/><?pi?>", ProcessingInstruction, false),
        (" <?xml version='1.0'?><a/>", ProcessingInstruction, true),
        ("<a><?xml version='1.0'?></a>", ProcessingInstruction, true),
        ("<?xml-stylesheet href='x'?><a/>", ProcessingInstruction, false),
        ("<?xml version='1.1'?><a/>", XmlDeclarationInvalid, false),
        ("<?xml ?><a/>", XmlDeclarationInvalid, true),
        ("<?xml encoding='utf-8'?><a/>", XmlDeclarationInvalid, true),
        ("<?xml version='1.0' standalone='maybe'?><a/>", XmlDeclarationInvalid, false),
        ("<?xml version='1.0' standalone='yes' encoding='utf-8'?><a/>", XmlDeclarationInvalid, true),
        ("<?xml version='1.0'encoding='utf-8'?><a/>", XmlDeclarationInvalid, true),
        ("<?xml version='1.0' version='1.0'?><a/>", XmlDeclarationInvalid, true),
        ("<?xml version='1.0'", XmlDeclarationInvalid, true),
        ("<?xml version='1.0' encoding='utf-16'?><a/>", EncodingNotUtf8, false),
        ("<?xml version='1.0' encoding='iso-8859-1'?><a/>", EncodingNotUtf8, false),
    ]
}

#[test]
fn pa_11_every_refusal_has_its_reason() {
    for (source, reason, _) in table() {
        refused(source, reason);
    }
}

/// The rows of the table whose reason is such: each of them refused, and so many at least.
#[track_caller]
fn refused_for(least: usize, is: impl Fn(&ReadError) -> bool) {
    let rows: Vec<_> = table().into_iter().filter(|(_, reason, _)| is(reason)).collect();
    assert!(rows.len() >= least, "{}", rows.len());
    for (source, reason, _) in rows {
        refused(source, reason);
    }
}

#[test]
fn xs_09_namespaces_that_are_read_in_two_ways() {
    let of_names = [AttributeRepeated, NamespaceEmpty, NamespaceRelative, NamespaceReserved, NameMalformed];
    refused_for(28, |reason| of_names.contains(reason) || matches!(reason, PrefixUndeclared(_)));
}

#[test]
fn xs_10_namespaces_that_have_no_canonical_form() {
    refused_for(3, |reason| *reason == NamespaceRelative);
}

#[test]
fn xs_12_processing_instructions() {
    refused_for(6, |reason| *reason == ProcessingInstruction);
    let whole = "<a b='c'>d<e/><!-- f --></a>";
    // Wherever one may stand: in front, between, behind.
    for at in [0, 9, 10, 14, 24, whole.len()] {
        refused(format!("{}<?pi x?>{}", &whole[..at], &whole[at..]), ProcessingInstruction);
    }
}

/// No entity is ever expanded, for none is ever declared.
#[test]
fn pa_06_entities() {
    refused_for(9, |reason| matches!(reason, Doctype | EntityUnknown));
    let laugh = |n: usize| format!("<!ENTITY l{} '&l{n};&l{n};'>", n + 1);
    let laughs = "<!DOCTYPE l [<!ENTITY l0 'ha'>".to_owned() + &(0..20).map(laugh).collect::<String>();
    refused(format!("{laughs}]><l>&l20;</l>"), Doctype);
    refused(format!("<!DOCTYPE l [<!ENTITY l '{}'>]><l>{}</l>", "x".repeat(50_000), "&l;".repeat(50_000)), Doctype);
    refused("<l>&l20;</l>", EntityUnknown);
}

/// Nothing outside is ever asked for: what would name it is refused where it begins.
#[test]
fn pa_07_external_entities() {
    let canary = "file:///dev/urandom";
    for source in [
        format!("<!DOCTYPE a SYSTEM '{canary}'><a/>"),
        format!("<!DOCTYPE a PUBLIC '-//x' '{canary}'><a/>"),
        format!("<!DOCTYPE a [<!ENTITY x SYSTEM '{canary}'>]><a>&x;</a>"),
        format!("<!DOCTYPE a [<!ENTITY % x SYSTEM '{canary}'>%x;]><a/>"),
        format!("<!DOCTYPE a [<!ENTITY x PUBLIC 'x' '{canary}'>]><a b='&x;'/>"),
        format!("<?xml version='1.0'?><!DOCTYPE a [<!NOTATION n SYSTEM '{canary}'>]><a/>"),
        "<!DOCTYPE a><a/>".to_owned(),
    ] {
        refused(source, Doctype);
    }
    refused("<!ENTITY x SYSTEM 'x'><a/>", MarkupMalformed);
    // What names something without being markup of XML's own is left as it is.
    accepted("<a xmlns:xi='http://www.w3.org/2001/XInclude'><xi:include href='file:///dev/urandom'/></a>");
}

/// Ill-formed, and accepted by roxmltree 0.21 all the same.
const LAX: &[&str] = &[
    "<:a/>",
    "<a xmlns='urn:x' xmlns='urn:y'/>",
    "<a>&#xD800;</a>",
    "<a>&#x110000;</a>",
    "<a xmlns:p=''/>",
    "<a xmlns:p='urn:x'><b xmlns:p=''/></a>",
    "<a xmlns:xmlns='urn:x'/>",
];

#[test]
fn roxmltree_refuses_the_same_where_xml_itself_does() {
    let accepted = |source: &&str| roxmltree::Document::parse(source).is_ok();
    let ill_formed = table().into_iter().filter_map(|(source, _, ill_formed)| ill_formed.then_some(source));
    let lax: Vec<_> = ill_formed.filter(accepted).collect();
    assert_eq!(lax, LAX);
}

#[test]
fn pa_10_octets_that_are_no_utf8() {
    for bytes in [
        b"<a>\xff</a>".as_slice(),
        b"<a>\xc0\x80</a>",         // NUL, overlong
        b"<a>\xe0\x80\xaf</a>",     // slash, overlong
        b"<a>\xed\xa0\x80</a>",     // a surrogate
        b"<a>\xf4\x90\x80\x80</a>", // beyond U+10FFFF
        b"<a>\xe2\x82",             // cut off
        b"\xff\xfe<\0a\0/\0>\0",    // UTF-16 with its mark
        b"\xfe\xff\0<\0a\0/\0>",
        b"\xff\xfe\0\0<\0\0\0", // UTF-32
        b"<?xml version='1.0' encoding='iso-8859-1'?><a>\xe9</a>",
    ] {
        refused(bytes, NotUtf8);
    }
    refused(b"<\0a\0/\0>\0", IllegalCharacter);
    refused("+ADw-a/+AD4-", ContentOutsideRoot);
}

#[test]
fn what_is_legal_is_accepted() {
    for source in [
        "\u{feff}<a/>",
        "\u{feff}<?xml version='1.0'?><a/>",
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\" ?>\n<a/>\n",
        "<?xml\tversion = '1.0'\r\nencoding='Utf-8'?><a/>",
        "<!-- before --><a/><!-- after -->\n",
        "<a b = \"'\" c='\"'\n/>",
        "<a ></a\n>",
        "<a>]] > ]]&gt;</a>",
        "<a>&#9;&#xA;&#x0000000000000041;&#x10FFFF;&#xE000;</a>",
        "<a xmlns:xml='http://www.w3.org/XML/1998/namespace' xml:lang='de'/>",
        "<a p:b='' q:b='' b='' xmlns:p='urn:p' xmlns:q='urn:q' xmlns='urn:p'/>",
        "<\u{e9}l\u{e9}ment \u{3b1}.\u{b7}-='' _='' xmlns:\u{5b57}='urn:x'/>",
        "<a>\u{7f}\u{85}\u{2028}\u{fffd}\u{feff}\u{10ffff}</a>",
        "<a xmlns='urn:x'><b xmlns=''/></a>",
        "<a><!----><![CDATA[]]><![CDATA[]]]]></a>",
    ] {
        accepted(source);
    }
}

/// Reads a document that meets a limit, and one that exceeds it by one.
#[track_caller]
fn edge(set: impl Fn(&mut Limits), at: &str, beyond: &str, reason: ReadError) {
    let mut limits = WIDE;
    set(&mut limits);
    assert_eq!(read(at, &limits).err(), None, "{at}");
    assert_eq!(read(beyond, &limits).err(), Some(reason), "{beyond}");
}

#[test]
fn limits_hold_at_their_edge() {
    edge(|l| l.bytes = 5, "<a/> ", "<a/>  ", TooLongDocument(5));
    edge(|l| l.depth = 2, "<a><b/><b></b></a>", "<a><b><c/></b></a>", TooDeep(2));
    edge(|l| l.attributes = 2, "<a xmlns='urn:x' b='' c=''/>", "<a b='' c='' d=''/>", TooManyAttributes(2));
    edge(|l| l.attribute_bytes = 3, "<a b='123'/>", "<a b='1234'/>", TooLongAttribute(3));
    edge(|l| l.attribute_bytes = 3, "<a xmlns='u:x'/>", "<a xmlns='u:xy'/>", TooLongAttribute(3));
    edge(
        |l| l.declarations = 1,
        "<a xmlns='u:x' b='' c=''><b xmlns:p='u:x'/></a>",
        "<a xmlns='u:x' xmlns:p='u:x'/>",
        TooManyDeclarations(1),
    );
    edge(
        |l| l.declarations_in_scope = 2,
        "<a xmlns='u:x'><b xmlns='u:x'/><b xmlns:p='u:x'/></a>",
        "<a xmlns='u:x'><b xmlns='u:x'><c xmlns=''/></b></a>",
        TooManyDeclarationsInScope(2),
    );
    edge(|l| l.elements = 3, "<a><b/><c/></a>", "<a><b/><c/><d/></a>", TooManyElements(3));
    edge(|l| l.children = 3, "<a>x<b/><!-- --></a>", "<a>x<b/><!-- -->y</a>", TooManyChildren(3));
    edge(|l| l.name_bytes = 4, "<abcd/>", "<abcde/>", TooLongName(4));
    edge(|l| l.name_bytes = 7, "<a xmlns:b='u:x'/>", "<a xmlns:bc='u:x'/>", TooLongName(7));
    edge(|l| l.name_bytes = 7, "<a xmlns:b='u:12345'/>", "<a xmlns:b='u:123456'/>", TooLongName(7));
    edge(|l| l.name_bytes = 7, "<a xmlns='u:1234&amp;'/>", "<a xmlns='u:12345&amp;'/>", TooLongName(7));
    edge(|l| l.names = 3, "<a b=''><c/><a/></a>", "<a b=''><c/><d/></a>", TooManyNames(3));
    // `a`, `xmlns:p`, `p`, the namespace, `p:a`
    edge(|l| l.names = 5, "<a xmlns:p='u:x'><p:a/></a>", "<a xmlns:p='u:x'><p:b/><p:a/></a>", TooManyNames(5));
    edge(|l| l.text_bytes = 5, "<a>&lt;x</a>", "<a>&lt;xy</a>", TooLongText(5));
    edge(|l| l.text_bytes = 3, "<a><![CDATA[123]]></a>", "<a><![CDATA[1234]]></a>", TooLongText(3));
    edge(|l| l.text_bytes = 3, "<a><!--123--></a>", "<a><!--1234--></a>", TooLongText(3));
}

const WSU: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
const SAML1: &str = "urn:oasis:names:tc:SAML:1.0:assertion";
const SAML2: &str = "urn:oasis:names:tc:SAML:2.0:assertion";

fn envelope(content: &str) -> String {
    format!("<e xmlns:u='{WSU}' xmlns:d='{DS}' xmlns:x='{XENC}' xmlns:s='{SAML1}' xmlns:t='{SAML2}'>{content}</e>")
}

/// One element of each kind that has the id `x`.
const IDENTIFIED: [&str; 6] = [
    "<a u:Id='x'>",
    "<d:Signature Id='x'>",
    "<x:EncryptedData Id='x'>",
    "<u:Timestamp Id='&#120;'>",
    "<s:Assertion AssertionID='x'>",
    "<t:Assertion ID='x'>",
];

fn close(start: &str) -> String {
    format!("</{}>", start[1..].split(' ').next().unwrap_or_default())
}

#[test]
fn ids_are_found_by_the_table() {
    for start in IDENTIFIED {
        let source = envelope(&format!("<b/>{start}{}<b/>", close(start)));
        let document = read(source, &WIDE).unwrap_or_else(|error| panic!("{error}"));
        let node = document.elements(document.root()).nth(1).unwrap();
        assert_eq!(document.by_id("x"), Some(node), "{start}");
        assert_eq!(document.id(node).as_deref(), Some("x"), "{start}");
    }
}

#[test]
fn xs_03_no_id_is_there_twice_whatever_its_kind_and_place() {
    for one in IDENTIFIED {
        for other in IDENTIFIED {
            let beside = format!("{one}{}{other}{}", close(one), close(other));
            let within = format!("{one}{other}{}{}", close(other), close(one));
            for content in [beside, within] {
                refused(envelope(&content), IdRepeated("x".to_owned()));
            }
        }
    }
    refused(envelope("<d:Signature Id='x' u:Id='y'/>"), IdsOnOneElement);
}

#[test]
fn xs_04_decoys_are_no_ids() {
    for decoy in [
        "<a Id='x'/>",
        "<a ID='x'/>",
        "<a id='x'/>",
        "<a xml:id='x'/>",
        "<a u:ID='x'/>",
        "<a u:id='x'/>",
        "<a d:Id='x'/>",
        "<a t:ID='x'/>",
        "<d:Signature ID='x'/>",
        "<x:EncryptedData id='x'/>",
        "<u:Created Id='x'/>",
        "<t:Assertion AssertionID='x' Id='x'/>",
        "<s:Assertion ID='x'/>",
        "<t:Issuer ID='x'/>",
        "<a AssertionID='x'/>",
    ] {
        let alone = read(envelope(decoy), &WIDE).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(alone.by_id("x"), None, "{decoy}");
        let node = alone.elements(alone.root()).next().unwrap();
        assert_eq!(alone.id(node), None, "{decoy}");
        // Before and after the true one.
        for content in [format!("{decoy}<b u:Id='x'/>"), format!("<b u:Id='x'/>{decoy}")] {
            let document = read(envelope(&content), &WIDE).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(document.by_id("x").map(|node| document.name(node).local), Some("b"), "{decoy}");
        }
    }
}
