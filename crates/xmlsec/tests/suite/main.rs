//! The vectors of xmlsec1's test suite: what verifies there verifies here, what decrypts decrypts to the same, and what
//! must fail fails; and for each case that is not looked at, why.
//!
//! Most of these documents are none that a message may be: a signature around what it signs, a whole document signed,
//! keys by name. So the structure is read here, as far as it goes; canonical form, digests, keys, ciphers are the
//! crates'. `tests/vectors/fetch` gets the suite; where it cannot be had, this says so.

#![allow(clippy::panic, clippy::expect_used, reason = "a vector that cannot be read is the test's failure")]

mod encryption;
mod outcome;
mod signature;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Once;

use nuncio_xml::{Document, Limits, NodeId, ReadError};
use nuncio_xmlsec::DSIG;

/// What became of a case.
pub(crate) type Outcome = &'static str;

/// A case that is not looked at, and why.
pub(crate) type Skip = &'static str;

/// That it was said that the suite is not here.
static SAID: Once = Once::new();

/// Where the suite lies; none if it was not fetched.
fn suite() -> Option<PathBuf> {
    let tests = Path::new(env!("CARGO_TARGET_TMPDIR")).join("xmlsec1/tests");
    if tests.is_dir() {
        return Some(tests);
    }
    // Around the harness, which keeps the output of tests that pass to itself; and once for all tests.
    SAID.call_once(|| {
        let _ = writeln!(std::io::stderr(), "skip xmlsec1's test suite: it is not here (tests/vectors/fetch)");
    });
    None
}

/// The files of a folder with that ending, in order.
pub(crate) fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|found| found == ending))
        .collect();
    files.sort();
    files
}

/// Reads a document of the suite by the rules for messages.
pub(crate) fn read(octets: Vec<u8>) -> Result<Document, Skip> {
    let limits = Limits {
        bytes: 1 << 24,
        depth: 64,
        attributes: 64,
        attribute_bytes: 1 << 14,
        declarations: 32,
        declarations_in_scope: 96,
        elements: 100_000,
        children: 10_000,
        name_bytes: 256,
        names: 4096,
        text_bytes: 1 << 20,
    };
    Document::read(octets, &limits).map_err(|error| match error {
        ReadError::Doctype => outcome::DOCTYPE,
        ReadError::ProcessingInstruction => outcome::INSTRUCTION,
        error => panic!("{error}"),
    })
}

/// Every element of a document, in document order.
pub(crate) fn elements(document: &Document) -> Vec<NodeId> {
    let mut found = Vec::new();
    let mut stack = vec![document.root()];
    while let Some(node) = stack.pop() {
        found.push(node);
        let mut children: Vec<_> = document.elements(node).collect();
        children.reverse();
        stack.extend(children);
    }
    found
}

pub(crate) fn child(document: &Document, parent: NodeId, namespace: &str, local: &str) -> Option<NodeId> {
    document.elements(parent).find(|&node| document.is(node, namespace, local))
}

pub(crate) fn algorithm(document: &Document, node: NodeId) -> String {
    document.attribute(node, "", "Algorithm").expect("an algorithm").into_owned()
}

pub(crate) fn octets(document: &Document, node: NodeId) -> Vec<u8> {
    nuncio_crypto::base64::decode(&document.text(node)).expect("base64")
}

/// The symmetric keys of a file of xmlsec1's, by name.
pub(crate) fn keys(file: &Path) -> BTreeMap<String, Vec<u8>> {
    let document = read(std::fs::read(file).expect("keys")).expect("keys");
    let mut keys = BTreeMap::new();
    for info in document.elements(document.root()) {
        let name = child(&document, info, DSIG, "KeyName").expect("a name");
        let value = child(&document, info, DSIG, "KeyValue").expect("a value");
        let value = document.elements(value).next().expect("a key");
        if document.elements(value).next().is_none() {
            keys.insert(document.text(name).into_owned(), octets(&document, value));
        }
    }
    keys
}

/// What was looked at, folder by folder, with the outcomes that there must be, each as often.
#[track_caller]
fn expect(folder: &str, cases: &[(PathBuf, Outcome)], table: &[(Outcome, usize)]) {
    let mut counts: BTreeMap<Outcome, usize> = BTreeMap::new();
    let mut list = String::new();
    for (case, outcome) in cases {
        *counts.entry(outcome).or_default() += 1;
        let name = case.file_name().unwrap_or_default().to_string_lossy();
        list.push_str(&name);
        list.push_str(": ");
        list.push_str(outcome);
        list.push('\n');
    }
    assert_eq!(counts, table.iter().copied().collect(), "{folder}\n{list}");
}

/// The signatures of a folder.
fn signatures(folder: &str, table: &[(Outcome, usize)]) {
    let Some(suite) = suite() else { return };
    let cases = files(&suite.join(folder), "xml");
    let cases = cases.into_iter().filter_map(|case| {
        let outcome = signature::judge(&suite, &case)?;
        Some((case, outcome))
    });
    expect(folder, &cases.collect::<Vec<_>>(), table);
}

