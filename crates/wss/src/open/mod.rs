//! A security header opened: decrypted, verified, and held against what the policy demands.
//!
//! The same for both sides. The order is the policy's: where it signs first, what is encrypted is decrypted before the
//! signatures are verified; where it encrypts first, nothing is decrypted under a signature that does not verify, but what
//! of the security header may be that signature.
//! Coverage is by node: what counts as signed is the very element that is used afterwards.

mod check;
mod decrypt;
mod elements;
mod password;
mod resolve;
mod supporting;
mod verify;

use std::cell::OnceCell;
use std::time::Duration;

use nuncio_crypto::algorithm::{DigestAlgorithm, MacAlgorithm, SignatureAlgorithm};
use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::digest::{self, Hasher};
use nuncio_policy::model::{ProtectionOrder, SoapVersion};
use nuncio_xml::{Document, Each, NodeId, exclusive};
use nuncio_xmlsec::Accepted;
use nuncio_xmlsec::encryption::Form;
use nuncio_xmlsec::signature::{Authentic, Signature, Verified};

use self::decrypt::Which;
use self::password::User;
use crate::addressing::Headers;
use crate::demand::{Demand, Direction};
use crate::envelope::Envelope;
use crate::header::SecurityHeader;
use crate::keys::{Keys, SharedKey};
use crate::limits::Limits;
use crate::refusal::Refusal;
use crate::time::Time;
use crate::timestamp::{Freshness, Timestamp};
use crate::token::username::Username;

/// The root of a symmetric key: which token it comes from, whether or not it was derived.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Root {
    /// The security context.
    Context,
    /// The encrypted key.
    Shared,
    /// The user name token, by the user's password.
    Username,
}

/// Something that was encrypted: the `EncryptedData` that stood there, what came out, and what both are children of.
struct Decrypted {
    form: Form,
    was: NodeId,
    /// The first that came out; of what nothing came out, as of the one before.
    from: NodeId,
    now: Vec<NodeId>,
    parent: NodeId,
}

/// The signature by the token that the binding signs with.
struct Primary {
    verified: Verified,
    node: NodeId,
    /// The token that it was made with, where that is in the message.
    token: Option<NodeId>,
}

/// A primary signature whose value is good, and which is still to be held against what it covers.
struct Uncovered {
    authentic: Authentic,
    node: NodeId,
    token: Option<NodeId>,
}

/// A signature that verified under a key that may endorse.
struct Endorsement {
    verified: Verified,
    node: NodeId,
    by: Endorser,
    /// The token that it was made with, where that is in the message.
    token: Option<NodeId>,
}

/// Who endorsed.
enum Endorser {
    Certificate(Certificate),
    Context,
    /// The user whose password the key comes from; whether it was derived from that key in turn.
    User {
        derived: bool,
    },
}

/// What an opened message proves, and what is needed to answer it. By default, nothing.
#[derive(Default)]
pub(crate) struct Evidence {
    /// The values of its signatures, primary first: what an answer confirms.
    pub(crate) signatures: Vec<Vec<u8>>,
    /// Whether the context's key made a signature of it: naming a context proves nothing.
    pub(crate) by_context: bool,
    /// The key that came as an encrypted key.
    pub(crate) shared: Option<SharedKey>,
    /// The user name and password, not yet believed.
    pub(crate) username: Option<Username>,
    /// The user a key of whose password made an endorsing signature.
    pub(crate) user: Option<String>,
    /// The trusted certificate that signed or endorsed the message.
    pub(crate) certificate: Option<Certificate>,
    /// The symmetric signature algorithm that was used, where the suite leaves a choice.
    pub(crate) mac: Option<MacAlgorithm>,
    /// The asymmetric one.
    pub(crate) signature: Option<SignatureAlgorithm>,
    /// What tells the message from every other, and until when it could be taken again.
    pub(crate) once: Option<Once>,
    /// The same of its encrypted key, under an asymmetric binding: whoever sees a message can sign it anew with a
    /// certificate of his own.
    pub(crate) wrapped: Option<Once>,
    /// The same of the nonces of its user names.
    pub(crate) nonces: Vec<Once>,
    /// When the oldest of what says when it was made was made: its timestamp, its user names.
    pub(crate) created: Option<Time>,
    /// Header blocks that no signature covers.
    pub(crate) unverified: Vec<NodeId>,
}

