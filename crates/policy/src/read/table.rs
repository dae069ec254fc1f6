//! What is known of assertions that the model has no word for: those that may be passed over, and those that are not
//! built.
//!
//! Everything else that no reader takes is unknown, and refused as such.

use nuncio_xml::foreign::Element;

use super::supporting;
use crate::names;
use crate::suite::{self, Suite};

/// Assertions of WS-SecurityPolicy that ask for nothing that is not done anyway.
const SECURITY_PASSED_OVER: &[&str] = &[
    // What the receiver must understand: every form of reference is understood.
    "MustSupportRefKeyIdentifier",
    "MustSupportRefIssuerSerial",
    "MustSupportRefExternalURI",
    "MustSupportRefEmbeddedToken",
    "MustSupportRefThumbprint",
    "MustSupportRefEncryptedKey",
    // What the receiver of trust messages must understand, or may want in them: none of it changes an answer.
    "MustSupportIssuedTokens",
    "MustSupportClientChallenge",
    "MustSupportServerChallenge",
    "MustSupportInteractiveChallenge",
    "RequireRequestSecurityTokenCollection",
    "RequireAppliesTo",
    // The schema's own misspelling of it.
    "RequireAppiesTo",
    "ScopePolicy15",
    // Whole elements are all that is ever signed.
    "OnlySignEntireHeadersAndBody",
    // The default order, said aloud. No version of the specification has it; many files do.
    "SignBeforeEncrypting",
    // The profile of a token that is known by its own form.
    "WssUsernameToken10",
    "WssUsernameToken11",
    "SC10SecurityContextToken",
    "SC13SecurityContextToken",
    // No conversation is ever amended.
    "MustNotSendAmend",
    // Which XPath a transform would speak, and none does: paths of the policy are followed without one.
    "XPath10",
    "XPathFilter20",
    "AbsXPath",
    // Who may issue a certificate: whom the route trusts decides.
    "IssuerName",
];

/// Assertions of other namespaces that may be passed over; an empty local name stands for all of the namespace.
const PASSED_OVER: &[(&str, &str)] = &[
    // WCF's words for a conversation: `MustNotSendAmend` as above, `RequireCancel` the default said aloud.
    (names::MICROSOFT, "MustNotSendAmend"),
    (names::MICROSOFT, "RequireCancel"),
    // Within `wsam:Addressing`: replies go back the way the request came, which is all that is done.
    (names::ADDRESSING_10_METADATA, "AnonymousResponses"),
    // The same in no namespace, as published by a tax authority.
    ("", "AnonymousResponses"),
    // The same in the working draft.
    (names::ADDRESSING_10_WSDL, "Anonymous"),
    // How WCF controls the flow of a sequence.
    ("http://schemas.microsoft.com/net/2005/02/rm/policy", ""),
    // Within `RMAssertion`: what the sequence promises, and that it is bound to what secures its messages, which all of
    // them are.
    (names::RELIABLE_11, "DeliveryAssurance"),
    (names::RELIABLE_11, "SequenceSTR"),
    (names::RELIABLE_11, "SequenceTransportSecurity"),
    // svcutil's note to itself about a transport.
    ("http://tempuri.org/temporaryworkaround", "TransportBindingElementImporter.TransportUri"),
    // Documentation that a WCF extension exports beside policies.
    ("XmlCommentsExporter.Annotation", ""),
    // Who the service is: the operator says that with certificates.
    ("http://schemas.xmlsoap.org/ws/2006/02/addressingidentity", ""),
    ("http://schemas.microsoft.com/ws/2004/04/addressingidentityextension", ""),
    // CardSpace: for a selector of cards, not for messages.
    ("http://schemas.xmlsoap.org/ws/2005/05/identity", ""),
    // Metro's own configuration: key stores, validators, lifetimes.
    ("http://schemas.sun.com/2006/03/wss/server", ""),
    ("http://schemas.sun.com/2006/03/wss/client", ""),
    ("http://schemas.sun.com/ws/2006/05/trust/server", ""),
    ("http://schemas.sun.com/ws/2006/05/trust/client", ""),
    ("http://schemas.sun.com/ws/2006/05/sc/server", ""),
    ("http://schemas.sun.com/ws/2006/05/sc/client", ""),
    // Metro's offer of another encoding or transport: a peer need not take it up.
    ("http://schemas.xmlsoap.org/ws/2004/09/policy/encoding", "Utf816FFFECharacterEncoding"),
    ("http://java.sun.com/xml/ns/wsit/2006/09/policy/fastinfoset/service", "OptimizedFastInfosetSerialization"),
    ("http://java.sun.com/xml/ns/wsit/2006/09/policy/soaptcp/service", "OptimizedTCPTransport"),
    // Rampart's own configuration, of Axis2 in Java and in C.
    ("http://ws.apache.org/rampart/policy", ""),
    ("http://ws.apache.org/rampart/c/policy", ""),
    // Oracle: "this policy adds no behaviour".
    ("http://schemas.oracle.com/ws/2006/01/securitypolicy", "nobehavior"),
];

