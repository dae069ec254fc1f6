//! What went over the wire and how long each part of it took, for whoever makes one call and wants to see it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nuncio_wss::{Expectation, Outbound};

use crate::upstream::Answer;

/// Messages that were exchanged, in their order.
#[derive(Default)]
pub(crate) struct Recorder(Mutex<Vec<Exchanged>>);

/// A message to the service, and what came back.
pub(crate) struct Exchanged {
    /// What is remembered of it: its keys, and the context that it was under.
    pub(crate) expectation: Expectation,
    /// How long it took to seal.
    pub(crate) sealed: Duration,
    /// What was sent.
    pub(crate) sent: Wire,
    /// From sending it to the end of its answer; `None` where nothing came.
    pub(crate) waited: Option<Duration>,
    /// What came.
    pub(crate) came: Option<Wire>,
    /// The HTTP status of that.
    pub(crate) status: Option<u16>,
    /// How long that took to open.
    pub(crate) opened: Option<Duration>,
}

/// A message as it is on the wire.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wire {
    /// `Content-Type`.
    pub(crate) content_type: String,
    /// `SOAPAction`.
    pub(crate) soap_action: Option<String>,
    /// The envelope.
    pub(crate) body: Vec<u8>,
}

impl Recorder {
    pub(super) fn sealed(&self, expectation: &Expectation, message: &Outbound, took: Duration) {
        let Outbound { content_type, soap_action, body } = message;
        let (content_type, soap_action, body) = (content_type.clone(), soap_action.clone(), body.clone());
        self.all().push(Exchanged {
            expectation: expectation.clone(),
            sealed: took,
            sent: Wire { content_type, soap_action, body },
            waited: None,
            came: None,
            status: None,
            opened: None,
        });
    }

    pub(super) fn answered(&self, answer: &Answer, took: Duration) {
        if let Some(last) = self.all().last_mut() {
            let Answer { status, content_type, body } = answer;
            last.waited = Some(took);
            last.status = Some(*status);
            last.came = Some(Wire { content_type: content_type.clone(), soap_action: None, body: body.clone() });
        }
    }

    pub(super) fn opened(&self, took: Duration) {
        if let Some(last) = self.all().last_mut() {
            last.opened = Some(took);
        }
    }

    /// What was recorded since it was taken last.
    pub(crate) fn take(&self) -> Vec<Exchanged> {
        std::mem::take(&mut *self.all())
    }

    fn all(&self) -> MutexGuard<'_, Vec<Exchanged>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
