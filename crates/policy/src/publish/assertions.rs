//! An endpoint's assertions: the binding, its properties, and what stands beside it (WS-SecurityPolicy 1.2, sections 6, 7, 9
//! and 10).
//!
//! They come in the order in which WCF writes them, and with the words that it looks for although they ask for nothing.

use super::Expression;
use crate::model::{
    Addressing, AsymmetricBinding, Binding, Canonicalization, Layout, Policy, PolicyVersion, Properties,
    ProtectionOrder, ReliableMessaging, SuiteOptions, TransportBinding, Trust, TrustVersion, Wss, X509Token,
};
use crate::names;

impl Expression {
    /// Writes all of a policy but its parts. `around` is the addressing that a policy around it has engaged.
    pub(super) fn endpoint(&mut self, policy: &Policy, around: Addressing) {
        self.bound(policy);
        let outer = std::mem::replace(&mut self.around, policy.addressing);
        self.supporting(&policy.supporting);
        self.around = outer;
        self.options(policy);
        self.beside(policy, around);
    }

    /// Writes the security binding.
    pub(super) fn bound(&mut self, policy: &Policy) {
        self.version = policy.version;
        let outer = std::mem::replace(&mut self.around, policy.addressing);
        self.binding(&policy.binding, &policy.properties);
        self.around = outer;
    }

    /// Writes the options of WSS and trust.
    pub(super) fn options(&mut self, policy: &Policy) {
        self.wss(policy.wss);
        if let Some(trust) = policy.trust {
            self.trust(trust);
        }
    }

    /// Writes what of a policy is no security.
    pub(super) fn beside(&mut self, policy: &Policy, around: Addressing) {
        match policy.reliable {
            None => {}
            Some(ReliableMessaging::February2005) => self.element("wsrm", names::RELIABLE_2005, "RMAssertion", |_| {}),
            Some(ReliableMessaging::V11) => {
                self.element("wsrmp", names::RELIABLE_11, "RMAssertion", |expression| expression.nested(|_| {}));
            }
        }
        if policy.duplex {
            self.element("cdp", names::DUPLEX, "CompositeDuplex", |_| {});
            self.element("ow", names::ROUTING, "OneWay", |_| {});
        }
        match policy.addressing {
            // Said once, for all within.
            addressing if addressing == around => {}
            Addressing::None => {}
            Addressing::August2004 => self.element("wsap", names::ADDRESSING_2004_POLICY, "UsingAddressing", |_| {}),
            Addressing::V10 => self.element("wsaw", names::ADDRESSING_10_WSDL, "UsingAddressing", |_| {}),
        }
    }

    fn binding(&mut self, binding: &Binding, properties: &Properties) {
        match binding {
            Binding::Transport(TransportBinding { client_certificate }) => {
                self.nesting("TransportBinding", |expression| {
                    expression.nesting("TransportToken", |expression| expression.https_token(*client_certificate));
                    expression.properties(properties);
                });
            }
            Binding::Symmetric(binding) => self.nesting("SymmetricBinding", |expression| {
                expression.nesting("ProtectionToken", |expression| expression.token(&binding.protection));
                expression.properties(properties);
                expression.sequence(properties);
            }),
            Binding::Asymmetric(binding) => self.nesting("AsymmetricBinding", |expression| {
                expression.sides(binding);
                expression.properties(properties);
                expression.sequence(properties);
            }),
        }
    }

    /// An attribute says in 1.1 what a nested assertion says since.
    fn https_token(&mut self, client_certificate: bool) {
        self.assertion("HttpsToken", |expression| match expression.version {
            PolicyVersion::V11 => {
                let word = if client_certificate { "true" } else { "false" };
                expression.out.attribute("RequireClientCertificate", word);
            }
            PolicyVersion::V12 => expression.nested(|expression| {
                if client_certificate {
                    expression.bare("RequireClientCertificate");
                }
            }),
        });
    }

    fn sides(&mut self, binding: &AsymmetricBinding) {
        let AsymmetricBinding { initiator, recipient, encryption } = binding;
        let Some(encryption) = encryption else {
            self.nesting("InitiatorToken", |expression| expression.x509(initiator));
            self.nesting("RecipientToken", |expression| expression.x509(recipient));
            return;
        };
        let mut side = |local: &str, token: Option<&X509Token>| {
            if let Some(token) = token {
                self.assertion_12(local, |expression| expression.nested(|expression| expression.x509(token)));
            }
        };
        side("InitiatorSignatureToken", Some(initiator));
        side("InitiatorEncryptionToken", encryption.initiator.as_ref());
        side("RecipientSignatureToken", Some(recipient));
        side("RecipientEncryptionToken", encryption.recipient.as_ref());
    }

    /// What every binding may have.
    fn properties(&mut self, properties: &Properties) {
        let Properties { suite, options, layout, timestamp, .. } = properties;
        let SuiteOptions { canonicalization, soap_normalization, str_transform } = options;
        self.nesting("AlgorithmSuite", |expression| {
            if suite.namespace.is_empty() {
                expression.bare(suite.name);
            } else {
                expression.element("suite", suite.namespace, suite.name, |_| {});
            }
            match canonicalization {
                Canonicalization::Exclusive => {}
                Canonicalization::Inclusive => expression.bare("InclusiveC14N"),
                Canonicalization::Inclusive11 => expression.bare("InclusiveC14N11"),
            }
            for (is, local) in [(*soap_normalization, "SOAPNormalization10"), (*str_transform, "STRTransform10")] {
                if is {
                    expression.bare(local);
                }
            }
        });
        self.nesting("Layout", |expression| {
            expression.bare(match layout {
                Layout::Strict => "Strict",
                Layout::Lax => "Lax",
                Layout::LaxTimestampFirst => "LaxTsFirst",
                Layout::LaxTimestampLast => "LaxTsLast",
            });
        });
        if *timestamp {
            self.bare("IncludeTimestamp");
        }
    }

    /// What a binding that protects messages says of signing and encrypting.
    fn sequence(&mut self, properties: &Properties) {
        let words = [
            (properties.order == ProtectionOrder::EncryptBeforeSign, "EncryptBeforeSigning"),
            (properties.encrypt_signature, "EncryptSignature"),
            (properties.protect_tokens, "ProtectTokens"),
            // WCF imports no binding without it.
            (true, "OnlySignEntireHeadersAndBody"),
        ];
        for (is, local) in words {
            if is {
                self.bare(local);
            }
        }
    }

    /// Every form of reference is understood.
    fn wss(&mut self, wss: Wss) {
        self.nesting(if wss.v11 { "Wss11" } else { "Wss10" }, |expression| {
            expression.bare("MustSupportRefKeyIdentifier");
            expression.bare("MustSupportRefIssuerSerial");
            if wss.v11 {
                expression.bare("MustSupportRefThumbprint");
                expression.bare("MustSupportRefEncryptedKey");
            }
            if wss.signature_confirmation {
                expression.bare("RequireSignatureConfirmation");
            }
        });
    }

    fn trust(&mut self, trust: Trust) {
        let fill = |expression: &mut Self| {
            expression.nested(|expression| {
                expression.bare("MustSupportIssuedTokens");
                if trust.client_entropy {
                    expression.bare("RequireClientEntropy");
                }
                if trust.server_entropy {
                    expression.bare("RequireServerEntropy");
                }
            });
        };
        match trust.version {
            // In the namespace of the policy, as policies of both generations have it.
            TrustVersion::February2005 => self.assertion("Trust10", fill),
            TrustVersion::V13 => self.assertion_12("Trust13", fill),
        }
    }
}
