//! Galois/counter mode as XML Encryption has it: a vector of 12 octets in front, a tag of 16 behind, nothing
//! authenticated beside ([XML Encryption 1.1] section 5.2.4).

use crate::Undecryptable;
use crate::secret::Secret;
use aws_lc_rs::aead::{Aad, Algorithm, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

/// Encrypts in place what follows the initialization vector that stands at `start`, and appends the tag; `None` for a
/// key that does not fit.
pub(super) fn encrypt(algorithm: &'static Algorithm, key: &Secret, out: &mut Vec<u8>, start: usize) -> Option<()> {
    let (iv, text) = out.get_mut(start..)?.split_first_chunk_mut::<NONCE_LEN>()?;
    let nonce = Nonce::assume_unique_for_key(*iv);
    let tag = keyed(algorithm, key)?.seal_in_place_separate_tag(nonce, Aad::empty(), text).ok()?;
    out.extend_from_slice(tag.as_ref());
    Some(())
}

/// Checks the tag and decrypts in place; the vector and the tag are taken away.
pub(super) fn decrypt(
    algorithm: &'static Algorithm,
    key: &Secret,
    mut data: Vec<u8>,
) -> Result<Vec<u8>, Undecryptable> {
    let iv = data.first_chunk::<NONCE_LEN>().ok_or(Undecryptable)?;
    let nonce = Nonce::assume_unique_for_key(*iv);
    let key = keyed(algorithm, key).ok_or(Undecryptable)?;
    // Moves the text to the front.
    let length = key.open_within(nonce, Aad::empty(), &mut data, NONCE_LEN..).map_err(|_| Undecryptable)?.len();
    data.truncate(length);
    Ok(data)
}

fn keyed(algorithm: &'static Algorithm, key: &Secret) -> Option<LessSafeKey> {
    UnboundKey::new(algorithm, key.expose()).ok().map(LessSafeKey::new)
}
