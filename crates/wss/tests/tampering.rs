//! What was sealed and then changed is refused, or opens as what was sealed: never as anything else.

#![allow(clippy::panic, reason = "a test's helpers fail the test")]

mod ends;

use ends::{ACTION, Pair, policy, soap};
use nuncio_policy::model::ProtectionOrder;
use nuncio_wss::{Opened, Refusal};
use nuncio_xml::ReadError;

/// Policies that encrypt the signature and leave it in clear, that endorse, and that sign with a certificate.
const POLICIES: [&str; 5] = [
    "wcf-ws2007-anonymousForCertificate",
    "wcf-wshttp-userNameForCertificate",
    "wcf-ws2007-mutualCertificate",
    "wse-usernameForCertificateSecurity",
    "wse-mutualCertificate10Security",
];

/// What must not change.
fn essence(opened: &Opened) -> (Vec<u8>, Option<String>, Vec<String>) {
    (opened.plain().body, opened.action().map(str::to_owned), opened.unverified().map(str::to_owned).collect())
}

#[test]
fn no_changed_octet_changes_what_is_opened() {
    let in_order = |name: &'static str| (name, policy(name));
    let encrypted_first = |name: &'static str| {
        let mut policy = policy(name);
        policy.properties.order = ProtectionOrder::EncryptBeforeSign;
        policy.properties.encrypt_signature = true;
        (name, policy)
    };
    for (name, policy) in POLICIES.into_iter().map(in_order).chain(POLICIES.into_iter().map(encrypted_first)) {
        let mut pair = Pair::new(&policy, soap(name)[0]);
        let (outbound, _) = pair.request("hello", None);
        let honest = essence(&pair.open(&outbound, outbound.body.clone(), None).expect("opened"));
        let (mut refused, mut same) = (0, 0);
        // A prime stride, another start for each policy: every kind of place is met.
        for at in (0..outbound.body.len()).step_by(23) {
            for bit in [0x01, 0x20] {
                let mut body = outbound.body.clone();
                body[at] ^= bit;
                match pair.open(&outbound, body, None) {
                    Err(_) => refused += 1,
                    Ok(opened) => {
                        let found = essence(&opened);
                        assert!(found == honest, "{name}: octet {at} changed what was opened");
                        same += 1;
                    }
                }
            }
        }
        // What is left are hints: prefixes that nothing uses, the token type of a reference.
        assert!(refused > 20 * same, "{name}: {refused} refused, {same} opened as before");
    }
}

#[test]
fn what_is_cut_short_is_refused() {
    let name = POLICIES[0];
    let mut pair = Pair::new(&policy(name), soap(name)[0]);
    let (outbound, _) = pair.request("hello", None);
    for length in (0..outbound.body.len()).step_by(37) {
        assert!(pair.open(&outbound, outbound.body[..length].to_vec(), None).is_err(), "{length} octets");
    }
}

/// The content between two marks of a text, the marks with it.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let start = text.find(from).unwrap_or_else(|| panic!("no {from}"));
    let end = text[start..].find(to).unwrap_or_else(|| panic!("no {to}")) + start + to.len();
    &text[start..end]
}

/// A message under a policy whose signature is in clear, so that its parts can be moved about.
fn signed() -> (Pair, nuncio_wss::Outbound, String) {
    let mut pair =
        Pair::new(&policy("wse-anonymousForCertificateSecurity"), soap("wse-anonymousForCertificateSecurity")[0]);
    let (outbound, _) = pair.request("hello", None);
    let text = String::from_utf8(outbound.body.clone()).expect("text");
    (pair, outbound, text)
}

/// Refused, and for what was done rather than because the edit broke the markup.
fn refused(pair: &Pair, outbound: &nuncio_wss::Outbound, text: &str, what: &str) {
    match pair.open(outbound, text.as_bytes().to_vec(), None) {
        Ok(_) => panic!("{what} was opened"),
        Err(Refusal::Unreadable(ReadError::IdRepeated(_))) => {}
        Err(refusal) => assert!(!matches!(refusal, Refusal::Unreadable(_)), "{what}: {refusal}"),
    }
}

