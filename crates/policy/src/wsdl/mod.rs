//! WSDL 1.1 with policy attached, read into a contract.
//!
//! `read.rs` finds its way through the contract itself, `attach.rs` through the policies attached to it, `action.rs`
//! knows the default actions of WS-Addressing.

mod action;
mod attach;
mod read;

use nuncio_xml::foreign;

use crate::error::{Place, PolicyError};
use crate::model::Contract;
use crate::names;

/// Reads a contract from the bytes of one WSDL file; `file` is what errors call it.
///
/// The file must hold all of it: what it imports is not fetched (WCF gives such a file at `?singleWsdl`). A port whose
/// policy is not usable is a port of the contract all the same, with the error in its place ([`Port::alternatives`]);
/// ports without a SOAP binding are left out.
///
/// [`Port::alternatives`]: crate::model::Port::alternatives
pub fn read(file: &str, bytes: &[u8]) -> Result<Contract, PolicyError> {
    let root = foreign::read(bytes).map_err(|error| unreadable(file, error))?;
    if !root.is(names::WSDL, "definitions") {
        return Err(PolicyError::NotAContract { at: Place::of(file, &root), root: root.local });
    }
    read::Definitions::new(file, &root).contract()
}

pub(crate) fn unreadable(file: &str, error: foreign::ForeignError) -> PolicyError {
    PolicyError::Unreadable { at: Place { file: file.to_owned(), line: error.line }, reason: error.reason }
}
