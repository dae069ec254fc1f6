//! Policies as files say them: what is read, what is written, what is refused.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use nuncio_policy::bare::{self, Says};
use nuncio_policy::model::{
    Addressing, Binding, DerivedKeys, Layout, PasswordKind, Policy, PolicyVersion, Port, ProtectionOrder, SoapVersion,
    Token, X509Reference,
};
use nuncio_policy::yaml::{PolicyFile, Source, Stated, write};
use nuncio_policy::{preset, said, wsdl};

mod recorded;
use recorded::RECORDED;

fn stated(yaml: &str) -> Stated {
    match read(yaml) {
        Ok(Source::Stated(stated)) => stated,
        Ok(Source::Contract(_)) => panic!("a contract: {yaml}"),
        Err(refused) => panic!("{refused}\n{yaml}"),
    }
}

fn read(yaml: &str) -> Result<Source, said::NotRead> {
    said::read::<PolicyFile>("p.yaml", yaml.as_bytes()).and_then(PolicyFile::source)
}

fn policy(yaml: &str) -> Policy {
    let mut stated = stated(yaml);
    assert_eq!(stated.alternatives.len(), 1, "{yaml}");
    stated.alternatives.remove(0)
}

/// Why a file is refused, with its line.
fn refused(yaml: &str) -> String {
    match read(yaml) {
        Ok(_) => panic!("read: {yaml}"),
        Err(refused) => refused.to_string(),
    }
}

/// The alternatives as they are where nothing says what they are attached to.
fn free(alternatives: &[Policy]) -> Vec<Policy> {
    alternatives.iter().map(|policy| Policy { attached: None, ..policy.clone() }).collect()
}

fn reads_back(name: &str, alternatives: &[Policy]) {
    let written = write(&[SoapVersion::V12], alternatives);
    let read = stated(&written);
    assert_eq!(read.alternatives, free(alternatives), "{name}\n{written}");
    assert_eq!(read.soap, [SoapVersion::V12], "{name}");
}

#[test]
fn every_preset_is_written_and_reads_back() {
    for preset in preset::all() {
        reads_back(preset.name, &[preset.policy]);
    }
    let choice: Vec<Policy> = preset::all().map(|preset| preset.policy).collect();
    reads_back("all", &choice);
    let mut kinds = preset::named("wse-mutualCertificate11Security").unwrap().policy;
    kinds.messages.fault = kinds.parts.clone();
    kinds.messages.request.encrypted.every_header = true;
    reads_back("kinds", &[kinds]);
}

#[test]
fn every_policy_of_a_contract_is_written_and_reads_back() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut files = entries(&data);
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    if folder.is_dir() {
        files.extend(entries(&folder.join("policies/wsdl")));
        for kind in ["wcf", "wse-twin", "dotnet10", "duplex"] {
            files.extend(entries(&folder.join(kind)).into_iter().map(|scenario| scenario.join("wsdl.xml")));
        }
    } else {
        println!("skip: {} is not there", folder.display());
    }
    let mut count = 0;
    for file in files {
        let Ok(bytes) = std::fs::read(&file) else { continue };
        let name = file.display().to_string();
        let ports = wsdl::read(&name, &bytes).map(|contract| contract.ports).unwrap_or_default();
        let listed = bare::list(&name, &bytes).map(|listing| listing.policies).unwrap_or_default();
        let of_ports = ports.into_iter().filter_map(|port| port.alternatives.ok());
        let alone = listed.into_iter().filter_map(|listed| match listed.says {
            Ok(Says::Endpoint(alternatives)) => Some(alternatives),
            Ok(Says::Message(_)) | Err(_) => None,
        });
        for alternatives in of_ports.chain(alone).filter(|alternatives| !alternatives.is_empty()) {
            reads_back(&name, &alternatives);
            count += 1;
        }
    }
    assert!(count > 6 && (!folder.is_dir() || count > 600), "{count} policies");
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// What no policy of the field has, and yet the model does.
#[test]
fn every_word_of_the_model_is_written_and_reads_back() {
    let of = |content: &str| policy(&format!("soap: [Soap12]\n{content}"));
    for content in [
        "binding: {transport: {requireClientCertificate: true, layout: LaxTsFirst, includeTimestamp: true, algorithmSuite: \
         {name: Basic128GCMSha256, namespace: 'http://oxalis.difi.no/custom/security-policy'}}}",
        "version: SecurityPolicy11\naddressing: WSAddressingAugust2004\nbinding: {symmetric: {protectionToken: {x509: \
         {includeToken: Never, tokenType: X509PkiPathV1, requireDerivedKeys: Implied, reference: IssuerSerial, referenceTarget: \
         ExternalUri}}, algorithmSuite: {name: Basic256, canonicalization: InclusiveC14N11, soapNormalization10: true, \
         strTransform10: true}, layout: LaxTsLast, encryptBeforeSigning: true, encryptSignature: true, protectTokens: true}}\n\
         wss: {version: Wss11, requireSignatureConfirmation: true}\ntrust: {version: Trust13, requireClientEntropy: true}\n\
         duplex: true\nreliableMessaging: WSReliableMessaging11",
        "binding: {asymmetric: {initiatorSignatureToken: {x509: {}}, initiatorEncryptionToken: {x509: {reference: Embedded}}, \
         recipientSignatureToken: {x509: {}}, algorithmSuite: TripleDesRsa15}}\nrequest: {signedParts: {everyHeader: true, \
         headers: [{namespace: 'urn:h'}, {name: '<\"', namespace: 'urn:&'}]}, requiredParts: [{name: H, namespace: 'urn:h'}]}",
        "binding: {asymmetric: {initiatorToken: {x509: {}}, recipientSignatureToken: {x509: {}}, algorithmSuite: Basic128}}\n\
         parts: {contentEncryptedElements: [{xpath: '/a:B//sp:C/*[namespace-uri()=\"http://c/d\" and local-name()=\"x:y\"]/a:*', \
         namespaces: {a: 'urn:a', sp: 'urn:b'}}], requiredElements: [{xpath: //b}], signedElements: [{xpath: //b}], \
         encryptedElements: [{xpath: /b}]}",
        "binding: {transport: {}}\nsupportingTokens: [{kind: SignedEndorsingEncryptedSupportingTokens, optional: true, token: \
         {username: {password: NoPassword, nonce: true, created: true, includeToken: AlwaysToInitiator}}, parts: {signedParts: \
         {addressing: true, body: true}}}, {token: {secureConversation: {mustNotSendRenew: true, mustNotSendCancel: true, \
         includeToken: Once, bootstrapPolicy: {binding: {transport: {}}}}}}]\nreliableMessaging: \
         WSReliableMessagingFebruary2005",
    ] {
        reads_back("words", &[of(content)]);
    }
}

