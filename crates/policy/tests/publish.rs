//! What is written reads back as the same model.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::path::PathBuf;

use nuncio_policy::bare::{self, Says};
use nuncio_policy::model::{MessagePolicy, Operation, Policy, PolicyVersion};
use nuncio_policy::{preset, publish, wsdl};

/// The alternatives as they are where nothing says what they are attached to.
fn free(alternatives: &[Policy]) -> Vec<Policy> {
    alternatives.iter().map(|policy| Policy { attached: None, ..policy.clone() }).collect()
}

fn reads_back(name: &str, alternatives: &[Policy]) {
    let written = publish::policy(alternatives);
    let read = bare::read(name, written.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{written}"));
    assert_eq!(read, free(alternatives), "{name}\n{written}");
}

fn message_reads_back(name: &str, alternatives: &[MessagePolicy]) {
    for version in [PolicyVersion::V11, PolicyVersion::V12] {
        let written = publish::message(version, alternatives);
        let mut listing = bare::list(name, written.as_bytes()).unwrap();
        let Ok(Says::Message(read)) = listing.policies.remove(0).says else { panic!("{name}: {written}") };
        let plain = |one: &MessagePolicy| (one.parts.clone(), one.supporting.clone());
        let (read, expected): (Vec<_>, Vec<_>) =
            (read.iter().map(plain).collect(), alternatives.iter().map(plain).collect());
        assert_eq!(read, expected, "{name}\n{written}");
        assert_eq!(listing.remarks, [], "{name}\n{written}");
    }
}

#[test]
fn every_preset() {
    for preset in preset::all() {
        reads_back(preset.name, &[preset.policy]);
    }
    let choice: Vec<Policy> = preset::all().map(|preset| preset.policy).collect();
    reads_back("all.xml", &choice);
}

/// Every contract and every policy of the field, where the folder with them is.
#[test]
fn every_policy_of_the_field() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    if !folder.is_dir() {
        println!("skip: {} is not there", folder.display());
        return;
    }
    let mut files: Vec<PathBuf> = entries(&folder.join("policies/wsdl"));
    for kind in ["wcf", "wse-twin", "dotnet10", "duplex"] {
        files.extend(entries(&folder.join(kind)).into_iter().map(|scenario| scenario.join("wsdl.xml")));
    }
    let (mut endpoints, mut messages) = (0, 0);
    for file in files {
        let Ok(bytes) = std::fs::read(&file) else { continue };
        let name = file.display().to_string();
        for port in wsdl::read(&name, &bytes).map(|contract| contract.ports).unwrap_or_default() {
            let Ok(alternatives) = port.alternatives else { continue };
            if !alternatives.is_empty() {
                reads_back(&name, &alternatives);
                endpoints += 1;
            }
            for message in port.operations.iter().chain(&port.callbacks).flat_map(Operation::messages) {
                message_reads_back(&name, &message.alternatives);
                messages += 1;
            }
        }
        for listed in bare::list(&name, &bytes).map(|listing| listing.policies).unwrap_or_default() {
            match listed.says {
                Ok(Says::Endpoint(alternatives)) if !alternatives.is_empty() => {
                    reads_back(&name, &alternatives);
                    endpoints += 1;
                }
                Ok(Says::Message(alternatives)) => message_reads_back(&name, &alternatives),
                Ok(Says::Endpoint(_)) | Err(_) => {}
            }
        }
    }
    assert!(endpoints > 600 && messages > 1000, "{endpoints} policies, {messages} messages");
}

