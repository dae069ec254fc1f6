//! Security bindings and their properties (WS-SecurityPolicy 1.2, sections 6 and 7).

use super::Reader;
use super::normal::Assertion;
use crate::error::PolicyError;
use crate::model::{
    AsymmetricBinding, Binding, Canonicalization, EncryptionTokens, Layout, PolicyVersion, Properties, ProtectionOrder,
    SuiteOptions, SupportingToken, SymmetricBinding, Token, TransportBinding, X509Token,
};
use crate::names;
use crate::suite::Suite;

/// The tokens of one side of an asymmetric binding as far as they were read.
#[derive(Default)]
struct Side {
    both: Option<X509Token>,
    signature: Option<X509Token>,
    encryption: Option<X509Token>,
}

/// The properties of a binding as far as they were read.
#[derive(Default)]
struct Said {
    suite: Option<(&'static Suite, SuiteOptions)>,
    layout: Option<Layout>,
    timestamp: bool,
    order: Option<ProtectionOrder>,
    encrypt_signature: bool,
    protect_tokens: bool,
}

impl Said {
    /// The properties, with what holds where the policy does not say; `None` where it names no suite.
    fn properties(self) -> Option<Properties> {
        let (suite, options) = self.suite?;
        let Self { timestamp, encrypt_signature, protect_tokens, .. } = self;
        let layout = self.layout.unwrap_or(Layout::Lax);
        let order = self.order.unwrap_or(ProtectionOrder::SignBeforeEncrypt);
        Some(Properties { suite, options, layout, timestamp, order, encrypt_signature, protect_tokens })
    }
}

impl Reader<'_> {
    /// Reads a security binding.
    pub(super) fn binding(
        &self,
        assertion: &Assertion<'_>,
    ) -> Result<(PolicyVersion, Binding, Properties), PolicyError> {
        let version =
            if assertion.element.namespace == names::SECURITY_11 { PolicyVersion::V11 } else { PolicyVersion::V12 };
        let mut said = Said::default();
        let binding = match assertion.element.local.as_str() {
            "TransportBinding" => Binding::Transport(self.transport(assertion, &mut said)?),
            "AsymmetricBinding" => Binding::Asymmetric(self.asymmetric(assertion, &mut said)?),
            _ => Binding::Symmetric(self.symmetric(assertion, &mut said)?),
        };
        if matches!(binding, Binding::Transport(_)) {
            said.suite.get_or_insert((UNUSED_SUITE, SuiteOptions::default()));
        }
        let properties = said.properties().ok_or_else(|| self.missing(assertion, "AlgorithmSuite"))?;
        Ok((version, binding, properties))
    }

    fn transport(&self, assertion: &Assertion<'_>, said: &mut Said) -> Result<TransportBinding, PolicyError> {
        let mut token = None;
        for nested in &assertion.nested {
            if self.property(nested, said)? {
                continue;
            }
            match nested.security() {
                Some("TransportToken") => self.once(&mut token, nested, |_| self.transport_token(nested))?,
                _ => self.unexpected(nested)?,
            }
        }
        let client_certificate = token.ok_or_else(|| self.missing(assertion, "TransportToken"))?;
        Ok(TransportBinding { client_certificate })
    }

    /// Reads a `TransportToken`: whether TLS must authenticate the client.
    fn transport_token(&self, assertion: &Assertion<'_>) -> Result<bool, PolicyError> {
        let mut client_certificate = None;
        for token in &assertion.nested {
            match token.security() {
                Some("HttpsToken") => self.once(&mut client_certificate, token, |_| self.https_token(token))?,
                // WCF behind a machine that takes TLS off (`allowInsecureTransport`): TLS is still there for the client.
                Some("HttpToken") => {
                    self.once(&mut client_certificate, token, |_| self.nothing_within(token).map(|()| false))?;
                }
                _ => self.unexpected(token)?,
            }
        }
        client_certificate.ok_or_else(|| self.missing(assertion, "HttpsToken"))
    }

    /// Reads an `HttpsToken`: whether TLS must authenticate the client.
    fn https_token(&self, token: &Assertion<'_>) -> Result<bool, PolicyError> {
        // An attribute in 1.1, a nested assertion since.
        let attribute = token.element.attributes.iter().find(|attribute| attribute.local == "RequireClientCertificate");
        let mut required = match attribute.map(|attribute| attribute.value.trim()) {
            None | Some("false" | "0") => false,
            Some("true" | "1") => true,
            Some(other) => {
                let (at, value) = (self.place(token), other.to_owned());
                return Err(PolicyError::BadValue { at, attribute: "RequireClientCertificate", value });
            }
        };
        for nested in &token.nested {
            match nested.security() {
                Some("RequireClientCertificate") => required = true,
                _ => self.unexpected(nested)?,
            }
        }
        Ok(required)
    }

