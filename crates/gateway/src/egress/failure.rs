//! Everything that can go wrong with a call, and the little that is told of it.

use nuncio_wss::{Fault, Refusal, SealPlain, Told, Unsealed};

use crate::metrics::Outcome;
use crate::pool::Overfull;
use crate::random::NoEntropy;
use crate::upstream::Unavailable;

/// Why there is no answer of the service's. Its `Display` is for the log.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The service cannot be reached, is slow, or speaks no SOAP.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// It took longer than may be, with all that a call takes.
    #[error("the service did not answer within {0:?}, with the conversation that was begun for the call")]
    Late(std::time::Duration),
    /// Its answer is not what the policy says that it is. Nothing of it goes on.
    #[error("the service's answer is not believed: {0}")]
    Unbelieved(Refusal),
    /// It answered with a fault that nobody vouches for.
    #[error("the service answered with a fault without security: {0}")]
    Unsecured(Told),
    /// It does not give a conversation.
    #[error("the service gives no conversation: {0}")]
    NoConversation(String),
    /// It does not end one.
    #[error("the service does not end the conversation: {0}")]
    NotCancelled(String),
    /// It sent nothing where the contract has an answer.
    #[error("the service took the message and sent no answer")]
    NoAnswer,
    /// An answer that came before.
    #[error("the service's answer was seen before")]
    Replayed,
    /// Whether it came before could not be said of the next that is like it: as many are remembered as may, or it cannot be
    /// written down.
    #[error(
        "that the service's answer was seen cannot be noted: there is no room for it, or it cannot be written down"
    )]
    Unnoted,
    /// Nobody can say whether it is one.
    #[error("whether the service's answer was seen before is not known: {0}")]
    Unclaimed(crate::shared::Unavailable),
    /// The plain request cannot be sealed.
    #[error(transparent)]
    Unsealable(#[from] SealPlain),
    /// A token is missing, or a fault of ours.
    #[error(transparent)]
    Unsealed(#[from] Unsealed),
    /// The service's contract, and so its policy, is not known yet.
    #[error("the service's policy is not known: {0}")]
    Unprepared(String),
    /// It is known, and of no use here.
    #[error("the service's policy is of no use: {0}")]
    Unusable(String),
    /// As much work waits as may.
    #[error(transparent)]
    Overfull(#[from] Overfull),
    /// A fault of the machine's.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
    /// A fault of ours.
    #[error("the attempt panicked, which is a fault of ours")]
    Panicked,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnsecuredFault(told) => Self::Unsecured(told),
            refusal => Self::Unbelieved(refusal),
        }
    }
}

impl Failure {
    /// Whether the service says that it did not take the security of the message.
    pub(super) fn is_of_security(&self) -> bool {
        matches!(self, Self::Unsecured(told) if told.security)
    }

    /// Whether the service refuses, and would again at once.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::Unsecured(_) | Self::NoConversation(_) | Self::Unsealed(_))
    }

    /// Whether the service refuses who calls, as far as it can be told from the other reasons for a refusal.
    pub(super) fn is_of_caller(&self) -> bool {
        matches!(self, Self::Unsecured(_) | Self::NoConversation(_))
    }

    /// Whether nothing was sent, since no message could be made.
    pub(super) fn is_ours(&self) -> bool {
        matches!(self, Self::Unsealable(_) | Self::Unsealed(_) | Self::NoEntropy(_) | Self::Overfull(_))
    }

    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Unavailable(Unavailable::Busy(_)) | Self::Overfull(_) => Outcome::Busy,
            Self::Unsealable(SealPlain::Unreadable(refusal)) => Outcome::Refused(refusal.class()),
            Self::Unsealed(_) | Self::Unsealable(_) | Self::NoEntropy(_) | Self::Panicked => Outcome::Failed,
            _ => Outcome::Unavailable,
        }
    }

    /// What the plain client is told.
    pub(super) fn fault(&self) -> Fault {
        match self {
            Self::Unavailable(Unavailable::Busy(_)) | Self::Overfull(_) => Fault::busy(),
            Self::Unavailable(Unavailable::Slow(_)) | Self::Late(_) => Fault::late(),
            Self::Unsealable(SealPlain::Unreadable(refusal)) => Fault::refusal(refusal.class(), &nuncio_wss::V13),
            Self::Unbelieved(_) | Self::Replayed | Self::Unnoted | Self::Unclaimed(_) | Self::NoAnswer => {
                Fault::unbelieved()
            }
            Self::Unsecured(_) | Self::NoConversation(_) => Fault::not_let_in(),
            _ => Fault::unavailable(),
        }
    }
}
