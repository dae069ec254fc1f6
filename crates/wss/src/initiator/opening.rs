//! An answer that was opened, and what a plain client gets of it.

use nuncio_policy::model::SoapVersion;
use nuncio_xml::{NodeId, Writer};

use crate::envelope::Envelope;
use crate::fault::{self, Told};
use crate::keys::SharedKey;
use crate::open;
use crate::plain::{self, Plain};
use crate::reply::Message;
use crate::translate::{self, Faults};
use crate::unsecured::Correlation;

/// An answer that was opened.
pub struct Opening {
    pub(super) envelope: Envelope,
    pub(super) once: Option<open::Once>,
    /// The key that came in it as an encrypted key.
    pub(super) shared: Option<SharedKey>,
    /// Header blocks that no signature covers.
    pub(super) unverified: Vec<NodeId>,
}

impl Opening {
    /// Whether it is a fault.
    pub fn is_fault(&self) -> bool {
        self.envelope.is_fault()
    }

    /// Whether it says, with the service's word for it, which request it answers.
    pub fn is_correlated(&self) -> bool {
        let relates_to = self.envelope.addressing.relates_to.as_ref();
        relates_to.is_some_and(|text| !self.unverified.contains(&text.node))
    }

    /// The id of the request that it says it answers, whoever vouches for that.
    pub fn relates_to(&self) -> Option<&str> {
        self.envelope.addressing.relates_to.as_ref().map(|text| text.value.as_str())
    }

    /// Whether it is a fault that the context is not known any more, or that its time is over: the request was not acted on.
    pub fn is_of_lost_context(&self) -> bool {
        self.needs_renewal() || self.is_fault() && self.envelope.security.is_none() && Told::by(&self.envelope).security
    }

    /// Whether it is a fault that says, in the words of WS-Security, that the security of the request was not taken: who sent it
    /// is not who he says, or it is not protected as it must be.
    pub fn is_of_security(&self) -> bool {
        let told = Told::by(&self.envelope);
        self.is_fault() && (told.security || told.authentication)
    }

    /// Whether the service vouches for it: it has a security header, which was opened.
    pub fn is_secured(&self) -> bool {
        self.envelope.security.is_some()
    }

    /// The beginning of the reason that a fault gives.
    pub fn reason(&self) -> String {
        Told::by(&self.envelope).reason
    }

    /// Whether it is the fault that the context which the request was under must be renewed: the request was not acted on.
    pub fn needs_renewal(&self) -> bool {
        fault::needs_renewal(&self.envelope)
    }

    /// The action that it names.
    pub fn action(&self) -> Option<&str> {
        self.envelope.addressing.action.as_ref().map(|text| text.value.as_str())
    }

    /// The answer without security, as a plain client gets it.
    pub fn plain(&self) -> Plain {
        plain::write(&self.envelope, &plain::travelling(&self.envelope, false), None, None)
    }

    /// The answer without security in that version of SOAP, and with addressing where the plain request had some.
    pub fn answer(&self, version: SoapVersion, correlation: &Correlation) -> Message {
        let blocks = plain::travelling(&self.envelope, false);
        let action = self.action();
        let addressed = |writer: &mut Writer| correlation.write(writer, action, self.is_fault());
        let besides = correlation.is_said().then_some(&addressed as &dyn Fn(&mut Writer));
        let body = if version == self.envelope.soap {
            plain::write_with(&self.envelope, &blocks, besides)
        } else {
            translate::write(&self.envelope, &blocks, version, Faults::Whole, besides)
        };
        Message { content_type: plain::content_type(version), fault: self.is_fault(), body }
    }

    /// The local names of header blocks that travel without a signature over them.
    pub fn unverified(&self) -> impl Iterator<Item = &str> {
        plain::unverified(&self.envelope, &self.unverified, false)
    }

    /// What is to be claimed against replays; `None` where nothing in it is unique.
    pub fn once(&self) -> Option<open::Once> {
        self.once
    }
}
