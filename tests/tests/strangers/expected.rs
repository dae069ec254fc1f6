//! What a message must be, from its policy's model and nothing else: what the strangers hold it to.

use nuncio_policy::model::{
    Addressing, Binding, Canonicalization, DerivedKeys, ElementPath, Layout, PartSet, Parts, PasswordKind, Policy,
    Properties, ProtectionOrder, ReferenceTarget, SecureConversationToken, SoapVersion, SupportingToken, Token,
    TrustVersion,
};
use nuncio_tests::peers::{PASSWORD, USER};
use nuncio_tests::time::format_utc;
use nuncio_wss::Context;
use serde::Serialize;

/// One message in the manifest. The names are those that `tests/strangers/rules.py` reads.
#[derive(Clone, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
pub(crate) struct Expected {
    /// Its name in what is printed.
    pub(crate) name: String,
    /// Its file.
    pub(crate) file: String,
    soap: &'static str,
    addressing: Option<&'static str>,
    pub(super) action: Option<String>,
    pub(super) binding: &'static str,
    pub(super) suite: &'static str,
    pub(super) layout: &'static str,
    order: &'static str,
    /// Whether signatures are in inclusive canonical form.
    pub(super) inclusive: bool,
    pub(super) secured: bool,
    pub(super) signature_encrypted: bool,
    /// How keys are derived; nothing where the policy leaves it open.
    pub(super) derived: Option<&'static str>,
    pub(super) timestamp: Option<[String; 2]>,
    /// What the key of the primary signature comes from, and that of what is encrypted.
    pub(super) protection: Vec<Option<String>>,
    pub(super) encryption: Vec<Option<String>>,
    /// Whether references lead to a token in the message, or to none; nothing where the policy leaves it open.
    refers: Option<&'static str>,
    signed: Names,
    /// The children of the security header that paths have signed.
    signed_tokens: Vec<String>,
    /// Whether the primary signature covers the token that makes it.
    pub(super) protects: bool,
    pub(super) encrypted: Names,
    pub(super) hidden: Hidden,
    pub(super) tokens: Vec<Supporting>,
    /// The file of the request that it answers.
    pub(crate) answers: Option<String>,
    pub(super) confirms: bool,
    pub(super) body: Option<String>,
    payload: Option<[&'static str; 2]>,
    /// The context that it brings.
    pub(crate) grants: Option<Grant>,
    /// Whether xmlsec1 is to judge it too.
    pub(crate) alone: bool,
}

/// What an answer to Issue or Renew brings.
#[derive(Clone, Serialize)]
pub(crate) struct Grant {
    identifier: String,
    instance: Option<String>,
    key: String,
}

impl Grant {
    /// What brings that context.
    pub(crate) fn of(context: &Context) -> Self {
        let key = context.danger_key_octets().iter().fold(String::new(), |hex, octet| format!("{hex}{octet:02x}"));
        Self { identifier: context.identifier.to_string(), instance: context.instance().map(str::to_owned), key }
    }
}

/// Elements that are encrypted wherever they stand, by namespace and name, and those whose content is.
#[derive(Clone, Serialize)]
pub(super) struct Hidden {
    pub(super) elements: Vec<(String, String)>,
    contents: Vec<(String, String)>,
}

impl From<&Parts> for Hidden {
    fn from(parts: &Parts) -> Self {
        let names = |paths: &[ElementPath]| {
            let last = |path: &ElementPath| {
                path.steps.last().and_then(|step| Some((step.namespace.clone()?, step.local.clone()?)))
            };
            paths.iter().map(|path| last(path).expect("a path to a name")).collect()
        };
        Self { elements: names(&parts.encrypted_elements), contents: names(&parts.content_encrypted_elements) }
    }
}

#[derive(Clone, Serialize)]
pub(super) struct Names {
    pub(super) body: bool,
    headers: Headers,
}

/// Namespace and name; every name where there is none.
type Headers = Vec<(String, Option<String>)>;

impl From<&PartSet> for Names {
    fn from(parts: &PartSet) -> Self {
        let headers = parts.headers.iter().map(|part| (part.namespace.clone(), part.name.clone())).collect();
        Self { body: parts.body, headers }
    }
}

/// A supporting token.
#[derive(Clone, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(super) enum Supporting {
    Username {
        name: &'static str,
        password: &'static str,
        digest: bool,
        signed: bool,
        encrypted: bool,
    },
    /// A user name by a key of whose password a signature endorses.
    User {
        of: Vec<Option<String>>,
        derived: &'static str,
        signed: bool,
        encrypted: bool,
        endorsing: bool,
        headers: Headers,
    },
    Certificate(Certificate),
    Context {
        of: Vec<Option<String>>,
        signed: bool,
        encrypted: bool,
        endorsing: bool,
        headers: Headers,
    },
}