/// As WCF publishes it: a suite and a layout, that nothing uses, and neither a timestamp nor a word of tokens.
#[test]
fn standard_bindings_of_tls_alone() {
    for (name, soap, addressing, version) in [
        ("basicHttpBinding", SoapVersion::V11, Addressing::None, PolicyVersion::V11),
        ("wsHttpBinding", SoapVersion::V12, Addressing::V10, PolicyVersion::V11),
        ("ws2007HttpBinding", SoapVersion::V12, Addressing::V10, PolicyVersion::V12),
    ] {
        for (credential, certificate) in [("None", false), ("Certificate", true)] {
            let of = format!("security: {{mode: Transport, transport: {{clientCredentialType: {credential}}}}}");
            let mut stated = stated(&format!("preset: {name}\n{of}"));
            assert_eq!(stated.soap, [soap]);
            let policy = stated.alternatives.remove(0);
            assert!(matches!(&policy.binding, Binding::Transport(tls) if tls.client_certificate == certificate));
            assert!(!policy.properties.timestamp && policy.supporting.is_empty() && policy.trust.is_none());
            assert_eq!((policy.addressing, policy.version), (addressing, version));
            assert_eq!((policy.properties.suite.name, policy.properties.layout), ("Basic256", Layout::Strict));
            reads_back(name, &[policy]);
        }
    }
    // Nobody is what this binding takes where nothing is said.
    let tls = policy("preset: basicHttpBinding\nsecurity: {mode: Transport}");
    assert!(matches!(tls.binding, Binding::Transport(tls) if !tls.client_certificate));
}

/// A name without attributes, and what says the same with them.
#[test]
fn short_names_are_the_same_as_their_attributes() {
    let mut count = 0;
    for preset in preset::all() {
        let name = preset.name;
        let (plain, conversation) = name.strip_suffix("-conversation").map_or((name, false), |plain| (plain, true));
        let yaml = if let Some(assertion) = plain.strip_prefix("wse-") {
            let attribute = if conversation { "\nestablishSecurityContext: true" } else { "" };
            format!("preset: {assertion}{attribute}")
        } else {
            let (binding, mode) = match plain.strip_prefix("wcf-ws2007-") {
                Some(mode) => ("ws2007HttpBinding", mode),
                None => ("wsHttpBinding", plain.strip_prefix("wcf-wshttp-").unwrap()),
            };
            let (mode, credential) = match mode {
                "userNameOverTransport" => ("TransportWithMessageCredential", "UserName"),
                "certificateOverTransport" => ("TransportWithMessageCredential", "Certificate"),
                "anonymousForCertificate" => ("Message", "None"),
                "userNameForCertificate" => ("Message", "UserName"),
                "mutualCertificate" => ("Message", "Certificate"),
                other => panic!("{other}"),
            };
            format!(
                "preset: {binding}\nsecurity:\n  mode: {mode}\n  message:\n    clientCredentialType: {credential}\n    \
                 negotiateServiceCredential: false\n    establishSecurityContext: {conversation}"
            )
        };
        let stated = stated(&yaml);
        assert_eq!(stated.alternatives, std::slice::from_ref(&preset.policy), "{name}\n{yaml}");
        assert_eq!(stated.soap, preset.soap, "{name}");
        assert_eq!(policy(&format!("preset: {}", name.to_uppercase())), preset.policy, "{name}");
        count += 1;
    }
    assert_eq!(count, 29);
}

