//! The model written as WS-SecurityPolicy: what is written reads back as the same model.
//!
//! `assertions.rs` writes bindings, their properties and what stands beside them, `token.rs` tokens and supporting tokens,
//! `parts.rs` what is signed, encrypted and required. `contract.rs` puts a policy into a contract, whose documents are
//! [`Documents`]: `scopes.rs` says what stands where in it, `edit.rs` changes the text, `check.rs` reads what came of it. The frame is WS-Policy 1.2 of September 2004, as WCF and CXF publish
//! both generations of WS-SecurityPolicy.

mod assertions;
mod check;
mod contract;
mod edit;
mod parts;
mod scopes;
mod token;

use nuncio_xml::Writer;

pub use contract::{Ports, Publication, Served};
pub(crate) use parts::prefixes;

pub use crate::documents::{DocumentKind, Documents};
use crate::error::PolicyError;
use crate::model::{Addressing, MessagePolicy, Policy, PolicyVersion};
use crate::names;

/// Writes a policy alone: its alternatives with all that they say, the parts of every message among it.
pub fn policy(alternatives: &[Policy]) -> String {
    Expression::written(None, |expression| {
        expression.choice(alternatives, |expression, policy| {
            expression.version = policy.version;
            expression.parts(&policy.parts);
            expression.endpoint(policy, Addressing::None);
        });
    })
}

/// Writes a policy of message scope, in a generation of WS-SecurityPolicy.
pub fn message(version: PolicyVersion, alternatives: &[MessagePolicy]) -> String {
    Expression::written(None, |expression| expression.messages(version, alternatives))
}

/// Why a contract cannot be published.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Unpublishable {
    /// What is published, or a document of it, cannot be read.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// It cannot be said in the contract: what clients read there would be another policy than the one that is served.
    #[error("its policy cannot be written into its contract so that clients read the same there")]
    Lost,
    /// A port without an address.
    #[error("its port has no address for SOAP")]
    NoAddress,
    /// No port is the one that is served.
    #[error("the contract has no port that is served")]
    NoPort,
    /// A document that is neither WSDL nor a schema, or a contract that is no WSDL.
    #[error("{at} is no contract, or no schema of one")]
    NotAContract {
        /// Where.
        at: String,
    },
    /// Too many imports.
    #[error("the documents of the contract have more than {limit} imports")]
    TooManyImports {
        /// How many there may be.
        limit: usize,
    },
    /// Too many documents, or too long ones.
    #[error("the contract has more than {documents} documents, or more than {octets} octets in them")]
    TooLarge {
        /// How many documents there may be.
        documents: usize,
        /// How many octets they may have together.
        octets: usize,
    },
}

/// A policy expression that is being written.
struct Expression {
    out: Writer,
    /// The generation of WS-SecurityPolicy whose assertions are written now.
    version: PolicyVersion,
    /// The addressing of the policy whose assertions are written now.
    around: Addressing,
}

impl Expression {
    /// A `wsp:Policy` with an id, and what `fill` puts into it.
    fn written(id: Option<&str>, fill: impl FnOnce(&mut Self)) -> String {
        let mut expression = Self { out: Writer::new(), version: PolicyVersion::V12, around: Addressing::None };
        expression.out.start("wsp", names::POLICY_2004, "Policy");
        if let Some(id) = id {
            expression.out.attribute_ns("wsu", names::UTILITY, "Id", id);
        }
        fill(&mut expression);
        expression.out.end();
        // The writer was given text alone.
        String::from_utf8_lossy(&expression.out.into_bytes()).into_owned()
    }

    /// The alternatives of a policy of message scope.
    fn messages(&mut self, version: PolicyVersion, alternatives: &[MessagePolicy]) {
        self.version = version;
        self.choice(alternatives, |expression, one| {
            expression.parts(&one.parts);
            expression.supporting(&one.supporting);
        });
    }

    /// Alternatives, in their order.
    fn choice<T>(&mut self, alternatives: &[T], write: impl Fn(&mut Self, &T)) {
        self.out.start("wsp", names::POLICY_2004, "ExactlyOne");
        for alternative in alternatives {
            self.out.start("wsp", names::POLICY_2004, "All");
            write(self, alternative);
            self.out.end();
        }
        self.out.end();
    }

    /// An assertion of WS-SecurityPolicy, in the namespace of the generation that is written, with what `fill` puts into it.
    fn assertion(&mut self, local: &str, fill: impl FnOnce(&mut Self)) {
        let namespace = self.namespace();
        self.element("sp", namespace, local, fill);
    }

    /// An assertion that WS-SecurityPolicy has since 1.2: in that namespace, whatever is around it.
    fn assertion_12(&mut self, local: &str, fill: impl FnOnce(&mut Self)) {
        let prefix = if self.version == PolicyVersion::V12 { "sp" } else { "sp12" };
        self.element(prefix, names::SECURITY_12, local, fill);
    }

    /// An assertion by its name alone.
    fn bare(&mut self, local: &str) {
        self.assertion(local, |_| {});
    }

    /// An assertion with a nested policy.
    fn nesting(&mut self, local: &str, fill: impl FnOnce(&mut Self)) {
        self.assertion(local, |expression| expression.nested(fill));
    }

    /// A nested policy.
    fn nested(&mut self, fill: impl FnOnce(&mut Self)) {
        self.element("wsp", names::POLICY_2004, "Policy", fill);
    }

    fn element(&mut self, prefix: &str, namespace: &str, local: &str, fill: impl FnOnce(&mut Self)) {
        self.out.start(prefix, namespace, local);
        fill(self);
        self.out.end();
    }

    fn namespace(&self) -> &'static str {
        match self.version {
            PolicyVersion::V11 => names::SECURITY_11,
            PolicyVersion::V12 => names::SECURITY_12,
        }
    }
}
