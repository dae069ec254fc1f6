//! Policies as public repositories have them, where the folder with them is: each is read, and gives the line that the
//! table has for it.
//!
//! A line tells what the file compiles to, or the assertion of a later feature that it waits for, or what is wrong with
//! it. Of a file with ports it is the ports' effective policies; where a port cannot be told without another file, or there
//! is no port, it is the policies one by one. What several have in common stands once, with their number.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::collections::BTreeSet;
use std::path::PathBuf;

use nuncio_policy::bare::{self, Says};
use nuncio_policy::model::{Binding, Operation, Parts, Policy, Port, SupportingToken, Token};
use nuncio_policy::{PolicyError, wsdl};

mod field {
    pub(crate) mod table;
}
use field::table::TABLE;

/// The folder of recordings and policies, or nothing where it is not there.
fn vectors() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skip: {} is not there", folder.display());
    None
}

#[test]
fn every_policy_of_the_field_gives_its_line() {
    let Some(folder) = vectors() else { return };
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder.join("policies/wsdl")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let found: Vec<(String, String)> = paths
        .iter()
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let line = line(&name, &std::fs::read(path).unwrap());
            (name, line)
        })
        .collect();
    for (name, line) in &found {
        let expected = TABLE.iter().find(|row| row.0 == name).map(|row| row.1);
        assert_eq!(expected, Some(line.as_str()), "{name}");
    }
    assert_eq!(found.len(), TABLE.len(), "every row is of a file");
}

