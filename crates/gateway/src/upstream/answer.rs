//! What comes back from a backend, and every way in which nothing does.

use reqwest::Response;

use super::client::unavailable;
use crate::http::with_decrypted;
use crate::media;
use crate::metrics::Call;

/// What a backend answered.
#[derive(Debug, Eq, PartialEq)]
pub struct Answer {
    /// The status: of success, or one that carries a SOAP fault.
    pub status: u16,
    /// `Content-Type`: SOAP's, or empty where the body is.
    pub content_type: String,
    /// The body; empty for a one-way call.
    pub body: Vec<u8>,
}

/// Why there is no answer to pass on. For the log alone: it may name hosts.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// No connection within the time for it.
    #[error("the backend cannot be reached: {0}")]
    Unreachable(String),
    /// Connected, but the answer did not come in time.
    #[error("the backend did not answer in time: {0}")]
    Slow(String),
    /// The connection or the answer broke.
    #[error("the backend's answer broke off: {0}")]
    Broken(String),
    /// The answer is larger than the route allows.
    #[error("the backend's answer has more than {0} octets")]
    TooLarge(usize),
    /// It answered something that is no SOAP message.
    #[error("the backend answered {status} with Content-Type {content_type:?}, which is no SOAP message")]
    NotSoap {
        /// The status.
        status: u16,
        /// The content type.
        content_type: String,
    },
    /// It publishes nothing there.
    #[error("the backend answered {0} where it should publish a document")]
    NotPublished(u16),
    /// It compresses what it was asked to send as it is.
    #[error("the backend's document has Content-Encoding {0}")]
    Encoded(String),
    /// Every URL has as many calls as it may.
    #[error("each URL of the backend has the {0} calls that it may have")]
    Busy(usize),
    /// Every URL is out of service, by its health checks or since its calls failed.
    #[error("the backend is out of service")]
    OutOfService,
    /// The message itself cannot be put into a request: a fault of ours.
    #[error("the request to the backend cannot be built: {0}")]
    Request(String),
}

impl Unavailable {
    /// What it says of the URL that was called.
    pub(super) fn call(&self) -> Call {
        match self {
            Self::Unreachable(_) => Call::Unreachable,
            Self::Slow(_) | Self::Broken(_) => Call::Failed,
            Self::NotSoap { status, .. } if *status >= 500 => Call::Failed,
            // It answered, as it was made to.
            _ => Call::Answered,
        }
    }
}

/// Whether a response is an answer, by its status, its content type and whether something is in it: SOAP under a status of success
/// or of a fault; or nothing, under a status that says that the message was taken.
pub(crate) fn check(status: u16, content_type: &str, is_empty: bool) -> Result<(), Unavailable> {
    match status {
        200 | 202 | 204 if is_empty => Ok(()),
        200 | 202 | 400..=599 if media::version(content_type).is_some() && !is_empty => Ok(()),
        _ => Err(Unavailable::NotSoap { status, content_type: content_type.to_owned() }),
    }
}

/// How many octets an answer of that status may have; what is a fault by its status may be bound more narrowly.
pub(crate) fn limit(status: u16, any: usize, fault: usize) -> usize {
    if status < 400 { any } else { fault.min(any) }
}

/// The body of a response of so many octets at most; with room behind it for what is decrypted from it, if it is sealed.
pub(super) async fn whole(mut response: Response, limit: usize, sealed: bool) -> Result<Vec<u8>, Unavailable> {
    let declared = response.content_length().and_then(|length| usize::try_from(length).ok());
    let expected = declared.unwrap_or(0).min(limit);
    let mut body = Vec::with_capacity(if sealed { with_decrypted(expected) } else { expected });
    while let Some(chunk) = response.chunk().await.map_err(unavailable)? {
        if chunk.len() > limit - body.len() {
            return Err(Unavailable::TooLarge(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
