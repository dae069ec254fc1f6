//! Tokens and other children of the security header that the paths of `SignedElements` lead to, or into.

use std::ops::Range;

use nuncio_xmlsec::XENC;
use nuncio_xmlsec::signature::Part;

use super::protect::Protecting;
use super::{Piece, Unsealed};
use crate::elements;
use crate::names::soap;

impl Protecting<'_> {
    /// The id of the child of the security header that was written there, where a path leads to it or into it.
    pub(super) fn named(&self, range: &Range<usize>) -> Result<Option<String>, Unsealed> {
        let paths = &self.seal.demand.parts.signed_elements;
        if paths.is_empty() {
            return Ok(None);
        }
        let octets = &self.scratch.bytes()[range.clone()];
        let (document, security) = elements::in_security(soap(self.outgoing.soap), octets)?;
        let Some(child) = document.elements(security).next() else { return Ok(None) };
        let is_within = |node| std::iter::successors(Some(node), |&node| document.parent(node)).any(|of| of == child);
        let leads = paths.iter().any(|path| elements::at(&document, path).into_iter().any(is_within));
        // What is encrypted is named as what it was.
        Ok(document.id(child).filter(|_| leads && !document.is(child, XENC, "EncryptedData")).map(Into::into))
    }

    /// Adds the children of the security header that paths lead to, less those that are signed already.
    pub(super) fn extend_with_named(&self, children: &[Range<usize>], signed: &mut Vec<Part>) -> Result<(), Unsealed> {
        for range in children {
            if let Some(id) = self.named(range)?
                && signed.iter().all(|part| part.id() != id)
            {
                signed.push(self.part(&Piece { range: range.clone(), id })?);
            }
        }
        Ok(())
    }
}
