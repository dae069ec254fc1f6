//! Where conversations are kept.

mod memory;

pub use memory::{Full, Lease, Memory};
