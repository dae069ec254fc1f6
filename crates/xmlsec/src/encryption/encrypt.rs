//! `EncryptedData`, `EncryptedKey` and `ReferenceList` written.

use std::ops::Range;

use nuncio_crypto::algorithm::{CipherAlgorithm, KeyTransport};
use nuncio_crypto::base64;
use nuncio_crypto::cipher::{self, WrongKeySize};
use nuncio_crypto::random::Random;
use nuncio_crypto::secret::Secret;
use nuncio_xml::Writer;

use super::{Form, KeyMethod};
use crate::names::{CONTENT, DSIG, ELEMENT, XENC, XENC11};
use crate::shape::uri;

/// The prefix of XML Encryption in what we write.
const PREFIX: &str = "e";

/// How data is encrypted.
pub struct Encrypting<'a> {
    /// The cipher.
    pub cipher: CipherAlgorithm,
    /// The key, as long as the cipher takes.
    pub key: &'a Secret,
    /// Source of the initialisation vector.
    pub random: &'a mut dyn Random,
}

/// Writes an `EncryptedData` with that id over `plain`; `key_info` writes the content of its `KeyInfo`.
///
/// # Errors
///
/// [`WrongKeySize`] where the key is not as long as the cipher takes; nothing is written then.
pub fn encrypt(
    writer: &mut Writer,
    encrypting: &mut Encrypting<'_>,
    id: &str,
    form: Form,
    plain: &[u8],
    key_info: impl FnOnce(&mut Writer),
) -> Result<(), WrongKeySize> {
    let octets = encrypting.octets(plain)?;
    encrypted_data(writer, encrypting.cipher, id, form, &octets, key_info);
    Ok(())
}

/// As [`encrypt`], over what the writer itself has at `plain`.
pub fn encrypt_written(
    writer: &mut Writer,
    encrypting: &mut Encrypting<'_>,
    id: &str,
    form: Form,
    plain: Range<usize>,
    key_info: impl FnOnce(&mut Writer),
) -> Result<(), WrongKeySize> {
    let octets = encrypting.octets(&writer.bytes()[plain])?;
    encrypted_data(writer, encrypting.cipher, id, form, &octets, key_info);
    Ok(())
}

impl Encrypting<'_> {
    /// The content of the `CipherValue`.
    fn octets(&mut self, plain: &[u8]) -> Result<Vec<u8>, WrongKeySize> {
        let mut octets = Vec::new();
        cipher::encrypt(self.cipher, self.key, self.random, plain, &mut octets)?;
        Ok(octets)
    }
}

fn encrypted_data(
    writer: &mut Writer,
    cipher: CipherAlgorithm,
    id: &str,
    form: Form,
    octets: &[u8],
    key_info: impl FnOnce(&mut Writer),
) {
    writer.start(PREFIX, XENC, "EncryptedData");
    writer.attribute("Id", id);
    writer.attribute(
        "Type",
        match form {
            Form::Element => ELEMENT,
            Form::Content => CONTENT,
        },
    );
    writer.start(PREFIX, XENC, "EncryptionMethod");
    writer.attribute("Algorithm", cipher.uri());
    writer.end();
    writer.start("", DSIG, "KeyInfo");
    key_info(writer);
    writer.end();
    cipher_data(writer, octets);
    writer.end();
}

/// Writes an `EncryptedKey` with that id around a wrapped key; `key_info` writes the content of its `KeyInfo`, and
/// `references` lists what it encrypts, where that is said within.
pub fn encrypted_key(
    writer: &mut Writer,
    id: &str,
    method: impl Into<KeyMethod>,
    wrapped: &[u8],
    key_info: impl FnOnce(&mut Writer),
    references: &[String],
) {
    writer.start(PREFIX, XENC, "EncryptedKey");
    writer.attribute("Id", id);
    writer.start(PREFIX, XENC, "EncryptionMethod");
    let method = method.into();
    writer.attribute(
        "Algorithm",
        match method {
            KeyMethod::Transport(transport) => transport.uri(),
            KeyMethod::Wrap(wrap) => wrap.uri(),
        },
    );
    if let KeyMethod::Transport(KeyTransport::Oaep { digest, mask, v11 }) = method {
        writer.start("", DSIG, "DigestMethod");
        writer.attribute("Algorithm", digest.uri());
        writer.end();
        if v11 {
            writer.start("xenc11", XENC11, "MGF");
            writer.attribute("Algorithm", mask.mask_uri());
            writer.end();
        }
    }
    writer.end();
    writer.start("", DSIG, "KeyInfo");
    key_info(writer);
    writer.end();
    cipher_data(writer, wrapped);
    if !references.is_empty() {
        reference_list(writer, references);
    }
    writer.end();
}

/// Writes a `ReferenceList` of those ids.
pub fn reference_list(writer: &mut Writer, ids: &[String]) {
    writer.start(PREFIX, XENC, "ReferenceList");
    for id in ids {
        writer.start(PREFIX, XENC, "DataReference");
        writer.attribute("URI", &uri(id));
        writer.end();
    }
    writer.end();
}

fn cipher_data(writer: &mut Writer, octets: &[u8]) {
    writer.start(PREFIX, XENC, "CipherData");
    writer.start(PREFIX, XENC, "CipherValue");
    writer.text_with(|out| base64::encode_to(octets, out));
    writer.end();
    writer.end();
}
