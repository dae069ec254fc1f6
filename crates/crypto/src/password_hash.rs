//! Hashes of passwords that are slow on purpose, as files of users have them: bcrypt and Argon2id.

use std::str::FromStr;

use argon2::password_hash::PasswordVerifier;
use argon2::password_hash::phc;
use argon2::{Argon2, Params};

use crate::secret::Secret;

/// Costs of bcrypt that are taken: its least, and what takes a second.
const BCRYPT_COST: std::ops::RangeInclusive<u32> = 4..=14;
/// The longest password that bcrypt tells from every other, in octets. It passes over what is behind.
const BCRYPT_PASSWORD: usize = 72;
/// Below this cost guessing is cheap: OWASP asks for so much.
const BCRYPT_SOUND: u32 = 10;
/// The most memory of Argon2 that is taken, in KiB: a thread that checks passwords has as much.
const ARGON2_MEMORY: u32 = 256 * 1024;
/// The most passes and lanes of Argon2 that are taken.
const ARGON2_PASSES: u32 = 16;
/// The least memory that OWASP asks for, in KiB.
const ARGON2_SOUND: u32 = 7 * 1024;

/// Why a text is not taken for the hash of a password.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum HashError {
    /// A hash that is quickly guessed at.
    #[error("{0} is guessed at in no time: hash the password with bcrypt or Argon2id")]
    Weak(&'static str),
    /// A hash of another kind.
    #[error("{0} is not read: hash the password with bcrypt or Argon2id")]
    Unknown(&'static str),
    /// Not a hash of any kind that is known: it may be the password itself.
    #[error("it is no hash of bcrypt ($2b$…) or Argon2id ($argon2id$…), and passwords as they are do not belong here")]
    Plain,
    /// It begins as one, and goes on otherwise.
    #[error("it begins like a hash of {0}, and is none")]
    Malformed(&'static str),
    /// It asks for more work than is done for anybody.
    #[error("it takes more work than is done for one password: {0}")]
    Costly(&'static str),
}

/// The hash of a password. Without `Debug`: who has it may guess.
pub struct PasswordHash(Kind);

enum Kind {
    /// The text, and its cost.
    Bcrypt(Secret, u32),
    Argon2(Box<phc::PasswordHash>, u32),
}

impl PasswordHash {
    /// Reads a hash: `$2a$`, `$2b$` or `$2y$` of bcrypt, or Argon2id as PHC's strings have it.
    pub fn parse(text: &str) -> Result<Self, HashError> {
        let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| text.starts_with(prefix));
        if begins(&["$2a$", "$2b$", "$2y$"]) {
            let parts = bcrypt::HashParts::from_str(text).map_err(|_| HashError::Malformed("bcrypt"))?;
            let cost = parts.get_cost();
            return match cost {
                cost if cost > *BCRYPT_COST.end() => Err(HashError::Costly("its cost is above 14")),
                cost if cost < *BCRYPT_COST.start() => Err(HashError::Malformed("bcrypt")),
                _ => Ok(Self(Kind::Bcrypt(Secret::from(text.as_bytes()), cost))),
            };
        }
        if begins(&["$argon2id$"]) {
            return Self::argon2(text);
        }
        let crypt = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'.' || octet == b'/';
        Err(match text {
            _ if begins(&["$apr1$", "$1$"]) => HashError::Weak("MD5"),
            _ if begins(&["{SHA}", "{SSHA}", "{MD5}"]) => HashError::Weak("a hash of one round"),
            _ if begins(&["$5$", "$6$"]) => HashError::Unknown("SHA-crypt"),
            _ if begins(&["$argon2i$", "$argon2d$"]) => HashError::Unknown("Argon2 but for Argon2id"),
            _ if begins(&["$2x$"]) => HashError::Unknown("bcrypt with the fault of $2x$"),
            _ if text.len() == 13 && text.bytes().all(crypt) => HashError::Weak("crypt"),
            _ => HashError::Plain,
        })
    }

    fn argon2(text: &str) -> Result<Self, HashError> {
        const NAME: &str = "Argon2id";
        let hash = phc::PasswordHash::new(text).map_err(|_| HashError::Malformed(NAME))?;
        let params = Params::try_from(&hash).map_err(|_| HashError::Malformed(NAME))?;
        if hash.hash.is_none() || hash.salt.is_none() || hash.version.is_some_and(|version| version != 19) {
            return Err(HashError::Malformed(NAME));
        }
        if params.m_cost() > ARGON2_MEMORY {
            return Err(HashError::Costly("more than 256 MiB of memory"));
        }
        if params.t_cost() > ARGON2_PASSES || params.p_cost() > ARGON2_PASSES {
            return Err(HashError::Costly("more than 16 passes or lanes"));
        }
        Ok(Self(Kind::Argon2(Box::new(hash), params.m_cost())))
    }

    /// Whether guessing is cheaper than it should be, for the operator.
    pub fn is_cheap(&self) -> bool {
        match &self.0 {
            Kind::Bcrypt(_, cost) => *cost < BCRYPT_SOUND,
            Kind::Argon2(_, memory) => *memory < ARGON2_SOUND,
        }
    }

    /// Whether it is the hash of that password. It takes long: some tens of milliseconds, whatever the answer.
    #[must_use]
    pub fn verify(&self, password: &[u8]) -> bool {
        match &self.0 {
            Kind::Bcrypt(text, _) => {
                let text = std::str::from_utf8(text.expose()).unwrap_or_default();
                // What bcrypt passes over is still part of the password.
                bcrypt::verify(password, text).unwrap_or(false) & (password.len() <= BCRYPT_PASSWORD)
            }
            Kind::Argon2(hash, _) => Argon2::default().verify_password(password, &**hash).is_ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the tests of `crypt_blowfish` and of Argon2.
    const KNOWN: [(&str, &str); 4] = [
        ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
        ("U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
        ("U*U", "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
        ("password", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"),
    ];

    #[test]
    fn a_hash_is_of_its_password_alone() {
        for (password, text) in KNOWN {
            let hash = PasswordHash::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert!(hash.verify(password.as_bytes()), "{text}");
            assert!(hash.is_cheap(), "{text}");
            for wrong in ["", "U*", "U*U**", "Password", "pässword\0"] {
                assert!(!hash.verify(wrong.as_bytes()), "{text}: {wrong}");
            }
        }
        let sound = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert!(PasswordHash::parse(sound).is_ok_and(|hash| !hash.is_cheap()));
    }

    /// bcrypt takes two passwords of the same first 72 octets for one.
    #[test]
    fn nothing_of_a_long_password_is_passed_over() {
        let longest = [b'x'; BCRYPT_PASSWORD];
        let hash = PasswordHash::parse(&bcrypt::hash(longest, 4).unwrap()).ok().unwrap();
        assert!(hash.verify(&longest));
        assert!(!hash.verify(&[b'x'; BCRYPT_PASSWORD + 1]));
    }

    #[test]
    fn what_is_weak_malformed_or_costly_is_refused() {
        let bcrypt = KNOWN[0].1;
        let argon2 = KNOWN[3].1;
        for (text, refusal) in [
            ("$apr1$abcdefgh$0123456789012345678901".to_owned(), HashError::Weak("MD5")),
            ("$1$abcdefgh$0123456789012345678901".to_owned(), HashError::Weak("MD5")),
            ("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=".to_owned(), HashError::Weak("a hash of one round")),
            ("rqXexS6ZhobKA".to_owned(), HashError::Weak("crypt")),
            ("$6$salt$abc".to_owned(), HashError::Unknown("SHA-crypt")),
            (argon2.replace("argon2id", "argon2i"), HashError::Unknown("Argon2 but for Argon2id")),
            (bcrypt.replace("$2a$", "$2x$"), HashError::Unknown("bcrypt with the fault of $2x$")),
            ("wonderland-1865".to_owned(), HashError::Plain),
            (String::new(), HashError::Plain),
            (bcrypt[..59].to_owned(), HashError::Malformed("bcrypt")),
            (bcrypt.replace("$05$", "$xx$"), HashError::Malformed("bcrypt")),
            (bcrypt.replace("$05$", "$03$"), HashError::Malformed("bcrypt")),
            (bcrypt.replace('W', "é"), HashError::Malformed("bcrypt")),
            (bcrypt.replace("$05$", "$15$"), HashError::Costly("its cost is above 14")),
            ("$argon2id$".to_owned(), HashError::Malformed("Argon2id")),
            (argon2.replace("$v=19", "$v=16"), HashError::Malformed("Argon2id")),
            (argon2.replace("m=256", "m=1"), HashError::Malformed("Argon2id")),
            ("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ".to_owned(), HashError::Malformed("Argon2id")),
            (argon2.replace("m=256", "m=262145"), HashError::Costly("more than 256 MiB of memory")),
            (argon2.replace("t=2", "t=17"), HashError::Costly("more than 16 passes or lanes")),
        ] {
            assert_eq!(PasswordHash::parse(&text).err(), Some(refusal), "{text}");
        }
    }
}
