//! The certificates, keys and vectors of `tests/data`.

// Every test binary takes what it needs; and a broken file of `tests/data` is the test's failure.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic)]

use nuncio_crypto::base64;
use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::key::PrivateKey;
use nuncio_crypto::random::Random;
use std::path::Path;

/// 2026-01-01T00:00:00Z: within the validity of all certificates but `expired`.
pub const NOW: i64 = 1_767_225_600;

/// A file of `tests/data`.
pub fn data(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The one certificate of a PEM file.
pub fn certificate(name: &str) -> Certificate {
    let mut all = Certificate::from_pem(&data(&format!("{name}.pem"))).unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// The key of `leaf` and its siblings.
pub fn key() -> PrivateKey {
    PrivateKey::from_pem(&data("leaf.key.pem")).unwrap()
}

/// The octets of a vector.
pub fn vector(name: &str) -> Vec<u8> {
    base64::decode(core::str::from_utf8(&data(&format!("{name}.b64"))).unwrap()).unwrap()
}

/// Octets that anybody can foretell: a generator of Lehmer's, from a seed.
pub struct Foreseeable(pub u64);

impl Random for Foreseeable {
    fn fill(&mut self, out: &mut [u8]) {
        for octet in out {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *octet = (self.0 >> 56) as u8;
        }
    }
}
