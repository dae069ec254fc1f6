//! A key ring's file, in YAML.

use std::fmt::Write as _;

use nuncio_crypto::base64;
use nuncio_crypto::random::Random;
use nuncio_crypto::secret::Secret;
use nuncio_policy::said::{self, NotRead, Origin};
use nuncio_wss::{Tenure, Time};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{ID_BYTES, KeyRing, RingKey, drawn};
use crate::config::Said;

/// Keys of one ring.
const KEYS: usize = 16;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RingInput {
    epoch: u64,
    keys: Said<Vec<KeyInput>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyInput {
    id: Said<String>,
    key: Said<Zeroizing<String>>,
    activate: Option<Said<String>>,
    retire: Option<Said<String>>,
}

/// Why a file is no key ring: `file:line: reason`. Nothing that it says is in it but the names of keys: what stands in the wrong
/// place may be a key.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(transparent)]
pub struct BadRing(NotRead);

/// The key ring of a file: an `epoch`, and `keys`, each with an `id`, 32 octets of `key` in base64, and when it is to `activate`
/// and to `retire`: without these from always on, and never.
pub fn read(file: &str, yaml: &[u8]) -> Result<KeyRing, BadRing> {
    let input: RingInput = said::read(file, yaml).map_err(|error| BadRing(untold(error)))?;
    if input.keys.value.is_empty() || input.keys.value.len() > KEYS {
        return Err(bad(&input.keys, format!("there must be from one key to {KEYS} of them")));
    }
    let mut keys: Vec<RingKey> = Vec::new();
    for key in input.keys.value {
        if keys.iter().any(|other| *other.id == key.id.value) {
            return Err(bad(&key.id, format!("there is a key {:?} already", key.id.value)));
        }
        keys.push(key.read()?);
    }
    Ok(KeyRing { epoch: input.epoch, keys })
}

impl KeyInput {
    fn read(self) -> Result<RingKey, BadRing> {
        let id = &self.id.value;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if id.is_empty() || id.len() > ID_BYTES || !id.bytes().all(plain) {
            let what = format!("an id is up to {ID_BYTES} letters, digits, hyphens, dots and underscores");
            return Err(bad(&self.id, what));
        }
        let octets = base64::decode(&self.key.value).map(Secret::new).ok();
        let time = |said: &Option<Said<String>>| {
            let parse = |said: &Said<String>| {
                let what = "a time is as 2026-01-31T00:00:00Z is".to_owned();
                Time::parse(&said.value).ok_or_else(|| bad(said, what))
            };
            said.as_ref().map(parse).transpose()
        };
        let (activate, retire) = (time(&self.activate)?, time(&self.retire)?);
        if let (Some(activate), Some(retire), Some(said)) = (activate, retire, &self.retire)
            && retire <= activate
        {
            return Err(bad(said, "a key cannot retire before it is active".to_owned()));
        }
        let tenure = Tenure { activate: activate.or(Tenure::ALWAYS.activate), retire };
        let key = octets.and_then(|octets| RingKey::new(self.id.value.into(), tenure, &octets));
        key.ok_or_else(|| bad(&self.key, "a key is 32 octets in base64".to_owned()))
    }
}

/// The same without what the reader quotes of the file: it cannot know what a secret is.
fn untold(error: NotRead) -> NotRead {
    let reason = match error.reason.split_once('`') {
        Some((before, _)) if before.starts_with("unknown field") => {
            "a ring has `epoch` and `keys`; a key has `id`, `key`, `activate` and `retire`, and nothing else".to_owned()
        }
        // These names are ours.
        Some((before, _)) if before.starts_with("missing field") => error.reason,
        _ if error.reason.contains(['`', '"', '\'']) => "it is no key ring".to_owned(),
        _ => error.reason,
    };
    NotRead { at: error.at, reason }
}

fn bad<T>(said: &Said<T>, reason: String) -> BadRing {
    let at = match &said.origin {
        Origin::File(place) => place.clone(),
        Origin::Flag(flag) => nuncio_policy::Place { file: format!("--{flag}"), line: 0 },
    };
    BadRing(NotRead { at, reason })
}

/// The file of a new ring with one key, which is active from now on. Whether what it was drawn from was random is the caller's to
/// ask.
pub fn write(random: &mut dyn Random) -> Secret {
    let mut id = [0; 4];
    random.fill(&mut id);
    let (id, key) = (u32::from_be_bytes(id), Zeroizing::new(base64::encode(drawn(random).expose())));
    // It never grows: no copy of the key is left behind.
    let mut text = String::with_capacity(512);
    let _ = write!(
        text,
        "# Whoever has this file can read and make the conversations of the gateways that use it.\n\
         # A new key: give it to all of them with `activate` ahead, and one more to `epoch`; then let the old one `retire`.\n\
         epoch: 1\nkeys:\n  - id: '{id:08x}'\n    key: {}\n",
        *key
    );
    Secret::new(text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::Binding;
    use crate::random::Entropy;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    #[test]
    fn a_ring_is_read_with_its_times() {
        let yaml = format!(
            "epoch: 7\nkeys:\n- {{ id: a, key: {KEY}, retire: 2026-02-01T00:00:00Z }}\n\
             - {{ id: b.2, key: {KEY}, activate: 2026-01-01T00:00:00Z }}\n"
        );
        let ring = read("ring.yaml", yaml.as_bytes()).unwrap();
        let at = |text| Time::parse(text).unwrap();
        assert_eq!(ring.epoch(), 7);
        assert_eq!(ring.active(at("2025-12-31T23:59:59Z")), Ok("a"));
        assert_eq!(ring.active(at("2026-01-01T00:00:00Z")), Ok("b.2"));
        assert!(!ring.keys[0].tenure.opens(at("2026-02-01T00:00:00Z")));
    }

    #[test]
    fn a_new_ring_can_be_read() {
        let mut random = Entropy::system().draw();
        let [one, other] = [(); 2].map(|()| read("new", write(&mut random).expose()).unwrap());
        let binding = Binding { purpose: "test", scope: "", name: b"" };
        let now = Time::from_millis(0);
        let sealed = one.seal(b"x", binding, now, &mut random).unwrap();
        assert_eq!(**one.open(&sealed, binding, now).unwrap(), *b"x");
        assert!(other.open(&sealed, binding, now).is_err(), "each has a key of its own");
        assert_ne!(one.active(now), other.active(now));
    }

    #[test]
    fn what_is_no_ring_is_refused_with_its_line() {
        let many: Vec<_> = (0..=KEYS).map(|id| format!("- {{ id: k{id}, key: {KEY} }}\n")).collect();
        let many = many.concat();
        for (yaml, line, reason) in [
            (String::new(), 1, "end of input"),
            ("keys: []\n".to_owned(), 1, "epoch"),
            ("epoch: 1\nkeys: []\n".to_owned(), 2, "from one key to 16"),
            (format!("epoch: 1\nkeys:\n{many}"), 3, "from one key to 16"),
            (format!("epoch: -1\nkeys:\n- {{ id: a, key: {KEY} }}\n"), 1, "u64"),
            (format!("epoch: 1\nkeys:\n- {{ id: a, key: {KEY} }}\n- {{ id: a, key: {KEY} }}\n"), 4, "\"a\" already"),
            (format!("epoch: 1\nkeys:\n- {{ id: 'a b', key: {KEY} }}\n"), 3, "an id is up to 32"),
            (format!("epoch: 1\nkeys:\n- {{ id: '', key: {KEY} }}\n"), 3, "an id is up to 32"),
            (format!("epoch: 1\nkeys:\n- {{ id: {}, key: {KEY} }}\n", "x".repeat(33)), 3, "an id is up to 32"),
            ("epoch: 1\nkeys:\n- { id: a, key: AAEC }\n".to_owned(), 3, "32 octets"),
            ("epoch: 1\nkeys:\n- { id: a, key: '*' }\n".to_owned(), 3, "32 octets"),
            (format!("epoch: 1\nkeys:\n- {{ id: a, key: {KEY}, activate: soon }}\n"), 3, "a time is as"),
            (format!("epoch: 1\nkeys:\n- {{ id: a, key: soon, activate: {KEY} }}\n"), 3, "a time is as"),
            (format!("epoch: 1\nkeys:\n- {{ id: a, key: {KEY}, activate: {KEY} }}\n"), 3, "a time is as"),
            (format!("epoch: 1\nkeys:\n- {{ id: a, key: {KEY}, secret: x }}\n"), 3, "and nothing else"),
            (format!("epoch: 1\nkeys:\n- {{ id: a, {KEY}: x }}\n"), 3, "and nothing else"),
            (format!("epoch: {KEY}\nkeys:\n- {{ id: a, key: {KEY} }}\n"), 1, ""),
            (format!("epoch: 1\nkeys: {KEY}\n"), 2, ""),
            (format!("epoch: 1\nkeys:\n- {KEY}\n"), 3, ""),
            (
                format!(
                    "epoch: 1\nkeys:\n- id: a\n  key: {KEY}\n  activate: 2026-01-02T00:00:00Z\n  \
                     retire: 2026-01-02T00:00:00Z\n"
                ),
                6,
                "cannot retire before",
            ),
        ] {
            let error = read("ring.yaml", yaml.as_bytes()).err().unwrap().to_string();
            assert!(error.contains(reason) && error.starts_with(&format!("ring.yaml:{line}: ")), "{yaml}: {error}");
            assert!(!error.contains(KEY), "{error}");
        }
    }
}
