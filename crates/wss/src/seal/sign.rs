//! Signatures: the primary one, and those that endorse it.

use std::ops::Range;

use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::mac;
use nuncio_crypto::secret::Secret;
use nuncio_crypto::sign;
use nuncio_policy::model::X509Reference;
use nuncio_xml::Writer;
use nuncio_xmlsec::signature::{Method, Part, Signing};

use super::keys::{Signer, Token, refer};
use super::protect::Protecting;
use super::supporting::{Endorser, Key};
use super::{Unsealed, inclusive};
use crate::keys::Credential;
use crate::names::X509V3;
use crate::token::reference::{self, write_local};

/// How a certificate that signs is named.
pub(super) enum Named {
    /// By its id and the type of its token: it travels.
    Local(String, &'static str),
    /// As the policy wants one referred to that does not travel; by a reference with an id, where a signature covers the
    /// certificate by that.
    Outside { wanted: X509Reference, id: Option<String> },
}

impl Protecting<'_> {
    /// Makes the primary signature.
    pub(super) fn sign_primary(
        &mut self,
        signer: &Signer<'_>,
        token: &Token,
        id: Option<&str>,
        parts: &[Part],
    ) -> Result<Range<usize>, Unsealed> {
        let seal = self.seal;
        match signer {
            Signer::Symmetric(key) => self.mac(&key.secret, id, parts, |writer| refer(writer, seal, key, token)),
            Signer::Certificate(credential, name) => self.sign(credential, name, id, parts),
        }
    }

    /// Makes the signature of a token that endorses.
    pub(super) fn endorse(&mut self, endorser: &Endorser<'_>, parts: &[Part]) -> Result<Range<usize>, Unsealed> {
        match &endorser.key {
            Key::Certificate { credential, name } => self.sign(credential, name, None, parts),
            Key::Symmetric { secret, name } => self.mac(secret, None, parts, |writer| name.refer(writer)),
        }
    }

    /// Signs with a symmetric key, and names it.
    fn mac(
        &mut self,
        secret: &Secret,
        id: Option<&str>,
        parts: &[Part],
        refer: impl FnOnce(&mut Writer),
    ) -> Result<Range<usize>, Unsealed> {
        let algorithm = self.seal.mac;
        let signing = Signing { id, method: Method::Mac(algorithm), digest: self.seal.demand.suite().digest, parts };
        let scope = self.signed_in();
        let (range, value) = inclusive::sign(
            &mut self.scratch,
            &signing,
            scope,
            |octets| Ok(mac::mac(algorithm, secret.expose(), &[octets]).as_ref().to_vec()),
            refer,
        )?;
        self.signatures.push(value);
        Ok(range)
    }

    /// A certificate that does not travel, as what the reference with that id stands for (the STR-Transform).
    pub(super) fn absent_part(&self, id: &str, certificate: &Certificate) -> Part {
        Part::absent_token(self.seal.demand.suite().digest, id, reference::PREFIX, X509V3, certificate.der())
    }

    /// Signs with a certificate's key, and names the certificate.
    fn sign(
        &mut self,
        credential: &Credential,
        name: &Named,
        id: Option<&str>,
        parts: &[Part],
    ) -> Result<Range<usize>, Unsealed> {
        let (algorithm, v11) = (self.seal.signature, self.seal.demand.policy.wss.v11);
        let signing =
            Signing { id, method: Method::Asymmetric(algorithm), digest: self.seal.demand.suite().digest, parts };
        let (scope, random) = (self.signed_in(), &mut *self.random);
        let (range, value) = inclusive::sign(
            &mut self.scratch,
            &signing,
            scope,
            |octets| sign::sign(&credential.key, algorithm, octets, random).map_err(|_| Unsealed::Asymmetric),
            |writer| match name {
                Named::Local(id, value_type) => write_local(writer, id, Some(value_type), None),
                Named::Outside { wanted, id } => {
                    reference::write_certificate(writer, &credential.certificate, *wanted, v11, id.as_deref());
                }
            },
        )?;
        self.signatures.push(value);
        Ok(range)
    }
}
