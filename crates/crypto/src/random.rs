//! Random octets, from whoever has them.

/// A source of octets that nobody can foretell.
///
/// An argument, as the time is: the core has no generator of its own, so a test can say what is drawn. It cannot fail
/// for its callers; an implementation that can must abort the request itself, never hand out weaker octets.
pub trait Random {
    /// Fills `out` wholly with fresh octets.
    fn fill(&mut self, out: &mut [u8]);
}

/// [`Random`] in the shape that the `rsa` crate asks for.
pub(crate) struct Adapter<'a>(pub(crate) &'a mut dyn Random);

impl rsa::rand_core::TryRng for Adapter<'_> {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut octets = [0; 4];
        self.0.fill(&mut octets);
        Ok(u32::from_le_bytes(octets))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut octets = [0; 8];
        self.0.fill(&mut octets);
        Ok(u64::from_le_bytes(octets))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        self.0.fill(out);
        Ok(())
    }
}

impl rsa::rand_core::TryCryptoRng for Adapter<'_> {}
