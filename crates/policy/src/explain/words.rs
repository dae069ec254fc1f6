//! The words for what a policy says.

use super::Section;
use super::algorithms::algorithms;
use super::messages::{Asked, Group, and, capital, groups, namespace};
use crate::model::{
    Addressing, Binding, DerivedKeys, ElementPath, HeaderPart, Layout, MessageKind, Operation, PartSet, Parts,
    PasswordKind, Policy, ProtectionOrder, ReliableMessaging, SecureConversationToken, SupportingToken, Token, Trust,
    TrustVersion,
};

/// Every section that a policy has something to say in.
pub(super) fn sections(policy: &Policy, operations: &[Operation]) -> Vec<Section> {
    let groups = groups(policy, operations);
    let mut sections = vec![
        Section { heading: "Protection", sentences: protection(policy) },
        Section { heading: "Callers", sentences: callers(policy, &groups) },
        Section { heading: "Messages", sentences: messages(policy, &groups) },
    ];
    if let Some(token) = policy.conversation() {
        sections.push(Section { heading: "Conversations", sentences: conversations(policy, token) });
    }
    sections.push(Section { heading: "Algorithms", sentences: algorithms(policy) });
    sections
}

/// What protects messages.
fn protection(policy: &Policy) -> Vec<String> {
    let mut said = Vec::new();
    match &policy.binding {
        Binding::Transport(binding) => {
            said.push("TLS protects the messages as they travel (TransportBinding).".to_owned());
            if binding.client_certificate {
                said.push("TLS itself asks for the caller's certificate.".to_owned());
            }
            if policy.conversation().is_some() {
                said.push("The key of a conversation signs the timestamp of each message.".to_owned());
            }
        }
        Binding::Symmetric(binding) => {
            said.push(
                "Messages protect themselves: one key signs and encrypts both directions (SymmetricBinding).".into(),
            );
            said.push(match &binding.protection {
                Token::X509(token) => format!(
                    "The client makes that key for each request and encrypts it for the service's certificate. {}",
                    derived(token.derived_keys)
                ),
                Token::SecureConversation(token) => {
                    format!("It is the key of a conversation. {}", derived(token.derived_keys))
                }
                Token::Username(_) => "It is derived from the user's password.".to_owned(),
            });
        }
        Binding::Asymmetric(binding) => {
            said.push(
                "Messages protect themselves: each side signs with its own certificate's key (AsymmetricBinding)."
                    .into(),
            );
            said.push(match &binding.encryption {
                None => "What is encrypted is encrypted for the other side's certificate.".to_owned(),
                Some(tokens) => {
                    let side = |there: bool, what, whose| {
                        let whom =
                            if there { format!("{whose} certificate for that alone") } else { "nobody".to_owned() };
                        format!("{what} are encrypted for {whom}")
                    };
                    let requests = side(tokens.recipient.is_some(), "requests", "the service's");
                    let responses = side(tokens.initiator.is_some(), "responses", "the client's");
                    capital(&format!("{requests}, {responses}."))
                }
            });
        }
    }
    said
}

fn derived(keys: DerivedKeys) -> &'static str {
    match keys {
        DerivedKeys::None => "It signs and encrypts as it is.",
        DerivedKeys::Explicit => "Others are derived from it to sign and to encrypt.",
        DerivedKeys::Implied => "Others are derived from it, as references to it say.",
    }
}

/// Who may call, and how he proves it.
fn callers(policy: &Policy, groups: &[Group]) -> Vec<String> {
    let mut said = proofs(policy, "A caller");
    if let Some(token) = policy.conversation() {
        said.insert(0, "A caller is who began the conversation.".to_owned());
        said.extend(proofs(&token.bootstrap, "Who begins one"));
    }
    for group in groups.iter().filter(|group| group.has(MessageKind::Request)) {
        for Asked { supporting, .. } in &group.alternatives {
            let words = supporting
                .iter()
                .map(|token| format!("{}: {}", capital(&group.name()), supporting_token(policy, token)));
            said.extend(words);
        }
    }
    let nobody = said.is_empty() || policy.conversation().is_some() && said.len() == 1;
    if nobody {
        said.push("Callers are anonymous: whoever reaches the service may call.".to_owned());
    }
    said
}

/// How a caller, who is called `who`, proves who he is, by the policy's own tokens.
fn proofs(policy: &Policy, who: &str) -> Vec<String> {
    let mut said = Vec::new();
    match &policy.binding {
        Binding::Asymmetric(_) => said.push(format!("{who} proves who he is by his certificate: its key signs.")),
        Binding::Transport(binding) if binding.client_certificate => {
            said.push(format!("{who} proves who he is by his certificate, to TLS."));
        }
        Binding::Transport(_) | Binding::Symmetric(_) => {}
    }
    let tokens = policy.supporting.iter().filter(|own| !matches!(own.token, Token::SecureConversation(_)));
    said.extend(tokens.map(|own| format!("{who} brings {}", supporting_token(policy, own))));
    said
}

