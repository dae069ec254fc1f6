//! Our recipient and our initiator as the player sees them.

use crate::recording::{Exchange, Scenario};
use crate::subject::{Halt, Opened, Subject};

/// Both ends of one conversation.
pub struct Ends(());

impl Subject for Ends {
    fn start(_scenario: &Scenario) -> Result<Self, Halt> {
        Err(Halt::NotBuilt("nuncio-wss opens no messages yet".into()))
    }

    fn forget(&mut self) {}

    fn request(&mut self, _exchange: &Exchange) -> Result<Opened, Halt> {
        Err(Halt::NotBuilt("nuncio-wss opens no messages yet".into()))
    }

    fn response(&mut self, _exchange: &Exchange) -> Result<Opened, Halt> {
        Err(Halt::NotBuilt("nuncio-wss opens no messages yet".into()))
    }
}
