//! What is translated, case by case; and there and back, of envelopes at random.

use std::fmt::Write;

use nuncio_policy::model::Addressing;

use super::*;
use crate::limits::{Limits, OURS};

const LIMITS: Limits = Limits {
    xml: OURS,
    header_children: 0,
    signatures: 0,
    references: 0,
    prefixes: 0,
    encrypted_keys: 0,
    encrypted_data: 0,
    derived_keys: 0,
    certificate: 0,
    hot_contexts: 0,
};

fn other(version: SoapVersion) -> SoapVersion {
    match version {
        SoapVersion::V11 => SoapVersion::V12,
        SoapVersion::V12 => SoapVersion::V11,
    }
}

fn translate(text: &str, from: SoapVersion, to: SoapVersion, faults: Faults) -> String {
    let envelope = Envelope::read(text.as_bytes().to_vec(), from, Addressing::None, &LIMITS)
        .unwrap_or_else(|refusal| panic!("{refusal}: {text}"));
    let blocks = plain::travelling(&envelope, true);
    String::from_utf8(write(&envelope, &blocks, to, faults, None)).unwrap()
}

fn envelope(version: SoapVersion, header: &str, body: &str) -> String {
    format!(
        "<s:Envelope xmlns:s=\"{}\"><s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>",
        soap(version)
    )
}

/// What an envelope is translated to, without its own two tags.
fn inner(from: SoapVersion, header: &str, body: &str) -> String {
    let text = translate(&envelope(from, header, body), from, other(from), Faults::Whole);
    let head = format!("<s:Envelope xmlns:s=\"{}\">", soap(other(from)));
    let inner = text.strip_prefix(&head).and_then(|rest| rest.strip_suffix("</s:Body></s:Envelope>"));
    inner.unwrap_or_else(|| panic!("{text}")).to_owned()
}

#[test]
fn header_blocks_keep_whom_they_are_for() {
    use SoapVersion::{V11, V12};
    for (from, there, here) in [
        (V11, "s:mustUnderstand=\"1\"", "s:mustUnderstand=\"1\""),
        (V11, "s:mustUnderstand=\"0\" s:actor=\"urn:a\"", "s:mustUnderstand=\"0\" s:role=\"urn:a\""),
        (V11, &format!("s:actor=\"{NEXT11}\""), &format!("s:role=\"{NEXT12}\"")),
        (V11, "s:actor=\"\" a=\"b\"", "a=\"b\""),
        (V11, "s:encodingStyle=\"urn:e\"", "s:encodingStyle=\"urn:e\""),
        (V12, "s:mustUnderstand=\"true\"", "s:mustUnderstand=\"1\""),
        (V12, "s:mustUnderstand=\"false\" s:relay=\"true\"", "s:mustUnderstand=\"0\""),
        (V12, &format!("s:role=\"{NEXT12}\""), &format!("s:actor=\"{NEXT11}\"")),
        (V12, &format!("s:role=\"{ULTIMATE12}\" a=\"b\""), "a=\"b\""),
        (V12, "s:role=\"urn:a\"", "s:actor=\"urn:a\""),
    ] {
        let header = format!("<h:H xmlns:h=\"urn:h\" {there}>h:x</h:H>");
        let found = inner(from, &header, "<b xmlns=\"urn:b\"></b>");
        let expected =
            format!("<s:Header><h:H xmlns:h=\"urn:h\" {here}>h:x</h:H></s:Header><s:Body><b xmlns=\"urn:b\"></b>");
        assert_eq!(shape_of(&wrapped(&found, other(from))), shape_of(&wrapped(&expected, other(from))), "{found}");
    }
    // What SOAP says of its own version means nothing in the other.
    let upgrade = "<s:Upgrade></s:Upgrade><h:H xmlns:h=\"urn:h\"></h:H>";
    assert!(!inner(V12, upgrade, "<b xmlns=\"urn:b\"></b>").contains("Upgrade"));
}

