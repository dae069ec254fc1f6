//! Users with passwords, as the configuration names them.

use std::collections::HashMap;

use nuncio_crypto::algorithm::DigestAlgorithm;
use nuncio_crypto::digest;
use nuncio_crypto::secret::Secret;

/// Users and their passwords. Has no `Debug`: a table of secrets is not printed.
pub struct Users {
    passwords: HashMap<String, Secret>,
    /// Compared where there is no such user, so that a guess at a name costs what a guess at a password costs.
    nobody: Secret,
}

impl Users {
    /// The table. A name that comes twice keeps its last password; the configuration refuses that before.
    pub fn new(users: impl IntoIterator<Item = (String, Secret)>) -> Self {
        let passwords = users.into_iter().map(|(name, password)| (name, hashed(password.expose()))).collect();
        Self { passwords, nobody: hashed(b"") }
    }

    /// Whether there is a user of that name with that password. The work is the same for every name and every password
    /// of one length.
    #[must_use]
    pub fn check(&self, name: &str, password: &Secret) -> bool {
        let known = self.passwords.get(name);
        let claimed = hashed(password.expose());
        // `&`, not `&&`: the comparison is made for unknown users too.
        known.unwrap_or(&self.nobody).matches(claimed.expose()) & known.is_some()
    }

    /// Whether there is nobody in it.
    pub fn is_empty(&self) -> bool {
        self.passwords.is_empty()
    }
}

/// Of one length whatever the password's, so that a comparison does not tell that either.
fn hashed(password: &[u8]) -> Secret {
    Secret::from(digest::hash(DigestAlgorithm::Sha256, password).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_of_a_known_user_passes() {
        let secret = |text: &str| Secret::from(text.as_bytes());
        let users = Users::new([("alice".to_owned(), secret("wonderland-1865")), ("empty".to_owned(), secret(""))]);
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
            assert_eq!(users.check(name, &secret(password)), passes, "{name}:{password}");
        }
    }
}
