//! A list, or something else in its place.

use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor};

/// A list of things, or one thing of another kind: a word, or a mapping.
#[derive(Clone, Debug)]
pub(crate) enum Several<T, O> {
    /// A list.
    List(Vec<T>),
    /// Something else.
    Other(O),
}

impl<T, O> Default for Several<T, O> {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>, O: Deserialize<'de>> Deserialize<'de> for Several<T, O> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T, O>(PhantomData<(T, O)>);

        impl<'de, T: Deserialize<'de>, O: Deserialize<'de>> Visitor<'de> for Either<T, O> {
            type Value = Several<T, O>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a list, or what may stand in its place")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(Several::List)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                O::deserialize(MapAccessDeserializer::new(map)).map(Several::Other)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                O::deserialize(text.into_deserializer()).map(Several::Other)
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
                O::deserialize(value.into_deserializer()).map(Several::Other)
            }
        }

        deserializer.deserialize_any(Either(PhantomData))
    }
}

impl<T: JsonSchema, O: JsonSchema> JsonSchema for Several<T, O> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Several_{}_{}", T::schema_name(), O::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [generator.subschema_for::<Vec<T>>(), generator.subschema_for::<O>()]
        })
    }
}

/// The word `off`, which older readers of YAML take for `false`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Off;

impl<'de> Deserialize<'de> for Off {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Word;

        impl Visitor<'_> for Word {
            type Value = Off;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a list, or `off`")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Off, E> {
                if text == "off" { Ok(Off) } else { Err(E::custom(format!("{text:?} is neither a list nor `off`"))) }
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Off, E> {
                if value { Err(E::custom("it is neither a list nor `off`")) } else { Ok(Off) }
            }
        }

        deserializer.deserialize_any(Word)
    }
}

impl JsonSchema for Off {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Off".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "enum": ["off", false] })
    }
}
