//! Files of PKCS #12, as OpenSSL and Windows write them.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{certificate, data, key};
use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::key::PrivateKey;
use nuncio_crypto::pfx::{MAX_PFX, Pfx, PfxError};
use nuncio_crypto::secret::Secret;

fn read(octets: &[u8], password: &str) -> Result<Pfx, PfxError> {
    Pfx::read(octets, &Secret::from(password.as_bytes()))
}

#[test]
fn keys_and_chains_are_read_as_they_were_written() {
    for (file, password, above) in [
        ("modern", "pässword", true),
        ("legacy", "pässword", true),
        ("windows", "", true),
        ("no-mac", "pässword", false),
    ] {
        let pfx = read(&data(&format!("{file}.pfx")), password).unwrap_or_else(|error| panic!("{file}: {error}"));
        let mut expected = vec![certificate("below")];
        expected.extend(above.then(|| certificate("intermediate")));
        assert!(pfx.chain == expected, "{file}: {:?}", pfx.chain);
        let private = PrivateKey::from_der(pfx.key.expose()).unwrap();
        assert!(private.public_key() == key().public_key(), "{file}");
        assert!(Certificate::from_pem(&pfx.chain_pem()).unwrap() == expected, "{file}");
        assert!(PrivateKey::from_pem(pfx.key_pem().expose()).unwrap().matches(&expected[0]), "{file}");
    }
}

#[test]
fn what_is_no_store_of_one_key_is_refused() {
    let modern = data("modern.pfx");
    let refused = |octets: &[u8], password| read(octets, password).err();
    for file in ["modern", "legacy", "no-mac"] {
        assert_eq!(refused(&data(&format!("{file}.pfx")), "wrong"), Some(PfxError::Password), "{file}");
    }
    assert_eq!(refused(&modern, ""), Some(PfxError::Password));
    assert_eq!(refused(&data("no-key.pfx"), "test"), Some(PfxError::Keys(0)));
    assert_eq!(refused(&data("leaf.pem"), "test"), Some(PfxError::Malformed));
    assert_eq!(refused(&[], ""), Some(PfxError::Malformed));
    assert_eq!(refused(&vec![0; MAX_PFX + 1], ""), Some(PfxError::Malformed));
    let not_text = Pfx::read(&modern, &Secret::from(&[0xff][..])).err();
    assert_eq!(not_text, Some(PfxError::Password));
}

/// A file that is cut short or has an octet changed is refused, or what is read of it is what was written.
#[test]
fn what_is_broken_is_refused() {
    // Its integrity code is cheap: few rounds.
    let whole = data("windows.pfx");
    for length in (0..whole.len()).step_by(37) {
        assert!(read(&whole[..length], "").is_err(), "{length}");
    }
    for at in (0..whole.len()).step_by(53) {
        let mut changed = whole.clone();
        changed[at] ^= 0x11;
        if let Ok(pfx) = read(&changed, "") {
            assert!(pfx.chain[0] == certificate("below"), "{at}");
            assert!(PrivateKey::from_der(pfx.key.expose()).unwrap().matches(&pfx.chain[0]), "{at}");
        }
    }
}

/// What is written is read again: the key, its certificate and those above it; under that password alone.
#[test]
fn what_is_written_is_read_again() {
    let read_back = read(&data("modern.pfx"), "pässword").unwrap();
    let written = read_back.write(&Secret::from("wörd".as_bytes())).unwrap();
    let again = read(&written, "wörd").unwrap();
    assert!(again.chain == read_back.chain && again.key.expose() == read_back.key.expose());
    assert_eq!(read(&written, "word").err(), Some(PfxError::Password));
    let nobody = Pfx { key: read_back.key.clone(), chain: Vec::new() };
    assert_eq!(nobody.write(&Secret::from(&b"x"[..])).err(), Some(PfxError::NoCertificate));
    let not_text = read_back.write(&Secret::from(&[0xff][..])).err();
    assert_eq!(not_text, Some(PfxError::Password));
}
