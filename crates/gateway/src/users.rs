//! Users with passwords, as the configuration names them.

use std::collections::HashMap;

use nuncio_crypto::algorithm::DigestAlgorithm;
use nuncio_crypto::digest;
use nuncio_crypto::secret::Secret;
use nuncio_wss::{Password, Passwords, Username};

/// In which form passwords are kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Keep {
    /// As hashes that none of them can be read from. Serves passwords in clear.
    Hashed,
    /// As they are. Serves hashed passwords too, which only the password can be checked against, and keys that come of it.
    Readable,
    /// As the SHA-1 of each, which some services have hashed in place of the password: as good as the password to whoever
    /// gets hold of it.
    Sha1,
}

/// Users and their passwords. Has no `Debug`: a table of secrets is not printed.
pub struct Users {
    keep: Keep,
    passwords: HashMap<String, Secret>,
    /// Compared where there is no such user, so that a guess at a name costs what a guess at a password costs.
    nobody: Secret,
}

impl Users {
    /// The table. A name that comes twice keeps its last password; the configuration refuses that before.
    pub fn new(users: impl IntoIterator<Item = (String, Secret)>) -> Self {
        Self::kept(Keep::Hashed, users)
    }

    /// The table, in which passwords are kept in that form.
    pub fn kept(keep: Keep, users: impl IntoIterator<Item = (String, Secret)>) -> Self {
        let passwords = users.into_iter().map(|(name, password)| (name, keep.of(password))).collect();
        Self { keep, passwords, nobody: keep.of(Secret::new(Vec::new())) }
    }

    /// Whether there is a user of that name who has that password. The work is the same for every name and every password
    /// of one length.
    #[must_use]
    pub fn check(&self, user: &Username) -> bool {
        let known = self.passwords.get(&user.name);
        let kept = known.unwrap_or(&self.nobody);
        let proved = match (self.keep, &user.password) {
            (Keep::Hashed | Keep::Sha1, Password::Text(claimed)) => {
                kept.matches(self.keep.of(claimed.clone()).expose())
            }
            (Keep::Readable, Password::Text(_)) | (Keep::Readable | Keep::Sha1, Password::Digest(_)) => {
                user.proves(kept)
            }
            (Keep::Hashed, Password::Digest(_)) | (_, Password::None) => false,
        };
        // `&`, not `&&`: the comparison is made for unknown users too.
        proved & known.is_some()
    }

    /// In which form its passwords are kept.
    pub fn keep(&self) -> Keep {
        self.keep
    }

    /// Whether there is nobody in it.
    pub fn is_empty(&self) -> bool {
        self.passwords.is_empty()
    }
}

/// Keys are derived from passwords that can be read again.
impl Passwords for Users {
    fn password(&self, user: &str) -> Option<Secret> {
        let password = self.passwords.get(user).filter(|_| self.keep == Keep::Readable);
        password.cloned()
    }
}

impl Keep {
    /// The password in that form. A hash is of one length whatever the password's, so that a comparison does not tell that
    /// either.
    fn of(self, password: Secret) -> Secret {
        let algorithm = match self {
            Self::Readable => return password,
            Self::Hashed => DigestAlgorithm::Sha256,
            Self::Sha1 => DigestAlgorithm::Sha1,
        };
        Secret::from(digest::hash(algorithm, password.expose()).as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::from(text.as_bytes())
    }

    /// What is kept in another form than the password itself is not handed out in its place.
    #[test]
    fn readable_passwords_alone_are_handed_out() {
        for (keep, readable) in [(Keep::Hashed, false), (Keep::Sha1, false), (Keep::Readable, true)] {
            let users = Users::kept(keep, [("alice".into(), secret("wonderland-1865"))]);
            let password = users.password("alice");
            assert_eq!(password.is_some_and(|password| password.matches(b"wonderland-1865")), readable, "{keep:?}");
            assert!(users.password("Alice").is_none() && users.password("").is_none(), "{keep:?}");
        }
    }

    #[test]
    fn only_the_right_password_of_a_known_user_passes() {
        for keep in [Keep::Hashed, Keep::Readable, Keep::Sha1] {
            let users = Users::kept(keep, [("alice".into(), secret("wonderland-1865")), ("empty".into(), secret(""))]);
            for (name, password, passes) in [
                ("alice", "wonderland-1865", true),
                ("alice", "wonderland-1866", false),
                ("alice", "wonderland-186", false),
                ("alice", "", false),
                ("Alice", "wonderland-1865", false),
                ("bob", "wonderland-1865", false),
                ("bob", "", false),
                ("empty", "", true),
            ] {
                let user = Username::in_clear(name, password);
                assert_eq!(users.check(&user), passes, "{keep:?}: {name}:{password}");
            }
        }
    }
}
