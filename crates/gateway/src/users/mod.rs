//! Users with passwords, as the configuration names them: how a password is checked, and how guesses are slowed down.

mod file;
mod guesses;
mod proofs;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nuncio_crypto::algorithm::DigestAlgorithm;
use nuncio_crypto::digest;
use nuncio_crypto::password_hash::PasswordHash;
use nuncio_crypto::random::Random;
use nuncio_crypto::secret::Secret;
use nuncio_wss::{Password, Passwords, Time, Username};

pub use file::FileProblem;
pub(crate) use file::read as read_file;
pub use guesses::{Guesses, HELD, Leave, Try};
use proofs::Proofs;

use crate::pool::{Overfull, Pool};
use crate::random::Entropy;

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

/// A user, as a configuration or a file of users names him.
pub struct User {
    /// What he is called.
    pub name: String,
    /// How his password is checked.
    pub password: Checked,
    /// What he may be besides himself.
    pub roles: Vec<String>,
}

impl User {
    /// A user of whom the password is known, and no role.
    pub fn new(name: impl Into<String>, password: Secret) -> Self {
        Self { name: name.into(), password: Checked::Password(password), roles: Vec::new() }
    }
}

/// What a password is checked against.
pub enum Checked {
    /// Itself.
    Password(Secret),
    /// A slow hash of it, from which nobody reads it.
    Hash(PasswordHash),
}

/// Users and their passwords. Has no `Debug`: a table of secrets is not printed.
pub struct Users {
    keep: Keep,
    entries: Vec<Entry>,
    numbers: HashMap<String, usize>,
    /// Compared where there is no user at all, so that a guess at a name costs what a guess at a password costs.
    nobody: Secret,
    /// Picks whose password is compared in place of an unknown user's.
    decoys: RandomState,
    proofs: Option<Proofs>,
    hashed: AtomicU64,
}

struct Entry {
    kept: Kept,
    roles: Vec<String>,
}

enum Kept {
    /// In the form of the table.
    Quick(Secret),
    Slow(Arc<PasswordHash>),
}

impl Users {
    /// The table. A name that comes twice keeps its last password; the configuration refuses that before.
    pub fn new(users: impl IntoIterator<Item = (String, Secret)>) -> Self {
        Self::kept(Keep::Hashed, users)
    }

    /// The table, in which passwords are kept in that form.
    pub fn kept(keep: Keep, users: impl IntoIterator<Item = (String, Secret)>) -> Self {
        Self::of(keep, users.into_iter().map(|(name, password)| User::new(name, password)))
    }

    /// The table of such users, in which passwords that are known are kept in that form.
    pub fn of(keep: Keep, users: impl IntoIterator<Item = User>) -> Self {
        let (mut entries, mut numbers) = (Vec::new(), HashMap::new());
        for User { name, password, roles } in users {
            let kept = match password {
                Checked::Password(password) => Kept::Quick(keep.of(password)),
                Checked::Hash(hash) => Kept::Slow(Arc::new(hash)),
            };
            numbers.insert(name, entries.len());
            entries.push(Entry { kept, roles });
        }
        Self {
            keep,
            entries,
            numbers,
            nobody: keep.of(Secret::new(Vec::new())),
            decoys: RandomState::new(),
            proofs: proofs(),
            hashed: AtomicU64::new(0),
        }
    }

    /// Whether there is a user of that name who has that password. The work is the same for every name and every password
    /// of one length: in place of an unknown user's, the password of some other is compared, of the same one each time.
    /// What is slow is done on `pool`, but for a password that was proved lately.
    ///
    /// # Errors
    ///
    /// [`Overfull`] where too many are checked already.
    pub async fn check(&self, user: &Username, now: Time, pool: &Pool) -> Result<bool, Overfull> {
        let known = self.numbers.get(&user.name).copied();
        let number = known.unwrap_or_else(|| {
            (self.decoys.hash_one(&user.name) % self.entries.len().max(1) as u64).try_into().unwrap_or_default()
        });
        let proved = match (self.entries.get(number).map(|entry| &entry.kept), &user.password) {
            (Some(Kept::Slow(hash)), Password::Text(claimed)) => {
                self.check_slowly(known, (&user.name, claimed), hash, now, pool).await?
            }
            (Some(Kept::Slow(_)), Password::Digest(_) | Password::None) => false,
            (Some(Kept::Quick(kept)), _) => self.check_quickly(kept, user),
            (None, _) => self.check_quickly(&self.nobody, user),
        };
        // `&`, not `&&`: the comparison is made for unknown users too.
        Ok(proved & known.is_some())
    }

    fn check_quickly(&self, kept: &Secret, user: &Username) -> bool {
        match (self.keep, &user.password) {
            (Keep::Hashed | Keep::Sha1, Password::Text(claimed)) => {
                kept.matches(self.keep.of(claimed.clone()).expose())
            }
            (Keep::Readable, Password::Text(_)) | (Keep::Readable | Keep::Sha1, Password::Digest(_)) => {
                user.proves(kept)
            }
            (Keep::Hashed, Password::Digest(_)) | (_, Password::None) => false,
        }
    }

