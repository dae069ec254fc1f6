//! Policies alone: what they mean, and what is said of those that are refused.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use nuncio_policy::bare;
use nuncio_policy::model::{
    Addressing, Binding, Canonicalization, DerivedKeys, HeaderPart, Include, PasswordKind, Policy, ProtectionOrder,
    ReferenceTarget, Step, SuiteOptions, SymmetricBinding, Token, X509Kind, X509Reference,
};

/// A policy whose content begins in line 2.
fn policy(content: &str) -> String {
    let namespaces = "xmlns:wsp='http://schemas.xmlsoap.org/ws/2004/09/policy' \
        xmlns:sp='http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702' \
        xmlns:sp11='http://schemas.xmlsoap.org/ws/2005/07/securitypolicy' \
        xmlns:sp13='http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200802' \
        xmlns:mssp='http://schemas.microsoft.com/ws/2005/07/securitypolicy' \
        xmlns:wsaw='http://www.w3.org/2006/05/addressing/wsdl'";
    format!("<wsp:Policy {namespaces}>\n{content}\n</wsp:Policy>")
}

const TLS: &str = "<sp:TransportBinding><wsp:Policy><sp:TransportToken><wsp:Policy><sp:HttpsToken/></wsp:Policy></sp:TransportToken>\
    <sp:AlgorithmSuite><wsp:Policy><sp:Basic256/></wsp:Policy></sp:AlgorithmSuite></wsp:Policy></sp:TransportBinding>";

fn read(content: &str) -> Vec<Policy> {
    bare::read("p.xml", policy(content).as_bytes()).unwrap()
}

fn check_refused(content: &str, expect: &str) {
    assert_eq!(bare::read("p.xml", policy(content).as_bytes()).unwrap_err().to_string(), expect);
}

/// A symmetric binding under a certificate, with more of its own.
fn symmetric(token: &str, more: &str) -> String {
    format!(
        "<sp:SymmetricBinding><wsp:Policy>\n<sp:ProtectionToken><wsp:Policy>{token}</wsp:Policy></sp:ProtectionToken>\n\
        <sp:AlgorithmSuite><wsp:Policy><sp:Basic256/></wsp:Policy></sp:AlgorithmSuite>\n{more}</wsp:Policy></sp:SymmetricBinding>"
    )
}

#[test]
fn optional_supporting_tokens_are_one_alternative_and_other_optional_assertions_two() {
    let policies = read(&format!(
        "{TLS}<sp:SignedSupportingTokens><wsp:Policy><sp:UsernameToken wsp:Optional='true'/></wsp:Policy></sp:SignedSupportingTokens>"
    ));
    assert_eq!(policies.len(), 1);
    assert!(policies[0].supporting[0].optional);

    let policies = read(&format!("{TLS}<wsaw:UsingAddressing wsp:Optional='true'/>"));
    let addressing: Vec<Addressing> = policies.iter().map(|policy| policy.addressing).collect();
    assert_eq!(addressing, [Addressing::V10, Addressing::None]);
}

#[test]
fn an_optional_token_that_is_not_built_is_left_out() {
    let policies = read(&format!(
        "{TLS}<sp:EndorsingSupportingTokens><wsp:Policy><mssp:RsaToken wsp:Optional='true'/></wsp:Policy></sp:EndorsingSupportingTokens>"
    ));
    assert!(policies[0].supporting.is_empty());
}

#[test]
fn mistakes_that_people_shipped_have_their_evident_meaning() {
    // The wrong generation's Wss10, an sp:Policy for a wsp:Policy, a token straight under its supporting tokens.
    let policies = read(&format!(
        "{TLS}<sp11:Wss11><sp:Policy><sp:RequireSignatureConfirmation/></sp:Policy></sp11:Wss11>\
        <sp:SignedSupportingTokens><sp:UsernameToken/></sp:SignedSupportingTokens>"
    ));
    assert!(policies[0].wss.v11 && policies[0].wss.signature_confirmation);
    assert!(matches!(policies[0].supporting[0].token, Token::Username(_)));

    // A transport binding without suite, where nothing signs.
    let policies = read(
        "<sp:TransportBinding><wsp:Policy><sp:TransportToken><wsp:Policy><sp:HttpsToken/></wsp:Policy></sp:TransportToken>\
        </wsp:Policy></sp:TransportBinding>",
    );
    assert!(matches!(&policies[0].binding, Binding::Transport(binding) if !binding.client_certificate));
}

