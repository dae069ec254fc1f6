//! Recorded conversations: what was said, with the contract, the keys and the instants.

use crate::http::{HttpMessage, NotHttp};
use crate::time;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// One recorded conversation.
pub struct Scenario {
    /// The scenario's folder's name.
    pub name: String,
    /// The service's published WSDL.
    pub wsdl: Option<Vec<u8>>,
    /// The policy that the service enforced, where its WSDL does not carry it; it stands in place of the WSDL's.
    pub policy: Option<Vec<u8>>,
    /// Certificates, users and what else a player must know.
    pub meta: Meta,
    /// All keys of the conversation.
    pub keys: Keys,
    /// The exchanges over HTTP, in order of request; none where the transport was another.
    pub exchanges: Vec<Exchange>,
}

/// Who sends a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Party {
    /// The client.
    Client,
    /// The service.
    Service,
}

/// One request of HTTP and its response.
pub struct Exchange {
    /// Its number, from 1.
    pub n: u32,
    /// Who sent the request: the service, where it went elsewhere than to the service's address.
    pub from: Party,
    /// What was sent.
    pub request: HttpMessage,
    /// What was answered.
    pub response: HttpMessage,
    /// When the request was made: milliseconds since 1970.
    pub request_at: i64,
    /// When the response came: milliseconds since 1970.
    pub response_at: i64,
    /// The TLS version, where the exchange went over TLS; the octets are those inside.
    pub tls: Option<String>,
    /// The request's WS-Addressing action, where it has one.
    pub request_action: Option<String>,
    /// The response's WS-Addressing action, where it has one.
    pub response_action: Option<String>,
}

/// `meta.json`, as far as a player may know it: nothing of how the recorded parties were set up.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    /// The address that the service listened at.
    pub service_address: String,
    /// Who had which certificate.
    pub certificates: Certificates,
    /// The user that the client said it was, where it was asked.
    pub user_name: Option<String>,
    /// The password that the client used.
    pub password: Option<String>,
    /// What a player must know beyond the WSDL.
    #[serde(default)]
    pub replay: Replay,
    #[serde(default)]
    exchanges: Vec<ExchangeMeta>,
}

/// The parties' certificates.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificates {
    /// The service's.
    pub service: KeyPair,
    /// The client's, where it has one.
    pub client: Option<KeyPair>,
    /// The issuer of SAML tokens, where there is one.
    pub saml_issuer: Option<KeyPair>,
}

/// A certificate and its key, each as PEM.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyPair {
    /// The certificate.
    pub certificate_pem: String,
    /// Its private key, PKCS #8.
    pub private_key_pem: String,
}

/// What a player must know beyond the WSDL.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Replay {
    /// The passwords that are right, where the client used another.
    pub users: Option<BTreeMap<String, String>>,
    /// Numbers of exchanges before which the service lost all its contexts.
    #[serde(default)]
    pub forget_before: Vec<u32>,
}

impl Exchange {
    /// The address that the request went to.
    pub fn address(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let (host, target) = (self.request.header("Host"), self.request.target());
        format!("{scheme}://{}{}", host.unwrap_or_default(), target.unwrap_or_default())
    }
}

