//! What a policy may say and neither end does yet: both refuse it when they are made, before any message.

#![allow(clippy::expect_used, clippy::panic, reason = "helpers of tests")]

use nuncio_policy::bare;
use nuncio_policy::model::{Binding, Message, MessagePolicy, Operation, Policy, SoapVersion, Token};
use nuncio_wss::{Initiator, InitiatorSettings, PolicyReading, Recipient, RecipientSettings};

mod ends;

use ends::{FRESHNESS, limits, server};

const TLS: &str = "<sp:TransportBinding><wsp:Policy><sp:TransportToken><wsp:Policy><sp:HttpsToken/></wsp:Policy></sp:TransportToken>\
    <sp:AlgorithmSuite><wsp:Policy><sp:Basic256/></wsp:Policy></sp:AlgorithmSuite><sp:IncludeTimestamp/></wsp:Policy></sp:TransportBinding>";

fn policy(content: &str) -> Policy {
    let text = format!(
        "<wsp:Policy xmlns:wsp='http://www.w3.org/ns/ws-policy' xmlns:sp='http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702' \
        xmlns:sp13='http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200802'>{content}</wsp:Policy>"
    );
    bare::read("p.xml", text.as_bytes()).expect("a policy").remove(0)
}

fn symmetric(token: &str, more: &str) -> String {
    format!(
        "<sp:SymmetricBinding><wsp:Policy><sp:ProtectionToken><wsp:Policy>{token}</wsp:Policy></sp:ProtectionToken>\
        <sp:AlgorithmSuite><wsp:Policy><sp:Basic256/></wsp:Policy></sp:AlgorithmSuite>{more}</wsp:Policy></sp:SymmetricBinding>"
    )
}

fn supporting(duty: &str, tokens: &str) -> String {
    format!("{TLS}<sp:{duty}SupportingTokens><wsp:Policy>{tokens}</wsp:Policy></sp:{duty}SupportingTokens>")
}

fn token(name: &str, more: &str) -> String {
    format!("<sp:{name}><wsp:Policy>{more}</wsp:Policy></sp:{name}>")
}

fn check(content: &str, what: &str) {
    check_with(content, &[], what);
}

fn check_with(content: &str, operations: &[Operation], what: &str) {
    check_policy(&policy(content), operations, what);
}

fn check_policy(policy: &Policy, operations: &[Operation], what: &str) {
    let recipient = Recipient::new(RecipientSettings {
        alternatives: vec![policy.clone()],
        soap: SoapVersion::V12,
        operations: operations.to_vec(),
        trust: nuncio_crypto::trust::Trust::new(Vec::new()).expect("no roots"),
        passwords: None,
        addresses: Vec::new(),
        freshness: FRESHNESS,
        message_lifetime: FRESHNESS.window,
        context_lifetime: FRESHNESS.window,
        context_jitter: 0,
        forward_addressing: false,
        limits: limits(),
        credentials: vec![server()],
    });
    let expect = format!("{what} is not built yet");
    assert_eq!(recipient.err().map(|error| error.to_string()).as_deref(), Some(expect.as_str()), "{policy:?}");
    let initiator = Initiator::new(InitiatorSettings {
        alternatives: vec![policy.clone()],
        soap: SoapVersion::V12,
        operations: operations.to_vec(),
        service: Some(server().certificate),
        username: None,
        credential: None,
        to: "http://example.com/".to_owned(),
        reading: PolicyReading::default(),
        freshness: FRESHNESS,
        message_lifetime: FRESHNESS.window,
        limits: limits(),
    });
    assert_eq!(initiator.err().map(|error| error.to_string()).as_deref(), Some(expect.as_str()), "{policy:?}");
}

