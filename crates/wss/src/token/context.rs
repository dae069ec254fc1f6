//! `wsc:SecurityContextToken` ([WS-SecureConversation 1.4] section 2).

use nuncio_xml::{Document, NodeId, Writer};

use super::{elements, text};
use crate::dialect::Dialect;
use crate::names::WSU;
use crate::refusal::Refusal;

const OF: &str = "SecurityContextToken";

/// Longest identifier or instance, in octets.
const MAX_IDENTIFIER: usize = 512;

/// A security context token as it was read.
#[derive(Clone, Debug)]
pub(crate) struct SecurityContextToken {
    pub(crate) identifier: String,
    pub(crate) instance: Option<String>,
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
        if rest.any(|child| document.name(child).namespace == dialect.conversation) {
            return Err(Refusal::header(OF, "has an identifier or instance twice, or out of order"));
        }
        if identifier.is_empty() || identifier.len() > MAX_IDENTIFIER {
            return Err(Refusal::header(OF, "has an identifier of no sensible length"));
        }
        if instance.as_ref().is_some_and(|instance| instance.len() > MAX_IDENTIFIER) {
            return Err(Refusal::header(OF, "has too long an instance"));
        }
        Ok(Self { identifier, instance })
    }
}

/// Writes a security context token.
pub(crate) fn write(writer: &mut Writer, dialect: &Dialect, id: &str, identifier: &str, instance: Option<&str>) {
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
    writer.end();
}
