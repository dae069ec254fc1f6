//! Random octets: the one place where the gateway draws them.

use std::sync::{Arc, Mutex, PoisonError};

use nuncio_crypto::random::{Random, seed_blinding};

/// Has the libraries' own generators seeded on another thread, for the first handshake and the first private key not to wait
/// for it.
pub(crate) fn seed_ahead() {
    tokio::task::spawn_blocking(seed_blinding);
}

/// Where random octets come from.
#[derive(Clone)]
pub struct Entropy(Source);

#[derive(Clone)]
enum Source {
    System,
    Given(Arc<Mutex<dyn Random + Send>>),
}

impl Entropy {
    /// The system's generator.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A generator that somebody else gives: a test that wants a recorded conversation's own octets. All requests draw
    /// from it, one after the other.
    pub fn given(random: impl Random + Send + 'static) -> Self {
        Self(Source::Given(Arc::new(Mutex::new(random))))
    }

    /// A handle for one request.
    pub fn draw(&self) -> Draw {
        Draw { source: self.0.clone(), failed: false }
    }
}

/// One request's handle to [`Entropy`].
pub struct Draw {
    source: Source,
    failed: bool,
}

/// The system had no random octets to give.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error("the system gives no random octets")]
pub struct NoEntropy;

impl Draw {
    /// Whether every octet drawn so far was random. Nothing that was made with this handle may leave the gateway, or be
    /// kept, before this has been asked.
    pub fn check(&self) -> Result<(), NoEntropy> {
        if self.failed { Err(NoEntropy) } else { Ok(()) }
    }

    /// A handle that was given octets that are not random.
    #[cfg(test)]
    pub(crate) fn failing() -> Self {
        Self { source: Source::System, failed: true }
    }
}

impl Random for Draw {
    fn fill(&mut self, out: &mut [u8]) {
        match &self.source {
            // The core's drawing cannot fail, so a failure is remembered here and asked for before anything is sent.
            Source::System => self.failed |= getrandom::fill(out).is_err(),
            Source::Given(random) => random.lock().unwrap_or_else(PoisonError::into_inner).fill(out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_gives_other_octets_each_time() {
        let mut draw = Entropy::system().draw();
        let (mut first, mut second) = ([0; 32], [0; 32]);
        draw.fill(&mut first);
        draw.fill(&mut second);
        assert_ne!(first, second);
        assert_ne!(first, [0; 32]);
        assert_eq!(draw.check(), Ok(()));
    }

    #[test]
    fn a_failure_is_not_forgotten() {
        let mut draw = Draw::failing();
        draw.fill(&mut [0; 8]);
        assert_eq!(draw.check(), Err(NoEntropy));
    }

    #[test]
    fn given_octets_are_shared_by_all_requests() {
        struct Count(u8);
        impl Random for Count {
            fn fill(&mut self, out: &mut [u8]) {
                for octet in out {
                    *octet = self.0;
                    self.0 += 1;
                }
            }
        }
        let entropy = Entropy::given(Count(0));
        let mut octets = [0; 4];
        entropy.draw().fill(&mut octets[..2]);
        entropy.draw().fill(&mut octets[2..]);
        assert_eq!(octets, [0, 1, 2, 3]);
    }
}
