//! Tokens and supporting tokens (WS-SecurityPolicy 1.2, sections 5 and 8).

use super::Expression;
use crate::model::{
    DerivedKeys, Include, PasswordKind, PolicyVersion, ReferenceTarget, SecureConversationToken, SupportingToken,
    Token, UsernameToken, X509Kind, X509Reference, X509Token,
};
use crate::names;

impl Expression {
    /// Writes supporting tokens in their order. Those beside each other that do the same stand in one assertion: WCF reads
    /// one of a kind.
    pub(super) fn supporting(&mut self, tokens: &[SupportingToken]) {
        let alike = |one: &SupportingToken, two: &SupportingToken| {
            let duty = |of: &SupportingToken| (of.signed, of.endorsing, of.encrypted, of.optional);
            duty(one) == duty(two) && one.parts == two.parts
        };
        for group in tokens.chunk_by(alike) {
            let Some(SupportingToken { signed, encrypted, endorsing, optional, parts, .. }) = group.first() else {
                continue;
            };
            let words = [(signed, "Signed"), (endorsing, "Endorsing"), (encrypted, "Encrypted")];
            let local: String = words.into_iter().filter_map(|(is, word)| is.then_some(word)).collect();
            let fill = |expression: &mut Self| {
                if *optional {
                    expression.out.attribute_ns("wsp", names::POLICY_2004, "Optional", "true");
                }
                expression.nested(|expression| {
                    for one in group {
                        expression.token(&one.token);
                    }
                    expression.parts(parts);
                });
            };
            let local = local + "SupportingTokens";
            // 1.1 has no word for encrypted ones.
            if *encrypted { self.assertion_12(&local, fill) } else { self.assertion(&local, fill) }
        }
    }

    /// Writes a token.
    pub(super) fn token(&mut self, token: &Token) {
        match token {
            Token::X509(token) => self.x509(token),
            Token::Username(token) => self.username(token),
            Token::SecureConversation(token) => self.secure_conversation(token),
        }
    }

    /// Writes an `X509Token`.
    pub(super) fn x509(&mut self, token: &X509Token) {
        let X509Token { include, kind, derived_keys, reference, target } = token;
        self.with_include("X509Token", *include, |expression| {
            expression.common(*derived_keys, *target);
            match reference {
                X509Reference::Any => {}
                X509Reference::KeyIdentifier => expression.bare("RequireKeyIdentifierReference"),
                X509Reference::IssuerSerial => expression.bare("RequireIssuerSerialReference"),
                X509Reference::Embedded => expression.bare("RequireEmbeddedTokenReference"),
                X509Reference::Thumbprint => expression.bare("RequireThumbprintReference"),
            }
            expression.bare(match kind {
                X509Kind::V1 => "WssX509V1Token11",
                X509Kind::V3 => "WssX509V3Token10",
                X509Kind::PkiPathV1 => "WssX509PkiPathV1Token10",
                X509Kind::Pkcs7 => "WssX509Pkcs7Token10",
            });
        });
    }

    fn username(&mut self, token: &UsernameToken) {
        let UsernameToken { include, password, nonce, created, derived_keys, target } = token;
        self.with_include("UsernameToken", *include, |expression| {
            expression.common(*derived_keys, *target);
            match password {
                PasswordKind::Text => {}
                PasswordKind::Digest => expression.bare("HashPassword"),
                PasswordKind::None => expression.bare("NoPassword"),
            }
            for (is, local) in [(*created, "Created"), (*nonce, "Nonce")] {
                if is {
                    expression.element("sp13", names::SECURITY_13, local, |_| {});
                }
            }
            expression.bare("WssUsernameToken10");
        });
    }

    fn secure_conversation(&mut self, token: &SecureConversationToken) {
        let SecureConversationToken { include, derived_keys, cancel, renew, target, bootstrap } = token;
        self.with_include("SecureConversationToken", *include, |expression| {
            expression.common(*derived_keys, *target);
            for (may, local) in [(*cancel, "MustNotSendCancel"), (*renew, "MustNotSendRenew")] {
                match expression.version {
                    _ if may => {}
                    // 1.1 knows them as extensions of Microsoft's.
                    PolicyVersion::V11 => expression.element("mssp", names::MICROSOFT, local, |_| {}),
                    PolicyVersion::V12 => expression.bare(local),
                }
            }
            expression.nesting("BootstrapPolicy", |expression| {
                let outer = std::mem::replace(&mut expression.version, bootstrap.version);
                expression.parts(&bootstrap.parts);
                expression.endpoint(bootstrap, expression.around);
                expression.version = outer;
            });
        });
    }

    fn with_include(&mut self, local: &str, include: Include, fill: impl FnOnce(&mut Self)) {
        let word = match include {
            Include::Never => "Never",
            Include::Once => "Once",
            Include::AlwaysToRecipient => "AlwaysToRecipient",
            Include::AlwaysToInitiator => "AlwaysToInitiator",
            Include::Always => "Always",
        };
        let namespace = self.namespace();
        self.assertion(local, |expression| {
            let value = format!("{namespace}/IncludeToken/{word}");
            expression.out.attribute_ns("sp", namespace, "IncludeToken", &value);
            expression.nested(fill);
        });
    }

    /// What every token may say.
    fn common(&mut self, derived_keys: DerivedKeys, target: ReferenceTarget) {
        match derived_keys {
            DerivedKeys::None => {}
            DerivedKeys::Explicit => self.bare("RequireDerivedKeys"),
            DerivedKeys::Implied => self.assertion_12("RequireImpliedDerivedKeys", |_| {}),
        }
        match target {
            ReferenceTarget::Any => {}
            ReferenceTarget::Internal => self.bare("RequireInternalReference"),
            ReferenceTarget::External => self.bare("RequireExternalReference"),
            ReferenceTarget::ExternalUri => self.bare("RequireExternalUriReference"),
        }
    }
}
