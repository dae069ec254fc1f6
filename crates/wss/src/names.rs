//! Namespaces and identifiers of SOAP, WS-Addressing and WS-Security.

/// SOAP 1.1.
pub(crate) const SOAP11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
/// SOAP 1.2.
pub(crate) const SOAP12: &str = "http://www.w3.org/2003/05/soap-envelope";
/// WS-Addressing of August 2004.
pub(crate) const WSA04: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing";
/// WS-Addressing 1.0.
pub(crate) const WSA10: &str = "http://www.w3.org/2005/08/addressing";
/// WS-Security 1.0.
pub(crate) const WSSE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
/// WS-Security 1.1 additions.
pub(crate) const WSSE11: &str = "http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd";
/// WS-Security utility.
pub(crate) const WSU: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";

/// What WCF adds to WS-SecureConversation.
pub(crate) const DNSE: &str = "http://schemas.microsoft.com/ws/2006/05/security";

/// `ValueType` of a reference by `ThumbprintSHA1`.
pub(crate) const THUMBPRINT: &str = "http://docs.oasis-open.org/wss/oasis-wss-soap-message-security-1.1#ThumbprintSHA1";
/// `ValueType` of a reference by `EncryptedKeySHA1`.
pub(crate) const ENCRYPTED_KEY_SHA1: &str =
    "http://docs.oasis-open.org/wss/oasis-wss-soap-message-security-1.1#EncryptedKeySHA1";
/// `TokenType` and `ValueType` of an encrypted key.
pub(crate) const ENCRYPTED_KEY: &str =
    "http://docs.oasis-open.org/wss/oasis-wss-soap-message-security-1.1#EncryptedKey";
/// `ValueType` of an X.509 certificate.
pub(crate) const X509V3: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3";
/// `ValueType` of a path of X.509 certificates, from the authority's to the holder's.
pub(crate) const PKI_PATH: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509PKIPathv1";
/// `ValueType` of a user name token.
pub(crate) const USERNAME_TOKEN: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#UsernameToken";
/// `ValueType` of a reference by subject key identifier.
pub(crate) const SUBJECT_KEY_IDENTIFIER: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509SubjectKeyIdentifier";
/// `EncodingType` of base64.
pub(crate) const BASE64: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary";
/// `Type` of a password in clear.
pub(crate) const PASSWORD_TEXT: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText";

/// `Type` of a hashed password.
pub(crate) const PASSWORD_DIGEST: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest";

/// The namespace of a version of SOAP.
pub(crate) const fn soap(version: nuncio_policy::model::SoapVersion) -> &'static str {
    match version {
        nuncio_policy::model::SoapVersion::V11 => SOAP11,
        nuncio_policy::model::SoapVersion::V12 => SOAP12,
    }
}
