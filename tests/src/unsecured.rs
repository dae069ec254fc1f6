//! A port without security as the player sees it: every message is read as strictly as any, and forwarded plain.

use nuncio_policy::model::SoapVersion;
use nuncio_wss::HttpFacts;

use crate::ends::{limits, terms};
use crate::http::HttpMessage;
use crate::recording::{Exchange, Scenario};
use crate::subject::{Halt, Opened, Subject};

/// Both ends of what has no security: there is nothing to remember.
pub struct Unsecured {
    soap: SoapVersion,
}

impl Subject for Unsecured {
    const SECURED: bool = false;

    fn start(scenario: &Scenario) -> Result<Self, Halt> {
        let (_, port) = terms(scenario)?;
        Ok(Self { soap: port.soap })
    }

    fn forget(&mut self) {}

    fn request(&mut self, exchange: &Exchange) -> Result<Opened, Halt> {
        self.read(&exchange.request, exchange.request_action.as_deref())
    }

    fn response(&mut self, exchange: &Exchange) -> Result<Opened, Halt> {
        self.read(&exchange.response, exchange.response_action.as_deref())
    }

    fn arrival(&mut self, exchange: &Exchange, _: Option<u32>) -> Result<Opened, Halt> {
        self.read(&exchange.request, exchange.request_action.as_deref())
    }
}

impl Unsecured {
    /// Reads a message; its action where the recording has one.
    fn read(&self, message: &HttpMessage, action: Option<&str>) -> Result<Opened, Halt> {
        let facts = HttpFacts { content_type: message.content_type(), soap_action: message.soap_action() };
        let read = nuncio_wss::Unsecured::read(&facts, self.soap, message.body.clone(), &limits())
            .map_err(|refusal| Halt::Refused(refusal.to_string()))?;
        let action = action.and(read.action()).map(str::to_owned);
        Ok(Opened { envelope: read.plain().body, action, contexts: Vec::new() })
    }
}
