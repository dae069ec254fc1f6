//! Namespaces of policies and contracts.

/// WS-Policy: 1.2 of September 2004, 1.5, and two that came between or before and are found in old files.
const POLICY: [&str; 4] = [
    POLICY_2004,
    "http://www.w3.org/ns/ws-policy",
    "http://www.w3.org/2006/07/ws-policy",
    "http://schemas.xmlsoap.org/ws/2004/08/policy",
];

/// WS-Policy 1.2.
pub(crate) const POLICY_2004: &str = "http://schemas.xmlsoap.org/ws/2004/09/policy";

/// WS-SecurityPolicy 1.1.
pub(crate) const SECURITY_11: &str = "http://schemas.xmlsoap.org/ws/2005/07/securitypolicy";
/// WS-SecurityPolicy 1.2 and what 1.3 kept of it.
pub(crate) const SECURITY_12: &str = "http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702";
/// What WS-SecurityPolicy 1.3 added.
pub(crate) const SECURITY_13: &str = "http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200802";
/// Where the schema of WS-SecurityPolicy 1.2, unlike its text, puts the values of `IncludeToken`.
pub(crate) const SECURITY_12_SCHEMA: &str = "http://docs.oasis-open.org/ws-sx/ws-trust/200702/ws-securitypolicy";
/// Microsoft's extensions of WS-SecurityPolicy 1.1.
pub(crate) const MICROSOFT: &str = "http://schemas.microsoft.com/ws/2005/07/securitypolicy";

/// Ids of WS-Security Utility.
pub(crate) const UTILITY: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
/// `xml:id`.
pub(crate) const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// WS-Addressing of August 2004, in messages.
pub(crate) const ADDRESSING_2004: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing";
/// WS-Addressing 1.0, in messages.
pub(crate) const ADDRESSING_10: &str = "http://www.w3.org/2005/08/addressing";
/// WS-Addressing of August 2004, in policies (`wsap`).
pub(crate) const ADDRESSING_2004_POLICY: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing/policy";
/// WS-Addressing 1.0, in WSDL (`wsaw`).
pub(crate) const ADDRESSING_10_WSDL: &str = "http://www.w3.org/2006/05/addressing/wsdl";
/// WS-Addressing 1.0, metadata (`wsam`).
pub(crate) const ADDRESSING_10_METADATA: &str = "http://www.w3.org/2007/05/addressing/metadata";

/// Policies of WS-ReliableMessaging of February 2005.
pub(crate) const RELIABLE_2005: &str = "http://schemas.xmlsoap.org/ws/2005/02/rm/policy";
/// Policies of WS-ReliableMessaging 1.1.
pub(crate) const RELIABLE_11: &str = "http://docs.oasis-open.org/ws-rx/wsrmp/200702";
/// WCF's channels of which each direction is one of its own.
pub(crate) const DUPLEX: &str = "http://schemas.microsoft.com/net/2006/06/duplex";
/// WCF's channels whose messages go one way.
pub(crate) const ROUTING: &str = "http://schemas.microsoft.com/ws/2005/05/routing/policy";

/// SOAP 1.1's envelope.
pub(crate) const SOAP_11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
/// SOAP 1.2's envelope.
pub(crate) const SOAP_12: &str = "http://www.w3.org/2003/05/soap-envelope";
/// WS-MetadataExchange.
pub(crate) const METADATA_EXCHANGE: &str = "http://schemas.xmlsoap.org/ws/2004/09/mex";

/// WSDL 1.1.
pub(crate) const WSDL: &str = "http://schemas.xmlsoap.org/wsdl/";
/// WSDL 1.1's binding to SOAP 1.1.
pub(crate) const WSDL_SOAP_11: &str = "http://schemas.xmlsoap.org/wsdl/soap/";
/// WSDL 1.1's binding to SOAP 1.2.
pub(crate) const WSDL_SOAP_12: &str = "http://schemas.xmlsoap.org/wsdl/soap12/";

/// XML Signature.
pub(crate) const SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#";
/// Who a service is, in an endpoint reference.
pub(crate) const IDENTITY: &str = "http://schemas.xmlsoap.org/ws/2006/02/addressingidentity";

/// XML Schema.
pub(crate) const SCHEMA: &str = "http://www.w3.org/2001/XMLSchema";

/// Whether a namespace is one of WS-Addressing's, in messages.
pub(crate) fn is_addressing(namespace: &str) -> bool {
    namespace == ADDRESSING_2004 || namespace == ADDRESSING_10
}

/// Whether a namespace is one of WS-Policy's.
pub(crate) fn is_policy(namespace: &str) -> bool {
    POLICY.contains(&namespace)
}

/// Whether a namespace is one of WS-SecurityPolicy's. Files mix them (an `sp:Wss10` of 1.1 in a policy of 1.2), and a
/// name means the same in each.
pub(crate) fn is_security(namespace: &str) -> bool {
    namespace == SECURITY_11 || namespace == SECURITY_12 || namespace == SECURITY_13
}
