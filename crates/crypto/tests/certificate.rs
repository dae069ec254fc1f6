//! Certificates: the facts that `openssl x509` prints, and the names that peers write.

mod common;

use common::{NOW, certificate, data};
use nuncio_crypto::certificate::{Certificate, CertificateError, MAX_CERTIFICATE};

const SERIAL: &str = "124706769986344059836819559000216391048263619225";

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02X}")).collect::<Vec<_>>().join(":")
}

/// `openssl x509 -noout -subject -issuer -fingerprint -serial -dates -nameopt RFC2253`.
#[test]
fn facts_as_openssl_prints_them() {
    let leaf = certificate("leaf");
    assert_eq!(
        leaf.subject(),
        "emailAddress=test@localhost,CN=localhost,OU=Gateway,O=Nuncio Tests,L=Berlin,ST=Berlin,C=DE"
    );
    assert_eq!(leaf.issuer(), "CN=Nuncio Test Root,O=Nuncio Tests,C=DE");
    assert_eq!(leaf.serial(), SERIAL);
    assert_eq!(hex(&leaf.thumbprint()), "DF:01:80:E1:0D:93:51:4F:9F:1F:6C:A8:7F:D2:D5:D3:25:A8:EC:E7");
    assert_eq!(
        leaf.subject_key_identifier().map(hex).as_deref(),
        Some("1B:1E:22:52:F8:D7:42:FD:7A:D7:1F:82:78:18:62:C3:97:10:4F:7D")
    );
    assert_eq!((leaf.not_before(), leaf.not_after()), (1_735_689_600, 2_524_607_999));
    assert!(leaf.may_sign() && leaf.may_encipher_keys() && !leaf.is_authority());
    assert_eq!(leaf.public_key().rsa_bits(), Some(2048));
    assert_eq!(format!("{leaf:?}"), format!("Certificate({:?})", leaf.subject()));
}

/// Key usages, an authority, other keys, and extensions that are not there.
#[test]
fn facts_of_others() {
    let facts = |name: &str| {
        let c = certificate(name);
        (c.may_sign(), c.may_encipher_keys(), c.is_authority(), c.public_key().rsa_bits())
    };
    assert_eq!(facts("root"), (false, false, true, Some(2048)));
    assert_eq!(facts("encipher-only"), (false, true, false, Some(2048)));
    assert_eq!(facts("no-usage"), (true, true, false, Some(2048)));
    assert_eq!(facts("weak"), (true, true, false, Some(1024)));
    assert_eq!(facts("ec"), (true, true, false, None));
    assert_eq!(certificate("no-ski").subject_key_identifier(), None);
}

/// Both ends belong to the validity.
#[test]
fn validity() {
    let leaf = certificate("leaf");
    for (at, valid) in [
        (leaf.not_before() - 1, false),
        (leaf.not_before(), true),
        (NOW, true),
        (leaf.not_after(), true),
        (leaf.not_after() + 1, false),
        (i64::MIN, false),
        (i64::MAX, false),
    ] {
        assert_eq!(leaf.valid_at(at), valid, "{at}");
    }
    assert!(!certificate("expired").valid_at(NOW));
}

