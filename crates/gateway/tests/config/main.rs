//! Configurations: the examples are read, what is wrong is refused with file, line and reason.

// A test's helpers fail as its tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod examples;
mod refused;
mod taken;

use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A folder with the test keys, and files of its own.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    for key in ["server.pem", "server.key", "client.pem"] {
        std::fs::copy(repository().join("tests/keys").join(key), folder.join(key)).unwrap();
    }
    for wsdl in std::fs::read_dir(repository().join("crates/policy/tests/data")).unwrap() {
        let wsdl = wsdl.unwrap();
        std::fs::copy(wsdl.path(), folder.join(wsdl.file_name())).unwrap();
    }
    std::fs::write(folder.join("empty.pem"), "nothing").unwrap();
    let over_transport = std::fs::read_to_string(folder.join("wcf-over-transport.wsdl")).unwrap();
    assert!(over_transport.contains("<sp:WssUsernameToken10/>"));
    let hashed = over_transport.replace("<sp:WssUsernameToken10/>", "<sp:HashPassword/><sp:WssUsernameToken10/>");
    std::fs::write(folder.join("hashed.wsdl"), hashed).unwrap();
    let endorsing = over_transport
        .replace("<sp:WssUsernameToken10/>", "<sp:NoPassword/><sp:WssUsernameToken10/>")
        .replace("sp:SignedSupportingTokens", "sp:EndorsingSupportingTokens");
    assert!(endorsing.contains("</sp:EndorsingSupportingTokens>"));
    std::fs::write(folder.join("endorsing.wsdl"), endorsing).unwrap();
    folder
}

const SOUND: &str = "\
listeners:
  - address: 127.0.0.1:0
    tls: { certificate: server.pem, key: server.key }
routes:
  - path: /echo
    backend: http://127.0.0.1:9000/echo
    preset: wcf-ws2007-userNameOverTransport
    users:
      - name: alice
        password: wonderland-1865
";

// Lines of it, for others to be put in their places.
const USER: &str = "      - name: alice\n        password: wonderland-1865\n";
const TLS: &str = "    tls: { certificate: server.pem, key: server.key }\n";
const BACKEND: &str = "    backend: http://127.0.0.1:9000/echo\n";
const PRESET: &str = "    preset: wcf-ws2007-userNameOverTransport\n";
const MUTUAL: &str = "    preset: wcf-wshttp-mutualCertificate\n";