impl Meta {
    /// The passwords that are right, by user.
    pub fn users(&self) -> BTreeMap<String, String> {
        match (&self.replay.users, &self.user_name, &self.password) {
            (Some(users), _, _) => users.clone(),
            (None, Some(name), Some(password)) => BTreeMap::from([(name.clone(), password.clone())]),
            (None, _, _) => BTreeMap::new(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExchangeMeta {
    n: u32,
    request_at: String,
    response_at: String,
    tls: Option<String>,
    request_action: Option<String>,
    response_action: Option<String>,
}

/// `keys.json`: every key of the conversation, as the service saw it.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Keys {
    /// Session keys.
    pub security_context_tokens: Vec<ContextKey>,
    /// Entropies and what `P_SHA1` made of them.
    #[serde(rename = "combinedEntropy_PSHA1")]
    pub combined_entropy: Vec<CombinedEntropy>,
    /// Derived keys.
    pub derived_keys: Vec<DerivedKey>,
    /// Keys that went encrypted.
    pub encrypted_keys: Vec<EncryptedKey>,
    /// The private keys of both parties, PKCS #8 in PEM: for what the service was sent no answer to, and so never listed.
    #[serde(skip)]
    pub private_keys: Vec<String>,
}

/// The key of a security context.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContextKey {
    /// `wsc:Identifier`.
    pub identifier: String,
    /// `wsc:Instance`, after a renewal.
    pub instance: Option<String>,
    /// The key.
    #[serde(rename = "key_base64", deserialize_with = "octets")]
    pub key: Vec<u8>,
    /// Whether the token carries its own state.
    pub cookie_mode: bool,
}

/// Both parties' entropy.
#[derive(Clone, Deserialize)]
pub struct CombinedEntropy {
    /// The client's.
    #[serde(rename = "clientEntropy_base64", deserialize_with = "octets")]
    pub client: Vec<u8>,
    /// The service's.
    #[serde(rename = "serverEntropy_base64", deserialize_with = "octets")]
    pub server: Vec<u8>,
    /// Length of the key in bits.
    pub length_bits: usize,
    /// The key.
    #[serde(rename = "combined_base64", deserialize_with = "octets")]
    pub combined: Vec<u8>,
}

/// One derivation by `P_SHA1`.
#[derive(Clone, Deserialize)]
pub struct DerivedKey {
    /// The secret it is derived from.
    #[serde(rename = "secret_base64", deserialize_with = "octets")]
    pub secret: Vec<u8>,
    /// The label, both parties' halves.
    pub label: String,
    /// The nonce.
    #[serde(rename = "nonce_base64", deserialize_with = "octets")]
    pub nonce: Vec<u8>,
    /// Length in bits.
    pub length_bits: usize,
    /// Offset in octets.
    pub offset: usize,
    /// The derived key.
    #[serde(rename = "derived_base64", deserialize_with = "octets")]
    pub derived: Vec<u8>,
}

/// A key that went encrypted.
#[derive(Clone, Deserialize)]
pub struct EncryptedKey {
    /// What kind: `encryptedKey`, `samlProof`, `tlsWrapped`.
    pub what: String,
    /// Its algorithm and, of an `encryptedKey`, `EncryptedKeySHA1=` and that digest in base64.
    pub name: String,
    /// The key.
    #[serde(rename = "key_base64", deserialize_with = "octets")]
    pub key: Vec<u8>,
}

fn octets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    base64_simd::STANDARD.decode_to_vec(text).map_err(serde::de::Error::custom)
}

/// A recording cannot be read. Each variant's text names the file.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// An exchange of `meta.json` has no message, or a message no exchange.
    #[error("{0}: exchange {1} is not whole")]
    Exchange(String, u32),
    /// A file is no HTTP message.
    #[error("{0}: {1}")]
    Http(String, NotHttp),
    /// An instant does not parse.
    #[error("{0}: {1:?} is no instant")]
    Instant(String, String),
    /// A file cannot be read.
    #[error("{0}: {1}")]
    Io(PathBuf, std::io::Error),
    /// A JSON file does not parse.
    #[error("{0}: {1}")]
    Json(String, serde_json::Error),
    /// A scenario lacks a file.
    #[error("{0} is not there")]
    Missing(String),
}

/// The scenarios of a path, by name: a scenario's folder, a folder with scenarios or archives below it, or an archive
/// (`.tar.zst`). A folder is a scenario when it has a `meta.json`.
pub fn load(path: &Path) -> Result<Vec<Scenario>, RecordingError> {
    let mut scenarios = Vec::new();
    if path.is_dir() {
        folder(path, &mut scenarios)?;
    } else {
        archive(path, &mut scenarios)?;
    }
    scenarios.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(scenarios)
}

/// The files of one scenario, by name.
type Files = BTreeMap<String, Vec<u8>>;

fn folder(path: &Path, scenarios: &mut Vec<Scenario>) -> Result<(), RecordingError> {
    let io = |error| RecordingError::Io(path.to_owned(), error);
    let mut entries = path.read_dir().map_err(io)?.collect::<Result<Vec<_>, _>>().map_err(io)?;
    entries.sort_by_key(std::fs::DirEntry::path);
    if path.join("meta.json").exists() {
        let mut files = Files::new();
        for entry in entries.iter().filter(|entry| entry.path().is_file()) {
            let octets = std::fs::read(entry.path()).map_err(|error| RecordingError::Io(entry.path(), error))?;
            files.insert(entry.file_name().to_string_lossy().into_owned(), octets);
        }
        let path = path.canonicalize().map_err(io)?;
        scenarios.push(scenario(&path.file_name().unwrap_or_default().to_string_lossy(), &files)?);
        return Ok(());
    }
    for entry in entries {
        if entry.path().is_dir() {
            folder(&entry.path(), scenarios)?;
        } else if entry.file_name().to_string_lossy().ends_with(".tar.zst") {
            archive(&entry.path(), scenarios)?;
        }
    }
    Ok(())
}

fn archive(path: &Path, scenarios: &mut Vec<Scenario>) -> Result<(), RecordingError> {
    let io = |error| RecordingError::Io(path.to_owned(), error);
    let file = std::fs::File::open(path).map_err(io)?;
    let mut archive = tar::Archive::new(zstd::Decoder::new(file).map_err(io)?);
    let mut folders: BTreeMap<PathBuf, Files> = BTreeMap::new();
    for entry in archive.entries().map_err(io)? {
        let mut entry = entry.map_err(io)?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = entry.path().map_err(io)?.into_owned();
        let mut octets = Vec::new();
        entry.read_to_end(&mut octets).map_err(io)?;
        let file = name.file_name().unwrap_or_default().to_string_lossy().into_owned();
        folders.entry(name.parent().unwrap_or(Path::new("")).to_owned()).or_default().insert(file, octets);
    }
    for (folder, files) in folders.into_iter().filter(|(_, files)| files.contains_key("meta.json")) {
        scenarios.push(scenario(&folder.file_name().unwrap_or_default().to_string_lossy(), &files)?);
    }
    Ok(())
}

