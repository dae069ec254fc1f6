//! XS: signed elements moved, doubled, left out; markup of an envelope that is read in two ways.

use crate::ends::namespace;
use crate::forge::{
    CLEAR, DSIG, Stage, WSSE, WSU, after, before, edited, element, encrypted, first, id, parse, plain, plain_keys,
    range, replaced, within, without,
};
use nuncio_policy::model::ProtectionOrder;
use nuncio_wss::{Claim, Opened, Refusal};
use nuncio_xml::ReadError;

/// The parts whose place and content must be those that were signed, and how each is forged.
const PARTS: [(&str, &str, &str); 6] = [
    ("Envelope/Body", "hello", "evil"),
    ("Header/Action", "urn:example/Echo", "urn:example/Evil"),
    ("Header/To", "service.example", "evil.example"),
    ("Header/MessageID", "urn:uuid:", "urn:evil:"),
    ("Header/ReplyTo", "role/anonymous", "role/anonymous "),
    ("Security/Timestamp", "T00:05:00.000Z", "T00:04:00.000Z"),
];

/// An element with another content, and with its id, another one or none.
fn decoy(element: &str, (from, to): (&str, &str), id: Option<&str>) -> String {
    let old = self::id(element, element[1..].split([' ', '>']).next().unwrap().split(':').nth(1).unwrap());
    let attribute = format!("u:Id=\"{old}\"");
    let with = id.map_or_else(String::new, |id| format!("u:Id=\"{id}\""));
    // An encrypted body has nothing to be edited but its name.
    edited(element, &attribute, &with).replacen(from, to, 1).replacen(" Id=\"", " Id=\"x", 1)
}

/// Where the signed element goes while a decoy stands in its place.
fn placed(text: &str, path: &str, signed: &str, decoy: &str) -> Vec<(&'static str, String)> {
    let wrapped = format!("<w:W xmlns:w=\"urn:w\">{signed}</w:W>");
    let with = replaced(text, path, decoy);
    let start = range(text, path).start;
    let nested = |decoy: &str, end: usize| format!("{}{signed}{}", &decoy[..end], &decoy[end..]);
    vec![
        ("last in the header, wrapped", within(&with, "Envelope/Header", &wrapped)),
        ("first in the header, wrapped", first(&with, "Envelope/Header", &wrapped)),
        ("in the header as it is", within(&with, "Envelope/Header", signed)),
        ("in the security header, wrapped", within(&with, "Header/Security", &wrapped)),
        ("in the security header as it is", within(&with, "Header/Security", signed)),
        (
            "in the signature",
            within(&with, "Security/Signature", &format!("<Object xmlns=\"{DSIG}\">{signed}</Object>")),
        ),
        (
            "first in the decoy",
            format!(
                "{}{}{}",
                &text[..start],
                nested(decoy, decoy.find('>').unwrap() + 1),
                &text[range(text, path).end..]
            ),
        ),
        (
            "last in the decoy",
            format!(
                "{}{}{}",
                &text[..start],
                nested(decoy, decoy.rfind("</").unwrap()),
                &text[range(text, path).end..]
            ),
        ),
        ("before the decoy", replaced(text, path, &format!("{signed}{decoy}"))),
        ("after the decoy", replaced(text, path, &format!("{decoy}{signed}"))),
        ("behind the body", within(&with, "Envelope", &wrapped)),
        (
            "for another",
            within(
                &with,
                "Envelope/Header",
                &wrapped.replace("<w:W ", "<w:W s:actor=\"urn:other\" s:role=\"urn:other\" "),
            ),
        ),
    ]
}

/// Stages on which parts are signed and can be seen: nothing encrypted; the body encrypted; signed with a certificate.
fn stages() -> [Stage; 3] {
    let asymmetric = Stage::of("wse-mutualCertificate10Security", |policy| policy.parts.encrypted.body = false);
    [Stage::clear(), Stage::hidden(), asymmetric]
}

