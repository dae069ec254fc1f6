//! WSDL 1.1 with policy attached, read into a contract.
//!
//! `read.rs` finds its way through the contract itself, `index.rs` what it refers to by name, `attach.rs` the policies
//! attached to it; `action.rs` knows the default actions of WS-Addressing, `reliable.rs` the
//! messages of WS-ReliableMessaging. A contract is of one file, or of several [`Documents`].

mod action;
mod attach;
pub(crate) mod index;
pub(crate) mod read;
mod reliable;

use nuncio_xml::foreign;

pub use crate::documents::{DocumentKind, Documents};

use crate::bare::collect;
use crate::error::{Place, PolicyError};
use crate::model::Contract;
use crate::names;

/// Reads a contract from the bytes of one WSDL file; `file` is what errors call it.
///
/// The file must hold all of it: what it imports is not looked for (WCF gives such a file at `?singleWsdl`, and [`read_all`]
/// reads the others). The answer to a
/// request of WS-MetadataExchange may stand for it, with all the definitions that it holds.
/// A port whose
/// policy is not usable is a port of the contract all the same, with the error in its place ([`Port::alternatives`]);
/// ports without a SOAP binding are left out.
///
/// [`Port::alternatives`]: crate::model::Port::alternatives
pub fn read(file: &str, bytes: &[u8]) -> Result<Contract, PolicyError> {
    let root = foreign::read(bytes).map_err(|error| unreadable(file, error))?;
    let mut contracts = Vec::new();
    match (root.local.as_str(), root.namespace.as_str()) {
        ("definitions", names::WSDL) => contracts.push(&root),
        ("Envelope", names::SOAP_11 | names::SOAP_12) | ("Metadata", names::METADATA_EXCHANGE) => {
            collect(&root, &|element| element.is(names::WSDL, "definitions"), &mut contracts);
        }
        _ => {}
    }
    if contracts.is_empty() {
        return Err(PolicyError::NotAContract { at: Place::of(file, &root), root: root.local });
    }
    read::Definitions::new(file, &root, contracts).contract()
}

/// Reads a contract from its documents: what one imports is looked for among the others. Otherwise as [`read`] does; the
/// place of an error is in the document that it is of, and an id that a policy is referred to by is one of its own document
/// before it is another's.
pub fn read_all(documents: &Documents) -> Result<Contract, PolicyError> {
    read::Definitions::of(documents).contract()
}

pub(crate) fn unreadable(file: &str, error: foreign::ForeignError) -> PolicyError {
    PolicyError::Unreadable { at: Place { file: file.to_owned(), line: error.line }, reason: error.reason }
}
