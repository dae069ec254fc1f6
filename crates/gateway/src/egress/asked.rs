//! What a plain request asks for, before anybody asks who sent it.

use nuncio_wss::{Initiator, Unsecured};

/// Why a plain request that can be read is not sent on.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum NotSent {
    /// It has no action.
    #[error("the message names no action, and its body none that the contract has")]
    NoAction,
    /// It wants its answer elsewhere than on the way on which it came.
    #[error("the message wants its answer sent elsewhere")]
    AnsweredElsewhere,
}

/// Its answer goes back on the way on which it came, and nowhere else.
pub(crate) fn check_replies(message: &Unsecured) -> Result<(), NotSent> {
    if message.answers_elsewhere() { Err(NotSent::AnsweredElsewhere) } else { Ok(()) }
}

/// The action under which it goes to the service: that of the contract's operation, or else the one that it names.
pub(crate) fn action_of(initiator: &Initiator, message: &Unsecured) -> Result<String, NotSent> {
    let known = initiator.operation_of(message).map(|operation| operation.input.action.as_str());
    let action = known.or_else(|| message.action()).ok_or(NotSent::NoAction)?;
    // It goes into HTTP headers.
    if !action.bytes().all(|octet| octet.is_ascii_graphic() && octet != b'"' && octet != b'\\') {
        return Err(NotSent::NoAction);
    }
    Ok(action.to_owned())
}