#[test]
fn xs_01_signed_parts_moved_and_replaced() {
    let mut variants = 0;
    for stage in stages() {
        stage.accepted("as it is", &stage.text);
        for (path, from, to) in PARTS {
            let signed = element(&stage.text, path).to_owned();
            let own = id(&stage.text, path);
            for new in [None, Some("another"), Some(own.as_str())] {
                let decoy = decoy(&signed, (from, to), new);
                for (place, text) in placed(&stage.text, path, &signed, &decoy) {
                    let what = format!("{path} {place}, {new:?} in its place");
                    let Err(refusal) = stage.open(&text) else { panic!("{what} was opened: {text}") };
                    if new == Some(own.as_str()) {
                        let twice = matches!(&refusal, Refusal::Unreadable(ReadError::IdRepeated(id)) if *id == own);
                        assert!(twice, "{what}: {refusal}");
                    } else {
                        assert!(!matches!(refusal, Refusal::Unreadable(_)), "{what}: {refusal}");
                    }
                    variants += 1;
                }
            }
        }
    }
    assert_eq!(variants, 3 * PARTS.len() * 3 * 12);
    // The variants that only the check of what the signature covers refuses.
    let stage = Stage::clear();
    for (path, from, to) in PARTS {
        let signed = element(&stage.text, path).to_owned();
        let text = replaced(&stage.text, path, &decoy(&signed, (from, to), None));
        let text = within(&text, "Envelope/Header", &format!("<w:W xmlns:w=\"urn:w\">{signed}</w:W>"));
        let name = path.split('/').nth(1).unwrap();
        stage.refused(path, &text, &format!("NotSigned(\"{name}\")"));
    }
}

#[test]
fn xs_05_ids_that_decryption_brings() {
    let stage = Stage::hidden();
    let body = element(&stage.text, "Body/EncryptedData").to_owned();
    let key_info = element(&body, "EncryptedData/KeyInfo").to_owned();
    let data = |plaintext: &str| {
        let data = encrypted(&stage.key, &id(&stage.text, "Body/EncryptedData"), "Content", plaintext, &key_info);
        replaced(&stage.text, "Body/EncryptedData", &data)
    };
    for path in ["Envelope/Body", "Security/Timestamp", "Header/To", "Security/EncryptedKey"] {
        let id = id(&stage.text, path);
        let text = data(&format!("<x xmlns:u=\"{WSU}\" u:Id=\"{id}\">{id}</x>"));
        stage.refused(path, &text, &format!("Invalid(Plaintext(IdRepeated({id:?})))"));
    }
    // What comes out of an encrypted part is no target of a signature that was verified before.
    let first = Stage::of(CLEAR, |policy| {
        plain_keys(policy);
        policy.properties.order = ProtectionOrder::EncryptBeforeSign;
    });
    first.accepted("encrypted first", &first.text);
    let key_info = element(&first.text, "EncryptedData/KeyInfo").to_owned();
    let old = id(&first.text, "Body/EncryptedData");
    let hidden = format!("<x xmlns=\"urn:x\" xmlns:u=\"{WSU}\" u:Id=\"within\"/>");
    let text = replaced(&first.text, "Body/EncryptedData", &encrypted(&first.key, &old, "Content", &hidden, &key_info));
    let body = id(&first.text, "Envelope/Body");
    let text = first.resigned(&edited(&text, &format!("URI=\"#{body}\""), "URI=\"#within\""));
    first.refused("an id within", &text, "Invalid(DanglingReference(\"within\"))");
}

/// Everything that tells what a message is and whose.
fn essence(opened: &Opened) -> String {
    let claim = match opened.claim() {
        Claim::Transport => "whom TLS knows".to_owned(),
        Claim::Anonymous => String::new(),
        Claim::Username(user) => user.name.clone(),
        Claim::User(name) => name.to_owned(),
        Claim::Certificate(certificate) => certificate.subject().to_owned(),
        Claim::Context(context) => context.identifier.to_string(),
    };
    let unverified: Vec<&str> = opened.unverified().collect();
    format!("{:?} {claim} {unverified:?} {:?} {}", opened.action(), opened.request(), plain(opened))
}

