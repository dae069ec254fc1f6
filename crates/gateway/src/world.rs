//! What all routes of a gateway share: its clock, its random source, and what it keeps.

use nuncio_wss::Context;

use crate::clock::Clock;
use crate::config::StoreLimits;
use crate::random::Entropy;
use crate::replays::Replays;
use crate::sessions::Memory;

/// What all routes share.
pub struct World {
    /// What time it is.
    pub clock: Clock,
    /// Random octets.
    pub entropy: Entropy,
    /// Conversations. The identifiers in it are those of [`crate::ingress`], which say the route too.
    pub sessions: Memory<Context>,
    /// Messages seen before, on whatever route: a message taken on one is a replay on another.
    pub replays: Replays,
}

impl World {
    /// A world in which nothing has happened yet.
    pub fn new(clock: Clock, entropy: Entropy, stores: &StoreLimits) -> Self {
        let sessions = Memory::new(stores.session_bytes, stores.principal_bytes);
        Self { clock, entropy, sessions, replays: Replays::new(stores.replay_bytes) }
    }
}
