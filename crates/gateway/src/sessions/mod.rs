//! Where conversations are kept.

mod memory;
mod principals;
mod shard;

pub use memory::{Census, Full, Lease, Memory, Owner, Place, Seen};
pub use principals::Principals;
