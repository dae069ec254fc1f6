//! Random octets, from whoever has them.

use core::convert::Infallible;
use rsa::rand_core::{TryCryptoRng, TryRng};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// A source of octets that nobody can foretell.
///
/// An argument, as the time is: the core has no generator of its own, so a test can say what is drawn. It cannot fail
/// for its callers; an implementation that can must abort the request itself, never hand out weaker octets.
pub trait Random {
    /// Fills `out` wholly with fresh octets.
    fn fill(&mut self, out: &mut [u8]);
}

/// Has AWS-LC seed the generator of its own by which it blinds RSA. It does so once in a process, at its first use, and
/// measures the processor for it, which takes some tens of milliseconds: whoever came first would wait for that.
pub fn seed_blinding() {
    // What it cannot do now it tries again when it is used, and fails then.
    let _ = aws_lc_rs::rand::fill(&mut [0]);
}

/// [`Random`] in the shape that the `rsa` crate asks for: 32 octets drawn once, and SHA-256 over them and a counter.
///
/// Not handed through, because that crate draws until it has a number below the modulus that can be inverted: a
/// generator of little use, such as a test's that always fills the same, would keep it drawing for ever.
pub(crate) struct Stream {
    seed: Zeroizing<[u8; 32]>,
    counter: u64,
}

impl Stream {
    /// Draws the seed.
    pub(crate) fn draw(random: &mut dyn Random) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        random.fill(&mut *seed);
        Self { seed, counter: 0 }
    }
}

impl TryRng for Stream {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut octets = [0; 4];
        self.try_fill_bytes(&mut octets)?;
        Ok(u32::from_le_bytes(octets))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut octets = [0; 8];
        self.try_fill_bytes(&mut octets)?;
        Ok(u64::from_le_bytes(octets))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        for piece in out.chunks_mut(32) {
            let block = Sha256::new().chain_update(*self.seed).chain_update(self.counter.to_be_bytes()).finalize();
            self.counter = self.counter.wrapping_add(1);
            piece.copy_from_slice(&block[..piece.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Stream {}

#[cfg(test)]
mod tests {
    use super::*;

    struct Same(u8);

    impl Random for Same {
        fn fill(&mut self, out: &mut [u8]) {
            out.fill(self.0);
        }
    }

    /// One seed, one stream; it does not repeat itself, and other seeds have others.
    #[test]
    fn streams() {
        let drawn = |seed| {
            let mut out = [0; 100];
            Stream::draw(&mut Same(seed)).try_fill_bytes(&mut out).unwrap();
            out
        };
        assert_eq!(drawn(0), drawn(0));
        assert_ne!(drawn(0), drawn(1));
        assert_ne!(drawn(0)[..32], drawn(0)[32..64]);
        let mut stream = Stream::draw(&mut Same(0));
        assert_ne!(stream.try_next_u64(), stream.try_next_u64());
        assert_ne!(stream.try_next_u32(), stream.try_next_u32());
    }
}