/// A name of special characters, as [RFC 2253] has it. OpenSSL prints the same but for a keyword of its
/// own instead of the OID, and the set of two attributes the other way round.
#[test]
fn special_characters_are_escaped() {
    let names = certificate("names");
    assert_eq!(
        names.subject(),
        "DC=example,serialNumber=42+CN=\\#hash,OU=\\ leading and trailing\\ ,\
         2.5.4.97=#0c0f56415444452d313233343536373839,O=Entrust\\, Inc. \\+ \\\"Söhne\\\" \\<x\\>\\; y,C=DE"
    );
    for issuer in [
        names.issuer(),
        // Windows and .NET
        "DC=example, CN=\"#hash\" + SERIALNUMBER=42, OU=\" leading and trailing \", OID.2.5.4.97=VATDE-123456789, \
         O=\"Entrust, Inc. + \"\"Söhne\"\" <x>; y\", C=DE",
        // Java, RFC 2253 and its own
        "DC=example,2.5.4.5=#13023432+CN=\\#hash,OU=\\ leading and trailing\\ ,\
         2.5.4.97=#130f56415444452d313233343536373839,O=Entrust\\, Inc. \\+ \\\"S\\C3\\B6hne\\\" \\<x\\>\\; y,C=DE",
        // in the order of the certificate
        "C=DE, O=\"Entrust, Inc. + \\\"Söhne\\\" <x>; y\", organizationIdentifier=VATDE-123456789, \
         OU=\" leading and trailing \", CN=\\#hash+SERIALNUMBER=42, DC=example",
    ] {
        assert!(names.is_issued_as(issuer, names.serial()), "{issuer}");
    }
}

/// The issuer by any spelling, the serial number by its value; nothing else.
#[test]
fn issuer_and_serial() {
    let leaf = certificate("leaf");
    for issuer in [
        "CN=Nuncio Test Root,O=Nuncio Tests,C=DE",
        "CN=Nuncio Test Root, O=Nuncio Tests, C=DE",
        "C=DE,O=Nuncio Tests,CN=Nuncio Test Root",
        "cn=nuncio  test root,o=\"Nuncio Tests\",2.5.4.6=de",
    ] {
        assert!(leaf.is_issued_as(issuer, SERIAL), "{issuer}");
        assert!(leaf.is_issued_as(issuer, &format!("\r\n 00{SERIAL} ")), "{issuer}");
        assert!(!leaf.is_issued_as(issuer, &SERIAL[1..]));
        assert!(!leaf.is_issued_as(issuer, &format!("-{SERIAL}")));
        assert!(!leaf.is_issued_as(issuer, ""));
    }
    for issuer in ["", "CN=Nuncio Test Root", leaf.subject(), "CN=Nuncio Test Root,O=Nuncio Tests,C=DE,"] {
        assert!(!leaf.is_issued_as(issuer, SERIAL), "{issuer}");
    }
}

/// PEM files: several certificates in order, other blocks passed over, and what is none.
#[test]
fn pem_files() {
    let all = [data("leaf.pem"), data("leaf.key.pem"), data("root.pem")].concat();
    let all = Certificate::from_pem(&all).unwrap();
    assert_eq!(all, [certificate("leaf"), certificate("root")]);
    assert_eq!(Certificate::from_pem(b""), Err(CertificateError::Missing));
    assert_eq!(Certificate::from_pem(&data("leaf.key.pem")), Err(CertificateError::Missing));
    let broken = String::from_utf8(data("leaf.pem")).unwrap().replace("MII", "AII");
    assert_eq!(Certificate::from_pem(broken.as_bytes()), Err(CertificateError::Malformed));
}

/// Whatever octets come, there is an answer; none is taken for the certificate that it once was.
#[test]
fn pa_14_malformed_octets_are_refused() {
    let leaf = certificate("leaf");
    let der = leaf.der();
    for length in 0..der.len() {
        assert_eq!(Certificate::from_der(der[..length].to_vec()), Err(CertificateError::Malformed), "{length}");
    }
    assert_eq!(Certificate::from_der([der, &[0]].concat()), Err(CertificateError::Malformed));
    let octets = MAX_CERTIFICATE + 1;
    assert_eq!(Certificate::from_der(vec![0x30; octets]), Err(CertificateError::TooLarge { octets }));
    for at in 0..der.len() {
        for bit in 0..8 {
            let mut changed = der.to_vec();
            changed[at] ^= 1 << bit;
            if let Ok(other) = Certificate::from_der(changed) {
                assert_ne!(other.thumbprint(), leaf.thumbprint());
            }
        }
    }
}
