//! Plaintext in the place of what was encrypted: it reaches nothing beyond, and what was signed is what is opened.

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use nuncio_fuzz::{LIMITS, canonical, check_canonical, visit};
use nuncio_xml::{Document, Fragment};

const ENVELOPE: &str = concat!(
    "<s:Envelope xmlns:s='urn:soap' xmlns='urn:default' ",
    "xmlns:u='http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd'>",
    "<s:Header u:Id='header'>signed</s:Header><s:Body u:Id='body' xmlns:b='urn:body'>before",
    "<e:Data xmlns:e='urn:e' xmlns='urn:inner' u:Id='data'><e:Cipher/></e:Data>",
    "<after/></s:Body></s:Envelope>",
);

fn envelope() -> Document {
    Document::read(ENVELOPE.as_bytes().to_vec(), &LIMITS).expect("an envelope")
}

fuzz_target!(|data: &[u8]| {
    static HEADER: OnceLock<Vec<u8>> = OnceLock::new();
    let of_header = |document: &Document| canonical(document, document.by_id("header").expect("a header"));
    let header = HEADER.get_or_init(|| of_header(&envelope()));
    for form in [Fragment::Content, Fragment::Element] {
        let document = envelope();
        let at = document.by_id("data").expect("encrypted data");
        let Ok((document, tops)) = document.graft(at, data.to_vec(), form) else { continue };
        assert!(of_header(&document) == *header, "what stood elsewhere stays what it was");
        let body = document.by_id("body").expect("a body");
        assert!(tops.iter().all(|&top| document.parent(top) == Some(body)), "what came out stands where it stood");
        assert!(document.is_replaced(at) && document.children(body).all(|child| child != at));
        assert!(document.children(document.root()).count() == 2, "an envelope has a header and a body");
        assert!(document.elements(body).last().is_some_and(|last| document.is(last, "urn:default", "after")));
        visit(&document);
        check_canonical(&document, document.root());
    }
});
