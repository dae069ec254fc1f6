//! The security header: its children as an enum, in document order ([WSS 1.1] section 5).

use nuncio_crypto::base64;
use nuncio_xml::{Document, Kind, NodeId};
use nuncio_xmlsec::encryption::{EncryptedKey, read_reference_list};
use nuncio_xmlsec::{Accepted, DSIG, XENC};

use crate::conversation;
use crate::dialect::Dialect;
use crate::limits::Limits;
use crate::names::{WSSE, WSSE11, WSU};
use crate::refusal::Refusal;
use crate::token::context::SecurityContextToken;
use crate::token::derived::DerivedKeyToken;
use crate::token::reference::Reference;
use crate::token::x509;

/// A child of the security header.
pub(crate) enum Item {
    Timestamp,
    Context(SecurityContextToken, &'static Dialect),
    EncryptedKey(EncryptedKey),
    DerivedKey(DerivedKeyToken),
    References(Vec<String>),
    Encrypted,
    Signature,
    Username,
    Certificate(x509::Carried),
    Confirmation(Option<Vec<u8>>),
}

/// A child and its element.
pub(crate) struct Entry {
    pub(crate) node: NodeId,
    pub(crate) item: Item,
}

/// A security header that was read; nothing in it is believed yet.
pub(crate) struct SecurityHeader {
    /// Its element; `None` where there is no header.
    node: Option<NodeId>,
    pub(crate) entries: Vec<Entry>,
}

impl SecurityHeader {
    /// None: as if it were there and empty.
    pub(crate) fn none() -> Self {
        Self { node: None, entries: Vec::new() }
    }

    /// Whether it is that element.
    pub(crate) fn is(&self, node: NodeId) -> bool {
        self.node == Some(node)
    }

    /// Reads the header at `node`. A child that is not known is refused: what is not understood cannot be ruled out to
    /// matter.
    pub(crate) fn read(
        document: &Document,
        node: NodeId,
        accepted: &Accepted,
        limits: &Limits,
    ) -> Result<Self, Refusal> {
        let mut entries = Vec::with_capacity(8);
        for child in document.children(node) {
            match document.kind(child) {
                Kind::Element => {}
                Kind::Comment => continue,
                Kind::Text if document.is_whitespace(child) => continue,
                Kind::Text => return Err(Refusal::header("Security", "holds text")),
            }
            if entries.len() == limits.header_children {
                return Err(Refusal::TooMany {
                    what: "children of the security header",
                    limit: limits.header_children,
                });
            }
            entries.push(Entry { node: child, item: item(document, child, accepted, limits)? });
        }
        let header = Self { node: Some(node), entries };
        header.at_most(1, "timestamps", |item| matches!(item, Item::Timestamp))?;
        header.at_most(1, "security context tokens", |item| matches!(item, Item::Context(..)))?;
        header.at_most(limits.encrypted_keys, "encrypted keys", |item| matches!(item, Item::EncryptedKey(_)))?;
        header.at_most(limits.derived_keys, "derived key tokens", |item| matches!(item, Item::DerivedKey(_)))?;
        // WSS4J writes one for each step of encrypting.
        header.at_most(limits.encrypted_data, "reference lists", |item| matches!(item, Item::References(_)))?;
        header.at_most(limits.encrypted_data, "encrypted elements", |item| matches!(item, Item::Encrypted))?;
        header.at_most_again(limits)?;
        Ok(header)
    }

    /// Puts what came out of an encrypted child in its place. Only what may be encrypted is let in: one decryption never
    /// leads to another.
    pub(crate) fn replace(
        &mut self,
        at: usize,
        document: &Document,
        node: NodeId,
        accepted: &Accepted,
        limits: &Limits,
    ) -> Result<(), Refusal> {
        let item = item(document, node, accepted, limits)?;
        match item {
            Item::Signature | Item::Username | Item::Confirmation(_) | Item::Certificate(_) => {}
            _ => return Err(Refusal::header("EncryptedData", "hides a token that must be in clear")),
        }
        self.entries[at] = Entry { node, item };
        self.at_most_again(limits)
    }

    /// The limits that decryption may run into.
    fn at_most_again(&self, limits: &Limits) -> Result<(), Refusal> {
        self.at_most(limits.signatures, "signatures", |item| matches!(item, Item::Signature))?;
        self.at_most(limits.signatures, "user name tokens", |item| matches!(item, Item::Username))?;
        self.at_most(limits.signatures, "certificates", |item| matches!(item, Item::Certificate(_)))
    }

    fn at_most(&self, limit: usize, what: &'static str, is: impl Fn(&Item) -> bool) -> Result<(), Refusal> {
        if self.entries.iter().filter(|entry| is(&entry.item)).count() > limit {
            return Err(Refusal::TooMany { what, limit });
        }
        Ok(())
    }

