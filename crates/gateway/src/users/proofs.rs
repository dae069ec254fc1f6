//! Passwords that were proved a moment ago, so that a slow hash is not paid for each message that brings one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nuncio_crypto::algorithm::MacAlgorithm;
use nuncio_crypto::mac::mac;
use nuncio_crypto::secret::Secret;
use nuncio_wss::Time;
use tokio::sync::OnceCell;

/// For how long a password that was proved needs no hash.
const GOOD: Duration = Duration::from_mins(5);

/// What stands for a name with a password: without the key of this process, nothing can be told from it.
pub(super) type Mark = [u8; 32];

/// Passwords that were proved, one for each user at most, and tries that are under way.
pub(super) struct Proofs {
    /// Of this process and this table of users alone.
    key: Secret,
    proved: Mutex<HashMap<usize, (Secret, Time)>>,
    under_way: Mutex<HashMap<Mark, Arc<OnceCell<bool>>>>,
}

impl Proofs {
    /// With a key that nobody else has.
    pub(super) fn new(key: Secret) -> Self {
        Self { key, proved: Mutex::default(), under_way: Mutex::default() }
    }

    /// What stands for a name with a password.
    pub(super) fn mark(&self, name: &str, password: &[u8]) -> Mark {
        let length = (name.len() as u64).to_be_bytes();
        let tag = mac(MacAlgorithm::HmacSha256, self.key.expose(), &[&length, name.as_bytes(), password]);
        let mut mark = [0; 32];
        mark.copy_from_slice(tag.as_ref());
        mark
    }

    /// Whether the user of that number proved this lately.
    pub(super) fn has(&self, user: usize, mark: &Mark, now: Time) -> bool {
        let proved = lock(&self.proved);
        let lately = |at: Time| at <= now && now < at.plus(GOOD);
        proved.get(&user).is_some_and(|(known, at)| lately(*at) & known.matches(mark))
    }

    /// Remembers that he did.
    pub(super) fn keep(&self, user: usize, mark: &Mark, now: Time) {
        lock(&self.proved).insert(user, (Secret::from(&mark[..]), now));
    }

    /// A try, which all who make the same at once share.
    pub(super) fn share(&self, mark: Mark) -> Shared<'_> {
        let cell = Arc::clone(lock(&self.under_way).entry(mark).or_default());
        Shared { proofs: self, mark, cell: Some(cell) }
    }
}

/// A share in a try. When the last is gone, so is the try.
pub(super) struct Shared<'a> {
    proofs: &'a Proofs,
    mark: Mark,
    /// There until it is dropped.
    cell: Option<Arc<OnceCell<bool>>>,
}

impl Shared<'_> {
    /// The outcome: of whoever tries first, for all.
    pub(super) async fn outcome<E, F>(&self, check: impl FnOnce() -> F) -> Result<bool, E>
    where
        F: Future<Output = Result<bool, E>>,
    {
        match &self.cell {
            Some(cell) => cell.get_or_try_init(check).await.copied(),
            None => check().await,
        }
    }
}

impl Drop for Shared<'_> {
    fn drop(&mut self) {
        let mut under_way = lock(&self.proofs.under_way);
        self.cell = None;
        // The table's alone: nobody can come between, as it is locked.
        if under_way.get(&self.mark).is_some_and(|cell| Arc::strong_count(cell) == 1) {
            under_way.remove(&self.mark);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change under the lock is whole before anything can panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Time {
        Time::from_millis(1_767_225_600_000 + seconds * 1000)
    }

    #[test]
    fn a_proof_is_of_one_password_and_lasts_minutes() {
        let proofs = Proofs::new(Secret::from(&[1; 32][..]));
        let mark = proofs.mark("alice", b"secret");
        assert_ne!(mark, proofs.mark("alices", b"ecret"));
        assert_ne!(mark, Proofs::new(Secret::from(&[2; 32][..])).mark("alice", b"secret"), "another process's");
        assert!(!proofs.has(0, &mark, at(0)));
        proofs.keep(0, &mark, at(0));
        assert!(proofs.has(0, &mark, at(0)) && proofs.has(0, &mark, at(299)));
        assert!(!proofs.has(0, &mark, at(300)), "it is old");
        assert!(!proofs.has(0, &mark, at(-1)), "the clock was set back");
        assert!(!proofs.has(0, &proofs.mark("alice", b"Secret"), at(0)));
        assert!(!proofs.has(1, &mark, at(0)));
        proofs.keep(0, &proofs.mark("alice", b"new"), at(1));
        assert!(!proofs.has(0, &mark, at(1)), "of two, the last");
    }

    #[tokio::test]
    async fn who_tries_the_same_at_once_shares_the_outcome() {
        let proofs = Proofs::new(Secret::from(&[1; 32][..]));
        let mark = proofs.mark("alice", b"secret");
        let mut checks = 0;
        {
            let (first, second) = (proofs.share(mark), proofs.share(mark));
            assert_eq!(first.outcome(|| async { Err(()) }).await, Err(()));
            let check = || {
                checks += 1;
                async { Ok::<_, ()>(true) }
            };
            assert_eq!(first.outcome(check).await, Ok(true));
            drop(first);
            assert_eq!(second.outcome(|| async { Err(()) }).await, Ok(true), "nothing is checked again");
        }
        assert_eq!(checks, 1);
        assert!(lock(&proofs.under_way).is_empty(), "nothing is left of it");
        assert_eq!(
            proofs.share(mark).outcome(|| async { Ok::<_, ()>(false) }).await,
            Ok(false),
            "the next one tries anew"
        );
    }
}