fn wrapped(inner: &str, version: SoapVersion) -> String {
    format!("<s:Envelope xmlns:s=\"{}\">{inner}</s:Body></s:Envelope>", soap(version))
}

#[test]
fn faults_keep_their_code_their_reason_and_their_detail() {
    use SoapVersion::{V11, V12};
    let fault =
        |code: &str, rest: &str| format!("<s:Fault><faultcode xmlns:c=\"urn:c\">{code}</faultcode>{rest}</s:Fault>");
    let text = "<faultstring>no</faultstring>";
    for (code, general, specific) in [
        ("s:Client", "Sender", None),
        (" s:Server ", "Receiver", None),
        ("s:MustUnderstand", "MustUnderstand", None),
        ("s:VersionMismatch", "VersionMismatch", None),
        ("Client", "Sender", None),
        ("unbound:Server", "Receiver", None),
        ("c:Odd", "Receiver", Some("<s:Value xmlns:f=\"urn:c\">f:Odd</s:Value>")),
        ("Odd", "Receiver", Some("<s:Value>Odd</s:Value>")),
        (
            "s:Client.Late",
            "Sender",
            Some("<s:Value xmlns:f=\"http://schemas.xmlsoap.org/soap/envelope/\">f:Client.Late</s:Value>"),
        ),
        ("not a name", "Receiver", None),
        ("", "Receiver", None),
    ] {
        let found = inner(V11, "", &fault(code, text));
        let subcode = specific.map(|value| format!("<s:Subcode>{value}</s:Subcode>")).unwrap_or_default();
        let expected = format!(
            "<s:Body><s:Fault><s:Code><s:Value>s:{general}</s:Value>{subcode}</s:Code><s:Reason><s:Text \
             xml:lang=\"en\">no</s:Text></s:Reason></s:Fault>"
        );
        assert_eq!(found, expected, "{code}");
    }
    let rest = "<faultstring xml:lang=\"de\">nein</faultstring><faultactor>urn:me</faultactor><detail a=\"1\">\
                <d xmlns=\"urn:d\"></d></detail>";
    let found = inner(V11, "", &fault("s:Client", rest));
    for part in [
        "<s:Text xml:lang=\"de\">nein</s:Text>",
        "<s:Node>urn:me</s:Node>",
        "<s:Detail a=\"1\"><d xmlns=\"urn:d\"></d></s:Detail>",
    ] {
        assert!(found.contains(part), "{part}: {found}");
    }
    let code = |value: &str| {
        let fault = format!(
            "<s:Fault><s:Code><s:Value>{value}</s:Value></s:Code><s:Reason><s:Text xml:lang=\"fr\">non</s:Text>\
             <s:Text xml:lang=\"en\">no</s:Text></s:Reason><s:Role>urn:r</s:Role></s:Fault>"
        );
        inner(V12, "", &fault)
    };
    for (value, expected) in [
        ("s:Sender", "s:Client"),
        ("s:Receiver", "s:Server"),
        ("s:MustUnderstand", "s:MustUnderstand"),
        ("s:VersionMismatch", "s:VersionMismatch"),
        ("s:DataEncodingUnknown", "s:Client"),
        ("s:Sender</s:Value><s:Subcode><s:Value xmlns:x=\"urn:x\">x:Deep</s:Value></s:Subcode><s:Value>", "f:Deep"),
    ] {
        let found = code(value);
        assert!(found.contains(&format!(">{expected}</faultcode>")), "{found}");
        assert!(
            found.contains("<faultstring xml:lang=\"fr\">non</faultstring><faultactor>urn:r</faultactor>"),
            "{found}"
        );
    }
    // A fault of nothing is still one.
    assert!(
        inner(V12, "", "<s:Fault></s:Fault>").contains("<faultcode>s:Server</faultcode><faultstring></faultstring>")
    );
    assert!(inner(V11, "", "<s:Fault></s:Fault>").contains("<s:Text xml:lang=\"en\"></s:Text>"));
}

