//! The Apache CXF peer (`tests/peers/cxf`): how it is run, and what a code says of the calls that are made under it.

pub mod codes;
pub mod door;
pub mod services;
pub mod table;

use std::path::Path;
use std::process::Command;

use crate::peers::{self, USER};
use crate::plain::Seen;

/// Echoes after the four calls that every client makes: echo, one that must bring a fault, one-way, echo.
pub const ROUNDS: usize = 3;

/// The subject of the client's test certificate, as RFC 2253 writes it.
const SUBJECT: &str = "CN=nuncio-test-client,O=Test only";

/// Whether it is TLS that protects.
pub fn over_transport(code: &str) -> bool {
    ["UT", "XT", "KT"].iter().any(|boot| code.starts_with(boot))
}

/// Whether users sign with keys of their passwords.
pub fn has_keys_of_passwords(code: &str) -> bool {
    code.starts_with("KT") || code.contains("with=K")
}

/// Whether there is no conversation.
pub fn per_message(code: &str) -> bool {
    code.split('+').any(|word| word == "one")
}

/// Whether its calls belong to a conversation: one that is only named proves nothing.
pub fn is_in_conversation(code: &str) -> bool {
    let kind = code.split('+').find_map(|word| word.strip_prefix("sct="));
    !per_message(code) && kind.is_none_or(|kind| kind.contains("Endorsing"))
}

/// Who the plain service is told that calls; nobody where the client is anonymous. A certificate that signs nothing proves
/// nothing. In a conversation it is who began it, whatever comes with its messages.
fn principal(code: &str) -> Option<&'static str> {
    let word = |name: &str| code.split('+').find_map(|word| word.strip_prefix(name));
    let further = word("with=").filter(|_| per_message(code)).unwrap_or_default();
    match code.split('+').next().unwrap_or_default() {
        // The user name comes with the request for the conversation.
        "UT" if !per_message(code) && !is_in_conversation(code) => None,
        "U" | "UT" | "KT" => Some(USER),
        _ if further.starts_with("U:") || further.starts_with('K') => Some(USER),
        "X" | "XT" if word("as=").is_some_and(|kind| !kind.contains("Endorsing")) => None,
        "X" | "X10" | "XT" => Some(SUBJECT),
        _ => Some(SUBJECT).filter(|_| further.contains("Endorsing")),
    }
}

/// What is wrong with what the plain service saw of so many clients that each make so many calls.
pub fn judge(code: &str, seen: &[Seen], calls: usize) -> Result<(), String> {
    if seen.len() != calls {
        return Err(format!("{code}: the plain service gets {} requests for {calls} calls", seen.len()));
    }
    for request in seen {
        let text = request.text();
        // What comes in clear comes from nobody.
        let clear = code.ends_with("+clear") && text.contains("Notify");
        let principal = principal(code).filter(|_| !clear);
        let told = request.header("x-nuncio-principal");
        if told != principal {
            return Err(format!("{code}: {told:?} in place of {principal:?}: {text}"));
        }
        if request.header("x-nuncio-conversation").is_some() != is_in_conversation(code) {
            return Err(format!("{code}: another conversation: {text}"));
        }
        if !request.is_plain() {
            return Err(format!("{code}: it is not plain: {text}"));
        }
    }
    Ok(())
}

/// The peer's class path; nothing, and a line that says why, where there is no Java to build it with.
pub fn class_path() -> Result<Option<String>, String> {
    let output = Command::new(peers::here("peers/cxf/build")).output().map_err(|error| error.to_string())?;
    let said = |octets: &[u8]| String::from_utf8_lossy(octets).trim().to_owned();
    match output.status.code() {
        Some(0) => Ok(Some(said(&output.stdout))),
        Some(3) => {
            peers::skip("cxf", said(&output.stderr).lines().last().unwrap_or_default());
            Ok(None)
        }
        _ => Err(said(&output.stderr)),
    }
}

/// The peer's command, with the stores of keys in that folder.
pub fn peer(class_path: &str, folder: &Path) -> Command {
    let mut command = Command::new("java");
    command.args(["-cp", class_path, "nuncio.peer.Peer"]).env("KEYS", folder);
    command
}
