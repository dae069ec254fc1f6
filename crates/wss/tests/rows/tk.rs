//! TK: tokens, freshness, and what makes a message unique.

use nuncio_crypto::algorithm::{DigestAlgorithm, SignatureAlgorithm};
use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::key::PrivateKey;
use nuncio_crypto::{base64, digest, sign};
use nuncio_policy::model::{Binding, Include, PartSet, Policy, X509Reference};
use nuncio_wss::{Class, Credential, Refusal};

use crate::ends::{Numbers, Pair, client, policy, soap};
use crate::forge::{
    CLEAR, Stage, WSSE, WSU, after, before, edited, element, id, replaced, resigned_but, within, without,
};

const TLS: &str = "wse-usernameOverTransportSecurity";

/// A message over TLS with another user name token; `None` in place of a part leaves it out.
fn token(stage: &Stage, children: &str) -> String {
    let whole = element(&stage.text, "Security/UsernameToken").to_owned();
    let (start, end) = (whole.find('>').unwrap() + 1, whole.rfind("</").unwrap());
    replaced(&stage.text, "Security/UsernameToken", &format!("{}{children}{}", &whole[..start], &whole[end..]))
}

#[test]
fn tk_02_nonces_and_their_times() {
    let stage = Stage::of(TLS, |_| {});
    let (name, password) = ("<o:Username>alice</o:Username>", "<o:Password>wonderland-1865</o:Password>");
    let nonce = |octets: usize| format!("<o:Nonce>{}</o:Nonce>", base64::encode(&vec![7; octets]));
    let created = |time: &str| format!("<u:Created xmlns:u=\"{WSU}\">{time}</u:Created>");
    let (now, length) =
        ("2026-12-01T00:00:00Z", "SecurityHeader { element: \"Nonce\", fault: \"is too short or too long\" }");
    let twice = "SecurityHeader { element: \"UsernameToken\", fault: \"has an element twice\" }";
    let with = |more: &str| token(&stage, &format!("{name}{password}{more}"));
    for octets in [4, 16, 64, 128] {
        stage.accepted("a nonce", &with(&nonce(octets)));
    }
    for octets in [0, 3, 129] {
        stage.refused("a nonce", &with(&nonce(octets)), length);
    }
    for (what, more, expected) in [
        ("two nonces", nonce(16) + &nonce(16), twice),
        ("two times", created(now).repeat(2), twice),
        ("two names", name.to_owned(), twice),
        ("two passwords", password.to_owned(), twice),
        (
            "no base64",
            "<o:Nonce>*</o:Nonce>".to_owned(),
            "SecurityHeader { element: \"Nonce\", fault: \"is not base64\" }",
        ),
        ("no time", created("yesterday"), "SecurityHeader { element: \"Created\""),
        ("an old time", nonce(16) + &created("2026-11-30T23:00:00Z"), "Expired {"),
        ("a time to come", nonce(16) + &created("2026-12-01T01:00:00Z"), "FromTheFuture {"),
    ] {
        stage.refused(what, &with(&more), expected);
    }
    // The nonce of one user is not that of another, and the same nonce of the same user is the same message.
    let once = |text: &str| stage.open(text).unwrap().once().next().map(|once| once.key);
    let (first, other) = (with(&nonce(16)), with(&nonce(17)));
    assert!(once(&first).is_some() && once(&first) != once(&other));
    assert_eq!(once(&first), once(&edited(&first, "hello", "another body")));
    assert_ne!(once(&first), once(&edited(&first, ">alice<", ">bob<")));
    assert_eq!(once(&with("")), None);
}

