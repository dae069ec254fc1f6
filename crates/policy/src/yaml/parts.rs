//! What is signed, encrypted and required, as a policy file says it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use super::is_default;
use crate::model::{Addressing, ElementPath, HeaderPart, PartSet, Parts};
use crate::names;
use crate::publish::prefixes;
use crate::read::path::{self, Problem};

/// What of a message is signed, encrypted, or must be there.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct PartsTerms {
    /// `SignedParts`: what is signed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub signed_parts: SetTerms,
    /// `EncryptedParts`: what is encrypted.
    #[serde(default, skip_serializing_if = "is_default")]
    pub encrypted_parts: SetTerms,
    /// `SignedElements`: elements that are signed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub signed_elements: Vec<PathTerms>,
    /// `EncryptedElements`: elements that are encrypted.
    #[serde(default, skip_serializing_if = "is_default")]
    pub encrypted_elements: Vec<PathTerms>,
    /// `ContentEncryptedElements`: elements of which what is within them is encrypted.
    #[serde(default, skip_serializing_if = "is_default")]
    pub content_encrypted_elements: Vec<PathTerms>,
    /// `RequiredParts`: headers that must be there.
    #[serde(default, skip_serializing_if = "is_default")]
    pub required_parts: Vec<HeaderTerms>,
    /// `RequiredElements`: elements that must be there.
    #[serde(default, skip_serializing_if = "is_default")]
    pub required_elements: Vec<PathTerms>,
}

/// A set of message parts.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct SetTerms {
    /// The body.
    #[serde(default, skip_serializing_if = "is_default")]
    pub body: bool,
    /// Every header of the message.
    #[serde(default, skip_serializing_if = "is_default")]
    pub every_header: bool,
    /// The headers of addressing that a message has: `To`, `From`, `FaultTo`, `ReplyTo`, `MessageID`, `RelatesTo` and
    /// `Action`, of the version of WS-Addressing that the policy says.
    #[serde(default, skip_serializing_if = "is_default")]
    pub addressing: bool,
    /// Headers by name.
    #[serde(default, skip_serializing_if = "is_default")]
    pub headers: Vec<HeaderTerms>,
}

/// A header.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct HeaderTerms {
    /// The local name; without it, every header of the namespace.
    #[serde(default, skip_serializing_if = "is_default")]
    pub name: Option<String>,
    /// The namespace.
    pub namespace: String,
}

/// Elements by an XPath that leads down from the envelope by names, such as `/s:Envelope/s:Body//a:Amount`.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
#[schemars(deny_unknown_fields)]
pub(super) struct PathTerms {
    /// The XPath. A name without prefix is in no namespace; `*[local-name()='Amount']` is one in any.
    xpath: String,
    /// What its prefixes stand for.
    #[serde(skip_serializing_if = "is_default")]
    #[schemars(default)]
    namespaces: BTreeMap<String, String>,
    #[serde(skip)]
    #[schemars(skip)]
    path: ElementPath,
}

impl<'de> Deserialize<'de> for PathTerms {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Written {
            xpath: String,
            #[serde(default)]
            namespaces: BTreeMap<String, String>,
        }

        let Written { xpath, namespaces } = Written::deserialize(deserializer)?;
        let steps = path::parse(&|prefix| namespaces.get(prefix).cloned(), &xpath);
        let steps = steps.map_err(|problem| match problem {
            Problem::NotRead(rest) => {
                D::Error::custom(format!("of the XPath {xpath:?}, what begins with {rest:?} is not built yet"))
            }
            Problem::Prefix(prefix) => {
                D::Error::custom(format!("the prefix {prefix} of the XPath {xpath:?} is not among its namespaces"))
            }
        })?;
        let path = ElementPath { text: xpath.trim().to_owned(), steps };
        Ok(Self { xpath, namespaces, path })
    }
}

impl From<&ElementPath> for PathTerms {
    fn from(path: &ElementPath) -> Self {
        let of = |(prefix, namespace): (&str, &str)| (prefix.to_owned(), namespace.to_owned());
        let namespaces = prefixes(path).into_iter().map(of).collect();
        Self { xpath: path.text.clone(), namespaces, path: path.clone() }
    }
}

/// The headers that both versions of WS-Addressing have, in the order in which products write them.
const ADDRESSING: [&str; 7] = ["To", "From", "FaultTo", "ReplyTo", "MessageID", "RelatesTo", "Action"];

/// The headers of a version of WS-Addressing; none where there is none.
pub(super) fn addressing_headers(addressing: Addressing) -> Vec<HeaderPart> {
    let namespace = match addressing {
        Addressing::None => return Vec::new(),
        Addressing::August2004 => names::ADDRESSING_2004,
        Addressing::V10 => names::ADDRESSING_10,
    };
    let header = |name: &str| HeaderPart { name: Some(name.to_owned()), namespace: namespace.to_owned() };
    ADDRESSING.map(header).into()
}

impl HeaderTerms {
    pub(super) fn model(self) -> HeaderPart {
        HeaderPart { name: self.name, namespace: self.namespace }
    }

    fn of(part: &HeaderPart) -> Self {
        Self { name: part.name.clone(), namespace: part.namespace.clone() }
    }
}

impl SetTerms {
    pub(super) fn model(self, addressing: Addressing) -> PartSet {
        let mut headers = if self.addressing { addressing_headers(addressing) } else { Vec::new() };
        headers.extend(self.headers.into_iter().map(HeaderTerms::model));
        PartSet { body: self.body, every_header: self.every_header, headers }
    }

    fn of(set: &PartSet, addressing: Addressing) -> Self {
        let all = addressing_headers(addressing);
        let rest = set.headers.strip_prefix(&*all).filter(|_| !all.is_empty());
        let headers = rest.unwrap_or(&set.headers).iter().map(HeaderTerms::of).collect();
        Self { body: set.body, every_header: set.every_header, addressing: rest.is_some(), headers }
    }
}

impl PartsTerms {
    /// What these terms say in a policy of that addressing.
    pub(super) fn model(self, addressing: Addressing) -> Parts {
        let paths = |paths: Vec<PathTerms>| paths.into_iter().map(|terms| terms.path).collect();
        Parts {
            signed: self.signed_parts.model(addressing),
            encrypted: self.encrypted_parts.model(addressing),
            signed_elements: paths(self.signed_elements),
            encrypted_elements: paths(self.encrypted_elements),
            content_encrypted_elements: paths(self.content_encrypted_elements),
            required: self.required_parts.into_iter().map(HeaderTerms::model).collect(),
            required_elements: paths(self.required_elements),
        }
    }

    pub(super) fn of(parts: &Parts, addressing: Addressing) -> Self {
        let paths = |paths: &[ElementPath]| paths.iter().map(PathTerms::from).collect();
        Self {
            signed_parts: SetTerms::of(&parts.signed, addressing),
            encrypted_parts: SetTerms::of(&parts.encrypted, addressing),
            signed_elements: paths(&parts.signed_elements),
            encrypted_elements: paths(&parts.encrypted_elements),
            content_encrypted_elements: paths(&parts.content_encrypted_elements),
            required_parts: parts.required.iter().map(HeaderTerms::of).collect(),
            required_elements: paths(&parts.required_elements),
        }
    }
}
