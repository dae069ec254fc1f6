//! The security header written around its children.

use std::ops::Range;

use nuncio_xml::Writer;

use crate::names::WSSE;
use crate::token::reference::PREFIX;

/// Writes the security header with those pieces of the scratch writer in it.
pub(super) fn write(out: &mut Writer, soap: &str, scratch: &Writer, pieces: &[Range<usize>]) {
    out.start(PREFIX, WSSE, "Security");
    out.attribute_ns("s", soap, "mustUnderstand", "1");
    for piece in pieces {
        out.piece(scratch, piece.clone());
    }
    out.end();
}
