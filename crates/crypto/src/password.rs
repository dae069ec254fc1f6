//! Keys from passwords ([WSS `UsernameToken` Profile 1.1] section 4).
//!
//! `K1 = SHA1(password ++ salt)`, `Kn = SHA1(K(n-1))`: 20 octets in every suite. Such a key is worth no more than its
//! password: whoever has something that it made can try one password after the other.

use crate::algorithm::DigestAlgorithm;
use crate::digest::{Hasher, hash};
use crate::secret::Secret;
use zeroize::Zeroize;

/// How often is hashed where a token does not say.
pub const DEFAULT_ITERATIONS: u32 = 1000;

/// How often a peer may make us hash: as often as WSS4J lets it.
pub const MAX_ITERATIONS: u32 = 10_000;

/// Octets of a key.
pub const KEY: usize = 20;

/// More hashing was asked for than [`MAX_ITERATIONS`], or none.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a password was to be hashed {iterations} times, and 1 to {MAX_ITERATIONS} are done")]
pub struct Iterations {
    /// How often was to be hashed.
    pub iterations: u32,
}

/// The key that a password gives with a salt, hashed so often.
///
/// # Errors
///
/// [`Iterations`] where that is never, or more often than [`MAX_ITERATIONS`]: a peer chooses the number. Nothing is computed
/// then.
pub fn derived_key(password: &Secret, salt: &[u8], iterations: u32) -> Result<Secret, Iterations> {
    if !(1..=MAX_ITERATIONS).contains(&iterations) {
        return Err(Iterations { iterations });
    }
    let mut hasher = Hasher::new(DigestAlgorithm::Sha1);
    hasher.update(password.expose());
    hasher.update(salt);
    let mut key = hasher.finish();
    for _ in 1..iterations {
        key = hash(DigestAlgorithm::Sha1, key.as_ref());
    }
    let secret = Secret::from(key.as_ref());
    key.zeroize();
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    /// The profile has no example. These are Python's `hashlib`, by the profile's formula.
    #[test]
    fn keys_of_passwords() {
        let (mac, encryption) = ("01a1a2a3a4a5a6a7a8a9aaabacadaeaf", "02a1a2a3a4a5a6a7a8a9aaabacadaeaf");
        for (password, salt, iterations, expect) in [
            ("wonderland-1865", mac, 1, "e1c0f3c58ad905ee60ab04284bdb3d8d3715558e"),
            ("wonderland-1865", mac, 2, "05471a1cdc0119b7f25b002d4699fcdcf93d497c"),
            ("wonderland-1865", mac, 1000, "9ab7c5243f4bd4814c6d8fa5bbda1154de1c57ec"),
            ("wonderland-1865", mac, 10_000, "67710c0013b2532b1612e907da9b1f73631a30e2"),
            ("wonderland-1865", encryption, 1000, "4638dbea087ca92017ce19b62ca6ea2295c48109"),
            ("p\u{e4}ssw\u{f6}rd", mac, 1000, "dab5c656520031c09ef3bcd64303d495ea962651"),
            ("", mac, 1000, "3e9b59e9199e0a53bc7f9643daff2d5a743fa5d9"),
        ] {
            let key = derived_key(&Secret::from(password.as_bytes()), &hex(salt), iterations).unwrap();
            assert_eq!(key.expose(), hex(expect), "{password}, {salt}, {iterations}");
            assert_eq!(key.len(), KEY);
        }
    }

    #[test]
    fn no_more_is_hashed_than_the_limit() {
        let derive = |iterations| derived_key(&Secret::from(&b"secret"[..]), &[1; 16], iterations).map(|key| key.len());
        assert_eq!(derive(MAX_ITERATIONS), Ok(KEY));
        for iterations in [0, MAX_ITERATIONS + 1, u32::MAX] {
            assert_eq!(derive(iterations), Err(Iterations { iterations }));
        }
    }
}
