//! What the player judges: both ends of a conversation, seen through six functions.

use crate::recording::{Exchange, Scenario};

/// Our recipient and our initiator, set up for one scenario.
pub trait Subject: Sized {
    /// Whether the port has security: where it has none, nothing of a message may be secured.
    const SECURED: bool = true;

    /// Sets both ends up from the scenario's policy or WSDL, certificates, keys and users, and nothing else.
    fn start(scenario: &Scenario) -> Result<Self, Halt>;

    /// Our recipient loses all its contexts.
    fn forget(&mut self);

    /// Our recipient opens the request, at `request_at`.
    ///
    /// What the initiator's state would be (the secret, entropy, `MessageID` and signature values of the request) is kept for
    /// [`Subject::response`] under the exchange's number: requests may overlap.
    fn request(&mut self, exchange: &Exchange) -> Result<Opened, Halt>;

    /// Our initiator opens the response, at `response_at`; a context that it brings is known to both ends after it.
    fn response(&mut self, exchange: &Exchange) -> Result<Opened, Halt>;

    /// Our initiator opens what the service sent as a request of its own, at `request_at`: the answer to the request of that
    /// exchange, as [`Subject::response`], or a message that answers none.
    fn arrival(&mut self, exchange: &Exchange, answers: Option<u32>) -> Result<Opened, Halt>;
}

/// What was in a message.
pub struct Opened {
    /// The plain envelope.
    pub envelope: Vec<u8>,
    /// The action, where the message version has one.
    pub action: Option<String>,
    /// The contexts that the message brought.
    pub contexts: Vec<Context>,
}

/// A context as an end knows it.
pub struct Context {
    /// `wsc:Identifier`.
    pub identifier: String,
    /// `wsc:Instance`, after a renewal.
    pub instance: Option<String>,
    /// The key.
    pub key: Vec<u8>,
}

/// Why a message was not opened.
#[derive(Debug, Eq, PartialEq)]
pub enum Halt {
    /// The scenario needs what is not built yet: which assertion, algorithm or message.
    NotBuilt(String),
    /// The message was refused: the exact reason.
    Refused(String),
    /// The message is a fault without security: its reason. Only an initiator says so.
    Unsecured(String),
}