/// What tells a message from every other: to be claimed before the message has any effect.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Once {
    /// A digest over what is unique in it.
    pub key: [u8; 16],
    /// From when on the message would be refused as too old in any case.
    pub until: Time,
}

/// A message while it is opened.
struct Opening<'a> {
    demand: Demand<'a>,
    keys: Keys<'a>,
    limits: &'a Limits,
    accepted: Accepted,
    header: SecurityHeader,
    /// The key that came wrapped, and the position of what it came in.
    shared: OnceCell<(usize, SharedKey)>,
    /// The user whose password a key was derived from, and the position of the token.
    user: OnceCell<(usize, User)>,
    decrypted: Vec<Decrypted>,
    uncovered: Option<Uncovered>,
    primary: Option<Primary>,
    /// Whose certificate made the primary signature, under an asymmetric binding.
    signer: Option<Certificate>,
    /// Signatures that are not primary, and where they stand: read, not yet verified.
    endorsing: Vec<(usize, Signature)>,
    endorsements: Vec<Endorsement>,
    mac: Option<MacAlgorithm>,
    signature: Option<SignatureAlgorithm>,
    /// How many canonical octets all its references may digest.
    budget: usize,
}

/// References may overlap and nest: all together they digest no more than so many times the message's octets, and this
/// much for namespaces that canonical form writes out.
const DIGESTED: usize = 4;
const DIGESTED_AT_LEAST: usize = 64 * 1024;

/// For how long a message that nothing dates is remembered, where no context ends sooner.
const UNDATED: Duration = Duration::from_hours(24);

/// Which signatures a message must confirm (WSS 1.1, section 8.5).
#[derive(Clone, Copy)]
pub(crate) enum Confirm<'a> {
    /// None: and it must say of none that it does.
    Nothing,
    /// Those of the request that it answers, by their values.
    These(&'a [Vec<u8>]),
    /// Those of a request that is not known: any, and there must be some.
    Unknown,
}

