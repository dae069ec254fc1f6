//! Where conversations are kept.

mod accounts;
pub(crate) mod cookie;
mod cuts;
mod disk;
mod memory;
mod order;
mod principals;
mod renewals;
mod shard;
mod store;

pub use accounts::Room;
pub use cookie::{CookieLimits, Cookies, Known, NoCookie, is_brought};
pub use cuts::{Cut, CutsFull, Meant};
pub use disk::Disk;
pub use memory::{Census, Full, Lease, Memory, Owner, Place, Seen};
pub use principals::Principals;
pub use renewals::{Renewals, Waiting};
pub use shard::Key;
pub(crate) use store::{At, owner};
pub use store::{NotKept, Store};