fn supporting_token(policy: &Policy, own: &SupportingToken) -> String {
    let over_transport = matches!(policy.binding, Binding::Transport(_));
    let what = match (&own.token, own.endorsing) {
        (Token::Username(token), false) => match token.password {
            PasswordKind::Text => "a user name and password",
            PasswordKind::Digest => "a user name and a digest of the password",
            PasswordKind::None => "a user name, which nothing proves",
        },
        (Token::Username(_), true) => "a user name, proved by a key that is derived from the password",
        (Token::X509(_), true) => "a certificate, proved by its key",
        (Token::X509(_), false) => "a certificate, which nothing proves",
        (Token::SecureConversation(_), _) => "the token of a conversation, proved by its key",
    };
    let mut does = Vec::new();
    if own.endorsing {
        let mut signs =
            vec![if over_transport { "the timestamp".to_owned() } else { "the message's signature".to_owned() }];
        signs.extend(set(&own.parts.signed));
        signs.extend(paths("the elements", &own.parts.signed_elements));
        does.push(format!("that key signs {}", and(&signs)));
    }
    if over_transport {
        does.push("TLS protects the token".to_owned());
    } else {
        match (own.signed, own.encrypted || is_password(own)) {
            (true, true) => does.push("the token is signed and encrypted".to_owned()),
            (true, false) => does.push("the token is signed".to_owned()),
            (false, true) => does.push("the token is encrypted and not signed".to_owned()),
            (false, false) => {}
        }
    }
    if own.optional {
        does.push("or leaves it out".to_owned());
    }
    if does.is_empty() { format!("{what}.") } else { format!("{what}; {}.", does.join("; ")) }
}

/// Whether a token has a password in it: it is encrypted, whether or not the policy says so.
fn is_password(own: &SupportingToken) -> bool {
    matches!(own.token, Token::Username(_)) && !own.endorsing
}

/// What is signed, encrypted and required in which messages.
fn messages(policy: &Policy, groups: &[Group]) -> Vec<String> {
    let mut said = Vec::new();
    let over_transport = matches!(policy.binding, Binding::Transport(_));
    for group in groups {
        let name = capital(&group.name());
        if !group.protected {
            said.push(format!("{name}: in clear, without any security."));
            continue;
        }
        let each: Vec<String> = group.alternatives.iter().map(|asked| parts(&asked.parts, over_transport)).collect();
        said.push(format!("{name}: {}.", each.join("; or ")));
    }
    let properties = &policy.properties;
    let signed = if over_transport { "" } else { ", which is signed" };
    said.push(if properties.timestamp {
        format!("Every message has a timestamp{signed}.")
    } else {
        "Messages have no timestamp.".to_owned()
    });
    if !over_transport {
        said.push(
            match (properties.order, properties.encrypt_signature) {
                (ProtectionOrder::SignBeforeEncrypt, true) => {
                    "They are signed, then encrypted, and the signature with them where anything is (SignBeforeEncrypt)."
                }
                (ProtectionOrder::SignBeforeEncrypt, false) => {
                    "They are signed, then encrypted; the signature stays in clear (SignBeforeEncrypt)."
                }
                (ProtectionOrder::EncryptBeforeSign, true) => {
                    "They are encrypted, then signed as they are then; the signature is encrypted last (EncryptBeforeSigning)."
                }
                (ProtectionOrder::EncryptBeforeSign, false) => {
                    "They are encrypted, then signed as they are then (EncryptBeforeSigning)."
                }
            }
            .to_owned(),
        );
        if properties.protect_tokens {
            said.push("A signature covers the token that made it (ProtectTokens).".to_owned());
        }
    }
    if policy.wss.signature_confirmation {
        said.push("An answer repeats the signatures of its request (RequireSignatureConfirmation).".to_owned());
    }
    said.push(
        match properties.layout {
            Layout::Strict => "In the security header everything is declared before it is used (Strict).",
            Layout::Lax => "The security header may be in any order (Lax).",
            Layout::LaxTimestampFirst => "The security header may be in any order, the timestamp first (LaxTsFirst).",
            Layout::LaxTimestampLast => "The security header may be in any order, the timestamp last (LaxTsLast).",
        }
        .to_owned(),
    );
    said.push(
        match policy.addressing {
            Addressing::None => "Messages have no addressing: the action is the transport's.",
            Addressing::August2004 => "Messages are addressed by WS-Addressing of August 2004.",
            Addressing::V10 => "Messages are addressed by WS-Addressing 1.0.",
        }
        .to_owned(),
    );
    match policy.reliable {
        Some(ReliableMessaging::February2005) => {
            said.push(
                "They belong to sequences of WS-ReliableMessaging of February 2005, which the service keeps.".into(),
            );
        }
        Some(ReliableMessaging::V11) => {
            said.push("They belong to sequences of WS-ReliableMessaging 1.1, which the service keeps.".into());
        }
        None => {}
    }
    if policy.duplex {
        said.push("Answers are messages of their own, sent to where the client listens.".to_owned());
    }
    said
}