#[derive(Clone, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "as the model has it")]
pub(super) struct Certificate {
    pub(super) of: Vec<Option<String>>,
    pub(super) signed: bool,
    pub(super) encrypted: bool,
    pub(super) endorsing: bool,
    pub(super) travels: bool,
    pub(super) headers: Headers,
}

/// What a message is for.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Purpose {
    /// A call, or its answer.
    Application,
    /// A fault, which has an action of its own.
    Fault,
    /// `Issue`, or its answer.
    Issue,
    /// `Renew`, or its answer.
    Renew,
    /// `Cancel`, or its answer.
    Cancel,
}

/// A message before what it must be is worked out.
pub(crate) struct Subject<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) soap: SoapVersion,
    pub(crate) purpose: Purpose,
    pub(crate) request: bool,
    /// The context that it belongs to, or that is renewed.
    pub(crate) context: Option<&'a Context>,
    /// The application's envelope.
    pub(crate) plain: Option<&'a str>,
    pub(crate) action: &'a str,
    /// When it was made: milliseconds since 1970.
    pub(crate) now: i64,
}

/// How long messages are good for, in milliseconds.
pub(crate) const LIFETIME: i64 = 300_000;

impl Subject<'_> {
    /// What the policy makes of it.
    pub(crate) fn expected(&self, name: String, file: String) -> Expected {
        let policy = self.effective();
        let Properties { suite, options, layout, order, timestamp, protect_tokens, .. } = policy.properties;
        let parts = self.parts();
        let (protection, encryption) = self.sources();
        Expected {
            name,
            file,
            soap: if self.soap == SoapVersion::V11 { "1.1" } else { "1.2" },
            addressing: addressing(policy.addressing),
            action: self.full_action(),
            binding: match policy.binding {
                Binding::Transport(_) => "transport",
                Binding::Symmetric(_) => "symmetric",
                Binding::Asymmetric(_) => "asymmetric",
            },
            suite: suite.name,
            layout: match layout {
                Layout::Strict => "strict",
                Layout::Lax => "lax",
                Layout::LaxTimestampFirst => "timestamp first",
                Layout::LaxTimestampLast => "timestamp last",
            },
            order: if order == ProtectionOrder::EncryptBeforeSign { "encrypt" } else { "sign" },
            inclusive: options.canonicalization == Canonicalization::Inclusive,
            secured: timestamp || !matches!(policy.binding, Binding::Transport(_)),
            signature_encrypted: self.hides_signature(),
            derived: self.derives(),
            timestamp: timestamp.then(|| [format_utc(self.now), format_utc(self.now + LIFETIME)]),
            protection,
            encryption,
            refers: self.refers(),
            signed: Names::from(&parts.signed),
            signed_tokens: parts.signed_elements.iter().filter_map(|path| path.steps.last()?.local.clone()).collect(),
            protects: protect_tokens,
            encrypted: Names::from(&parts.encrypted),
            hidden: Hidden::from(&parts),
            tokens: if self.request { self.tokens() } else { Vec::new() },
            answers: None,
            confirms: !self.request && policy.wss.signature_confirmation,
            body: self.plain.map(str::to_owned),
            payload: self.payload(),
            grants: None,
            alone: false,
        }
    }

    /// The policy that it is under: the bootstrap's, where it is about a context's beginning.
    fn effective(&self) -> &Policy {
        match (self.purpose, conversation(self.policy)) {
            (Purpose::Issue | Purpose::Renew, Some(token)) => &token.bootstrap,
            _ => self.policy,
        }
    }

    /// A Cancel is signed and not encrypted; over a transport nothing is either.
    fn parts(&self) -> Parts {
        let policy = self.effective();
        if matches!(policy.binding, Binding::Transport(_)) {
            return Parts::default();
        }
        let mut parts = policy.parts.clone();
        // What its tokens' own signatures do not protect, the binding does.
        for token in policy.supporting.iter().filter(|_| self.request) {
            parts.encrypted.merge(&token.parts.encrypted);
            if !token.endorsing {
                parts.signed.merge(&token.parts.signed);
            }
        }
        if self.purpose == Purpose::Cancel {
            parts.encrypted = PartSet::default();
            parts.encrypted_elements.clear();
            parts.content_encrypted_elements.clear();
            parts.signed_elements.clear();
        }
        parts
    }

    fn hides_signature(&self) -> bool {
        self.effective().properties.encrypt_signature && self.parts().encrypts()
    }

    /// WCF does not hold a Cancel to the policy's derived keys.
    fn derives(&self) -> Option<&'static str> {
        let derived = match &self.effective().binding {
            Binding::Transport(_) => return None,
            Binding::Symmetric(binding) => match &binding.protection {
                Token::X509(token) => token.derived_keys,
                Token::SecureConversation(token) => token.derived_keys,
                Token::Username(_) => return None,
            },
            Binding::Asymmetric(binding) if self.request => binding.recipient.derived_keys,
            Binding::Asymmetric(binding) => binding.initiator.derived_keys,
        };
        let derived = match derived {
            DerivedKeys::None => "none",
            DerivedKeys::Explicit => "explicit",
            DerivedKeys::Implied => "implied",
        };
        (self.purpose != Purpose::Cancel).then_some(derived)
    }

    /// What the signing and the encrypting key come from.
    fn sources(&self) -> (Vec<Option<String>>, Vec<Option<String>>) {
        let words = |words: [&str; 2]| words.map(|word| Some(word.to_owned())).to_vec();
        match &self.effective().binding {
            Binding::Transport(_) => (Vec::new(), Vec::new()),
            Binding::Symmetric(binding) => {
                let source = match (&binding.protection, self.context) {
                    (Token::SecureConversation(_), Some(context)) => context_words(context),
                    _ => words(["encrypted key", "service"]),
                };
                (source.clone(), source)
            }
            Binding::Asymmetric(_) if self.request => {
                (words(["certificate", "client"]), words(["encrypted key", "service"]))
            }
            Binding::Asymmetric(_) => (words(["certificate", "service"]), words(["encrypted key", "client"])),
        }
    }

    /// Where references must lead, of a message that has the token that they are to.
    fn refers(&self) -> Option<&'static str> {
        let policy = self.effective();
        let (target, include) = match (&policy.binding, policy.supporting.first().map(|supporting| &supporting.token)) {
            (Binding::Symmetric(binding), _) => match &binding.protection {
                Token::X509(token) if self.request => (token.target, token.include),
                Token::SecureConversation(token) => (token.target, token.include),
                Token::X509(_) | Token::Username(_) => return None,
            },
            (Binding::Asymmetric(binding), _) if self.request => (binding.initiator.target, binding.initiator.include),
            (Binding::Asymmetric(binding), _) => (binding.recipient.target, binding.recipient.include),
            (Binding::Transport(_), Some(Token::X509(token))) if self.request => (token.target, token.include),
            (Binding::Transport(_), Some(Token::SecureConversation(token))) if self.request => {
                (token.target, token.include)
            }
            (Binding::Transport(_), _) => return None,
        };
        let included = if self.request { include.to_recipient() } else { include.to_initiator() };
        match target {
            ReferenceTarget::Any => None,
            ReferenceTarget::Internal => included.then_some("inside"),
            ReferenceTarget::External | ReferenceTarget::ExternalUri => Some("outside"),
        }
    }

    fn tokens(&self) -> Vec<Supporting> {
        let policy = self.effective();
        let mut tokens: Vec<_> = policy.supporting.iter().map(|supporting| self.token(supporting)).collect();
        if let (Purpose::Renew, Some(context)) = (self.purpose, self.context) {
            let of = context_words(context)[1..].to_vec();
            let (signed, encrypted, endorsing, headers) = (false, false, true, Vec::new());
            tokens.push(Supporting::Context { of, signed, encrypted, endorsing, headers });
        }
        tokens
    }

    /// A user name with a password is encrypted whatever its kind: WS-SecurityPolicy 1.1 has no word for it.
    fn token(&self, supporting: &SupportingToken) -> Supporting {
        let headers = Names::from(&supporting.parts.signed).headers;
        let SupportingToken { signed, encrypted, endorsing, .. } = *supporting;
        match (&supporting.token, self.context) {
            (Token::SecureConversation(_), Some(context)) => {
                let of = context_words(context)[1..].to_vec();
                Supporting::Context { of, signed, encrypted, endorsing, headers }
            }
            (Token::Username(token), _) if endorsing => Supporting::User {
                of: vec![Some(USER.to_owned())],
                derived: if token.derived_keys == DerivedKeys::None { "none" } else { "explicit" },
                signed,
                encrypted,
                endorsing,
                headers,
            },
            (Token::Username(token), _) => Supporting::Username {
                name: USER,
                password: PASSWORD,
                digest: token.password == PasswordKind::Digest,
                signed,
                encrypted: true,
            },
            (Token::X509(token), _) => {
                let inside = token.include.to_recipient() && !token.target.is_outside();
                let travels = inside || !endorsing;
                let of = vec![Some("client".to_owned())];
                Supporting::Certificate(Certificate { of, signed, encrypted, endorsing, travels, headers })
            }
            (Token::SecureConversation(_), None) => panic!("a context endorses, and there is none"),
        }
    }

    fn trust(&self) -> &'static str {
        match self.policy.trust.map(|trust| trust.version) {
            Some(TrustVersion::V13) => "http://docs.oasis-open.org/ws-sx/ws-trust/200512",
            _ => "http://schemas.xmlsoap.org/ws/2005/02/trust",
        }
    }

    fn full_action(&self) -> Option<String> {
        let verb = match self.purpose {
            Purpose::Application => {
                return Some(self.action.to_owned() + if self.request { "" } else { "Response" });
            }
            Purpose::Fault => {
                return match self.policy.addressing {
                    Addressing::None => None,
                    Addressing::August2004 => Some("http://schemas.xmlsoap.org/ws/2004/08/addressing/fault".into()),
                    Addressing::V10 => Some("http://www.w3.org/2005/08/addressing/soap/fault".into()),
                };
            }
            Purpose::Issue => "",
            Purpose::Renew => "/Renew",
            Purpose::Cancel => "/Cancel",
        };
        let message = if self.request { "RST" } else { "RSTR" };
        Some(format!("{}/{message}/SCT{verb}", self.trust()))
    }

    fn payload(&self) -> Option<[&'static str; 2]> {
        let local = match (self.purpose, self.request, self.policy.trust.map(|trust| trust.version)) {
            (Purpose::Application | Purpose::Fault, ..) => return None,
            (_, true, _) => "RequestSecurityToken",
            (_, false, Some(TrustVersion::V13)) => "RequestSecurityTokenResponseCollection",
            (_, false, _) => "RequestSecurityTokenResponse",
        };
        Some([self.trust(), local])
    }
}

/// The conversation that a policy holds, in its binding or endorsing.
pub(crate) fn conversation(policy: &Policy) -> Option<&SecureConversationToken> {
    let protection = match &policy.binding {
        Binding::Symmetric(binding) => Some(&binding.protection),
        Binding::Transport(_) | Binding::Asymmetric(_) => None,
    };
    let tokens = protection.into_iter().chain(policy.supporting.iter().map(|supporting| &supporting.token));
    tokens.into_iter().find_map(|token| match token {
        Token::SecureConversation(token) => Some(token),
        Token::X509(_) | Token::Username(_) => None,
    })
}

fn context_words(context: &Context) -> Vec<Option<String>> {
    vec![Some("context".into()), Some(context.identifier.to_string()), context.instance().map(str::to_owned)]
}

fn addressing(version: Addressing) -> Option<&'static str> {
    match version {
        Addressing::None => None,
        Addressing::August2004 => Some("http://schemas.xmlsoap.org/ws/2004/08/addressing"),
        Addressing::V10 => Some("http://www.w3.org/2005/08/addressing"),
    }
}
