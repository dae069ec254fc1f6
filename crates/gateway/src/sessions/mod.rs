//! Where conversations are kept.

mod memory;
mod principals;
mod shard;
mod store;

pub use memory::{Census, Full, Lease, Memory, Owner, Place, Seen};
pub use principals::Principals;
pub use shard::Key;
pub(crate) use store::owner;
pub use store::{NotKept, Store};
