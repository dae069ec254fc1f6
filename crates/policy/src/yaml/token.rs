//! Tokens and supporting tokens, as a policy file says them.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::is_default;
use super::parts::PartsTerms;
use super::terms::PolicyTerms;
use crate::model::{
    Addressing, DerivedKeys, Include, PasswordKind, ReferenceTarget, SecureConversationToken, SupportingToken, Token,
    UsernameToken, X509Kind, X509Reference, X509Token,
};

/// A token: one of its kinds.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum TokenTerms {
    /// `X509Token`: a certificate.
    X509(X509Terms),
    /// `UsernameToken`: a user name, and mostly a password.
    Username(UsernameTerms),
    /// `SecureConversationToken`: the token of a conversation.
    SecureConversation(SecureConversationTerms),
}

/// A token that is a certificate.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum CertificateTerms {
    /// `X509Token`: a certificate.
    X509(X509Terms),
}

/// `X509Token`.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct X509Terms {
    /// `IncludeToken`: when the certificate itself travels.
    #[serde(default, skip_serializing_if = "is_default")]
    include_token: Include,
    /// In which form it travels.
    #[serde(default, skip_serializing_if = "is_default")]
    token_type: X509Kind,
    /// Whether keys are derived from the one that is encrypted for the certificate.
    #[serde(default, skip_serializing_if = "is_default")]
    require_derived_keys: Derive,
    /// How the certificate is referred to.
    #[serde(default, skip_serializing_if = "is_default")]
    reference: X509Reference,
    /// Where a reference leads.
    #[serde(default, skip_serializing_if = "is_default")]
    reference_target: ReferenceTarget,
}

/// `UsernameToken`.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct UsernameTerms {
    /// `IncludeToken`: when the token itself travels.
    #[serde(default, skip_serializing_if = "is_default")]
    include_token: Include,
    /// What stands in it for the password.
    #[serde(default, skip_serializing_if = "is_default")]
    password: PasswordKind,
    /// `Nonce`: whether it must have one.
    #[serde(default, skip_serializing_if = "is_default")]
    nonce: bool,
    /// `Created`: whether it must say when it was made.
    #[serde(default, skip_serializing_if = "is_default")]
    created: bool,
    /// Whether keys are derived from the password.
    #[serde(default, skip_serializing_if = "is_default")]
    require_derived_keys: Derive,
    /// Where a reference leads.
    #[serde(default, skip_serializing_if = "is_default")]
    reference_target: ReferenceTarget,
}

/// `SecureConversationToken`.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct SecureConversationTerms {
    /// `IncludeToken`: when the token itself travels.
    #[serde(default, skip_serializing_if = "is_default")]
    include_token: Include,
    /// Whether keys are derived from the conversation's.
    #[serde(default, skip_serializing_if = "is_default")]
    require_derived_keys: Derive,
    /// `MustNotSendCancel`: whether clients never cancel a conversation.
    #[serde(default, skip_serializing_if = "is_default")]
    must_not_send_cancel: bool,
    /// `MustNotSendRenew`: whether clients never renew it.
    #[serde(default, skip_serializing_if = "is_default")]
    must_not_send_renew: bool,
    /// Where a reference leads.
    #[serde(default, skip_serializing_if = "is_default")]
    reference_target: ReferenceTarget,
    /// `BootstrapPolicy`: the policy of the messages by which it begins.
    bootstrap_policy: Box<PolicyTerms>,
}

/// A supporting token, and what it does.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct SupportingTerms {
    /// What the token does, by the name of the assertion.
    #[serde(default, skip_serializing_if = "is_default")]
    kind: SupportingKind,
    /// The token.
    token: TokenTerms,
    /// `wsp:Optional`: whether a message may lack it.
    #[serde(default, skip_serializing_if = "is_default")]
    optional: bool,
    /// What the token itself signs or encrypts, beside what its kind says.
    #[serde(default, skip_serializing_if = "is_default")]
    parts: PartsTerms,
}