fn entries(folder: &std::path::Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// What no policy of the field has, and yet the model does.
#[test]
fn every_word_of_the_model() {
    let word = |content: &str| {
        let text = format!(
            "<wsp:Policy xmlns:wsp='http://www.w3.org/ns/ws-policy' xmlns:a='urn:a' xmlns:sp='urn:b' \
             xmlns:s='http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702' \
             xmlns:t='http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200802' \
             xmlns:o='http://schemas.xmlsoap.org/ws/2005/07/securitypolicy'>{content}</wsp:Policy>"
        );
        let read = bare::read("p.xml", text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"));
        reads_back("p.xml", &read);
    };
    let policy = |content: &str| format!("<wsp:Policy>{content}</wsp:Policy>");
    let suite = policy("<s:Basic256/><s:InclusiveC14N11/><s:SOAPNormalization10/><s:STRTransform10/>");
    let symmetric = |o: &str, token: &str, more: &str| {
        let token = policy(token);
        let content = policy(&format!(
            "<{o}:ProtectionToken>{token}</{o}:ProtectionToken><s:AlgorithmSuite>{suite}</s:AlgorithmSuite>{more}"
        ));
        format!("<{o}:SymmetricBinding>{content}</{o}:SymmetricBinding>")
    };
    let x509 = |words: &str| format!("<s:X509Token>{}</s:X509Token>", policy(words));
    for words in [
        "<s:WssX509V1Token11/><s:RequireImpliedDerivedKeys/>",
        "<s:WssX509PkiPathV1Token11/><s:RequireEmbeddedTokenReference/>",
        "<s:WssX509Pkcs7Token10/><s:RequireExternalReference/>",
        "<s:RequireExternalUriReference/><s:RequireKeyIdentifierReference/>",
        "<s:RequireInternalReference/><s:RequireIssuerSerialReference/>",
    ] {
        word(&symmetric("s", &x509(words), "<s:ProtectTokens/><s:EncryptBeforeSigning/>"));
        word(&symmetric("o", &x509(words), "<s:EncryptSignature/><s:IncludeTimestamp/>"));
    }
    let binding = symmetric("o", &x509(""), "");
    for kind in ["", "Signed", "Endorsing", "SignedEndorsing", "Encrypted", "SignedEncrypted", "EndorsingEncrypted"] {
        let tokens = policy(
            "<s:UsernameToken wsp:Optional='true'><wsp:Policy><s:NoPassword/><t:Nonce/><t:Created/></wsp:Policy>\
             </s:UsernameToken><s:X509Token s:IncludeToken='http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702\
             /IncludeToken/AlwaysToInitiator'/><s:SignedParts><s:Header Namespace='urn:h'/></s:SignedParts>",
        );
        word(&format!("{binding}<s:{kind}SupportingTokens>{tokens}</s:{kind}SupportingTokens>"));
    }
    for parts in [
        "<s:SignedParts/><s:SignedParts><s:Header Name='H' Namespace='urn:h'/></s:SignedParts>",
        "<s:RequiredParts><s:Header Name='&lt;&quot;' Namespace='urn:&amp;'/></s:RequiredParts>",
        "<s:SignedElements><s:XPath>/a:B//sp:C/*[namespace-uri()='http://c/d' and local-name()=\"x:y\"]/a:*</s:XPath>\
         </s:SignedElements>",
        "<s:ContentEncryptedElements><s:XPath>//b</s:XPath><s:XPath>/*/a:c</s:XPath></s:ContentEncryptedElements>",
        "<s:RequiredElements><s:XPath>//a:b</s:XPath></s:RequiredElements>",
        "<s:Trust13/><s:Wss11><wsp:Policy><s:RequireSignatureConfirmation/></wsp:Policy></s:Wss11>",
        "<s:Trust10><wsp:Policy><s:RequireServerEntropy/></wsp:Policy></s:Trust10>",
        "<m:RMAssertion xmlns:m='http://docs.oasis-open.org/ws-rx/wsrmp/200702'/>\
         <d:CompositeDuplex xmlns:d='http://schemas.microsoft.com/net/2006/06/duplex'/>",
    ] {
        word(&format!("{parts}{binding}"));
        word(&format!("{parts}{}", symmetric("s", &x509(""), "")));
    }
    let half = |name: &str| format!("<s:{name}>{}</s:{name}>", policy(&x509("<s:RequireIssuerSerialReference/>")));
    for sides in [
        half("InitiatorSignatureToken") + &half("RecipientSignatureToken"),
        half("InitiatorToken") + &half("RecipientSignatureToken") + &half("RecipientEncryptionToken"),
        half("InitiatorSignatureToken") + &half("RecipientToken"),
    ] {
        let content = policy(&format!("{sides}<s:AlgorithmSuite>{suite}</s:AlgorithmSuite>"));
        word(&format!("<s:AsymmetricBinding>{content}</s:AsymmetricBinding>"));
    }
}
