//! What a fault says, and what peers mean by it.

use nuncio_policy::model::SoapVersion;
use nuncio_xml::{Document, NodeId};

use super::{Named, brief};
use crate::names::soap;

/// What a fault says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FaultSaid {
    /// Its code; of SOAP 1.2 the general one.
    pub code: Option<Named>,
    /// The more specific code, of SOAP 1.2.
    pub subcode: Option<Named>,
    /// The reason that it gives.
    pub reason: String,
    /// The first element of its detail.
    pub detail: Option<Named>,
}

impl FaultSaid {
    /// Reads the fault at `node`; `None` where it is none.
    pub(super) fn read(document: &Document, node: NodeId, version: SoapVersion) -> Option<Self> {
        let namespace = soap(version);
        if !document.is(node, namespace, "Fault") {
            return None;
        }
        let child = |of: NodeId, local: &str| document.elements(of).find(|&child| document.name(child).local == local);
        let name = |node: NodeId| {
            let text = brief(document, node);
            let (prefix, local) = text.split_once(':').unwrap_or(("", &text));
            let namespace = document.lookup_prefix(node, prefix).unwrap_or_default().to_owned();
            Named { namespace, local: local.to_owned() }
        };
        let (code, subcode, reason, detail) = match version {
            SoapVersion::V11 => (child(node, "faultcode"), None, child(node, "faultstring"), child(node, "detail")),
            SoapVersion::V12 => {
                let code = child(node, "Code");
                let value = |code: Option<NodeId>| code.and_then(|code| child(code, "Value"));
                // The innermost says most.
                let mut subcode = code.and_then(|code| child(code, "Subcode"));
                let mut steps = 0;
                while let Some(inner) = subcode.and_then(|subcode| child(subcode, "Subcode"))
                    && steps < 8
                {
                    subcode = Some(inner);
                    steps += 1;
                }
                let reason = child(node, "Reason").and_then(|reason| document.elements(reason).next());
                (value(code), value(subcode), reason, child(node, "Detail"))
            }
        };
        let detail = detail.and_then(|detail| document.elements(detail).next()).map(|node| Named {
            namespace: document.name(node).namespace.to_owned(),
            local: document.name(node).local.to_owned(),
        });
        Some(Self {
            code: code.map(name),
            subcode: subcode.map(name),
            reason: reason.map(|node| brief(document, node)).unwrap_or_default(),
            detail,
        })
    }

    /// The code that says most.
    pub fn specific(&self) -> Option<&Named> {
        self.subcode.as_ref().or(self.code.as_ref())
    }

    /// What peers mean by it.
    #[rustfmt::skip]
    pub fn meaning(&self) -> Option<&'static str> {
        Some(match self.specific()?.local.as_str() {
            "BadContextToken" => "The service does not know the conversation, or it is over. The client must begin another; .NET's clients do so by themselves at the next call only if the channel is opened anew.",
            "RenewNeeded" => "The conversation's key has run out. The client must renew it before it calls again.",
            "UnsupportedContextToken" => "The service does not know this kind of security context.",
            "UnknownDerivationSource" => "The service cannot find the key that a derived key says it comes from.",
            "InvalidSecurity" => "The service found something wrong with the security header and tells nobody what: a bad signature, an old timestamp (look at the clocks), a part that is not protected, or a policy that is not the client's. Its log has the reason.",
            "FailedAuthentication" => "The service could read the token and does not believe it: a wrong password, an unknown user, or a certificate that is not trusted.",
            "FailedCheck" => "A signature or something encrypted did not verify: a key is another one, or the message was changed.",
            "InvalidSecurityToken" => "The service could not read the token, or does not take one of that kind.",
            "SecurityTokenUnavailable" => "The service does not have the token that the message refers to: often the client encrypted for a certificate that the service no longer has.",
            "UnsupportedSecurityToken" => "The service takes no token of that kind.",
            "UnsupportedAlgorithm" => "The service does not take an algorithm of the message: the two sides have different algorithm suites.",
            "MessageExpired" => "The message was too old when it arrived: the clocks differ, or it was held up.",
            "InvalidRequest" => "The request for a token or a conversation is malformed, or asks for what is not given.",
            "RequestFailed" => "The request for a token or a conversation was refused: whoever asks may not have it.",
            "BadRequest" => "The request for a token or a conversation is not understood.",
            "ExpiredData" => "Something in the request for a token is too old.",
            "InvalidTimeRange" => "The lifetime that was asked for is none: the clocks differ.",
            "InvalidScope" => "The request for a token names another service than this one.",
            "RenewNotSupported" | "UnableToRenew" => "The service does not renew: the client must begin another conversation.",
            "SecureConversationCancellationNotAllowed" => "The service keeps no conversations and has nothing to cancel. It does no harm.",
            "ActionNotSupported" => "The service has no operation with that action.",
            "DestinationUnreachable" | "EndpointUnavailable" => "No service is at that address: To and the service's own address differ.",
            "MessageAddressingHeaderRequired" => "A header of WS-Addressing is missing.",
            "InvalidAddressingHeader" | "InvalidMessageInformationHeader" => "A header of WS-Addressing is wrong, or is there twice.",
            "MustUnderstand" => "A header that must be understood was not: often it is the security header of a call to a service that has no security.",
            "VersionMismatch" => "The service speaks another version of SOAP.",
            "InternalServiceFault" | "Server" | "Receiver" => "Something failed in the service itself.",
            "ServerTooBusy" => "The service had more to do than it could.",
            "SequenceTerminated" | "UnknownSequence" | "CreateSequenceRefused" => "The sequence of reliable messaging is over, or not known.",
            "Client" | "Sender" => "The service says that the request is at fault.",
            _ => return None,
        })
    }
}