/// What a supporting token does.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[expect(clippy::enum_variant_names, reason = "the specification's names")]
enum SupportingKind {
    /// It is there.
    #[default]
    SupportingTokens,
    /// The message's signature covers it.
    SignedSupportingTokens,
    /// It signs the message's signature; over a transport, the timestamp.
    EndorsingSupportingTokens,
    /// It signs the message's signature, which covers it.
    SignedEndorsingSupportingTokens,
    /// It is encrypted.
    EncryptedSupportingTokens,
    /// It is signed and encrypted.
    SignedEncryptedSupportingTokens,
    /// It signs the message's signature, and is encrypted.
    EndorsingEncryptedSupportingTokens,
    /// It signs the message's signature, which covers it, and is encrypted.
    SignedEndorsingEncryptedSupportingTokens,
}

impl SupportingKind {
    const ALL: [Self; 8] = [
        Self::SupportingTokens,
        Self::SignedSupportingTokens,
        Self::EndorsingSupportingTokens,
        Self::SignedEndorsingSupportingTokens,
        Self::EncryptedSupportingTokens,
        Self::SignedEncryptedSupportingTokens,
        Self::EndorsingEncryptedSupportingTokens,
        Self::SignedEndorsingEncryptedSupportingTokens,
    ];

    /// Whether the token is signed, endorses, and is encrypted.
    const fn duty(self) -> (bool, bool, bool) {
        match self {
            Self::SupportingTokens => (false, false, false),
            Self::SignedSupportingTokens => (true, false, false),
            Self::EndorsingSupportingTokens => (false, true, false),
            Self::SignedEndorsingSupportingTokens => (true, true, false),
            Self::EncryptedSupportingTokens => (false, false, true),
            Self::SignedEncryptedSupportingTokens => (true, false, true),
            Self::EndorsingEncryptedSupportingTokens => (false, true, true),
            Self::SignedEndorsingEncryptedSupportingTokens => (true, true, true),
        }
    }

    fn of(token: &SupportingToken) -> Self {
        let duty = (token.signed, token.endorsing, token.encrypted);
        Self::ALL.into_iter().find(|kind| kind.duty() == duty).unwrap_or_default()
    }
}

/// How keys are derived: `true` for `RequireDerivedKeys`, or the name of a way.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Derive(pub(super) DerivedKeys);

impl<'de> Deserialize<'de> for Derive {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Said;

        impl Visitor<'_> for Said {
            type Value = Derive;

            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("true, false, Explicit or Implied")
            }

            fn visit_bool<E: Error>(self, derived: bool) -> Result<Derive, E> {
                Ok(Derive(if derived { DerivedKeys::Explicit } else { DerivedKeys::None }))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Derive, E> {
                match text {
                    "true" | "Explicit" => Ok(Derive(DerivedKeys::Explicit)),
                    "false" => Ok(Derive(DerivedKeys::None)),
                    "Implied" => Ok(Derive(DerivedKeys::Implied)),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
                }
            }
        }

        deserializer.deserialize_any(Said)
    }
}

impl Serialize for Derive {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            DerivedKeys::None => serializer.serialize_bool(false),
            DerivedKeys::Explicit => serializer.serialize_bool(true),
            DerivedKeys::Implied => serializer.serialize_str("Implied"),
        }
    }
}

impl JsonSchema for Derive {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RequireDerivedKeys".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Whether keys are derived: `true` or `Explicit` by derived key tokens (RequireDerivedKeys), `Implied` \
                as references to the key say (RequireImpliedDerivedKeys).",
            "enum": [true, false, "Explicit", "Implied"]
        })
    }
}

/// What no reference can satisfy.
fn check_target(include: Include, target: ReferenceTarget) -> Result<(), &'static str> {
    if include == Include::Never && target == ReferenceTarget::Internal {
        return Err("referenceTarget Internal contradicts includeToken Never");
    }
    Ok(())
}

impl X509Terms {
    fn check(&self) -> Result<(), &'static str> {
        if self.reference == X509Reference::Embedded && self.reference_target.is_outside() {
            return Err("reference Embedded contradicts a referenceTarget outside of the message");
        }
        check_target(self.include_token, self.reference_target)
    }

    pub(super) fn model(self) -> X509Token {
        X509Token {
            include: self.include_token,
            kind: self.token_type,
            derived_keys: self.require_derived_keys.0,
            reference: self.reference,
            target: self.reference_target,
        }
    }

    pub(super) fn of(token: &X509Token) -> Self {
        let X509Token { include, kind, derived_keys, reference, target } = *token;
        Self {
            include_token: include,
            token_type: kind,
            require_derived_keys: Derive(derived_keys),
            reference,
            reference_target: target,
        }
    }
}

