//! Numbers as people write them: `1 MiB`, `30s`.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A size in octets: a number, or one with `KiB`, `MiB` or `GiB`. Never zero.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Octets(pub(super) usize);

/// A count. Never zero.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Count(pub(super) usize);

/// A share of a hundred. Never zero.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Percent(pub(super) usize);

/// By how much something may be less, in per cent: a tenth at the most, or nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Jitter(u8);

/// A stretch of time: a number with `ms`, `s`, `m` or `h`. Never zero.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Span(pub(super) Duration);

impl From<Octets> for usize {
    fn from(octets: Octets) -> Self {
        octets.0
    }
}

impl From<Count> for usize {
    fn from(count: Count) -> Self {
        count.0
    }
}

impl From<Percent> for usize {
    fn from(percent: Percent) -> Self {
        percent.0
    }
}

impl From<Jitter> for u8 {
    fn from(jitter: Jitter) -> Self {
        jitter.0
    }
}

impl From<Span> for Option<Duration> {
    fn from(span: Span) -> Self {
        Some(span.0)
    }
}

/// A time that may be none: `0s`, `5s`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Delay(Duration);

impl From<Delay> for Duration {
    fn from(delay: Delay) -> Self {
        delay.0
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        span.0
    }
}

impl Octets {
    fn parse(text: &str) -> Option<Self> {
        let (number, unit) = split(text)?;
        let factor: usize = match unit {
            "" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return None,
        };
        let octets = usize::try_from(number).ok()?.checked_mul(factor)?;
        (octets > 0).then_some(Self(octets))
    }
}

impl Count {
    fn parse(text: &str) -> Option<Self> {
        let (number, unit) = split(text)?;
        let count = usize::try_from(number).ok()?;
        (unit.is_empty() && count > 0).then_some(Self(count))
    }
}

impl Percent {
    fn parse(text: &str) -> Option<Self> {
        let (number, unit) = split(text)?;
        let percent = usize::try_from(number).ok()?;
        (matches!(unit, "" | "%") && (1..=100).contains(&percent)).then_some(Self(percent))
    }
}

impl Jitter {
    fn parse(text: &str) -> Option<Self> {
        let (number, unit) = split(text)?;
        let percent = u8::try_from(number).ok()?;
        (matches!(unit, "" | "%") && percent <= 10).then_some(Self(percent))
    }
}

impl Span {
    fn parse(text: &str) -> Option<Self> {
        let (number, unit) = split(text)?;
        let millis = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        let millis = number.checked_mul(millis)?;
        // A year: a longer wait is a slip of the pen, and would overflow a deadline.
        (1..=365 * 24 * 3_600_000).contains(&millis).then_some(Self(Duration::from_millis(millis)))
    }
}

impl Delay {
    fn parse(text: &str) -> Option<Self> {
        match split(text)? {
            (0, "ms" | "s" | "m" | "h") => Some(Self(Duration::ZERO)),
            _ => Span::parse(text).map(|span| Self(span.0)),
        }
    }
}

/// Digits, and what stands behind them.
fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    Some((digits.parse().ok()?, unit.trim_start()))
}

/// Reads a scalar, number or text, by `parse`.
struct Scalar<T> {
    what: &'static str,
    parse: fn(&str) -> Option<T>,
}

impl<T> Visitor<'_> for Scalar<T> {
    type Value = T;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.what)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).ok_or_else(|| E::custom(format!("{text:?} is not {}", self.what)))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }
}

impl<'de> Deserialize<'de> for Octets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Scalar { what: "a size above zero, such as 64 KiB", parse: Self::parse })
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Scalar { what: "a number above zero", parse: Self::parse })
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Scalar { what: "a percentage from 1 to 100", parse: Self::parse })
    }
}

impl<'de> Deserialize<'de> for Jitter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Scalar { what: "a percentage from 0 to 10", parse: Self::parse })
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Scalar { what: "a time above zero, such as 30s", parse: Self::parse })
    }
}

impl<'de> Deserialize<'de> for Delay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Scalar { what: "a time, such as 0s or 5s", parse: Self::parse })
    }
}

/// A text of a form, or a number alone.
macro_rules! schema_of {
    ($scalar:ident, $pattern:literal) => {
        schema_of!($scalar, $pattern, 1);
    };
    ($scalar:ident, $pattern:literal, $least:literal) => {
        impl JsonSchema for $scalar {
            fn schema_name() -> Cow<'static, str> {
                stringify!($scalar).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": ["string", "integer"], "pattern": $pattern, "minimum": $least })
            }
        }
    };
}

schema_of!(Octets, "^[0-9]+ *([KMG]iB)?$");
schema_of!(Count, "^[0-9]+$");
schema_of!(Percent, "^[0-9]+ *%?$");
schema_of!(Jitter, "^[0-9]+ *%?$", 0);
schema_of!(Span, "^[0-9]+ *(ms|s|m|h)$");
schema_of!(Delay, "^[0-9]+ *(ms|s|m|h)$");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_read() {
        assert_eq!(Octets::parse("1 MiB"), Some(Octets(1_048_576)));
        assert_eq!(Octets::parse("64KiB"), Some(Octets(65_536)));
        assert_eq!(Octets::parse("7"), Some(Octets(7)));
        assert_eq!(Span::parse("30s"), Some(Span(Duration::from_secs(30))));
        assert_eq!(Delay::parse("0s"), Some(Delay(Duration::ZERO)));
        assert_eq!(Delay::parse("5s"), Some(Delay(Duration::from_secs(5))));
        assert_eq!((Delay::parse("0"), Delay::parse("0x")), (None, None));
        assert_eq!(Span::parse("250 ms"), Some(Span(Duration::from_millis(250))));
        assert_eq!(Count::parse("12"), Some(Count(12)));
        for text in ["", "0", "-1", "1 MB", "1.5 MiB", "KiB", "99999999999 GiB", "1_000"] {
            assert_eq!(Octets::parse(text), None, "{text}");
        }
        for text in ["30", "0s", "s", "1.5s", "999999999h", "30 seconds"] {
            assert_eq!(Span::parse(text), None, "{text}");
        }
        assert_eq!(Count::parse("12s"), None);
        assert_eq!([Percent::parse("1"), Percent::parse("100 %")], [Some(Percent(1)), Some(Percent(100))]);
        assert_eq!([Percent::parse("0"), Percent::parse("101"), Percent::parse("5 s")], [None, None, None]);
        assert_eq!([Jitter::parse("0"), Jitter::parse("10 %")], [Some(Jitter(0)), Some(Jitter(10))]);
        assert_eq!([Jitter::parse("11"), Jitter::parse("300"), Jitter::parse("5 s")], [None, None, None]);
    }
}
