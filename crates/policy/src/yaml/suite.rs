//! An algorithm suite, as a policy file says it.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::is_default;
use crate::model::{Canonicalization, SuiteOptions};
use crate::suite::{OTHER_NAMES, SUITES, Suite};

/// A suite by its name, or with what the policy says of it besides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SuiteTerms {
    suite: &'static Suite,
    options: SuiteOptions,
}

/// A suite at length.
#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Written {
    /// The suite.
    name: Name,
    /// The namespace of the name, where two stacks call suites of their own alike.
    #[serde(default, skip_serializing_if = "is_default")]
    namespace: Option<String>,
    /// How what is signed is canonicalised.
    #[serde(default, skip_serializing_if = "is_default")]
    canonicalization: Canonicalization,
    /// `SOAPNormalization10`.
    #[serde(default, skip_serializing_if = "is_default")]
    soap_normalization10: bool,
    /// `STRTransform10`.
    #[serde(default, skip_serializing_if = "is_default")]
    str_transform10: bool,
}

/// The name of a suite.
#[derive(Deserialize, Serialize)]
#[serde(transparent)]
struct Name(String);

impl JsonSchema for Name {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AlgorithmSuite".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut names: Vec<&str> = SUITES.iter().map(|suite| suite.name).collect();
        names.dedup();
        let mut seen = std::collections::HashSet::new();
        names.retain(|name| seen.insert(*name));
        json_schema!({ "type": "string", "enum": names })
    }
}

impl SuiteTerms {
    pub(super) fn model(self) -> (&'static Suite, SuiteOptions) {
        (self.suite, self.options)
    }

    pub(super) fn of(suite: &'static Suite, options: SuiteOptions) -> Self {
        Self { suite, options }
    }
}

/// WCF's default, and what stands for the suite of a transport binding that uses none.
impl Default for SuiteTerms {
    fn default() -> Self {
        Self { suite: &SUITES[0], options: SuiteOptions::default() }
    }
}

/// The suite of that name: WS-SecurityPolicy's own, or the first of another's.
fn named<E: Error>(name: &str, namespace: Option<&str>) -> Result<&'static Suite, E> {
    let found = match namespace {
        Some(namespace) => Suite::of(namespace, name),
        None => SUITES.iter().find(|suite| suite.name == name),
    };
    found.ok_or_else(|| {
        if OTHER_NAMES.contains(&name) {
            return E::custom(format!("the algorithm suite {name} is not built yet"));
        }
        let known: Vec<&str> =
            SUITES.iter().filter(|suite| suite.namespace.is_empty()).map(|suite| suite.name).collect();
        E::custom(format!("no algorithm suite is called {name}; there are {} and those of stacks", known.join(", ")))
    })
}

impl<'de> Deserialize<'de> for SuiteTerms {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Said;

        impl<'de> Visitor<'de> for Said {
            type Value = SuiteTerms;

            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("the name of an algorithm suite, or a mapping with one")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<SuiteTerms, E> {
                Ok(SuiteTerms { suite: named(text, None)?, options: SuiteOptions::default() })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SuiteTerms, A::Error> {
                let written = Written::deserialize(MapAccessDeserializer::new(map))?;
                Ok(SuiteTerms {
                    suite: named(&written.name.0, written.namespace.as_deref())?,
                    options: SuiteOptions {
                        canonicalization: written.canonicalization,
                        soap_normalization: written.soap_normalization10,
                        str_transform: written.str_transform10,
                    },
                })
            }
        }

        deserializer.deserialize_any(Said)
    }
}

impl Serialize for SuiteTerms {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { suite, options } = *self;
        let first = SUITES.iter().find(|other| other.name == suite.name) == Some(suite);
        if first && options == SuiteOptions::default() {
            return serializer.serialize_str(suite.name);
        }
        let written = Written {
            name: Name(suite.name.to_owned()),
            namespace: (!first).then(|| suite.namespace.to_owned()),
            canonicalization: options.canonicalization,
            soap_normalization10: options.soap_normalization,
            str_transform10: options.str_transform,
        };
        written.serialize(serializer)
    }
}

impl JsonSchema for SuiteTerms {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AlgorithmSuiteTerms".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The algorithms: the name of a suite, or a mapping with it and what the policy says besides.",
            "anyOf": [generator.subschema_for::<Name>(), generator.subschema_for::<Written>()]
        })
    }
}