#[test]
fn an_unknown_assertion_may_be_ignored_only_where_it_says_so() {
    assert_eq!(read(&format!("{TLS}<x:y xmlns:x='urn:x' wsp:Ignorable='true'/>")).len(), 1);
    check_refused(&format!("{TLS}\n<x:y xmlns:x='urn:x'/>"), "p.xml:3: y (urn:x) is not known");
}

#[test]
fn what_is_not_built_is_named_with_its_line() {
    let sp = "http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702";
    check_refused(&symmetric("<sp:SamlToken/>", ""), &format!("p.xml:3: SamlToken ({sp}) is not built yet"));
    check_refused(
        &symmetric("<mssp:SslContextToken/>", ""),
        "p.xml:3: SslContextToken (http://schemas.microsoft.com/ws/2005/07/securitypolicy) is not built yet",
    );
    check_refused(
        &format!(
            "{TLS}<wsoma:OptimizedMimeSerialization xmlns:wsoma='http://schemas.xmlsoap.org/ws/2004/09/policy/optimizedmimeserialization'/>"
        ),
        "p.xml:2: OptimizedMimeSerialization (http://schemas.xmlsoap.org/ws/2004/09/policy/optimizedmimeserialization) is not built yet",
    );
    check_refused(
        &format!("{TLS}<wsrmp:Else xmlns:wsrmp='http://docs.oasis-open.org/ws-rx/wsrmp/200702'/>"),
        "p.xml:2: Else (http://docs.oasis-open.org/ws-rx/wsrmp/200702) is not built yet",
    );
    check_refused(
        &format!("{TLS}\n<sp:SignedParts><sp:Attachments/></sp:SignedParts>"),
        &format!("p.xml:3: Attachments ({sp}) is not built yet"),
    );
    check_refused(
        &format!("{TLS}\n<sp:SignedElements>\n<sp:XPath>/a/@b</sp:XPath></sp:SignedElements>"),
        "p.xml:4: of the XPath \"/a/@b\", what begins with \"@b\" is not built yet",
    );
    check_refused(
        &symmetric("<sp:X509Token/>", "").replace("Basic256", "CustomAlgorithmSuite"),
        &format!("p.xml:4: CustomAlgorithmSuite ({sp}) is not built yet"),
    );
}

#[test]
fn what_a_token_may_say_is_in_the_model() {
    let certificate = |more: &str| {
        let token = format!("<sp:X509Token><wsp:Policy>{more}</wsp:Policy></sp:X509Token>");
        let policy = read(&symmetric(&token, "<sp:ProtectTokens/>")).remove(0);
        assert!(policy.properties.protect_tokens);
        match policy.binding {
            Binding::Symmetric(SymmetricBinding { protection: Token::X509(token) }) => token,
            _ => panic!("another binding or token"),
        }
    };
    let token = certificate("<sp:RequireImpliedDerivedKeys/><sp:WssX509Pkcs7Token10/><sp:RequireExternalReference/>");
    assert_eq!(
        (token.derived_keys, token.kind, token.target),
        (DerivedKeys::Implied, X509Kind::Pkcs7, ReferenceTarget::External)
    );
    let token = certificate("<sp:RequireEmbeddedTokenReference/><sp:WssX509PkiPathV1Token11/>");
    assert_eq!((token.reference, token.kind), (X509Reference::Embedded, X509Kind::PkiPathV1));
    assert_eq!((certificate("").kind, certificate("").target), (X509Kind::V3, ReferenceTarget::Any));

    let contradicts = |token: &str, words: &str| check_refused(&symmetric(token, ""), &format!("p.xml:3: {words}"));
    let saying = |more: &str| format!("<sp:X509Token><wsp:Policy>{more}</wsp:Policy></sp:X509Token>");
    contradicts(
        &saying("<sp:RequireInternalReference/><sp:RequireExternalReference/>"),
        "RequireInternalReference contradicts RequireExternalReference",
    );
    contradicts(
        &saying("<sp:RequireExternalUriReference/><sp:RequireInternalReference/>"),
        "RequireInternalReference contradicts RequireExternalUriReference",
    );
    contradicts(
        &saying("<sp:RequireExternalReference/><sp:RequireEmbeddedTokenReference/>"),
        "RequireExternalReference contradicts RequireEmbeddedTokenReference",
    );
    let never = "sp:IncludeToken='http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702/IncludeToken/Never'";
    contradicts(
        &saying("<sp:RequireInternalReference/>").replace("<sp:X509Token>", &format!("<sp:X509Token {never}>")),
        "RequireInternalReference contradicts IncludeToken/Never",
    );

    let user = |more: &str| {
        let token = format!("<sp:UsernameToken><wsp:Policy>{more}</wsp:Policy></sp:UsernameToken>");
        match read(&symmetric(&token, "")).remove(0).binding {
            Binding::Symmetric(SymmetricBinding { protection: Token::Username(token) }) => token,
            _ => panic!("another binding or token"),
        }
    };
    let token = user("<sp:NoPassword/><sp:RequireDerivedKeys/>");
    assert_eq!((token.password, token.derived_keys), (PasswordKind::None, DerivedKeys::Explicit));
    let token = user("<sp:HashPassword/><sp13:Nonce/>");
    assert_eq!((token.password, token.nonce, token.created), (PasswordKind::Digest, true, false));
    let token = user("<sp13:Created/>");
    assert_eq!((token.password, token.nonce, token.created), (PasswordKind::Text, false, true));
    check_refused(
        &symmetric(
            "<sp:UsernameToken><wsp:Policy><sp:NoPassword/>\n<sp:HashPassword/></wsp:Policy></sp:UsernameToken>",
            "",
        ),
        "p.xml:4: a second HashPassword in one alternative",
    );
}

