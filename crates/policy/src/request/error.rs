//! Why a request is not made: told to whoever wants it, in his words.

use crate::error::PolicyError;

/// Why a request is not made.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NotMade {
    /// The contract cannot be read.
    #[error(transparent)]
    Contract(#[from] PolicyError),
    /// No operation has that name.
    #[error("no operation is called {name}{}", there_is(.have))]
    NoOperation {
        /// The name.
        name: String,
        /// What there is.
        have: Vec<String>,
    },
    /// No port has that name.
    #[error("no port for SOAP is called {name}{}", there_is(.have))]
    NoPort {
        /// The name.
        name: String,
        /// What there is.
        have: Vec<String>,
    },
    /// The contract asks for something that is known and not built.
    #[error("{at}: {what} is not built yet")]
    NotBuilt {
        /// Where: an operation, or a path.
        at: String,
        /// What.
        what: String,
    },
    /// A name that the schemas use and do not define.
    #[error("{kind} {name} of namespace {namespace:?} is not defined in the schemas of the contract{}", imported(.location.as_deref()))]
    Undefined {
        /// What should have the name.
        kind: &'static str,
        /// Its namespace.
        namespace: String,
        /// Its local name.
        name: String,
        /// The import of that namespace that is not among the documents.
        location: Option<String>,
    },
    /// A name without meaning: its prefix is not declared.
    #[error("the prefix of {name} is not declared")]
    Prefix {
        /// The name as written.
        name: String,
    },
    /// A setting that is none.
    #[error("{setting:?} {reason}")]
    Setting {
        /// The path.
        setting: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Something was set that is not there.
    #[error("there is no {path}{}", there_is(.have))]
    Unknown {
        /// The path.
        path: String,
        /// What there is in its place.
        have: Vec<String>,
    },
    /// Something has no text of its own.
    #[error("{path} has no text of its own{}", there_is(.have))]
    NoText {
        /// The path.
        path: String,
        /// What there is within it.
        have: Vec<String>,
    },
    /// Something was set more often than it may stand, or beside what it excludes.
    #[error("{path} has no place: it may not stand so often, or not beside what else is set{}", hint(.path))]
    NoPlace {
        /// The path.
        path: String,
    },
    /// Something must be set, and is not.
    #[error("{} must be set", missing(.0))]
    Missing(
        /// Its path, and what it is.
        Vec<(String, String)>,
    ),
    /// A schema that goes round in circles, or that takes more than is done.
    #[error("the schemas of the contract are too intricate: they go round, or have more than {limit} parts")]
    TooIntricate {
        /// How many are looked at.
        limit: usize,
    },
}

fn there_is(have: &[String]) -> String {
    if have.is_empty() { ": there is nothing to be set".to_owned() } else { format!(": there is {}", have.join(", ")) }
}

fn imported(location: Option<&str>) -> String {
    location.map_or_else(String::new, |location| format!(", which import {location}: that is not among them"))
}

fn hint(path: &str) -> String {
    path.rsplit_once('/').map_or_else(String::new, |(outer, _)| format!(" (another {outer} is {outer}[2])"))
}

fn missing(missing: &[(String, String)]) -> String {
    missing.iter().map(|(path, what)| format!("{path} ({what})")).collect::<Vec<_>>().join(", ")
}
