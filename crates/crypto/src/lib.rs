//! The algorithms that the specifications name, by URI, over bytes; secrets that are zeroed and compared in constant
//! time.
//!
//! The only crate that names a cryptographic library. It knows no XML, no clock and no policy: times, random octets
//! and the algorithms to use are arguments. Nothing in it panics on what a peer sends; every failure to decrypt, of
//! whatever cause, is the one [`Undecryptable`].
//!
//! Two libraries stand behind it, chosen once and by name:
//!
//! - `RustCrypto` for digests, HMAC, encryption in CBC mode and key wrap: as fast as AWS-LC where a
//!   message spends its time, and in Rust.
//! - AWS-LC for RSA, ECDSA, GCM and GCM-SIV, and the crate `rsa` where AWS-LC does not offer the operation. Which goes where is
//!   told in [`transport`], [`sign`], [`cipher`] and [`sealed`].
//!
//! Operators' files are read by three more: `p12-keystore` ([`pfx`]), `bcrypt` and `argon2` ([`password_hash`]); the latter two
//! hash what a peer says is its password.

pub mod algorithm;
pub mod base64;
pub mod certificate;
pub mod cipher;
pub mod derive;
pub mod digest;
pub mod key;
pub mod keywrap;
pub mod mac;
mod name;
pub mod password;
pub mod password_hash;
pub mod path;
pub mod pfx;
pub mod portrait;
pub mod random;
pub mod sealed;
pub mod secret;
pub mod sign;
pub mod transport;
pub mod trust;

/// Octets that do not decrypt, or a key that does not unwrap.
///
/// One opaque value for every cause (length, padding, key size, integrity): a peer that could tell the causes apart
/// could decrypt with our answers ([XML Encryption 1.1] section 6.1.2 and its references).
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("does not decrypt")]
pub struct Undecryptable;

/// The octets of a text of hexadecimal digits, for the vectors of the tests.
#[cfg(test)]
fn hex(digits: &str) -> Vec<u8> {
    assert!(digits.len().is_multiple_of(2), "{digits}");
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}
