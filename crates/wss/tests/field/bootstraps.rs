//! Bootstraps: user names as clients write them.

use nuncio_crypto::algorithm::DigestAlgorithm;
use nuncio_crypto::secret::Secret;
use nuncio_crypto::{base64, digest};
use nuncio_policy::model::{PasswordKind, Policy, Token};
use nuncio_wss::{Claim, Class, Time};

use crate::ends::policy;
use crate::forge::{Stage, WSU, before, edited, element, id, replaced, without};

const TLS: &str = "wse-usernameOverTransportSecurity";
const USER: &str = "<o:Username>alice</o:Username><o:Password>wonderland-1865</o:Password>";

/// A message over TLS whose token has these beside name and password.
fn with(stage: &Stage, more: &str) -> String {
    let whole = element(&stage.text, "Security/UsernameToken").to_owned();
    let (start, end) = (whole.find('>').unwrap() + 1, whole.rfind("</").unwrap());
    replaced(&stage.text, "Security/UsernameToken", &format!("{}{USER}{more}{}", &whole[..start], &whole[end..]))
}

fn created(text: &str) -> String {
    format!("<u:Created xmlns:u=\"{WSU}\">{text}</u:Created>")
}

const NONCE: &str = "<o:Nonce>AAECAwQFBgcICQoLDA0ODw==</o:Nonce>";

/// Any number of digits of a second, and white space around.
#[test]
fn times_of_creation_in_any_precision() {
    let stage = Stage::of(TLS, |_| {});
    for text in [
        "2026-12-01T00:00:00Z",
        "2026-12-01T00:00:00.1Z",
        "2026-12-01T00:00:00.123Z",
        "2026-12-01T00:00:00.598977Z",
        "2026-12-01T00:00:00.123456789Z",
        "\n   2026-12-01T00:00:00Z\n   ",
    ] {
        stage.accepted(text, &with(&stage, &(NONCE.to_owned() + &created(text))));
    }
    let spaced = "<o:Nonce>\n   AAECAwQFBgcICQoLDA0ODw==\n   </o:Nonce>";
    stage.accepted("a nonce on a line of its own", &with(&stage, spaced));
    // Cut, not rounded: a limit is not met a millisecond early.
    assert_eq!(Time::parse("2026-12-01T00:00:00.9999Z"), Time::parse("2026-12-01T00:00:00.999Z"));
    stage.accepted("an offset of none", &with(&stage, &created("2026-12-01T00:00:00+00:00")));
    for text in ["2026-12-01T00:00:00", "2026-12-01T01:00:00+01:00", "2026-11-30T20:00:00-04:00"] {
        stage.refused(text, &with(&stage, &created(text)), "SecurityHeader { element: \"Created\"");
    }
}

/// Nonce and time of creation are optional, each on its own; and a nonce need not say how it is encoded.
#[test]
fn nonces_and_times_are_optional() {
    let stage = Stage::of(TLS, |_| {});
    let now = created("2026-12-01T00:00:00Z");
    let encoded = NONCE.replace("<o:Nonce>", "<o:Nonce EncodingType=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary\">");
    for (what, more) in [
        ("neither", String::new()),
        ("a nonce", NONCE.to_owned()),
        ("a time", now.clone()),
        ("both", NONCE.to_owned() + &now),
        ("its encoding", encoded),
    ] {
        stage.accepted(what, &with(&stage, &more));
    }
    let plain = "<o:Password Type=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText\">";
    stage.accepted("its type", &edited(&with(&stage, ""), "<o:Password>", plain));
}

/// A timestamp that is good for two days, in front of the token: taken now, and no longer than any other.
#[test]
fn a_timestamp_of_two_days() {
    let mut stage = Stage::of(TLS, |_| {});
    let stamp = element(&stage.text, "Security/Timestamp").to_owned();
    let long = edited(&stamp, "2026-12-01T00:05:00.000Z", "2026-12-03T00:00:00.000Z");
    let text = before(&without(&stage.text, "Security/Timestamp"), "Security/UsernameToken", &long);
    stage.accepted("now", &text);
    let (minute, now) = (60_000, stage.pair.now.millis());
    stage.pair.now = Time::from_millis(now + 10 * minute - 1);
    assert!(stage.open(&text).is_ok());
    stage.pair.now = Time::from_millis(now + 10 * minute);
    let refusal = stage.open(&text).err().expect("refused");
    assert!(format!("{refusal:?}").starts_with("Expired {"), "{refusal}");
    // It says when it was created and what time it is here: the operator need not guess.
    assert!(
        refusal.to_string().contains("2026-12-01T00:00:00.000Z")
            && refusal.to_string().contains("2026-12-01T00:10:00.000Z"),
        "{refusal}"
    );
    assert_eq!(refusal.class(), Class::InvalidSecurity);
}