/// Opens an envelope. `confirm` says which signatures of the request a response must confirm.
pub(crate) fn open(
    envelope: Envelope,
    demand: Demand<'_>,
    keys: Keys<'_>,
    confirm: Confirm<'_>,
    freshness: &Freshness,
    now: Time,
    limits: &Limits,
) -> Result<(Envelope, Evidence), Refusal> {
    if !demand.protected {
        envelope.check_in_clear()?;
        // Nothing would be done with it that its sender counts on.
        if demand.direction == Direction::Request && envelope.security.is_some() {
            return Err(Refusal::header("Security", "is there, and the operation has no security"));
        }
        let unverified = envelope.blocks.clone();
        return Ok((envelope, Evidence { unverified, ..Evidence::default() }));
    }
    // What a header would have to confirm, it must be there for.
    if envelope.security.is_none() && !(demand.is_left_to_transport() && matches!(confirm, Confirm::Nothing)) {
        return Err(Refusal::TokenMissing("security header"));
    }
    if !demand.may_hide_blocks() {
        envelope.check_in_clear()?;
    }
    let accepted = demand.accepted();
    let header = match envelope.security {
        Some(security) => SecurityHeader::read(&envelope.document, security, &accepted, limits)?,
        None => SecurityHeader::none(),
    };
    let mut opening = Opening {
        demand,
        keys,
        limits,
        accepted,
        header,
        shared: OnceCell::new(),
        user: OnceCell::new(),
        decrypted: Vec::new(),
        uncovered: None,
        primary: None,
        signer: None,
        endorsing: Vec::new(),
        endorsements: Vec::new(),
        mac: None,
        signature: None,
        budget: envelope.octets.saturating_mul(DIGESTED).max(DIGESTED_AT_LEAST),
    };
    let Envelope { document, octets, soap, mut blocks, passing, security, body, addressing } = envelope;
    // A stale message costs no cryptography; that its timestamp is signed is checked below.
    let timestamp = opening.timestamp(&document)?;
    if let Some((_, timestamp)) = &timestamp {
        timestamp.check(freshness, now)?;
    }
    let document = opening.prove(document, body, soap, &mut blocks, now)?;
    let mut envelope = Envelope { document, octets, soap, blocks, passing, security, body, addressing };
    envelope.check_in_clear()?;
    if demand.may_hide_blocks() {
        // Some of the addressing may have come out just now.
        let replies = envelope.addressing.replies;
        envelope.addressing = Headers::read(&envelope.document, &envelope.blocks, demand.policy.addressing, replies)?;
    }
    let stamp = timestamp.as_ref().map(|(node, _)| *node);
    opening.check_layout(stamp)?;
    opening.check_parts(&envelope, stamp)?;
    opening.check_confirmations(confirm)?;
    let username = opening.check_supporting(&envelope, stamp)?;
    let unverified = opening.check_understood(&envelope)?;
    opening.check_trust(now)?;

    // A user name that says when it was made is held to it, as WSE has it.
    let user = opening.endorsing_user();
    let named = || username.iter().chain(user);
    for created in named().filter_map(|username| username.created) {
        Timestamp::created(created).check(freshness, now)?;
    }
    let created = named().find_map(|username| username.created).map(Timestamp::created);
    let oldest = named().filter_map(|username| username.created).chain(timestamp.as_ref().map(|of| of.1.created)).min();
    let until = match timestamp.map(|(_, timestamp)| timestamp).or(created) {
        Some(timestamp) => timestamp.until(freshness),
        // Nothing makes it too old: it is remembered as long as its context lives, or for a day.
        None => keys.context.map_or_else(|| now.plus(UNDATED), |context| context.expires),
    };
    let once = opening.once(&envelope, until);
    let wrapped = opening.wrapped(until);
    let nonces = named().filter_map(|username| username.once(freshness, now)).collect();
    let user = user.map(|user| user.name.clone());
    let by_context = opening.is_by_context();
    // What the policy wants protected is not handed on as another's.
    envelope.passing.retain(|(_, block)| !opening.is_named(&envelope.document, *block));
    let Opening { shared, primary, signer, endorsements, mac, signature, .. } = opening;
    let mut signatures: Vec<Vec<u8>> = primary.iter().map(|primary| primary.verified.value().to_vec()).collect();
    signatures.extend(endorsements.iter().map(|endorsement| endorsement.verified.value().to_vec()));
    let certificate = signer.or_else(|| {
        endorsements.into_iter().find_map(|endorsement| match endorsement.by {
            Endorser::Certificate(certificate) => Some(certificate),
            Endorser::Context | Endorser::User { .. } => None,
        })
    });
    Ok((
        envelope,
        Evidence {
            signatures,
            by_context,
            shared: shared.into_inner().map(|(_, shared)| shared),
            username,
            user,
            certificate,
            mac,
            signature,
            once,
            wrapped,
            nonces,
            created: oldest,
            unverified,
        },
    ))
}

