//! The protocol, without I/O: security headers opened and sealed, tokens, trust messages, conversations issued and
//! cancelled.
//!
//! A request's way on the recipient's side is [`Recipient::read`], [`Recipient::open`], then [`Opened::plain`] for the
//! backend, or [`Recipient::issue`] and [`Recipient::cancel`] for what the recipient answers itself, and
//! [`Reply::seal`] for the backend's answer. The initiator's side is [`Initiator`], the mirror of it. What the two have
//! in common, `open` and `seal`, does not know which side it is on.
//!
//! Nothing here reads a clock, a socket or a random source: the instant and the randomness are arguments.

mod addressing;
mod advice;
mod asserted;
mod callback;
mod claim;
mod conversation;
mod demand;
mod dialect;
mod elements;
mod envelope;
mod fault;
mod handed;
mod header;
mod initiator;
mod keys;
mod limits;
mod message_terms;
mod names;
mod open;
mod operation_terms;
mod plain;
pub mod portrait;
mod private_key;
mod received;
mod recipient;
mod refusal;
mod reply;
mod seal;
mod terms;
mod time;
mod timestamp;
mod token;
mod translate;
mod trust;
mod unsecured;

pub use advice::{Advice, AnswerAdvice, Lack};
pub use asserted::{Asserted, Form, IDENTITY};
pub use callback::{Callbacks, Channel};
pub use claim::Claim;
pub use conversation::{Context, ConversationId, Holder, NotARecord, Outlived, Principal, Restorer};
pub use dialect::{Dialect, FEBRUARY_2005, TrustVerb, V13};
pub use fault::{Fault, Told};
pub use initiator::{
    Arrived, Expectation, Initiator, Opening, Outbound, PolicyReading, SealPlain, Settings as InitiatorSettings,
    Supposed,
};
pub use keys::{Credential, Passwords, Tenure};
pub use limits::Limits;
pub use open::Once;
pub use plain::Plain;
pub use received::{HttpFacts, Received, Request, Transport};
pub use recipient::{Issue, Issued, Opened, Recipient, SealCookie, Settings as RecipientSettings};
pub use refusal::{Class, Refusal};
pub use reply::{Answer, Message, Reply};
pub use seal::Unsealed;
pub use terms::NotBuilt;
pub use time::Time;
pub use timestamp::Freshness;
pub use token::context::MAX_COOKIE;
pub use token::username::{Password, PasswordDigest, Username};
pub use translate::Faults;
pub use unsecured::{Correlation, Unsecured};