#[test]
fn what_is_sanitised_tells_code_and_reason_alone() {
    let canary = "<h:H xmlns:h=\"urn:h\">canary</h:H>";
    let fault = "<s:Fault><faultcode>s:Client</faultcode><faultstring xml:lang=\"en\">no</faultstring><faultactor>\
                 canary</faultactor><detail><c xmlns=\"urn:c\">canary</c></detail></s:Fault>";
    let text = envelope(SoapVersion::V11, canary, fault);
    for to in [SoapVersion::V11, SoapVersion::V12] {
        let found = translate(&text, SoapVersion::V11, to, Faults::Sanitised);
        assert!(!found.contains("canary") && found.contains(">no<"), "{found}");
        assert_eq!(translate(&text, SoapVersion::V11, to, Faults::Whole).matches("canary").count(), 3);
    }
    // Of what is no fault nothing is kept back.
    let text = envelope(SoapVersion::V11, canary, "<b xmlns=\"urn:b\"></b>");
    assert!(translate(&text, SoapVersion::V11, SoapVersion::V11, Faults::Sanitised).contains("canary"));
}

#[test]
fn an_encoding_is_said_of_what_it_was_said_of() {
    let text = format!(
        "<s:Envelope xmlns:s=\"{SOAP11}\" s:encodingStyle=\"urn:e\"><s:Body><a xmlns=\"urn:a\"></a><a xmlns=\"urn:a\" \
         s:encodingStyle=\"urn:f\"></a></s:Body></s:Envelope>"
    );
    let found = translate(&text, SoapVersion::V11, SoapVersion::V12, Faults::Whole);
    let (first, second) = (found.find("s:encodingStyle=\"urn:e\""), found.find("s:encodingStyle=\"urn:f\""));
    assert!(first.is_some() && first < second && found.contains("<s:Body><a "), "{found}");
}

/// What a document says, whatever its prefixes: names and attributes by namespace, and the codes of faults as what they
/// name.
fn shape_of(text: &str) -> String {
    fn go(document: &Document, node: NodeId, out: &mut String) {
        match document.kind(node) {
            Kind::Text => out.push_str(&document.text(node)),
            Kind::Comment => {}
            Kind::Element => {
                let name = document.name(node);
                write!(out, "<{{{}}}{}", name.namespace, name.local).unwrap();
                let mut attributes: Vec<_> = document
                    .attributes(node)
                    .map(|attribute| format!(" {{{}}}{}={:?}", attribute.namespace, attribute.local, attribute.value))
                    .collect();
                attributes.sort();
                out.push_str(&attributes.concat());
                out.push('>');
                if ["faultcode", "Value", "q"].contains(&name.local) {
                    let text = document.text(node);
                    let (prefix, local) = text.split_once(':').unwrap_or(("", &text));
                    let namespace = document.lookup_prefix(node, prefix).unwrap_or_default();
                    write!(out, "{{{namespace}}}{local}").unwrap();
                } else {
                    document.children(node).for_each(|child| go(document, child, out));
                }
                out.push_str("</>");
            }
        }
    }
    let document = Document::read(text.as_bytes().to_vec(), &OURS).unwrap_or_else(|error| panic!("{error}: {text}"));
    let mut out = String::new();
    go(&document, document.root(), &mut out);
    out
}

/// Numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    fn one_of<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

