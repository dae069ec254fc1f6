//! Which trace a request belongs to (W3C Trace Context, Recommendation of 23 November 2021): told to the backend, and
//! written in the access line.
//!
//! It is nobody's word: no signature covers it, and it decides nothing. It is two numbers and two flags, and is written
//! anew from them, so nothing else of what a client sent goes along but its [`TraceState`].

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use nuncio_crypto::random::Random;

use crate::random::Entropy;
use crate::tracestate::TraceState;

/// The header (section 3.2).
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Octets of `traceparent` in version 00: four numbers in hexadecimal, with hyphens between.
const LENGTH: usize = 55;
const VERSION: std::ops::Range<usize> = 0..2;
const TRACE: std::ops::Range<usize> = 3..35;
const PARENT: std::ops::Range<usize> = 36..52;
const FLAGS: std::ops::Range<usize> = 53..55;
/// The flags that mean something: `sampled`, and `random-trace-id` of the specification's second level.
const KNOWN_FLAGS: u8 = 3;
const HEX: &[u8; 16] = b"0123456789abcdef";

/// What a backend is told of a trace.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trace {
    /// The trace, and the span that the backend's work is part of.
    pub parent: TraceParent,
    /// What tracing systems say beside it.
    pub state: Option<TraceState>,
}

impl Trace {
    /// The one of a request. Without a parent that is sound nothing is said beside it (section 3.3).
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        Some(Self { parent: TraceParent::of(headers)?, state: TraceState::of(headers) })
    }

    /// One that begins here, with octets of that source. Nothing hangs on it, so none is made without random octets.
    pub(crate) fn drawn(entropy: &Entropy) -> Option<Self> {
        let mut random = entropy.draw();
        let parent = TraceParent::begin(&mut random);
        random.check().ok().map(|()| Self { parent, state: None })
    }
}

/// A `traceparent` of version 00.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TraceParent([u8; LENGTH]);

