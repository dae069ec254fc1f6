//! Encrypted data of the suite.

use std::collections::BTreeMap;
use std::path::Path;

use nuncio_crypto::algorithm::{CipherAlgorithm, DigestAlgorithm, KeyTransport, KeyWrap};
use nuncio_crypto::key::{KeyError, PrivateKey};
use nuncio_crypto::secret::Secret;
use nuncio_crypto::{base64, cipher, keywrap, transport};
use nuncio_xml::{Document, NodeId, exclusive};
use nuncio_xmlsec::encryption::{EncryptedData, EncryptedKey, KeyMethod, decrypt};
use nuncio_xmlsec::{Accepted, DSIG, Invalid, XENC};

use super::{Outcome, Skip, algorithm, child, elements, octets, outcome, read};

/// Everything that is built.
fn accepted() -> Accepted {
    let oaep = |v11| {
        let pairs = DigestAlgorithm::ALL.into_iter().flat_map(|digest| DigestAlgorithm::ALL.map(|mask| (digest, mask)));
        pairs.map(move |(digest, mask)| KeyTransport::Oaep { digest, mask, v11 })
    };
    Accepted {
        canonicalisations: &[],
        transforms: &[],
        digests: Vec::new(),
        macs: Vec::new(),
        signatures: Vec::new(),
        ciphers: CipherAlgorithm::ALL.to_vec(),
        transports: oaep(false).chain(oaep(true)).chain([KeyTransport::Rsa15]).collect(),
        wraps: KeyWrap::ALL.to_vec(),
    }
}

/// The keys of a folder.
pub(crate) struct Ring {
    secrets: BTreeMap<String, Vec<u8>>,
    private: Option<Result<PrivateKey, KeyError>>,
}

impl Ring {
    pub(crate) fn read(suite: &Path, keys: &str, private: Option<&str>) -> Self {
        let private = private.map(|file| PrivateKey::from_der(&std::fs::read(suite.join(file)).expect("a key")));
        Self { secrets: super::keys(&suite.join(keys)), private }
    }

    /// What becomes of the encrypted data of a file; none if it holds none.
    pub(crate) fn judge(&self, case: &Path) -> Option<Outcome> {
        let name = case.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read(case).expect("a case");
        let as_text = String::from_utf8_lossy(&text).into_owned();
        if !as_text.contains("EncryptedData") || as_text.contains("SignatureValue") {
            return None;
        }
        let mut expected = std::fs::read(case.with_extension("data")).ok();
        let is_nist = as_text.contains("-gcm-96-");
        if is_nist {
            expected = expected.map(|text| base64::decode(&String::from_utf8_lossy(&text)).expect("base64"));
        } else if expected.is_none() {
            // What all of a folder decrypt to.
            expected = std::fs::read(case.with_file_name("payment.xml")).ok();
        }
        let must_fail = name.starts_with("bad-") || (is_nist && expected.is_none());
        Some(match (self.open(without_type(text)), expected, must_fail) {
            (Err(Failed::Skip(skip)), _, _) => skip,
            (Err(Failed::Refused), _, true) => outcome::REFUSED,
            (Ok(Plain::Octets(plain)), Some(expected), false) if plain == expected => outcome::DECRYPTED,
            (Ok(Plain::Document(plain)), Some(expected), false) => match read(without_type(expected)) {
                Ok(expected) if canonical(&plain) == canonical(&expected) => outcome::IN_PLACE,
                Ok(_) => "WRONG: another document",
                Err(skip) => skip,
            },
            (Ok(_), None, false) => outcome::UNSAID,
            (Err(Failed::Refused), _, false) => "WRONG: refused",
            (Ok(_), _, _) => "WRONG: decrypted",
        })
    }

