//! Conversations: security contexts issued, renewed and cancelled ([WS-SecureConversation 1.4]).

pub(crate) mod cancel;
mod context;
mod derived;
pub(crate) mod issue;
mod outlived;
pub(crate) mod record;

pub(crate) use context::{Besides, Carried, name};
pub use context::{Context, ConversationId, Holder, Principal};
pub(crate) use derived::{DerivedKeys, Lease, Nonce, Purpose, fresh};
pub use outlived::Outlived;
pub use record::{NotARecord, Restorer};
