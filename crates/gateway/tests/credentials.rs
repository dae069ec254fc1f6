//! What a configuration says of certificates, keys and users: read as it is meant, refused with line and reason.

// A test's helpers fail as its tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};

use nuncio::config::Configuration;
use nuncio_crypto::trust::Ways;
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

const USERS: &str = "\
listeners:
  - address: 127.0.0.1:0
    tls: { certificate: server.pem, key: server.key }
routes:
  - path: /echo
    backend: http://127.0.0.1:9000/echo
    preset: wcf-ws2007-userNameOverTransport
";

const HASH: &str = "$2y$10$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

#[test]
fn users_are_named_or_stand_in_a_file_and_have_roles() {
    let folder = folder("users");
    std::fs::write(folder.join("users"), format!("# all\nbob:{HASH}:reader,writer\ncarol:{HASH}\n")).unwrap();
    let said = "    users: [{ name: alice, password: x, roles: [admin] }]\n    user_file: users\n";
    let configuration = load(&folder, &format!("{USERS}{said}")).unwrap_or_else(|error| panic!("{error}"));
    let users = &configuration.routes[0].users;
    let roles = ["alice", "bob", "carol", "dave"].map(|name| users.roles(name).join(","));
    assert_eq!(roles, ["admin", "reader,writer", "", ""]);
}

#[test]
fn what_is_wrong_with_users_is_refused() {
    let folder = folder("wrong-users");
    let data = repository().join("crates/policy/tests/data/wcf-over-transport.wsdl");
    let hashed = std::fs::read_to_string(data).unwrap();
    let hashed = hashed.replace("<sp:WssUsernameToken10/>", "<sp:HashPassword/><sp:WssUsernameToken10/>");
    std::fs::write(folder.join("hashed.wsdl"), hashed).unwrap();
    let file = "    user_file: users\n";
    let alice = "    users: [{ name: alice, password: x }]\n";
    for (said, users, refusal) in [
        (file, "\nalice:$apr1$abcdefgh$x\n", "users:2: user \"alice\": MD5 is guessed at in no time"),
        (file, "alice:wonderland-1865\n", "users:1: user \"alice\": it is no hash of bcrypt"),
        (file, "alice\n", "users:1: it is not `name:hash`"),
        (&*format!("{alice}{file}"), &*format!("alice:{HASH}\n"), "9: user \"alice\" is there twice"),
        ("    user_file: none\n", "", "8: cannot read none: "),
        ("    users: [{ name: a, password: x, roles: [' b'] }]\n", "", "8: \" b\" is no role"),
    ] {
        std::fs::write(folder.join("users"), users).unwrap();
        let error = load(&folder, &format!("{USERS}{said}")).map(drop).expect_err(refusal);
        assert!(error.starts_with(refusal), "\n{error}\n is not\n{refusal}");
    }
    std::fs::write(folder.join("users"), "").unwrap();
    let text = USERS.replace("preset: wcf-ws2007-userNameOverTransport", "wsdl: hashed.wsdl\n    port: Basic");
    let error = load(&folder, &format!("{text}{file}")).map(drop).unwrap_err();
    assert_eq!(
        error,
        "9: the policy needs passwords that can be read again, and a `user_file` has hashes: name them in `users`"
    );
}

const TRUSTING: &str = "\
listeners:
  - address: 127.0.0.1:0
routes:
  - path: /echo
    backend: http://127.0.0.1:9000/echo
    preset: wcf-wshttp-mutualCertificate
    certificate: server.pem
    key: server.key
";

#[test]
fn trust_is_a_list_or_is_said_at_length() {
    let folder = folder("trust");
    let brief =
        load(&folder, &format!("{TRUSTING}    trust: [client.pem]\n")).unwrap_or_else(|error| panic!("{error}"));
    let settings = &brief.routes[0].trust;
    assert_eq!((settings.certificates.len(), settings.ways), (1, Ways::PeerOrChain));
    assert!(settings.revocation.is_none() && settings.allow.is_empty());
    let said = "    trust:
      certificates: [client.pem]
      thumbprints: ['00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13']
      mode: ChainTrust
      intermediates: [server.pem]
      depth: 1
      extended_key_usage: [clientAuth, 1.3.6.1.4.1.311.20.2.2]
      crls: off
      subjects: { allow: ['CN=*, O=Acme', 'DNS:*.acme.example'], deny: ['OU=Guests'] }
      issuers: ['O=Acme']
";
    let long = load(&folder, &format!("{TRUSTING}{said}")).unwrap_or_else(|error| panic!("{error}"));
    let settings = &long.routes[0].trust;
    assert_eq!((settings.certificates.len(), settings.thumbprints.len(), settings.ways), (1, 1, Ways::Chain));
    assert_eq!((settings.intermediates.len(), settings.depth), (1, Some(1)));
    assert_eq!(settings.purposes, ["1.3.6.1.5.5.7.3.2", "1.3.6.1.4.1.311.20.2.2"]);
    assert_eq!((settings.allow.len(), settings.deny.len(), settings.issuers.len()), (2, 1, 1));
    assert!(settings.revocation.is_none());
    // Lists that are asked for, and of which there is none, are not the same as lists that are off.
    let none = load(&folder, &format!("{TRUSTING}    trust: {{ certificates: [client.pem], crls: [] }}\n")).unwrap();
    assert!(none.routes[0].trust.revocation.as_ref().is_some_and(Vec::is_empty));
}

#[test]
fn what_is_wrong_with_trust_is_refused() {
    let folder = folder("wrong-trust");
    for (said, refusal) in [
        ("trust: client.pem", "9: invalid type: string \"client.pem\", expected a list of files, or a mapping"),
        ("trust: {}", "6: the policy admits clients by certificate, and `trust` names none: anybody's would do"),
        ("trust: { roots: [client.pem] }", "9: unknown field `roots`"),
        ("trust: { thumbprints: ['00:01'] }", "9: \"00:01\" is no thumbprint"),
        ("trust: { certificates: [client.pem], depth: 8 }", "9: a chain has at most 7 authorities"),
        ("trust: { certificates: [client.pem], mode: NoTrust }", "9: unknown variant `NoTrust`"),
        (
            "trust: { certificates: [client.pem], extended_key_usage: [client] }",
            "9: \"client\" is no extended key usage",
        ),
        ("trust: { certificates: [client.pem], crls: maybe }", "9: \"maybe\" is neither a list nor `off`"),
        ("trust: { certificates: [client.pem], crls: [client.pem] }", "9: client.pem: there is no revocation list"),
        ("trust: { certificates: [client.pem], crls: [none.crl] }", "9: cannot read none.crl: "),
        (
            "trust: { certificates: [client.pem], subjects: { allow: [Acme] } }",
            "9: \"Acme\" is neither a distinguished name",
        ),
        ("trust: { certificates: [client.pem], issuers: ['DNS:a'] }", "9: \"DNS:a\" is no distinguished name"),
    ] {
        let error = load(&folder, &format!("{TRUSTING}    {said}\n")).map(drop).expect_err(refusal);
        assert!(error.starts_with(refusal), "\n{error}\n is not\n{refusal}");
    }
}
