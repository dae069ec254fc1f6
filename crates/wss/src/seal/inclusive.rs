//! Inclusive canonical form, where the suite has it (`InclusiveC14N`, WS-SecurityPolicy 1.2, section 6.1).
//!
//! It depends on what is in scope where a piece will stand, and is not what a writer writes: each piece is read again, in
//! the scope of its place. That is known, since what is around it is written here too.

use std::ops::Range;

use nuncio_policy::model::SoapVersion;
use nuncio_xml::Writer;
use nuncio_xmlsec::signature::{self, Part, Place, Signing};
use nuncio_xmlsec::{C14n, Canonicalisation};

use super::protect::Protecting;
use super::{Block, Piece, Unsealed};
use crate::limits::OURS;
use crate::names::{WSSE, soap};
use crate::token::reference::PREFIX;

/// What is in scope where something will stand: in the envelope the prefix of SOAP, in the security header its own too.
#[derive(Clone, Copy)]
pub(super) struct Scope {
    bound: [(&'static str, &'static str); 2],
    of_header: bool,
}

impl Scope {
    fn new(version: SoapVersion, of_header: bool) -> Self {
        Self { bound: [("s", soap(version)), (PREFIX, WSSE)], of_header }
    }

    fn place(&self) -> Place<'_> {
        Place { scope: if self.of_header { &self.bound } else { &self.bound[..1] }, limits: &OURS }
    }
}

impl Protecting<'_> {
    /// A child of the security header as a part to be signed.
    pub(super) fn part(&self, piece: &Piece) -> Result<Part, Unsealed> {
        self.part_in(piece, self.signed_in())
    }

    /// The body, or what a header block is encrypted as, as a part to be signed.
    pub(super) fn outer_part(&self, piece: &Piece) -> Result<Part, Unsealed> {
        self.part_in(piece, self.signed_in().map(|scope| Scope { of_header: false, ..scope }))
    }

    /// A header block as a part to be signed, or what it, or something of it, is `hidden` in. Whoever decrypted one may have it
    /// still in its `EncryptedHeader`, or in the place of that.
    pub(super) fn block_part(&self, block: &Block<'_>, hidden: Option<&Piece>) -> Result<Part, Unsealed> {
        match hidden {
            Some(hidden) => self.outer_part(hidden),
            None if block.encrypted => self.moving_part(&block.piece),
            None => self.outer_part(&block.piece),
        }
    }

    /// As a part to be signed, what may stand elsewhere or nowhere when it is verified, so that what is in scope there must
    /// not count: in exclusive form.
    pub(super) fn moving_part(&self, piece: &Piece) -> Result<Part, Unsealed> {
        self.part_in(piece, None)
    }

    fn part_in(&self, piece: &Piece, scope: Option<Scope>) -> Result<Part, Unsealed> {
        let (digest, range) = (self.seal.demand.suite().digest, piece.range.clone());
        let Some(scope) = scope else { return Ok(Part::written(digest, &piece.id, &self.scratch, range)) };
        let octets = &self.scratch.bytes()[range];
        Ok(Part::at(digest, &piece.id, octets, &scope.place(), Canonicalisation::Inclusive)?)
    }

    /// The scope in which signatures stand, where what is in scope matters to them.
    pub(super) fn signed_in(&self) -> Option<Scope> {
        match self.seal.demand.canonicalisation() {
            C14n::Exclusive => None,
            C14n::Inclusive => Some(Scope::new(self.outgoing.soap, true)),
        }
    }
}

/// Writes a signature that will stand in that scope, where that matters: see [`signature::sign`].
pub(super) fn sign(
    scratch: &mut Writer,
    signing: &Signing<'_>,
    scope: Option<Scope>,
    make: impl FnOnce(&[u8]) -> Result<Vec<u8>, Unsealed>,
    key_info: impl FnOnce(&mut Writer),
) -> Result<(Range<usize>, Vec<u8>), Unsealed> {
    match scope {
        None => signature::sign(scratch, signing, make, key_info),
        Some(scope) => {
            signature::sign_at(scratch, signing, &scope.place(), &Canonicalisation::Inclusive, make, key_info)
        }
    }
}
