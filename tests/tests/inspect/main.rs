//! `nuncio inspect`, run as an operator runs it: over every recorded message, and over messages in which something is wrong.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail the test")]

mod answers;
mod broken;
mod broken_answers;
mod egress;
mod heads;
mod limits;
mod recorded;
mod routes;
mod secrets;
mod spoken;
mod wanting;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use nuncio_tests::http::HttpMessage;
use nuncio_tests::process;
use nuncio_tests::recording::Scenario;
use serde_json::Value;

/// What was told, as text or as JSON, and how it ended.
pub(crate) struct Told {
    pub(crate) status: Option<i32>,
    pub(crate) out: String,
    pub(crate) error: String,
}

impl Told {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

/// Runs it over a capture on standard input.
pub(crate) fn inspect(capture: &[u8], arguments: &[String]) -> Told {
    let mut command = Command::new(process::program().unwrap());
    command.arg("inspect").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        // It may end before it has read all of it.
        scope.spawn(move || input.write_all(capture));
        let output = child.wait_with_output().unwrap();
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
        assert!(!err.contains("panicked"), "{arguments:?}: {err}");
        let error = err.into_owned();
        Told { status: output.status.code(), out: if out.is_empty() { error.clone() } else { out }, error }
    })
}

/// A message as it went over the wire.
pub(crate) fn octets(message: &HttpMessage) -> Vec<u8> {
    let mut octets = format!("{}\r\n", message.start_line).into_bytes();
    for (name, value) in &message.headers {
        // Its coding was taken off, and its length may be another by now.
        if !["transfer-encoding", "content-length"].contains(&name.to_ascii_lowercase().as_str()) {
            octets.extend(format!("{name}: {value}\r\n").into_bytes());
        }
    }
    octets.extend(format!("Content-Length: {}\r\n\r\n", message.body.len()).into_bytes());
    octets.extend(&message.body);
    octets
}

pub(crate) fn arguments(all: &[&str]) -> Vec<String> {
    all.iter().map(|argument| (*argument).to_owned()).collect()
}

/// The files of a scenario, in a folder of their own.
pub(crate) struct Files(PathBuf);

impl Files {
    pub(crate) fn of(scenario: &Scenario) -> Self {
        // Tests that run at once have folders of their own.
        static FOLDERS: AtomicUsize = AtomicUsize::new(0);
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed).to_string();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("inspect").join(number).join(&scenario.name);
        std::fs::create_dir_all(&folder).unwrap();
        let write = |name: &str, octets: &[u8]| std::fs::write(folder.join(name), octets).unwrap();
        let certificates = &scenario.meta.certificates;
        write("service.pem", certificates.service.certificate_pem.as_bytes());
        write("service.key", certificates.service.private_key_pem.as_bytes());
        if let Some(client) = &certificates.client {
            write("client.pem", client.certificate_pem.as_bytes());
            write("client.key", client.private_key_pem.as_bytes());
        }
        for (name, octets) in [("wsdl.xml", &scenario.wsdl), ("policy.xml", &scenario.policy)] {
            if let Some(octets) = octets {
                write(name, octets);
            }
        }
        Self(folder)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    /// A captured message as a file.
    pub(crate) fn capture(&self, name: &str, message: &HttpMessage) -> String {
        std::fs::write(self.0.join(name), octets(message)).unwrap();
        self.path(name)
    }

    /// All keys of a recording.
    pub(crate) fn keys(&self, scenario: &Scenario) -> Vec<String> {
        let mut all = vec!["--certificate".into(), self.path("service.pem"), "--key".into(), self.path("service.key")];
        if scenario.meta.certificates.client.is_some() {
            all.extend(["--trust".into(), self.path("client.pem")]);
            all.extend(["--client-certificate".into(), self.path("client.pem")]);
            all.extend(["--client-key".into(), self.path("client.key")]);
        }
        for (user, password) in scenario.meta.users() {
            all.extend(["--user".into(), format!("{user}:{password}")]);
        }
        for context in &scenario.keys.security_context_tokens {
            let instance = context.instance.as_ref().map(|instance| format!(" {instance}")).unwrap_or_default();
            let key = base64_simd::STANDARD.encode_to_string(&context.key);
            all.extend(["--context".into(), format!("{}{instance}={key}", context.identifier)]);
        }
        all
    }

    /// Its policy.
    pub(crate) fn policy(&self, scenario: &Scenario) -> Vec<String> {
        match scenario.policy {
            Some(_) => vec!["--policy".into(), self.path("policy.xml")],
            None => vec!["--wsdl".into(), self.path("wsdl.xml")],
        }
    }
}
