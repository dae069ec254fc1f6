//! The policies that services of the products published, and the attributes that they had.

/// A recording, and the attributes that its service had.
#[rustfmt::skip]
pub(crate) const RECORDED: &[(&str, &str)] = &[
    (
        "wcf/basicHttpBinding-message-Certificate",
        "preset: basicHttpBinding\nsecurity: {mode: Message, message: {clientCredentialType: Certificate}}",
    ),
    (
        "wcf/basicHttpBinding-message-Certificate-Basic256Sha256",
        "preset: basicHttpBinding\nsecurity: {mode: Message, message: {clientCredentialType: Certificate, algorithmSuite: Basic256Sha256}}",
    ),
    (
        "wcf/wcf-anonymousForCertificate-nosc-1.3",
        "preset: AnonymousForCertificate\nmessageSecurityVersion: WSSecurity11WSTrust13WSSecureConversation13WSSecurityPolicy12",
    ),
    ("wcf/wcf-anonymousForCertificate-nosc-2005-02", "preset: AnonymousForCertificate"),
    (
        "wcf/wcf-anonymousForCertificate-sc-1.3",
        "preset: SecureConversation\nmessageSecurityVersion: WSSecurity11WSTrust13WSSecureConversation13WSSecurityPolicy12\nsecureConversationBootstrap: {authenticationMode: AnonymousForCertificate}",
    ),
    (
        "wcf/wcf-anonymousForCertificate-sc-1.3-clientEntropy",
        "preset: SecureConversation\nkeyEntropyMode: ClientEntropy\nmessageSecurityVersion: WSSecurity11WSTrust13WSSecureConversation13WSSecurityPolicy12\nsecureConversationBootstrap: {authenticationMode: AnonymousForCertificate, keyEntropyMode: ClientEntropy}",
    ),
    (
        "wcf/wcf-anonymousForCertificate-sc-2005-02-serverEntropy",
        "preset: SecureConversation\nkeyEntropyMode: ServerEntropy\nsecureConversationBootstrap: {authenticationMode: AnonymousForCertificate, keyEntropyMode: ServerEntropy}",
    ),
    (
        "wcf/wcf-anonymousForCertificate-sc-1.3-layout-Lax",
        "preset: SecureConversation\nsecurityHeaderLayout: Lax\nmessageSecurityVersion: WSSecurity11WSTrust13WSSecureConversation13WSSecurityPolicy12\nsecureConversationBootstrap: {authenticationMode: AnonymousForCertificate, securityHeaderLayout: Lax}",
    ),
    (
        "wcf/wcf-anonymousForCertificate-sc-2005-02-layout-LaxTimestampLast",
        "preset: SecureConversation\nsecurityHeaderLayout: LaxTimestampLast\nsecureConversationBootstrap: {authenticationMode: AnonymousForCertificate, securityHeaderLayout: LaxTimestampLast}",
    ),
    (
        "wcf/wcf-anonymousForCertificate-sc-2005-02-noDerivedKeys",
        "preset: SecureConversation\nrequireDerivedKeys: false\nsecureConversationBootstrap: {authenticationMode: AnonymousForCertificate, requireDerivedKeys: false}",
    ),
    (
        "wcf/wcf-anonymousForCertificate-sc-2005-02-noSignatureConfirmation",
        "preset: SecureConversation\nsecureConversationBootstrap: {authenticationMode: AnonymousForCertificate, requireSignatureConfirmation: false}",
    ),
    (
        "wcf/wcf-anonymousForCertificate-sc-2005-02-signatureConfirmation",
        "preset: SecureConversation\nrequireSignatureConfirmation: true\nsecureConversationBootstrap: {authenticationMode: AnonymousForCertificate}",
    ),
    (
        "wcf/wcf-anonymousForCertificate-sc-2005-02-order-EncryptBeforeSign",
        "preset: SecureConversation\nmessageProtectionOrder: EncryptBeforeSign\nsecureConversationBootstrap: {authenticationMode: AnonymousForCertificate, messageProtectionOrder: EncryptBeforeSign}",
    ),
    (
        "wcf/wcf-anonymousForCertificate-sc-1.3-order-SignBeforeEncrypt",
        "preset: SecureConversation\nmessageProtectionOrder: SignBeforeEncrypt\nmessageSecurityVersion: WSSecurity11WSTrust13WSSecureConversation13WSSecurityPolicy12\nsecureConversationBootstrap: {authenticationMode: AnonymousForCertificate, messageProtectionOrder: SignBeforeEncrypt}",
    ),
    (
        "wcf/wcf-anonymousForCertificate-sc-1.3-noTimestamp",
        "preset: SecureConversation\nincludeTimestamp: false\nmessageSecurityVersion: WSSecurity11WSTrust13WSSecureConversation13WSSecurityPolicy12\nsecureConversationBootstrap: {authenticationMode: AnonymousForCertificate, includeTimestamp: false}",
    ),
    (
        "wcf/wcf-anonymousForCertificate-sc-2005-02-suite-TripleDesRsa15",
        "preset: SecureConversation\ndefaultAlgorithmSuite: TripleDesRsa15\nsecureConversationBootstrap: {authenticationMode: AnonymousForCertificate, defaultAlgorithmSuite: TripleDesRsa15}",
    ),
    (
        "wcf/wcf-anonymousForCertificate-sc-2005-02-soap11wsa0408",
        "preset: SecureConversation\nmessageVersion: Soap11WSAddressingAugust2004\nsecureConversationBootstrap: {authenticationMode: AnonymousForCertificate}",
    ),
    (
        "wcf/wcf-anonymousForCertificate-sc-1.3-soap11wsa10",
        "preset: SecureConversation\nmessageVersion: Soap11WSAddressing10\nmessageSecurityVersion: WSSecurity11WSTrust13WSSecureConversation13WSSecurityPolicy12\nsecureConversationBootstrap: {authenticationMode: AnonymousForCertificate}",
    ),
    (
        "wcf/wcf-anonymousForCertificate-sccookie-1.3",
        "preset: SecureConversation\nrequireSecurityContextCancellation: false\nmessageSecurityVersion: WSSecurity11WSTrust13WSSecureConversation13WSSecurityPolicy12\nsecureConversationBootstrap: {authenticationMode: AnonymousForCertificate}",
    ),
    (
        "wcf/wcf-mutualCertificate-sc-2005-02",
        "preset: SecureConversation\nsecureConversationBootstrap: {authenticationMode: MutualCertificate}",
    ),
    (
        "wcf/wcf-mutualCertificate-sccookie-2005-02",
        "preset: SecureConversation\nrequireSecurityContextCancellation: false\nsecureConversationBootstrap: {authenticationMode: MutualCertificate}",
    ),
    (
        "wcf/wcf-mutualCertificate10-nosc-2005-02",
        "preset: MutualCertificate\nmessageSecurityVersion: WSSecurity10WSTrustFebruary2005WSSecureConversationFebruary2005WSSecurityPolicy11BasicSecurityProfile10",
    ),
    (
        "wcf/wcf-mutualCertificate10-nosc-1.3-suite-Basic128Rsa15",
        "preset: MutualCertificate\ndefaultAlgorithmSuite: Basic128Rsa15\nmessageSecurityVersion: WSSecurity10WSTrust13WSSecureConversation13WSSecurityPolicy12BasicSecurityProfile10",
    ),
    (
        "wcf/wcf-mutualCertificate10-sc-1.3",
        "preset: SecureConversation\nmessageSecurityVersion: WSSecurity10WSTrust13WSSecureConversation13WSSecurityPolicy12BasicSecurityProfile10\nsecureConversationBootstrap: {authenticationMode: MutualCertificate}",
    ),
    (
        "wcf/wcf-userNameForCertificate-sccookie-2005-02",
        "preset: SecureConversation\nrequireSecurityContextCancellation: false\nsecureConversationBootstrap: {authenticationMode: UserNameForCertificate}",
    ),
    (
        "wcf/ws2007HttpBinding-UserName-sc",
        "preset: ws2007HttpBinding\nsecurity: {mode: Message, message: {clientCredentialType: UserName, negotiateServiceCredential: false}}",
    ),
    (
        "wcf/ws2007HttpBinding-None-nosc",
        "preset: ws2007HttpBinding\nsecurity: {mode: Message, message: {clientCredentialType: None, negotiateServiceCredential: false, establishSecurityContext: false}}",
    ),
    (
        "wcf/wsHttpBinding-Certificate-sc",
        "preset: wsHttpBinding\nsecurity: {mode: Message, message: {clientCredentialType: Certificate, negotiateServiceCredential: false, establishSecurityContext: true}}",
    ),
    (
        "wse-twin/wse-soap11-anonymousForCertificate-nosc-EBS-noDerivedKeys-sigConf",
        "preset: anonymousForCertificateSecurity\nmessageProtectionOrder: EncryptBeforeSign\nrequireDerivedKeys: false\nrequireSignatureConfirmation: true",
    ),
    (
        "wse-twin/wse-soap11-anonymousForCertificate-sc-EBS-noDerivedKeys-sigConf",
        "preset: anonymousForCertificateSecurity\nestablishSecurityContext: true\nmessageProtectionOrder: EncryptBeforeSign\nrequireDerivedKeys: false\nrequireSignatureConfirmation: true",
    ),
    (
        "wse-twin/wse-soap11-mutualCertificate10-nosc-SBEES-noDerivedKeys",
        "preset: mutualCertificate10Security\nmessageProtectionOrder: SignBeforeEncryptAndEncryptSignature\nrequireDerivedKeys: false",
    ),
    (
        "wse-twin/wse-soap12-mutualCertificate10-sc",
        "preset: mutualCertificate10Security\nestablishSecurityContext: true\nmessageProtectionOrder: SignBeforeEncrypt\nrequireDerivedKeys: true",
    ),
    (
        "wse-twin/wse-soap11-mutualCertificate11-sc-SBEES-sigConf",
        "preset: mutualCertificate11Security\nestablishSecurityContext: true\nmessageProtectionOrder: SignBeforeEncryptAndEncryptSignature\nrequireSignatureConfirmation: true",
    ),
    (
        "wse-twin/wse-soap11-mutualCertificate11-sc-cancel",
        "preset: mutualCertificate11Security\nestablishSecurityContext: true\noverrides: {mustNotSendCancel: false}",
    ),
    (
        "wse-twin/wse-soap12-usernameForCertificate-sc-bootBasic128Rsa15-scBasic256",
        "preset: usernameForCertificateSecurity\nestablishSecurityContext: true\noverrides: {bootstrapPolicy: {algorithmSuite: Basic128Rsa15}}",
    ),
    (
        "wse-twin/epicor-soap11-usernameForCertificate-sc",
        "preset: usernameForCertificateSecurity\nestablishSecurityContext: true\nrenewExpiredSecurityContext: true\nrequireSignatureConfirmation: false\nmessageProtectionOrder: SignBeforeEncryptAndEncryptSignature\nrequireDerivedKeys: true\nttlInSeconds: 300",
    ),
];
