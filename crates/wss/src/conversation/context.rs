//! A security context: what the two sides of a conversation share.

use std::fmt;
use std::sync::Arc;

use nuncio_crypto::algorithm::DigestAlgorithm;
use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::digest::hash;
use nuncio_crypto::secret::Secret;
use zeroize::Zeroizing;

use super::derived::{DerivedKeys, Lease};
use crate::dialect::Dialect;
use crate::time::Time;

/// Who a message, or a conversation, comes from.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Principal {
    /// Nobody in particular: only the service is authenticated.
    Anonymous,
    /// The holder of a certificate.
    Certificate(Holder),
    /// A user, by name.
    User(Box<str>),
}

/// The holder of a certificate that was trusted.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Holder {
    /// The certificate's subject, in the form of RFC 2253.
    pub subject: Box<str>,
    /// Its issuer, in the same form.
    pub issuer: Box<str>,
    /// The SHA-1 of its DER, by which products name it.
    pub thumbprint: [u8; 20],
}

impl From<&Certificate> for Principal {
    fn from(certificate: &Certificate) -> Self {
        Self::Certificate(Holder {
            subject: certificate.subject().into(),
            issuer: certificate.issuer().into(),
            thumbprint: certificate.thumbprint(),
        })
    }
}

impl Principal {
    /// The name that a backend is told; `None` for nobody in particular.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Anonymous => None,
            Self::Certificate(holder) => Some(&holder.subject),
            Self::User(name) => Some(name),
        }
    }

    /// What it takes in memory, in octets, once for all its conversations.
    pub fn octets(&self) -> usize {
        let names = match self {
            Self::Anonymous => 0,
            Self::Certificate(holder) => block(holder.subject.len()) + block(holder.issuer.len()),
            Self::User(name) => block(name.len()),
        };
        shared::<Self>() + names
    }

    /// Whether both are the same one: the user of one name, or whoever one issuer gave certificates to under one subject. A
    /// certificate may have been replaced by its successor.
    pub(crate) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Certificate(one), Self::Certificate(other)) => {
                one.subject == other.subject && one.issuer == other.issuer
            }
            _ => self == other,
        }
    }
}

/// A stable number of a conversation. It is written in hexadecimal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ConversationId(pub [u8; 16]);

impl ConversationId {
    /// The number of a conversation that somebody else named.
    pub(crate) fn of(identifier: &str) -> Self {
        let digest = hash(DigestAlgorithm::Sha256, identifier.as_bytes());
        Self(digest.as_ref().first_chunk().copied().unwrap_or_default())
    }
}

impl fmt::Display for ConversationId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// A security context. There may be a million of them: what is in it is kept small.
pub struct Context {
    /// Its identifier, an absolute URI. It is public: whoever sees a message sees it.
    pub identifier: Box<str>,
    /// Its generation.
    pub dialect: &'static Dialect,
    /// Who established it: one for all the conversations that he has, as far as whoever grants them has it so.
    pub principal: Arc<Principal>,
    /// A stable number of the conversation for the backend, which tells nothing of the identifier.
    pub conversation: ConversationId,
    /// When it was issued.
    pub created: Time,
    /// When its key ends.
    pub expires: Time,
    pub(crate) secret: Secret,
    /// Where keys that are derived from it are kept.
    pub(crate) derived: Lease,
    /// What few have.
    pub(crate) besides: Option<Box<Besides>>,
}

/// What is to be said of a context that was renewed, or issued by somebody else.
pub(crate) struct Besides {
    /// Which of its keys this is.
    pub(crate) instance: Option<Box<str>>,
    /// The name of the key that this one replaces, where it was renewed here.
    pub(crate) replaces: Option<Box<str>>,
    /// The token as it came: what an initiator sends with every request. `None` where it was issued here.
    pub(crate) carried: Option<Carried>,
}

/// A security context token as its issuer wrote it, in canonical form, and its id: kept whole, since it may hold state that only
/// the issuer reads.
pub(crate) struct Carried {
    pub(crate) id: String,
    pub(crate) octets: Vec<u8>,
}

/// The name of a context's key: its identifier and, where it was renewed, the instance behind a space. No URI has one.
pub(crate) fn name(identifier: &str, instance: Option<&str>) -> String {
    match instance {
        Some(instance) => format!("{identifier} {instance}"),
        None => identifier.to_owned(),
    }
}

/// What an allocation of so many octets takes: the allocators that are used round up to 16, and the one of glibc puts a word
/// before each.
const fn block(octets: usize) -> usize {
    if octets == 0 { 0 } else { (octets + size_of::<usize>()).next_multiple_of(16) }
}

/// What a value takes that is shared.
const fn shared<T>() -> usize {
    block(size_of::<T>() + 2 * size_of::<usize>())
}

impl Context {
    /// One whose key is known from elsewhere, for whoever looks at what was said in it: who established it is not known.
    pub fn known(
        (identifier, instance): (&str, Option<&str>),
        dialect: &'static Dialect,
        secret: Secret,
        (created, expires): (Time, Time),
    ) -> Self {
        let besides =
            instance.map(|instance| Besides { instance: Some(instance.into()), replaces: None, carried: None });
        Self {
            identifier: identifier.into(),
            dialect,
            principal: Arc::new(Principal::Anonymous),
            conversation: ConversationId::of(identifier),
            created,
            expires,
            secret,
            derived: DerivedKeys::new(0).lease(),
            besides: besides.map(Box::new),
        }
    }

    /// The name by which [`crate::Received::context`] asks for it: each key of a conversation is a context of its own.
    pub fn name(&self) -> String {
        name(&self.identifier, self.instance())
    }

    /// What it takes in memory, in octets; its principal, which others share, is not counted.
    pub fn octets(&self) -> usize {
        let text = |text: &Option<Box<str>>| text.as_ref().map_or(0, |text| block(text.len()));
        let besides = self.besides.as_ref().map_or(0, |besides| {
            let carried = besides
                .carried
                .as_ref()
                .map_or(0, |Carried { id, octets }| block(id.capacity()) + block(octets.capacity()));
            block(size_of::<Besides>()) + text(&besides.instance) + text(&besides.replaces) + carried
        });
        shared::<Self>() + block(self.identifier.len()) + block(self.secret.allocated()) + besides
    }

    /// Which of its keys this is, where it was renewed.
    pub fn instance(&self) -> Option<&str> {
        self.besides.as_ref()?.instance.as_deref()
    }

    /// The name of the key that this one replaces, where it was renewed here.
    pub fn replaces(&self) -> Option<&str> {
        self.besides.as_ref()?.replaces.as_deref()
    }

    /// The token as it came; `None` where it was issued here.
    pub(crate) fn carried(&self) -> Option<&Carried> {
        self.besides.as_ref()?.carried.as_ref()
    }

    /// The key, if that is the name of this context and of its key.
    pub(crate) fn key(&self, identifier: &str, instance: Option<&str>) -> Option<&Secret> {
        (*self.identifier == *identifier && self.instance() == instance).then_some(&self.secret)
    }

    /// It as octets, which hold its key, for [`crate::Restorer::restore`], or for [`crate::Initiator::restore`] where somebody else
    /// issued it. `None` for one whose caller has a name, or which has a token, of more than 64 KiB.
    pub fn record(&self) -> Option<Zeroizing<Vec<u8>>> {
        super::record::write(self)
    }

    /// The key's octets: for tests against recordings, and for nothing else.
    #[doc(hidden)]
    pub fn danger_key_octets(&self) -> &[u8] {
        self.secret.expose()
    }
}
