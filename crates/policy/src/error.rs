//! Why a policy or a contract is not usable: the operator's error, with file and line.

use nuncio_xml::foreign::{Element, ForeignReason};

/// Where in an operator's file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    /// The file, as the caller named it.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl Place {
    /// The place of an element.
    pub(crate) fn of(file: &str, element: &Element) -> Self {
        Self { file: file.to_owned(), line: element.line }
    }
}

/// What is odd about a policy or a contract that is usable: a mistake that was read for what it evidently means, or a
/// part that was left out. For the operator, who may want to know.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Remark {
    /// Where.
    pub at: Place,
    /// What, in words.
    pub words: String,
}

impl std::fmt::Display for Remark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.at, self.words)
    }
}

/// Why a policy or a contract is not usable.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// An attribute has a value that its specification does not give it.
    #[error("{at}: {attribute} cannot be {value:?}")]
    BadValue {
        /// Where.
        at: Place,
        /// The attribute.
        attribute: &'static str,
        /// Its value.
        value: String,
    },
    /// A policy refers to itself, perhaps through others.
    #[error("{at}: policy {reference} refers to itself")]
    CircularReference {
        /// The reference that closes the circle.
        at: Place,
        /// What it refers to.
        reference: String,
    },
    /// Assertions, or an assertion and an attribute, that no message can satisfy together.
    #[error("{at}: {assertion} contradicts {other}")]
    Contradiction {
        /// The token that says both.
        at: Place,
        /// The one.
        assertion: &'static str,
        /// The other.
        other: &'static str,
    },
    /// A policy is elsewhere.
    #[error("{at}: policy {reference} is not in this file")]
    ExternalReference {
        /// The reference.
        at: Place,
        /// What it refers to.
        reference: String,
    },
    /// A name that the contract uses and only imports: one file must hold all of a contract.
    #[error("{at}: {kind} {name} is not defined in this file, which imports {location}: all must be in one file")]
    Imported {
        /// Where it is used.
        at: Place,
        /// What should have the name.
        kind: &'static str,
        /// The name as written.
        name: String,
        /// The first import's location.
        location: String,
    },
    /// A name that the contract uses and only imports, from a document that is not among its documents.
    #[error(
        "{at}: {kind} {name} is not defined in the contract, which imports {location}: that is not among its documents"
    )]
    NotAmong {
        /// Where it is used.
        at: Place,
        /// What should have the name.
        kind: &'static str,
        /// The name as written.
        name: String,
        /// The location of the import that may have it.
        location: String,
    },
    /// Something that an assertion, or a contract, cannot be without.
    #[error("{at}: {within} has no {what}")]
    Missing {
        /// Where.
        at: Place,
        /// What is missing.
        what: &'static str,
        /// What should have it.
        within: String,
    },
    /// A policy that no message can satisfy (`ExactlyOne` with nothing in it).
    #[error("{at}: the policy has no alternative")]
    NoAlternative {
        /// The policy.
        at: Place,
    },
    /// A contract without a port that speaks SOAP.
    #[error("{file}: no port with a SOAP binding")]
    NoPort {
        /// The file.
        file: String,
    },
    /// Not a WSDL 1.1 document.
    #[error("{at}: a contract begins with definitions of WSDL 1.1, not with {root}")]
    NotAContract {
        /// The root element.
        at: Place,
        /// Its name.
        root: String,
    },
    /// A known assertion that is not built yet.
    #[error("{at}: {assertion} ({namespace}) is not built yet")]
    NotBuilt {
        /// The assertion.
        at: Place,
        /// Its local name.
        assertion: String,
        /// Its namespace.
        namespace: String,
    },
    /// A known assertion that is built, but not in the place where it stands.
    #[error("{at}: {assertion} ({namespace}) is not built yet {position}")]
    NotBuiltHere {
        /// The assertion.
        at: Place,
        /// Its local name.
        assertion: String,
        /// Its namespace.
        namespace: String,
        /// What the place is: "as a protection token", "at message scope".
        position: &'static str,
    },
    /// A file without any policy.
    #[error("{file}: no policy in it")]
    NoPolicy {
        /// The file.
        file: String,
    },
    /// A path that leads elsewhere than down by names.
    #[error("{at}: of the XPath {path:?}, what begins with {rest:?} is not built yet")]
    Path {
        /// The path's element.
        at: Place,
        /// The path.
        path: String,
        /// The rest of it that is not read.
        rest: String,
    },
    /// An assertion that may stand only once.
    #[error("{at}: a second {assertion} in one alternative")]
    Repeated {
        /// The second one.
        at: Place,
        /// Its local name.
        assertion: String,
    },
    /// A file of several policies, where one is wanted.
    #[error("{at}: a second policy beside the one in line {first}")]
    SeveralPolicies {
        /// The second one.
        at: Place,
        /// The line of the first one.
        first: u32,
    },
    /// More alternatives than are read.
    #[error("{at}: the policy has more than {limit} alternatives")]
    TooManyAlternatives {
        /// Where they exceed it.
        at: Place,
        /// How many are read.
        limit: usize,
    },
    /// More assertions than are read.
    #[error("{at}: an alternative has more than {limit} assertions")]
    TooManyAssertions {
        /// Where they exceed it.
        at: Place,
        /// How many are read.
        limit: usize,
    },
    /// More references between policies than are followed.
    #[error("{at}: more than {limit} references, or {nested} within one another")]
    TooManyReferences {
        /// The reference that is one too many.
        at: Place,
        /// How many are followed for one policy.
        limit: usize,
        /// How many policies may stand in one another.
        nested: usize,
    },
    /// A file whose policies take more work than is done.
    #[error("{at}: the policies of this file are too intricate: they multiply to more than {limit} assertions")]
    TooIntricate {
        /// Where that was found.
        at: Place,
        /// How many assertions are gone through, each time that one is.
        limit: usize,
    },
    /// More parts than are read.
    #[error("{at}: {assertion} has more than {limit} parts")]
    TooManyParts {
        /// The assertion.
        at: Place,
        /// Its local name.
        assertion: String,
        /// How many are read.
        limit: usize,
    },
    /// A binding to another transport than HTTP.
    #[error("{at}: transport {transport} is not built yet")]
    Transport {
        /// The SOAP binding.
        at: Place,
        /// The transport's URI.
        transport: String,
    },
    /// An assertion that is not known at all.
    #[error("{at}: {assertion} ({namespace}) is not known")]
    UnknownAssertion {
        /// The assertion.
        at: Place,
        /// Its local name.
        assertion: String,
        /// Its namespace.
        namespace: String,
    },
    /// A name that the contract uses and does not define.
    #[error("{at}: {kind} {name} is not defined in this file")]
    UnknownName {
        /// Where it is used.
        at: Place,
        /// What should have the name.
        kind: &'static str,
        /// The name as written.
        name: String,
    },
    /// A reference to a policy that is not there, or there twice.
    #[error("{at}: {found} policies have the id {reference}")]
    UnknownReference {
        /// The reference.
        at: Place,
        /// What it refers to.
        reference: String,
        /// How many policies have that id: none, or more than one.
        found: usize,
    },
    /// The file is not XML that is read.
    #[error("{at}: {reason}")]
    Unreadable {
        /// Where.
        at: Place,
        /// What is wrong.
        reason: ForeignReason,
    },
}

impl PolicyError {
    /// Whether the policy asks for something that is known and not built.
    pub fn is_not_built(&self) -> bool {
        matches!(self, Self::NotBuilt { .. } | Self::NotBuiltHere { .. } | Self::Path { .. })
    }
}