/// Every element, and every attribute, taken out of a sound message in turn: it is refused, or says what it said.
#[test]
fn xs_16_anything_taken_out() {
    let names = [
        "wcf-ws2007-userNameForCertificate",
        "wcf-ws2007-mutualCertificate",
        "wse-mutualCertificate10Security",
        "wcf-ws2007-mutualCertificate-conversation",
        "wcf-ws2007-certificateOverTransport",
        "wcf-ws2007-userNameOverTransport-conversation",
    ];
    let stages = names.map(|name| (name, Stage::of(name, |_| {})));
    for (name, stage) in [("clear", Stage::clear()), ("hidden", Stage::hidden())].into_iter().chain(stages) {
        let honest = essence(&stage.open(&stage.text).unwrap());
        let over_transport = name.contains("OverTransport");
        let cuts: Vec<_> = parse(&stage.text)
            .descendants()
            // Over a transport only the security header is ours to keep.
            .filter(|node| !over_transport || node.ancestors().any(|node| node.tag_name().name() == "Security"))
            .flat_map(|node| {
                node.attributes().map(|attribute| attribute.range()).chain([node.range()]).collect::<Vec<_>>()
            })
            .filter(|range| range.start > 0)
            .collect();
        let (mut refused, mut same) = (0, 0);
        for cut in cuts {
            let text = format!("{}{}", &stage.text[..cut.start], &stage.text[cut.end..]);
            match stage.open(&text) {
                Ok(opened) => {
                    let without = &stage.text[cut.clone()];
                    assert_eq!(essence(&opened), honest, "{name}: without {without} it says something else");
                    // What is left out so are hints, and parameters that say what is the default.
                    let hints = ["<DigestMethod", ":Offset>0<", ":Length>32<", ":SecurityTokenReference"];
                    let hint = !without.starts_with('<')
                        || hints[..3].iter().any(|hint| without.contains(hint) && !without.contains(hints[3]));
                    assert!(hint, "{name}: opened without {without}");
                    same += 1;
                }
                Err(refusal) => {
                    refused += 1;
                    assert!(!matches!(refusal, Refusal::Unreadable(ReadError::MarkupMalformed)), "{name}: {refusal}");
                }
            }
        }
        assert!(refused > 20 && refused > 3 * same, "{name}: {refused} refused, {same} the same");
    }
    // All references of a signature.
    let stage = Stage::clear();
    let mut text = stage.text.clone();
    while text.contains("<Reference URI") {
        text = without(&text, "SignedInfo/Reference");
    }
    stage.refused("a signature of nothing", &stage.resigned(&text), "Invalid(Malformed { element: \"SignedInfo\"");
    let security = element(&stage.text, "Header/Security").to_owned();
    let empty = format!("<o:Security xmlns:o=\"{WSSE}\"/>");
    stage.refused("no security header", &stage.text.replace(&security, ""), "TokenMissing(\"security header\")");
    stage.refused("an empty one", &stage.text.replace(&security, &empty), "TokenMissing(\"timestamp\")");
    let unsigned = without(&stage.text, "Security/Signature");
    stage.refused("no signature", &unsigned, "TokenMissing(\"signature by the protection token\")");
    // Each part that is not signed, by somebody who has the key.
    for (path, ..) in PARTS {
        let id = id(&stage.text, path);
        let start = stage.text.find(&format!("<Reference URI=\"#{id}\"")).unwrap();
        let end = start + stage.text[start..].find("</Reference>").unwrap() + "</Reference>".len();
        let text = stage.resigned(&format!("{}{}", &stage.text[..start], &stage.text[end..]));
        stage.refused(path, &text, &format!("NotSigned(\"{}\")", path.split('/').nth(1).unwrap()));
    }
}

