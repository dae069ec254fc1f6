//! Policy files that are refused, each with its line and the reason.

#![allow(clippy::panic, reason = "helpers of tests")]

use nuncio_policy::said;
use nuncio_policy::yaml::PolicyFile;

/// Why a file is refused, with its line.
fn refused(yaml: &str) -> String {
    match said::read::<PolicyFile>("p.yaml", yaml.as_bytes()).and_then(PolicyFile::source) {
        Ok(_) => panic!("read: {yaml}"),
        Err(refused) => refused.to_string(),
    }
}

/// Holds each file to what is expected of its refusal.
fn check(files: &[(String, &str)]) {
    for (yaml, expected) in files {
        let found = refused(yaml);
        assert!(found.starts_with(&format!("p.yaml:{expected}")), "{found}\nexpected {expected}\n{yaml}");
    }
}

const WSE: &str = "preset: usernameForCertificateSecurity";

fn symmetric(more: &str) -> String {
    format!("binding:\n  symmetric:\n    protectionToken:\n      x509: {{}}\n    algorithmSuite: Basic256\n{more}")
}

#[test]
fn what_is_not_one_policy() {
    check(&[
        ("{}".to_owned(), "1: a policy has one of preset, wsdl, binding and alternatives: this has none"),
        ("soap: [Soap11]".to_owned(), "1: a policy has one of preset, wsdl, binding and alternatives: this has none"),
        (format!("{WSE}\nwsdl: a.wsdl"), "2: a policy has one of preset and wsdl: this has both"),
        ("alternatives: []".to_owned(), "1: the policy has no alternative"),
        (symmetric("soap: []"), "6: soap names no version"),
        ("\npreset: usernameSecurity".to_owned(), "2: there is no preset \"usernameSecurity\", only wcf-ws2007-"),
        ("preset: kerberosSecurity".to_owned(), "1: kerberosSecurity is not built yet"),
        ("preset: SspiNegotiated".to_owned(), "1: SspiNegotiated is not built yet"),
        (format!("{WSE}\nestablishSecurityContexts: true"), "2: unknown field `establishSecurityContexts`"),
    ]);
}

#[test]
fn attributes() {
    check(&[
        (format!("{WSE}\nsecurity: {{mode: Message}}"), "2: usernameForCertificateSecurity has no security"),
        (
            "preset: usernameOverTransportSecurity\nestablishSecurityContext: true".to_owned(),
            "2: usernameOverTransportSecurity has no establishSecurityContext",
        ),
        (
            "preset: wse-usernameForCertificateSecurity\nttlInSeconds: 3".to_owned(),
            "2: wse-usernameForCertificateSecurity has no ttlInSeconds",
        ),
        (format!("{WSE}\nttlInSeconds: 0"), "2: ttlInSeconds cannot be 0: it is from 1 to a year"),
        (format!("{WSE}\nmessageProtectionOrder: SignThenEncrypt"), "2: unknown variant `SignThenEncrypt`"),
        (
            "preset: mutualCertificate10Security\nrequireSignatureConfirmation: true".to_owned(),
            "2: requireSignatureConfirmation needs WS-Security 1.1, and mutualCertificate10Security is of 1.0",
        ),
        (
            "preset: UserNameForCertificate\nmessageSecurityVersion: \
             WSSecurity10WSTrust13WSSecureConversation13WSSecurityPolicy12BasicSecurityProfile10"
                .to_owned(),
            "2: UserNameForCertificate needs WS-Security 1.1",
        ),
        ("preset: UserNameOverTransport\nprotectTokens: true".to_owned(), "2: protectTokens says nothing where TLS"),
    ]);
}

