//! Our recipient's answers to recorded requests, as whoever looks at them finds them.

use nuncio_tests::ends::Ends;
use nuncio_tests::gateway::Numbers;
use nuncio_tests::oracle::{by_id, child, local, text_of};
use nuncio_tests::recording::{Exchange, Keys, Scenario};
use nuncio_tests::subject::Subject;
use nuncio_wss::{Answer, Message, Opened, Principal, Recipient, Request, Time};
use roxmltree::{Document, Node};

use crate::bench::play;
use crate::draft::{DSIG, WSU, plain};

/// What is answered.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Kind {
    Issue,
    Renew,
    Cancel,
    Reply,
    Fault,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [Self::Issue, Self::Renew, Self::Cancel, Self::Reply, Self::Fault];

    /// Whether it is an answer of the application's.
    pub(crate) fn of_application(self) -> bool {
        matches!(self, Self::Reply | Self::Fault)
    }

    /// Whether it brings a key.
    pub(crate) fn brings_key(self) -> bool {
        matches!(self, Self::Issue | Self::Renew)
    }
}

/// An answer that we sealed, beside the one that was recorded.
pub(crate) struct Sealed {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) now: i64,
    pub(crate) message: Message,
    /// Our answer as it goes over the wire, and in clear.
    pub(crate) wire: String,
    pub(crate) clear: String,
    /// The recorded request and answer in clear, and the answer's HTTP.
    pub(crate) request: String,
    pub(crate) recorded: String,
    pub(crate) recorded_status: Option<u16>,
    pub(crate) recorded_type: String,
    pub(crate) action: String,
    pub(crate) keys: &'static Keys,
}

/// Our answers to every request of a recorded conversation that has one.
pub(crate) fn answers(scenario: &'static Scenario) -> Vec<Sealed> {
    let mut ends = Ends::start(scenario).unwrap_or_else(|halt| panic!("{}: {halt:?}", scenario.name));
    let mut sealed = Vec::new();
    for exchange in &scenario.exchanges {
        let opened = ends.open_request(&exchange.request, exchange.request_at);
        let opened = opened.unwrap_or_else(|refusal| panic!("{} {}: {refusal}", scenario.name, exchange.n));
        play(&mut ends, exchange, false);
        if exchange.response.body.is_empty() {
            continue;
        }
        sealed.push(answer(opened, &ends, scenario, exchange));
        // Goes on with what was recorded. A Cancel has ended the context: its answer is not looked at again.
        if sealed.last().is_some_and(|of| of.kind != Kind::Cancel) {
            ends.response(exchange).unwrap_or_else(|halt| panic!("{}: {halt:?}", scenario.name));
        }
    }
    sealed
}

fn answer(opened: Opened, ends: &Ends, scenario: &'static Scenario, exchange: &Exchange) -> Sealed {
    let name = format!("{} exchange {}", scenario.name, exchange.n);
    let (now, random) = (Time::from_millis(exchange.response_at), &mut Numbers::default());
    let backend = ends.open_response(&exchange.response, exchange.n, exchange.response_at).expect("it was asked");
    let backend = backend.unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
    let (kind, message) = match opened.request() {
        Request::Issue => {
            (Kind::Issue, Recipient::issue(opened, Principal::Anonymous, None, now, random).unwrap().message)
        }
        Request::Renew => {
            (Kind::Renew, Recipient::renew(opened, Principal::Anonymous, None, now, random).unwrap().message)
        }
        Request::Cancel => (Kind::Cancel, Recipient::cancel(opened, now, random).unwrap().0),
        Request::Application => {
            let kind = if backend.is_fault() { Kind::Fault } else { Kind::Reply };
            let answer = Answer::Envelope(backend.plain().body);
            let (message, trouble) = opened.into_reply().seal(answer, now, random).unwrap();
            assert_eq!(trouble, None, "{name}");
            (kind, message)
        }
    };
    Sealed {
        kind,
        now: exchange.response_at,
        wire: String::from_utf8(message.body.clone()).unwrap(),
        clear: plain(&message.body, &scenario.keys),
        message,
        request: plain(&exchange.request.body, &scenario.keys),
        recorded: plain(&exchange.response.body, &scenario.keys),
        recorded_status: exchange.response.status(),
        recorded_type: exchange.response.content_type().to_owned(),
        action: exchange.response_action.clone().unwrap_or_default(),
        keys: &scenario.keys,
        name,
    }
}

/// An envelope as it is written.
pub(crate) struct View<'a>(pub(crate) Document<'a>);

impl<'a> View<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        Self(Document::parse(text).unwrap_or_else(|error| panic!("{error}: {text}")))
    }

    /// All elements of that local name.
    pub(crate) fn all(&self, name: &str) -> Vec<Node<'_, 'a>> {
        self.0.descendants().filter(|node| local(*node) == name).collect()
    }

    /// The only element of that local name.
    pub(crate) fn only(&self, name: &str) -> Result<Node<'_, 'a>, String> {
        match self.all(name).as_slice() {
            [node] => Ok(*node),
            nodes => Err(format!("{} of {name}", nodes.len())),
        }
    }

    /// The blocks of the header, and the children of its security header.
    pub(crate) fn blocks(&self) -> Vec<Node<'_, 'a>> {
        let header = self.all("Header").into_iter().next();
        header.into_iter().flat_map(|header| header.children()).filter(Node::is_element).collect()
    }

    pub(crate) fn security(&self) -> Result<Vec<Node<'_, 'a>>, String> {
        Ok(self.only("Security")?.children().filter(Node::is_element).collect())
    }

    /// The position of the first of a local name among the children of the security header.
    pub(crate) fn position(&self, name: &str) -> Result<usize, String> {
        let at = self.security()?.iter().position(|node| local(*node) == name);
        at.ok_or_else(|| format!("no {name} in the security header"))
    }

    pub(crate) fn text(&self, name: &str) -> Result<String, String> {
        self.only(name).map(text_of)
    }

    /// Fails where the signature does not cover the element.
    pub(crate) fn signed(&self, node: Node<'_, '_>) -> Result<(), String> {
        let id = node.attribute((WSU, "Id")).ok_or_else(|| format!("{} has no id", local(node)))?;
        let uri = format!("#{id}");
        let mut references = self.0.descendants().filter(|node| node.has_tag_name((DSIG, "Reference")));
        if references.any(|reference| reference.attribute("URI") == Some(&uri)) {
            Ok(())
        } else {
            Err(format!("{} is not signed", local(node)))
        }
    }

    /// The token that a `KeyInfo` names in the message.
    pub(crate) fn named(&self, key_info: Node<'_, '_>) -> Result<Node<'_, 'a>, String> {
        let reference = child(key_info, "SecurityTokenReference").and_then(|of| child(of, "Reference"));
        let uri = reference.and_then(|of| of.attribute("URI")).ok_or("a KeyInfo without a reference")?;
        let id = uri.strip_prefix('#').ok_or_else(|| format!("a key outside the message: {uri}"))?;
        by_id(&self.0, id).ok_or_else(|| format!("nothing has the id {id}"))
    }
}
