//! Messages of a port that has no security: read as strictly as any other, and believed in nothing.

use nuncio_policy::model::{Addressing, SoapVersion};
use nuncio_xml::Writer;

use crate::addressing::{self, Headers, Replies};
use crate::envelope::Envelope;
use crate::limits::Limits;
use crate::plain::{self, Plain};
use crate::received::{HttpFacts, agreed_action};
use crate::refusal::Refusal;
use crate::translate::{self, Faults};

/// A message without security.
pub struct Unsecured {
    envelope: Envelope,
    action: Option<String>,
    addressing: Addressing,
}

/// What an answer to a plain request says of the request, in the addressing in which that came.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Correlation {
    addressing: Addressing,
    message_id: Option<String>,
}

impl Correlation {
    /// That of a request without addressing: nothing.
    pub const NONE: Self = Self { addressing: Addressing::None, message_id: None };

    /// Whether anything is to be said.
    pub(crate) fn is_said(&self) -> bool {
        self.addressing != Addressing::None
    }

    /// The addressing in which the request came.
    pub fn addressing(&self) -> Addressing {
        self.addressing
    }

    /// The id of the request.
    pub fn message_id(&self) -> Option<&str> {
        self.message_id.as_deref()
    }

    /// Writes the addressing headers of an answer under that action.
    pub(crate) fn write(&self, writer: &mut Writer, action: Option<&str>, fault: bool) {
        let Some(namespace) = addressing::namespace(self.addressing) else { return };
        let action = action.or(fault.then(|| addressing::fault_action(namespace)));
        let headers = [
            ("Action", action),
            ("RelatesTo", self.message_id.as_deref()),
            ("To", Some(addressing::anonymous(namespace))),
        ];
        for (local, value) in headers {
            let Some(value) = value else { continue };
            writer.start("a", namespace, local);
            writer.text(value);
            writer.end();
        }
    }
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
        Ok(Self { envelope, action, addressing: version })
    }

    /// The version of SOAP that it is in.
    pub fn soap(&self) -> SoapVersion {
        self.envelope.soap
    }

    /// Where its answer is to go, if not to the back channel of the transport.
    pub fn answers_elsewhere(&self) -> bool {
        self.envelope.addressing.reply_to.is_some() || self.envelope.addressing.fault_to.is_some()
    }

    /// What its answer says of it.
    pub fn correlation(&self) -> Correlation {
        let message_id = self.envelope.addressing.message_id.as_ref().map(|text| text.value.clone());
        Correlation { addressing: self.addressing, message_id }
    }

    /// What it is made of.
    pub(crate) fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// The action that it names.
    pub fn action(&self) -> Option<&str> {
        self.action.as_deref()
    }

    /// The message written anew, its addressing with it.
    pub fn plain(&self) -> Plain {
        plain::write(&self.envelope, &plain::travelling(&self.envelope, true), self.action(), None)
    }

    /// The message written anew in that version of SOAP, without its addressing.
    pub(crate) fn plain_in(&self, version: SoapVersion) -> Plain {
        let blocks = plain::travelling(&self.envelope, false);
        let body = translate::write(&self.envelope, &blocks, version, Faults::Whole, None);
        plain::sent(version, self.action(), body)
    }
}