/// An element with anything in it, its names in content bound here or above.
fn element(numbers: &mut Numbers, depth: usize, out: &mut String) {
    let (prefix, declared) =
        [("", " xmlns=\"urn:p\""), ("p:", " xmlns:p=\"urn:p\""), ("s1:", " xmlns:s1=\"urn:q\"")][numbers.below(3)];
    let attribute = numbers.one_of(&["", " a=\"1&#10;&lt;\"", " xml:lang=\"en\"", " x:a=\"2\" xmlns:x=\"urn:x\""]);
    write!(out, "<{prefix}e{declared}{attribute}>").unwrap();
    for _ in 0..numbers.below(4) {
        match numbers.below(if depth == 0 { 2 } else { 4 }) {
            0 => out.push_str(numbers.one_of(&["text", "&amp;&lt;", " \n ", "<!--no-->", "é&#xD;", "<![CDATA[<]]>"])),
            1 => out.push_str(numbers.one_of(&["<q>o:name</q>", "<q xmlns:o=\"urn:inner\">o:name</q>"])),
            _ => element(numbers, depth - 1, out),
        }
    }
    write!(out, "</{prefix}e>").unwrap();
}

/// An envelope of that version, of nothing that the other has no word for.
fn random(numbers: &mut Numbers, version: SoapVersion) -> String {
    let (who, next) = match version {
        SoapVersion::V11 => ("actor", NEXT11),
        SoapVersion::V12 => ("role", NEXT12),
    };
    let mut header = String::new();
    for _ in 0..numbers.below(4) {
        let must = numbers.one_of(&["", " v:mustUnderstand=\"0\"", " v:mustUnderstand=\"1\""]);
        let for_whom = match numbers.below(3) {
            0 => String::new(),
            1 => format!(" v:{who}=\"{next}\""),
            _ => format!(" v:{who}=\"urn:other\""),
        };
        let encoding = numbers.one_of(&["", "", " v:encodingStyle=\"urn:e\""]);
        write!(header, "<h:H xmlns:h=\"urn:h\"{must}{for_whom}{encoding}>").unwrap();
        element(numbers, 2, &mut header);
        header.push_str("</h:H>");
    }
    let mut detail = String::new();
    for _ in 0..numbers.below(3) {
        element(numbers, 2, &mut detail);
    }
    let reason = numbers.one_of(&["", "no", "&lt;no&gt;"]);
    let code = numbers.below(4);
    let body = match (numbers.below(3), version) {
        (0, SoapVersion::V11) => {
            let code = ["v:Client", "v:Server", "v:MustUnderstand", "o:Odd"][code];
            format!(
                "<v:Fault><faultcode>{code}</faultcode><faultstring xml:lang=\"en\">{reason}</faultstring><faultactor>\
                 urn:a</faultactor><detail a=\"b\">{detail}</detail></v:Fault>"
            )
        }
        (0, SoapVersion::V12) => {
            let subcode = "<v:Subcode><v:Value>o:Odd</v:Value></v:Subcode>";
            let (code, subcode) =
                [("Sender", ""), ("Receiver", ""), ("VersionMismatch", ""), ("Receiver", subcode)][code];
            format!(
                "<v:Fault><v:Code><v:Value>v:{code}</v:Value>{subcode}</v:Code><v:Reason><v:Text xml:lang=\"en\">\
                 {reason}</v:Text></v:Reason><v:Node>urn:a</v:Node><v:Detail a=\"b\">{detail}</v:Detail></v:Fault>"
            )
        }
        _ => detail,
    };
    format!(
        "<v:Envelope xmlns:v=\"{}\" xmlns:o=\"urn:o\"><v:Header>{header}</v:Header><v:Body>{body}</v:Body></v:Envelope>",
        soap(version)
    )
}

#[test]
fn there_and_back_is_the_same() {
    let mut numbers = Numbers(7);
    let mut faults = 0;
    for round in 0..1000 {
        let version = [SoapVersion::V11, SoapVersion::V12][round % 2];
        let text = random(&mut numbers, version);
        let there = translate(&text, version, other(version), Faults::Whole);
        let back = translate(&there, other(version), version, Faults::Whole);
        let same = translate(&text, version, version, Faults::Whole);
        assert_eq!(shape_of(&back), shape_of(&same), "{text}\n{there}\n{back}");
        assert!(!shape_of(&there).contains(soap(version)), "{there}");
        faults += usize::from(text.contains("Fault>"));
    }
    assert!(faults > 250, "{faults}");
}
