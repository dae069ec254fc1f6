//! Whoever replays another's ciphertext under a signature of his own making learns nothing of what it hides: what becomes
//! of the ciphertext makes no difference to what he is told (Jager and Somorovsky, "How to break XML encryption").

#![allow(clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

mod ends;

use ends::{Pair, policy, soap, stranger};
use nuncio_crypto::base64;
use nuncio_policy::model::ProtectionOrder;
use nuncio_wss::{Class, Outbound};

/// The text between two marks, the marks with it.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let start = text.find(from).unwrap_or_else(|| panic!("no {from}"));
    let end = text[start..].find(to).unwrap_or_else(|| panic!("no {to}")) + start + to.len();
    &text[start..end]
}

/// The message with its encrypted signature dropped and one in clear put in its place: its method, value and `KeyInfo` are
/// the attacker's.
fn forged(text: &str, method: &str, key_info: &str) -> String {
    let security = between(text, "<o:Security", "</o:Security>");
    let data = between(between(text, "<s:Body", "</s:Body>"), "<e:EncryptedData", ">");
    let id = data.split(" Id=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("an id");
    let mut edited = security.to_owned();
    while let Some(start) = edited.find("<e:EncryptedData") {
        let end = edited[start..].find("</e:EncryptedData>").expect("an end") + start + "</e:EncryptedData>".len();
        edited.replace_range(start..end, "");
    }
    let list = between(security, "<e:ReferenceList", "</e:ReferenceList>");
    let only_body = format!(
        "<e:ReferenceList xmlns:e=\"http://www.w3.org/2001/04/xmlenc#\"><e:DataReference URI=\"#{id}\"/></e:ReferenceList>"
    );
    let c14n = "http://www.w3.org/2001/10/xml-exc-c14n#";
    let signature = format!(
        "<Signature xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><SignedInfo><CanonicalizationMethod Algorithm=\"{c14n}\"/>\
         <SignatureMethod Algorithm=\"http://www.w3.org/2000/09/xmldsig#{method}\"/><Reference URI=\"#x\"><Transforms>\
         <Transform Algorithm=\"{c14n}\"/></Transforms><DigestMethod Algorithm=\"http://www.w3.org/2000/09/xmldsig#sha1\"/>\
         <DigestValue>AAAA</DigestValue></Reference></SignedInfo><SignatureValue>AAAA</SignatureValue>\
         <KeyInfo><o:SecurityTokenReference>{key_info}</o:SecurityTokenReference></KeyInfo></Signature></o:Security>"
    );
    text.replace(security, &edited.replace(list, &only_body).replace("</o:Security>", &signature))
}

/// The message with one octet of the body's ciphertext changed, counted from its end or its beginning.
fn damaged(text: &str, at: impl Fn(usize) -> usize) -> String {
    let value = between(between(text, "<s:Body", "</s:Body>"), "<e:CipherValue>", "</e:CipherValue>");
    let encoded = &value["<e:CipherValue>".len()..value.len() - "</e:CipherValue>".len()];
    let mut octets = base64::decode(encoded).expect("base64");
    let at = at(octets.len());
    octets[at] ^= 0x80;
    text.replace(encoded, &base64::encode(&octets))
}

#[test]
fn xe_01_a_forged_signature_tells_nothing_of_the_ciphertext() {
    let stranger = base64::encode(stranger().certificate.der());
    let dsig = "http://www.w3.org/2000/09/xmldsig#";
    let attempts: [(&str, String); 6] = [
        ("hmac-sha1", "<o:Reference URI=\"urn:uuid:none\"/>".into()),
        ("hmac-sha1", "<o:Reference URI=\"#nothing\"/>".into()),
        ("hmac-sha1", "<o:KeyIdentifier ValueType=\"http://docs.oasis-open.org/wss/oasis-wss-soap-message-security-1.1#EncryptedKeySHA1\">AAAA</o:KeyIdentifier>".into()),
        ("hmac-sha1", format!("<X509Data xmlns=\"{dsig}\"><X509Certificate>{stranger}</X509Certificate></X509Data>")),
        ("rsa-sha1", format!("<X509Data xmlns=\"{dsig}\"><X509Certificate>{stranger}</X509Certificate></X509Data>")),
        ("rsa-sha1", "<o:Reference URI=\"urn:uuid:none\"/>".into()),
    ];
    for name in [
        "wcf-ws2007-userNameForCertificate-conversation",
        "wcf-wshttp-mutualCertificate-conversation",
        "wcf-ws2007-mutualCertificate",
        "wcf-wshttp-anonymousForCertificate",
    ] {
        let mut pair = Pair::new(&policy(name), soap(name)[0]);
        let contexts = name.ends_with("-conversation").then(|| pair.establish());
        let (ours, theirs) = contexts.unzip();
        let (outbound, _): (Outbound, _) = pair.request("hello", ours.as_ref());
        let text = String::from_utf8(outbound.body.clone()).expect("text");
        for (method, key_info) in &attempts {
            let forged = forged(&text, method, key_info);
            for (what, message) in [
                ("sound", forged.clone()),
                ("bad padding", damaged(&forged, |length| length - 17)),
                ("bad markup", damaged(&forged, |_| 0)),
                ("bad text", damaged(&forged, |_| 20)),
            ] {
                let Err(refusal) = pair.open(&outbound, message.into_bytes(), theirs.as_ref()) else {
                    panic!("{name}, {method} by {key_info}, {what}: opened");
                };
                let class = refusal.class();
                assert_eq!(class, Class::InvalidSecurity, "{name}, {method} by {key_info}, {what}: {refusal}");
            }
        }
    }
}

/// Where the signature is encrypted after encryption came first, what of the security header is encrypted is decrypted before
/// anything is verified: what becomes of it makes no difference either.
#[test]
fn xe_01_an_encrypted_signature_tells_nothing_of_what_is_beside_it() {
    for name in ["wcf-ws2007-mutualCertificate", "wcf-wshttp-userNameForCertificate", "wse-mutualCertificate10Security"]
    {
        let mut policy = policy(name);
        policy.properties.order = ProtectionOrder::EncryptBeforeSign;
        policy.properties.encrypt_signature = true;
        let mut pair = Pair::new(&policy, soap(name)[0]);
        let (outbound, _) = pair.request("hello", None);
        let text = String::from_utf8(outbound.body.clone()).expect("text");
        assert!(pair.open(&outbound, outbound.body.clone(), None).is_ok(), "{name}");
        let security = between(&text, "<o:Security", "</o:Security>");
        let values: Vec<&str> = security
            .split("<e:EncryptedData")
            .skip(1)
            .map(|data| between(data, "<e:CipherValue>", "</e:CipherValue>"))
            .map(|value| &value["<e:CipherValue>".len()..value.len() - "</e:CipherValue>".len()])
            .collect();
        assert!(!values.is_empty(), "{name}");
        for value in values {
            let octets = base64::decode(value).expect("base64");
            for at in [0, 1, 20, 40, octets.len() / 2, octets.len() - 17, octets.len() - 1] {
                let mut octets = octets.clone();
                octets[at] ^= 0x80;
                let damaged = text.replace(value, &base64::encode(&octets)).into_bytes();
                let refusal = pair.open(&outbound, damaged, None).err().expect("refused");
                assert_eq!(refusal.class(), Class::InvalidSecurity, "{name}, {at}: {refusal}");
            }
        }
    }
}

/// Whether a certificate is trusted is told only to whoever made the rest of the message too.
#[test]
fn xs_17_trust_is_asked_last() {
    let name = "wcf-ws2007-mutualCertificate";
    let mut pair = Pair::with(&policy(name), &policy(name), soap(name)[0], stranger());
    let (outbound, _) = pair.request("hello", None);
    let refusal = pair.open(&outbound, outbound.body.clone(), None).err().expect("refused");
    assert_eq!(refusal.class(), Class::FailedAuthentication, "{refusal}");
    let text = String::from_utf8(outbound.body.clone()).expect("text");
    let refusal = pair.open(&outbound, damaged(&text, |_| 20).into_bytes(), None).err().expect("refused");
    assert_eq!(refusal.class(), Class::InvalidSecurity, "{refusal}");
}
