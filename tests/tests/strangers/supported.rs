//! Policies with supporting tokens of every kind under every binding; with them, in turn, what no preset has: encrypted
//! header blocks, protected tokens, implied derived keys, hashed passwords, certificates that do not travel.

use nuncio_policy::model::{
    Binding, DerivedKeys, ElementPath, HeaderPart, Include, Parts, PasswordKind, Policy, SecureConversationToken, Step,
    SupportingToken, Token, UsernameToken, X509Reference, X509Token,
};
use nuncio_policy::preset;
use nuncio_policy::suite::SUITES;

use crate::shapes::{Change, ORDERS, Order, Shape};

const BASES: [(&str, &str); 4] = [
    ("symmetric", "wcf-ws2007-anonymousForCertificate"),
    ("conversation", "wcf-wshttp-anonymousForCertificate-conversation"),
    ("asymmetric", "wse-mutualCertificate10Security"),
    ("transport", "wcf-ws2007-userNameOverTransport"),
];

/// What a token does, as the assertion's name says it.
const KINDS: [&str; 8] = [
    "",
    "Signed",
    "Encrypted",
    "SignedEncrypted",
    "Endorsing",
    "SignedEndorsing",
    "EndorsingEncrypted",
    "SignedEndorsingEncrypted",
];

/// The namespace of the header blocks that calls bring.
pub(crate) const BLOCKS: &str = "urn:example:blocks";

/// What a context does beside a certificate that protects: it is looked up before anything is decrypted.
const IN_CLEAR: [&str; 4] = ["", "Signed", "Endorsing", "SignedEndorsing"];

/// All of them.
pub(crate) fn supported() -> Vec<Shape> {
    let tokens = [("a certificate", certificate(false)), ("a certificate that stays", certificate(true))];
    let users = [("a user name", username(PasswordKind::Text)), ("a hashed password", username(PasswordKind::Digest))];
    let mut shapes = Vec::new();
    for kind in KINDS {
        let endorses = kind.contains("Endorsing");
        // A certificate that neither travels nor endorses is not there.
        let stays = |what: &str| what.contains("stays");
        let certificates = tokens.iter().filter(|(what, _)| endorses || !stays(what));
        for (what, token) in certificates.chain(users.iter().filter(|_| !endorses)) {
            for base in BASES {
                let turn = shapes.len();
                shapes.push(shape(base, kind, (*what, token), ORDERS[(turn + turn / 4) % 4], turn));
            }
        }
    }
    for base in BASES.into_iter().filter(|(what, _)| *what != "conversation") {
        let kinds = if base.0 == "transport" { &KINDS[..] } else { &IN_CLEAR[..] };
        for kind in kinds {
            let turn = shapes.len();
            shapes.push(shape(base, kind, ("a context", &context(kind)), ORDERS[turn % 3], turn));
        }
    }
    for base in BASES {
        for kind in KINDS.into_iter().filter(|kind| kind.contains("Endorsing")) {
            for (what, derived_keys) in
                [("itself", DerivedKeys::None), ("as others are derived", DerivedKeys::Explicit)]
            {
                let Token::Username(token) = username(PasswordKind::None) else { panic!("no user name") };
                let (token, what) = (UsernameToken { derived_keys, ..token }, format!("a password's key {what}"));
                let turn = shapes.len();
                shapes.push(shape(base, kind, (&what, &Token::Username(token)), ORDERS[(turn + turn / 4) % 4], turn));
            }
        }
    }
    shapes
}

