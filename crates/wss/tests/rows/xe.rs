//! XE: ciphertext that is changed, moved, nested, or nobody's.

use std::collections::BTreeSet;

use nuncio_crypto::algorithm::KeyTransport;
use nuncio_crypto::secret::Secret;
use nuncio_crypto::{base64, transport};
use nuncio_policy::model::Policy;
use nuncio_policy::suite::Suite;
use nuncio_wss::{Class, Refusal};

use crate::ends::{Numbers, policy, server, soap};
use crate::forge::{
    CLEAR, Stage, WSSE, WSU, before, edited, element, encrypted, encrypted_octets, hmac, id, key_info, plain_keys,
    range, reference_list, replaced, resigned, within, without,
};

/// A message around a cipher value, and the octets of that.
struct Taken<'a> {
    text: &'a str,
    value: std::ops::Range<usize>,
    octets: Vec<u8>,
}

impl<'a> Taken<'a> {
    /// The first cipher value at a path.
    fn out_of(text: &'a str, path: &str) -> Self {
        let whole = range(text, path);
        let value = &text[whole.clone()];
        let value = whole.start + value.find('>').unwrap() + 1..whole.start + value.rfind("</").unwrap();
        let octets = base64::decode(&text[value.clone()]).unwrap();
        Self { text, value, octets }
    }

    /// The message with other octets there.
    fn with(&self, octets: &[u8]) -> String {
        format!("{}{}{}", &self.text[..self.value.start], base64::encode(octets), &self.text[self.value.end..])
    }

    /// The message with one octet changed there.
    fn changed(&self, at: usize, mask: u8) -> String {
        let mut octets = self.octets.clone();
        octets[at] ^= mask;
        self.with(&octets)
    }
}

const BODY: &str = "Body/EncryptedData/CipherData/CipherValue";

/// An adaptive attacker gets one and the same answer to every question, whatever becomes of his ciphertext: padding,
/// text, markup and digest fail each as often as they will, and the log alone knows which it was.
#[test]
fn xe_01_an_oracle_of_padding_and_markup() {
    let sound = [
        Stage::hidden(),
        Stage::of("wcf-ws2007-mutualCertificate-conversation", |_| {}),
        Stage::of("wse-mutualCertificate10Security", |_| {}),
    ];
    for (stage, queries) in sound.into_iter().zip([1, 16, 1]) {
        let taken = Taken::out_of(&stage.text, BODY);
        let length = taken.octets.len();
        let (mut classes, mut reasons, mut asked) = (Vec::new(), BTreeSet::new(), 0);
        // Of the octet before the last block, which tells of the padding, all values; then those before it; the
        // initialisation vector; the middle.
        for from_end in 1..=queries {
            for at in [length - 16 - from_end, from_end, length / 2 - from_end] {
                let step = if at == length - 17 { 1 } else { 7 };
                for mask in (1..=255_u8).step_by(step) {
                    let Err(refusal) = stage.open(&taken.changed(at, mask)) else { panic!("opened") };
                    let class = refusal.class();
                    if !classes.contains(&class) {
                        classes.push(class);
                    }
                    let reason = format!("{refusal:?}");
                    reasons.insert(reason.split(['"', '(']).take(2).collect::<Vec<_>>().join("("));
                    asked += 1;
                }
            }
        }
        assert_eq!(classes, [Class::InvalidSecurity], "{reasons:?}");
        assert!(reasons.len() >= 2 && asked >= 255 + queries * 74, "{asked}: {reasons:?}");
    }
}

/// Under RSA 1.5 a malformed key is a key that fits nothing: every way to be malformed fails where the signature does.
#[test]
fn xe_02_malformed_keys_under_rsa_15() {
    let stage = Stage::of(CLEAR, |policy| {
        policy.parts.encrypted.body = false;
        plain_keys(policy);
        policy.properties.suite = Suite::named("Basic256Rsa15").unwrap();
    });
    assert!(stage.open(&stage.text).is_ok());
    let value = "EncryptedKey/CipherData/CipherValue";
    let taken = Taken::out_of(&stage.text, value);
    let public = server().certificate;
    let wrapped = |length: usize| {
        let secret = Secret::new(vec![7; length]);
        transport::wrap(public.public_key(), KeyTransport::Rsa15, &secret, &mut Numbers(5)).unwrap()
    };
    let mut malformed: Vec<(String, Vec<u8>)> = Vec::new();
    for length in [0, 1, 15, 16, 17, 24, 31, 32, 33, 245] {
        malformed.push((format!("{length} octets"), wrapped(length)));
    }
    for (what, octets) in [("nothing", 0), ("one octet", 1), ("short", 255), ("long", 257), ("far too long", 4096)] {
        malformed.push((what.to_owned(), vec![1; octets]));
    }
    malformed.push(("beyond the modulus".to_owned(), vec![255; 256]));
    malformed.push(("zero".to_owned(), vec![0; 256]));
    let mut sound = wrapped(32);
    for at in 0..64 {
        sound[at * 4] ^= 1;
        malformed.push((format!("changed to octet {at}"), sound.clone()));
    }
    for (what, octets) in malformed {
        let refusal = stage.open(&taken.with(&octets)).err().unwrap_or_else(|| panic!("{what}: opened"));
        assert!(matches!(refusal, Refusal::Invalid(nuncio_xmlsec::Invalid::SignatureMismatch)), "{what}: {refusal}");
    }
}