/// Services of the products publish what their attributes mean.
#[test]
fn attributes_mean_what_the_products_publish() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    if !folder.is_dir() {
        println!("skip: {} is not there", folder.display());
        return;
    }
    let mut others = Vec::new();
    for (recording, yaml) in RECORDED {
        let file = folder.join(recording).join("wsdl.xml");
        let contract = wsdl::read(recording, &std::fs::read(&file).unwrap()).unwrap();
        let secured = |port: &Port| matches!(&port.alternatives, Ok(all) if !all.is_empty());
        let Some(port) = contract.ports.into_iter().find(secured) else { panic!("{recording}: no port") };
        let mut published = port.alternatives.unwrap().remove(0);
        let stated = stated(yaml);
        // WCF says of single messages what presets say of all of them.
        for message in &port.operations[0].input.alternatives {
            published.parts.merge(&message.parts);
        }
        if stated.alternatives != [published.clone()] {
            let words = write(&[port.soap], &[published]);
            others.push(format!("{recording}\n{words}\nand not {yaml}\n{}", write(&stated.soap, &stated.alternatives)));
        }
        assert!(stated.soap.contains(&port.soap), "{recording}");
    }
    assert!(others.is_empty(), "{}", others.join("\n\n"));
}

const WSE: &str = "preset: usernameForCertificateSecurity";

#[test]
fn overrides_change_single_properties() {
    let of = |overrides: &str| policy(&format!("{WSE}\nestablishSecurityContext: true\noverrides: {{{overrides}}}"));
    let bootstrap = |policy: &Policy| policy.conversation().unwrap().bootstrap.clone();
    let plain = policy(&format!("{WSE}\nestablishSecurityContext: true"));
    let changed = of(
        "algorithmSuite: Basic128Sha256, layout: Lax, includeTimestamp: false, encryptBeforeSigning: true, encryptSignature: \
         true, protectTokens: true, requireSignatureConfirmation: true, requireDerivedKeys: false, requireClientEntropy: false, \
         mustNotSendCancel: false, mustNotSendRenew: true, password: HashPassword, nonce: true, created: true, reference: \
         IssuerSerial, addressing: WSAddressing10",
    );
    for policy in [&changed, &*bootstrap(&changed)] {
        assert_eq!(policy.properties.suite.name, "Basic128Sha256");
        assert_eq!((policy.properties.layout, policy.properties.timestamp), (Layout::Lax, false));
        assert_eq!(policy.properties.order, ProtectionOrder::EncryptBeforeSign);
        assert!(policy.properties.encrypt_signature && policy.properties.protect_tokens);
        assert!(policy.wss.signature_confirmation && !policy.trust.unwrap().client_entropy);
        assert_eq!(policy.addressing, Addressing::V10);
        assert!(policy.parts.signed.has_header("http://www.w3.org/2005/08/addressing", "To"));
    }
    let token = changed.conversation().unwrap();
    assert!(token.cancel && !token.renew && token.derived_keys == DerivedKeys::None);
    let within = bootstrap(&changed);
    let Token::Username(user) = &within.supporting[0].token else { panic!("no user") };
    assert!(user.password == PasswordKind::Digest && user.nonce && user.created);
    let Binding::Symmetric(binding) = &within.binding else { panic!("not symmetric") };
    assert!(matches!(&binding.protection, Token::X509(token) if token.reference == X509Reference::IssuerSerial));
    // What begins a conversation, alone.
    let changed = of("bootstrapPolicy: {algorithmSuite: Basic256Sha256Rsa15}");
    assert_eq!(changed.properties, plain.properties);
    assert_eq!(bootstrap(&changed).properties.suite.name, "Basic256Sha256Rsa15");
    // Parts are those of messages, and not of what begins a conversation.
    let changed =
        of("parts: {}, request: {signedParts: {addressing: true, body: true}}, fault: {encryptedParts: {body: true}}");
    assert!(changed.parts.is_empty() && changed.messages.response.is_empty());
    assert_eq!(changed.messages.request.signed, plain.parts.signed);
    assert!(changed.messages.fault.encrypted.body);
    assert_eq!(bootstrap(&changed), bootstrap(&plain));
    // No addressing, and none of its headers.
    assert!(of("addressing: None").parts.signed.headers.is_empty());
    let soap = stated(&format!("{WSE}\noverrides: {{soap: [Soap11]}}")).soap;
    assert_eq!(soap, [SoapVersion::V11]);
    let tls = policy("preset: UserNameOverTransport\noverrides: {requireClientCertificate: true}");
    assert!(matches!(tls.binding, Binding::Transport(binding) if binding.client_certificate));
}

