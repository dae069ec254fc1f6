//! What a message of a conversation costs, beside one that brings its own key, and beside the raw work for its octets:
//! digest, cipher and base64.
//!
//! `cargo bench -p nuncio-wss --bench conversation`

#![allow(missing_docs, reason = "criterion's macros make functions without")]

#[path = "../tests/ends/mod.rs"]
mod ends;

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use ends::{Pair, policy};
use nuncio_crypto::algorithm::{CipherAlgorithm, DigestAlgorithm};
use nuncio_crypto::secret::Secret;
use nuncio_crypto::{base64, cipher, digest};
use nuncio_policy::model::SoapVersion;
use nuncio_wss::{Answer, Context};

const CONVERSATION: &str = "wcf-ws2007-mutualCertificate-conversation";
const ONE_SHOT: &str = "wcf-ws2007-mutualCertificate";
const SIZES: [(&str, usize); 4] =
    [("1 KiB", 1 << 10), ("10 KiB", 10 << 10), ("100 KiB", 100 << 10), ("1 MiB", 1 << 20)];

fn text(size: usize) -> String {
    "abcdefghijklmnopqrstuvwxyz".chars().cycle().take(size).collect()
}

fn message(criterion: &mut Criterion, group: &str, name: &str, sizes: &[(&str, usize)]) {
    let mut group = criterion.benchmark_group(group);
    for &(label, size) in sizes {
        let mut pair = Pair::new(&policy(name), SoapVersion::V12);
        let contexts: Option<(Arc<Context>, Arc<Context>)> = name.ends_with("-conversation").then(|| pair.establish());
        let (ours, theirs) = contexts.unzip();
        let text = text(size);
        let (request, _) = pair.request(&text, ours.as_ref());
        let opened = pair.open(&request, request.body.clone(), theirs.as_ref()).expect("opened");
        let answer = opened.plain().body;
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(format!("open, {label}"), |bencher| {
            bencher.iter_batched(
                || request.body.clone(),
                |body| black_box(pair.open(&request, body, theirs.as_ref()).expect("opened")),
                BatchSize::SmallInput,
            );
        });
        let reply = opened.into_reply();
        let mut numbers = ends::Numbers(7);
        group.bench_function(format!("seal, {label}"), |bencher| {
            bencher.iter_batched(
                || answer.clone(),
                |body| black_box(reply.seal(Answer::Envelope(body), pair.now, &mut numbers).expect("sealed")),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn conversation(criterion: &mut Criterion) {
    message(criterion, "conversation", CONVERSATION, &SIZES);
}

fn one_shot(criterion: &mut Criterion) {
    message(criterion, "per message", ONE_SHOT, &SIZES[..1]);
}

/// The work that no implementation can leave out, over the octets of the body alone.
fn raw(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("raw work");
    let key = Secret::new(vec![7; 32]);
    for (label, size) in SIZES {
        let plain = text(size).into_bytes();
        let mut encrypted = Vec::new();
        cipher::encrypt(CipherAlgorithm::Aes256Cbc, &key, &mut ends::Numbers(7), &plain, &mut encrypted)
            .expect("encrypted");
        let encoded = base64::encode(&encrypted);
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(format!("open, {label}"), |bencher| {
            bencher.iter(|| {
                let octets = base64::decode(&encoded).expect("base64");
                let plain = cipher::decrypt(CipherAlgorithm::Aes256Cbc, &key, octets).expect("decrypted");
                black_box(digest::hash(DigestAlgorithm::Sha1, &plain))
            });
        });
        group.bench_function(format!("seal, {label}"), |bencher| {
            bencher.iter(|| {
                black_box(digest::hash(DigestAlgorithm::Sha1, &plain));
                let mut encrypted = Vec::with_capacity(size + 32);
                cipher::encrypt(CipherAlgorithm::Aes256Cbc, &key, &mut ends::Numbers(7), &plain, &mut encrypted)
                    .expect("encrypted");
                black_box(base64::encode(&encrypted))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, conversation, one_shot, raw);
criterion_main!(benches);