    fn symmetric(&self, assertion: &Assertion<'_>, said: &mut Said) -> Result<SymmetricBinding, PolicyError> {
        let (mut protection, mut encryption, mut signature) = (None, None, None);
        for nested in &assertion.nested {
            if self.property(nested, said)? || Self::sequence(nested, said) {
                continue;
            }
            match nested.security() {
                Some("ProtectionToken") => self.once(&mut protection, nested, |_| self.protection(nested))?,
                Some("EncryptionToken") => self.once(&mut encryption, nested, |_| self.protection(nested))?,
                Some("SignatureToken") => self.once(&mut signature, nested, |_| self.protection(nested))?,
                _ => self.unexpected(nested)?,
            }
        }
        let protection = match (protection, encryption, signature) {
            (Some(protection), None, None) => protection,
            (Some(_), Some(_), _) => return Err(self.contradiction(assertion, "ProtectionToken", "EncryptionToken")),
            (Some(_), None, Some(_)) => return Err(self.contradiction(assertion, "ProtectionToken", "SignatureToken")),
            // One token under two names: it protects.
            (None, Some(encryption), Some(signature)) if encryption == signature => signature,
            (None, Some(_), Some(_)) => {
                return Err(self.not_built_here(assertion, "with one token that signs and another that encrypts"));
            }
            (None, Some(_), None) => return Err(self.missing(assertion, "SignatureToken")),
            (None, None, Some(_)) => return Err(self.missing(assertion, "EncryptionToken")),
            (None, None, None) => return Err(self.missing(assertion, "ProtectionToken")),
        };
        Ok(SymmetricBinding { protection })
    }

    fn asymmetric(&self, assertion: &Assertion<'_>, said: &mut Said) -> Result<AsymmetricBinding, PolicyError> {
        let (mut initiator, mut recipient) = (Side::default(), Side::default());
        for nested in &assertion.nested {
            if self.property(nested, said)? || Self::sequence(nested, said) {
                continue;
            }
            match nested.security() {
                Some(name) => {
                    let (side, purpose) = match (name.strip_prefix("Initiator"), name.strip_prefix("Recipient")) {
                        (Some(purpose), _) => (&mut initiator, purpose),
                        (None, Some(purpose)) => (&mut recipient, purpose),
                        (None, None) => (&mut initiator, name),
                    };
                    match purpose {
                        "Token" => self.once(&mut side.both, nested, |_| self.certificate(nested))?,
                        "SignatureToken" => self.once(&mut side.signature, nested, |_| self.certificate(nested))?,
                        "EncryptionToken" => self.once(&mut side.encryption, nested, |_| self.certificate(nested))?,
                        _ => self.unexpected(nested)?,
                    }
                }
                None => self.unexpected(nested)?,
            }
        }
        let (initiator, responses) = self.side(assertion, initiator, ["InitiatorToken", "InitiatorSignatureToken"])?;
        let (recipient, requests) = self.side(assertion, recipient, ["RecipientToken", "RecipientSignatureToken"])?;
        let differ = responses.as_ref() != Some(&initiator) || requests.as_ref() != Some(&recipient);
        let encryption = differ.then_some(EncryptionTokens { initiator: responses, recipient: requests });
        Ok(AsymmetricBinding { initiator, recipient, encryption })
    }

