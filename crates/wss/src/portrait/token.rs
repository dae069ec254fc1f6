//! The tokens of a security header.

use nuncio_crypto::certificate::Certificate;
use nuncio_xml::{Document, NodeId};
use nuncio_xmlsec::encryption::{EncryptedKey, KeyMethod};
use nuncio_xmlsec::{DSIG, XENC};

use super::{KeyName, Looking, Proof, brief};
use crate::dialect::Dialect;
use crate::names::{WSSE, WSSE11, WSU};
use crate::refusal::Refusal;
use crate::time::Time;
use crate::token::context::SecurityContextToken;
use crate::token::derived::DerivedKeyToken;
use crate::token::reference::Reference;
use crate::token::username::{Password, Username};

/// A token.
#[derive(Clone, Debug)]
pub struct TokenSeen {
    /// What it is, and says.
    pub shape: Shape,
    /// Its id, if it has one.
    pub id: Option<String>,
    /// What is wrong with it.
    pub problem: Option<String>,
}

/// What kind of token it is, and what it says. A secret is never among it.
#[derive(Clone, Debug)]
pub enum Shape {
    /// An X.509 certificate, or a path of them.
    Certificate {
        /// It, or the last of the path; `None` where it cannot be read.
        certificate: Option<Box<Certificate>>,
        /// Whether it is a path.
        path: bool,
    },
    /// A user name.
    Username {
        /// The name.
        name: String,
        /// What is to prove it.
        password: &'static str,
        /// When it says it was made.
        created: Option<Time>,
        /// Whether it has a nonce.
        nonce: bool,
    },
    /// A security context.
    Context {
        /// Its identifier.
        identifier: String,
        /// Which of its keys, where it was renewed.
        instance: Option<String>,
        /// Whether it holds the context itself, sealed.
        cookie: bool,
        /// Its generation.
        dialect: &'static Dialect,
    },
    /// A key that came encrypted.
    EncryptedKey {
        /// How.
        method: Option<KeyMethod>,
        /// For whom.
        recipient: KeyName,
        /// Whether it opened.
        proof: Proof,
    },
    /// A derived key.
    DerivedKey {
        /// What it is derived from.
        source: KeyName,
        /// From which octet of the key stream.
        offset: usize,
        /// Its octets.
        length: usize,
        /// The label, where it is not the usual one.
        label: Option<String>,
        /// The generation, where it is named in place of an offset.
        generation: Option<String>,
    },
    /// Something that Nuncio has no use for, by its name and its type.
    Other {
        /// What it is called.
        name: String,
        /// The type that it says.
        kind: Option<String>,
    },
}

/// Whether a child of the security header is something that nothing here knows.
pub(super) fn is_strange(document: &Document, node: NodeId) -> bool {
    let name = document.name(node);
    match (name.namespace, name.local) {
        (WSU, "Timestamp")
        | (DSIG, "Signature")
        | (WSSE, "UsernameToken" | "BinarySecurityToken" | "SecurityTokenReference")
        | (XENC, "EncryptedKey" | "ReferenceList" | "EncryptedData")
        | (WSSE11, "SignatureConfirmation")
        | (_, "Assertion") => false,
        (namespace, "SecurityContextToken" | "DerivedKeyToken") => Dialect::of_conversation(namespace).is_none(),
        _ => true,
    }
}