#[test]
fn tk_03_tokens_without_what_they_need() {
    let stage = Stage::of(TLS, |_| {});
    let (name, password) = ("<o:Username>alice</o:Username>", "<o:Password>wonderland-1865</o:Password>");
    let derived = "<k:Salt xmlns:k=\"http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd\">AAAAAAAAAAAAAAAAAAAAAA==</k:Salt>";
    let unknown = "SecurityHeader { element: \"UsernameToken\", fault: \"has an element that is not known\" }";
    for (what, children, expected) in [
        ("nothing", String::new(), "SecurityHeader { element: \"UsernameToken\""),
        ("no name", password.to_owned(), "SecurityHeader { element: \"UsernameToken\", fault: \"has no user name\" }"),
        (
            "an empty name",
            format!("<o:Username> </o:Username>{password}"),
            "SecurityHeader { element: \"UsernameToken\", fault: \"has no user name\" }",
        ),
        (
            "a salt",
            format!("{name}{password}{derived}"),
            "SecurityHeader { element: \"UsernameToken\", fault: \"has a password beside the salt of a key\" }",
        ),
        (
            "an iteration",
            format!("{name}{password}{}", derived.replace("Salt", "Iteration")),
            "SecurityHeader { element: \"Iteration\", fault: \"is there without a salt\" }",
        ),
        ("anything else", format!("{name}{password}<x xmlns=\"urn:x\"/>"), unknown),
        (
            "text",
            format!("{name}{password}text"),
            "SecurityHeader { element: \"UsernameToken\", fault: \"holds text or a comment\" }",
        ),
        (
            "a password with an element",
            format!("{name}<o:Password><x/></o:Password>"),
            "SecurityHeader { element: \"Password\"",
        ),
    ] {
        stage.refused(what, &token(&stage, &children), expected);
    }
    let missing = stage.open(&token(&stage, name)).err().expect("refused");
    assert!(matches!(missing, Refusal::SecurityHeader { .. }), "{missing}");
    stage.refused("no token", &without(&stage.text, "Security/UsernameToken"), "TokenMissing(\"user name token\")");
    let another = element(&stage.text, "Security/UsernameToken").replace("Id=\"", "Id=\"x");
    let two = after(&stage.text, "Security/UsernameToken", &another);
    stage.refused(
        "two tokens",
        &two,
        "SecurityHeader { element: \"UsernameToken\", fault: \"is there where the policy has none\" }",
    );
    // The type that is not said is that of a password in clear.
    stage.accepted("no type", &token(&stage, &format!("{name}{password}")));
    // A token that nobody asked for.
    let anonymous = Stage::clear();
    let tokens = element(&stage.text, "Security/UsernameToken");
    let text = before(&anonymous.text, "Security/EncryptedKey", &tokens.replace("Id=\"", "Id=\"x"));
    anonymous.refused(
        "unasked",
        &text,
        "SecurityHeader { element: \"UsernameToken\", fault: \"is there where the policy has none\" }",
    );
}

