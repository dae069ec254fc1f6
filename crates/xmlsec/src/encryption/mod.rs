//! XML Encryption: data under a symmetric key, keys under a certificate or a symmetric key.

mod decrypt;
mod encrypt;
mod read;

pub use decrypt::decrypt;
pub use encrypt::{Encrypting, encrypt, encrypt_written, encrypted_key, reference_list};
pub use read::{EncryptedData, EncryptedKey, Form, KeyMethod, read_reference_list};