#[test]
fn wrapped_signatures_are_refused() {
    let (pair, outbound, text) = signed();
    assert!(pair.open(&outbound, text.clone().into_bytes(), None).is_ok());
    let body = between(&text, "<s:Body", "</s:Body>").to_owned();
    let evil = "<s:Body><e:Echo xmlns:e=\"urn:example\"><e:text>evil</e:text></e:Echo></s:Body>";
    let id = body.split("Id=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("an id");
    let evil_with_id = body[..=body.find('>').expect("a tag")].to_owned() + "<x/></s:Body>";
    let header_end = "</s:Header>";
    for (what, edited) in [
        ("the signed body in a header, another in its place",
            text.replace(&body, evil).replace(header_end, &format!("<w:W xmlns:w=\"urn:w\">{body}</w:W></s:Header>"))),
        ("the signed body in a header, another with its id",
            text.replace(&body, &evil_with_id).replace(header_end, &format!("<w:W xmlns:w=\"urn:w\">{body}</w:W></s:Header>"))),
        ("the signed body within another", text.replace(&body, &evil.replace("<e:Echo", &format!("{body}<e:Echo")))),
        ("two bodies", text.replace(&body, &format!("{evil}{body}"))),
        ("two bodies, the other way about", text.replace(&body, &format!("{body}{evil}"))),
        ("the body's id elsewhere too", text.replace(header_end, &format!(
            "<w:W xmlns:w=\"urn:w\" xmlns:u=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd\" u:Id=\"{id}\"/></s:Header>"))),
        ("an unsigned body", text.replace(&body, evil)),
    ] {
        assert_ne!(edited, text, "{what}: nothing was edited");
        refused(&pair, &outbound, &edited, what);
    }
}

#[test]
fn moved_and_doubled_headers_are_refused() {
    let (pair, outbound, text) = signed();
    let action = between(&text, "<a:Action", "</a:Action>").to_owned();
    let to = between(&text, "<a:To", "</a:To>").to_owned();
    let stamp = between(&text, "<u:Timestamp", "</u:Timestamp>").to_owned();
    let security = between(&text, "<o:Security", "</o:Security>").to_owned();
    let empty =
        "<o:Security xmlns:o=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd\"/>";
    let plain_stamp = stamp.split("Id=\"").next().expect("a tag").trim_end_matches("u:").to_owned()
        + &stamp[stamp.find('>').expect("a tag")..];
    let other = |header: &str, id: bool, value: &str| {
        let open = &header[..header.find('>').expect("a tag")];
        let open = if id { open.to_owned() } else { open.split(" u:Id=").next().expect("a tag").to_owned() };
        format!("{open}>{value}{}", &header[header.rfind("</").expect("an end")..])
    };
    for (what, edited) in [
        ("an unsigned action in place of the signed one", text.replace(&action, &other(&action, false, "urn:evil"))),
        ("another value under the action's id", text.replace(&action, &other(&action, true, "urn:evil"))),
        ("a second action", text.replace(&action, &format!("{action}{}", other(&action, false, ACTION)))),
        ("the signed address wrapped, another in its place", text.replace(&to, &format!(
            "<w:W xmlns:w=\"urn:w\">{to}</w:W>{}", other(&to, false, "http://evil.example/")))),
        ("an unsigned reply address", text.replace(&to, &format!(
            "{to}<a:From xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\"><a:Address>urn:x</a:Address></a:From>"))),
        ("two security headers", text.replace(&security, &format!("{security}{empty}"))),
        ("two timestamps", text.replace(&stamp, &format!("{stamp}{plain_stamp}"))),
        ("no timestamp", text.replace(&stamp, "")),
        ("no security header", text.replace(&security, "")),
        ("an empty security header", text.replace(&security, empty)),
        ("a child that is not known", text.replace("</o:Security>", "<x:x xmlns:x=\"urn:x\"/></o:Security>")),
        ("another's security header only", text.replace("<o:Security ", "<o:Security s:actor=\"urn:other\" s:role=\"urn:other\" ")),
    ] {
        assert_ne!(edited, text, "{what}: nothing was edited");
        refused(&pair, &outbound, &edited, what);
    }
}

/// Every element of the security header, taken out in turn: the message is refused.
#[test]
fn nothing_may_be_taken_out_of_the_security_header() {
    let (pair, outbound, text) = signed();
    for (from, to) in [
        ("<e:EncryptedKey", "</e:EncryptedKey>"),
        ("<c:DerivedKeyToken", "</c:DerivedKeyToken>"),
        ("<e:ReferenceList", "</e:ReferenceList>"),
        ("<e:DataReference", "</e:DataReference>"),
        ("<Signature ", "</Signature>"),
        ("<SignatureValue", "</SignatureValue>"),
        ("<Reference URI", "</Reference>"),
        ("<KeyInfo", "</KeyInfo>"),
        ("<DigestValue", "</DigestValue>"),
        ("<e:EncryptionMethod", "</e:EncryptionMethod>"),
        ("<e:CipherValue", "</e:CipherValue>"),
    ] {
        let edited = text.replacen(between(&text, from, to), "", 1);
        refused(&pair, &outbound, &edited, from);
    }
}
