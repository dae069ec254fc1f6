//! A signature written ([XML Signature] section 3.1).

use std::ops::Range;

use nuncio_crypto::algorithm::DigestAlgorithm;
use nuncio_crypto::digest::{Digest, Hasher};
use nuncio_crypto::{base64, digest};
use nuncio_xml::{Document, Each, Limits, NodeId, ReadError, Writer};

use super::{Method, token};
use crate::names::DSIG;
use crate::shape::uri;
use crate::transform::{As, Canonicalisation, Transform};

/// Something to be signed: its id, the digest of what a reference to it stands for, and how that came about.
pub struct Part {
    id: String,
    digest: Digest,
    transform: Transform,
}

impl Part {
    /// The part with that id, which a writer wrote as an apex at `range`.
    pub fn written(algorithm: DigestAlgorithm, id: &str, writer: &Writer, range: Range<usize>) -> Self {
        let mut hasher = Hasher::new(algorithm);
        writer.canonical(range, &mut Each(|octets: &[u8]| hasher.update(octets)));
        Self { id: id.to_owned(), digest: hasher.finish(), transform: Transform::Plain(Canonicalisation::EXCLUSIVE) }
    }

    /// The part with that id, whose canonical form is `octets`.
    pub fn canonical(algorithm: DigestAlgorithm, id: &str, octets: &[u8]) -> Self {
        Self {
            id: id.to_owned(),
            digest: digest::hash(algorithm, octets),
            transform: Transform::Plain(Canonicalisation::EXCLUSIVE),
        }
    }

    /// The part with that id, one element written as `octets`, canonicalised in another way than a writer writes: in the
    /// inclusive form, or with a list of prefixes.
    ///
    /// # Errors
    ///
    /// [`ReadError`] where `octets` are no element that may stand at that place.
    pub fn at(
        algorithm: DigestAlgorithm,
        id: &str,
        octets: &[u8],
        place: &Place<'_>,
        how: Canonicalisation,
    ) -> Result<Self, ReadError> {
        let (document, element) = place.read(octets)?;
        let mut canonical = Vec::with_capacity(octets.len());
        how.octets(&document, element, &As::Plain, usize::MAX, &mut canonical).map_err(|_| ReadError::NotOneElement)?;
        Ok(Self { id: id.to_owned(), digest: digest::hash(algorithm, &canonical), transform: Transform::Plain(how) })
    }

    /// The token that a writer wrote as an apex at `range`, by the `wsse:SecurityTokenReference` with that id, through
    /// the STR-Transform. Where the token stands there is no default namespace in scope but one that its start tag
    /// declares.
    pub fn token(algorithm: DigestAlgorithm, reference: &str, writer: &Writer, range: Range<usize>) -> Self {
        let mut octets = Vec::with_capacity(range.len());
        writer.canonical(range, &mut octets);
        Self::through(algorithm, reference, &token::with_default(octets))
    }

    /// A token that is not in the message, by the `wsse:SecurityTokenReference` with that id, whose prefix is `prefix`:
    /// as the `wsse:BinarySecurityToken` of that `ValueType` that it would be.
    pub fn absent_token(
        algorithm: DigestAlgorithm,
        reference: &str,
        prefix: &str,
        value_type: &str,
        octets: &[u8],
    ) -> Self {
        Self::through(algorithm, reference, &token::binary(prefix, value_type, octets))
    }

    /// The id by which it is referred to.
    pub fn id(&self) -> &str {
        &self.id
    }

    fn through(algorithm: DigestAlgorithm, reference: &str, octets: &[u8]) -> Self {
        Self {
            id: reference.to_owned(),
            digest: digest::hash(algorithm, octets),
            transform: Transform::Token(Canonicalisation::EXCLUSIVE),
        }
    }
}

/// The place in the message to be where something stands, for canonical forms that depend on it.
pub struct Place<'a> {
    /// Every prefix that is bound there with its namespace; the empty prefix for a default namespace.
    pub scope: &'a [(&'a str, &'a str)],
    /// What may be read there: our own writing.
    pub limits: &'a Limits,
}

