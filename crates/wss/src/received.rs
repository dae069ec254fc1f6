//! A message as it came, taken apart and classified; nothing in it is believed yet.

use std::sync::Arc;

use nuncio_policy::model::{Addressing, SoapVersion};
use nuncio_xml::Encoding;

use crate::addressing::Headers;
use crate::dialect::{Dialect, TrustVerb};
use crate::envelope::Envelope;
use crate::header::{self, Named};
use crate::limits::Limits;
use crate::message_terms::MessageTerms;
use crate::operation_terms::OperationTerms;
use crate::refusal::Refusal;
use crate::terms::Terms;
use crate::token::context;

/// What the transport says of a message.
#[derive(Clone, Copy, Debug)]
pub struct HttpFacts<'a> {
    /// The `Content-Type`.
    pub content_type: &'a str,
    /// The `SOAPAction` header of SOAP 1.1, quotes and all.
    pub soap_action: Option<&'a str>,
}

/// Whether the transport protects the message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Transport {
    /// It came in clear.
    Clear,
    /// It came over TLS, which ended here or where the configuration says.
    Secure,
    /// It came over TLS that ended here, and the client proved by certificate who it is.
    Authenticated,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Request {
    /// Something of the backend.
    Application,
    /// A security context.
    Issue,
    /// A new key for a security context.
    Renew,
    /// The end of a security context.
    Cancel,
}

/// A message that was read.
pub struct Received {
    pub(crate) envelope: Envelope,
    /// What it is under each alternative of the policy that it may come under, and in each way that its operation leaves
    /// open: those that ask for more, of secrets first, before those that ask for less, else in their order. Never empty.
    pub(crate) readings: Vec<Reading>,
    pub(crate) context: Option<Named>,
    /// Its octets, kept where there is more than one reading.
    pub(crate) octets: Option<Vec<u8>>,
}

/// What the alternatives of a policy make of a message together.
struct About {
    /// Whether any of them has conversations.
    conversations: bool,
    /// The generation in which the message names a context.
    generation: Option<&'static Dialect>,
}

/// A message as one alternative of a policy takes it.
#[derive(Clone)]
pub(crate) struct Reading {
    /// The alternative's position.
    pub(crate) alternative: usize,
    /// The position of the alternative of its operation's policies.
    pub(crate) way: usize,
    pub(crate) addressing: Headers,
    pub(crate) action: Option<String>,
    pub(crate) request: Request,
}

impl HttpFacts<'_> {
    /// The version of SOAP that the content type means.
    pub fn soap(&self) -> Option<SoapVersion> {
        let media = self.content_type.split(';').next().unwrap_or_default().trim();
        if media.eq_ignore_ascii_case("text/xml") {
            Some(SoapVersion::V11)
        } else if media.eq_ignore_ascii_case("application/soap+xml") {
            Some(SoapVersion::V12)
        } else {
            None
        }
    }

    /// What names the encoding of the message.
    pub(crate) fn encoding(&self) -> Encoding {
        let utf8 =
            parameters(self.content_type).filter_map(|parameter| parameter.split_once('=')).any(|(name, value)| {
                name.trim().eq_ignore_ascii_case("charset")
                    && value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
            });
        if utf8 { Encoding::Utf8 } else { Encoding::Declared }
    }

    /// The action that the transport names: the header of SOAP 1.1, the media type's parameter of SOAP 1.2.
    pub(crate) fn action(&self) -> Option<&str> {
        let quoted = match self.soap()? {
            SoapVersion::V11 => self.soap_action?.trim(),
            SoapVersion::V12 => parameters(self.content_type).find_map(|parameter| {
                let (name, value) = parameter.split_once('=')?;
                name.trim().eq_ignore_ascii_case("action").then(|| value.trim())
            })?,
        };
        let action = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(quoted);
        (!action.is_empty()).then_some(action)
    }
}

/// The parameters of a media type: what stands between semicolons that are not quoted.
fn parameters(media_type: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let separator = move |character: char| {
        quoted ^= character == '"';
        character == ';' && !quoted
    };
    media_type.split(separator).skip(1)
}

