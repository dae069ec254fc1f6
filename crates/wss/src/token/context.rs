//! `wsc:SecurityContextToken` ([WS-SecureConversation 1.4] section 2), and the cookie that WCF puts into it.
//!
//! A cookie holds the context itself, sealed by whoever issued it: its client sends it along with every request, so that the
//! service keeps nothing.

use nuncio_crypto::base64;
use nuncio_xml::{Document, NodeId, Writer};

use super::{elements, octets, text};
use crate::dialect::Dialect;
use crate::names::{DNSE, WSU};
use crate::refusal::Refusal;

const OF: &str = "SecurityContextToken";

/// Longest identifier or instance, in octets.
const MAX_IDENTIFIER: usize = 512;

/// The longest cookie that a recipient takes, in octets: 2 KiB of base64.
pub const MAX_COOKIE: usize = 1536;

/// A security context token as it was read.
#[derive(Clone, Debug)]
pub(crate) struct SecurityContextToken {
    pub(crate) identifier: String,
    pub(crate) instance: Option<String>,
    /// The element of its cookie: what is in it concerns its issuer alone.
    pub(crate) cookie: Option<NodeId>,
}

impl SecurityContextToken {
    /// Reads the token at `node`: identifier, instance, and extensions that are passed over.
    pub(crate) fn read(document: &Document, node: NodeId, dialect: &Dialect) -> Result<Self, Refusal> {
        let children = elements(document, node, OF)?;
        let mut rest = children.iter().copied().peekable();
        let identifier = rest
            .next_if(|&child| document.is(child, dialect.conversation, "Identifier"))
            .ok_or(Refusal::header(OF, "does not begin with an identifier"))?;
        let identifier = text(document, identifier, "Identifier")?;
        let instance = rest
            .next_if(|&child| document.is(child, dialect.conversation, "Instance"))
            .map(|child| text(document, child, "Instance"))
            .transpose()?;
        let mut cookie = None;
        for child in rest {
            if document.name(child).namespace == dialect.conversation {
                return Err(Refusal::header(OF, "has an identifier or instance twice, or out of order"));
            }
            if document.is(child, DNSE, "Cookie") && cookie.replace(child).is_some() {
                return Err(Refusal::header(OF, "has more than one cookie"));
            }
        }
        if identifier.is_empty() || identifier.len() > MAX_IDENTIFIER {
            return Err(Refusal::header(OF, "has an identifier of no sensible length"));
        }
        if instance.as_ref().is_some_and(|instance| instance.len() > MAX_IDENTIFIER) {
            return Err(Refusal::header(OF, "has too long an instance"));
        }
        Ok(Self { identifier, instance, cookie })
    }
}

/// The octets of a cookie, from its element.
pub(crate) fn cookie(document: &Document, node: NodeId) -> Result<Vec<u8>, Refusal> {
    let cookie = octets(document, node, "Cookie")?;
    if cookie.len() > MAX_COOKIE {
        return Err(Refusal::TooMany { what: "octets of a cookie", limit: MAX_COOKIE });
    }
    Ok(cookie)
}

/// Writes a security context token.
pub(crate) fn write(
    writer: &mut Writer,
    dialect: &Dialect,
    id: &str,
    (identifier, instance): (&str, Option<&str>),
    cookie: Option<&[u8]>,
) {
    let (prefix, namespace) = (dialect.prefixes.1, dialect.conversation);
    writer.start(prefix, namespace, OF);
    writer.attribute_ns("u", WSU, "Id", id);
    writer.start(prefix, namespace, "Identifier");
    writer.text(identifier);
    writer.end();
    if let Some(instance) = instance {
        writer.start(prefix, namespace, "Instance");
        writer.text(instance);
        writer.end();
    }
    if let Some(cookie) = cookie {
        writer.start("dnse", DNSE, "Cookie");
        writer.text_with(|out| base64::encode_to(cookie, out));
        writer.end();
    }
    writer.end();
}