/// What makes a message unique is what was signed, however the rest of it is written.
#[test]
fn tk_04_the_same_message_again() {
    let stage = Stage::clear();
    let once = |text: &str| stage.open(text).unwrap().once().next().expect("unique").key;
    let key = once(&stage.text);
    let header = "<x:unsigned xmlns:x=\"urn:x\"/>";
    for (what, text) in [
        ("as it is", stage.text.clone()),
        ("an unsigned header more", within(&stage.text, "Envelope/Header", header)),
        ("white space", edited(&stage.text, "<s:Header>", "<s:Header>\n  ")),
        ("a comment", edited(&stage.text, "<s:Header>", "<!-- --><s:Header>")),
        ("a declaration", format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n{}", stage.text)),
        (
            "another declaration of a namespace",
            edited(&stage.text, "<s:Envelope", "<s:Envelope xmlns:unused=\"urn:unused\""),
        ),
        ("base64 in lines", edited(&stage.text, "</SignatureValue>", "\n</SignatureValue>")),
    ] {
        assert_eq!(once(&text), key, "{what}");
    }
    let another = stage.resigned(&edited(&stage.text, "urn:uuid:", "urn:other:"));
    assert_ne!(once(&another), key);
    // Over a transport the signature covers no more than the timestamp: what else tells messages apart counts.
    let stage = Stage::of("wcf-ws2007-certificateOverTransport", |_| {});
    let once = |text: &str| stage.open(text).unwrap().once().next().expect("unique").key;
    assert_eq!(once(&stage.text), once(&within(&stage.text, "Envelope/Header", header)));
    assert_ne!(once(&stage.text), once(&edited(&stage.text, "urn:uuid:", "urn:other:")));
    assert_eq!(once(&stage.text), once(&edited(&stage.text, ">hello<", ">another body<")), "the id is what counts");
    let nameless = without(&stage.text, "Header/MessageID");
    assert_ne!(once(&nameless), once(&edited(&nameless, ">hello<", ">another body<")));
}

#[test]
fn tk_06_timestamps() {
    let stage = Stage::clear();
    let stamp = element(&stage.text, "Security/Timestamp").to_owned();
    let open = stamp[..=stamp.find('>').unwrap()].to_owned();
    let of = |children: &str| {
        stage.resigned(&replaced(&stage.text, "Security/Timestamp", &format!("{open}{children}</u:Timestamp>")))
    };
    let created = |time: &str| format!("<u:Created>{time}</u:Created>");
    let expires = |time: &str| format!("<u:Expires>{time}</u:Expires>");
    let (now, later) = ("2026-12-01T00:00:00Z", "2026-12-01T00:05:00Z");
    let both = |from: &str, to: &str| of(&(created(from) + &expires(to)));
    for (what, text) in [
        ("both", both(now, later)),
        ("no expiry", of(&created(now))),
        ("a far expiry", both(now, "2036-12-01T00:00:00Z")),
        ("a little ahead", both("2026-12-01T00:05:00Z", "2026-12-01T00:10:00Z")),
        ("fractions", both("2026-12-01T00:00:00.1Z", "2026-12-01T00:05:00.123456789Z")),
        ("white space", of(&(created(&format!("\n {now}\t")) + "\n" + &expires(later)))),
    ] {
        assert!(stage.open(&text).is_ok(), "{what}: {:?}", stage.open(&text).err());
    }
    let shape = "SecurityHeader { element: \"Timestamp\", fault: \"is not a creation and an expiry\" }";
    let creation = "SecurityHeader { element: \"Timestamp\", fault: \"has no creation\" }";
    let instant = "SecurityHeader { element: \"Timestamp\", fault: \"has an instant that is none in UTC\" }";
    let reversed = "SecurityHeader { element: \"Timestamp\", fault: \"expires before it was created\" }";
    for (what, text, expected) in [
        ("empty", of(""), shape),
        ("only an expiry", of(&expires(later)), creation),
        ("the other way about", of(&(expires(later) + &created(now))), shape),
        ("two creations", of(&created(now).repeat(2)), shape),
        ("two expiries", of(&(created(now) + &expires(later).repeat(2))), shape),
        ("something else", of(&(created(now) + &expires(later) + "<u:x/>")), shape),
        (
            "text",
            of(&(created(now) + "text")),
            "SecurityHeader { element: \"Timestamp\", fault: \"holds text or a comment\" }",
        ),
        ("at once", both(now, now), reversed),
        ("before", both(now, "2026-11-30T23:59:59Z"), reversed),
        ("no zone", both("2026-12-01T00:00:00", later), instant),
        ("local time", both("2026-12-01T01:00:00+01:00", later), instant),
        ("ten digits of fraction", both("2026-12-01T00:00:00.1234567890Z", later), instant),
        ("a leap second", both("2026-11-30T23:59:60Z", later), instant),
        ("no time", both("now", later), instant),
        ("old", both("2026-11-30T23:50:00Z", "2026-12-01T01:00:00Z"), "Expired {"),
        ("over", both("2026-11-30T23:54:00Z", "2026-11-30T23:55:00Z"), "Expired {"),
        ("to come", both("2026-12-01T00:05:00.001Z", "2026-12-01T00:10:00Z"), "FromTheFuture {"),
    ] {
        stage.refused(what, &text, expected);
    }
    stage.refused("none", &without(&stage.text, "Security/Timestamp"), "TokenMissing(\"timestamp\")");
    // A message lives no longer than our own window, whatever it says.
    let mut late = Stage::clear();
    let far = late.resigned(&edited(&late.text, "T00:05:00.000Z</u:Expires>", "T23:00:00.000Z</u:Expires>"));
    late.pair.now = nuncio_wss::Time::from_millis(late.pair.now.millis() + 10 * 60_000 - 1);
    assert!(late.open(&far).is_ok());
    late.pair.now = nuncio_wss::Time::from_millis(late.pair.now.millis() + 1);
    let refusal = late.open(&far).err().expect("refused");
    assert!(matches!(refusal, Refusal::Expired { .. }), "{refusal}");
    assert_eq!(refusal.class(), Class::InvalidSecurity);
}

fn certificate(pem: &[u8]) -> Certificate {
    Certificate::from_pem(pem).expect("a test certificate").pop().expect("one")
}

/// A name that fits two certificates is nobody's name; and the certificate that a message brings is that which signs.
#[test]
fn tk_11_names_that_fit_two_certificates() {
    let leaf = certificate(include_bytes!("../../../crypto/tests/data/leaf.pem"));
    let other = certificate(include_bytes!("../../../crypto/tests/data/self-signed.pem"));
    assert_eq!(leaf.subject_key_identifier(), other.subject_key_identifier());
    let key = || PrivateKey::from_pem(include_bytes!("../../../crypto/tests/data/leaf.key.pem")).expect("a test key");
    for (reference, fits_both) in [(X509Reference::KeyIdentifier, true), (X509Reference::Thumbprint, false)] {
        let mut policy: Policy = policy("wse-mutualCertificate10Security");
        policy.parts.encrypted.body = false;
        let Binding::Asymmetric(binding) = &mut policy.binding else { panic!("not asymmetric") };
        (binding.initiator.include, binding.initiator.reference) = (Include::Never, reference);
        for (trust, two) in [
            (vec![leaf.clone()], false),
            (vec![leaf.clone(), other.clone()], true),
            (vec![other.clone(), leaf.clone()], true),
        ] {
            let credential = Credential::new(leaf.clone(), key());
            let pair = Pair::as_whom(&policy, soap(CLEAR)[0], credential, trust);
            let stage = Stage::on(pair, &policy);
            match stage.open(&stage.text) {
                Ok(_) => assert!(!(two && fits_both), "{reference:?}"),
                Err(refusal) => {
                    assert!(two && fits_both, "{reference:?}: {refusal}");
                    assert!(matches!(refusal, Refusal::KeyReference("names more than one certificate")), "{refusal}");
                }
            }
        }
    }
    // The trusted certificate that comes along does not sign for the one that does.
    let stage = Stage::of("wcf-ws2007-certificateOverTransport", |_| {});
    let token = element(&stage.text, "Security/BinarySecurityToken").to_owned();
    let theirs = token.replace(&base64::encode(client().certificate.der()), &base64::encode(leaf.der()));
    let text = replaced(&stage.text, "Security/BinarySecurityToken", &theirs);
    stage.refused("another certificate in the token", &text, "Invalid(SignatureMismatch)");
}

/// A token that travels may be signed as itself or through the reference to it: it is the token that is covered.
#[test]
fn xs_07_a_token_that_travels_is_signed_through_the_reference_to_it() {
    const STR_TRANSFORM: &str =
        "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#STR-Transform";
    const EXCLUSIVE: &str = "<Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></Transform>";
    let stage = Stage::of("wse-mutualCertificate10Security", |policy| {
        policy.parts.encrypted = PartSet::default();
        policy.properties.protect_tokens = true;
    });
    let signed = |text: &str, digest: Option<&str>| {
        let key = client().key;
        let sign = |octets: &[u8]| {
            sign::sign(&key, SignatureAlgorithm::RsaSha1, octets, &mut Numbers(3))
                .unwrap_or_else(|_| panic!("not signed"))
        };
        resigned_but(text, digest.map(|digest| ("str", digest)), sign)
    };
    let (token, id) =
        (element(&stage.text, "Security/BinarySecurityToken"), id(&stage.text, "Security/BinarySecurityToken"));
    let octets = edited(token, "<o:BinarySecurityToken", "<o:BinarySecurityToken xmlns=\"\"");
    let digest = |octets: &str| base64::encode(digest::hash(DigestAlgorithm::Sha1, octets.as_bytes()).as_ref());
    let key_info = element(&stage.text, "Signature/KeyInfo");
    let named = edited(
        key_info,
        "<o:SecurityTokenReference",
        &format!("<o:SecurityTokenReference xmlns:u=\"{WSU}\" u:Id=\"str\""),
    );
    let text = replaced(&stage.text, "Signature/KeyInfo", &named);
    let reference = format!("<Reference URI=\"#{id}\"><Transforms>");
    let parameters = format!(
        "<Reference URI=\"#str\"><Transforms><Transform Algorithm=\"{STR_TRANSFORM}\"><o:TransformationParameters xmlns:o=\"{WSSE}\">\
         {}</o:TransformationParameters></Transform>",
        EXCLUSIVE.replace("Transform", "CanonicalizationMethod")
    );
    let text = edited(&text, &format!("{reference}{EXCLUSIVE}"), &parameters);
    stage.accepted("through the reference", &signed(&text, Some(&digest(&octets))));
    // The reference itself is not what it stands for.
    let itself = element(&text, "KeyInfo/SecurityTokenReference");
    stage.refused("the reference", &signed(&text, Some(&digest(itself))), "Invalid(DigestMismatch(\"str\"))");
    let plain = edited(
        &stage.text,
        &format!("{reference}{EXCLUSIVE}"),
        &format!("<Reference URI=\"#str\"><Transforms>{EXCLUSIVE}"),
    );
    let plain = replaced(&plain, "Signature/KeyInfo", &named);
    stage.refused("the reference alone", &signed(&plain, None), "NotSigned(\"the token that signs\")");
}
