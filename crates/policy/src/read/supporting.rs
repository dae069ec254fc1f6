//! Supporting tokens (WS-SecurityPolicy 1.2, section 8).

use super::Reader;
use super::normal::Assertion;
use crate::error::PolicyError;
use crate::model::{Parts, SupportingToken};

/// What a kind of supporting token does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Duty {
    signed: bool,
    encrypted: bool,
    endorsing: bool,
}

/// The duty that the name of an assertion says; `None` where it is not one of supporting tokens.
pub(crate) fn duty(local: &str) -> Option<Duty> {
    let mut rest = local.strip_suffix("SupportingTokens")?;
    let mut take = |word| match rest.strip_prefix(word) {
        Some(after) => {
            rest = after;
            true
        }
        None => false,
    };
    // In this order, as in `SignedEndorsingEncryptedSupportingTokens`.
    let duty = Duty { signed: take("Signed"), endorsing: take("Endorsing"), encrypted: take("Encrypted") };
    rest.is_empty().then_some(duty)
}

impl Reader<'_> {
    /// Reads one assertion of supporting tokens.
    ///
    /// WS-SecurityPolicy 1.1 has no word for encrypted ones; WCF means them where it writes a user name among
    /// `SignedSupportingTokens` under a symmetric binding. What is written is what is read.
    pub(super) fn supporting(
        &self,
        assertion: &Assertion<'_>,
        duty: Duty,
        into: &mut Vec<SupportingToken>,
    ) -> Result<(), PolicyError> {
        let mut tokens = Vec::new();
        let mut parts = Parts::default();
        for nested in &assertion.nested {
            if self.parts(nested, &mut parts)? {
                continue;
            }
            let token = match self.token(nested) {
                Ok(token) => token,
                // The message may lack it, and from us it will.
                Err(error) if (nested.optional || assertion.optional) && error.is_not_built() => {
                    let words = "may be left out of messages, is not built, and is left out";
                    self.library.remark(nested.element, format!("{} {words}", nested.element.local));
                    continue;
                }
                Err(error) => return Err(error),
            };
            tokens.push((token, nested.optional || assertion.optional));
        }
        if tokens.is_empty() && !assertion.optional && !assertion.nested.iter().any(|nested| nested.optional) {
            return Err(self.missing(assertion, "token"));
        }
        let Duty { signed, encrypted, endorsing } = duty;
        into.extend(tokens.into_iter().map(|(token, optional)| SupportingToken {
            token,
            signed,
            encrypted,
            endorsing,
            optional,
            parts: parts.clone(),
        }));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_the_duty() {
        let duty = |name| duty(name).map(|duty| (duty.signed, duty.encrypted, duty.endorsing));
        assert_eq!(duty("SupportingTokens"), Some((false, false, false)));
        assert_eq!(duty("SignedSupportingTokens"), Some((true, false, false)));
        assert_eq!(duty("EndorsingSupportingTokens"), Some((false, false, true)));
        assert_eq!(duty("SignedEndorsingSupportingTokens"), Some((true, false, true)));
        assert_eq!(duty("EncryptedSupportingTokens"), Some((false, true, false)));
        assert_eq!(duty("SignedEncryptedSupportingTokens"), Some((true, true, false)));
        assert_eq!(duty("EndorsingEncryptedSupportingTokens"), Some((false, true, true)));
        assert_eq!(duty("SignedEndorsingEncryptedSupportingTokens"), Some((true, true, true)));
        assert_eq!(duty("EncryptedSignedSupportingTokens"), None);
        assert_eq!(duty("SupportingToken"), None);
    }
}
