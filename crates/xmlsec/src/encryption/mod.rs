//! XML Encryption: data under a symmetric key, keys under a certificate.

mod decrypt;
mod encrypt;
mod read;

pub use decrypt::decrypt;
pub use encrypt::{Encrypting, encrypt, encrypted_key, reference_list};
pub use read::{EncryptedData, EncryptedKey, Form, read_reference_list};