    fn open(&self, text: Vec<u8>) -> Result<Plain, Failed> {
        let document = read(text).map_err(Failed::Skip)?;
        let node = elements(&document)
            .into_iter()
            .find(|&node| document.is(node, XENC, "EncryptedData"))
            .ok_or(Failed::Skip(outcome::KEY_ALONE))?;
        let uri = algorithm(&document, child(&document, node, XENC, "EncryptionMethod").expect("a method"));
        let cipher = CipherAlgorithm::from_uri(&uri).ok_or(Failed::Skip(outcome::CIPHER))?;
        let data = child(&document, node, XENC, "CipherData").expect("data");
        let value = child(&document, data, XENC, "CipherValue");
        let value = value.ok_or(Failed::Skip(outcome::CIPHER_REFERENCE))?;
        let info = child(&document, node, DSIG, "KeyInfo").expect("a key");
        let key = self.key(&document, info, cipher.key_size()).map_err(|skip| match skip {
            UNWRAPPED => Failed::Refused,
            skip => Failed::Skip(skip),
        })?;
        let kind = document.attribute(node, "", "Type").unwrap_or_default().into_owned();
        if !kind.ends_with("#Element") && !kind.ends_with("#Content") {
            // Data that is no part of a document, which messages have not.
            let octets = octets(&document, value);
            return cipher::decrypt(cipher, &key, octets).map(Plain::Octets).map_err(|_| Failed::Refused);
        }
        let data =
            EncryptedData::read(&document, node, &accepted()).map_err(|_| Failed::Skip(outcome::DATA_WITH_MORE))?;
        decrypt(document, data, &key)
            .map(|(document, _)| Plain::Document(Box::new(document)))
            .map_err(|_| Failed::Refused)
    }

    /// The key that a `KeyInfo` names or holds, for a use that takes so many octets.
    pub(crate) fn key(&self, document: &Document, info: NodeId, octets: usize) -> Result<Secret, Skip> {
        if let Some(encrypted) = child(document, info, XENC, "EncryptedKey") {
            return self.unwrap(document, encrypted, octets);
        }
        if child(document, info, XENC, "AgreementMethod").is_some() {
            return Err(outcome::AGREEMENT);
        }
        if child(document, info, DSIG, "RetrievalMethod").is_some() {
            return Err(outcome::RETRIEVAL);
        }
        let name = child(document, info, DSIG, "KeyName").map(|name| document.text(name).into_owned());
        // One name is spelt in two ways.
        let name = name.map(|name| name.trim().replace("my-tripledes-key", "my-3des-key"));
        let secret = name.and_then(|name| self.secrets.get(&name));
        secret.map(|octets| Secret::from(octets.as_slice())).ok_or(outcome::NO_KEY)
    }

    fn unwrap(&self, document: &Document, node: NodeId, octets: usize) -> Result<Secret, Skip> {
        let key = EncryptedKey::read(document, node, &accepted(), 4).map_err(|error| match error {
            Invalid::AlgorithmNotAccepted(_) => outcome::NO_WRAP,
            _ => outcome::KEY_WITH_MORE,
        })?;
        match key.method {
            KeyMethod::Wrap(wrap) => {
                let outer = self.key(document, key.key_info, wrap.key_size())?;
                keywrap::unwrap(&outer, wrap, &key.value).map_err(|_| UNWRAPPED)
            }
            KeyMethod::Transport(transport) => match &self.private {
                Some(Ok(private)) => {
                    transport::unwrap(private, transport, &key.value, &[octets]).map_err(|_| UNWRAPPED)
                }
                Some(Err(KeyError::Size { .. })) => Err(outcome::SHORT_KEY),
                Some(Err(error)) => panic!("{error}"),
                None => Err(outcome::NO_PRIVATE),
            },
        }
    }
}

/// A key that does not come out.
const UNWRAPPED: Skip = "the key does not unwrap";

enum Plain {
    Octets(Vec<u8>),
    Document(Box<Document>),
}

enum Failed {
    Skip(Skip),
    Refused,
}

/// The document without its type. Those of the suite say no more than which attributes are ids.
fn without_type(text: Vec<u8>) -> Vec<u8> {
    let Ok(text) = String::from_utf8(text) else { panic!("not UTF-8") };
    match (text.find("<!DOCTYPE"), text.find("]>")) {
        (Some(start), Some(end)) => format!("{}{}", &text[..start], &text[end + 2..]).into_bytes(),
        _ => text.into_bytes(),
    }
}

fn canonical(document: &Document) -> Vec<u8> {
    let mut octets = Vec::new();
    exclusive(document, document.root(), &[], &mut octets);
    octets
}