    /// What of one side signs, and what is encrypted for it.
    fn side(
        &self,
        assertion: &Assertion<'_>,
        side: Side,
        [both, signature]: [&'static str; 2],
    ) -> Result<(X509Token, Option<X509Token>), PolicyError> {
        match side {
            Side { both: Some(token), signature: None, encryption: None } => Ok((token.clone(), Some(token))),
            Side { both: Some(_), .. } => Err(self.contradiction(assertion, both, "a token for one purpose beside it")),
            Side { both: None, signature: Some(token), encryption } => Ok((token, encryption)),
            // Who sent a message must be known.
            Side { both: None, signature: None, encryption: Some(_) } => Err(self.missing(assertion, signature)),
            Side { both: None, signature: None, encryption: None } => Err(self.missing(assertion, both)),
        }
    }

    /// Reads the token of one side of an asymmetric binding.
    fn certificate(&self, assertion: &Assertion<'_>) -> Result<X509Token, PolicyError> {
        let mut certificate = None;
        for nested in &assertion.nested {
            self.once(&mut certificate, nested, |_| match self.token(nested)? {
                Token::X509(token) => Ok(token),
                _ => Err(self.not_built_here(nested, "as the token of one side")),
            })?;
        }
        certificate.ok_or_else(|| self.missing(assertion, "token"))
    }

    fn protection(&self, assertion: &Assertion<'_>) -> Result<Token, PolicyError> {
        let mut token = None;
        for nested in &assertion.nested {
            self.once(&mut token, nested, |_| self.token(nested))?;
        }
        token.ok_or_else(|| self.missing(assertion, "token"))
    }

    /// Reads what a binding that protects messages may say of signing and encrypting; `false` where it is another assertion.
    fn sequence(assertion: &Assertion<'_>, into: &mut Said) -> bool {
        match assertion.security() {
            Some("EncryptBeforeSigning") => into.order = Some(ProtectionOrder::EncryptBeforeSign),
            Some("EncryptSignature") => into.encrypt_signature = true,
            Some("ProtectTokens") => into.protect_tokens = true,
            _ => return false,
        }
        true
    }

    /// Reads a property that every binding may have; `false` where it is another assertion.
    fn property(&self, assertion: &Assertion<'_>, into: &mut Said) -> Result<bool, PolicyError> {
        match assertion.security() {
            Some("AlgorithmSuite") => self.once(&mut into.suite, assertion, |_| self.suite(assertion))?,
            Some("Layout") => self.once(&mut into.layout, assertion, |_| self.layout(assertion))?,
            Some("IncludeTimestamp") => into.timestamp = true,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn suite(&self, assertion: &Assertion<'_>) -> Result<(&'static Suite, SuiteOptions), PolicyError> {
        let mut suite = None;
        let mut options = SuiteOptions::default();
        for attribute in &assertion.element.attributes {
            if !names::is_policy(&attribute.namespace) {
                let words = format!("AlgorithmSuite has an attribute {}, which is not followed", attribute.local);
                self.library.remark(assertion.element, words);
            }
        }
        for nested in &assertion.nested {
            let own = nested.security().map(Suite::named);
            if let Some(named) = own.unwrap_or_else(|| Suite::of(&nested.element.namespace, &nested.element.local)) {
                self.once(&mut suite, nested, |_| Ok(named))?;
                continue;
            }
            match nested.security() {
                Some("InclusiveC14N") => options.canonicalization = Canonicalization::Inclusive,
                Some("InclusiveC14N11") => options.canonicalization = Canonicalization::Inclusive11,
                // The text of the specification spells it the one way, its schema the other.
                Some("SOAPNormalization10" | "SoapNormalization10") => options.soap_normalization = true,
                Some("STRTransform10") => options.str_transform = true,
                _ => self.unexpected(nested)?,
            }
        }
        Ok((suite.ok_or_else(|| self.missing(assertion, "suite"))?, options))
    }

    pub(super) fn layout(&self, assertion: &Assertion<'_>) -> Result<Layout, PolicyError> {
        let mut layout = None;
        for nested in &assertion.nested {
            let named = match nested.security() {
                Some("Strict") => Layout::Strict,
                Some("Lax") => Layout::Lax,
                Some("LaxTsFirst") => Layout::LaxTimestampFirst,
                Some("LaxTsLast") => Layout::LaxTimestampLast,
                _ => {
                    self.unexpected(nested)?;
                    continue;
                }
            };
            self.once(&mut layout, nested, |_| Ok(named))?;
        }
        layout.ok_or_else(|| self.missing(assertion, "layout"))
    }

    /// Refuses a transport binding without suite where a token signs. Where nothing in the message is signed, the suite
    /// does not matter, and field policies leave it out.
    pub(super) fn transport_suite(
        &self,
        binding: &Binding,
        supporting: &[SupportingToken],
        alternative: &[Assertion<'_>],
    ) -> Result<(), PolicyError> {
        let Some(assertion) = alternative.iter().find(|assertion| assertion.security() == Some("TransportBinding"))
        else {
            return Ok(());
        };
        let has_suite = assertion.nested.iter().any(|nested| nested.security() == Some("AlgorithmSuite"));
        if has_suite || !matches!(binding, Binding::Transport(_)) || !supporting.iter().any(|token| token.endorsing) {
            if !has_suite {
                self.library.remark(assertion.element, "TransportBinding has no AlgorithmSuite, and needs none here");
            }
            return Ok(());
        }
        Err(PolicyError::Missing {
            at: self.library.place(assertion.element),
            what: "AlgorithmSuite",
            within: assertion.element.local.clone(),
        })
    }
}

/// What stands for the suite of a binding that uses none: WCF's default.
const UNUSED_SUITE: &Suite = &crate::suite::SUITES[0];