impl Opening<'_> {
    /// Decrypts and verifies in the policy's order.
    fn prove(
        &mut self,
        document: Document,
        body: NodeId,
        soap: SoapVersion,
        blocks: &mut [NodeId],
        now: Time,
    ) -> Result<Document, Refusal> {
        let document = match self.demand.order() {
            None => {
                self.authenticate(&document)?;
                self.verify_endorsing(&document)?;
                document
            }
            Some(ProtectionOrder::SignBeforeEncrypt) => {
                let document = self.decrypt(document, body, soap, blocks, Which::All)?;
                self.authenticate(&document)?;
                self.check_signer(now)?;
                self.cover_primary(&document)?;
                self.verify_endorsing(&document)?;
                document
            }
            Some(ProtectionOrder::EncryptBeforeSign) => {
                let document = if self.demand.signature_encrypted() {
                    // Whatever the signature covers: what of the header is encrypted is not known by its kind.
                    self.decrypt(document, body, soap, blocks, Which::Header)?
                } else {
                    document
                };
                self.authenticate(&document)?;
                self.check_signer(now)?;
                // WSS4J encrypts what is in the header after it signed.
                let document = self.decrypt(document, body, soap, blocks, Which::Later)?;
                self.cover_primary(&document)?;
                // Whoever endorses signs what stands there too, and may be among what is encrypted in the header.
                let document = self.decrypt(document, body, soap, blocks, Which::Header)?;
                self.verify_endorsing(&document)?;
                self.decrypt(document, body, soap, blocks, Which::All)?
            }
        };
        Ok(document)
    }

    /// The timestamp, where there is one; refused where the policy asks for one and there is none.
    fn timestamp(&self, document: &Document) -> Result<Option<(NodeId, Timestamp)>, Refusal> {
        match self.header.nodes(|item| matches!(item, crate::header::Item::Timestamp)).next() {
            Some(node) => Ok(Some((node, Timestamp::read(document, node)?))),
            None if self.demand.timestamp() => Err(Refusal::TokenMissing("timestamp")),
            None => Ok(None),
        }
    }

    /// Whether the context's key made the primary signature, or one that endorses.
    fn is_by_context(&self) -> bool {
        self.primary.is_some() && self.signing_root() == Some(Root::Context)
            || self.endorsements.iter().any(|endorsement| matches!(endorsement.by, Endorser::Context))
    }

    /// The user whose password's key endorses.
    fn endorsing_user(&self) -> Option<&Username> {
        let endorses = |endorsement: &Endorsement| matches!(endorsement.by, Endorser::User { .. });
        let (_, user) = self.user.get().filter(|_| self.endorsements.iter().any(endorses))?;
        Some(&user.username)
    }

    /// Whether a header block is one that the policy names.
    fn is_named(&self, document: &Document, block: NodeId) -> bool {
        let (name, parts) = (document.name(block), self.demand.parts);
        parts.signed.has_header(name.namespace, name.local) || parts.encrypted.has_header(name.namespace, name.local)
    }

    /// The encrypted key as what makes the message unique, under an asymmetric binding.
    fn wrapped(&self, until: Time) -> Option<Once> {
        let (_, shared) = self.demand.asymmetric().and(self.shared.get())?;
        let digest = digest::hash(DigestAlgorithm::Sha256, &shared.sha1);
        Some(Once { key: *digest.as_ref().first_chunk::<16>()?, until })
    }

    /// What makes the message unique: the primary signature's value; over a transport, where two messages of one
    /// millisecond may well carry the same signature over the same timestamp, that with the message's id or else its
    /// body.
    fn once(&self, envelope: &Envelope, until: Time) -> Option<Once> {
        let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
        if let Some(primary) = &self.primary {
            hasher.update(primary.verified.value());
        } else if let Some(endorsement) = self.endorsements.first() {
            hasher.update(endorsement.verified.value());
            if let Some(id) = &envelope.addressing.message_id {
                hasher.update(id.value.as_bytes());
            } else {
                let mut body = Each(|octets: &[u8]| hasher.update(octets));
                exclusive(&envelope.document, envelope.body, &[], &mut body);
            }
        } else {
            return None;
        }
        let digest = hasher.finish();
        let key = digest.as_ref().first_chunk::<16>()?;
        Some(Once { key: *key, until })
    }
}