/// A policy of WS-SecurityPolicy 1.1 lists the token as signed and has no word for encrypted: it is encrypted all the same,
/// but over a transport.
#[test]
fn a_signed_token_is_encrypted_where_there_is_a_key() {
    let signed = |name: &str| {
        let mut policy: Policy = policy(name);
        for token in &mut policy.supporting {
            (token.signed, token.encrypted) = (true, false);
        }
        policy
    };
    let name = "wse-usernameForCertificateSecurity";
    let stage = Stage::with(&signed(name), &signed(name), crate::ends::soap(name)[0]);
    assert!(!stage.text.contains("alice"), "{}", stage.text);
    assert!(stage.open(&stage.text).is_ok());
    // Put in clear by somebody who has the key.
    let mut theirs = signed(name);
    theirs.parts.encrypted.body = false;
    let plain = Stage::with(&theirs, &theirs, crate::ends::soap(name)[0]);
    let token = "<o:UsernameToken xmlns:o=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd\" xmlns:u=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd\" u:Id=\"user\"><o:Username>alice</o:Username><o:Password>wonderland-1865</o:Password></o:UsernameToken>";
    let hidden = id(&plain.text, "Security/EncryptedData");
    let text = replaced(&plain.text, "Security/EncryptedData", token);
    let text = without(&text, "Security/ReferenceList");
    assert!(!text.contains(&format!("#{hidden}")));
    let refusal = plain.open(&text).err().expect("refused");
    assert_eq!(refusal.class(), Class::InvalidSecurity, "{refusal}");
    let over_tls = Stage::with(&signed(TLS), &signed(TLS), crate::ends::soap(TLS)[0]);
    assert!(over_tls.text.contains("alice"));
    assert!(over_tls.open(&over_tls.text).is_ok());
}

/// The hash of a password as the profile has it: the octets of the nonce, the text of the time as it was sent, the password.
#[test]
fn hashes_of_passwords() {
    let stage = Stage::of(TLS, |policy| {
        for supporting in &mut policy.supporting {
            if let Token::Username(token) = &mut supporting.token {
                token.password = PasswordKind::Digest;
            }
        }
    });
    let password = "wonderland-1865";
    let octets: Vec<u8> = (0..16).collect();
    let text = base64::encode(&octets);
    let sha1 = |parts: &[&[u8]]| digest::hash(DigestAlgorithm::Sha1, &parts.concat()).as_ref().to_vec();
    let token = |hash: &[u8], created: &str, nonce: &str| {
        let kind = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest";
        let hash = base64::encode(hash);
        let children = format!(
            "<o:Username>alice</o:Username><o:Password Type=\"{kind}\">{hash}</o:Password>{nonce}\
             <u:Created xmlns:u=\"{WSU}\">{created}</u:Created>"
        );
        let whole = element(&stage.text, "Security/UsernameToken").to_owned();
        let (start, end) = (whole.find('>').unwrap() + 1, whole.rfind("</").unwrap());
        replaced(&stage.text, "Security/UsernameToken", &format!("{}{children}{}", &whole[..start], &whole[end..]))
    };
    let proves = |text: &str| {
        let opened = stage.open(text).unwrap_or_else(|refusal| panic!("{refusal}: {text}"));
        let Claim::Username(user) = opened.claim() else { panic!("nobody") };
        assert_eq!(user.name, "alice");
        user.proves(&Secret::from(password.as_bytes()))
    };
    let bare = format!("<o:Nonce>{text}</o:Nonce>");
    let said = format!(
        "<o:Nonce EncodingType=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary\">{text}</o:Nonce>"
    );
    let now = "2026-12-01T00:00:00Z";
    for created in [now, "2026-12-01T00:00:00.598977Z", "2026-12-01T00:00:00.123456789Z", "2026-12-01T00:00:00+00:00"] {
        let sound = sha1(&[&octets, created.as_bytes(), password.as_bytes()]);
        assert!(proves(&token(&sound, created, &bare)), "{created}");
        assert!(proves(&token(&sound, created, &said)), "{created}");
        assert!(proves(&token(&sound, &format!("\n   {created}\n   "), &bare)), "{created} with white space around");
        assert!(proves(&token(&sound, created, &bare.replace(&text, &format!("\n  {text}\n")))), "{created}");
    }
    // What others computed, and what is never tried beside.
    let inner = sha1(&[password.as_bytes()]);
    for (what, hash) in [
        ("over the text of the nonce", sha1(&[text.as_bytes(), now.as_bytes(), password.as_bytes()])),
        ("over the hashed password", sha1(&[&octets, now.as_bytes(), &inner])),
        ("over the hashed password's text", sha1(&[&octets, now.as_bytes(), base64::encode(&inner).as_bytes()])),
        ("over the time in another form", sha1(&[&octets, b"2026-12-01T00:00:00.000Z", password.as_bytes()])),
        ("of the password alone", inner.clone()),
        ("of another password", sha1(&[&octets, now.as_bytes(), b"looking-glass-1871"])),
    ] {
        assert!(!proves(&token(&hash, now, &bare)), "{what}");
    }
    let sound = sha1(&[&octets, now.as_bytes(), password.as_bytes()]);
    let both = "SecurityHeader { element: \"Password\", fault: \"is hashed without a nonce and a time of creation\" }";
    stage.refused("no nonce", &token(&sound, now, ""), both);
    stage.refused("no time", &without(&token(&sound, now, &bare), "UsernameToken/Created"), both);
    stage.refused(
        "two nonces",
        &token(&sound, now, &bare.repeat(2)),
        "SecurityHeader { element: \"UsernameToken\", fault: \"has an element twice\" }",
    );
    stage.refused(
        "half a hash",
        &token(&sound[..10], now, &bare),
        "SecurityHeader { element: \"Password\", fault: \"is no hash by SHA-1\" }",
    );
    stage.refused("an old one", &token(&sound, "2026-11-30T23:00:00Z", &bare), "Expired {");
    let short = format!("<o:Nonce>{}</o:Nonce>", base64::encode(&[7; 7]));
    stage.refused(
        "a short nonce",
        &token(&sound, now, &short),
        "SecurityHeader { element: \"Nonce\", fault: \"is too short or too long\" }",
    );
}