#[test]
fn tokens() {
    check(&symmetric("<sp:UsernameToken/>", ""), "a user name token that protects");
    let user = |more: &str| supporting("Signed", &token("UsernameToken", more));
    check(&user("<sp:RequireDerivedKeys/>"), "a key that is derived from a password");
    let certificate = |more: &str| symmetric(&token("X509Token", more), "");
    check(&certificate("<sp:RequireExternalUriReference/>"), "RequireExternalUriReference of a certificate");
    let kind = "an X.509 token of another kind than one certificate of version 3, or a path";
    check(
        &certificate("<sp:WssX509PkiPathV1Token11/><sp:RequireEmbeddedTokenReference/>"),
        "RequireEmbeddedTokenReference of a path of certificates",
    );
    check(&certificate("<sp:WssX509Pkcs7Token11/>"), kind);
    check(&certificate("<sp:WssX509V1Token11/>"), kind);
}

#[test]
fn supporting_tokens() {
    let user = |more: &str, parts: &str| {
        let tokens = format!("{}{parts}", token("UsernameToken", &format!("<sp:NoPassword/>{more}")));
        supporting("Endorsing", &tokens)
    };
    let with_password = "a user name token that endorses without NoPassword";
    check(&supporting("Endorsing", "<sp:UsernameToken/>"), with_password);
    check(&supporting("SignedEndorsing", &token("UsernameToken", "<sp:HashPassword/>")), with_password);
    let outside = "a user name token that endorses and is not referred to in the message";
    check(&user("<sp:RequireExternalReference/>", ""), outside);
    let stays = "<sp:UsernameToken \
        sp:IncludeToken='http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702/IncludeToken/Never'>";
    check(&user("", "").replace("<sp:UsernameToken>", stays), outside);
    check(
        &user("", "<sp:EncryptedParts><sp:Body/></sp:EncryptedParts>"),
        "encrypted parts of a user name token that endorses",
    );
    let two = format!("{0}{0}", token("UsernameToken", "<sp:NoPassword/>"));
    check(&supporting("Endorsing", &two), "a user name token that endorses beside another");
    check(
        &user("", "").replace("<sp:IncludeTimestamp/>", ""),
        "a token that endorses over a transport without IncludeTimestamp",
    );
    check(
        &supporting("SignedEndorsing", &token("X509Token", "<sp:RequireEmbeddedTokenReference/>")),
        "RequireEmbeddedTokenReference of a token that is signed or encrypted",
    );
    let optional = "<sp:X509Token wsp:Optional='true'/>";
    for parts in ["<sp:EncryptedParts/>", "<sp:RequiredElements><sp:XPath>/a</sp:XPath></sp:RequiredElements>"] {
        check(
            &supporting("Endorsing", &format!("{optional}{parts}")),
            "parts, beside those that it signs, of a supporting token that messages may lack",
        );
    }
    check(
        &supporting("Signed", &format!("{optional}<sp:SignedParts><sp:Body/></sp:SignedParts>")),
        "parts, beside those that it signs, of a supporting token that messages may lack",
    );
    let stamp = "<sp:SignedElements><sp:XPath xmlns:s='http://schemas.xmlsoap.org/soap/envelope/' \
        xmlns:o='http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd' \
        xmlns:u='http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd'\
        >/s:Envelope/s:Header/o:Security/u:Timestamp</sp:XPath></sp:SignedElements>";
    let endorsing = format!(
        "{}<sp:EndorsingSupportingTokens><wsp:Policy><sp:X509Token/>{stamp}</wsp:Policy></sp:EndorsingSupportingTokens>",
        symmetric("<sp:X509Token/>", "")
    );
    check(&endorsing, "SignedElements of a supporting token within the security header");
    let session = token(
        "SecureConversationToken",
        &format!("<sp:BootstrapPolicy><wsp:Policy>{TLS}</wsp:Policy></sp:BootstrapPolicy>"),
    );
    check(
        &supporting("Endorsing", &format!("{session}<sp:EncryptedParts><sp:Body/></sp:EncryptedParts>")),
        "encrypted parts of a secure conversation token that supports",
    );
    let beside = |kind: &str, token: &str| {
        let kind = format!("{kind}SupportingTokens");
        format!("{}<sp:{kind}><wsp:Policy>{token}</wsp:Policy></sp:{kind}>", symmetric("<sp:X509Token/>", ""))
    };
    check(&beside("SignedEncrypted", &session), "a secure conversation token that is encrypted");
    let another = format!("{}<sp:SignedSupportingTokens>", supporting("Endorsing", &session));
    check(
        &format!("{another}<wsp:Policy>{session}</wsp:Policy></sp:SignedSupportingTokens>"),
        "a secure conversation token beside another",
    );
    let protected = symmetric(&session.replace(TLS, &format!("{TLS}<sp:EncryptedParts/>")), "");
    check(
        &format!(
            "{protected}<sp:EndorsingSupportingTokens><wsp:Policy>{session}</wsp:Policy></sp:EndorsingSupportingTokens>"
        ),
        "a secure conversation token beside another",
    );
    let never = "<sp:SecureConversationToken \
        sp:IncludeToken='http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702/IncludeToken/Never'>";
    check(
        &beside("SignedEndorsing", &session.replace("<sp:SecureConversationToken>", never)),
        "a secure conversation token that is signed and does not travel",
    );
}