#[test]
fn standard_bindings_and_conversations() {
    let message = |more: &str| format!("preset: wsHttpBinding\nsecurity:\n  mode: Message\n  message:\n{more}");
    let transport = |more: &str, binding: &str, mode: &str| {
        format!("preset: {binding}\nsecurity:\n  mode: {mode}\n  transport:\n{more}")
    };
    check(&[
        ("preset: wsHttpBinding".to_owned(), "1: without security, the binding takes Windows accounts"),
        (message("    {}"), "5: clientCredentialType is Windows unless it is said"),
        (message("    clientCredentialType: Windows"), "5: Windows credentials are not built yet"),
        (message("    clientCredentialType: IssuedToken"), "5: IssuedToken credentials are not built yet"),
        (message("    clientCredentialType: UserName"), "5: negotiateServiceCredential is true unless"),
        (
            message("    clientCredentialType: UserName\n    negotiateServiceCredential: true"),
            "6: negotiateServiceCredential is true unless",
        ),
        ("preset: wsHttpBinding\nsecurity:\n  mode: None".to_owned(), "3: this mode has no security"),
        (transport("    clientCredentialType: None", "wsHttpBinding", "None"), "3: this mode has no security"),
        (
            "preset: wsHttpBinding\nsecurity:\n  mode: Transport".to_owned(),
            "3: clientCredentialType of transport is Windows unless it is said",
        ),
        (transport("    {}", "ws2007HttpBinding", "Transport"), "5: clientCredentialType of transport is Windows"),
        (
            transport("    clientCredentialType: Windows", "basicHttpBinding", "Transport"),
            "5: Windows credentials are not",
        ),
        (
            transport("    clientCredentialType: Basic", "wsHttpBinding", "Transport"),
            "5: Basic credentials are not built",
        ),
        (
            transport("    clientCredentialType: UserName", "wsHttpBinding", "Transport"),
            "5: unknown variant `UserName`",
        ),
        (transport("    realm: r", "basicHttpBinding", "Transport"), "5: unknown field `realm`"),
        (
            transport("    clientCredentialType: Certificate", "basicHttpBinding", "TransportWithMessageCredential"),
            "5: transport says nothing but in the mode Transport",
        ),
        (transport("    {}", "wsHttpBinding", "Message"), "5: transport says nothing but in the mode Transport"),
        (
            "preset: basicHttpBinding\nsecurity:\n  mode: Transport\n  message: {clientCredentialType: UserName}"
                .to_owned(),
            "4: message says nothing where TLS alone protects messages",
        ),
        (
            "preset: basicHttpBinding\nsecurity:\n  mode: Message\n  message: {clientCredentialType: UserName}"
                .to_owned(),
            "4: basicHttpBinding protects messages under certificates alone",
        ),
        (
            "preset: SecureConversation".to_owned(),
            "1: SecureConversation has no secureConversationBootstrap, and what WCF has in its place",
        ),
        (
            "preset: SecureConversation\nsecureConversationBootstrap:\n  authenticationMode: Kerberos".to_owned(),
            "3: Kerberos is not built yet",
        ),
    ]);
}

#[test]
fn words_of_ws_security_policy() {
    check(&[
        (symmetric("    layout: Loose"), "6: unknown variant `Loose`"),
        (
            symmetric("").replace("Basic256", "Basic512"),
            "5: no algorithm suite is called Basic512; there are Basic256,",
        ),
        (
            symmetric("").replace("Basic256", "CustomAlgorithmSuite"),
            "5: the algorithm suite CustomAlgorithmSuite is not built yet",
        ),
        (
            symmetric("").replace("x509: {}", "x509: {includeToken: Never, referenceTarget: Internal}"),
            "4: referenceTarget Internal contradicts includeToken Never",
        ),
        (
            symmetric("").replace("x509: {}", "x509: {reference: Embedded, referenceTarget: External}"),
            "4: reference Embedded contradicts a referenceTarget outside of the message",
        ),
        (symmetric("").replace("x509", "kerberos"), "4: unknown variant `kerberos`"),
        (
            symmetric("parts:\n  signedElements:\n    - xpath: //a:b"),
            "8: the prefix a of the XPath \"//a:b\" is not among",
        ),
        (symmetric("parts:\n  signedElements:\n    - xpath: //b[1]"), "8: of the XPath \"//b[1]\", what begins with"),
        (
            "binding:\n  asymmetric:\n    recipientToken: {x509: {}}\n    algorithmSuite: Basic256".to_owned(),
            "3: asymmetric has no initiatorToken",
        ),
    ]);
}

#[test]
fn overrides() {
    check(&[
        (
            "preset: UserNameOverTransport\noverrides:\n  encryptSignature: true".to_owned(),
            "3: encryptBeforeSigning, encryptSignature and protectTokens say nothing where TLS protects messages",
        ),
        (format!("{WSE}\noverrides:\n  bootstrapPolicy: {{}}"), "3: bootstrapPolicy is said of a policy without"),
        (
            format!("{WSE}\noverrides:\n  requireClientCertificate: true"),
            "3: requireClientCertificate is said of a policy",
        ),
    ]);
}
