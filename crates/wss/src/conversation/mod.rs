//! Conversations: security contexts issued and cancelled ([WS-SecureConversation 1.4]).

pub(crate) mod cancel;
mod context;
pub(crate) mod issue;

pub(crate) use context::Carried;
pub use context::{Context, Principal};