#[test]
fn supporting_tokens_come_in_every_combination() {
    let policies = read(&format!(
        "{TLS}<sp:SignedEndorsingEncryptedSupportingTokens><wsp:Policy><sp:X509Token/><sp:UsernameToken wsp:Optional='1'/>\
        <sp:SignedParts><sp:Body/></sp:SignedParts></wsp:Policy></sp:SignedEndorsingEncryptedSupportingTokens>\
        <sp:SupportingTokens><wsp:Policy><sp:X509Token/></wsp:Policy></sp:SupportingTokens>"
    ));
    let [first, second, third] = policies[0].supporting.as_slice() else { panic!("three tokens") };
    assert!(matches!((&first.token, &second.token), (Token::X509(_), Token::Username(_))));
    for token in [first, second] {
        assert!(token.signed && token.endorsing && token.encrypted && token.parts.signed.body);
    }
    assert!(!first.optional && second.optional);
    assert!(!third.signed && !third.endorsing && !third.encrypted && third.parts.is_empty());
}

#[test]
fn parts_elements_and_what_must_be_there() {
    let policy = read(&format!(
        "{TLS}<sp:SignedParts/><sp:EncryptedParts><sp:Header Namespace='urn:x'/></sp:EncryptedParts>\
        <sp:SignedElements sp:XPathVersion='http://www.w3.org/TR/1999/REC-xpath-19991116'>\
        <sp:XPath xmlns:a='urn:a'>\n/a:B//c </sp:XPath></sp:SignedElements>\
        <sp:ContentEncryptedElements><sp:XPath>//d</sp:XPath></sp:ContentEncryptedElements>\
        <sp:RequiredElements><sp:XPath>/e</sp:XPath></sp:RequiredElements>\
        <sp:RequiredParts><sp:Header Name='f' Namespace=''/></sp:RequiredParts>"
    ))
    .remove(0);
    let parts = policy.parts;
    assert!(parts.signed.body && parts.signed.every_header && parts.signed.has_header("urn:any", "Any"));
    assert!(!parts.encrypted.body && !parts.encrypted.every_header && parts.encrypted.has_header("urn:x", "y"));
    let step = |anywhere_below, namespace: &str, local: &str| Step {
        anywhere_below,
        namespace: Some(namespace.to_owned()),
        local: Some(local.to_owned()),
    };
    assert_eq!(parts.signed_elements[0].text, "/a:B//c");
    assert_eq!(parts.signed_elements[0].steps, [step(false, "urn:a", "B"), step(true, "", "c")]);
    assert_eq!(parts.content_encrypted_elements[0].steps, [step(true, "", "d")]);
    assert_eq!(parts.required_elements[0].steps, [step(false, "", "e")]);
    assert_eq!(parts.required, [HeaderPart { name: Some("f".to_owned()), namespace: String::new() }]);
    assert!(parts.encrypted_elements.is_empty());

    check_refused(&format!("{TLS}\n<sp:SignedElements/>"), "p.xml:3: SignedElements has no XPath");
    check_refused(
        &format!("{TLS}\n<sp:SignedElements><sp:XPath>/a:B</sp:XPath></sp:SignedElements>"),
        "p.xml:3: prefix a is not defined in this file",
    );
    check_refused(
        &format!("{TLS}\n<sp:SignedElements XPathVersion='2'><sp:XPath>/a</sp:XPath></sp:SignedElements>"),
        "p.xml:3: XPathVersion cannot be \"2\"",
    );
}