impl Place<'_> {
    /// The element that `octets` are, in a document in which it stands in that scope.
    fn read(&self, octets: &[u8]) -> Result<(Document, NodeId), ReadError> {
        let mut writer = Writer::new();
        let default = self.scope.iter().find(|(prefix, _)| prefix.is_empty()).map_or("", |(_, namespace)| namespace);
        writer.start("", default, "place");
        for (prefix, namespace) in self.scope {
            writer.declare(prefix, namespace);
        }
        writer.text_with(|out| out.extend_from_slice(octets));
        writer.end();
        let document = Document::read(writer.into_bytes(), self.limits)?;
        let element = document.elements(document.root()).next().ok_or(ReadError::NotOneElement)?;
        Ok((document, element))
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
    let (start, signed_info) = write_signed_info(writer, signing, &Canonicalisation::EXCLUSIVE);
    let mut octets = Vec::with_capacity(signed_info.len());
    writer.canonical(signed_info, &mut octets);
    let value = make(&octets)?;
    Ok((finish(writer, start, &value, key_info), value))
}

/// As [`sign`], with `SignedInfo` in another canonical form than a writer writes, for a signature that will stand at
/// that place: in the inclusive form, or with a list of prefixes.
///
/// # Errors
///
/// Those of `make`, and [`ReadError`] for a scope that no document has.
pub fn sign_at<E: From<ReadError>>(
    writer: &mut Writer,
    signing: &Signing<'_>,
    place: &Place<'_>,
    how: &Canonicalisation,
    make: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
    key_info: impl FnOnce(&mut Writer),
) -> Result<(Range<usize>, Vec<u8>), E> {
    let (start, signed_info) = write_signed_info(writer, signing, how);
    let mut octets = writer.bytes()[start..signed_info.end].to_vec();
    octets.extend_from_slice(b"</Signature>");
    let (document, signature) = place.read(&octets)?;
    let element = document.elements(signature).next().ok_or(ReadError::NotOneElement)?;
    let mut canonical = Vec::with_capacity(octets.len());
    how.octets(&document, element, &As::Plain, usize::MAX, &mut canonical).map_err(|_| ReadError::NotOneElement)?;
    let value = make(&canonical)?;
    Ok((finish(writer, start, &value, key_info), value))
}

/// Writes the signature up to the end of its `SignedInfo`, and tells where the one begins and the other lies.
fn write_signed_info(writer: &mut Writer, signing: &Signing<'_>, how: &Canonicalisation) -> (usize, Range<usize>) {
    let start = writer.position();
    writer.apex();
    writer.start("", DSIG, "Signature");
    if let Some(id) = signing.id {
        writer.attribute("Id", id);
    }
    let from = writer.position();
    writer.apex();
    writer.start("", DSIG, "SignedInfo");
    writer.start("", DSIG, "CanonicalizationMethod");
    how.write(writer);
    writer.end();
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
        writer.attribute("URI", &uri(&part.id));
        part.transform.write(writer);
        method(writer, "DigestMethod", signing.digest.uri());
        writer.start("", DSIG, "DigestValue");
        writer.text_with(|out| base64::encode_to(part.digest.as_ref(), out));
        writer.end();
        writer.end();
    }
    writer.end();
    (start, from..writer.position())
}

/// Writes the rest of the signature, and gives the range of the whole.
fn finish(writer: &mut Writer, start: usize, value: &[u8], key_info: impl FnOnce(&mut Writer)) -> Range<usize> {
    writer.start("", DSIG, "SignatureValue");
    writer.text_with(|out| base64::encode_to(value, out));
    writer.end();
    writer.start("", DSIG, "KeyInfo");
    key_info(writer);
    writer.end();
    writer.end();
    start..writer.position()
}

fn method(writer: &mut Writer, local: &str, algorithm: &str) {
    writer.start("", DSIG, local);
    writer.attribute("Algorithm", algorithm);
    writer.end();
}
