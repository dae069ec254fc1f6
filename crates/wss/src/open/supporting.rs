//! Supporting tokens: each that the policy demands, protected as it says, and no others (WS-SecurityPolicy 1.2,
//! section 8).

use std::collections::HashSet;

use nuncio_policy::model::{self, DerivedKeys, PasswordKind, SupportingToken, UsernameToken};
use nuncio_xml::{Document, NodeId};
use nuncio_xmlsec::signature::Token;

use super::{Endorsement, Endorser, Opening};
use crate::demand::Direction;
use crate::elements;
use crate::envelope::Envelope;
use crate::header::Item;
use crate::message_terms::own_parts;
use crate::refusal::Refusal;
use crate::token::username::{Password, Username};

/// The endorsing signatures that no demanded token has taken yet.
type Untaken<'a> = Vec<&'a Endorsement>;

impl Opening<'_> {
    /// The supporting tokens: each that is demanded, and no others. Gives the user name, where one is among them.
    pub(super) fn check_supporting(
        &self,
        envelope: &Envelope,
        timestamp: Option<NodeId>,
    ) -> Result<Option<Username>, Refusal> {
        let mut username = None;
        let mut untaken: Untaken<'_> = self.endorsements.iter().collect();
        let mut spare = self.spare(|item| matches!(item, Item::Certificate(_)));
        let mut names = self.spare(|item| matches!(item, Item::Username));
        for demanded in self.demand.supporting {
            match &demanded.token {
                model::Token::Username(token) if demanded.endorsing => {
                    let found = take(&mut untaken, |by| matches!(by, Endorser::User { .. }));
                    if self.endorsed(found, demanded, envelope, timestamp)? {
                        self.check_user(found, token)?;
                    }
                }
                model::Token::Username(token) => {
                    let found = self.username(&envelope.document, &mut names, demanded, token)?;
                    username = match (username, found) {
                        (Some(first), Some(other)) if !same(&first, &other) => {
                            return Err(Refusal::header("UsernameToken", "names somebody else than another"));
                        }
                        (first, found) => first.or(found),
                    };
                }
                model::Token::X509(_) if demanded.endorsing => {
                    let found = take(&mut untaken, |by| matches!(by, Endorser::Certificate(_)));
                    self.endorsed(found, demanded, envelope, timestamp)?;
                }
                model::Token::X509(_) => self.certificate_alone(&mut spare, demanded)?,
                model::Token::SecureConversation(_) if !demanded.endorsing => self.context_alone(demanded)?,
                model::Token::SecureConversation(_) => {
                    let found = take(&mut untaken, |by| matches!(by, Endorser::Context));
                    self.endorsed(found, demanded, envelope, timestamp)?;
                }
            }
        }
        if self.demand.renew() {
            let endorsement = take(&mut untaken, |by| matches!(by, Endorser::Context));
            let endorsement = endorsement.ok_or(Refusal::TokenMissing("signature by the context that is renewed"))?;
            self.check_endorsement(endorsement, timestamp)?;
        }
        if !untaken.is_empty() {
            return Err(Refusal::Endorsement("is there where the policy has none"));
        }
        // Nobody hides what nobody asked for.
        if spare.iter().any(|&certificate| self.was_encrypted(certificate)) {
            return Err(Refusal::header("BinarySecurityToken", "is hidden where the policy has none"));
        }
        if !names.is_empty() {
            return Err(Refusal::header("UsernameToken", "is there where the policy has none"));
        }
        self.check_context_included()?;
        if let (Some(username), Some(user)) = (&username, self.endorsing_user())
            && username.name != user.name
        {
            return Err(Refusal::header("UsernameToken", "names somebody else than another"));
        }
        Ok(username)
    }

    /// Whether there is an endorsing signature of the kind that is demanded, the token protected and the parts signed as the
    /// policy says; refused where there is none and there must be.
    fn endorsed(
        &self,
        found: Option<&Endorsement>,
        demanded: &SupportingToken,
        envelope: &Envelope,
        timestamp: Option<NodeId>,
    ) -> Result<bool, Refusal> {
        match (found, &demanded.token) {
            (Some(endorsement), _) => {
                self.check_endorsement(endorsement, timestamp)?;
                self.check_endorser(endorsement, demanded)?;
                self.check_token_parts(endorsement, demanded, envelope)?;
                Ok(true)
            }
            (None, _) if demanded.optional => Ok(false),
            (None, model::Token::X509(_)) => Err(Refusal::TokenMissing("signature by a certificate")),
            (None, model::Token::SecureConversation(_)) => {
                Err(Refusal::TokenMissing("signature by the security context"))
            }
            (None, model::Token::Username(_)) => Err(Refusal::TokenMissing("signature by a key of a password")),
        }
    }

    /// Whether the key and the token of a user who endorses are as the policy says.
    fn check_user(&self, by: Option<&Endorsement>, token: &UsernameToken) -> Result<(), Refusal> {
        let derived = matches!(by, Some(Endorsement { by: Endorser::User { derived: true }, .. }));
        if token.derived_keys != DerivedKeys::None && !derived {
            return Err(Refusal::KeyReference("signs with a key that is not derived"));
        }
        self.endorsing_user().map_or(Ok(()), |user| check_dated(user, token))
    }

    /// Takes the next of the user names in the message for one that is demanded.
    fn username(
        &self,
        document: &Document,
        names: &mut Vec<NodeId>,
        demanded: &SupportingToken,
        token: &UsernameToken,
    ) -> Result<Option<Username>, Refusal> {
        if names.is_empty() {
            return if demanded.optional { Ok(None) } else { Err(Refusal::TokenMissing("user name token")) };
        }
        let node = names.remove(0);
        if self.demand.order().is_some() {
            self.check_protected(node, demanded, "UsernameToken")?;
            // WS-SecurityPolicy 1.1 has no word for it, and every stack encrypts it there: a password is not sent in clear.
            if !self.was_encrypted(node) {
                return Err(Refusal::NotEncrypted("UsernameToken".to_owned()));
            }
        }
        let username = Username::read(document, node)?;
        let wanted = match token.password {
            PasswordKind::Text => matches!(username.password, Password::Text(_)),
            PasswordKind::Digest => matches!(username.password, Password::Digest(_)),
            PasswordKind::None => matches!(username.password, Password::None),
        };
        if !wanted {
            return Err(Refusal::header("Password", "is not of the kind that the policy asks for"));
        }
        if username.salted.is_some() {
            return Err(Refusal::header("Salt", "is there where the policy has no key of a password"));
        }
        check_dated(&username, token)?;
        Ok(Some(username))
    }

    /// Tokens in the message, of those that `are` such, that made no signature.
    fn spare(&self, are: impl Fn(&Item) -> bool) -> Vec<NodeId> {
        let primary = self.primary.as_ref().and_then(|primary| primary.token);
        let used = |node| primary == Some(node) || self.endorsements.iter().any(|by| by.token == Some(node));
        self.header.nodes(are).filter(|&node| !used(node)).collect()
    }

    /// A certificate that comes along without signing. It says whose it is and proves nothing.
    fn certificate_alone(&self, spare: &mut Vec<NodeId>, demanded: &SupportingToken) -> Result<(), Refusal> {
        let protected = |node: &NodeId| self.check_protected(*node, demanded, "BinarySecurityToken").is_ok();
        match (spare.iter().position(protected), spare.first()) {
            (Some(at), _) => {
                spare.remove(at);
                Ok(())
            }
            (None, Some(&node)) => self.check_protected(node, demanded, "BinarySecurityToken"),
            (None, None) if demanded.optional => Ok(()),
            (None, None) => Err(Refusal::TokenMissing("certificate")),
        }
    }

    /// A security context that comes along without signing. It names a conversation, and proves nothing of it.
    fn context_alone(&self, demanded: &SupportingToken) -> Result<(), Refusal> {
        match self.header.nodes(|item| matches!(item, Item::Context(..))).next() {
            Some(node) => self.check_protected(node, demanded, "SecurityContextToken"),
            None if demanded.optional => Ok(()),
            None => Err(Refusal::TokenMissing("security context token")),
        }
    }

    /// Whether a token in the message is signed and encrypted as the kind of supporting token says. Over a transport, the
    /// transport does both.
    fn check_protected(&self, node: NodeId, demanded: &SupportingToken, name: &str) -> Result<(), Refusal> {
        if self.demand.order().is_none() {
            return Ok(());
        }
        if demanded.signed && !self.was_signed(node) {
            return Err(Refusal::NotSigned(name.to_owned()));
        }
        if demanded.encrypted && !self.was_encrypted(node) {
            return Err(Refusal::NotEncrypted(name.to_owned()));
        }
        Ok(())
    }

    /// Whether the token of an endorsing signature is protected as its kind says. One that is only referred to is in no
    /// message: there is nothing to encrypt, and signed it is by what stands for it (the STR-Transform).
    fn check_endorser(&self, endorsement: &Endorsement, demanded: &SupportingToken) -> Result<(), Refusal> {
        match endorsement.token {
            Some(node) => self.check_protected(node, demanded, "the token that endorses"),
            None if demanded.signed && self.demand.order().is_some() && !self.stands_for(endorsement) => {
                Err(Refusal::NotSigned("the token that endorses".to_owned()))
            }
            None => Ok(()),
        }
    }

    /// Whether the primary signature covers the certificate that endorses, which is not in the message.
    fn stands_for(&self, endorsement: &Endorsement) -> bool {
        let Endorser::Certificate(certificate) = &endorsement.by else { return false };
        let tokens = self.primary.as_ref().map(|primary| primary.verified.tokens());
        let covered = |token: &Token| match token {
            Token::Binary { octets, .. } => octets.as_slice() == certificate.der(),
            Token::Element(_) => false,
        };
        tokens.unwrap_or_default().iter().any(|(_, token)| covered(token))
    }

    /// An endorsing signature covers the primary one; over a transport the timestamp.
    fn check_endorsement(&self, endorsement: &Endorsement, timestamp: Option<NodeId>) -> Result<(), Refusal> {
        if let Some(primary) = &self.primary {
            return if endorsement.verified.covers(primary.node) {
                Ok(())
            } else {
                Err(Refusal::Endorsement("does not cover the primary signature"))
            };
        }
        if self.demand.timestamp() && !timestamp.is_some_and(|timestamp| endorsement.verified.covers(timestamp)) {
            return Err(Refusal::Endorsement("does not cover the timestamp"));
        }
        Ok(())
    }

    /// The parts that a token that endorses must sign beside its duty.
    fn check_token_parts(
        &self,
        endorsement: &Endorsement,
        demanded: &SupportingToken,
        envelope: &Envelope,
    ) -> Result<(), Refusal> {
        let covers = |node| self.is_covered(&endorsement.verified, node);
        let own = own_parts(self.demand.policy, demanded);
        let mut within = HashSet::new();
        for path in &own.signed_elements {
            if !elements::are_covered(&envelope.document, path, &mut within, covers) {
                return Err(Refusal::NotSigned(path.text.clone()));
            }
        }
        let parts = &own.signed;
        if parts.body && !covers(envelope.body) {
            return Err(Refusal::NotSigned("Body".to_owned()));
        }
        // Over TLS it is the address that says for which service the signature was made.
        let to = envelope.addressing.to.as_ref().map(|to| to.node);
        if to.is_none() && parts.headers.iter().any(|part| part.name.as_deref() == Some("To")) {
            return Err(Refusal::Endorsement("covers no address, since there is none"));
        }
        for &block in &envelope.blocks {
            let name = envelope.document.name(block);
            if parts.has_header(name.namespace, name.local) && !covers(block) {
                return Err(Refusal::NotSigned(name.local.to_owned()));
            }
        }
        Ok(())
    }

    /// A context that the policy includes in requests must be there; and one that is named is the message's own only if its
    /// key made something of it, which is asked wherever the policy has a use for its key.
    fn check_context_included(&self) -> Result<(), Refusal> {
        let alone = |demanded: &SupportingToken| {
            matches!(demanded.token, model::Token::SecureConversation(_)) && !demanded.endorsing
        };
        let named = self.keys.context.is_some() && !self.demand.supporting.iter().any(alone);
        if self.demand.direction == Direction::Request && named && !self.is_by_context() {
            return Err(Refusal::TokenMissing("signature by the security context"));
        }
        let protection = self.demand.symmetric().map(|binding| &binding.protection);
        let supporting = self.demand.supporting.iter().filter(|demanded| !demanded.optional);
        let tokens = protection.into_iter().chain(supporting.map(|demanded| &demanded.token));
        for token in tokens {
            if let model::Token::SecureConversation(token) = token {
                let there = self.header.nodes(|item| matches!(item, Item::Context(..))).next().is_some();
                if self.demand.direction == Direction::Request && token.include.to_recipient() && !there {
                    return Err(Refusal::TokenMissing("security context token"));
                }
            }
        }
        Ok(())
    }
}

/// Whether a token has the nonce and the time that the policy asks for.
fn check_dated(username: &Username, token: &UsernameToken) -> Result<(), Refusal> {
    if token.nonce && username.nonce.is_none() || token.created && username.created.is_none() {
        return Err(Refusal::header("UsernameToken", "has no nonce or time where the policy asks for them"));
    }
    Ok(())
}

/// Whether two tokens bring the same user name and the same password in clear: others cannot be told to be the same.
fn same(one: &Username, other: &Username) -> bool {
    let password = match (&one.password, &other.password) {
        (Password::Text(_), Password::Text(password)) => one.proves(password),
        _ => false,
    };
    one.name == other.name && password
}

/// Takes the first endorsing signature of a kind.
fn take<'a>(untaken: &mut Untaken<'a>, is: impl Fn(&Endorser) -> bool) -> Option<&'a Endorsement> {
    let at = untaken.iter().position(|endorsement| is(&endorsement.by))?;
    Some(untaken.remove(at))
}
