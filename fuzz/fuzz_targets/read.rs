//! Reading: no panic, and a document that keeps its own laws.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nuncio_fuzz::{LIMITS, visit};
use nuncio_xml::Document;

fuzz_target!(|data: &[u8]| {
    if let Ok(document) = Document::read(data.to_vec(), &LIMITS) {
        visit(&document);
    }
});
