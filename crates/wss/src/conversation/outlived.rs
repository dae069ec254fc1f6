//! A request under a context whose time is over: that the context must be renewed ([WS-SecureConversation 1.4] section 9).
//!
//! WCF says so under the key of the context, and its client and Metro's renew then; a fault in clear ends WCF's session.
//! Nobody but who has the key is told, and nothing else is done for him.

use std::sync::Arc;

use nuncio_crypto::random::Random;

use super::Context;
use crate::fault::Fault;
use crate::received::{Received, Request, Transport};
use crate::recipient::{Opened, Recipient};
use crate::refusal::Refusal;
use crate::reply::{Message, Reply};
use crate::seal::Unsealed;
use crate::time::Time;

/// A request of the application's that was opened under a context whose time is over. It can be answered and not forwarded.
pub struct Outlived {
    opened: Opened,
    refusal: Refusal,
}

impl Recipient {
    /// Opens a request of the application's under the context that it names, whose time is over.
    ///
    /// # Errors
    ///
    /// As [`Recipient::open`]; [`Refusal::OutlivedContext`] where the context cannot be renewed, or did not sign the message.
    pub fn open_outlived(
        self: &Arc<Self>,
        received: Received,
        context: Arc<Context>,
        transport: Transport,
        now: Time,
    ) -> Result<Outlived, Refusal> {
        let refusal = Refusal::OutlivedContext(context.identifier.to_string());
        let opened = self.open_late(received, context, transport, now)?;
        let renews = opened.terms.conversation().is_some_and(|token| token.renew);
        let outlives = opened.context().is_some_and(|context| context.expires <= now);
        if renews && outlives && opened.request() == Request::Application {
            Ok(Outlived { opened, refusal })
        } else {
            Err(refusal)
        }
    }
}

impl Outlived {
    /// Why it is not forwarded, for the log.
    pub fn refusal(&self) -> &Refusal {
        &self.refusal
    }

    /// The conversation that it is in.
    pub fn context(&self) -> Option<&Arc<Context>> {
        self.opened.context()
    }

    /// Seals the fault that the context must be renewed.
    pub fn seal(self, now: Time, random: &mut dyn Random) -> Result<Message, Unsealed> {
        let fault = Fault::renew_needed(self.opened.terms.dialect());
        Reply::new(self.opened).seal_session_fault(fault, now, random)
    }
}
