//! Instants as messages write them: `xs:dateTime` in UTC ([BSP 1.1] section 7).

use std::fmt;
use std::time::Duration;

/// An instant, in milliseconds since the beginning of 1970, UTC.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Time(i64);

impl Time {
    /// The instant that many milliseconds after the beginning of 1970.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the beginning of 1970.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the beginning of 1970.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The instant that much later.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// The instant that much earlier.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }

    /// Reads an `xs:dateTime` in UTC: `yyyy-MM-ddTHH:mm:ss`, up to nine digits of fraction, then `Z` or an offset of none.
    ///
    /// Fractions beyond the millisecond are cut. Other time zones, years beyond four digits, second 60 and hour 24 are
    /// refused (BSP R3213, R3217, R3220): no stack writes them.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_matches([' ', '\t', '\n', '\r']).as_bytes();
        let rest = [&b"Z"[..], b"+00:00", b"-00:00"].iter().find_map(|zone| text.strip_suffix(*zone))?;
        let (date, fraction) = match rest.get(19) {
            None => (rest, &[][..]),
            Some(b'.') => (rest.get(..19)?, rest.get(20..)?),
            Some(_) => return None,
        };
        if date.len() != 19 || (rest.len() > 19 && fraction.is_empty()) || fraction.len() > 9 {
            return None;
        }
        let number = |from: usize, to: usize| -> Option<i64> {
            date.get(from..to)?
                .iter()
                .try_fold(0, |sum, &digit| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0')))
        };
        for (at, separator) in [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')] {
            if date.get(at) != Some(&separator) {
                return None;
            }
        }
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        if !(1..=12).contains(&month)
            || day < 1
            || day > days_in_month(year, month)
            || hour > 23
            || minute > 59
            || second > 59
        {
            return None;
        }
        let mut millis = 0;
        for at in 0..fraction.len().max(3) {
            let digit = match fraction.get(at) {
                Some(digit) if digit.is_ascii_digit() => i64::from(digit - b'0'),
                Some(_) => return None,
                None => 0,
            };
            if at < 3 {
                millis = millis * 10 + digit;
            }
        }
        let days = days_from_civil(year, month, day);
        Some(Self((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + millis))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, of_day) = (self.0.div_euclid(86_400_000), self.0.rem_euclid(86_400_000));
        let (year, month, day) = civil_from_days(days);
        let (seconds, millis) = (of_day / 1000, of_day % 1000);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar, counted in eras of 400 years that begin in March.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + if month <= 2 { 1 } else { 0 }, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_and_written() {
        for (text, millis) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1969-12-31T23:59:59.999Z", -1),
            ("2026-11-22T07:30:17.547Z", 1_795_332_617_547),
            ("2024-02-29T12:00:00.1Z", 1_709_208_000_100),
            ("2026-11-22T07:30:17.5473219Z", 1_795_332_617_547),
            (" 2026-11-22T07:30:17.547Z\n", 1_795_332_617_547),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
            ("2026-11-22T07:30:17.547+00:00", 1_795_332_617_547),
            ("1970-01-01T00:00:00-00:00", 0),
        ] {
            assert_eq!(Time::parse(text), Some(Time(millis)), "{text}");
            assert_eq!(Time::parse(&Time(millis).to_string()), Some(Time(millis)), "{text}");
        }
        assert_eq!(Time(1_795_332_617_547).to_string(), "2026-11-22T07:30:17.547Z");
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "Z",
            "2026-11-22",
            "2026-11-22T07:30:17",
            "2026-11-22T07:30:17+01:00",
            "2026-11-22T07:30:17-04:00",
            "2026-11-22T07:30:17Z+00:00",
            "2026-11-22T07:30:17+00:00Z",
            "2026-11-22T07:30:17.Z",
            "2026-11-22T07:30:60Z",
            "2026-11-22T24:00:00Z",
            "2026-13-22T07:30:17Z",
            "2026-02-29T07:30:17Z",
            "2026-11-31T07:30:17Z",
            "2026-00-22T07:30:17Z",
            "20266-11-22T07:30:17Z",
            "-026-11-22T07:30:17Z",
            "2026-11-22 07:30:17Z",
            "2026-11-22T07:30:17.1234567890Z",
            "2026-11-22T07:30:17.12a4Z",
            "2026-11-22T7:30:17Z",
            "2026-11-22T07:30:17ZZ",
            "+026-11-22T07:30:17Z",
        ] {
            assert_eq!(Time::parse(text), None, "{text}");
        }
    }
}