/// Anybody can encrypt a key to us and sign under it: that says nothing of who he is.
#[test]
fn xe_05_a_key_of_the_senders_own_making() {
    let clear = |name: &str| {
        let mut policy = policy(name);
        policy.parts.encrypted.body = false;
        plain_keys(&mut policy);
        policy
    };
    let anonymous = clear(CLEAR);
    for (name, expected) in [
        ("wse-usernameForCertificateSecurity", "TokenMissing(\"user name token\")"),
        ("wse-mutualCertificate11Security", "TokenMissing(\"signature by a certificate\")"),
    ] {
        let stage = Stage::with(&anonymous, &clear(name), soap(CLEAR)[0]);
        let refusal = stage.open(&stage.text).err().unwrap_or_else(|| panic!("{name}: opened"));
        assert_eq!(format!("{refusal:?}"), expected, "{name}");
    }
    // Not in a conversation either, by whatever name.
    let conversation = Stage::of("wse-anonymousForCertificateSecurity-conversation", |policy: &mut Policy| {
        policy.parts.encrypted.body = false;
        plain_keys(policy);
    });
    let own = Stage::clear();
    let expected = "KeyReference(\"signs under a token that the policy has no use for\")";
    conversation.refused("a key beside the context", &own.text, expected);
}

/// What a list names is decrypted once, where the policy encrypts, and must be what may stand there.
#[test]
fn xe_06_references_to_other_ciphertext() {
    let stage = Stage::hidden();
    let text = &stage.text;
    let body = element(text, "Body/EncryptedData").to_owned();
    let info = element(&body, "EncryptedData/KeyInfo").to_owned();
    let own = id(text, "Body/EncryptedData");
    let listed = |id: &str| format!("<e:DataReference URI=\"#{id}\"></e:DataReference>");
    let (content, whole) = ("xmlenc#Content", "xmlenc#Element");
    let data = |id: &str, form: &str, plaintext: &str| encrypted(&stage.key, id, form, plaintext, &info);
    let place =
        "SecurityHeader { element: \"EncryptedData\", fault: \"stands for something other than the body's content\" }";
    let nowhere = "SecurityHeader { element: \"EncryptedData\", fault: \"stands where the policy encrypts nothing\" }";
    let more = |data: &str| {
        edited(&before(text, "Security/Signature", data), &listed(&own), &(listed(&own) + &listed("more")))
    };
    for (what, edited, expected) in [
        (
            "the list names the timestamp",
            text.replace(&listed(&own), &listed(&id(text, "Security/Timestamp"))),
            "SecurityHeader { element: \"DataReference\", fault: \"names something that is not encrypted\" }",
        ),
        (
            "the list names nothing",
            text.replace(&listed(&own), &listed("nothing")),
            "Invalid(DanglingReference(\"nothing\"))",
        ),
        (
            "the list names the body twice",
            text.replace(&listed(&own), &listed(&own).repeat(2)),
            "SecurityHeader { element: \"DataReference\", fault: \"names an element twice\" }",
        ),
        ("an element where content was", text.replace(content, whole), place),
        (
            "no type",
            text.replace(&format!(" Type=\"http://www.w3.org/2001/04/{content}\""), ""),
            "Invalid(Malformed { element: \"EncryptedData\", fault: \"is of no Type that is followed\" })",
        ),
        ("text beside it", text.replace(&body, &format!("{body}evil")), place),
        ("an element beside it", text.replace(&body, &format!("<x/>{body}")), place),
        ("wrapped", text.replace(&body, &format!("<x>{body}</x>")), nowhere),
        (
            "in a header block",
            within(&text.replace(&body, ""), "Envelope/Header", &format!("<w:W xmlns:w=\"urn:w\">{body}</w:W>")),
            nowhere,
        ),
        ("content in the security header", more(&data("more", "Content", "<x/>")), nowhere),
        (
            "the renamed body",
            text.replace(&format!(" Id=\"{own}\""), " Id=\"other\""),
            &format!("Invalid(DanglingReference({own:?}))"),
        ),
        (
            "two in the body",
            edited(
                &text.replace(&body, &(body.clone() + &data("more", "Content", "<x/>"))),
                &listed(&own),
                &(listed(&own) + &listed("more")),
            ),
            place,
        ),
        (
            "no key's name",
            text.replace(&body, &body.replace(&info, "")),
            "SecurityHeader { element: \"EncryptedData\", fault: \"names no key\" }",
        ),
    ] {
        stage.refused(what, &edited, expected);
    }
    // Only what may be encrypted comes out of the security header.
    let clear = "SecurityHeader { element: \"EncryptedData\", fault: \"hides a token that must be in clear\" }";
    let timestamp = element(text, "Security/Timestamp").replace(&id(text, "Security/Timestamp"), "again");
    let key = element(text, "Security/EncryptedKey").replace(&id(text, "Security/EncryptedKey"), "again");
    let nested = data("again", "Element", "<x/>");
    for (what, hidden) in [
        ("a timestamp", timestamp),
        ("a wrapped key", key),
        ("a reference list", reference_list(&["again"])),
        ("what is encrypted once more", nested),
        (
            "a security context",
            format!(
                "<c:SecurityContextToken xmlns:c=\"http://schemas.xmlsoap.org/ws/2005/02/sc\" xmlns:u=\"{WSU}\" u:Id=\"again\"><c:Identifier>urn:x</c:Identifier></c:SecurityContextToken>"
            ),
        ),
    ] {
        stage.refused(what, &more(&data("more", "Element", &hidden)), clear);
    }
    let unknown = "SecurityHeader { element: \"Security\", fault: \"has a child that is not known\" }";
    stage.refused("anything", &more(&data("more", "Element", "<x xmlns=\"urn:x\"/>")), unknown);
    let two = format!("<o:Nonce xmlns:o=\"{WSSE}\"/>").repeat(2);
    stage.refused("two elements", &more(&data("more", "Element", &two)), "Invalid(Plaintext(NotOneElement))");
}

