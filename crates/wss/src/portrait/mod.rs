//! A message as whoever looks for a fault wants to see it: what is in it, what is signed and encrypted by what, and as far as
//! keys are given, whether that is sound.
//!
//! Nothing is decided by it: whether a message is taken is [`Recipient::open`](crate::Recipient::open)'s to say. The same
//! readers of tokens, signatures and encrypted elements are asked, with every algorithm that is built; what one of them
//! refuses is described as far as it goes, with the reason.

mod fault;
mod hidden;
mod keys;
mod kind;
mod part;
mod signature;
mod token;
mod trust;

use std::collections::HashMap;
use std::sync::Arc;

use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::secret::Secret;
use nuncio_policy::model::{Addressing, SoapVersion};
use nuncio_policy::suite::SUITES;
use nuncio_xml::{Document, Encoding, NodeId};
use nuncio_xmlsec::{Accepted, DSIG, XENC};

pub use self::fault::FaultSaid;
pub use self::hidden::Hidden;
pub use self::keys::{KeyName, KeyToken};
pub use self::kind::Kind;
pub use self::part::Part;
pub use self::signature::{SignatureSeen, Signed};
pub use self::token::{Shape, TokenSeen};
pub use self::trust::TrustSaid;
pub use nuncio_xmlsec::encryption::KeyMethod;

use self::part::Places;
use crate::addressing;
use crate::conversation::Context;
use crate::envelope::Envelope;
use crate::fault::version;
use crate::initiator::Expectation;
use crate::keys::{Credential, Passwords};
use crate::limits::Limits;
use crate::names::{WSSE, WSSE11, WSU, soap};
use crate::received::HttpFacts;
use crate::refusal::Refusal;
use crate::time::Time;
use crate::timestamp::Timestamp;

/// Keys that one has, beside what is in the message.
#[derive(Default)]
pub struct Given<'a> {
    /// Certificates with their private keys.
    pub credentials: &'a [Credential],
    /// Certificates that a message may name without bringing them.
    pub certificates: &'a [Certificate],
    /// Security contexts.
    pub contexts: &'a [Arc<Context>],
    /// Passwords that keys are derived from.
    pub passwords: Option<&'a dyn Passwords>,
    /// What is remembered of the request that the message is, or answers: it may be under a key of that.
    pub answers: Option<&'a Expectation>,
}

/// Whether something is as it says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Proof {
    /// Its key is not at hand.
    Untried,
    /// It is.
    Good,
    /// It is not, and why.
    Bad(String),
}

/// A name with its namespace.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Named {
    /// The namespace.
    pub namespace: String,
    /// The local name.
    pub local: String,
}

/// The headers of WS-Addressing, as they are there; of one that is there twice, the first.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Addressed {
    /// The version; `None` where there is none of them.
    pub version: Option<Addressing>,
    /// What is asked for, or answered.
    pub action: Option<String>,
    /// The message's own id.
    pub message_id: Option<String>,
    /// The id of the message that it answers.
    pub relates_to: Option<String>,
    /// Where it goes.
    pub to: Option<String>,
    /// Where answers are to go.
    pub reply_to: Option<String>,
    /// Where faults are to go.
    pub fault_to: Option<String>,
    /// Names of those that are there more than once.
    pub repeated: Vec<String>,
}

/// A header block beside the security header.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Block {
    /// What it is called.
    pub name: Named,
    /// Whether it must be understood.
    pub must_be_understood: bool,
    /// Whether a signature covers it.
    pub signed: bool,
    /// Whether it came encrypted.
    pub encrypted: bool,
}

impl Block {
    /// Whether it is one of WS-Addressing's.
    pub fn is_addressing(&self) -> bool {
        addressing::is_addressing(&self.name.namespace)
    }
}

/// The body.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BodySeen {
    /// The first element in it, where that can be seen.
    pub payload: Option<Named>,
    /// Whether a signature covers it, or its content.
    pub signed: bool,
    /// Whether its content came encrypted.
    pub encrypted: bool,
}

/// A timestamp.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stamp {
    /// When the message says it was made.
    pub created: Option<Time>,
    /// Until when it says it is good.
    pub expires: Option<Time>,
    /// Whether a signature covers it.
    pub signed: bool,
    /// What is wrong with it.
    pub problem: Option<String>,
}