fn shape(base: (&str, &str), kind: &str, (what, token): (&str, &Token), order: Order, turn: usize) -> Shape {
    let preset = preset::named(base.1).expect("a preset");
    let mut policy = preset.policy;
    let in_messages = base.0 != "transport";
    let suite = &SUITES[turn * 5 % SUITES.len()];
    let derived = [DerivedKeys::Explicit, DerivedKeys::Implied, DerivedKeys::None][turn / 2 % 3];
    let (protect, headers) = (in_messages && turn % 4 < 2, in_messages && turn % 5 < 3);
    if !in_messages {
        policy.supporting.clear();
    }
    let mut token = token.clone();
    if let Token::SecureConversation(token) = &mut token {
        // It is begun at the same port.
        token.bootstrap.addressing = policy.addressing;
    }
    policy.supporting.push(SupportingToken {
        token: token.clone(),
        signed: kind.contains("Signed"),
        encrypted: kind.contains("Encrypted"),
        endorsing: kind.contains("Endorsing"),
        optional: false,
        parts: Parts::default(),
    });
    Change { suite, order, derived, protect, turn }.apply(&mut policy);
    if let Binding::Asymmetric(binding) = &mut policy.binding {
        // It is the client's one certificate that signs and that supports: a reference to it must not find the other token.
        let stays = matches!(&token, Token::X509(token) if token.include == Include::Never);
        binding.initiator.include = if stays { Include::Never } else { Include::AlwaysToRecipient };
    }
    // The last of the policy's tokens is the one that is tried.
    // A context and a password's key could encrypt by themselves, and do not.
    let is_shared = kind.contains("Endorsing") && matches!(&token, Token::Username(_));
    let of_token = headers && turn / 4 % 2 == 1 && !matches!(&token, Token::SecureConversation(_)) && !is_shared;
    if headers {
        add_headers(&mut policy, of_token);
    }
    let named = in_messages && (turn / 4).is_multiple_of(2);
    if named {
        policy.parts.signed_elements.extend(NAMED.map(token_path));
    }
    let words = [
        if protect { ", tokens protected" } else { "" },
        if named { ", tokens signed by their names" } else { "" },
        if headers { ", a header encrypted" } else { "" },
        if of_token { " for the token's sake" } else { "" },
    ]
    .concat();
    let name = format!(
        "{}, {}, {}, {derived:?} derived keys{words}, {what} as {kind}SupportingTokens",
        base.0,
        suite.name,
        order.words()
    );
    Shape { name, policy, soap: preset.soap[turn % preset.soap.len()], headers, alone: false }
}

/// Tokens that a path leads to.
const NAMED: [&str; 5] =
    ["UsernameToken", "BinarySecurityToken", "SecurityContextToken", "EncryptedKey", "DerivedKeyToken"];

/// The path of a child of the security header.
fn token_path(local: &str) -> ElementPath {
    let step = |local: &str| Step { anywhere_below: false, namespace: None, local: Some(local.to_owned()) };
    let names = ["Envelope", "Header", "Security", local];
    ElementPath { text: names.map(|name| format!("/*:{name}")).concat(), steps: names.map(step).into() }
}

/// Both blocks are signed, and one is encrypted: in every message, or as parts of the last supporting token. An answer must
/// have the one signed that is to be understood.
fn add_headers(policy: &mut Policy, of_token: bool) {
    let part = |name: &str| HeaderPart { name: Some(name.to_owned()), namespace: BLOCKS.to_owned() };
    policy.parts.signed.headers.push(part("Secret"));
    let token = policy.supporting.last_mut().filter(|_| of_token);
    let parts = token.map_or(&mut policy.parts, |token| &mut token.parts);
    parts.signed.headers.push(part("Open"));
    parts.encrypted.headers.push(part("Secret"));
}

/// The supporting token of a preset.
fn preset_token(name: &str) -> Token {
    preset::named(name).expect("a preset").policy.supporting.remove(0).token
}

/// A context; where it does not endorse, its key proves nothing, so that nobody can cancel it.
fn context(kind: &str) -> Token {
    let Token::SecureConversation(token) = preset_token("wcf-ws2007-userNameOverTransport-conversation") else {
        panic!("no conversation")
    };
    Token::SecureConversation(SecureConversationToken { cancel: kind.contains("Endorsing"), ..token })
}

fn certificate(stays: bool) -> Token {
    let Token::X509(token) = preset_token("wcf-ws2007-mutualCertificate") else { panic!("no certificate") };
    let include = if stays { Include::Never } else { Include::AlwaysToRecipient };
    Token::X509(X509Token { include, reference: X509Reference::KeyIdentifier, ..token })
}

fn username(password: PasswordKind) -> Token {
    let Token::Username(token) = preset_token("wcf-ws2007-userNameForCertificate") else { panic!("no user name") };
    Token::Username(UsernameToken { password, ..token })
}
