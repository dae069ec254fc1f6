//! What an operator said, in a YAML file or by a flag, and where: so that whatever is wrong with it can be told with file
//! and line.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error, IntoDeserializer, MapAccess, Visitor};
use serde_saphyr::Spanned;

use crate::error::Place;

thread_local! {
    /// The file that is being read on this thread: serde takes no word with it into what it reads.
    static READING: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Where an operator said something.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Origin {
    /// A line of a file.
    File(Place),
    /// A flag of the command line.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(place) => place.fmt(out),
            Self::Flag(flag) => write!(out, "--{flag}"),
        }
    }
}

/// Something that was said, and where.
#[derive(Clone, Debug)]
pub struct Said<T> {
    /// What was said.
    pub value: T,
    /// Where.
    pub origin: Origin,
}

impl<T> Said<T> {
    /// Said by a flag.
    pub fn flag(flag: &'static str, value: T) -> Self {
        Self { value, origin: Origin::Flag(flag) }
    }

    /// Said at the same place, as something else.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Said<U> {
        Said { value: change(self.value), origin: self.origin }
    }

    /// The same place, with another value.
    pub fn with<U>(&self, value: U) -> Said<U> {
        Said { value, origin: self.origin.clone() }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Said<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, referenced, .. } = Spanned::deserialize(deserializer)?;
        let file = READING.with_borrow(String::clone);
        let line = u32::try_from(referenced.line()).unwrap_or(u32::MAX);
        Ok(Self { value, origin: Origin::File(Place { file, line }) })
    }
}

/// As what is said alone.
impl<T: JsonSchema> JsonSchema for Said<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> std::borrow::Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// Something that can be said in one word or at length: a scalar, or a mapping.
#[derive(Clone, Debug)]
pub enum Brief<S, L> {
    /// In one word.
    Short(S),
    /// At length.
    Long(L),
}

impl<'de, S: Deserialize<'de>, L: Deserialize<'de>> Deserialize<'de> for Brief<S, L> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<S, L>(PhantomData<(S, L)>);

        impl<'de, S: Deserialize<'de>, L: Deserialize<'de>> Visitor<'de> for Either<S, L> {
            type Value = Brief<S, L>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a text or a mapping")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                S::deserialize(text.into_deserializer()).map(Brief::Short)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                L::deserialize(MapAccessDeserializer::new(map)).map(Brief::Long)
            }
        }

        deserializer.deserialize_any(Either(PhantomData))
    }
}

impl<S: JsonSchema, L: JsonSchema> JsonSchema for Brief<S, L> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Brief_{}_{}", S::schema_name(), L::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "anyOf": [generator.subschema_for::<S>(), generator.subschema_for::<L>()]
        })
    }
}

/// A file that is not the YAML that is asked for: `file:line: reason`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{at}: {reason}")]
pub struct NotRead {
    /// Where.
    pub at: Place,
    /// Why not, in one line.
    pub reason: String,
}

/// Reads the YAML of `file`, whose name is put to whatever is [`Said`] in it.
pub fn read<T: DeserializeOwned>(file: &str, yaml: &[u8]) -> Result<T, NotRead> {
    let before = READING.replace(file.to_owned());
    let read = serde_saphyr::from_slice(yaml);
    READING.set(before);
    read.map_err(|error| {
        let line = error.location().map_or(1, |location| u32::try_from(location.line()).unwrap_or(u32::MAX));
        NotRead { at: Place { file: file.to_owned(), line }, reason: reason(&error) }
    })
}

/// What the reader says, without its picture of the place and its own statement of the line.
fn reason(error: &serde_saphyr::Error) -> String {
    let text = error.without_snippet().to_string();
    let text =
        text.split_once(": ").filter(|(head, _)| head.starts_with("error: line")).map_or(&*text, |(_, rest)| rest);
    let text = text.lines().collect::<Vec<_>>().join(" ");
    match text.rfind(" at line ") {
        Some(at) if text[at..].contains(", column ") => text[..at].to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        #[serde(default)]
        names: Vec<Said<String>>,
        of: Option<Said<Brief<String, Long>>>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Long {
        name: Said<String>,
    }

    #[test]
    fn what_is_said_knows_its_file_and_line() {
        let file: File = read("a.yaml", b"names:\n  - x\n  - y\n").unwrap();
        let said: Vec<_> = file.names.iter().map(|name| format!("{}: {}", name.origin, name.value)).collect();
        assert_eq!(said, ["a.yaml:2: x", "a.yaml:3: y"]);
        assert_eq!(Said::flag("name", ()).origin.to_string(), "--name");
    }

    #[test]
    fn what_can_be_said_in_one_word_can_be_said_at_length() {
        let of = |yaml: &str| read::<File>("a.yaml", yaml.as_bytes()).map(|file| file.of.unwrap());
        let Brief::Short(short) = of("of: x").unwrap().value else { panic!("long") };
        assert_eq!(short, "x");
        let long = of("of:\n  name: y").unwrap();
        let Brief::Long(Long { name }) = long.value else { panic!("short") };
        assert_eq!((long.origin.to_string(), name.origin.to_string()), ("a.yaml:2".into(), "a.yaml:2".into()));
        assert!(of("of: [x]").unwrap_err().reason.contains("a text or a mapping"));
        assert_eq!(of("of:\n  name: y\n  other: 1").unwrap_err().at.line, 3);
    }

    #[test]
    fn what_is_not_asked_for_is_refused_with_its_line() {
        let reason = |yaml: &str| read::<File>("a.yaml", yaml.as_bytes()).unwrap_err().to_string();
        assert!(reason("\nother: 1\n").starts_with("a.yaml:2: unknown field"), "{}", reason("\nother: 1\n"));
        assert!(reason("names: []\nnames: []\n").starts_with("a.yaml:2: "), "{}", reason("names: []\nnames: []\n"));
    }
}
