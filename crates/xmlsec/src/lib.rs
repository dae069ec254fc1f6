//! XML Signature and XML Encryption over one document.
//!
//! Reading, checking and writing are apart: `read` turns an element into a value and refuses whatever WS-Security does
//! not need, [`signature::verify`] and [`encryption::decrypt`] do the cryptography with a key that the caller chose, and
//! [`signature::sign`] and [`encryption::encrypt`] write. Which key, which algorithm and which parts are the caller's
//! business: a `KeyInfo` is handed over unread.
//!
//! A document is never mutated: decrypting grafts the plaintext as new nodes over its own bytes, so that the node that
//! was verified is the node that is used.

mod accepted;
pub mod encryption;
mod error;
mod names;
mod shape;
pub mod signature;
mod transform;

pub use accepted::Accepted;
pub use error::Invalid;
pub use names::{DSIG, EXCLUSIVE_C14N, XENC};
pub use transform::{C14n, Canonicalisation, Transform};
