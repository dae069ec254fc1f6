//! `wsu:Timestamp` ([WSS 1.1] section 10, [BSP 1.1] section 7).

use std::time::Duration;

use nuncio_xml::{Document, NodeId, Writer};

use crate::names::WSU;
use crate::refusal::Refusal;
use crate::time::Time;
use crate::token::{elements, text};

const OF: &str = "Timestamp";

/// How old a message may be.
#[derive(Clone, Copy, Debug)]
pub struct Freshness {
    /// By how much the sender's clock may differ from ours.
    pub skew: Duration,
    /// For how long after its creation a message is taken, whatever it says itself.
    pub window: Duration,
}

/// When a message was created, and until when it may be used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timestamp {
    pub(crate) created: Time,
    pub(crate) expires: Option<Time>,
}

impl Timestamp {
    /// Reads the timestamp at `node`: exactly one `Created`, at most one `Expires` after it.
    pub(crate) fn read(document: &Document, node: NodeId) -> Result<Self, Refusal> {
        let children = elements(document, node, OF)?;
        let (created, expires) = match children.as_slice() {
            [created] => (*created, None),
            [created, expires] if document.is(*expires, WSU, "Expires") => (*created, Some(*expires)),
            _ => return Err(Refusal::header(OF, "is not a creation and an expiry")),
        };
        if !document.is(created, WSU, "Created") {
            return Err(Refusal::header(OF, "has no creation"));
        }
        let instant = |node| -> Result<Time, Refusal> {
            Time::parse(&text(document, node, OF)?).ok_or(Refusal::header(OF, "has an instant that is none in UTC"))
        };
        let created = instant(created)?;
        let expires = expires.map(instant).transpose()?;
        if expires.is_some_and(|expires| expires <= created) {
            return Err(Refusal::header(OF, "expires before it was created"));
        }
        Ok(Self { created, expires })
    }

    /// The instant at which something was created that says nothing of its end.
    pub(crate) const fn created(created: Time) -> Self {
        Self { created, expires: None }
    }

    /// Refuses a message that is too old, or from the future.
    pub(crate) fn check(&self, freshness: &Freshness, now: Time) -> Result<(), Refusal> {
        if self.created > now.plus(freshness.skew) {
            return Err(Refusal::FromTheFuture { created: self.created, now });
        }
        if now >= self.until(freshness) {
            return Err(Refusal::Expired { created: self.created, expires: self.expires, now });
        }
        Ok(())
    }

    /// From when on the message is refused as too old.
    pub(crate) fn until(&self, freshness: &Freshness) -> Time {
        let latest = self.created.plus(freshness.window);
        self.expires.map_or(latest, |expires| expires.min(latest)).plus(freshness.skew)
    }
}

/// Writes a timestamp that begins at `now` and lasts for `lifetime`.
pub(crate) fn write(writer: &mut Writer, id: &str, now: Time, lifetime: Duration) {
    writer.start("u", WSU, OF);
    writer.attribute_ns("u", WSU, "Id", id);
    for (local, instant) in [("Created", now), ("Expires", now.plus(lifetime))] {
        writer.start("u", WSU, local);
        writer.text(&instant.to_string());
        writer.end();
    }
    writer.end();
}