#[test]
fn bindings() {
    for option in ["InclusiveC14N11", "SOAPNormalization10"] {
        let suite =
            symmetric("<sp:X509Token/>", "").replace("<sp:Basic256/>", &format!("<sp:Basic256/><sp:{option}/>"));
        check(&suite, option);
    }
}

#[test]
fn parts() {
    check(
        &format!(
            "{TLS}<sp:EncryptedParts><sp:Header Namespace='http://www.w3.org/2005/08/addressing'/></sp:EncryptedParts>"
        ),
        "EncryptedParts with the action",
    );
    let spaces = "xmlns:s='http://schemas.xmlsoap.org/soap/envelope/' \
        xmlns:o='http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd'";
    let protected = symmetric("<sp:X509Token/>", "");
    for path in [
        "/s:Envelope",
        "/s:Envelope/s:Header",
        "/s:Envelope/s:Header/o:Security",
        "/s:Envelope/s:Header/o:Security/*",
        "//o:Security",
        "//*",
        "//*[local-name()='Signature']",
    ] {
        check(
            &format!("{protected}<sp:SignedElements><sp:XPath {spaces}>{path}</sp:XPath></sp:SignedElements>"),
            "SignedElements of what holds the signature, or of that itself",
        );
    }
}

/// Paths that may lead to what cannot be encrypted as an element.
#[test]
fn paths_of_encrypted_elements() {
    let spaces = "xmlns:s='http://schemas.xmlsoap.org/soap/envelope/' xmlns:a='http://www.w3.org/2005/08/addressing' \
        xmlns:o='http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd' \
        xmlns:d='http://www.w3.org/2000/09/xmldsig#'";
    let frame = "encryption of the envelope, the header or the body as elements";
    let security = "encrypted elements of the security header";
    let addressing = "encrypted elements of addressing";
    for (path, what) in [
        ("//*", frame),
        ("/s:Envelope", frame),
        ("//s:Body", frame),
        ("/s:Envelope/*", frame),
        ("/*[local-name()='Envelope']/s:Header", frame),
        ("/s:Envelope/s:Header/o:Security/d:Signature", security),
        ("/s:Envelope/s:Header/o:Security", security),
        ("//d:Signature", security),
        ("//o:Security//*", security),
        ("/s:Envelope/s:Header//o:Password", security),
        ("/s:Envelope/s:Header/a:ReplyTo/a:Address", addressing),
        ("//*[local-name()='To']", addressing),
        ("//a:RelatesTo", addressing),
    ] {
        for elements in ["EncryptedElements", "ContentEncryptedElements"] {
            check(&format!("{TLS}<sp:{elements}><sp:XPath {spaces}>{path}</sp:XPath></sp:{elements}>"), what);
        }
    }
    for (path, what) in
        [("/s:Envelope/s:Body", frame), ("/s:Envelope/s:Header/a:Action", "EncryptedParts with the action")]
    {
        check(&format!("{TLS}<sp:EncryptedElements><sp:XPath {spaces}>{path}</sp:XPath></sp:EncryptedElements>"), what);
    }
}

