//! Certificates and keys to develop with: what is written, that others take it, and that nothing is written over.

// A test's helpers fail as its tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod program;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::key::PrivateKey;
use nuncio_crypto::trust::Trust;
use program::{Running, nuncio, port};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};

/// A folder that is not there yet.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("keys").join(name);
    // What an earlier run left may be a file.
    let _ = std::fs::remove_dir_all(&folder).or_else(|_| std::fs::remove_file(&folder));
    folder
}

fn keys(out: &Path, more: &[&str]) -> Output {
    nuncio().arg("keys").arg("--out").arg(out).args(more).output().unwrap()
}

fn errors(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn certificate(file: &Path) -> Certificate {
    let [certificate] = &Certificate::from_pem(&std::fs::read(file).unwrap()).unwrap()[..] else { panic!("one") };
    certificate.clone()
}

fn now() -> i64 {
    i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap()
}

#[test]
fn what_is_written_is_told_and_keys_are_their_owners() {
    let out = folder("written");
    let output = keys(&out, &["--client", "alice", "--client", "bob.smith"]);
    assert_eq!(errors(&output), (Some(0), String::new()));
    let told = String::from_utf8(output.stdout).unwrap();
    let mut there: Vec<_> = std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path()).collect();
    there.sort();
    let names: Vec<_> = there.iter().map(|file| file.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(
        names,
        ["alice.key", "alice.pem", "authority.pem", "bob.smith.key", "bob.smith.pem", "service.key", "service.pem"],
        "the authority's key is not kept"
    );
    for file in &there {
        assert!(told.contains(&format!("{}  ", file.display())), "{}: {told}", file.display());
        let mode = std::fs::metadata(file).unwrap().permissions().mode() & 0o777;
        let key = file.extension().unwrap() == "key";
        assert!(if key { mode == 0o600 } else { mode & !0o644 == 0 }, "{}: {mode:o}", file.display());
    }
    for command in ["nuncio proxy --listen https://", "--trust", "curl --cacert"] {
        assert!(told.contains(command), "{command}: {told}");
    }
}

/// What WCF and WSS4J look for in a certificate is there, and each is under the authority.
#[test]
fn certificates_are_good_for_messages() {
    let out = folder("facts");
    assert!(keys(&out, &["--client", "alice", "--days", "30"]).status.success());
    let authority = certificate(&out.join("authority.pem"));
    assert!(authority.is_authority() && !authority.may_sign() && !authority.may_encipher_keys());
    let trust = Trust::new(vec![authority.clone()]).unwrap();
    for name in ["service", "alice"] {
        let own = certificate(&out.join(name).with_extension("pem"));
        assert!(own.may_sign() && own.may_encipher_keys() && !own.is_authority(), "{name}");
        assert_eq!(own.subject_key_identifier().unwrap().len(), 20, "{name}");
        assert_eq!(own.public_key().rsa_bits(), Some(2048), "{name}");
        assert_eq!(trust.check(&own, &[], now()), Ok(()), "{name}");
        assert!(!own.valid_at(now() + 31 * 24 * 3600) && own.valid_at(now() + 29 * 24 * 3600), "{name}");
        let key = PrivateKey::from_pem(&std::fs::read(out.join(name).with_extension("key")).unwrap()).unwrap();
        assert!(key.matches(&own), "{name}");
    }
}

/// OpenSSL takes each for its purpose, and for no other.
#[test]
fn openssl_verifies_them() {
    let out = folder("openssl");
    assert!(
        keys(
            &out,
            &["--name", "echo.example", "--name", "*.below.example", "--name", "192.0.2.7", "--client", "alice"]
        )
        .status
        .success()
    );
    let verify = |file: &str, more: &[&str]| {
        let mut command = Command::new("openssl");
        command.args(["verify", "-x509_strict", "-CAfile"]).arg(out.join("authority.pem")).args(more);
        command.arg(out.join(file)).output().unwrap().status.success()
    };
    for (file, more, good) in [
        ("service.pem", &["-purpose", "sslserver", "-verify_hostname", "echo.example"][..], true),
        ("service.pem", &["-purpose", "sslserver", "-verify_hostname", "a.below.example"], true),
        ("service.pem", &["-purpose", "sslserver", "-verify_ip", "192.0.2.7"], true),
        ("service.pem", &["-purpose", "sslserver", "-verify_hostname", "other.example"], false),
        ("service.pem", &["-purpose", "sslclient"], false),
        ("alice.pem", &["-purpose", "sslclient"], true),
        ("alice.pem", &["-purpose", "sslserver"], false),
    ] {
        assert_eq!(verify(file, more), good, "{file} {more:?}");
    }
}

#[test]
fn nothing_is_written_over_unless_it_is_said() {
    let out = folder("over");
    assert!(keys(&out, &[]).status.success());
    let first = std::fs::read(out.join("service.key")).unwrap();
    let there = format!("nuncio: {} is there already: --force writes over it\n", out.join("authority.pem").display());
    assert_eq!(errors(&keys(&out, &["--client", "alice"])), (Some(1), there));
    assert_eq!(std::fs::read(out.join("service.key")).unwrap(), first);
    assert!(!out.join("alice.pem").exists(), "nothing is written where not all is");
    // One of the files is enough, and it is not followed.
    std::fs::remove_file(out.join("authority.pem")).unwrap();
    std::fs::remove_file(out.join("service.pem")).unwrap();
    std::fs::remove_file(out.join("service.key")).unwrap();
    std::os::unix::fs::symlink("nowhere", out.join("service.key")).unwrap();
    assert_eq!(errors(&keys(&out, &[])).0, Some(1));
    assert!(keys(&out, &["--force"]).status.success());
    let key = std::fs::symlink_metadata(out.join("service.key")).unwrap();
    assert!(key.is_file() && key.permissions().mode() & 0o777 == 0o600);
    // A file that others could read before cannot be read now.
    std::fs::set_permissions(out.join("service.key"), PermissionsExt::from_mode(0o644)).unwrap();
    assert!(keys(&out, &["--force"]).status.success());
    let mode = std::fs::metadata(out.join("service.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn names_that_are_none_are_refused() {
    let out = folder("names");
    for (flags, why) in [
        (&["--name", "https://localhost"][..], "it is not a host's name or address, without scheme and port"),
        (&["--name", "localhost:8443"], "it is not a host's name or address"),
        (&["--name", "*.127.0.0.1"], "an address has no names below it"),
        (&["--name", ""], "it is not a host's name"),
        (&["--client", "../alice"], "it is not of letters, digits"),
        (&["--client", ".alice"], "it is not of letters, digits"),
        (&["--client", ""], "it is not of letters, digits"),
        (&["--client", "service"], "the authority and the service have files of that name"),
        (&["--days", "0"], "0 is not in 1..=36500"),
    ] {
        let (status, said) = errors(&keys(&out, flags));
        assert!(status == Some(2) && said.contains(why), "{flags:?}: {said}");
    }
    let twice = (Some(1), "nuncio: --client: \"Alice\" is there twice\n".to_owned());
    assert_eq!(errors(&keys(&out, &["--client", "alice", "--client", "Alice"])), twice);
    assert!(!out.exists());
    std::fs::write(&out, "a file").unwrap();
    let (status, said) = errors(&keys(&out, &[]));
    assert!(status == Some(1) && said.starts_with(&format!("nuncio: cannot write {}: ", out.display())), "{said}");
}

/// A gateway serves with them, to a client that trusts the authority alone.
#[test]
fn a_gateway_serves_with_them() {
    let out = folder("serves");
    assert!(keys(&out, &[]).status.success());
    let port = port();
    let mut command = nuncio();
    command.args(["proxy", "--backend", "http://127.0.0.1:9/", "--user", "alice:wonderland-1865"]);
    command.args(["--preset", "wcf-ws2007-userNameOverTransport", "--listen", &format!("https://127.0.0.1:{port}")]);
    command.arg("--certificate").arg(out.join("service.pem")).arg("--key").arg(out.join("service.key"));
    let running = Running::start(command);
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(out.join("authority.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(builder.with_root_certificates(roots).with_no_client_auth());
    for name in ["localhost", "127.0.0.1", "::1"] {
        let connection = ClientConnection::new(Arc::clone(&config), ServerName::try_from(name).unwrap()).unwrap();
        let mut stream = StreamOwned::new(connection, TcpStream::connect(("127.0.0.1", port)).unwrap());
        let host = if name.contains(':') { format!("[{name}]") } else { name.to_owned() };
        write!(stream, "GET /nothing HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 405 "), "{name}: {answer}");
    }
    assert_eq!(running.stop(), Some(0));
}

/// Each key with its certificate and the authority's in one file, which OpenSSL opens under the password and no other.
#[test]
fn keys_are_packed_under_a_password() {
    let out = folder("pfx");
    std::fs::create_dir_all(&out).unwrap();
    let password = out.join("password");
    for (text, why) in
        [("", "does not have one line"), ("\n", "does not have one line"), ("a\nb\n", "does not have one line")]
    {
        std::fs::write(&password, text).unwrap();
        let (status, said) = errors(&keys(&out, &["--pfx", password.to_str().unwrap()]));
        assert!(status == Some(1) && said.contains(why) && !out.join("service.key").exists(), "{text:?}: {said}");
    }
    let (status, said) = errors(&keys(&out, &["--pfx", "none"]));
    assert!(status == Some(1) && said.starts_with("nuncio: --pfx: cannot read none: "), "{said}");
    std::fs::write(&password, "wonderland-1865\n").unwrap();
    let output = keys(&out, &["--client", "alice", "--pfx", password.to_str().unwrap()]);
    assert_eq!(errors(&output), (Some(0), String::new()));
    assert!(!String::from_utf8_lossy(&output.stdout).contains("1865"));
    for name in ["service", "alice"] {
        let pfx = out.join(name).with_extension("pfx");
        assert_eq!(std::fs::metadata(&pfx).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
        let read = |password: &str| {
            let mut command = Command::new("openssl");
            command
                .args(["pkcs12", "-nodes", "-passin", &format!("pass:{password}"), "-in"])
                .arg(&pfx)
                .output()
                .unwrap()
        };
        assert!(!read("wonderland-1866").status.success(), "{name}");
        let unpacked = read("wonderland-1865");
        assert!(unpacked.status.success(), "{name}: {}", String::from_utf8_lossy(&unpacked.stderr));
        let chain = Certificate::from_pem(&unpacked.stdout).unwrap();
        let own = certificate(&out.join(name).with_extension("pem"));
        assert!(chain == [own.clone(), certificate(&out.join("authority.pem"))], "{name}: {chain:?}");
        assert!(PrivateKey::from_pem(&unpacked.stdout).unwrap().matches(&own), "{name}");
    }
}

/// A ring is its owner's, another each time, never told, and not written over unless it is said.
#[test]
fn a_ring_is_made_for_those_who_share_conversations() {
    let out = folder("ring");
    std::fs::create_dir_all(&out).unwrap();
    let file = out.join("keys.yaml");
    let make = |more: &[&str]| nuncio().args(["keys", "--ring"]).arg(&file).args(more).output().unwrap();
    let output = make(&[]);
    assert_eq!(errors(&output), (Some(0), String::new()));
    let first = std::fs::read(&file).unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(nuncio::keyring::read("keys.yaml", &first).is_ok());
    let text = String::from_utf8(first.clone()).unwrap();
    let key = text.lines().find_map(|line| line.trim().strip_prefix("key: ")).unwrap();
    assert!(!String::from_utf8(output.stdout).unwrap().contains(key));

    let (status, said) = errors(&make(&[]));
    assert!(status == Some(1) && said.contains("is there already: --force writes over it"), "{said}");
    assert_eq!(std::fs::read(&file).unwrap(), first);
    assert_eq!(errors(&make(&["--force"])).0, Some(0));
    assert_ne!(std::fs::read(&file).unwrap(), first);
    assert_eq!(errors(&make(&["--out", "x"])).0, Some(2), "one or the other");
}
