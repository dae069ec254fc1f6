//! A signature written ([XML Signature] section 3.1).

use std::ops::Range;

use nuncio_crypto::algorithm::DigestAlgorithm;
use nuncio_crypto::digest::{Digest, Hasher};
use nuncio_crypto::{base64, digest};
use nuncio_xml::{Each, Writer};

use super::Method;
use crate::names::{DSIG, EXCLUSIVE_C14N};

/// Something to be signed: its id, and the digest of its canonical form.
pub struct Part {
    id: String,
    digest: Digest,
}

impl Part {
    /// The part with that id, which a writer wrote as an apex at `range`.
    pub fn written(algorithm: DigestAlgorithm, id: &str, writer: &Writer, range: Range<usize>) -> Self {
        let mut hasher = Hasher::new(algorithm);
        writer.canonical(range, &mut Each(|octets: &[u8]| hasher.update(octets)));
        Self { id: id.to_owned(), digest: hasher.finish() }
    }

    /// The part with that id, whose canonical form is `octets`.
    pub fn canonical(algorithm: DigestAlgorithm, id: &str, octets: &[u8]) -> Self {
        Self { id: id.to_owned(), digest: digest::hash(algorithm, octets) }
    }
}

/// What a signature is made of.
pub struct Signing<'a> {
    /// The `Id` of the `ds:Signature`, where something refers to it.
    pub id: Option<&'a str>,
    /// The signature algorithm.
    pub method: Method,
    /// The digest algorithm of every reference.
    pub digest: DigestAlgorithm,
    /// What is signed, in this order.
    pub parts: &'a [Part],
}

/// Writes a `ds:Signature` as an apex and returns its range in the writer and the octets of its value.
///
/// `make` computes the value over the canonical `SignedInfo`; `key_info` writes the content of `KeyInfo`. The prefix is
/// the empty one within, as WCF has it.
///
/// # Errors
///
/// Those of `make`.
pub fn sign<E>(
    writer: &mut Writer,
    signing: &Signing<'_>,
    make: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
    key_info: impl FnOnce(&mut Writer),
) -> Result<(Range<usize>, Vec<u8>), E> {
    let start = writer.position();
    writer.apex();
    writer.start("", DSIG, "Signature");
    if let Some(id) = signing.id {
        writer.attribute("Id", id);
    }
    let from = writer.position();
    writer.apex();
    writer.start("", DSIG, "SignedInfo");
    method(writer, "CanonicalizationMethod", EXCLUSIVE_C14N);
    method(
        writer,
        "SignatureMethod",
        match signing.method {
            Method::Mac(algorithm) => algorithm.uri(),
            Method::Asymmetric(algorithm) => algorithm.uri(),
        },
    );
    for part in signing.parts {
        writer.start("", DSIG, "Reference");
        writer.attribute("URI", &format!("#{}", part.id));
        writer.start("", DSIG, "Transforms");
        method(writer, "Transform", EXCLUSIVE_C14N);
        writer.end();
        method(writer, "DigestMethod", signing.digest.uri());
        writer.start("", DSIG, "DigestValue");
        writer.text_with(|out| base64::encode_to(part.digest.as_ref(), out));
        writer.end();
        writer.end();
    }
    writer.end();
    let to = writer.position();
    let mut signed_info = Vec::with_capacity(to - from);
    writer.canonical(from..to, &mut signed_info);
    let value = make(&signed_info)?;
    writer.start("", DSIG, "SignatureValue");
    writer.text_with(|out| base64::encode_to(&value, out));
    writer.end();
    writer.start("", DSIG, "KeyInfo");
    key_info(writer);
    writer.end();
    writer.end();
    Ok((start..writer.position(), value))
}

fn method(writer: &mut Writer, local: &str, algorithm: &str) {
    writer.start("", DSIG, local);
    writer.attribute("Algorithm", algorithm);
    writer.end();
}
