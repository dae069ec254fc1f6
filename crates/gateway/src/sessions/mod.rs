//! Where conversations are kept.

mod memory;

pub use memory::{Census, Full, Lease, Memory};
