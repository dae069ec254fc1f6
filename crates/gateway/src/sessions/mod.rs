//! Where conversations are kept.

mod disk;
mod memory;
mod principals;
mod renewals;
mod shard;
mod store;

pub use disk::Disk;
pub use memory::{Census, Full, Lease, Memory, Owner, Place, Seen};
pub use principals::Principals;
pub use renewals::{Renewals, Waiting};
pub use shard::Key;
pub(crate) use store::owner;
pub use store::{NotKept, Store};