#[test]
fn every_recorded_contract_is_read() {
    let Some(folder) = vectors() else { return };
    let mut read = 0;
    let mut later = BTreeSet::new();
    for kind in ["wcf", "wse-twin", "dotnet10", "duplex"] {
        for scenario in std::fs::read_dir(folder.join(kind)).unwrap() {
            let path = scenario.unwrap().path().join("wsdl.xml");
            let Ok(bytes) = std::fs::read(&path) else { continue };
            let contract = wsdl::read("wsdl.xml", &bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert!(contract.remarks.is_empty(), "{}: {:?}", path.display(), contract.remarks);
            for port in contract.ports {
                match port.alternatives {
                    Ok(_) => read += 1,
                    Err(error) => {
                        later.insert(feature(&error));
                    }
                }
            }
        }
    }
    assert!(read > 300, "{read} ports");
    let expected = ["OptimizedMimeSerialization", "SslContextToken", "soap/tcp"];
    assert_eq!(later.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

/// What an error waits for.
fn feature(error: &PolicyError) -> String {
    match error {
        PolicyError::NotBuilt { assertion, .. } => assertion.clone(),
        PolicyError::Transport { transport, .. } => transport.replace("http://schemas.microsoft.com/", ""),
        other => other.to_string(),
    }
}

/// The line that a file gives.
fn line(name: &str, bytes: &[u8]) -> String {
    let contract = match wsdl::read(name, bytes) {
        Ok(contract) => contract,
        Err(PolicyError::NoPort { .. } | PolicyError::NotAContract { .. }) => return policies(name, bytes),
        Err(error) => return plain(name, &error),
    };
    if contract.ports.iter().any(|port| matches!(port.alternatives, Err(PolicyError::Imported { .. }))) {
        return format!("in another file: {}", policies(name, bytes));
    }
    let remarks = contract.remarks.len();
    with_remarks(grouped(contract.ports.iter().map(|port| of_port(name, port))), remarks)
}

fn policies(name: &str, bytes: &[u8]) -> String {
    let listing = bare::list(name, bytes).unwrap();
    let lines = listing.policies.iter().map(|listed| match &listed.says {
        Ok(Says::Endpoint(alternatives)) => of_alternatives(alternatives),
        Ok(Says::Message(alternatives)) => match alternatives.as_slice() {
            [only] => of_message(&only.parts, &only.supporting),
            [first, more @ ..] => format!("{} or {} more", of_message(&first.parts, &first.supporting), more.len()),
            [] => panic!("a policy without alternatives"),
        },
        Err(error) => plain(name, error),
    });
    with_remarks(grouped(lines), listing.remarks.len())
}

fn with_remarks(line: String, remarks: usize) -> String {
    if remarks == 0 { line } else { format!("{line} [remarks: {remarks}]") }
}

/// Lines that are alike, but for the line number of an error, are told once.
fn grouped(lines: impl Iterator<Item = String>) -> String {
    let mut groups: Vec<(String, usize)> = Vec::new();
    let alike = |line: &str| line.trim_start_matches(|c: char| c.is_ascii_digit()).to_owned();
    for line in lines {
        match groups.iter_mut().find(|(first, _)| alike(first) == alike(&line)) {
            Some((_, count)) => *count += 1,
            None => groups.push((line, 1)),
        }
    }
    let told = groups.into_iter().map(|(line, count)| if count == 1 { line } else { format!("{count} × {line}") });
    told.collect::<Vec<_>>().join("; ")
}

/// An error with its line number and without the file's name, and with the names of assertions alone.
fn plain(name: &str, error: &PolicyError) -> String {
    let text = error.to_string().replace(&format!("{name}:"), "");
    let Some((before, rest)) = text.split_once(" (http") else { return text };
    let Some((_, after)) = rest.split_once(')') else { return text };
    format!("{before}{after}")
}

fn of_port(name: &str, port: &Port) -> String {
    match &port.alternatives {
        Ok(alternatives) => {
            let mut line = of_alternatives(alternatives);
            let messages = || port.operations.iter().flat_map(Operation::messages);
            if messages().any(|message| !message.protected) {
                line += ", some messages in clear";
            }
            if messages().flat_map(|message| &message.alternatives).any(|one| !one.supporting.is_empty()) {
                line += ", tokens of messages";
            }
            line
        }
        Err(error) => plain(name, error),
    }
}

fn of_alternatives(alternatives: &[Policy]) -> String {
    match alternatives {
        [] => "no security".to_owned(),
        [only] => of_policy(only),
        [first, ..] => format!("{} or {} more", of_policy(first), alternatives.len() - 1),
    }
}

fn of_policy(policy: &Policy) -> String {
    let (kind, tokens) = match &policy.binding {
        Binding::Transport(binding) if binding.client_certificate => ("transport by client certificate", String::new()),
        Binding::Transport(_) => ("transport", String::new()),
        Binding::Symmetric(binding) => ("symmetric", format!(", {}", word(&binding.protection))),
        Binding::Asymmetric(_) => ("asymmetric", String::new()),
    };
    let mut line = format!("{kind} {}{tokens}", policy.properties.suite.name);
    for token in &policy.supporting {
        line.push_str(", ");
        line.push_str(&supporting(token));
    }
    if policy.reliable.is_some() {
        line += ", reliable";
    }
    if policy.duplex {
        line += ", duplex";
    }
    line
}

fn supporting(token: &SupportingToken) -> String {
    let words = [
        (token.optional, "perhaps "),
        (token.signed, "signed "),
        (token.endorsing, "endorsing "),
        (token.encrypted, "encrypted "),
    ];
    let mut line: String = words.into_iter().filter_map(|(is, word)| is.then_some(word)).collect();
    line += &word(&token.token);
    line
}

fn word(token: &Token) -> String {
    match token {
        Token::X509(_) => "certificate".to_owned(),
        Token::Username(_) => "user name".to_owned(),
        Token::SecureConversation(token) => format!("conversation ({})", of_policy(&token.bootstrap)),
    }
}

fn of_message(parts: &Parts, tokens: &[SupportingToken]) -> String {
    let sets = [("signed", &parts.signed), ("encrypted", &parts.encrypted)];
    let elements = [
        ("signed", &parts.signed_elements),
        ("encrypted", &parts.encrypted_elements),
        ("encrypted within", &parts.content_encrypted_elements),
        ("required", &parts.required_elements),
    ];
    let mut words: Vec<String> = Vec::new();
    for (what, set) in sets {
        if set.body {
            words.push(format!("body {what}"));
        }
        if set.every_header {
            words.push(format!("every header {what}"));
        } else if !set.headers.is_empty() {
            words.push(format!("{} headers {what}", set.headers.len()));
        }
    }
    words.extend(
        elements.iter().flat_map(|(what, paths)| paths.iter().map(move |path| format!("{} {what}", path.text))),
    );
    if !parts.required.is_empty() {
        words.push(format!("{} headers required", parts.required.len()));
    }
    words.extend(tokens.iter().map(supporting));
    if words.is_empty() { "nothing".to_owned() } else { format!("messages: {}", words.join(", ")) }
}
