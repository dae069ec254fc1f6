//! WS-Addressing headers: read, and what they are called ([WS-Addressing 1.0], and the submission of August 2004).

use nuncio_policy::model::{Addressing, HeaderPart};
use nuncio_xml::{Document, Name, NodeId};

use crate::names::{WSA04, WSA10};
use crate::refusal::Refusal;

/// The headers that WS-Addressing defines for a message, by local name; WCF and the policies it publishes sign all that
/// are there.
const HEADERS: [&str; 7] = ["To", "From", "FaultTo", "ReplyTo", "MessageID", "RelatesTo", "Action"];

/// The names of those headers, in every version.
pub(crate) fn names() -> impl Iterator<Item = Name<'static>> {
    [WSA04, WSA10].into_iter().flat_map(|namespace| HEADERS.map(|local| Name { namespace, local }))
}

/// The namespace of a version.
pub(crate) const fn namespace(addressing: Addressing) -> Option<&'static str> {
    match addressing {
        Addressing::None => None,
        Addressing::August2004 => Some(WSA04),
        Addressing::V10 => Some(WSA10),
    }
}

/// The action of a fault that no contract declares.
pub(crate) fn fault_action(namespace: &str) -> &'static str {
    if namespace == WSA04 {
        "http://schemas.xmlsoap.org/ws/2004/08/addressing/fault"
    } else {
        "http://www.w3.org/2005/08/addressing/soap/fault"
    }
}

/// The action that WCF gives to faults about a conversation, and by which its client takes them for such.
pub(crate) const SESSION_FAULT: &str = "http://schemas.microsoft.com/ws/2006/05/security/SecureConversationFault";

/// Whether an action is one that faults have without a contract's saying so: those of WS-Addressing itself, and the two
/// that WCF gives to what goes wrong before, and around, an operation.
pub(crate) fn is_fault_action(action: &str) -> bool {
    matches!(
        action,
        "http://schemas.xmlsoap.org/ws/2004/08/addressing/fault"
            | "http://www.w3.org/2005/08/addressing/fault"
            | "http://www.w3.org/2005/08/addressing/soap/fault"
            | "http://schemas.microsoft.com/net/2005/12/windowscommunicationfoundation/dispatcher/fault"
            | SESSION_FAULT
    )
}

/// Whether an action is one that a fault of the operation has by default (WS-Addressing 1.0, Metadata, section 4.4.4), whatever
/// the fault's name: CXF names so the exceptions that no contract declares.
pub(crate) fn is_default_fault_of(request: &str, action: &str) -> bool {
    let operation = request.strip_suffix("Request").unwrap_or(request);
    action.strip_prefix(operation).is_some_and(|rest| ["/Fault/", ":Fault:"].iter().any(|of| rest.starts_with(of)))
}

/// The address that means the back channel of the transport.
pub(crate) fn anonymous(namespace: &str) -> &'static str {
    if namespace == WSA04 {
        "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"
    } else {
        "http://www.w3.org/2005/08/addressing/anonymous"
    }
}

const NONE: &str = "http://www.w3.org/2005/08/addressing/none";

/// All addressing headers of a version, as parts.
pub(crate) fn parts(addressing: Addressing) -> Vec<HeaderPart> {
    namespace(addressing).map_or_else(Vec::new, |namespace| {
        HEADERS
            .iter()
            .map(|name| HeaderPart { name: Some((*name).to_owned()), namespace: namespace.to_owned() })
            .collect()
    })
}

/// Whether a namespace is that of some version of WS-Addressing.
pub(crate) fn is_addressing(namespace: &str) -> bool {
    namespace == WSA04 || namespace == WSA10
}

/// Where the answers to a port's messages may go.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Replies {
    /// To the back channel of the transport alone.
    #[default]
    BackChannel,
    /// To where the message says: the policy has each direction be a channel of its own.
    Address,
}

/// A header with text.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub(crate) node: NodeId,
    pub(crate) value: String,
}

/// The addressing headers of a message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Headers {
    pub(crate) action: Option<Text>,
    pub(crate) message_id: Option<Text>,
    pub(crate) relates_to: Option<Text>,
    pub(crate) to: Option<Text>,
    /// Where answers go that do not go to the back channel.
    pub(crate) reply_to: Option<String>,
    /// The same of faults, where it is said of them by itself.
    pub(crate) fault_to: Option<String>,
    /// What they were read under.
    pub(crate) replies: Replies,
}

impl Headers {
    /// Reads the addressing headers among `blocks`.
    ///
    /// One version only, and the policy's; each header at most once; replies and faults to the back channel only, but where
    /// `replies` says otherwise. There an address is text, to be signed and to be written: nothing here connects to it.
    pub(crate) fn read(
        document: &Document,
        blocks: &[NodeId],
        version: Addressing,
        replies: Replies,
    ) -> Result<Self, Refusal> {
        let expected = namespace(version);
        let mut headers = Self { replies, ..Self::default() };
        let mut seen = [false; HEADERS.len()];
        for &node in blocks {
            let name = document.name(node);
            if !is_addressing(name.namespace) {
                continue;
            }
            let Some(at) = HEADERS.iter().position(|header| *header == name.local) else { continue };
            let header = HEADERS[at];
            if expected.is_some_and(|expected| expected != name.namespace) {
                return Err(Refusal::Addressing { header, fault: "is of another version than the policy's" });
            }
            if expected.is_none() {
                continue;
            }
            if std::mem::replace(&mut seen[at], true) {
                return Err(Refusal::Addressing { header, fault: "is there twice" });
            }
            match header {
                "Action" => headers.action = Some(text(document, node, header)?),
                "MessageID" => headers.message_id = Some(text(document, node, header)?),
                "RelatesTo" => headers.relates_to = Some(text(document, node, header)?),
                "To" => headers.to = Some(text(document, node, header)?),
                "ReplyTo" => headers.reply_to = headers.elsewhere(document, node, name.namespace, header)?,
                "FaultTo" => headers.fault_to = headers.elsewhere(document, node, name.namespace, header)?,
                _ => {}
            }
        }
        Ok(headers)
    }

    /// The address of an endpoint reference; `None` where it means the back channel.
    fn elsewhere(
        &self,
        document: &Document,
        node: NodeId,
        namespace: &str,
        header: &'static str,
    ) -> Result<Option<String>, Refusal> {
        let address = address(document, node, namespace, header)?;
        if address == anonymous(namespace) || address == NONE {
            return Ok(None);
        }
        match self.replies {
            Replies::Address => Ok(Some(address)),
            Replies::BackChannel => Err(Refusal::Addressing { header, fault: "does not name the back channel" }),
        }
    }
}

fn text(document: &Document, node: NodeId, header: &'static str) -> Result<Text, Refusal> {
    let value = document.only_text(node).ok_or(Refusal::Addressing { header, fault: "holds more than text" })?;
    Ok(Text { node, value: value.trim_matches([' ', '\t', '\r', '\n']).to_owned() })
}

/// The one address of an endpoint reference.
fn address(document: &Document, node: NodeId, namespace: &str, header: &'static str) -> Result<String, Refusal> {
    let mut addresses = document.elements(node).filter(|&child| document.is(child, namespace, "Address"));
    let address = addresses.next().ok_or(Refusal::Addressing { header, fault: "has no address" })?;
    if addresses.next().is_some() {
        return Err(Refusal::Addressing { header, fault: "has two addresses" });
    }
    Ok(text(document, address, header)?.value)
}
