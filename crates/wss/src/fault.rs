//! SOAP faults of our own: what a refused peer is told, unsecured, and what stands in for a backend that failed.

use nuncio_policy::model::{Addressing, SoapVersion};
use nuncio_xml::{NodeId, Writer};

use crate::addressing;
use crate::dialect::Dialect;
use crate::envelope::Envelope;
use crate::names::{DNSE, SOAP11, SOAP12, WSSE, WSSE11, soap};
use crate::refusal::Class;

/// A fault to be written.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    code: Code,
    subcode: Option<(&'static str, &'static str)>,
    reason: &'static str,
}

#[derive(Clone, Copy, Debug)]
enum Code {
    Sender,
    Receiver,
    MustUnderstand,
}

impl Fault {
    /// The fault of a refusal. Every member of a class gets the same octets.
    pub fn refusal(class: Class, dialect: &'static Dialect) -> Self {
        let (code, subcode, reason) = match class {
            Class::Unreadable => (Code::Sender, None, "The message could not be read."),
            Class::NotUnderstood => (Code::MustUnderstand, None, "A header that must be understood was not."),
            Class::InvalidSecurity => (
                Code::Sender,
                Some((WSSE, "InvalidSecurity")),
                "An error occurred when verifying security for the message.",
            ),
            Class::FailedAuthentication => (
                Code::Sender,
                Some((WSSE, "FailedAuthentication")),
                "At least one security token in the message could not be validated.",
            ),
            Class::BadContextToken => (
                Code::Sender,
                Some((dialect.conversation, "BadContextToken")),
                "The security context token is expired or is not valid. The message was not processed.",
            ),
            Class::InvalidTimeRange => (
                Code::Sender,
                Some((dialect.trust, "InvalidTimeRange")),
                "The requested time range is invalid or unsupported.",
            ),
            Class::InvalidRequest => {
                (Code::Sender, Some((dialect.trust, "InvalidRequest")), "The request was invalid or malformed.")
            }
        };
        Self { code, subcode, reason }
    }

    /// The fault that stands in for a service that did not answer, or not in a way that can be read.
    pub const fn unavailable() -> Self {
        Self { code: Code::Receiver, subcode: None, reason: "The service is not available." }
    }

    /// The fault that stands in for a service that did not answer in time: it may have acted.
    pub const fn late() -> Self {
        Self { code: Code::Receiver, subcode: None, reason: "The service did not answer in time." }
    }

    /// The fault that stands in for an answer that its sender did not prove to have made.
    pub const fn unbelieved() -> Self {
        Self { code: Code::Receiver, subcode: None, reason: "The service's answer could not be verified." }
    }

    /// The fault that stands in for a service that does not let us in.
    pub const fn not_let_in() -> Self {
        Self { code: Code::Receiver, subcode: None, reason: "The service refused the secured message." }
    }

    /// The fault for a plain message without an action.
    pub const fn no_action() -> Self {
        Self { code: Code::Sender, subcode: None, reason: "The message names no action." }
    }

    /// The fault for a plain message that wants its answer elsewhere than on the way on which it came.
    pub const fn answered_elsewhere() -> Self {
        Self { code: Code::Sender, subcode: None, reason: "The answer can only be sent back the way the message came." }
    }

    /// The fault for more work than there is room for.
    pub const fn busy() -> Self {
        Self { code: Code::Receiver, subcode: None, reason: "The service is too busy." }
    }

    /// The fault that a context's time is over, and that it may be renewed.
    pub(crate) const fn renew_needed(dialect: &'static Dialect) -> Self {
        Self {
            code: Code::Sender,
            subcode: Some((dialect.conversation, RENEW_NEEDED)),
            reason: "The provided context token has expired.",
        }
    }

    /// The fault that the policy has no conversation cancelled, by WCF's name: what its services answer that keep no contexts.
    pub(crate) const fn cancellation_not_allowed() -> Self {
        Self {
            code: Code::Sender,
            subcode: Some((DNSE, "SecureConversationCancellationNotAllowed")),
            reason: "A secure conversation is not cancelled here.",
        }
    }

    /// Writes the `Fault` element. SOAP 1.1 has the specific code in place of the general one, as WCF has it.
    pub(crate) fn write(&self, writer: &mut Writer, version: SoapVersion) {
        let namespace = soap(version);
        writer.start("s", namespace, "Fault");
        match version {
            SoapVersion::V11 => {
                let general = match self.code {
                    Code::Sender => "Client",
                    Code::Receiver => "Server",
                    Code::MustUnderstand => "MustUnderstand",
                };
                writer.start("", "", "faultcode");
                if let Some((namespace, local)) = self.subcode {
                    writer.declare("f", namespace);
                    writer.text("f:");
                    writer.text(local);
                } else {
                    writer.text("s:");
                    writer.text(general);
                }
                writer.end();
                writer.start("", "", "faultstring");
                writer.attribute_ns("xml", XML, "lang", "en-US");
                writer.text(self.reason);
                writer.end();
            }
            SoapVersion::V12 => {
                let general = match self.code {
                    Code::Sender => "Sender",
                    Code::Receiver => "Receiver",
                    Code::MustUnderstand => "MustUnderstand",
                };
                writer.start("s", namespace, "Code");
                writer.start("s", namespace, "Value");
                writer.text("s:");
                writer.text(general);
                writer.end();
                if let Some((subcode, local)) = self.subcode {
                    writer.start("s", namespace, "Subcode");
                    writer.start("s", namespace, "Value");
                    writer.declare("f", subcode);
                    writer.text("f:");
                    writer.text(local);
                    writer.end();
                    writer.end();
                }
                writer.end();
                writer.start("s", namespace, "Reason");
                writer.start("s", namespace, "Text");
                writer.attribute_ns("xml", XML, "lang", "en-US");
                writer.text(self.reason);
                writer.end();
                writer.end();
            }
        }
        writer.end();
    }

