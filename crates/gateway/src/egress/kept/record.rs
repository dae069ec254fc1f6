//! A context with a service as it is kept: when it was begun and ends by our clock, and the context itself.

use std::sync::Arc;

use nuncio_wss::{Context, Initiator, Time};
use zeroize::Zeroizing;

/// The version of a record, its first octet.
const VERSION: u8 = 1;

/// A context with a service, and its time.
pub(in crate::egress) struct Record {
    pub(in crate::egress) context: Arc<Context>,
    /// When it was begun, and when it ends, by the clock of whichever gateway began it.
    pub(in crate::egress) begun: Time,
    pub(in crate::egress) end: Time,
}

impl Record {
    /// It as octets, which hold its key. `None` for one with a token of more than 64 KiB.
    pub(super) fn write(&self) -> Option<Zeroizing<Vec<u8>>> {
        let context = self.context.record()?;
        let mut out = Zeroizing::new(Vec::with_capacity(1 + 2 * 8 + context.len()));
        out.push(VERSION);
        out.extend_from_slice(&self.begun.millis().to_be_bytes());
        out.extend_from_slice(&self.end.millis().to_be_bytes());
        out.extend_from_slice(&context);
        Some(out)
    }

    /// What [`Record::write`] gave, for who calls the service now. `None` for anything else.
    pub(super) fn read(octets: &[u8], initiator: &Initiator) -> Option<Self> {
        let rest = octets.strip_prefix(&[VERSION])?;
        let (begun, rest) = rest.split_first_chunk()?;
        let (end, rest) = rest.split_first_chunk()?;
        let at = |octets: &[u8; 8]| Time::from_millis(i64::from_be_bytes(*octets));
        Some(Self { context: Arc::new(initiator.restore(rest).ok()?), begun: at(begun), end: at(end) })
    }
}