impl UsernameTerms {
    fn check(&self) -> Result<(), &'static str> {
        check_target(self.include_token, self.reference_target)
    }
}

impl SecureConversationTerms {
    fn check(&self) -> Result<(), &'static str> {
        check_target(self.include_token, self.reference_target)
    }
}

/// Has a type read as it is written, and refused where its parts contradict one another.
macro_rules! checked {
    ($terms:ident { $($(#[$serde:meta])* $field:ident: $type:ty),* $(,)? }) => {
        impl<'de> Deserialize<'de> for $terms {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                #[derive(Deserialize)]
                #[serde(deny_unknown_fields, rename_all = "camelCase")]
                struct Written {
                    $($(#[$serde])* $field: $type,)*
                }

                let Written { $($field,)* } = Written::deserialize(deserializer)?;
                let terms = Self { $($field,)* };
                terms.check().map_err(D::Error::custom)?;
                Ok(terms)
            }
        }
    };
}

checked!(X509Terms {
    #[serde(default)]
    include_token: Include,
    #[serde(default)]
    token_type: X509Kind,
    #[serde(default)]
    require_derived_keys: Derive,
    #[serde(default)]
    reference: X509Reference,
    #[serde(default)]
    reference_target: ReferenceTarget,
});

checked!(UsernameTerms {
    #[serde(default)]
    include_token: Include,
    #[serde(default)]
    password: PasswordKind,
    #[serde(default)]
    nonce: bool,
    #[serde(default)]
    created: bool,
    #[serde(default)]
    require_derived_keys: Derive,
    #[serde(default)]
    reference_target: ReferenceTarget,
});

checked!(SecureConversationTerms {
    #[serde(default)]
    include_token: Include,
    #[serde(default)]
    require_derived_keys: Derive,
    #[serde(default)]
    must_not_send_cancel: bool,
    #[serde(default)]
    must_not_send_renew: bool,
    #[serde(default)]
    reference_target: ReferenceTarget,
    bootstrap_policy: Box<PolicyTerms>,
});

impl TokenTerms {
    pub(super) fn model(self) -> Token {
        match self {
            Self::X509(terms) => Token::X509(terms.model()),
            Self::Username(terms) => Token::Username(UsernameToken {
                include: terms.include_token,
                password: terms.password,
                nonce: terms.nonce,
                created: terms.created,
                derived_keys: terms.require_derived_keys.0,
                target: terms.reference_target,
            }),
            Self::SecureConversation(terms) => Token::SecureConversation(SecureConversationToken {
                include: terms.include_token,
                derived_keys: terms.require_derived_keys.0,
                cancel: !terms.must_not_send_cancel,
                renew: !terms.must_not_send_renew,
                target: terms.reference_target,
                bootstrap: Box::new(terms.bootstrap_policy.model()),
            }),
        }
    }

    pub(super) fn of(token: &Token) -> Self {
        match token {
            Token::X509(token) => Self::X509(X509Terms::of(token)),
            Token::Username(token) => Self::Username(UsernameTerms {
                include_token: token.include,
                password: token.password,
                nonce: token.nonce,
                created: token.created,
                require_derived_keys: Derive(token.derived_keys),
                reference_target: token.target,
            }),
            Token::SecureConversation(token) => Self::SecureConversation(SecureConversationTerms {
                include_token: token.include,
                require_derived_keys: Derive(token.derived_keys),
                must_not_send_cancel: !token.cancel,
                must_not_send_renew: !token.renew,
                reference_target: token.target,
                bootstrap_policy: Box::new(PolicyTerms::of(&token.bootstrap)),
            }),
        }
    }
}

impl SupportingTerms {
    pub(super) fn model(self, addressing: Addressing) -> SupportingToken {
        let (signed, endorsing, encrypted) = self.kind.duty();
        SupportingToken {
            token: self.token.model(),
            signed,
            encrypted,
            endorsing,
            optional: self.optional,
            parts: self.parts.model(addressing),
        }
    }

    pub(super) fn of(token: &SupportingToken, addressing: Addressing) -> Self {
        Self {
            kind: SupportingKind::of(token),
            token: TokenTerms::of(&token.token),
            optional: token.optional,
            parts: PartsTerms::of(&token.parts, addressing),
        }
    }
}