/// What of a message is signed, encrypted and required.
fn parts(parts: &Parts, over_transport: bool) -> String {
    let Parts {
        signed,
        encrypted,
        signed_elements,
        encrypted_elements,
        content_encrypted_elements,
        required,
        required_elements,
    } = parts;
    let mut said = Vec::new();
    if over_transport {
        said.push("protected whole, by TLS".to_owned());
    } else {
        let mut signs = set(signed);
        signs.extend(paths("the elements", signed_elements));
        let mut hides = set(encrypted);
        hides.extend(paths("the elements", encrypted_elements));
        hides.extend(paths("what is within the elements", content_encrypted_elements));
        said.push(if signs.is_empty() { "nothing is signed".to_owned() } else { format!("signed {}", and(&signs)) });
        said.push(if hides.is_empty() {
            "nothing is encrypted".to_owned()
        } else {
            format!("encrypted {}", and(&hides))
        });
    }
    let mut needs = headers(required);
    needs.extend(paths("the elements", required_elements));
    if !needs.is_empty() {
        said.push(format!("required {}", and(&needs)));
    }
    said.join("; ")
}

fn set(set: &PartSet) -> Vec<String> {
    let mut said = Vec::new();
    if set.body {
        said.push("the body".to_owned());
    }
    if set.every_header {
        said.push("every header".to_owned());
    }
    said.extend(headers(&set.headers));
    said
}

fn headers(all: &[HeaderPart]) -> Vec<String> {
    let mut spaces: Vec<&str> = Vec::new();
    for header in all {
        if !spaces.contains(&&*header.namespace) {
            spaces.push(&header.namespace);
        }
    }
    let of_space = |space: &&str| {
        let of = match *space {
            space if Some(space) == namespace(Addressing::V10) => "WS-Addressing 1.0".to_owned(),
            space if Some(space) == namespace(Addressing::August2004) => "WS-Addressing of August 2004".to_owned(),
            "" => "no namespace".to_owned(),
            space => format!("the namespace {space}"),
        };
        let own = all.iter().filter(|header| header.namespace == *space);
        match own.map(|header| header.name.as_deref()).collect::<Option<Vec<&str>>>() {
            Some(names) if names.len() == 1 => format!("the header {} of {of}", names[0]),
            Some(names) => format!("the headers {} of {of}", and(&names)),
            None => format!("every header of {of}"),
        }
    };
    spaces.iter().map(of_space).collect()
}

fn paths(what: &str, paths: &[ElementPath]) -> Option<String> {
    let texts: Vec<&str> = paths.iter().map(|path| &*path.text).collect();
    (!texts.is_empty()).then(|| format!("{what} {}", and(&texts)))
}

/// How a conversation begins, is renewed and ends.
fn conversations(policy: &Policy, token: &SecureConversationToken) -> Vec<String> {
    let bootstrap = &*token.bootstrap;
    let version = match policy.trust.or(bootstrap.trust) {
        Some(Trust { version: TrustVersion::February2005, .. }) => "of February 2005",
        Some(Trust { version: TrustVersion::V13, .. }) => "1.3",
        None => "in the generation that the client asks in",
    };
    let mut said = vec![format!(
        "A client begins one by WS-Trust and WS-SecureConversation {version}, at the service's own address."
    )];
    said.push(format!("What begins and renews one is under a policy of its own. {}", protection(bootstrap).join(" ")));
    if !matches!(bootstrap.binding, Binding::Transport(_)) {
        said.push(format!("There, {}.", parts(&bootstrap.parts, false)));
    }
    if bootstrap.wss.signature_confirmation {
        said.push("An answer there repeats the signatures of its request.".to_owned());
    }
    if bootstrap.properties.suite != policy.properties.suite {
        said.push(format!("The algorithms there are those of {}.", bootstrap.properties.suite.name));
    }
    match policy.trust.or(bootstrap.trust) {
        Some(Trust { client_entropy: true, server_entropy: true, .. }) => {
            said.push("Both sides contribute to its key.".to_owned());
        }
        Some(Trust { client_entropy: true, .. }) => said.push("The client contributes to its key.".to_owned()),
        Some(Trust { server_entropy: true, .. }) => said.push("The service contributes to its key.".to_owned()),
        _ => {}
    }
    said.push(
        if token.renew {
            "It may be renewed before it expires."
        } else {
            "It is not renewed: a client begins another."
        }
        .to_owned(),
    );
    said.push(
        if token.cancel {
            "A client ends it by Cancel."
        } else {
            "A client does not cancel it: it lives until it expires (MustNotSendCancel)."
        }
        .to_owned(),
    );
    said
}
