//! What a configuration says of certificates, keys and users: read as it is meant, refused with line and reason.

// A test's helpers fail as its tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};

use nuncio::config::Configuration;
use nuncio_wss::{Tenure, Time};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A folder with the test keys.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("credentials-{name}"));
    std::fs::create_dir_all(&folder).unwrap();
    for key in ["server.pem", "server.key", "client.pem", "client.key"] {
        std::fs::copy(repository().join("tests/keys").join(key), folder.join(key)).unwrap();
    }
    for store in ["modern.pfx", "legacy.pfx", "windows.pfx", "no-key.pfx"] {
        std::fs::copy(repository().join("crates/crypto/tests/data").join(store), folder.join(store)).unwrap();
    }
    std::fs::write(folder.join("password"), "pässword\r\n").unwrap();
    folder
}

const MUTUAL: &str = "\
listeners:
  - address: 127.0.0.1:0
routes:
  - path: /echo
    backend: http://127.0.0.1:9000/echo
    preset: wcf-wshttp-mutualCertificate
    trust: [client.pem]
";

/// A listener's TLS, and a route that says that.
fn load(folder: &Path, text: &str) -> Result<Configuration, String> {
    let file = folder.join("nuncio.yaml");
    std::fs::write(&file, text).unwrap();
    let place = format!("{}:", file.display());
    Configuration::load(&file).map_err(|error| error.to_string().replace(&place, ""))
}

fn loaded(folder: &Path, said: &str) -> Result<Configuration, String> {
    load(folder, &format!("{MUTUAL}{said}"))
}

#[test]
fn certificates_come_in_pem_and_in_pkcs_12() {
    let folder = folder("pfx");
    let said = "    certificates:\n      - { certificate: server.pem, key: server.key }\n      \
                - { pfx: modern.pfx, password_file: password }\n    encryption: { certificate: client.pem, key: client.key }\n";
    let configuration = loaded(&folder, said).unwrap_or_else(|error| panic!("{error}"));
    let identities = &configuration.routes[0].identities;
    let subjects: Vec<&str> = identities.iter().map(|identity| identity.certificate.subject()).collect();
    assert_eq!(subjects.len(), 3);
    assert!(
        subjects[0].contains("server") && subjects[1] == "CN=below" && subjects[2].contains("client"),
        "{subjects:?}"
    );
    let tenures: Vec<Tenure> = identities.iter().map(|identity| identity.tenure).collect();
    assert_eq!(tenures, [Tenure::ALWAYS, Tenure::ALWAYS, Tenure::OPENS]);
    for tls in ["pfx: legacy.pfx, password: pässword", "pfx: windows.pfx", "pfx: windows.pfx, password: ''"] {
        let text = MUTUAL.replacen("127.0.0.1:0\n", &format!("127.0.0.1:0\n    tls: {{ {tls} }}\n"), 1);
        let said = "    certificates: [{ pfx: windows.pfx }]\n";
        let configuration = load(&folder, &format!("{text}{said}")).unwrap_or_else(|error| panic!("{tls}: {error}"));
        assert!(!configuration.listeners[0].is_clear());
    }
}

#[test]
fn certificates_have_their_times() {
    let said = "    certificates:\n      - { certificate: server.pem, key: server.key, retire: 2027-06-01T00:00:00Z }\n      \
                - { pfx: windows.pfx, activate: 2027-05-01T00:00:00Z }\n";
    let configuration = loaded(&folder("times"), said).unwrap_or_else(|error| panic!("{error}"));
    let tenures: Vec<Tenure> = configuration.routes[0].identities.iter().map(|identity| identity.tenure).collect();
    let retire = Time::parse("2027-06-01T00:00:00Z");
    assert_eq!(tenures[0], Tenure { activate: Tenure::ALWAYS.activate, retire });
    assert_eq!(tenures[1], Tenure { activate: Time::parse("2027-05-01T00:00:00Z"), retire: None });
    assert!(retire.is_some());
}

#[test]
fn what_is_wrong_with_certificates_is_refused() {
    let folder = folder("wrong");
    for (said, refusal) in [
        ("    certificates: []\n", "8: `certificates` is empty: nothing could be encrypted to the service"),
        ("    certificates: [{}]\n", "8: a certificate says either `certificate` or `pfx`"),
        ("    certificates: [{ key: server.key }]\n", "8: `key` is there without `certificate`"),
        ("    certificates: [{ certificate: server.pem }]\n", "8: `certificate` is there without `key`"),
        (
            "    certificates: [{ certificate: server.pem, pfx: modern.pfx }]\n",
            "8: a certificate says either `certificate` or `pfx`",
        ),
        (
            "    certificates: [{ certificate: server.pem, key: server.key, password: x }]\n",
            "8: `password` is there without `pfx`",
        ),
        ("    certificates: [{ password_file: password }]\n", "8: `password_file` is there without `pfx`"),
        (
            "    certificates: [{ pfx: modern.pfx, password: x, password_file: password }]\n",
            "8: a certificate says either `password` or `password_file`",
        ),
        (
            "    certificates:\n      - pfx: modern.pfx\n        password: x\n",
            "9: modern.pfx: the password is not that of the file",
        ),
        ("    certificates: [{ pfx: no-key.pfx, password: test }]\n", "8: no-key.pfx: there are 0 private keys in it"),
        ("    certificates: [{ pfx: server.pem }]\n", "8: server.pem: is not a sound PKCS #12 file"),
        ("    certificates: [{ pfx: none.pfx }]\n", "8: cannot read none.pfx: "),
        (
            "    certificates: [{ pfx: windows.pfx }]\n    certificate: server.pem\n    key: server.key\n",
            "8: a route says either `certificate` or `certificates`",
        ),
        (
            "    certificates: [{ pfx: windows.pfx }, { pfx: windows.pfx }]\n",
            "8: certificate \"CN=below\" is there twice",
        ),
        (
            "    certificates:\n      - pfx: windows.pfx\n        activate: tomorrow\n",
            "10: \"tomorrow\" is not a date and a time, such as 2027-01-01T00:00:00Z",
        ),
        (
            "    certificates:\n      - pfx: windows.pfx\n        activate: 2027-05-01T00:00:00Z\n        retire: 2027-05-01T00:00:00Z\n",
            "11: the certificate is retired before it is active",
        ),
        ("    encryption: { pfx: windows.pfx }\n", "8: `encryption` is there without `certificate`"),
    ] {
        let error = loaded(&folder, said).map(drop).expect_err(refusal);
        assert!(error.starts_with(refusal), "\n{error}\n is not\n{refusal}");
    }
    let text = MUTUAL.replacen("127.0.0.1:0\n", "127.0.0.1:0\n    tls: {}\n", 1);
    let error = load(&folder, &text).map(drop).unwrap_err();
    assert_eq!(error, "2: a listener's `tls` says either `certificate` or `pfx`");
}