    /// The fault as an unsecured envelope: what a peer gets whose message was not opened.
    pub fn envelope(&self, version: SoapVersion, addressing: Addressing, relates_to: Option<&str>) -> Vec<u8> {
        let namespace = soap(version);
        let mut writer = Writer::new();
        writer.start("s", namespace, "Envelope");
        if let Some(addressing) = addressing::namespace(addressing) {
            writer.start("s", namespace, "Header");
            writer.start("a", addressing, "Action");
            writer.attribute_ns("s", namespace, "mustUnderstand", "1");
            writer.text(addressing::fault_action(addressing));
            writer.end();
            if let Some(message) = relates_to {
                writer.start("a", addressing, "RelatesTo");
                writer.text(message);
                writer.end();
            }
            writer.end();
        }
        writer.start("s", namespace, "Body");
        self.write(&mut writer, version);
        writer.end();
        writer.end();
        writer.into_bytes()
    }
}

/// The namespace of the prefix `xml`.
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// The version of SOAP of a namespace.
pub(crate) fn version(namespace: &str) -> Option<SoapVersion> {
    match namespace {
        SOAP11 => Some(SoapVersion::V11),
        SOAP12 => Some(SoapVersion::V12),
        _ => None,
    }
}

const RENEW_NEEDED: &str = "RenewNeeded";
/// The namespace in which WSS4J, and so CXF, says that security failed, unless it is told to say why.
const WSS4J: &str = "http://ws.apache.org/wss4j";

/// What a peer says with a fault that nobody vouches for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Told {
    /// Whether it says, in the words of any stack, that it did not take the security of the request: whoever says so has not
    /// acted on it.
    pub security: bool,
    /// Whether it says, in the words of WS-Security, that who sent the request is not who he says: so may an application, to whom it
    /// was given.
    pub authentication: bool,
    /// The beginning of its reason.
    pub reason: String,
}

impl std::fmt::Display for Told {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.reason)
    }
}

impl Told {
    /// What the fault in an envelope says.
    pub(crate) fn by(envelope: &Envelope) -> Self {
        let code = code(envelope);
        let of_header = code.as_ref().filter(|(namespace, _)| [WSSE, WSSE11, WSS4J].contains(namespace));
        let authentication = of_header.is_some_and(|(_, local)| local == "FailedAuthentication");
        let of_conversation = code.as_ref().is_some_and(|(namespace, _)| Dialect::of_conversation(namespace).is_some());
        // Who is not authenticated was understood, and may be told so by an application.
        let security = of_header.is_some() && !authentication || of_conversation;
        Self { security, authentication, reason: reason(envelope) }
    }
}

/// Whether a fault says that a context must be renewed, in either generation.
pub(crate) fn needs_renewal(envelope: &Envelope) -> bool {
    code(envelope)
        .is_some_and(|(namespace, local)| local == RENEW_NEEDED && Dialect::of_conversation(namespace).is_some())
}

/// The most specific code of a fault: of SOAP 1.2 the outer subcode.
fn code(envelope: &Envelope) -> Option<(&str, String)> {
    let document = &envelope.document;
    let namespace = soap(envelope.soap);
    let child = |of: NodeId, namespace: &str, local: &str| {
        document.elements(of).find(|&child| document.is(child, namespace, local))
    };
    let fault = envelope.payload().filter(|_| envelope.is_fault())?;
    let code = match envelope.soap {
        SoapVersion::V11 => child(fault, "", "faultcode"),
        SoapVersion::V12 => {
            let code = child(fault, namespace, "Code")?;
            child(child(code, namespace, "Subcode").unwrap_or(code), namespace, "Value")
        }
    }?;
    let text = document.text(code);
    let (prefix, local) = text.trim().split_once(':').unwrap_or(("", text.trim()));
    Some((document.lookup_prefix(code, prefix)?, local.to_owned()))
}

/// The reason that a fault gives, for the log: its beginning, since anybody may have written it.
fn reason(envelope: &Envelope) -> String {
    const LONGEST: usize = 200;
    let document = &envelope.document;
    let namespace = soap(envelope.soap);
    let text = envelope.payload().and_then(|fault| match envelope.soap {
        SoapVersion::V11 => document.elements(fault).find(|&child| document.is(child, "", "faultstring")),
        SoapVersion::V12 => document
            .elements(fault)
            .find(|&child| document.is(child, namespace, "Reason"))
            .and_then(|reason| document.elements(reason).next()),
    });
    text.map(|node| document.text(node).chars().take(LONGEST).collect()).unwrap_or_default()
}