impl Looking<'_> {
    /// The tokens, in the order in which they stand.
    pub(super) fn tokens(&mut self) -> Vec<TokenSeen> {
        let nodes: Vec<NodeId> = self.places.children(&self.document).collect();
        nodes
            .into_iter()
            .take(self.limits.header_children.saturating_mul(2))
            .filter_map(|node| self.see_token(node))
            .collect()
    }

    fn see_token(&mut self, node: NodeId) -> Option<TokenSeen> {
        let name = self.document.name(node);
        let read: Result<Shape, (Shape, String)> = match (name.namespace, name.local) {
            (WSSE, "BinarySecurityToken") => self.certificate_token(node),
            (WSSE, "UsernameToken") => self.username(node),
            (XENC, "EncryptedKey") => self.wrapped(node),
            (_, "Assertion") => Ok(self.other(node)),
            (namespace, "SecurityContextToken") => self.context(node, Dialect::of_conversation(namespace)?),
            (namespace, "DerivedKeyToken") => self.derived(node, Dialect::of_conversation(namespace)?),
            _ => return None,
        };
        let id = self.document.id(node).map(std::borrow::Cow::into_owned);
        Some(match read {
            Ok(shape) => TokenSeen { shape, id, problem: None },
            Err((shape, problem)) => TokenSeen { shape, id, problem: Some(problem) },
        })
    }

    fn other(&self, node: NodeId) -> Shape {
        let kind = self.document.attribute(node, "", "ValueType").map(std::borrow::Cow::into_owned);
        Shape::Other { name: super::part::token_name(&self.document, node), kind }
    }

    fn certificate_token(&self, node: NodeId) -> Result<Shape, (Shape, String)> {
        let kind = self.document.attribute(node, "", "ValueType").unwrap_or_default();
        let path = kind == crate::names::PKI_PATH;
        if !path && kind != crate::names::X509V3 {
            return Err((self.other(node), "it is no X.509 certificate".to_owned()));
        }
        match self.carried(node) {
            Ok(certificate) => Ok(Shape::Certificate { certificate: Some(Box::new(certificate)), path }),
            Err(why) => Err((Shape::Certificate { certificate: None, path }, why)),
        }
    }

    fn username(&self, node: NodeId) -> Result<Shape, (Shape, String)> {
        let document = &self.document;
        Username::read(document, node)
            .map(|username| Shape::Username {
                password: match (&username.password, &username.salted) {
                    (Password::Text(_), _) => "a password in clear",
                    (Password::Digest(_), _) => "a hash of the password",
                    (Password::None, Some(_)) => "a key that is derived from the password",
                    (Password::None, None) => "nothing",
                },
                created: username.created,
                nonce: username.nonce.is_some(),
                name: username.name,
            })
            .map_err(|refusal| {
                let name = document.elements(node).find(|&child| document.is(child, WSSE, "Username"));
                let name = name.map(|name| brief(document, name)).unwrap_or_default();
                (
                    Shape::Username { name, password: "something unread", created: None, nonce: false },
                    refusal.to_string(),
                )
            })
    }

    fn context(&self, node: NodeId, dialect: &'static Dialect) -> Result<Shape, (Shape, String)> {
        let document = &self.document;
        SecurityContextToken::read(document, node, dialect)
            .map(|token| Shape::Context {
                identifier: token.identifier,
                instance: token.instance,
                cookie: token.cookie.is_some(),
                dialect,
            })
            .map_err(|refusal| {
                let first = document.elements(node).find(|&child| document.name(child).local == "Identifier");
                let identifier = first.map(|node| brief(document, node)).unwrap_or_default();
                (Shape::Context { identifier, instance: None, cookie: false, dialect }, refusal.to_string())
            })
    }

    fn derived(&self, node: NodeId, dialect: &'static Dialect) -> Result<Shape, (Shape, String)> {
        let document = &self.document;
        match DerivedKeyToken::read(document, node, dialect) {
            Ok(token) => {
                let generation = document.elements(node).find(|&child| document.name(child).local == "Generation");
                let (offset, length) = token.derivation.place();
                Ok(Shape::DerivedKey {
                    source: self.name(&token.source, 1),
                    offset,
                    length,
                    label: token.derivation.label().map(str::to_owned),
                    generation: generation.map(|node| brief(document, node)),
                })
            }
            Err(refusal) => Err((self.other(node), refusal.to_string())),
        }
    }

    fn wrapped(&mut self, node: NodeId) -> Result<Shape, (Shape, String)> {
        let unknown = |why: String| {
            let recipient = KeyName::unknown("somebody unknown");
            (Shape::EncryptedKey { method: None, recipient, proof: Proof::Untried }, why)
        };
        let key = EncryptedKey::read(&self.document, node, &self.accepted, self.limits.encrypted_data);
        let key = key.map_err(|invalid| unknown(invalid.to_string()))?;
        let reference = Reference::of_key_info(&self.document, key.key_info);
        let recipient = reference.map(|reference| self.name(&reference, 1));
        let recipient = recipient.map_err(|refusal: Refusal| unknown(refusal.to_string()))?;
        let proof = match self.unwrapped(node, 2) {
            Ok(_) => Proof::Good,
            Err(why) => why.proof(),
        };
        Ok(Shape::EncryptedKey { method: Some(key.method), recipient, proof })
    }
}