#[test]
fn what_is_signed_and_encrypted_is_said_for_each_kind_of_message() {
    let all = "signatureOptions: [IncludeAddressing, IncludeTimestamp, IncludeSoapBody]";
    let of = |request: &str, response: &str, fault: &str| {
        format!("{WSE}\nprotection:\n  request: {{{request}}}\n  response: {{{response}}}\n  fault: {{{fault}}}")
    };
    let both = format!("{all}, encryptBody: true");
    let signed = format!("{all}, encryptBody: false");
    // What WSE's wizard writes says what holds without it, but for the faults.
    assert_eq!(policy(&of(&both, &both, &both)), policy(WSE));
    let wizard = policy(&of(&both, &both, &signed));
    assert!(wizard.parts.is_empty() && wizard.messages.request == policy(WSE).parts);
    assert!(wizard.messages.fault.signed.body && !wizard.messages.fault.encrypts());
    let some = "signatureOptions: [IncludeAction, IncludeTo, IncludeMessageId], encryptBody: false, signedHeader: [{name: H, \
                namespace: 'urn:h'}]";
    let own = policy(&of(&both, some, "signatureOptions: [IncludeNone], encryptBody: false"));
    let names: Vec<_> =
        own.messages.response.signed.headers.iter().map(|header| header.name.as_deref().unwrap()).collect();
    assert_eq!(names, ["To", "MessageID", "Action", "H"]);
    assert!(own.messages.fault.is_empty());
    let none = "signatureOptions: [IncludeNone], encryptBody: false";
    assert_eq!(
        refused(&of(none, &both, &both)),
        "p.yaml:3: requests must have something signed: nothing else tells who sent them"
    );
    let unsigned = "signatureOptions: [IncludeTo], encryptBody: true";
    assert!(refused(&of(&both, unsigned, &both)).starts_with("p.yaml:4: a body that is encrypted and not signed"));
    let contrary = "signatureOptions: [IncludeNone, IncludeTo], encryptBody: false";
    assert!(refused(&of(&both, &both, contrary)).starts_with("p.yaml:5: IncludeNone contradicts"));
}

#[test]
fn what_is_no_policy_comes_out_beside_it() {
    let stated = stated(&format!("{WSE}\nttlInSeconds: 86400\nrenewExpiredSecurityContext: false"));
    assert_eq!(stated.settings.message_lifetime.unwrap().value, Duration::from_hours(24));
    assert_eq!(stated.settings.renew_expired_context, Some(false));
    let Ok(Source::Contract(contract)) = read("wsdl: a.wsdl\nport: P") else { panic!("no contract") };
    assert_eq!((contract.wsdl.value, contract.port.unwrap().value), (PathBuf::from("a.wsdl"), "P".to_owned()));
}

#[test]
fn operations_have_parts_of_their_own() {
    let stated = stated(
        "addressing: WSAddressing10\nbinding: {asymmetric: {initiatorToken: {x509: {}}, recipientToken: {x509: {}}, \
         algorithmSuite: Basic256Sha256}}\nparts: {signedParts: {body: true, addressing: true}}\noperations:\n  - name: Pay\n    \
         request:\n      action: urn:Pay\n      element: {name: Pay, namespace: 'urn:p'}\n      parts: {encryptedParts: {body: \
         true}}\n      supportingTokens: [{kind: SignedEncryptedSupportingTokens, token: {username: {}}}]\n    response: {action: \
         'urn:Paid'}\n    faults: [{name: Poor, action: 'urn:Poor', parts: {signedParts: {addressing: true}}}]\n",
    );
    let operation = &stated.operations[0];
    let own = &operation.input.alternatives[0];
    assert!(own.parts.encrypted.body && own.supporting[0].encrypted);
    assert_eq!(operation.input.element, Some(("urn:p".to_owned(), "Pay".to_owned())));
    assert_eq!(operation.output.as_ref().unwrap().action, "urn:Paid");
    assert_eq!(operation.faults[0].message.alternatives[0].parts.signed.headers.len(), 7);
}