/// A message, described.
pub struct Portrait {
    /// The version of SOAP.
    pub soap: SoapVersion,
    /// What it is about.
    pub kind: Kind,
    /// The action: that of WS-Addressing, or else the one that HTTP names.
    pub action: Option<String>,
    /// WS-Addressing.
    pub addressing: Addressed,
    /// Header blocks beside the security headers.
    pub blocks: Vec<Block>,
    /// How many security headers there are.
    pub securities: usize,
    /// The timestamps in them.
    pub timestamps: Vec<Stamp>,
    /// The tokens in them.
    pub tokens: Vec<TokenSeen>,
    /// The signatures.
    pub signatures: Vec<SignatureSeen>,
    /// What is encrypted, and the keys that are.
    pub hidden: Vec<Hidden>,
    /// How many signatures of a request it confirms.
    pub confirmations: usize,
    /// Children of the security headers that nothing here knows, by name.
    pub strange: Vec<Named>,
    /// The body.
    pub body: BodySeen,
    /// What a fault in the body says.
    pub fault: Option<FaultSaid>,
    /// What a message of WS-Trust in the body says.
    pub trust: Option<TrustSaid>,
    /// The suites that have every algorithm in it; none where it has no algorithm, or no suite has them all.
    pub suites: Vec<&'static str>,
    /// Whether it uses any algorithm that suites tell of.
    pub uses_algorithms: bool,
    /// Why it is taken under no policy.
    pub refused: Option<Refusal>,
}

impl Portrait {
    /// Looks at a message, with the keys that one has. `http` is what came with it; `None` where nobody knows.
    ///
    /// # Errors
    ///
    /// Where it is no document within limits, or no SOAP envelope.
    pub fn of(
        message: Vec<u8>,
        http: Option<&HttpFacts<'_>>,
        given: &Given<'_>,
        limits: &Limits,
    ) -> Result<Self, Refusal> {
        let encoding = http.map_or(Encoding::Declared, HttpFacts::encoding);
        let octets = message.clone();
        let document = Document::read_in(message.clone(), encoding, &limits.xml)?;
        let root = document.root();
        let name = document.name(root);
        let soap = version(name.namespace).ok_or(Refusal::Envelope("is in no namespace of SOAP"))?;
        if name.local != "Envelope" {
            return Err(Refusal::Envelope("is not called Envelope"));
        }
        let said = http.map_or(Some(soap), HttpFacts::soap);
        let refused = match said {
            None => Some(Refusal::Envelope("is of a content type that no version of SOAP has")),
            Some(said) => Envelope::read_sealed(message, encoding, said, limits).err(),
        };
        let part = |local| document.elements(root).find(|&node| document.is(node, self::soap(soap), local));
        let (header, body) = (part("Header"), part("Body").ok_or(Refusal::Envelope("has no body"))?);
        let all: Vec<NodeId> = header.map(|header| document.elements(header).collect()).unwrap_or_default();
        let (securities, blocks) = all.into_iter().partition(|&node| document.is(node, WSSE, "Security"));
        let places = Places { header, body, securities, blocks };
        let looking = Looking {
            budget: document.octets().saturating_mul(8).max(64 * 1024),
            document,
            octets,
            encoding,
            places,
            given,
            limits,
            accepted: Accepted::whatever_is_built(),
            unwrapped: HashMap::new(),
            opened: Vec::new(),
        };
        looking.describe(soap, http.and_then(HttpFacts::action).map(str::to_owned), refused)
    }

    /// When it says it was made, by its timestamp or its user name.
    pub fn created(&self) -> Option<Time> {
        let named = self.tokens.iter().filter_map(|token| match &token.shape {
            Shape::Username { created, .. } => *created,
            _ => None,
        });
        self.timestamps.iter().filter_map(|stamp| stamp.created).chain(named).next()
    }
}

/// A message while it is looked at.
struct Looking<'a> {
    document: Document,
    /// Its octets as they came.
    octets: Vec<u8>,
    encoding: Encoding,
    places: Places,
    given: &'a Given<'a>,
    limits: &'a Limits,
    accepted: Accepted,
    /// Keys that came encrypted, by their elements.
    unwrapped: HashMap<NodeId, Result<Secret, NoKey>>,
    /// What was decrypted, with the key, in that order.
    opened: Vec<(NodeId, Secret)>,
    /// How many canonical octets all references may digest.
    budget: usize,
}

/// Why there is no key.
#[derive(Clone, Debug, Eq, PartialEq)]
enum NoKey {
    /// It is not at hand.
    NotGiven,
    /// What names it is wrong, or it does not open.
    Wrong(String),
}

impl From<Refusal> for NoKey {
    fn from(refusal: Refusal) -> Self {
        Self::Wrong(refusal.to_string())
    }
}

impl NoKey {
    fn proof(self) -> Proof {
        match self {
            Self::NotGiven => Proof::Untried,
            Self::Wrong(why) => Proof::Bad(why),
        }
    }
}

