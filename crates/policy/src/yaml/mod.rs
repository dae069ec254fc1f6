//! Policies as files in YAML say them: a preset with its attributes, a contract, or the words of WS-SecurityPolicy.
//!
//! [`PolicyFile`] is such a file, and `file.rs` tells what kind it is. `attributes.rs` has the attributes of the products, which
//! `wse.rs` and `wcf.rs` make policies of, and `overrides.rs` what is changed of one. `terms.rs`, `token.rs`, `parts.rs`, `suite.rs`
//! and `operations.rs` have the words of WS-SecurityPolicy; `write.rs` writes a policy in them.

mod attributes;
mod file;
mod operations;
mod overrides;
mod parts;
mod suite;
mod terms;
mod token;
mod wcf;
mod write;
mod wse;

use std::path::PathBuf;
use std::time::Duration;

pub use file::PolicyFile;
pub use terms::PolicyTerms;
pub use write::write;

use crate::error::Place;
use crate::model::{Binding, DerivedKeys, Operation, Policy, SoapVersion, Token};
use crate::said::{NotRead, Origin, Said};

/// What a policy file says.
#[derive(Clone, Debug)]
pub enum Source {
    /// The policy of a contract.
    Contract(Contract),
    /// A policy.
    Stated(Stated),
}

/// Where the policy of a contract is.
#[derive(Clone, Debug)]
pub struct Contract {
    /// The file with the contract, as it is named.
    pub wsdl: Said<PathBuf>,
    /// The port, where it is named.
    pub port: Option<Said<String>>,
}

/// A policy that a file states.
#[derive(Clone, Debug)]
pub struct Stated {
    /// What it is called: the preset's name.
    pub name: String,
    /// The versions of SOAP that such an endpoint speaks. Never empty.
    pub soap: Vec<SoapVersion>,
    /// Its alternatives, in the order in which they are preferred. Never empty.
    pub alternatives: Vec<Policy>,
    /// The operations that it names; none where it holds for whatever operations there are.
    pub operations: Vec<Operation>,
    /// What it says that is no policy.
    pub settings: Settings,
}

/// What products have among the attributes of a policy and clients never read there: settings of who serves it, or calls.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// For how long a message is good (`ttlInSeconds`).
    pub message_lifetime: Option<Said<Duration>>,
    /// Whether a client asks for a new context as the one it has expires (`renewExpiredSecurityContext`).
    pub renew_expired_context: Option<bool>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Refuses what was said there.
fn refuse(origin: &Origin, reason: String) -> NotRead {
    let at = match origin {
        Origin::File(place) => place.clone(),
        Origin::Flag(_) => Place { file: origin.to_string(), line: 1 },
    };
    NotRead { at, reason }
}

/// Has the keys of a policy's binding derived so, but not those of the policy within it.
fn derive(policy: &mut Policy, derived: DerivedKeys) {
    match &mut policy.binding {
        Binding::Transport(_) => {}
        Binding::Symmetric(binding) => match &mut binding.protection {
            Token::X509(token) => token.derived_keys = derived,
            Token::SecureConversation(token) => token.derived_keys = derived,
            Token::Username(token) => token.derived_keys = derived,
        },
        Binding::Asymmetric(binding) => {
            binding.initiator.derived_keys = derived;
            binding.recipient.derived_keys = derived;
        }
    }
}