/// One decryption never leads to another, and keys are few: each costs an operation with the private key.
#[test]
fn xe_07_ciphertext_in_ciphertext() {
    let stage = Stage::hidden();
    let body = element(&stage.text, "Body/EncryptedData").to_owned();
    let info = element(&body, "EncryptedData/KeyInfo").to_owned();
    let own = id(&stage.text, "Body/EncryptedData");
    let inner = encrypted(&stage.key, "inner", "Content", "<x xmlns=\"urn:x\"/>", &info);
    let outer = replaced(&stage.text, "Body/EncryptedData", &encrypted(&stage.key, &own, "Content", &inner, &info));
    let list = |ids: &[&str]| replaced(&outer, "Security/ReferenceList", &reference_list(ids));
    stage.refused("nested, both listed", &list(&[&own, "inner"]), "Invalid(DanglingReference(\"inner\"))");
    stage.refused("nested, the inner first", &list(&["inner", &own]), "Invalid(DanglingReference(\"inner\"))");
    let unlisted = "SecurityHeader { element: \"EncryptedData\", fault: \"in the body is not listed\" }";
    let sound = "Invalid(DigestMismatch(";
    let refusal = format!("{:?}", stage.open(&outer).err().expect("refused"));
    assert!(refusal.starts_with(sound) || refusal.starts_with(unlisted), "{refusal}");
    // It holds itself, its list or its key.
    for hidden in [
        reference_list(&[&own]),
        element(&stage.text, "Security/EncryptedKey").replace(&id(&stage.text, "Security/EncryptedKey"), "again"),
    ] {
        let text = replaced(&stage.text, "Body/EncryptedData", &encrypted(&stage.key, &own, "Content", &hidden, &info));
        stage.refused("a body of security's own elements", &text, sound);
    }
    let itself = encrypted(&stage.key, &own, "Content", &body, &info);
    let text = replaced(&stage.text, "Body/EncryptedData", &itself);
    stage.refused("itself", &text, &format!("Invalid(Plaintext(IdRepeated({own:?})))"));
    // More keys, elements and lists than one message needs.
    let key = element(&stage.text, "Security/EncryptedKey").to_owned();
    let name = id(&stage.text, "Security/EncryptedKey");
    let keys = |count: usize| (0..count).map(|n| key.replace(&name, &format!("k{n}"))).collect::<String>();
    let with = |what: &str| before(&stage.text, "Security/Signature", what);
    stage.refused("three keys", &with(&keys(2)), "TooMany { what: \"encrypted keys\", limit: 2 }");
    stage.refused("very many", &with(&keys(500)), "TooMany { what: \"children of the security header\", limit: 32 }");
    let data: String = (0..9).map(|n| encrypted(&stage.key, &format!("d{n}"), "Element", "<x/>", &info)).collect();
    stage.refused("nine elements", &with(&data), "TooMany { what: \"encrypted elements\", limit: 8 }");
    let list = element(&stage.text, "Security/ReferenceList").to_owned();
    stage.refused(
        "two lists",
        &with(&list),
        "SecurityHeader { element: \"DataReference\", fault: \"names an element twice\" }",
    );
    let ids: Vec<String> = (0..9).map(|n| format!("d{n}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let long = replaced(&stage.text, "Security/ReferenceList", &reference_list(&ids));
    stage.refused("a long list", &long, "Invalid(TooMany { what: \"data references\", limit: 8 })");
    // A second key that is used costs no second operation.
    let second = key.replace(&name, "second");
    let text = before(&stage.text, "Security/Signature", &second);
    let text = replaced(&text, "Signature/KeyInfo", &key_info("<o:Reference URI=\"#second\"/>"));
    stage.refused(
        "a second key in use",
        &resigned(&text, |octets| hmac(stage.key.expose(), octets)),
        "KeyReference(\"uses a second encrypted key\")",
    );
}

/// Decryption proves nothing: what is encrypted and not signed is refused.
#[test]
fn xe_10_encrypted_and_not_signed() {
    let stage = Stage::hidden();
    let missing = "TokenMissing(\"signature by the protection token\")";
    stage.refused("no signature", &without(&stage.text, "Security/Signature"), missing);
    let body = id(&stage.text, "Envelope/Body");
    let timestamp = id(&stage.text, "Security/Timestamp");
    // Somebody's signature over something else.
    let mut text = stage.text.clone();
    while text.contains("<Reference URI") && !element(&text, "SignedInfo/Reference").contains(&timestamp) {
        text = without(&text, "SignedInfo/Reference");
    }
    assert!(!text.contains(&format!("#{body}")), "{text}");
    stage.refused("a signature over the timestamp", &stage.resigned(&text), "NotSigned(\"Body\")");
}

/// A plaintext is read where it stands, and reaches nothing beyond.
#[test]
fn xe_12_plaintext_that_breaks_out() {
    let stage = Stage::hidden();
    let info = element(&stage.text, "EncryptedData/KeyInfo").to_owned();
    let own = id(&stage.text, "Body/EncryptedData");
    let deep = format!("{}{}", "<x>".repeat(63), "</x>".repeat(63));
    for (what, plaintext, expected) in [
        ("another body", &b"</s:Body><s:Body>"[..], "EndTagWithoutStart"),
        ("the end of all", b"</s:Body></s:Envelope>", "EndTagWithoutStart"),
        ("an element that stays open", b"<x>", "Truncated"),
        ("a tag that stays open", b"<x", "Truncated"),
        ("a comment that stays open", b"<!-- ", "Truncated"),
        ("a section that stays open", b"<![CDATA[", "Truncated"),
        ("a prefix of nobody's", b"<nobody:x/>", "PrefixUndeclared(\"nobody\")"),
        ("a prefix of the ciphertext's", b"<e:x/>", "PrefixUndeclared(\"e\")"),
        ("a document type", b"<!DOCTYPE x>", "Doctype"),
        ("an entity", b"&xxe;", "EntityUnknown"),
        ("a processing instruction", b"<?x?>", "ProcessingInstruction"),
        ("a declaration", b"<?xml version=\"1.0\"?><x/>", "ProcessingInstruction"),
        ("a byte order mark", b"\xef\xbb\xbf<x/>", "ByteOrderMarkInFragment"),
        ("UTF-16", b"\xff\xfe<\0x\0/\0>\0", "NotUtf8"),
        ("UTF-16 without its mark", b"<\0x\0/\0>\0", "IllegalCharacter"),
        ("half a character", b"<x/>\xe2\x82", "NotUtf8"),
        ("too deep an element", deep.as_bytes(), "TooDeep(64)"),
    ] {
        let data = encrypted_octets(&stage.key, &own, "Content", plaintext, &info);
        let text = replaced(&stage.text, "Body/EncryptedData", &data);
        stage.refused(what, &text, &format!("Invalid(Plaintext({expected}))"));
    }
}

/// A reason is for the log, and tells no secret of the message: not the body, not the password, not a key.
#[test]
fn xe_13_reasons_that_tell_secrets() {
    let stage = Stage::of("wcf-ws2007-userNameForCertificate", |_| {});
    let secrets = ["hello", "wonderland", &base64::encode(stage.key.expose())];
    let mut told = BTreeSet::new();
    for path in [BODY, "Security/EncryptedData/CipherData/CipherValue"] {
        let taken = Taken::out_of(&stage.text, path);
        for at in (0..taken.octets.len()).step_by(7) {
            for mask in [0x01, 0x20, 0xff] {
                if let Err(refusal) = stage.open(&taken.changed(at, mask)) {
                    for said in [refusal.to_string(), format!("{refusal:?}")] {
                        assert!(secrets.iter().all(|secret| !said.contains(secret)), "{said}");
                        told.insert(said);
                    }
                }
            }
        }
    }
    assert!(told.len() > 10, "{told:?}");
}
