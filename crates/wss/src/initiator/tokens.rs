//! Which tokens an initiator has, and which alternatives of a policy they suffice for.

use std::sync::Arc;

use nuncio_policy::model::{Binding, Policy, SupportingToken, Token};

use crate::terms::Terms;

/// Which tokens there are.
#[derive(Clone, Copy)]
pub(super) struct Has {
    /// The service's certificate.
    pub(super) service: bool,
    pub(super) username: bool,
    /// A certificate with its key.
    pub(super) credential: bool,
}

impl Has {
    /// The first alternative that they suffice for; where they suffice for none, the first that there is.
    pub(super) fn enough(self, built: &[Arc<Terms>]) -> Option<Arc<Terms>> {
        built.iter().find(|terms| self.lacks(&terms.policy).is_none()).or(built.first()).map(Arc::clone)
    }

    /// What a policy asks for that is not there, if there is something.
    pub(super) fn lacks(self, policy: &Policy) -> Option<&'static str> {
        const SERVICE: &str = "the service's certificate";
        let protection = match &policy.binding {
            Binding::Transport(_) => None,
            Binding::Symmetric(binding) => match &binding.protection {
                Token::X509(_) => (!self.service).then_some(SERVICE),
                token => self.lacks_token(token),
            },
            Binding::Asymmetric(_) => {
                let own = (!self.credential).then_some("a client certificate");
                (!self.service).then_some(SERVICE).or(own)
            }
        };
        protection.or_else(|| {
            let mut demanded = policy.supporting.iter().filter(|supporting| !supporting.optional);
            demanded.find_map(|supporting| self.lacks_token(&supporting.token))
        })
    }

    fn lacks_token(self, token: &Token) -> Option<&'static str> {
        match token {
            Token::X509(_) => (!self.credential).then_some("a client certificate"),
            Token::Username(_) => (!self.username).then_some("a user name and password"),
            Token::SecureConversation(token) => self.lacks(&token.bootstrap),
        }
    }
}

/// Whether there is every one of these tokens that must be brought.
pub(super) fn has_every(supporting: &[SupportingToken], has: impl Fn(&Token) -> bool) -> bool {
    supporting.iter().all(|supporting| supporting.optional || has(&supporting.token))
}
