//! An `EncryptedData` replaced by what it stands for.

use nuncio_crypto::cipher;
use nuncio_crypto::secret::Secret;
use nuncio_xml::{Document, Fragment, NodeId};

use super::{EncryptedData, Form};
use crate::Invalid;

/// Decrypts an `EncryptedData` and grafts the plaintext in its place.
///
/// Returns the new document, in which every node that was there keeps its id, and the nodes that came out. Whatever
/// goes wrong, the caller must tell the peer no more than that the message was refused: padding, text and markup are
/// distinguishable here only for the log.
pub fn decrypt(document: Document, data: EncryptedData, key: &Secret) -> Result<(Document, Vec<NodeId>), Invalid> {
    let plain = cipher::decrypt(data.cipher, key, data.value).map_err(|_| Invalid::Undecryptable)?;
    let form = match data.form {
        Form::Element => Fragment::Element,
        Form::Content => Fragment::Content,
    };
    document.graft(data.node, plain, form).map_err(Invalid::Plaintext)
}
