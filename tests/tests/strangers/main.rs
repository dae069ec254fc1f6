//! Strangers read what we seal: a program of lxml's canonicalisation and cryptography's algorithms, which shares nothing
//! with us, resolves every reference, decrypts, verifies and holds each message to what its policy's model says; xmlsec1
//! decrypts and verifies what it can. The programs are in `tests/strangers`.
//!
//! Our two ends talk under every binding, suite and order of protection; what they say goes to a folder below the target
//! directory, with copies of which one octet was changed: the strangers must find each of those, and nothing else, bad.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

mod expected;
mod hidden;
mod misjudged;
mod referred;
mod shapes;
mod supported;
mod talk;

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;

use expected::Expected;
use misjudged::MISJUDGED;
use nuncio_tests::peers;
use serde::Serialize;
use shapes::{Shape, shapes};
use talk::{PARTIES, TAMPERED, Talk};

#[derive(Serialize)]
struct Manifest {
    parties: Vec<Party>,
    users: HashMap<&'static str, &'static str>,
    conversations: Vec<Vec<Expected>>,
    xmlsec1: bool,
}

#[derive(Serialize)]
struct Party {
    who: &'static str,
    certificate: PathBuf,
    key: PathBuf,
}

/// A Python that has what the stranger is made of.
fn python() -> Option<&'static str> {
    ["python3", "/usr/bin/python3"].into_iter().find(|python| {
        let imports = Command::new(python).args(["-c", "import lxml.etree, cryptography"]).output();
        imports.is_ok_and(|output| output.status.success())
    })
}

#[test]
fn strangers_verify_and_decrypt_what_we_seal() {
    let Some(python) = python() else {
        return peers::skip("strangers", "there is no Python with lxml and cryptography");
    };
    let xmlsec1 = Command::new("xmlsec1").arg("--version").output().is_ok();
    if !xmlsec1 {
        peers::skip("strangers, xmlsec1", "xmlsec1 is missing");
    }
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("strangers");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let shapes = shapes();
    let conversations: Vec<_> =
        shapes.iter().enumerate().map(|(number, shape)| Talk::new(shape, number, &folder).run()).collect();
    let messages: Vec<_> = conversations.iter().flatten().cloned().collect();
    let parties = PARTIES.map(|(who, owner)| Party {
        who,
        certificate: peers::key(&format!("{owner}.pem")),
        key: peers::key(&format!("{owner}.key")),
    });
    let users = HashMap::from([(peers::USER, peers::PASSWORD)]);
    let manifest = Manifest { parties: parties.into(), users, conversations, xmlsec1 };
    std::fs::write(folder.join("manifest.json"), serde_json::to_vec(&manifest).unwrap()).unwrap();

    let said = peers::run(Command::new(python).arg("-B").arg(peers::here("strangers/verify.py")).arg(&folder)).unwrap();
    std::fs::write(folder.join("said.txt"), &said).unwrap();
    let lines: Vec<_> = said.lines().collect();
    judge(&lines, &messages);
    if xmlsec1 {
        judge_alone(&lines, &shapes);
    }
}

fn judge(lines: &[&str], messages: &[Expected]) {
    let wrong = lines.iter().zip(messages).filter(|(line, message)| !is_right(line, message));
    let wrong: Vec<_> = wrong.map(|(line, _)| *line).collect();
    let shown = wrong[..wrong.len().min(20)].join("\n");
    assert!(wrong.is_empty(), "{} of {} messages are not found as they are:\n{shown}", wrong.len(), messages.len());

    let bad = messages.iter().filter(|message| is_meant_bad(message)).count();
    let good = messages.len() - bad;
    assert_eq!(lines.last(), Some(&format!("total: {good} good, {bad} bad").as_str()));
    assert!(good > 1000 && bad > 1000, "{good} and {bad} are too few");
}

fn is_meant_bad(message: &Expected) -> bool {
    [TAMPERED, MISJUDGED].iter().any(|how| message.name.starts_with(how))
}

/// A message that is as it was sealed is good; one that was changed is bad for the protection's sake, not for its shape's.
fn is_right(line: &str, message: &Expected) -> bool {
    if !is_meant_bad(message) {
        return line.strip_prefix("good ") == Some(&message.name);
    }
    let what = line.strip_prefix("bad ").and_then(|line| line.strip_prefix(&message.name));
    let defences = [
        "the digest of",
        "the signature's value",
        "the padding",
        "what was decrypted is",
        "the ciphertext is not authentic",
    ];
    what.is_some_and(|what| {
        message.name.starts_with(MISJUDGED) || defences.iter().any(|defence| what.contains(defence))
    })
}

/// xmlsec1 verified under every binding and suite, decrypted wherever there is what is encrypted, and unwrapped wherever what
/// was wrapped encrypts.
fn judge_alone(lines: &[&str], shapes: &[Shape]) {
    let bad: Vec<_> = lines.iter().filter(|line| line.starts_with("xmlsec1 bad")).collect();
    assert!(bad.is_empty(), "{bad:#?}");
    let done = |what: &str, shape: &Shape| {
        lines.iter().any(|line| line.starts_with(&format!("xmlsec1 {what} ")) && line.ends_with(&shape.name))
    };
    for shape in shapes.iter().filter(|shape| shape.alone) {
        assert!(done("verified", shape), "{}", shape.name);
        assert_eq!(done("decrypted", shape), !shape.over_transport(), "{}", shape.name);
        assert_eq!(done("unwrapped", shape), shape.wraps_what_encrypts(), "{}", shape.name);
        assert_eq!(done("refused", shape), shape.name.contains(", Basic256,"), "{}", shape.name);
    }
}