impl Looking<'_> {
    fn describe(
        mut self,
        soap: SoapVersion,
        by_transport: Option<String>,
        refused: Option<Refusal>,
    ) -> Result<Portrait, Refusal> {
        // What was encrypted before it was signed is signed as it was encrypted.
        let sealed = self.proofs();
        let hidden;
        (self, hidden) = self.open_all()?;
        let signatures = self.signatures(&sealed);
        let tokens = self.tokens();
        let document = &self.document;
        let covered = |node: NodeId| {
            let is_it = |part: &part::Covered| part.node == Some(node) || part.within(document, node);
            signatures.iter().any(|signature| signature.covered.iter().any(is_it))
        };
        let hides = |node: NodeId| hidden.iter().any(|hidden| hidden.stands_for(document, node));
        let body = self.places.body;
        let payload = document.elements(body).next().filter(|&node| !document.is(node, XENC, "EncryptedData"));
        let name = |node: NodeId| Named {
            namespace: document.name(node).namespace.to_owned(),
            local: document.name(node).local.to_owned(),
        };
        let addressing = self.addressed();
        let fault = payload.and_then(|node| FaultSaid::read(document, node, soap));
        let trust = payload.and_then(|node| TrustSaid::read(document, node));
        let action = addressing.action.clone().or(by_transport);
        let kind =
            Kind::of(action.as_deref(), (payload.map(name).as_ref(), hides(body)), fault.is_some(), trust.as_ref());
        let blocks = self.places.blocks.iter().map(|&block| {
            let shown = part::shown(document, block);
            let said = document.attribute(shown, self::soap(soap), "mustUnderstand");
            Block {
                name: name(shown),
                must_be_understood: matches!(said.as_deref().map(str::trim), Some("1" | "true")),
                signed: covered(block) || covered(shown),
                encrypted: document.is(block, WSSE11, "EncryptedHeader") || hides(block),
            }
        });
        let children = || self.places.children(document);
        let of_security = |namespace, local| children().filter(move |&node| document.is(node, namespace, local));
        let stamps = of_security(WSU, "Timestamp").map(|node| match Timestamp::read(document, node) {
            Ok(stamp) => {
                Stamp { created: Some(stamp.created), expires: stamp.expires, signed: covered(node), problem: None }
            }
            Err(refusal) => {
                Stamp { created: None, expires: None, signed: covered(node), problem: Some(refusal.to_string()) }
            }
        });
        let strange = children().filter(|&node| token::is_strange(document, node)).map(name).collect();
        let suites = suites(&signatures, &hidden, &tokens);
        Ok(Portrait {
            soap,
            kind,
            action,
            blocks: blocks.collect(),
            securities: self.places.securities.len(),
            timestamps: stamps.collect(),
            confirmations: of_security(WSSE11, "SignatureConfirmation").count(),
            strange,
            body: BodySeen { payload: payload.map(name), signed: covered(body), encrypted: hides(body) },
            suites: suites.unwrap_or_default(),
            uses_algorithms: !(signatures.is_empty() && hidden.is_empty()),
            addressing,
            tokens,
            signatures,
            hidden,
            fault,
            trust,
            refused,
        })
    }

    fn addressed(&self) -> Addressed {
        let document = &self.document;
        let mut found = Addressed::default();
        for &block in &self.places.blocks {
            let node = part::shown(document, block);
            let name = document.name(node);
            let version = [Addressing::August2004, Addressing::V10]
                .into_iter()
                .find(|version| addressing::namespace(*version) == Some(name.namespace));
            let Some(version) = version else { continue };
            found.version = found.version.or(Some(version));
            let address = || document.elements(node).find(|&child| document.name(child).local == "Address");
            let (place, text) = match name.local {
                "Action" => (&mut found.action, Some(node)),
                "MessageID" => (&mut found.message_id, Some(node)),
                "RelatesTo" => (&mut found.relates_to, Some(node)),
                "To" => (&mut found.to, Some(node)),
                "ReplyTo" => (&mut found.reply_to, address()),
                "FaultTo" => (&mut found.fault_to, address()),
                _ => continue,
            };
            if place.is_some() {
                found.repeated.push(name.local.to_owned());
            } else {
                *place = text.map(|node| brief(document, node));
            }
        }
        found
    }
}

/// The suites that have all the algorithms.
fn suites(signatures: &[SignatureSeen], hidden: &[Hidden], tokens: &[TokenSeen]) -> Option<Vec<&'static str>> {
    if signatures.is_empty() && hidden.is_empty() {
        return None;
    }
    let wrapped = || {
        tokens.iter().filter_map(|token| match &token.shape {
            Shape::EncryptedKey { method, .. } => Some(*method),
            _ => None,
        })
    };
    let fits = SUITES.iter().filter(|suite| {
        signatures.iter().all(|signature| signature.is_of(suite))
            && hidden.iter().all(|hidden| hidden.cipher == Some(suite.cipher))
            && wrapped().all(|method| method.is_some_and(|method| method == suite.transport.into()))
    });
    let mut names: Vec<&str> = fits.map(|suite| suite.name).collect();
    names.dedup();
    Some(names)
}

/// The text of an element, cut: anybody may have written it.
fn brief(document: &Document, node: NodeId) -> String {
    const LONGEST: usize = 300;
    document.text(node).trim().chars().take(LONGEST).collect()
}

/// Whether an element is a signature.
fn is_signature(document: &Document, node: NodeId) -> bool {
    document.is(node, DSIG, "Signature")
}