    async fn check_slowly(
        &self,
        known: Option<usize>,
        (name, claimed): (&str, &Secret),
        hash: &Arc<PasswordHash>,
        now: Time,
        pool: &Pool,
    ) -> Result<bool, Overfull> {
        let check = || {
            self.hashed.fetch_add(1, Ordering::Relaxed);
            let (hash, claimed) = (Arc::clone(hash), claimed.clone());
            pool.run(move || hash.verify(claimed.expose()))
        };
        let Some(proofs) = &self.proofs else { return check().await };
        let mark = proofs.mark(name, claimed.expose());
        if known.is_some_and(|number| proofs.has(number, &mark, now)) {
            return Ok(true);
        }
        let proved = proofs.share(mark).outcome(check).await?;
        if let Some(number) = known.filter(|_| proved) {
            proofs.keep(number, &mark, now);
        }
        Ok(proved)
    }

    /// Whether there is such a user.
    pub fn has(&self, name: &str) -> bool {
        self.numbers.contains_key(name)
    }

    /// The roles of a user; none of one who is not known.
    pub fn roles(&self, name: &str) -> &[String] {
        self.numbers.get(name).and_then(|number| self.entries.get(*number)).map_or(&[], |entry| &entry.roles)
    }

    /// How many slow hashes were asked for.
    pub fn hashed(&self) -> u64 {
        self.hashed.load(Ordering::Relaxed)
    }

    /// In which form its passwords are kept.
    pub fn keep(&self) -> Keep {
        self.keep
    }

    /// Whether there is nobody in it.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Nothing is remembered where there is no key that nobody can guess.
fn proofs() -> Option<Proofs> {
    let (mut random, mut key) = (Entropy::system().draw(), vec![0; 32]);
    random.fill(&mut key);
    random.check().ok().map(|()| Proofs::new(Secret::new(key)))
}

/// Keys are derived from passwords that can be read again.
impl Passwords for Users {
    fn password(&self, user: &str) -> Option<Secret> {
        let entry = self.numbers.get(user).and_then(|number| self.entries.get(*number));
        entry.filter(|_| self.keep == Keep::Readable).and_then(|entry| match &entry.kept {
            Kept::Quick(password) => Some(password.clone()),
            Kept::Slow(_) => None,
        })
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

    const NOW: Time = Time::from_millis(1_767_225_600_000);

    #[tokio::test]
    async fn only_the_right_password_of_a_known_user_passes() {
        let pool = Pool::new(1, 0);
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
                assert_eq!(users.check(&user, NOW, &pool).await, Ok(passes), "{keep:?}: {name}:{password}");
            }
            assert_eq!(users.hashed(), 0);
        }
        let nobody = Users::new([]);
        assert_eq!(nobody.check(&Username::in_clear("", ""), NOW, &pool).await, Ok(false));
    }

    /// `secret`, under a cost that tests can pay.
    fn hashed(name: &str) -> User {
        let hash = PasswordHash::parse("$2b$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy");
        User { name: name.into(), password: Checked::Hash(hash.ok().unwrap()), roles: vec!["reader".into()] }
    }

    #[tokio::test]
    async fn tk_01_a_slow_hash_is_paid_for_whoever_is_guessed_at_and_not_again_for_who_proved_it() {
        let pool = Pool::new(1, 0);
        let users = Users::of(Keep::Hashed, [hashed("alice")]);
        let mut expected = 0;
        for (name, password, at, passes, pays) in [
            ("alice", "", 0, true, true),
            ("alice", "", 1, true, false),
            ("alice", "", 299, true, false),
            ("alice", "x", 299, false, true),
            ("alice", "x", 299, false, true),
            ("alice", "", 299, true, false),
            ("alice", "", 300, true, true),
            // An unknown user's costs the same, each time.
            ("bob", "", 300, false, true),
            ("bob", "", 300, false, true),
        ] {
            let user = Username::in_clear(name, password);
            let now = NOW.plus(std::time::Duration::from_secs(at));
            assert_eq!(users.check(&user, now, &pool).await, Ok(passes), "{name}:{password} at {at}");
            expected += u64::from(pays);
            assert_eq!(users.hashed(), expected, "{name}:{password} at {at}");
        }
        assert_eq!((users.roles("alice"), users.roles("bob")), (&["reader".to_owned()][..], &[][..]));
    }

    /// Many messages of one user at once are one hash.
    #[tokio::test]
    async fn messages_at_once_share_a_hash() {
        let pool = Arc::new(Pool::new(1, 0));
        let users = Arc::new(Users::of(Keep::Hashed, [hashed("alice")]));
        let mut tries = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let (pool, users) = (Arc::clone(&pool), Arc::clone(&users));
            tries.spawn(async move { users.check(&Username::in_clear("alice", ""), NOW, &pool).await });
        }
        while let Some(tried) = tries.join_next().await {
            assert_eq!(tried.unwrap(), Ok(true));
        }
        assert_eq!(users.hashed(), 1);
    }
}
