//! Messages of a port that has no security: read as strictly as any other, and believed in nothing.

use nuncio_policy::model::{Addressing, SoapVersion};

use crate::addressing::{self, Headers, Replies};
use crate::envelope::Envelope;
use crate::limits::Limits;
use crate::plain::{self, Plain};
use crate::received::{HttpFacts, agreed_action};
use crate::refusal::Refusal;

/// A message without security.
pub struct Unsecured {
    envelope: Envelope,
    action: Option<String>,
}

impl Unsecured {
    /// Reads a message of that version of SOAP, from either side. Its addressing is of whichever version it is written in,
    /// and of one alone.
    ///
    /// # Errors
    ///
    /// Where it is no envelope of that version within the limits, where it names two actions, and where it has a security
    /// header for us: nothing would be done with it that its sender counts on.
    pub fn read(http: &HttpFacts<'_>, soap: SoapVersion, body: Vec<u8>, limits: &Limits) -> Result<Self, Refusal> {
        if http.soap() != Some(soap) {
            return Err(Refusal::Envelope("is of another version of SOAP than the port's"));
        }
        let mut envelope = Envelope::read_sealed(body, http.encoding(), soap, limits)?;
        if envelope.security.is_some() {
            return Err(Refusal::header("Security", "is there, and the port has no security"));
        }
        envelope.check_in_clear()?;
        let document = &envelope.document;
        let written = |&version: &Addressing| {
            let namespace = addressing::namespace(version);
            envelope.blocks.iter().any(|&block| Some(document.name(block).namespace) == namespace)
        };
        let version = [Addressing::V10, Addressing::August2004].into_iter().find(written).unwrap_or(Addressing::None);
        envelope.addressing = Headers::read(document, &envelope.blocks, version, Replies::Address)?;
        let action = agreed_action(&envelope.addressing, http.action())?;
        Ok(Self { envelope, action })
    }

    /// The action that it names.
    pub fn action(&self) -> Option<&str> {
        self.action.as_deref()
    }

    /// The message written anew, its addressing with it.
    pub fn plain(&self) -> Plain {
        plain::write(&self.envelope, &plain::travelling(&self.envelope, true), self.action(), None)
    }
}
