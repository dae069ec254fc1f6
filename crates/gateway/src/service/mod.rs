//! A plain service of our own, for the demonstration, for first tries and for tests.

mod echo;

pub use echo::{Claimed, Echo};
