//! What a message of WS-Trust says.

use nuncio_xml::{Document, NodeId};

use super::{Kind, brief};
use crate::dialect::Dialect;
use crate::time::Time;
use crate::trust::{child, lifetime};

/// What a request for a token, or the answer to one, says. Entropy and keys are not told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TrustSaid {
    /// Whether it is the answer.
    pub answer: bool,
    /// The generation: the namespace of WS-Trust.
    pub generation: &'static str,
    /// What is asked for: the last step of `RequestType`.
    pub request: Option<String>,
    /// The type of the token.
    pub token_type: Option<String>,
    /// The bits of the key.
    pub key_bits: Option<String>,
    /// Which side gives what the key comes of.
    pub entropy: bool,
    /// From when until when the token is to be good, or is.
    pub lifetime: (Option<Time>, Option<Time>),
    /// The identifier of the security context that it is about, or that it grants; and its instance.
    pub context: Option<(String, Option<String>)>,
    /// Whether it negotiates: TLS or Windows authentication within SOAP.
    pub negotiates: bool,
    kind: Kind,
}

impl TrustSaid {
    /// Reads the message whose body's first element is at `node`; `None` where it is none.
    pub(super) fn read(document: &Document, node: NodeId) -> Option<Self> {
        let dialect = Dialect::all().into_iter().find(|dialect| dialect.trust == document.name(node).namespace)?;
        let trust = |node: NodeId, local: &str| child(document, node, dialect.trust, local).ok().flatten();
        let (answer, node) = match document.name(node).local {
            "RequestSecurityToken" => (false, node),
            "RequestSecurityTokenResponse" => (true, node),
            "RequestSecurityTokenResponseCollection" => (true, trust(node, "RequestSecurityTokenResponse")?),
            _ => return None,
        };
        let said = |local: &str| trust(node, local).map(|node| brief(document, node));
        let request = said("RequestType").map(|text| text.rsplit('/').next().unwrap_or_default().to_owned());
        let token_type = said("TokenType");
        let requested = trust(node, "RequestedSecurityToken");
        let targets = ["RenewTarget", "CancelTarget"].into_iter().find_map(|local| trust(node, local));
        let negotiates = trust(node, "BinaryExchange").is_some();
        let cancelled = trust(node, "RequestedTokenCancelled").is_some();
        Some(Self {
            answer,
            generation: dialect.trust,
            kind: kind(answer, request.as_deref(), token_type.as_deref(), negotiates, cancelled),
            request,
            token_type,
            key_bits: said("KeySize"),
            entropy: trust(node, "Entropy").is_some(),
            lifetime: trust(node, "Lifetime").and_then(|node| lifetime(document, node).ok()).unwrap_or_default(),
            context: requested.or(targets).and_then(|node| context(document, node)),
            negotiates,
        })
    }

    /// What it is, where no action says so.
    pub(super) fn kind(&self) -> Kind {
        self.kind
    }
}

/// What a message is, by what is in it.
fn kind(answer: bool, request: Option<&str>, token_type: Option<&str>, negotiates: bool, cancelled: bool) -> Kind {
    let is_context = |kind: &str| Dialect::all().into_iter().any(|dialect| dialect.context_token == kind);
    let about_context = token_type.is_some_and(is_context);
    match (answer, request) {
        _ if cancelled => Kind::Cancelled,
        (false, Some("Cancel")) => Kind::Cancel,
        (false, Some("Renew")) => Kind::Renew,
        (false, _) if about_context && !negotiates => Kind::Issue,
        (true, _) if about_context && !negotiates => Kind::Issued,
        (false, _) => Kind::TokenRequest,
        (true, _) => Kind::TokenResponse,
    }
}

/// The security context that something names: by its token, or by a reference to it.
fn context(document: &Document, node: NodeId) -> Option<(String, Option<String>)> {
    let first = document.elements(node).next()?;
    let find = |of: NodeId, local: &str| document.elements(of).find(|&child| document.name(child).local == local);
    if document.name(first).local == "SecurityContextToken" {
        let identifier = find(first, "Identifier").map(|node| brief(document, node))?;
        return Some((identifier, find(first, "Instance").map(|node| brief(document, node))));
    }
    let reference = find(first, "Reference")?;
    let instance = Dialect::all()
        .into_iter()
        .find_map(|dialect| document.attribute(reference, dialect.conversation, "Instance"))
        .map(std::borrow::Cow::into_owned);
    Some((document.attribute(reference, "", "URI")?.into_owned(), instance))
}