#[test]
fn suites_have_options_and_makers() {
    let suite = |assertions: &str| {
        let binding = symmetric("<sp:X509Token/>", "").replace("<sp:Basic256/>", assertions);
        let properties = read(&binding).remove(0).properties;
        (properties.suite.name, properties.options)
    };
    assert_eq!(suite("<sp:Basic192/>"), ("Basic192", SuiteOptions::default()));
    let (name, options) =
        suite("<sp:Basic128/><sp:InclusiveC14N/><sp:SOAPNormalization10/><sp:STRTransform10/><sp:XPath10/>");
    assert_eq!((name, options.canonicalization), ("Basic128", Canonicalization::Inclusive));
    assert!(options.soap_normalization && options.str_transform);
    let cxf = "xmlns:c='http://cxf.apache.org/custom/security-policy'";
    assert_eq!(suite(&format!("<c:Basic256GCM {cxf}/>")).0, "Basic256GCM");
    let (in_cxf, in_sp) = (
        symmetric("<sp:X509Token/>", "").replace("<sp:Basic256/>", &format!("<c:Basic256 {cxf}/>")),
        symmetric("<sp:X509Token/>", "").replace("Basic256", "Basic256GCM"),
    );
    check_refused(&in_cxf, "p.xml:4: Basic256 (http://cxf.apache.org/custom/security-policy) is not built yet");
    check_refused(
        &in_sp,
        "p.xml:4: Basic256GCM (http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702) is not known",
    );
}

/// An asymmetric binding with a token for each side.
fn asymmetric(initiator: &str, recipient: &str, more: &str) -> String {
    format!(
        "<sp:AsymmetricBinding><wsp:Policy>\n<sp:InitiatorToken><wsp:Policy>{initiator}</wsp:Policy></sp:InitiatorToken>\n\
        <sp:RecipientToken><wsp:Policy>{recipient}</wsp:Policy></sp:RecipientToken>\n\
        <sp:AlgorithmSuite><wsp:Policy><sp:Basic128/></wsp:Policy></sp:AlgorithmSuite>\n{more}</wsp:Policy></sp:AsymmetricBinding>"
    )
}

#[test]
fn an_asymmetric_binding_has_a_certificate_for_each_side() {
    let never = "<sp:X509Token sp:IncludeToken='http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702/IncludeToken/Never'>\
        <wsp:Policy><sp:RequireDerivedKeys/><sp:RequireIssuerSerialReference/></wsp:Policy></sp:X509Token>";
    let policies = read(&asymmetric("<sp:X509Token/>", never, "<sp:EncryptBeforeSigning/><sp:IncludeTimestamp/>"));
    let Binding::Asymmetric(binding) = &policies[0].binding else { panic!("another binding") };
    assert_eq!((binding.initiator.include, binding.recipient.include), (Include::Always, Include::Never));
    assert_eq!(binding.initiator.derived_keys, DerivedKeys::None);
    assert_eq!(binding.recipient.derived_keys, DerivedKeys::Explicit);
    assert_eq!(binding.recipient.reference, X509Reference::IssuerSerial);
    let properties = &policies[0].properties;
    assert_eq!(properties.order, ProtectionOrder::EncryptBeforeSign);
    assert!(properties.timestamp && !properties.encrypt_signature);
    assert_eq!(properties.suite.name, "Basic128");

    let sp = "http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702";
    let certificate = "<sp:X509Token/>";
    check_refused(&asymmetric("", certificate, ""), "p.xml:3: InitiatorToken has no token");
    check_refused(
        &asymmetric(certificate, "<sp:UsernameToken/>", ""),
        &format!("p.xml:4: UsernameToken ({sp}) is not built yet as the token of one side"),
    );
    let more = "<sp:ProtectTokens/><sp:EncryptBeforeSigning/><sp:EncryptSignature/>";
    let policies = read(&asymmetric(certificate, certificate, more));
    let properties = &policies[0].properties;
    assert!(properties.protect_tokens && properties.encrypt_signature);
    assert_eq!(properties.order, ProtectionOrder::EncryptBeforeSign);
}

