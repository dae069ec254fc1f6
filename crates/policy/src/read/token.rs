//! Token assertions (WS-SecurityPolicy 1.2, section 5).

use super::Reader;
use super::normal::Assertion;
use super::table;
use crate::error::PolicyError;
use crate::model::{
    DerivedKeys, Include, PasswordKind, ReferenceTarget, SecureConversationToken, Token, UsernameToken, X509Kind,
    X509Reference, X509Token,
};
use crate::names;

/// What every token may say.
struct Common {
    derived_keys: DerivedKeys,
    /// `RequireInternalReference`.
    internal: bool,
    /// `RequireExternalReference`.
    external: bool,
    /// `RequireExternalUriReference`.
    external_uri: bool,
}

impl Default for Common {
    fn default() -> Self {
        Self { derived_keys: DerivedKeys::None, internal: false, external: false, external_uri: false }
    }
}

impl Common {
    /// Reads one of these; `false` where it is another assertion.
    fn read(&mut self, assertion: &Assertion<'_>) -> bool {
        match assertion.security() {
            Some("RequireDerivedKeys" | "RequireExplicitDerivedKeys") => self.derived_keys = DerivedKeys::Explicit,
            Some("RequireImpliedDerivedKeys") => self.derived_keys = DerivedKeys::Implied,
            Some("RequireInternalReference") => self.internal = true,
            Some("RequireExternalReference") => self.external = true,
            Some("RequireExternalUriReference") => self.external_uri = true,
            _ => return false,
        }
        true
    }
}

const INTERNAL: &str = "RequireInternalReference";
const EXTERNAL: &str = "RequireExternalReference";

/// The form of a certificate that an assertion names.
fn x509_kind(local: &str) -> Option<X509Kind> {
    Some(match local {
        "WssX509V1Token10" | "WssX509V1Token11" => X509Kind::V1,
        "WssX509V3Token10" | "WssX509V3Token11" => X509Kind::V3,
        "WssX509PkiPathV1Token10" | "WssX509PkiPathV1Token11" => X509Kind::PkiPathV1,
        "WssX509Pkcs7Token10" | "WssX509Pkcs7Token11" => X509Kind::Pkcs7,
        _ => return None,
    })
}

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
        let mut common = Common::default();
        let mut reference = X509Reference::Any;
        let mut kind = None;
        for nested in &assertion.nested {
            if common.read(nested) {
                continue;
            }
            let name = nested.security().unwrap_or_default();
            if let Some(read) = x509_kind(name) {
                self.once(&mut kind, nested, |_| Ok(read))?;
                continue;
            }
            match name {
                "RequireKeyIdentifierReference" => reference = X509Reference::KeyIdentifier,
                "RequireIssuerSerialReference" => reference = X509Reference::IssuerSerial,
                "RequireEmbeddedTokenReference" => reference = X509Reference::Embedded,
                "RequireThumbprintReference" => reference = X509Reference::Thumbprint,
                _ => self.unexpected(nested)?,
            }
        }
        let (include, derived_keys) = (self.include(assertion)?, common.derived_keys);
        let target = self.target(assertion, &common, include)?;
        if reference == X509Reference::Embedded && target.is_outside() {
            return Err(self.contradiction(assertion, EXTERNAL, "RequireEmbeddedTokenReference"));
        }
        let kind = kind.unwrap_or(X509Kind::V3);
        Ok(X509Token { include, kind, derived_keys, reference, target })
    }

    fn username(&self, assertion: &Assertion<'_>) -> Result<UsernameToken, PolicyError> {
        self.parameters(assertion)?;
        let mut common = Common::default();
        let mut password = None;
        let (mut nonce, mut created) = (false, false);
        for nested in &assertion.nested {
            if common.read(nested) {
                continue;
            }
            match nested.security() {
                Some("HashPassword") => self.once(&mut password, nested, |_| Ok(PasswordKind::Digest))?,
                Some("NoPassword") => self.once(&mut password, nested, |_| Ok(PasswordKind::None))?,
                Some("Nonce") => nonce = true,
                Some("Created") => created = true,
                _ => self.unexpected(nested)?,
            }
        }
        let (include, derived_keys) = (self.include(assertion)?, common.derived_keys);
        let target = self.target(assertion, &common, include)?;
        let password = password.unwrap_or(PasswordKind::Text);
        Ok(UsernameToken { include, password, nonce, created, derived_keys, target })
    }

    fn secure_conversation(&self, assertion: &Assertion<'_>) -> Result<SecureConversationToken, PolicyError> {
        self.parameters(assertion)?;
        let mut common = Common::default();
        let (mut cancel, mut renew) = (true, true);
        let mut bootstrap = None;
        for nested in &assertion.nested {
            if common.read(nested) {
                continue;
            }
            let microsoft = nested.element.namespace == names::MICROSOFT;
            match nested.element.local.as_str() {
                "MustNotSendCancel" if microsoft || nested.security().is_some() => cancel = false,
                "MustNotSendRenew" if microsoft || nested.security().is_some() => renew = false,
                "BootstrapPolicy" if nested.security().is_some() => self.once(&mut bootstrap, nested, |_| {
                    self.policy(&nested.nested)?.ok_or_else(|| self.missing(nested, "security binding"))
                })?,
                _ => self.unexpected(nested)?,
            }
        }
        let bootstrap = Box::new(bootstrap.ok_or_else(|| self.missing(assertion, "BootstrapPolicy"))?);
        let (include, derived_keys) = (self.include(assertion)?, common.derived_keys);
        let target = self.target(assertion, &common, include)?;
        Ok(SecureConversationToken { include, derived_keys, cancel, renew, target, bootstrap })
    }

    /// Where references to a token must lead. What no reference can satisfy is the author's mistake: one that leads into the
    /// message and out of it, or one into a message that never has the token.
    fn target(
        &self,
        assertion: &Assertion<'_>,
        common: &Common,
        include: Include,
    ) -> Result<ReferenceTarget, PolicyError> {
        match (common.internal, common.external, common.external_uri) {
            (true, true, _) => Err(self.contradiction(assertion, INTERNAL, EXTERNAL)),
            (true, _, true) => Err(self.contradiction(assertion, INTERNAL, "RequireExternalUriReference")),
            (true, ..) if include == Include::Never => {
                Err(self.contradiction(assertion, INTERNAL, "IncludeToken/Never"))
            }
            (true, ..) => Ok(ReferenceTarget::Internal),
            (false, _, true) => Ok(ReferenceTarget::ExternalUri),
            (false, true, false) => Ok(ReferenceTarget::External),
            (false, false, false) => Ok(ReferenceTarget::Any),
        }
    }

    pub(super) fn contradiction(
        &self,
        assertion: &Assertion<'_>,
        one: &'static str,
        other: &'static str,
    ) -> PolicyError {
        PolicyError::Contradiction { at: self.place(assertion), assertion: one, other }
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
