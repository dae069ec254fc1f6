//! What of a request that was opened is handed on: to which backend, in which version of SOAP.

use nuncio_policy::model::{Binding, SoapVersion};
use nuncio_xml::Writer;

use crate::asserted::Asserted;
use crate::plain::{self, Plain};
use crate::recipient::Opened;
use crate::translate::{self, Faults};

impl Opened {
    /// Its action, where its sender has proved it: a signature covers the header that says it; or TLS, in a policy that
    /// counts on that, covers all; or only one operation of the contract has what is in the body, as far as the policy has
    /// that signed. `None` where it may be anybody's word, such as an HTTP header's.
    pub fn verified_action(&self) -> Option<&str> {
        if matches!(self.terms.policy.binding, Binding::Transport(_)) {
            return self.action();
        }
        match &self.envelope.addressing.action {
            Some(action) if self.evidence.unverified.contains(&action.node) => None,
            Some(action) => Some(&action.value),
            None => self.terms.only_operation_of(&self.envelope).map(|terms| &*terms.operation.input.action),
        }
    }

    /// The version of SOAP that it is in, and its answer.
    pub fn soap(&self) -> SoapVersion {
        self.envelope.soap
    }

    /// The message as the backend gets it: written anew from the nodes that were verified.
    pub fn plain(&self) -> Plain {
        self.plain_in(self.envelope.soap, None)
    }

    /// The message as a backend gets it that speaks that version of SOAP, which may be the other; with what is asserted of
    /// who sent it, and without what a client says in its place.
    pub fn plain_in(&self, version: SoapVersion, asserted: Option<&Asserted<'_>>) -> Plain {
        let mut blocks = plain::travelling(&self.envelope, self.recipient.settings.forward_addressing);
        if let Some(asserted) = asserted {
            blocks.retain(|&block| !asserted.displaces(&self.envelope.document, block));
        }
        if version == self.envelope.soap {
            return plain::write(&self.envelope, &blocks, self.plain_action(), asserted);
        }
        let asserted = asserted.filter(|asserted| asserted.is_said());
        let write = |writer: &mut Writer| asserted.into_iter().for_each(|asserted| asserted.write(writer));
        let besides = asserted.is_some().then_some(&write as &dyn Fn(&mut Writer));
        let body = translate::write(&self.envelope, &blocks, version, Faults::Whole, besides);
        plain::sent(version, self.plain_action(), body)
    }

    /// The action that a plain message says: that of the contract's transport, or its own.
    fn plain_action(&self) -> Option<&str> {
        let soap_action = self.operation().and_then(|terms| terms.operation.input.soap_action.as_deref());
        soap_action.filter(|action| !action.is_empty()).or(self.action.as_deref())
    }
}