#[test]
fn the_first_alternative_is_named_where_none_is_usable() {
    check_refused(
        "<wsp:ExactlyOne>\n<wsp:All><sp:AsymmetricBinding/></wsp:All>\n<x:y xmlns:x='urn:x'/></wsp:ExactlyOne>",
        "p.xml:3: AsymmetricBinding has no InitiatorToken",
    );
    // An alternative without security does not stand in for the one that is wanted.
    check_refused("<sp:AsymmetricBinding wsp:Optional='true'/>", "p.xml:2: AsymmetricBinding has no InitiatorToken");
    check_refused("<wsp:ExactlyOne/>", "p.xml:1: the policy has no alternative");
    assert!(read("<wsaw:UsingAddressing/>").is_empty(), "no security is asked for");
}

#[test]
fn what_is_missing_or_said_twice_is_named() {
    check_refused(
        "<sp:SymmetricBinding><wsp:Policy/></sp:SymmetricBinding>",
        "p.xml:2: SymmetricBinding has no ProtectionToken",
    );
    check_refused(
        &symmetric("<sp:SecureConversationToken/>", ""),
        "p.xml:3: SecureConversationToken has no BootstrapPolicy",
    );
    check_refused(
        "<sp:SignedSupportingTokens><wsp:Policy><sp:UsernameToken/></wsp:Policy></sp:SignedSupportingTokens>",
        "p.xml:2: the policy of SignedSupportingTokens has no security binding",
    );
    check_refused(
        "<sp:SignedParts><sp:Body/></sp:SignedParts>",
        "p.xml:2: the policy of SignedParts has no security binding",
    );
    check_refused(&format!("{TLS}\n{TLS}"), "p.xml:3: a second TransportBinding in one alternative");
    check_refused(&symmetric("<sp:X509Token/>\n<sp:X509Token/>", ""), "p.xml:4: a second X509Token in one alternative");
    check_refused(
        &format!("{TLS}<sp:EncryptedParts><sp:Header Name='a'/></sp:EncryptedParts>"),
        "p.xml:2: Header has no Namespace",
    );
    check_refused(
        "<sp:TransportBinding><wsp:Policy><sp:TransportToken><wsp:Policy><sp:HttpsToken/></wsp:Policy></sp:TransportToken></wsp:Policy></sp:TransportBinding>\
        <sp:EndorsingSupportingTokens><wsp:Policy><sp:X509Token/></wsp:Policy></sp:EndorsingSupportingTokens>",
        "p.xml:2: TransportBinding has no AlgorithmSuite",
    );
    check_refused(
        &symmetric("<sp:X509Token sp:IncludeToken='Sometimes'/>", ""),
        "p.xml:3: IncludeToken cannot be \"Sometimes\"",
    );
}

#[test]
fn references_that_lead_nowhere_or_in_circles_are_refused() {
    check_refused("<wsp:PolicyReference URI='#x'/>", "p.xml:2: 0 policies have the id #x");
    check_refused("<wsp:PolicyReference URI='other.xml#x'/>", "p.xml:2: policy other.xml#x is not in this file");
    check_refused("<wsp:PolicyReference/>", "p.xml:2: PolicyReference has no URI");
    check_refused(
        "<wsp:PolicyReference URI='#x'/><wsp:Policy Name='x'>\n<wsp:Policy Name='y'><wsp:PolicyReference URI='#x'/></wsp:Policy></wsp:Policy>",
        "p.xml:3: policy #x refers to itself",
    );
    check_refused(
        "<wsp:PolicyReference URI='#x'/><wsp:Policy Name='x'/><wsp:Policy Name='x'/>",
        "p.xml:2: 2 policies have the id #x",
    );
}

#[test]
fn alternatives_and_assertions_are_bounded() {
    let choice = "<wsp:ExactlyOne><wsp:All><sp:a/></wsp:All><wsp:All><sp:b/></wsp:All></wsp:ExactlyOne>";
    check_refused(&choice.repeat(7), "p.xml:1: the policy has more than 64 alternatives");
    check_refused(&"<sp:x/>".repeat(1001), "p.xml:1: an alternative has more than 1000 assertions");
    // Every policy refers to the next twice.
    let tower = |policies: usize| -> String {
        let refer = |n: usize| format!("<wsp:PolicyReference URI='#p{n}'/>");
        let floor = |n: usize| format!("<wsp:Policy Name='p{n}'>{}{}</wsp:Policy>\n", refer(n + 1), refer(n + 1));
        (0..policies).map(floor).chain([format!("<wsp:Policy Name='p{policies}'/>")]).collect()
    };
    check_refused(&tower(20), "p.xml:21: more than 1000 references, or 32 within one another");
    check_refused(&tower(40), "p.xml:32: more than 1000 references, or 32 within one another");
}