fn scenario(name: &str, files: &Files) -> Result<Scenario, RecordingError> {
    let meta: Meta = json(name, files, "meta.json")?;
    let mut keys: Keys = json(name, files, "keys.json")?;
    let pairs = [Some(&meta.certificates.service), meta.certificates.client.as_ref()];
    keys.private_keys = pairs.into_iter().flatten().map(|pair| pair.private_key_pem.clone()).collect();
    // Other transports list their exchanges in other ways.
    let over_http = files.keys().any(|file| file.ends_with("-request.http"));
    let exchanges = if over_http {
        meta.exchanges
            .iter()
            .map(|of| exchange(name, of, files, &meta.service_address))
            .collect::<Result<Vec<_>, _>>()?
    } else {
        Vec::new()
    };
    let messages = files.keys().filter(|file| file.strip_suffix(".http").is_some()).count();
    if messages != 2 * exchanges.len() {
        return Err(RecordingError::Exchange(name.to_owned(), exchanges.len() as u32 + 1));
    }
    let file = |of: &str| files.get(of).cloned();
    Ok(Scenario { name: name.to_owned(), wsdl: file("wsdl.xml"), policy: file("policy.xml"), meta, keys, exchanges })
}

fn json<T: serde::de::DeserializeOwned>(scenario: &str, files: &Files, file: &str) -> Result<T, RecordingError> {
    let octets = files.get(file).ok_or_else(|| RecordingError::Missing(format!("{scenario}/{file}")))?;
    serde_json::from_slice(octets).map_err(|error| RecordingError::Json(format!("{scenario}/{file}"), error))
}

fn exchange(scenario: &str, of: &ExchangeMeta, files: &Files, service: &str) -> Result<Exchange, RecordingError> {
    let message = |direction: &str| {
        let file = format!("{:02}-{direction}.http", of.n);
        let octets = files.get(&file).ok_or_else(|| RecordingError::Exchange(scenario.to_owned(), of.n))?;
        HttpMessage::read(octets).map_err(|error| RecordingError::Http(format!("{scenario}/{file}"), error))
    };
    let instant = |text: &str| {
        time::parse_utc(text).ok_or_else(|| RecordingError::Instant(format!("{scenario}/meta.json"), text.to_owned()))
    };
    let exchange = Exchange {
        n: of.n,
        from: Party::Client,
        request: message("request")?,
        response: message("response")?,
        request_at: instant(&of.request_at)?,
        response_at: instant(&of.response_at)?,
        tls: of.tls.clone(),
        request_action: of.request_action.clone(),
        response_action: of.response_action.clone(),
    };
    let from = if exchange.address() == service { Party::Client } else { Party::Service };
    Ok(Exchange { from, ..exchange })
}

/// The recordings that come with the project.
pub fn packed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packed_recordings_are_whole() {
        let scenarios = load(&packed()).unwrap();
        assert_eq!(scenarios.iter().filter(|scenario| scenario.name.starts_with("wcf-")).count(), 81);
        assert_eq!(scenarios.iter().filter(|scenario| scenario.name.starts_with("wse-")).count(), 21);
        let duplex = |scenario: &&Scenario| scenario.exchanges.iter().any(|exchange| exchange.from == Party::Service);
        assert_eq!(scenarios.iter().filter(duplex).count(), 8);
        assert_eq!(scenarios.len(), 81 + 21 + 93 + 8);
        for scenario in &scenarios {
            let name = &scenario.name;
            assert!(!scenario.exchanges.is_empty(), "{name}");
            assert!(scenario.wsdl.is_some(), "{name}");
            for exchange in &scenario.exchanges {
                assert!(exchange.request_at <= exchange.response_at, "{name} {}", exchange.n);
                assert_eq!(exchange.tls.is_some(), scenario.meta.service_address.starts_with("https"), "{name}");
            }
        }
    }

    #[test]
    fn what_a_player_must_know_is_read() {
        let scenarios = load(&packed()).unwrap();
        let named = |name: &str| scenarios.iter().find(|scenario| scenario.name == name).unwrap();

        let wrong = named("ws2007-username-nosc-wrongPassword");
        assert_eq!(wrong.meta.password.as_deref(), Some("looking-glass"));
        assert_eq!(wrong.meta.users()["alice"], "wonderland-1865");
        assert_eq!(named("wcf-anonymousForCertificate-sc-2005-02-serverRestart").meta.replay.forget_before, [4]);

        let conversation = named("wcf-userNameForCertificate-sc-2005-02");
        assert_eq!(conversation.exchanges[0].request_at, 1_795_332_627_080);
        assert_eq!(conversation.keys.security_context_tokens[0].key.len(), 32);
        assert_eq!(conversation.keys.combined_entropy[0].combined, conversation.keys.security_context_tokens[0].key);
    }
}
