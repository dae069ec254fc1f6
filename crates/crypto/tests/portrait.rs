//! Certificates as their owners look at them.

mod common;

use common::certificate;
use nuncio_crypto::portrait::{Portrait, Signature, is_for};

fn signature(algorithm: &str, weak: Option<&'static str>) -> Signature {
    Signature { algorithm: algorithm.into(), weak }
}

#[test]
fn what_openssl_prints_is_told() {
    let leaf = Portrait::of(&certificate("leaf"));
    let expected = Portrait {
        hosts: vec!["localhost".into()],
        key: "RSA of 2048 bits".into(),
        signature: signature("RSA with SHA-256", None),
        self_signed: false,
        for_servers: true,
    };
    assert_eq!(leaf, expected);
    let root = Portrait::of(&certificate("root"));
    assert!(root.self_signed && root.for_servers && root.hosts.is_empty());
    assert_eq!(Portrait::of(&certificate("ec")).key, "on the curve P-256");
    let foreign = Portrait::of(&certificate("foreign"));
    assert_eq!(foreign.key, "of a kind that is not used here");
    assert_eq!(foreign.signature, signature("ECDSA with SHA-256", None));
    let old = Portrait::of(&certificate("sha1"));
    assert_eq!(old.signature, signature("RSA with SHA-1", Some("SHA-1")));
    assert_eq!(old.hosts, ["*.example", "192.0.2.7", "2001:db8::7"]);
    assert!(!old.for_servers, "for clients alone");
}

#[test]
fn a_certificate_is_for_the_hosts_that_it_names() {
    let (leaf, old) = (certificate("leaf"), certificate("sha1"));
    for (certificate, host, is) in [
        (&leaf, "localhost", true),
        (&leaf, "LOCALHOST", true),
        (&leaf, "127.0.0.1", false),
        (&leaf, "", false),
        (&leaf, "https://localhost", false),
        // Clients want two labels behind a star.
        (&old, "a.example", false),
        (&old, "a.b.example", false),
        (&old, "example", false),
        (&old, "192.0.2.7", true),
        (&old, "192.0.2.8", false),
        (&old, "2001:DB8::7", true),
        // A common name is no host's.
        (&certificate("no-ski"), "no identifier", false),
    ] {
        assert_eq!(is_for(certificate, host), is, "{host}");
    }
}