#[test]
fn a_wrapper_may_hold_the_policy_and_a_file_only_one() {
    let inner = policy(TLS);
    assert_eq!(
        bare::read("p.xml", format!("<server>\n<policy>{inner}</policy></server>").as_bytes()).unwrap().len(),
        1
    );
    let error = bare::read("p.xml", format!("<server>\n{inner}\n{inner}</server>").as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "p.xml:5: a second policy beside the one in line 2");
    assert_eq!(bare::read("p.xml", b"<server/>").unwrap_err().to_string(), "p.xml: no policy in it");
    assert_eq!(
        bare::read("p.xml", b"<server>").unwrap_err().to_string(),
        "p.xml:1: the file ends before its root element does"
    );
}

#[test]
fn a_binding_may_have_a_token_for_each_purpose() {
    let token = |name: &str, token: &str| format!("<sp:{name}><wsp:Policy>{token}</wsp:Policy></sp:{name}>");
    let binding = |kind: &str, tokens: &str| {
        format!(
            "<sp:{kind}Binding><wsp:Policy>{tokens}<sp:AlgorithmSuite><wsp:Policy><sp:Basic128/></wsp:Policy></sp:AlgorithmSuite>\
            </wsp:Policy></sp:{kind}Binding>"
        )
    };
    let (any, named) =
        ("<sp:X509Token/>", "<sp:X509Token><wsp:Policy><sp:RequireIssuerSerialReference/></wsp:Policy></sp:X509Token>");
    let both = |one: &str, other: &str| {
        binding("Symmetric", &(token("EncryptionToken", one) + &token("SignatureToken", other)))
    };
    let same = read(&both(named, named)).remove(0).binding;
    assert_eq!(same, read(&binding("Symmetric", &token("ProtectionToken", named))).remove(0).binding);
    let symmetric = |tokens: &str| binding("Symmetric", tokens);
    let sp = "http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702";
    check_refused(
        &both(named, any),
        &format!(
            "p.xml:2: SymmetricBinding ({sp}) is not built yet with one token that signs and another that encrypts"
        ),
    );
    for (tokens, words) in [
        (token("EncryptionToken", any), "SymmetricBinding has no SignatureToken"),
        (token("SignatureToken", any), "SymmetricBinding has no EncryptionToken"),
        (token("SignatureToken", any) + &token("ProtectionToken", any), "ProtectionToken contradicts SignatureToken"),
        (token("ProtectionToken", any) + &token("EncryptionToken", any), "ProtectionToken contradicts EncryptionToken"),
    ] {
        check_refused(&symmetric(&tokens), &format!("p.xml:2: {words}"));
    }

    let asymmetric = |tokens: &[(&str, &str)]| {
        binding("Asymmetric", &tokens.iter().map(|(name, of)| token(name, of)).collect::<String>())
    };
    let of = |tokens: &[(&str, &str)]| match read(&asymmetric(tokens)).remove(0).binding {
        Binding::Asymmetric(binding) => binding,
        _ => panic!("another binding"),
    };
    let two = of(&[("InitiatorToken", any), ("RecipientToken", named)]);
    assert_eq!(two.encryption, None);
    let four = [
        ("InitiatorSignatureToken", any),
        ("InitiatorEncryptionToken", any),
        ("RecipientSignatureToken", named),
        ("RecipientEncryptionToken", named),
    ];
    assert_eq!(of(&four), two, "the same tokens under four names");
    let other = of(&[four[0], ("InitiatorEncryptionToken", named), four[2], ("RecipientEncryptionToken", any)]);
    let encryption = other.encryption.unwrap();
    assert_eq!((other.initiator, other.recipient), (two.initiator.clone(), two.recipient.clone()));
    assert_eq!((encryption.initiator, encryption.recipient), (Some(two.recipient), Some(two.initiator)));
    let alone = of(&[four[0], four[2]]).encryption.unwrap();
    assert_eq!((alone.initiator, alone.recipient), (None, None));
    for (tokens, words) in [
        (&four[1..], "AsymmetricBinding has no InitiatorSignatureToken"),
        (&four[..2], "AsymmetricBinding has no RecipientToken"),
        (&[("InitiatorToken", any), four[0], four[2]], "InitiatorToken contradicts a token for one purpose beside it"),
    ] {
        check_refused(&asymmetric(tokens), &format!("p.xml:2: {words}"));
    }
}