/// Each header that is used must be the very one that is signed, and be there once.
#[test]
fn xs_25_headers_doubled_and_moved() {
    let stage = Stage::clear();
    let role = "<w:Security xmlns:w=\"".to_owned() + WSSE + "\" s:actor=\"urn:other\">";
    for (path, from, to) in PARTS.into_iter().filter(|(path, ..)| path.starts_with("Header/")) {
        let name = path.split('/').nth(1).unwrap();
        let signed = element(&stage.text, path).to_owned();
        let decoy = decoy(&signed, (from, to), None);
        let twice = format!("Addressing {{ header: \"{name}\", fault: \"is there twice\" }}");
        stage.refused(name, &before(&stage.text, path, &decoy), &twice);
        stage.refused(name, &after(&stage.text, path, &decoy), &twice);
        stage.refused(name, &first(&stage.text, "Envelope/Header", &decoy), &twice);
        stage.refused(name, &within(&stage.text, "Envelope/Header", &decoy), &twice);
        // What is for another is nothing to us, wherever it stands.
        let tag = decoy.find([' ', '>']).unwrap();
        let others =
            format!("{} s:actor=\"urn:other\"{}", &decoy[..tag], &decoy[tag..].replace(" s:mustUnderstand=\"1\"", ""));
        stage.accepted(name, &before(&stage.text, path, &others));
        stage.accepted(name, &after(&stage.text, path, &others));
        // The signed one for another, so that an unsigned one is used, or none.
        let signed_for_another = signed.replacen(' ', " s:actor=\"urn:other\" ", 1);
        stage.refused(name, &replaced(&stage.text, path, &signed_for_another), "");
        let moved = replaced(&stage.text, path, &format!("{signed_for_another}{decoy}"));
        let moved = stage.resigned(&moved);
        stage.refused(name, &moved, &format!("NotSigned(\"{name}\")"));
        // Of the other version of addressing.
        let other =
            decoy.replace("http://schemas.xmlsoap.org/ws/2004/08/addressing", "http://www.w3.org/2005/08/addressing");
        let version =
            format!("Addressing {{ header: \"{name}\", fault: \"is of another version than the policy's\" }}");
        stage.refused(name, &before(&stage.text, path, &other), &version);
    }
    let stamp = element(&stage.text, "Security/Timestamp").to_owned();
    let fresh = decoy(&stamp, ("T00:05:00.000Z", "T00:04:00.000Z"), None);
    let two = "TooMany { what: \"timestamps\", limit: 1 }";
    stage.refused("a second timestamp before", &before(&stage.text, "Security/Timestamp", &fresh), two);
    stage.refused("a second timestamp behind", &after(&stage.text, "Security/Timestamp", &fresh), two);
    let moved = replaced(&stage.text, "Security/Timestamp", &fresh);
    let moved = after(&moved, "Header/Security", &format!("{role}{stamp}</w:Security>"));
    stage.refused("the signed timestamp for another", &moved, "NotSigned(\"Timestamp\")");
    let beside = format!("{role}{fresh}</w:Security>");
    // What is another's is passed on to it untouched, and is nothing to us.
    let opened = stage.open(&after(&stage.text, "Header/Security", &beside)).unwrap();
    let (passed, honest) = (plain(&opened), plain(&stage.open(&stage.text).unwrap()));
    assert!(passed.contains("actor=\"urn:other\"") && passed.ends_with(&honest[honest.find("<s:Body").unwrap()..]));
    // Of another version of SOAP: no attribute of ours, so the header is for us.
    let foreign = signed_elsewhere(&stage, "Header/To");
    stage.refused("another version's actor", &foreign, "Addressing { header: \"To\", fault: \"is there twice\" }");
}

