//! The closed set of transforms: which octets of a document a digest is made of ([XML Signature 1.1] section 6.6).

use nuncio_xml::{Canonical, Document, Form, NodeId, Sink, TooLong, Writer, canonicalise};

use crate::names::{DSIG, ENVELOPED, EXCLUSIVE_C14N, INCLUSIVE_C14N, STR_TRANSFORM, WSSE};
use crate::shape::{Children, algorithm};
use crate::signature::Limits;
use crate::{Accepted, Invalid};

/// A canonicalisation algorithm. Those that keep comments are none: where comments count, readers have been made to
/// disagree about what was signed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum C14n {
    /// Exclusive XML Canonicalization 1.0: what every suite means that does not say otherwise.
    Exclusive,
    /// Canonical XML 1.0: `sp:InclusiveC14N`.
    Inclusive,
}

impl C14n {
    /// The URI of `ds:CanonicalizationMethod/@Algorithm` and `ds:Transform/@Algorithm`.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Exclusive => EXCLUSIVE_C14N,
            Self::Inclusive => INCLUSIVE_C14N,
        }
    }

    /// The algorithm of that URI, compared octet by octet.
    pub fn from_uri(uri: &str) -> Option<Self> {
        [Self::Exclusive, Self::Inclusive].into_iter().find(|algorithm| algorithm.uri() == uri)
    }
}

/// A canonicalisation with its parameter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Canonicalisation {
    /// Exclusive, with the `PrefixList` of its `ec:InclusiveNamespaces`; empty if there is none.
    Exclusive(Vec<String>),
    /// Inclusive.
    Inclusive,
}

/// What is done to the element that a reference names before it is digested. Every one ends in a canonicalisation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Transform {
    /// Nothing: the element itself.
    Plain(Canonicalisation),
    /// The signature within the element is left out ([XML Signature 1.1] section 6.6.4).
    Enveloped(Canonicalisation),
    /// The element is a `wsse:SecurityTokenReference`, and the token that it refers to is digested in its place
    /// ([WSS 1.1] section 8.3).
    Token(Canonicalisation),
}

impl Canonicalisation {
    /// Exclusive, without a list.
    pub(crate) const EXCLUSIVE: Self = Self::Exclusive(Vec::new());

    /// The algorithm.
    pub const fn algorithm(&self) -> C14n {
        match self {
            Self::Exclusive(_) => C14n::Exclusive,
            Self::Inclusive => C14n::Inclusive,
        }
    }

    /// Reads the algorithm and parameter of a `ds:CanonicalizationMethod` or `ds:Transform`; `accept` refuses an algorithm
    /// outside the suite.
    pub(crate) fn read(
        document: &Document,
        node: NodeId,
        accept: impl FnOnce(C14n) -> Result<(), Invalid>,
        limits: &Limits,
    ) -> Result<Self, Invalid> {
        const OF: &str = "Transform";
        let uri = algorithm(document, node, OF)?;
        let Some(algorithm) = C14n::from_uri(&uri) else {
            return Err(Invalid::AlgorithmNotAccepted(uri.into_owned()));
        };
        accept(algorithm)?;
        let mut children = Children::of(document, node, OF)?;
        let mut prefixes = Vec::new();
        if algorithm == C14n::Exclusive
            && let Some(inclusive) = children.optional(EXCLUSIVE_C14N, "InclusiveNamespaces")
        {
            Children::of(document, inclusive, "InclusiveNamespaces")?.end()?;
            let list = document.attribute(inclusive, "", "PrefixList").unwrap_or_default();
            for prefix in list.split_ascii_whitespace() {
                if prefixes.len() == limits.prefixes {
                    return Err(Invalid::TooMany { what: "inclusive prefixes", limit: limits.prefixes });
                }
                prefixes.push(prefix.to_owned());
            }
        }
        children.end()?;
        Ok(match algorithm {
            C14n::Exclusive => Self::Exclusive(prefixes),
            C14n::Inclusive => Self::Inclusive,
        })
    }