impl TraceParent {
    /// The one of a request: `None` where there is none, or one that is malformed, or more than one.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(TRACEPARENT).iter();
        let value = values.next().filter(|_| values.next().is_none())?;
        Self::parse(value.as_bytes())
    }

    /// Reads a value of version 00, or what a later version has of it (section 3.2.4).
    fn parse(value: &[u8]) -> Option<Self> {
        let (head, rest) = value.split_first_chunk::<LENGTH>()?;
        let digits = |octets: &[u8]| octets.iter().all(|octet| HEX.contains(octet));
        let number = |octets: &[u8]| digits(octets) && octets.iter().any(|octet| *octet != b'0');
        let version = &head[VERSION];
        let sound = digits(version)
            && version != b"ff"
            && (rest.is_empty() || version != b"00" && rest[0] == b'-')
            && number(&head[TRACE])
            && number(&head[PARENT])
            && digits(&head[FLAGS])
            && [VERSION.end, TRACE.end, PARENT.end].iter().all(|&at| head[at] == b'-');
        if !sound {
            return None;
        }
        let mut text = *head;
        text[VERSION].copy_from_slice(b"00");
        let flags = HEX.iter().position(|digit| *digit == head[FLAGS.end - 1])? as u8 & KNOWN_FLAGS;
        text[FLAGS].copy_from_slice(&[b'0', HEX[usize::from(flags)]]);
        Some(Self(text))
    }

    /// Of those numbers and flags. A number that is zero is none, and becomes one; that comes once in 2^64.
    pub(crate) fn new(trace: [u8; 16], parent: [u8; 8], flags: u8) -> Self {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        let digits = trace.into_iter().chain(parent).flat_map(|octet| [octet >> 4, octet & 15]);
        for (at, digit) in TRACE.chain(PARENT).zip(digits) {
            text[at] = HEX[usize::from(digit)];
        }
        for number in [TRACE, PARENT] {
            if text[number.clone()].iter().all(|digit| *digit == b'0') {
                text[number.end - 1] = b'1';
            }
        }
        text[FLAGS.end - 1] = HEX[usize::from(flags & KNOWN_FLAGS)];
        Self(text)
    }

    /// Begins a trace. It is sampled, as a backend would have sampled what came without one: an unset flag would tell it
    /// that somebody decided against.
    fn begin(random: &mut dyn Random) -> Self {
        let (mut trace, mut parent) = ([0; 16], [0; 8]);
        random.fill(&mut trace);
        random.fill(&mut parent);
        Self::new(trace, parent, 1)
    }

    /// The trace's id, in hexadecimal.
    pub fn trace(&self) -> &str {
        str::from_utf8(&self.0[TRACE]).unwrap_or_default()
    }

    /// The parent's id, in hexadecimal.
    pub(crate) fn span(&self) -> &str {
        str::from_utf8(&self.0[PARENT]).unwrap_or_default()
    }

    /// The flags that mean something.
    pub(crate) fn flags(&self) -> u8 {
        self.0[FLAGS.end - 1] - b'0'
    }

    /// The value of the header.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        HeaderValue::from_bytes(&self.0).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn written(value: &str) -> Option<String> {
        Some(TraceParent::parse(value.as_bytes())?.header()?.to_str().ok()?.to_owned())
    }

    #[test]
    fn a_sound_one_is_written_as_it_was() {
        assert_eq!(written(SOUND).as_deref(), Some(SOUND));
        assert_eq!(TraceParent::parse(SOUND.as_bytes()).unwrap().trace(), &SOUND[TRACE]);
        for (flags, known) in [("00", "00"), ("02", "02"), ("03", "03"), ("ff", "03"), ("fc", "00"), ("81", "01")] {
            let of = |flags| SOUND.replace("-01", &format!("-{flags}"));
            assert_eq!(written(&of(flags)), Some(of(known)), "{flags}");
        }
    }

    #[test]
    fn of_a_later_version_what_is_known_is_written() {
        for later in [SOUND.replace("00-4", "01-4"), SOUND.replace("00-4", "fe-4") + "-what-the-future-is-like"] {
            assert_eq!(written(&later).as_deref(), Some(SOUND), "{later}");
        }
    }

    #[test]
    fn a_malformed_one_is_none() {
        let more = |rest| format!("{SOUND}{rest}");
        for malformed in [
            String::new(),
            "00".to_owned(),
            SOUND[..54].to_owned(),
            more("-"),
            more("-00"),
            more(" "),
            more("0"),
            SOUND.replace("00-4", "01-4") + "0",
            SOUND.replace("00-4", "ff-4"),
            SOUND.replace("00-4", "0g-4"),
            SOUND.replace("-4", " 4"),
            SOUND.replace("6-0", "6_0"),
            SOUND.replace("-01", "+01"),
            SOUND.replace("-01", "-0x"),
            SOUND.replace("-01", "-x1"),
            SOUND.to_uppercase(),
            SOUND.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            SOUND.replace("00f067aa0ba902b7", &"0".repeat(16)),
            SOUND.replace("4bf9", "4bé"),
            SOUND.replace("4bf9", "4b\r\n"),
        ] {
            assert_eq!(written(&malformed), None, "{malformed:?}");
        }
    }

    #[test]
    fn two_are_none() {
        let mut headers = HeaderMap::new();
        assert_eq!(TraceParent::of(&headers), None);
        headers.append(TRACEPARENT, HeaderValue::from_static(SOUND));
        assert_eq!(TraceParent::of(&headers), TraceParent::parse(SOUND.as_bytes()));
        headers.append(TRACEPARENT, HeaderValue::from_static(SOUND));
        assert_eq!(TraceParent::of(&headers), None);
    }

    /// Octets that are all the same.
    struct All(u8);

    impl Random for All {
        fn fill(&mut self, out: &mut [u8]) {
            out.fill(self.0);
        }
    }

    #[test]
    fn one_that_is_begun_is_sound() {
        for (octet, begun) in [
            (0xa7, format!("00-{}-{}-01", "a7".repeat(16), "a7".repeat(8))),
            (0, format!("00-{}1-{}1-01", "0".repeat(31), "0".repeat(15))),
        ] {
            let header = TraceParent::begin(&mut All(octet)).header().unwrap();
            assert_eq!(header.to_str().unwrap(), begun);
            assert_eq!(written(&begun), Some(begun.clone()));
        }
    }
}
