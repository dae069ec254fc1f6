//! XML Signature: detached signatures over elements of the same document, as WS-Security uses them.

mod read;
mod sign;
mod verify;

pub use read::{Limits, Method, Reference, Signature};
pub use sign::{Part, Signing, sign};
pub use verify::{Verified, VerifyKey, verify};
