//! What reading, canonicalising and copying a message cost, in octets per second.

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nuncio_xml::{Document, Each, Limits, Writer, exclusive};

const LIMITS: Limits = Limits {
    bytes: 4 << 20,
    depth: 64,
    attributes: 64,
    attribute_bytes: 16 << 10,
    declarations: 32,
    declarations_in_scope: 96,
    elements: 200_000,
    children: 100_000,
    name_bytes: 256,
    names: 4096,
    text_bytes: 512 << 10,
};

/// A secured request with a header of the usual shape and a body of many small elements, of about `size` octets.
fn message(size: usize) -> String {
    let mut out = String::from(concat!(
        r#"<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://www.w3.org/2005/08/addressing" "#,
        r#"xmlns:u="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"><s:Header>"#,
        r#"<a:Action s:mustUnderstand="1" u:Id="_2">urn:orders/Submit</a:Action>"#,
        r#"<a:MessageID u:Id="_3">urn:uuid:5f0c1a2e-0b6d-4a55-9c6f-0a5d8c3f7e11</a:MessageID>"#,
        r#"<a:To s:mustUnderstand="1" u:Id="_4">https://orders.example/submit</a:To>"#,
        r#"<o:Security s:mustUnderstand="1" xmlns:o="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd">"#,
        r#"<u:Timestamp u:Id="_0"><u:Created>2026-11-20T10:00:00.000Z</u:Created><u:Expires>2026-11-20T10:05:00.000Z</u:Expires></u:Timestamp>"#,
        r#"<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo>"#,
        r#"<CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>"#,
        r#"<SignatureMethod Algorithm="http://www.w3.org/2000/09/xmldsig#hmac-sha1"/>"#,
    ));
    for id in 0..5 {
        let _ = write!(
            out,
            concat!(
                "<Reference URI=\"#_{}\"><Transforms><Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>",
                "</Transforms><DigestMethod Algorithm=\"http://www.w3.org/2000/09/xmldsig#sha1\"/>",
                "<DigestValue>2jmj7l5rSw0yVb/vlWAYkK/YBwk=</DigestValue></Reference>",
            ),
            id
        );
    }
    out.push_str("</SignedInfo><SignatureValue>2jmj7l5rSw0yVb/vlWAYkK/YBwk=</SignatureValue></Signature>");
    out.push_str(r#"</o:Security></s:Header><s:Body u:Id="_1"><m:Submit xmlns:m="urn:orders"><m:Lines>"#);
    let mut line = 0;
    while out.len() < size {
        let _ = write!(
            out,
            "<m:Line number=\"{line}\"><m:Item>ABC-{line}</m:Item><m:Quantity>{}</m:Quantity><m:Price currency=\"EUR\">{}.50</m:Price><m:Note>to &amp; fro</m:Note></m:Line>",
            line % 17,
            line % 301
        );
        line += 1;
    }
    out.push_str("</m:Lines></m:Submit></s:Body></s:Envelope>");
    out
}

fn benches(criterion: &mut Criterion) {
    for (name, size) in [("6 KiB", 6 << 10), ("1 MiB", 1 << 20)] {
        let source = message(size).into_bytes();
        let Ok(document) = Document::read(source.clone(), &LIMITS) else { return };
        let mut group = criterion.benchmark_group("document");
        group.throughput(Throughput::Bytes(source.len() as u64));
        group.bench_with_input(BenchmarkId::new("read", name), &source, |bench, source| {
            bench.iter_batched(|| source.clone(), |source| Document::read(source, &LIMITS), BatchSize::SmallInput);
        });
        group.bench_with_input(BenchmarkId::new("canonicalise", name), &document, |bench, document| {
            bench.iter(|| {
                let mut octets = 0;
                exclusive(document, document.root(), &[], &mut Each(|bytes: &[u8]| octets += black_box(bytes).len()));
                octets
            });
        });
        group.bench_with_input(BenchmarkId::new("copy", name), &document, |bench, document| {
            bench.iter(|| {
                let mut writer = Writer::new();
                writer.copy(document, document.root());
                writer.into_bytes()
            });
        });
        group.finish();
    }
}

criterion_group!(all, benches);
criterion_main!(all);
