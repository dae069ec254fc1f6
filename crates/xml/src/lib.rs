//! An immutable document: its nodes, its names, its canonical form, and a writer that emits canonical form directly.
//!
//! [`Document::read`] lexes a message once, strictly, into a flat table of nodes over the message's own octets.
//! [`exclusive`] writes the canonical form of one of its elements; [`Writer`] writes new messages that are canonical as
//! they are written. [`Document::graft`] puts decrypted content in the place of an `xenc:EncryptedData`.

mod canon;
mod copy;
mod document;
mod error;
pub mod foreign;
mod gaps;
mod graft;
mod ids;
mod intern;
mod lex;
mod limits;
mod names;
mod read;
mod scope;
mod text;
mod write;

pub use canon::{Canonical, Each, Form, Sink, TooLong, canonicalise, exclusive};
pub use copy::{Set, Substitute};
pub use document::{Attribute, Document, Encoding, Fragment, Kind, Name, NodeId};
pub use error::ReadError;
pub use limits::Limits;
pub use write::Writer;
