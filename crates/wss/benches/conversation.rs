//! What a message of a conversation costs, beside one that brings its own key, and beside work that cannot be left out.
//!
//! Each group has `open` and `seal` of bodies of 1 KiB to 1 MiB, in a conversation under Basic256, signed and then
//! encrypted, the signature too; and for messages, the other end: `ask`, a plain request read and sealed, and `hear`, its
//! answer opened and written plain.
//!
//! | group | |
//! | --- | --- |
//! | `text` | the body is one element of text |
//! | `text, raw work` | digest, cipher and base64 over as many octets |
//! | `markup` | the body is many small elements |
//! | `markup, raw work` | digest, cipher and base64 over as many octets |
//! | `markup, floor` | that, and what else no implementation leaves out: reading it, and writing it canonically |
//! | `per message` | without a conversation: certificates sign and wrap keys |
//!
//! `cargo bench -p nuncio-wss --bench conversation`

#![allow(missing_docs, reason = "criterion's macros make functions without")]

#[path = "../tests/ends/mod.rs"]
mod ends;
#[path = "../tests/measured/mod.rs"]
mod measured;

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use measured::{Body, CONVERSATION, Case, PER_MESSAGE, SIZES};
use nuncio_crypto::algorithm::{CipherAlgorithm, DigestAlgorithm};
use nuncio_crypto::digest::Hasher;
use nuncio_crypto::secret::Secret;
use nuncio_crypto::{base64, cipher, digest};
use nuncio_xml::{Document, Each, Writer, exclusive};

const CIPHER: CipherAlgorithm = CipherAlgorithm::Aes256Cbc;
const DIGEST: DigestAlgorithm = DigestAlgorithm::Sha1;

fn messages(criterion: &mut Criterion, group: &str, preset: &str, body: Body, sizes: &[(&str, usize)]) {
    let mut group = criterion.benchmark_group(group);
    for &(label, size) in sizes {
        let mut case = Case::new(preset, body, size);
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(format!("open, {label}"), |bencher| {
            bencher.iter_batched(|| case.request(), |request| case.open(request), BatchSize::SmallInput);
        });
        group.bench_function(format!("seal, {label}"), |bencher| {
            let answer = case.answer();
            bencher.iter_batched(|| answer.clone(), |answer| case.seal(answer), BatchSize::SmallInput);
        });
        group.bench_function(format!("ask, {label}"), |bencher| {
            let plain = case.answer();
            bencher.iter_batched(|| plain.clone(), |plain| case.ask(plain), BatchSize::SmallInput);
        });
        group.bench_function(format!("hear, {label}"), |bencher| {
            let sealed = case.sealed();
            bencher.iter_batched(|| measured::arrived(&sealed), |sealed| case.hear(sealed), BatchSize::SmallInput);
        });
    }
    group.finish();
}

/// Octets through digest, cipher and base64, as they are.
fn raw(criterion: &mut Criterion, group: &str, body: Body, sizes: &[(&str, usize)]) {
    let mut group = criterion.benchmark_group(group);
    let key = Secret::new(vec![7; CIPHER.key_size()]);
    for &(label, size) in sizes {
        let plain = body.write(size).into_bytes();
        let encoded = encode(&key, &plain);
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(format!("open, {label}"), |bencher| {
            bencher.iter(|| {
                let octets = base64::decode(&encoded).expect("base64");
                let plain = cipher::decrypt(CIPHER, &key, octets).expect("decrypted");
                black_box(digest::hash(DIGEST, &plain))
            });
        });
        group.bench_function(format!("seal, {label}"), |bencher| {
            bencher.iter(|| {
                black_box(digest::hash(DIGEST, &plain));
                black_box(encode(&key, &plain))
            });
        });
    }
    group.finish();
}

/// That, and markup read as it comes, and written canonically: to a digest where a message is opened, to a writer where
/// one is sealed.
fn floor(criterion: &mut Criterion, group: &str, body: Body, sizes: &[(&str, usize)]) {
    let mut group = criterion.benchmark_group(group);
    let key = Secret::new(vec![7; CIPHER.key_size()]);
    let limits = measured::limits().xml;
    for &(label, size) in sizes {
        let plain = format!("<Body>{}</Body>", body.write(size)).into_bytes();
        let encoded = encode(&key, &plain);
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(format!("open, {label}"), |bencher| {
            bencher.iter(|| {
                let octets = base64::decode(&encoded).expect("base64");
                let plain = cipher::decrypt(CIPHER, &key, octets).expect("decrypted");
                let document = Document::read(plain, &limits).expect("read");
                let mut hasher = Hasher::new(DIGEST);
                exclusive(&document, document.root(), &[], &mut Each(|octets: &[u8]| hasher.update(octets)));
                black_box((hasher.finish(), document))
            });
        });
        group.bench_function(format!("seal, {label}"), |bencher| {
            let read = |plain| Document::read(plain, &limits).expect("read");
            bencher.iter_batched(
                || plain.clone(),
                |plain| {
                    let document = read(plain);
                    let mut writer = Writer::new();
                    writer.copy(&document, document.root());
                    black_box(digest::hash(DIGEST, writer.bytes()));
                    black_box(encode(&key, writer.bytes()))
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn encode(key: &Secret, plain: &[u8]) -> String {
    let mut octets = Vec::with_capacity(plain.len() + 32);
    cipher::encrypt(CIPHER, key, &mut ends::Numbers(7), plain, &mut octets).expect("encrypted");
    base64::encode(&octets)
}

fn conversation(criterion: &mut Criterion) {
    messages(criterion, "text", CONVERSATION, Body::Text, &SIZES);
    raw(criterion, "text, raw work", Body::Text, &SIZES);
    messages(criterion, "markup", CONVERSATION, Body::Markup, &SIZES[1..]);
    raw(criterion, "markup, raw work", Body::Markup, &SIZES[1..]);
    floor(criterion, "markup, floor", Body::Markup, &SIZES[1..]);
}

fn per_message(criterion: &mut Criterion) {
    messages(criterion, "per message", PER_MESSAGE, Body::Text, &SIZES[..1]);
}

criterion_group!(benches, conversation, per_message);
criterion_main!(benches);