    /// The position of a node among the children.
    pub(crate) fn position(&self, node: NodeId) -> Option<usize> {
        self.entries.iter().position(|entry| entry.node == node)
    }

    /// The nodes whose item is such.
    pub(crate) fn nodes<'a>(&'a self, is: impl Fn(&Item) -> bool + 'a) -> impl Iterator<Item = NodeId> + 'a {
        self.entries.iter().filter(move |entry| is(&entry.item)).map(|entry| entry.node)
    }
}

fn item(document: &Document, node: NodeId, accepted: &Accepted, limits: &Limits) -> Result<Item, Refusal> {
    let name = document.name(node);
    Ok(match (name.namespace, name.local) {
        (WSU, "Timestamp") => Item::Timestamp,
        (XENC, "EncryptedKey") => {
            Item::EncryptedKey(EncryptedKey::read(document, node, accepted, limits.encrypted_data)?)
        }
        (XENC, "ReferenceList") => Item::References(read_reference_list(document, node, limits.encrypted_data)?),
        (XENC, "EncryptedData") => Item::Encrypted,
        (DSIG, "Signature") => Item::Signature,
        (WSSE, "UsernameToken") => Item::Username,
        (WSSE, "BinarySecurityToken") => Item::Certificate(x509::read(document, node)?),
        (WSSE11, "SignatureConfirmation") => Item::Confirmation(confirmation(document, node)?),
        (namespace, local) => match (Dialect::of_conversation(namespace), local) {
            (Some(dialect), "SecurityContextToken") => {
                Item::Context(SecurityContextToken::read(document, node, dialect)?, dialect)
            }
            (Some(dialect), "DerivedKeyToken") => Item::DerivedKey(DerivedKeyToken::read(document, node, dialect)?),
            _ => return Err(Refusal::header("Security", "has a child that is not known")),
        },
    })
}

/// The value that a `wsse11:SignatureConfirmation` confirms; `None` where the request had no signature.
fn confirmation(document: &Document, node: NodeId) -> Result<Option<Vec<u8>>, Refusal> {
    if document.elements(node).next().is_some() {
        return Err(Refusal::header("SignatureConfirmation", "has children"));
    }
    document
        .attribute(node, "", "Value")
        .map(|value| base64::decode(&value).map_err(|_| Refusal::header("SignatureConfirmation", "is not base64")))
        .transpose()
}

/// How a message refers to a security context.
pub(crate) struct Named {
    /// The context's name.
    pub(crate) name: String,
    /// The generation in which it does.
    pub(crate) dialect: &'static Dialect,
    /// The element of the cookie in the context's token, where that is there and has one.
    pub(crate) cookie: Option<NodeId>,
}

/// How a message refers to its security context: by its token, or else by the reference of a derived key, or of a signature or
/// an encrypted child that says that it is to a context. Read before anything is believed, to look the context up.
pub(crate) fn context_name(document: &Document, security: NodeId) -> Option<Named> {
    let mut referred = None;
    for child in document.elements(security) {
        let name = document.name(child);
        let found = match (Dialect::of_conversation(name.namespace), name.local) {
            (Some(dialect), "SecurityContextToken") => {
                let token = SecurityContextToken::read(document, child, dialect).ok()?;
                let name = conversation::name(&token.identifier, token.instance.as_deref());
                return Some(Named { name, dialect, cookie: token.cookie });
            }
            (Some(dialect), "DerivedKeyToken") => {
                DerivedKeyToken::read(document, child, dialect).ok().map(|token| (token.source, dialect))
            }
            (None, "Signature" | "EncryptedData") => used_under(document, child),
            _ => None,
        };
        if let (None, Some((Reference::External { uri, instance }, dialect))) = (&referred, found) {
            referred = Some(Named { name: conversation::name(&uri, instance.as_deref()), dialect, cookie: None });
        }
    }
    referred
}

/// The reference of something signed or encrypted that says that it is to a security context, and of which generation.
fn used_under(document: &Document, user: NodeId) -> Option<(Reference, &'static Dialect)> {
    let within = |parent, namespace, local| document.elements(parent).find(|&node| document.is(node, namespace, local));
    let key_info = within(user, DSIG, "KeyInfo")?;
    let reference = within(within(key_info, WSSE, "SecurityTokenReference")?, WSSE, "Reference")?;
    let kind = document.attribute(reference, "", "ValueType")?;
    let dialect = Dialect::all().into_iter().find(|dialect| dialect.context_token == kind)?;
    Some((Reference::of_key_info(document, key_info).ok()?, dialect))
}
