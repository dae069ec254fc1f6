//! Token assertions (WS-SecurityPolicy 1.2, section 5).

use super::Reader;
use super::normal::Assertion;
use super::table;
use crate::error::PolicyError;
use crate::model::{DerivedKeys, Include, SecureConversationToken, Token, UsernameToken, X509Reference, X509Token};
use crate::names;

impl Reader<'_> {
    /// Reads a token.
    pub(super) fn token(&self, assertion: &Assertion<'_>) -> Result<Token, PolicyError> {
        match assertion.security() {
            Some("X509Token") => self.x509(assertion).map(Token::X509),
            Some("UsernameToken") => self.username(assertion).map(Token::Username),
            Some("SecureConversationToken") => self.secure_conversation(assertion).map(Token::SecureConversation),
            // There is no token to go on with even if it may be ignored.
            _ => Err(self.unexpected(assertion).err().unwrap_or_else(|| self.not_built(assertion.element))),
        }
    }

    fn x509(&self, assertion: &Assertion<'_>) -> Result<X509Token, PolicyError> {
        self.parameters(assertion)?;
        let mut derived_keys = DerivedKeys::None;
        let mut reference = X509Reference::Any;
        for nested in &assertion.nested {
            match nested.security() {
                Some("RequireDerivedKeys" | "RequireExplicitDerivedKeys") => derived_keys = DerivedKeys::Explicit,
                Some("RequireKeyIdentifierReference") => reference = X509Reference::KeyIdentifier,
                Some("RequireIssuerSerialReference") => reference = X509Reference::IssuerSerial,
                Some("RequireEmbeddedTokenReference") => return Err(self.not_built(nested.element)),
                Some("RequireThumbprintReference") => reference = X509Reference::Thumbprint,
                _ => self.unexpected(nested)?,
            }
        }
        Ok(X509Token { include: self.include(assertion)?, derived_keys, reference })
    }

    fn username(&self, assertion: &Assertion<'_>) -> Result<UsernameToken, PolicyError> {
        self.parameters(assertion)?;
        for nested in &assertion.nested {
            match nested.security() {
                Some("RequireDerivedKeys" | "RequireExplicitDerivedKeys") => {
                    return Err(self.not_built_here(nested, "on a user name"));
                }
                _ => self.unexpected(nested)?,
            }
        }
        Ok(UsernameToken { include: self.include(assertion)? })
    }

    fn secure_conversation(&self, assertion: &Assertion<'_>) -> Result<SecureConversationToken, PolicyError> {
        self.parameters(assertion)?;
        let mut derived_keys = DerivedKeys::None;
        let (mut cancel, mut renew) = (true, true);
        let mut bootstrap = None;
        for nested in &assertion.nested {
            let microsoft = nested.element.namespace == names::MICROSOFT;
            match nested.element.local.as_str() {
                "MustNotSendCancel" if microsoft || nested.security().is_some() => cancel = false,
                "MustNotSendRenew" if microsoft || nested.security().is_some() => renew = false,
                "RequireDerivedKeys" | "RequireExplicitDerivedKeys" if nested.security().is_some() => {
                    derived_keys = DerivedKeys::Explicit;
                }
                "BootstrapPolicy" if nested.security().is_some() => self.once(&mut bootstrap, nested, |_| {
                    self.policy(&nested.nested)?.ok_or_else(|| self.missing(nested, "security binding"))
                })?,
                _ => self.unexpected(nested)?,
            }
        }
        let bootstrap = Box::new(bootstrap.ok_or_else(|| self.missing(assertion, "BootstrapPolicy"))?);
        Ok(SecureConversationToken { include: self.include(assertion)?, derived_keys, cancel, renew, bootstrap })
    }

    /// Refuses parameters that stand beside a token's nested policy (another issuer, claims), unless they may be passed
    /// over.
    fn parameters(&self, assertion: &Assertion<'_>) -> Result<(), PolicyError> {
        let parameters =
            assertion.element.elements().filter(|child| child.local != "Policy" && !table::is_passed_over(child));
        parameters
            .into_iter()
            .try_for_each(|element| self.unexpected(&Assertion { element, nested: Vec::new(), optional: false }))
    }

    /// `IncludeToken`; always, where a token does not say.
    fn include(&self, assertion: &Assertion<'_>) -> Result<Include, PolicyError> {
        let attributes = &assertion.element.attributes;
        let written = attributes.iter().find(|attribute| {
            attribute.local == "IncludeToken"
                && (attribute.namespace.is_empty() || names::is_security(&attribute.namespace))
        });
        let Some(written) = written else { return Ok(Include::Always) };
        let value = written.value.trim();
        let spaces = [names::SECURITY_11, names::SECURITY_12, names::SECURITY_12_SCHEMA];
        let word = spaces.iter().find_map(|space| value.strip_prefix(space)?.strip_prefix("/IncludeToken/"));
        match word {
            Some("Never") => Ok(Include::Never),
            Some("Once") => Ok(Include::Once),
            Some("AlwaysToRecipient") => Ok(Include::AlwaysToRecipient),
            Some("AlwaysToInitiator") => Ok(Include::AlwaysToInitiator),
            Some("Always") => Ok(Include::Always),
            _ => Err(PolicyError::BadValue {
                at: self.place(assertion),
                attribute: "IncludeToken",
                value: value.to_owned(),
            }),
        }
    }
}
