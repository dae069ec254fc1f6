//! What a gateway refuses, at a real socket: each time the plain service behind it sees nothing, the client gets the coarse
//! fault of its class and no more, the log says exactly why and tells no secret, and the next honest request goes through.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail the test")]

mod answers;
mod bench;
mod chaos;
mod credentials;
mod markup;
mod protection;
mod replays;
mod transport;