/// The header at a path once more, for an actor in the words of the other version of SOAP.
fn signed_elsewhere(stage: &Stage, path: &str) -> String {
    let decoy = decoy(element(&stage.text, path), ("service", "evil"), None);
    let tag = decoy.find([' ', '>']).unwrap();
    let attribute = " xmlns:t=\"http://www.w3.org/2003/05/soap-envelope\" t:role=\"urn:other\"";
    after(&stage.text, path, &format!("{}{attribute}{}", &decoy[..tag], &decoy[tag..]))
}

/// An envelope is one optional header and one body, each of its version, and a security header stands there once.
#[test]
fn xs_26_envelopes_of_another_shape() {
    let stage = Stage::clear();
    let text = &stage.text;
    let header = element(text, "Envelope/Header").to_owned();
    let body = element(text, "Envelope/Body").to_owned();
    let security = element(text, "Header/Security").to_owned();
    let unsigned = "<s:Body><e:Echo xmlns:e=\"urn:example\"/></s:Body>";
    let other = "http://www.w3.org/2003/05/soap-envelope";
    let renamed = |element: &str, name: &str| {
        let (name, new) = (format!("s:{name}"), format!("t:{name}"));
        element
            .replacen(&format!("<{name}"), &format!("<{new} xmlns:t=\"{other}\""), 1)
            .replace(&format!("</{name}>"), &format!("</{new}>"))
    };
    let shape = "Envelope(\"is not an optional header and a body\")";
    let twice = "SecurityHeader { element: \"Security\", fault: \"is there twice\" }";
    let beside = "SecurityHeader { element: \"Header\", fault: \"has a block that belongs in a security header\" }";
    let empty = format!("<o:Security xmlns:o=\"{WSSE}\"/>");
    for (what, edited, expected) in [
        ("two bodies, the signed one last", text.replace(&body, &format!("{unsigned}{body}")), shape),
        ("two bodies, the signed one first", text.replace(&body, &format!("{body}{unsigned}")), shape),
        (
            "the body first",
            format!("{}{body}{header}</s:Envelope>", &text[..range(text, "Envelope/Header").start]),
            shape,
        ),
        ("two headers", text.replace(&header, &format!("<s:Header/>{header}")), shape),
        ("a header behind the body", text.replace(&body, &format!("{body}<s:Header/>")), shape),
        ("an element behind the body", text.replace(&body, &format!("{body}<x/>")), shape),
        ("an element before the body", text.replace(&body, &format!("<x/>{body}")), shape),
        ("no body", text.replace(&body, ""), "Envelope("),
        ("text between", text.replace(&body, &format!("x{body}")), "Envelope(\"has text where only elements may be\")"),
        ("a body of the other version", text.replace(&body, &renamed(&body, "Body")), "Envelope(\"has no body\")"),
        ("a header of the other version", text.replace(&header, &renamed(&header, "Header")), shape),
        (
            "an envelope in an envelope",
            format!("<s:Envelope xmlns:s=\"{}\"><s:Body>{text}</s:Body></s:Envelope>", namespace(stage.pair.soap)),
            "Addressing { header: \"Action\", fault: \"is missing\" }",
        ),
        ("an envelope within another root", format!("<x>{text}</x>"), "Envelope(\"is in no namespace of SOAP\")"),
        (
            "a header block in no namespace",
            text.replace("<s:Header>", "<s:Header><x/>"),
            "Envelope(\"has a header block in no namespace\")",
        ),
        ("two security headers, the empty one first", text.replace(&security, &format!("{empty}{security}")), twice),
        ("two security headers, the empty one last", text.replace(&security, &format!("{security}{empty}")), twice),
        (
            "a security header twice by other words for us",
            text.replace(&security, &format!("{security}{}", empty.replace("/>", " s:actor=\"\"/>"))),
            twice,
        ),
        (
            "a signature beside it",
            text.replace(&security, &format!("{security}<d:Signature xmlns:d=\"{DSIG}\"/>")),
            beside,
        ),
    ] {
        stage.refused(what, &edited, expected);
    }
}