impl Received {
    /// Reads a message that may come under any of those terms; there is at least one, and all are of one version of SOAP.
    pub(crate) fn read(
        alternatives: &[Arc<Terms>],
        http: &HttpFacts<'_>,
        body: Vec<u8>,
        limits: &Limits,
    ) -> Result<Self, Refusal> {
        let soap = http.soap().ok_or(Refusal::Envelope("is of a content type that no version of SOAP has"))?;
        if alternatives.iter().any(|terms| soap != terms.soap) {
            return Err(Refusal::Envelope("is of another version of SOAP than the port's"));
        }
        let envelope = Envelope::read_sealed(body, http.encoding(), soap, limits)?;
        let transport = http.action();
        // Where some alternative has conversations, a message about one is nothing else under the others.
        let conversations = alternatives.iter().any(|terms| terms.conversation().is_some());
        let named = envelope.security.filter(|_| conversations);
        let context = named.and_then(|node| header::context_name(&envelope.document, node));
        let about = About { conversations, generation: context.as_ref().map(|named| named.dialect) };
        let mut readings = Vec::with_capacity(alternatives.len());
        let mut refused = None;
        for (alternative, terms) in alternatives.iter().enumerate() {
            match Reading::of(&envelope, alternative, terms, &about, transport) {
                Ok(reading) => {
                    let operation = terms.operation_of(&envelope, reading.action.as_deref());
                    let operation = operation.filter(|_| reading.request == Request::Application);
                    let ways = operation.map_or(1, OperationTerms::ways);
                    readings.push(reading);
                    for way in 1..ways {
                        readings.extend(readings.last().cloned().map(|reading| Reading { way, ..reading }));
                    }
                }
                Err(refusal) => refused = refused.or(Some(refusal)),
            }
        }
        if let (true, Some(refusal)) = (readings.is_empty(), refused) {
            return Err(refusal);
        }
        // What satisfies one that asks for more may satisfy others too: its answer is not to be protected less than it.
        if readings.len() > 1 {
            readings.sort_by_cached_key(|reading| {
                let terms = &alternatives[reading.alternative];
                let operation = terms.operation_of(&envelope, reading.action.as_deref());
                let application = reading.request == Request::Application;
                let asked = terms.input(operation, reading.way).filter(|_| application);
                std::cmp::Reverse((asked.map(MessageTerms::weight), terms.weight()))
            });
        }
        let octets = (readings.len() > 1).then(|| envelope.document.source().to_vec());
        Ok(Self { envelope, readings, context, octets })
    }

    /// The name of the security context that it claims to belong to, or to renew: see [`crate::Context::name`].
    pub fn context(&self) -> Option<&str> {
        self.context.as_ref().map(|named| named.name.as_str())
    }

    /// The cookie in the token of that context, which holds the context itself where it was issued with one. `None` where the
    /// token has none, and where the message names its context without its token.
    ///
    /// # Errors
    ///
    /// Where it is no base64, or has more than [`crate::MAX_COOKIE`] octets.
    pub fn cookie(&self) -> Result<Option<Vec<u8>>, Refusal> {
        let cookie = self.context.as_ref().and_then(|named| named.cookie);
        cookie.map(|node| context::cookie(&self.envelope.document, node)).transpose()
    }

    /// The generation of WS-SecureConversation in which it names that context.
    pub fn dialect(&self) -> Option<&'static Dialect> {
        self.context.as_ref().map(|named| named.dialect)
    }

    /// The action that it names.
    pub fn action(&self) -> Option<&str> {
        self.readings.iter().find_map(|reading| reading.action.as_deref())
    }

    /// What it asks for: of a context, if some alternative of the policy has contexts.
    pub fn request(&self) -> Request {
        let requests = self.readings.iter().map(|reading| reading.request);
        requests
            .reduce(|first, other| if first == Request::Application { other } else { first })
            .unwrap_or(Request::Application)
    }

    /// Whether it says that it answers a Cancel of ours, which a service sends where each direction is a channel of its own:
    /// see [`crate::Recipient::open_cancelled`].
    pub fn is_cancelled(&self) -> bool {
        self.action().is_some_and(Dialect::is_cancelled)
    }

    /// Its own id, which an answer refers to.
    pub fn message_id(&self) -> Option<&str> {
        self.readings.iter().find_map(|reading| reading.addressing.message_id.as_ref()).map(|text| text.value.as_str())
    }
}

