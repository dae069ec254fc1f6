//! Canonicalising: canonical form is read back as itself, for each element; and a copy is what was copied.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use nuncio_fuzz::{LIMITS, canonical, check_canonical};
use nuncio_xml::{Document, Writer};

fuzz_target!(|data: &[u8]| -> Corpus {
    let Ok(document) = Document::read(data.to_vec(), &LIMITS) else { return Corpus::Keep };
    let root = document.root();
    check_canonical(&document, root);
    for child in document.elements(root).take(8) {
        check_canonical(&document, child);
    }
    let mut writer = Writer::new();
    writer.copy(&document, root);
    let mut form = Vec::new();
    writer.canonical(0..writer.bytes().len(), &mut form);
    assert!(form == canonical(&document, root), "the writer's canonical octets are the canonicaliser's");
    let copy = Document::read(writer.into_bytes(), &LIMITS);
    if let Ok(copy) = copy {
        assert!(canonical(&copy, copy.root()) == form, "a copy means what was copied");
    }
    Corpus::Keep
});