/// The encrypted data of a folder.
fn encryptions(folder: &str, keys_file: &str, private_key: Option<&str>, table: &[(Outcome, usize)]) {
    let Some(suite) = suite() else { return };
    let ring = encryption::Ring::read(&suite, keys_file, private_key);
    let cases = files(&suite.join(folder), "xml");
    let cases = cases.into_iter().filter_map(|case| {
        let outcome = ring.judge(&case)?;
        Some((case, outcome))
    });
    expect(folder, &cases.collect::<Vec<_>>(), table);
}

#[test]
fn aleksey_xmldsig() {
    signatures(
        "aleksey-xmldsig-01",
        &[
            (outcome::VERIFIED, 9),
            (outcome::DSA, 3),
            (outcome::SHORT_RSA, 5),
            (outcome::OTHER_DIGEST, 1),
            (outcome::NAMED, 2),
            (outcome::TRUNCATED, 4),
            (outcome::SHORT_VALUE, 1),
            (outcome::NO_DIGEST, 12),
            (outcome::NO_ID, 1),
            (outcome::OUTSIDE, 1),
            (outcome::TRANSFORM, 5),
            (outcome::DOCTYPE, 1),
        ],
    );
}

#[test]
fn merlin_xmldsig() {
    signatures(
        "merlin-xmldsig-twenty-three",
        &[
            (outcome::VERIFIED, 1),
            (outcome::DSA, 10),
            (outcome::SHORT_RSA, 1),
            (outcome::TRUNCATED, 1),
            (outcome::OUTSIDE, 1),
            (outcome::TRANSFORM, 1),
            (outcome::DOCTYPE, 1),
        ],
    );
}

#[test]
fn phaos_xmldsig() {
    signatures(
        "phaos-xmldsig-three",
        &[
            (outcome::VERIFIED, 1),
            (outcome::REFUSED, 1),
            (outcome::DSA, 3),
            (outcome::SHORT_RSA, 9),
            (outcome::NAMED, 3),
            (outcome::RETRIEVAL, 2),
            (outcome::NO_DIGEST, 2),
            (outcome::OUTSIDE, 1),
            (outcome::TRANSFORM, 1),
            (outcome::NOT_HELD, 5),
        ],
    );
}

#[test]
fn merlin_canonical_form() {
    signatures("merlin-exc-c14n-one", &[(outcome::DSA, 1)]);
    signatures("merlin-c14n-three", &[(outcome::TRANSFORM, 1)]);
}

#[test]
fn merlin_signatures_under_encrypted_keys() {
    signatures(
        "merlin-xmlenc-five",
        &[
            (outcome::VERIFIED, 3),
            (outcome::KEY_WITH_MORE, 1),
            (outcome::SHORT_KEY, 1),
            (outcome::AGREEMENT, 2),
            (outcome::NO_DIGEST, 1),
            (outcome::TRANSFORM, 2),
        ],
    );
}

#[test]
fn aleksey_xmlenc() {
    encryptions(
        "aleksey-xmlenc-01",
        "keys/keys.xml",
        None,
        &[
            (outcome::DECRYPTED, 5),
            (outcome::CIPHER_REFERENCE, 1),
            (outcome::NO_WRAP, 1),
            (outcome::DATA_WITH_MORE, 3),
            (outcome::KEY_WITH_MORE, 1),
            (outcome::NO_PRIVATE, 2),
        ],
    );
}

#[test]
fn merlin_xmlenc() {
    encryptions(
        "merlin-xmlenc-five",
        "merlin-xmlenc-five/keys.xml",
        Some("merlin-xmlenc-five/rsapriv.der"),
        &[
            (outcome::DECRYPTED, 3),
            (outcome::IN_PLACE, 3),
            (outcome::REFUSED, 1),
            (outcome::CIPHER_REFERENCE, 1),
            (outcome::DATA_WITH_MORE, 1),
            (outcome::KEY_WITH_MORE, 1),
            (outcome::RETRIEVAL, 1),
            (outcome::NO_KEY, 1),
            (outcome::SHORT_KEY, 2),
            (outcome::AGREEMENT, 2),
        ],
    );
}

#[test]
fn phaos_xmlenc() {
    encryptions(
        "01-phaos-xmlenc-3",
        "01-phaos-xmlenc-3/keys.xml",
        Some("01-phaos-xmlenc-3/rsa-priv-key.der"),
        &[(outcome::IN_PLACE, 20), (outcome::REFUSED, 1), (outcome::AGREEMENT, 4)],
    );
}

#[test]
fn nist_gcm() {
    for (size, decrypted, refused) in [(128, 29, 31), (192, 32, 28), (256, 33, 27)] {
        let (folder, keys) = (format!("nist-aesgcm/aes{size}"), format!("nist-aesgcm/keys-aes{size}-gcm.xml"));
        encryptions(&folder, &keys, None, &[(outcome::DECRYPTED, decrypted), (outcome::REFUSED, refused)]);
    }
}