impl Reading {
    /// A message as those terms take it, which are the alternative's at that position. `about` is what all of them
    /// together make of it.
    fn of(
        envelope: &Envelope,
        alternative: usize,
        terms: &Terms,
        about: &About,
        transport: Option<&str>,
    ) -> Result<Self, Refusal> {
        let addressing = Headers::read(&envelope.document, &envelope.blocks, terms.addressing(), terms.replies())?;
        if addressing.action.is_none() && terms.addressing() != Addressing::None {
            return Err(Refusal::Addressing { header: "Action", fault: "is missing" });
        }
        let action = agreed_action(&addressing, transport)?;
        let request = match action.as_deref().and_then(Dialect::of_action) {
            Some((dialect, verb)) if terms.conversation().is_some() => {
                if dialect.version != terms.dialect().version {
                    return Err(Refusal::Action {
                        found: dialect.trust.to_owned(),
                        expected: "of the policy's generation",
                    });
                }
                match verb {
                    TrustVerb::Issue => Request::Issue,
                    TrustVerb::Renew => Request::Renew,
                    TrustVerb::Cancel => Request::Cancel,
                }
            }
            Some((dialect, _)) if about.conversations => {
                return Err(Refusal::Action { found: dialect.trust.to_owned(), expected: "of a policy without one" });
            }
            _ => Request::Application,
        };
        let another = about.generation.is_some_and(|dialect| dialect.version != terms.dialect().version);
        if another && terms.conversation().is_some() && request != Request::Issue {
            return Err(Refusal::KeyReference("names a security context in another generation than the policy's"));
        }
        Ok(Self { alternative, way: 0, addressing, action, request })
    }
}

/// The action of a message: its own, which is the transport's where that names one, or else the transport's.
pub(crate) fn agreed_action(addressing: &Headers, transport: Option<&str>) -> Result<Option<String>, Refusal> {
    match (&addressing.action, transport) {
        (Some(action), Some(transport)) if action.value != transport => {
            Err(Refusal::Action { found: transport.to_owned(), expected: "the message's own" })
        }
        (Some(action), _) => Ok(Some(action.value.clone())),
        (None, transport) => Ok(transport.map(str::to_owned)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transports_name_actions_in_two_ways() {
        let facts = |content_type, soap_action| HttpFacts { content_type, soap_action };
        for (http, soap, action) in [
            (facts("text/xml; charset=utf-8", Some("\"urn:a\"")), Some(SoapVersion::V11), Some("urn:a")),
            (facts("Text/XML", Some("urn:a")), Some(SoapVersion::V11), Some("urn:a")),
            (facts("text/xml", Some("\"\"")), Some(SoapVersion::V11), None),
            (facts("text/xml", None), Some(SoapVersion::V11), None),
            (
                facts("application/soap+xml; charset=utf-8; action=\"urn:a\"", None),
                Some(SoapVersion::V12),
                Some("urn:a"),
            ),
            (
                facts("application/soap+xml; action=\"urn:a;b\"; charset=utf-8", None),
                Some(SoapVersion::V12),
                Some("urn:a;b"),
            ),
            (facts("application/soap+xml;ACTION=urn:a", Some("urn:b")), Some(SoapVersion::V12), Some("urn:a")),
            (facts("application/soap+xml", Some("urn:b")), Some(SoapVersion::V12), None),
            (facts("application/xml", Some("urn:b")), None, None),
            (facts("", None), None, None),
        ] {
            assert_eq!(http.soap(), soap, "{http:?}");
            assert_eq!(http.action(), action, "{http:?}");
        }
    }
}
