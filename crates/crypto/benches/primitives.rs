//! What a message pays for: octets through digests, MAC, cipher and base64 at 10 KiB, and one operation of RSA each.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nuncio_crypto::algorithm::{CipherAlgorithm, DigestAlgorithm, KeyTransport, MacAlgorithm, SignatureAlgorithm};
use nuncio_crypto::base64;
use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::cipher::{decrypt, encrypt};
use nuncio_crypto::derive::{DEFAULT_LABEL, derived_key};
use nuncio_crypto::digest::hash;
use nuncio_crypto::key::PrivateKey;
use nuncio_crypto::mac::mac;
use nuncio_crypto::random::Random;
use nuncio_crypto::secret::Secret;
use nuncio_crypto::sign::{sign, verify};
use nuncio_crypto::transport::{unwrap, wrap};
use std::hint::black_box;

const SIZE: usize = 10 * 1024;

struct Counter(u8);

impl Random for Counter {
    fn fill(&mut self, out: &mut [u8]) {
        for octet in out {
            self.0 = self.0.wrapping_mul(5).wrapping_add(1);
            *octet = self.0;
        }
    }
}

fn octets(criterion: &mut Criterion) {
    let data: Vec<u8> = (0..SIZE).map(|i| i as u8).collect();
    let key = Secret::new(vec![7; 32]);
    let mut group = criterion.benchmark_group("10 KiB");
    group.throughput(Throughput::Bytes(SIZE as u64));
    group.bench_function("sha1", |b| b.iter(|| hash(DigestAlgorithm::Sha1, black_box(&data))));
    group.bench_function("sha256", |b| b.iter(|| hash(DigestAlgorithm::Sha256, black_box(&data))));
    group.bench_function("hmac-sha1", |b| {
        b.iter(|| mac(MacAlgorithm::HmacSha1, key.expose(), &[black_box(&data)]));
    });
    let (mut out, mut random) = (Vec::with_capacity(SIZE + 32), Counter(1));
    for (name, algorithm) in [
        ("aes256-cbc", CipherAlgorithm::Aes256Cbc),
        ("aes256-gcm", CipherAlgorithm::Aes256Gcm),
        ("tripledes-cbc", CipherAlgorithm::TripleDesCbc),
    ] {
        let key = Secret::new((0..algorithm.key_size() as u8).collect());
        group.bench_function(format!("{name} encrypt"), |b| {
            b.iter(|| {
                out.clear();
                encrypt(algorithm, &key, &mut random, black_box(&data), &mut out)
            });
        });
        // With the copy that makes the octets to be consumed.
        group.bench_function(format!("{name} decrypt"), |b| {
            b.iter(|| decrypt(algorithm, &key, black_box(&out).clone()));
        });
    }
    let mut text = Vec::with_capacity(2 * SIZE);
    group.bench_function("base64 encode", |b| {
        b.iter(|| {
            text.clear();
            base64::encode_to(black_box(&data), &mut text);
        });
    });
    let text = base64::encode(&data);
    group.bench_function("base64 decode", |b| b.iter(|| base64::decode(black_box(&text))));
    let lines = text.as_bytes().chunks(76).map(String::from_utf8_lossy).collect::<Vec<_>>().join("\r\n");
    group.bench_function("base64 decode, lines", |b| b.iter(|| base64::decode(black_box(&lines))));
    group.finish();
    criterion.bench_function("derived key", |b| {
        b.iter(|| derived_key(key.expose(), DEFAULT_LABEL, black_box(&[1; 16]), 0..32));
    });
}

fn rsa(criterion: &mut Criterion) {
    let (Ok(key), Ok(certificates)) = (
        PrivateKey::from_pem(include_bytes!("../tests/data/leaf.key.pem")),
        Certificate::from_pem(include_bytes!("../tests/data/leaf.pem")),
    ) else {
        return;
    };
    let [leaf] = &certificates[..] else {
        return;
    };
    let mut group = criterion.benchmark_group("RSA 2048");
    let (secret, mut random) = (Secret::new(vec![7; 32]), Counter(1));
    let mixed = KeyTransport::Oaep { digest: DigestAlgorithm::Sha256, mask: DigestAlgorithm::Sha1, v11: false };
    for (name, transport) in
        [("oaep sha1", KeyTransport::OAEP_SHA1), ("oaep sha256 mgf1sha1", mixed), ("rsa 1.5", KeyTransport::Rsa15)]
    {
        let Ok(wrapped) = wrap(leaf.public_key(), transport, &secret, &mut random) else {
            return;
        };
        group.bench_function(format!("unwrap {name}"), |b| {
            b.iter(|| unwrap(&key, transport, black_box(&wrapped), &[32]).is_ok());
        });
    }
    group.bench_function("wrap oaep sha1", |b| {
        b.iter(|| wrap(leaf.public_key(), KeyTransport::OAEP_SHA1, black_box(&secret), &mut random));
    });
    for algorithm in [SignatureAlgorithm::RsaSha1, SignatureAlgorithm::RsaSha256] {
        let Ok(signature) = sign(&key, algorithm, b"message", &mut random) else {
            return;
        };
        group.bench_function(format!("sign {algorithm:?}"), |b| {
            b.iter(|| sign(&key, algorithm, black_box(b"message"), &mut random));
        });
        group.bench_function(format!("verify {algorithm:?}"), |b| {
            b.iter(|| verify(leaf.public_key(), algorithm, b"message", black_box(&signature)));
        });
    }
    group.finish();
    let Ok(ec) = Certificate::from_pem(include_bytes!("../tests/data/ec.pem")) else {
        return;
    };
    let text = include_str!("../tests/data/ecdsa-sha256.b64");
    let (Some(ec), Ok(signature)) = (ec.first(), base64::decode(text)) else {
        return;
    };
    criterion.bench_function("verify ECDSA P-256", |b| {
        b.iter(|| verify(ec.public_key(), SignatureAlgorithm::EcdsaSha256, b"Nuncio", black_box(&signature)));
    });
    criterion
        .bench_function("read a certificate", |b| b.iter(|| Certificate::from_der(black_box(leaf.der()).to_vec())));
}

criterion_group!(benches, octets, rsa);
criterion_main!(benches);
