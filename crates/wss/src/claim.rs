//! Whom an opened request comes from.

use std::sync::Arc;

use nuncio_crypto::certificate::Certificate;

use crate::conversation::Context;
use crate::received::Request;
use crate::recipient::Opened;
use crate::token::username::Username;

/// Whom a request comes from, as far as it was proved.
pub enum Claim<'a> {
    /// Nobody in particular.
    Anonymous,
    /// A user, whose password is yet to be checked.
    Username(&'a Username),
    /// The user of that name: a key of the password made a signature.
    User(&'a str),
    /// The holder of a trusted certificate.
    Certificate(&'a Certificate),
    /// The client whose certificate TLS has checked, as the policy has it: who that is, the transport knows.
    Transport,
    /// Whoever established that conversation.
    Context(&'a Arc<Context>),
}

impl Opened {
    /// Whom it comes from.
    pub fn claim(&self) -> Claim<'_> {
        if let (Some(context), false) = (&self.context, self.request == Request::Renew) {
            Claim::Context(context)
        } else if let Some(username) = self.evidence.username.as_ref().filter(|user| user.is_proof()) {
            Claim::Username(username)
        } else if let Some(user) = &self.evidence.user {
            Claim::User(user)
        } else if let Some(certificate) = &self.evidence.certificate {
            Claim::Certificate(certificate)
        } else if self.by_transport {
            Claim::Transport
        } else {
            Claim::Anonymous
        }
    }
}