#[test]
fn messages_that_differ() {
    let message = |protected, supporting| Message {
        action: "urn:example/Echo".to_owned(),
        soap_action: None,
        element: None,
        alternatives: vec![MessagePolicy { supporting, ..MessagePolicy::default() }],
        protected,
    };
    let operation = |message| Operation { name: "Echo".to_owned(), input: message, output: None, faults: Vec::new() };
    let session = token(
        "SecureConversationToken",
        &format!("<sp:BootstrapPolicy><wsp:Policy>{TLS}</wsp:Policy></sp:BootstrapPolicy>"),
    );
    let tokens = policy(&supporting("Endorsing", &session)).supporting;
    check_with(TLS, &[operation(message(true, tokens))], "a secure conversation token at operation or message scope");
    // A request in clear, which another's must not be taken for.
    let clear = |name: &str, alternatives| {
        let element = Some(("urn:example".to_owned(), name.to_owned()));
        let input =
            Message { action: format!("urn:example/{name}"), element, alternatives, ..message(false, Vec::new()) };
        operation(input)
    };
    let nothing = vec![MessagePolicy::default()];
    let mut nameless = clear("Clear", nothing.clone());
    nameless.input.element = None;
    check_with(TLS, &[nameless], "a request without the security binding and without an element");
    let mut like = clear("Clear", nothing.clone());
    like.input.protected = true;
    like.input.action = "urn:example/Like".to_owned();
    check_with(
        TLS,
        &[clear("Clear", nothing.clone()), like],
        "a request without the security binding that another's is like",
    );
    let asking = "a request without the security binding, of which parts or tokens are asked";
    let mut signed = nothing.clone();
    signed[0].parts.signed.body = true;
    check_with(TLS, &[clear("Clear", signed)], asking);
    let user = supporting("Signed", "<sp:UsernameToken/>");
    check_with(&user, &[clear("Clear", nothing.clone())], asking);
    let mut answered = clear("Clear", nothing);
    answered.output = Some(message(true, Vec::new()));
    let answer = "an answer under the security binding to a request without it";
    check_with(&symmetric("<sp:X509Token/>", ""), std::slice::from_ref(&answered), answer);
    let side = |name: &str| format!("<sp:{name}><wsp:Policy><sp:X509Token/></wsp:Policy></sp:{name}>");
    let asymmetric = format!(
        "<sp:AsymmetricBinding><wsp:Policy>{}{}<sp:AlgorithmSuite><wsp:Policy><sp:Basic256/></wsp:Policy></sp:AlgorithmSuite>\
        </wsp:Policy></sp:AsymmetricBinding>",
        side("InitiatorToken"),
        side("RecipientToken")
    );
    if let Some(output) = &mut answered.output {
        output.alternatives[0].parts.encrypted.body = true;
    }
    check_with(&asymmetric, &[answered], answer);
}

#[test]
fn parts_of_one_kind_of_message_in_a_bootstrap() {
    let preset = nuncio_policy::preset::named("wcf-ws2007-userNameForCertificate-conversation");
    let mut policy = preset.expect("a preset").policy;
    let Binding::Symmetric(binding) = &mut policy.binding else { panic!("not symmetric") };
    let Token::SecureConversation(token) = &mut binding.protection else { panic!("no conversation") };
    token.bootstrap.messages.fault = token.bootstrap.parts.clone();
    check_policy(&policy, &[], "a bootstrap policy with parts of requests or responses alone");
}
