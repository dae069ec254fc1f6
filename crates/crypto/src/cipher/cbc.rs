//! Cipher block chaining, with the padding of XML Encryption.

use crate::Undecryptable;
use crate::secret::Secret;
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{
    BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, BlockSizeUser, InnerIvInit, KeyInit,
};
use cbc::{Decryptor, Encryptor};
use subtle::{ConstantTimeGreater, ConstantTimeLess};

/// Pads and encrypts in place what follows the initialization vector that stands at `start`; `None` for a key that does
/// not fit.
pub(super) fn encrypt<C>(key: &Secret, out: &mut Vec<u8>, start: usize) -> Option<()>
where
    C: BlockCipherEncrypt + KeyInit,
    Encryptor<C>: BlockModeEncrypt + InnerIvInit<Inner = C>,
{
    let block = C::block_size();
    // The vector is one block.
    let padding = block - (out.len() - start) % block;
    out.resize(out.len() + padding, padding as u8);
    let (iv, blocks) = out.get_mut(start..)?.split_at_mut_checked(block)?;
    let cipher = C::new_from_slice(key.expose()).ok()?;
    let mode = Encryptor::<C>::inner_iv_slice_init(cipher, iv).ok()?;
    let length = blocks.len();
    mode.encrypt_padded::<NoPadding>(blocks, length).ok().map(|_| ())
}

/// Decrypts an initialization vector and whole blocks in place, and takes vector and padding away.
pub(super) fn decrypt<C>(key: &Secret, mut data: Vec<u8>) -> Result<Vec<u8>, Undecryptable>
where
    C: BlockCipherDecrypt + KeyInit + BlockSizeUser,
    Decryptor<C>: BlockModeDecrypt + InnerIvInit<Inner = C>,
{
    let block = C::block_size();
    if data.len() < 2 * block || !data.len().is_multiple_of(block) {
        return Err(Undecryptable);
    }
    let (iv, blocks) = data.split_at_mut(block);
    let cipher = C::new_from_slice(key.expose()).map_err(|_| Undecryptable)?;
    let mode = Decryptor::<C>::inner_iv_slice_init(cipher, iv).map_err(|_| Undecryptable)?;
    mode.decrypt_padded::<NoPadding>(blocks).map_err(|_| Undecryptable)?;
    let padding = data.last().copied().ok_or(Undecryptable)?;
    let sound = padding.ct_gt(&0) & padding.ct_lt(&(block as u8 + 1));
    if !bool::from(sound) {
        return Err(Undecryptable);
    }
    data.truncate(data.len() - usize::from(padding));
    data.drain(..block);
    Ok(data)
}
