//! What tracing systems say beside a trace's parent (W3C Trace Context, section 3.3): passed on with a parent that is sound, as
//! far as the specification has it.
//!
//! It is text of anybody's. It is read member by member and written anew from them; one that is malformed is nothing at all,
//! as the specification wants it, so that nothing but members reaches a backend.

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

/// The header (section 3.3).
pub(crate) const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Members of a list (section 3.3.1.1).
const MEMBERS: usize = 32;
/// The longest key and the longest value, in octets (sections 3.3.1.3.1 and 3.3.1.3.2).
const PART: usize = 256;
/// Octets that are passed on of all members: as many as every system passes on (section 3.3.1.5).
const LONGEST: usize = 512;
/// Members longer than this go first where there are too many octets (section 3.3.1.5).
const LONG_MEMBER: usize = 128;

/// The members of a `tracestate`, in their order: the last system to speak comes first.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TraceState(HeaderValue);

impl TraceState {
    /// The one of a request, all of whose headers of that name are one list: `None` where there is none, or one that is
    /// malformed.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut members: Vec<&str> = Vec::new();
        for value in headers.get_all(TRACESTATE) {
            for member in value.to_str().ok()?.split(',').map(|member| member.trim_matches([' ', '\t'])) {
                // An empty one is allowed, and says nothing.
                if member.is_empty() {
                    continue;
                }
                let (key, content) = member.split_once('=')?;
                let twice = members.iter().any(|other| other.split_once('=').is_some_and(|(other, _)| other == key));
                if twice || members.len() == MEMBERS || !is_key(key) || !is_value(content) {
                    return None;
                }
                members.push(member);
            }
        }
        let octets = |members: &[&str]| members.iter().map(|member| member.len() + 1).sum::<usize>();
        if octets(&members) > LONGEST + 1 {
            members.retain(|member| member.len() <= LONG_MEMBER);
        }
        while octets(&members) > LONGEST + 1 {
            members.pop();
        }
        HeaderValue::try_from(members.join(",")).ok().filter(|_| !members.is_empty()).map(Self)
    }

    /// The value of the header.
    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }

    /// The same as text.
    pub(crate) fn text(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

/// Whether a text is a key: the specification's first level, and the second, which lets `@` stand anywhere but first.
fn is_key(text: &str) -> bool {
    let begins = |octet: &u8| octet.is_ascii_lowercase() || octet.is_ascii_digit();
    let goes_on = |octet: &u8| begins(octet) || b"_-*/@".contains(octet);
    text.len() <= PART
        && text.as_bytes().split_first().is_some_and(|(first, rest)| begins(first) && rest.iter().all(goes_on))
}

/// Whether a text is a value. The white space around a member is off already, so none is at its end.
fn is_value(text: &str) -> bool {
    let may = |octet: u8| matches!(octet, 0x20..=0x7e) && octet != b'=';
    (1..=PART).contains(&text.len()) && text.bytes().all(may)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(TRACESTATE, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        TraceState::of(&headers).map(|state| state.header().to_str().unwrap().to_owned())
    }

    #[test]
    fn members_are_written_in_their_order() {
        assert_eq!(
            written(&["rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"]).unwrap(),
            "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"
        );
        assert_eq!(written(&["a=1 ,\tb= 2 3", "", " , c@d/e*f_g-h=!~"]).unwrap(), "a=1,b= 2 3,c@d/e*f_g-h=!~");
        let most: Vec<String> = (0..32).map(|number| format!("{number}=x")).collect();
        assert_eq!(written(&[&most.join(",")]).unwrap(), most.join(","));
        let long = format!("{}=1,a={}", "k".repeat(PART), "v".repeat(250));
        assert_eq!(written(&[&long]).unwrap().len(), 511);
    }

    #[test]
    fn a_malformed_member_is_the_end_of_all() {
        let many: Vec<String> = (0..33).map(|number| format!("{number}=x")).collect();
        for malformed in [
            "a",
            "=1",
            "a=",
            "A=1",
            "@a=1",
            "a =1",
            "a=1=2",
            "ä=1",
            "a=ä",
            "a=1,a=2",
            "a=\t1",
            "a\"=1",
            &many.join(","),
            &format!("{}=1", "k".repeat(PART + 1)),
            &format!("a={}", "v".repeat(PART + 1)),
        ] {
            assert_eq!(written(&[&format!("sound=1,{malformed}")]), None, "{malformed}");
        }
        assert_eq!(written(&["a=1", "a=2"]), None, "in two headers");
        assert_eq!(written(&[]), None);
        assert_eq!(written(&["", " , "]), None, "nothing is said");
    }

    /// Those that are long go before the others, and of these the oldest.
    #[test]
    fn no_more_is_written_than_every_system_passes_on() {
        let long = format!("long={}", "x".repeat(200));
        let member = |name: &str| format!("{name}={}", "y".repeat(118));
        let five = ["a", "b", "c", "d", "e"].map(member);
        let four = five[..4].join(",");
        assert_eq!(written(&[&[&*five[0], &long, &five[1], &five[2]].join(",")]).unwrap(), five[..3].join(","));
        assert_eq!(written(&[&five.join(",")]).unwrap(), four);
        let exact = format!("{four},z={}", "z".repeat(26));
        assert_eq!(written(&[&exact]).unwrap().len(), LONGEST);
        assert_eq!(written(&[&(exact + "z")]).unwrap(), four);
    }
}