    /// Writes algorithm and parameter into the started `ds:CanonicalizationMethod` or `ds:Transform`.
    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.attribute("Algorithm", self.algorithm().uri());
        if let Self::Exclusive(prefixes) = self
            && !prefixes.is_empty()
        {
            writer.start("ec", EXCLUSIVE_C14N, "InclusiveNamespaces");
            writer.attribute("PrefixList", &prefixes.join(" "));
            writer.end();
        }
    }

    /// Writes the canonical form of `apex` to `sink`, and tells how many octets it has: at most `limit`.
    pub(crate) fn octets(
        &self,
        document: &Document,
        apex: NodeId,
        as_transform: &As,
        limit: usize,
        sink: &mut impl Sink,
    ) -> Result<usize, TooLong> {
        let prefixes: Vec<&str>;
        let form = match self {
            Self::Exclusive(list) => {
                prefixes = list.iter().map(String::as_str).collect();
                Form::Exclusive(&prefixes)
            }
            Self::Inclusive => Form::Inclusive,
        };
        let plain = Canonical::of(form);
        let how = match as_transform {
            As::Plain => plain,
            As::Enveloped { signature } => Canonical { without: Some(*signature), ..plain },
            As::Token => Canonical { declares_default: true, ..plain },
        };
        canonicalise(document, apex, &how, limit, sink)
    }
}

/// As what an element is canonicalised: see [`Transform`].
pub(crate) enum As {
    Plain,
    Enveloped { signature: NodeId },
    Token,
}

impl Transform {
    /// The canonicalisation at its end.
    pub const fn canonicalisation(&self) -> &Canonicalisation {
        match self {
            Self::Plain(how) | Self::Enveloped(how) | Self::Token(how) => how,
        }
    }

    /// Reads the `ds:Transforms` at `node`; `is_enveloped` lets a signature within what it signs in.
    pub(crate) fn read(
        document: &Document,
        node: NodeId,
        accepted: &Accepted,
        limits: &Limits,
        is_enveloped: bool,
    ) -> Result<Self, Invalid> {
        let canonicalisation =
            |node| Canonicalisation::read(document, node, |algorithm| accepted.transform(algorithm), limits);
        let mut children = Children::of(document, node, "Transforms")?;
        let first = children.required(DSIG, "Transform")?;
        let transform = match algorithm(document, first, "Transform")?.as_ref() {
            ENVELOPED if is_enveloped => {
                Children::of(document, first, "Transform")?.end()?;
                let second = children.required(DSIG, "Transform")?;
                Self::Enveloped(canonicalisation(second)?)
            }
            STR_TRANSFORM => {
                let mut inner = Children::of(document, first, "Transform")?;
                let parameters = inner.required(WSSE, "TransformationParameters")?;
                inner.end()?;
                let mut inner = Children::of(document, parameters, "TransformationParameters")?;
                let method = inner.required(DSIG, "CanonicalizationMethod")?;
                inner.end()?;
                Self::Token(canonicalisation(method)?)
            }
            _ => Self::Plain(canonicalisation(first)?),
        };
        children.end()?;
        Ok(transform)
    }

    /// Writes `ds:Transforms`.
    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.start("", DSIG, "Transforms");
        writer.start("", DSIG, "Transform");
        match self {
            Self::Plain(canonicalisation) => canonicalisation.write(writer),
            Self::Enveloped(canonicalisation) => {
                writer.attribute("Algorithm", ENVELOPED);
                writer.end();
                writer.start("", DSIG, "Transform");
                canonicalisation.write(writer);
            }
            Self::Token(canonicalisation) => {
                writer.attribute("Algorithm", STR_TRANSFORM);
                writer.start("o", WSSE, "TransformationParameters");
                writer.start("", DSIG, "CanonicalizationMethod");
                canonicalisation.write(writer);
                writer.end();
                writer.end();
            }
        }
        writer.end();
        writer.end();
    }
}