/// Assertions of WS-SecurityPolicy that hold a policy, and that are found with assertions straight in them. The duties of
/// supporting tokens are told by their names.
const HOLD_POLICY: &[&str] = &[
    "AlgorithmSuite",
    "Layout",
    "TransportToken",
    "ProtectionToken",
    "EncryptionToken",
    "SignatureToken",
    "InitiatorToken",
    "InitiatorSignatureToken",
    "InitiatorEncryptionToken",
    "RecipientToken",
    "RecipientSignatureToken",
    "RecipientEncryptionToken",
    "BootstrapPolicy",
    "Wss10",
    "Wss11",
    "Trust10",
    "Trust13",
];

/// Assertions of WS-SecurityPolicy that are not built, with the suites that [`suite::OTHER_NAMES`] lists.
const SECURITY_NOT_BUILT: &[&str] = &[
    "SamlToken",
    "IssuedToken",
    "KerberosToken",
    "SpnegoContextToken",
    "SecurityContextToken",
    "RelToken",
    "KeyValueToken",
    "Attachments",
    "HttpBasicAuthentication",
    "HttpDigestAuthentication",
    "Issuer",
];

/// Assertions of other namespaces that are not built; an empty local name stands for all of the namespace.
const NOT_BUILT: &[(&str, &str)] = &[
    // TLSNEGO, and tokens that are bare RSA keys.
    (names::MICROSOFT, ""),
    // Replies to another address than the one the request came from.
    (names::ADDRESSING_10_METADATA, "NonAnonymousResponses"),
    // MTOM.
    ("http://schemas.xmlsoap.org/ws/2004/09/policy/optimizedmimeserialization", ""),
    ("http://www.w3.org/2007/08/soap12-mtom-policy", ""),
    // .NET binary XML.
    ("http://schemas.microsoft.com/ws/06/2004/mspolicy/netbinary1", ""),
    // net.tcp: TLS or SPNEGO on the stream, streaming.
    ("http://schemas.microsoft.com/ws/2006/05/framing/policy", ""),
    // Authentication by HTTP.
    ("http://schemas.microsoft.com/ws/06/2004/policy/http", ""),
    // Others of WS-ReliableMessaging than its one assertion.
    (names::RELIABLE_2005, ""),
    (names::RELIABLE_11, ""),
    // WS-AtomicTransaction.
    ("http://schemas.xmlsoap.org/ws/2004/10/wsat", ""),
    ("http://docs.oasis-open.org/ws-tx/wsat/2006/06", ""),
    // CXF's suites beside those of the table: custom ones.
    ("http://cxf.apache.org/custom/security-policy", ""),
    // Others of the European e-delivery profile, and of Oxalis.
    ("http://e-delivery.eu/custom/security-policy", ""),
    ("http://oxalis.difi.no/custom/security-policy", ""),
    // The policy languages of WebLogic 9 and of WS-Security's drafts.
    ("http://www.bea.com/wls90/security/policy", ""),
    ("http://schemas.xmlsoap.org/ws/2002/12/secext", ""),
];

/// Whether an assertion of WS-SecurityPolicy holds a policy, if it holds anything.
pub(crate) fn holds_policy(local: &str) -> bool {
    HOLD_POLICY.contains(&local) || supporting::duty(local).is_some()
}

/// Whether an assertion names a suite, built or not.
pub(crate) fn is_suite(element: &Element) -> bool {
    if names::is_security(&element.namespace) {
        return Suite::named(&element.local).is_some() || suite::OTHER_NAMES.contains(&element.local.as_str());
    }
    Suite::of(&element.namespace, &element.local).is_some()
}

/// What is odd about an assertion that is passed over, if anything is.
pub(crate) fn remark(element: &Element) -> Option<String> {
    let local = &element.local;
    element.namespace.is_empty().then(|| format!("{local} is in no namespace: read as that of WS-Addressing"))
}

/// What is known of an assertion that no reader takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Known {
    /// It asks for something that is not built.
    NotBuilt,
    /// Nothing.
    Unknown,
}

/// Whether an assertion may be passed over wherever it stands.
pub(crate) fn is_passed_over(element: &Element) -> bool {
    names::is_security(&element.namespace) && SECURITY_PASSED_OVER.contains(&element.local.as_str())
        || is_in(PASSED_OVER, element)
}

/// What is known of an assertion that is not passed over.
pub(crate) fn known(element: &Element) -> Known {
    let local = element.local.as_str();
    let security = names::is_security(&element.namespace)
        && (SECURITY_NOT_BUILT.contains(&local)
            || suite::OTHER_NAMES.contains(&local)
            || element.namespace == names::SECURITY_13);
    if security || is_in(NOT_BUILT, element) { Known::NotBuilt } else { Known::Unknown }
}

fn is_in(table: &[(&str, &str)], element: &Element) -> bool {
    table
        .iter()
        .any(|(namespace, local)| *namespace == element.namespace && (local.is_empty() || *local == element.local))
}
