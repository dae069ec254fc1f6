//! The key of a user name token, which is derived from the user's password: once in a message, and for nobody as for
//! everybody.

use nuncio_crypto::secret::Secret;
use nuncio_xml::{Document, NodeId};
use nuncio_xmlsec::Invalid;
use nuncio_xmlsec::signature::{Authentic, Signature, Verified, VerifyKey};

use super::resolve::Resolved;
use super::{Opening, Root};
use crate::refusal::Refusal;
use crate::token::username::Username;

/// A user name token and its key.
pub(super) struct User {
    pub(super) username: Username,
    secret: Secret,
    /// Whether there is such a user. The key of a user that there is not proves nothing, whoever has it.
    known: bool,
}

impl Opening<'_> {
    /// The key of the user name token at that position.
    pub(super) fn password_key(&self, document: &Document, at: usize) -> Result<Resolved, Refusal> {
        let node = self.header.entries[at].node;
        let resolved = |secret| Resolved { secret, root: Root::Username, derived: false, token: Some(node) };
        if let Some((derived, user)) = self.user.get() {
            if *derived != at {
                return Err(Refusal::KeyReference("derives a key from a second password"));
            }
            return Ok(resolved(user.secret.clone()));
        }
        if !self.demand.has_password_key() {
            return Err(Refusal::KeyReference("derives a key from a password where the policy has none"));
        }
        let user = self.user(document, node)?;
        let secret = user.secret.clone();
        // Nothing is there: it was looked for above.
        let _ = self.user.set((at, user));
        Ok(resolved(secret))
    }

    /// The user name in the token at `node`, and its key.
    fn user(&self, document: &Document, node: NodeId) -> Result<User, Refusal> {
        let username = Username::read(document, node)?;
        let salted = username.salted.as_ref().ok_or(Refusal::KeyReference("leads to a user name without a salt"))?;
        let password = self.keys.passwords.and_then(|passwords| passwords.password(&username.name));
        let known = password.is_some();
        // A guess at a name costs what a guess at a password costs.
        let secret = salted.derive(&password.unwrap_or_else(|| Secret::new(Vec::new())))?;
        Ok(User { username, secret, known })
    }

    /// Verifies a signature by the key of the user name token, or one derived from it. A user that is not known and a
    /// password that is wrong are one refusal.
    pub(super) fn verify_by_user(
        &mut self,
        document: &Document,
        signature: Signature,
        secret: &Secret,
    ) -> Result<Verified, Refusal> {
        let authentic = self.authentic_by_user(document, signature, secret)?;
        Ok(authentic.cover(document, &|_| None, &[], &mut self.budget)?)
    }

    fn authentic_by_user(
        &self,
        document: &Document,
        signature: Signature,
        secret: &Secret,
    ) -> Result<Authentic, Refusal> {
        let (_, user) = self.user.get().ok_or(Refusal::TokenMissing("user name token"))?;
        match (Authentic::new(document, signature, &VerifyKey::Secret(secret)), user.known) {
            (Ok(authentic), true) => Ok(authentic),
            (Ok(_) | Err(Invalid::SignatureMismatch), _) => Err(Refusal::WrongKey(user.username.name.clone())),
            (Err(invalid), _) => Err(invalid.into()),
        }
    }
}
