//! The messages whose cost is measured: in a conversation and without one, of text and of dense markup, of every size.

#![allow(dead_code, unreachable_pub, reason = "each bench uses some of it")]
#![allow(clippy::expect_used, reason = "a bench's helpers fail the bench")]

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use nuncio_crypto::trust::Trust;
use nuncio_policy::model::SoapVersion;
use nuncio_wss::{
    Answer, Context, Correlation, Expectation, HttpFacts, Initiator, InitiatorSettings, Limits, Message, Opened,
    Outbound, Recipient, RecipientSettings, Reply, Unsecured,
};

use crate::ends::{self, Numbers, Pair};

/// Sizes of bodies, in octets.
pub const SIZES: [(&str, usize); 4] =
    [("1 KiB", 1 << 10), ("10 KiB", 10 << 10), ("100 KiB", 100 << 10), ("1 MiB", 1 << 20)];

/// Basic256, signed and then encrypted, the signature too, under derived keys.
pub const CONVERSATION: &str = "wcf-ws2007-mutualCertificate-conversation";
/// The same without a conversation: a certificate signs, and the key comes wrapped for another.
pub const PER_MESSAGE: &str = "wcf-ws2007-mutualCertificate";

/// As every message here comes.
const CONTENT_TYPE: &str = "application/soap+xml; charset=utf-8";

/// What a body is made of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Body {
    /// One element that holds text.
    Text,
    /// Elements, each of which holds a few octets.
    Markup,
}

impl Body {
    /// Content of about that many octets.
    pub fn write(self, size: usize) -> String {
        match self {
            Self::Text => "abcdefghijklmnopqrstuvwxyz".chars().cycle().take(size).collect(),
            Self::Markup => {
                let mut out = String::new();
                let mut line = 0;
                while out.len() < size {
                    let (quantity, price) = (line % 17, line % 301);
                    let _ = write!(
                        out,
                        "<Line number=\"{line}\"><Item>ABC-{line}</Item><Quantity>{quantity}</Quantity>\
                         <Price currency=\"EUR\">{price}.50</Price><Note>to &amp; fro</Note></Line>",
                    );
                    line += 1;
                }
                out
            }
        }
    }
}

/// A message to be opened and an answer to be sealed, both of the same body; and the same at the other end: a plain request to
/// be sealed, and an answer to be opened.
pub struct Case {
    pair: Pair,
    request: Outbound,
    ours: Option<Arc<Context>>,
    expectation: Expectation,
    theirs: Option<Arc<Context>>,
    reply: Reply,
    answer: Vec<u8>,
    numbers: Numbers,
}

impl Case {
    /// A call under that preset.
    pub fn new(preset: &str, body: Body, size: usize) -> Self {
        let mut pair = roomy(preset);
        let contexts = preset.ends_with("-conversation").then(|| pair.establish());
        let (ours, theirs) = contexts.unzip();
        let (request, expectation) = pair.request(&body.write(size), ours.as_ref());
        let opened = pair.open(&request, request.body.clone(), theirs.as_ref()).expect("opened");
        let answer = opened.plain().body;
        let reply = opened.into_reply();
        Self { pair, request, ours, expectation, theirs, reply, answer, numbers: Numbers(7) }
    }

    /// The request as it comes over the wire.
    pub fn request(&self) -> Vec<u8> {
        arrived(&self.request.body)
    }

    /// Reads and opens the request.
    pub fn open(&self, request: Vec<u8>) -> Opened {
        self.pair.open(&self.request, request, self.theirs.as_ref()).expect("opened")
    }

    /// The answer as the backend gives it.
    pub fn answer(&self) -> Vec<u8> {
        self.answer.clone()
    }

    /// Reads and seals the answer.
    pub fn seal(&mut self, answer: Vec<u8>) -> Message {
        let (message, trouble) =
            self.reply.seal(Answer::Envelope(answer), self.pair.now, &mut self.numbers).expect("sealed");
        assert_eq!(trouble, None);
        message
    }

    /// The answer as it comes over the wire, sealed.
    pub fn sealed(&mut self) -> Vec<u8> {
        let answer = self.answer();
        arrived(&self.seal(answer).body)
    }

    /// Reads a plain request, of the same body as the answer, and seals it.
    pub fn ask(&mut self, plain: Vec<u8>) -> Outbound {
        let http = HttpFacts { content_type: CONTENT_TYPE, soap_action: None };
        let message = Unsecured::read(&http, SoapVersion::V12, plain, &limits()).expect("read");
        let Pair { initiator, now, .. } = &self.pair;
        let (context, random) = (self.ours.as_ref(), &mut self.numbers);
        initiator.seal_unsecured(&message, ends::ACTION, context, *now, random).expect("sealed").0
    }

    /// Reads and opens a sealed answer, and writes it as a plain client gets it.
    pub fn hear(&self, answer: Vec<u8>) -> Message {
        let Pair { initiator, now, .. } = &self.pair;
        let http = HttpFacts { content_type: CONTENT_TYPE, soap_action: None };
        let opening = initiator.open(&http, answer, &self.expectation, *now).expect("opened");
        let answer = opening.answer(SoapVersion::V12, &Correlation::NONE);
        assert!(!answer.fault);
        answer
    }
}

/// Octets with room behind them, as the gateway has it.
pub fn arrived(body: &[u8]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(body.len() + body.len() / 4 * 3);
    octets.extend_from_slice(body);
    octets
}

/// The limits on these messages: those of a mebibyte of markup.
pub fn limits() -> Limits {
    let limits = ends::limits();
    Limits { xml: nuncio_xml::Limits { elements: 100_000, children: 10_000, ..limits.xml }, ..limits }
}

/// Both ends of a preset, with those limits.
fn roomy(preset: &str) -> Pair {
    let policy = ends::policy(preset);
    let soap = SoapVersion::V12;
    let recipient = Recipient::new(RecipientSettings {
        alternatives: vec![policy.clone()],
        soap,
        operations: Vec::new(),
        credentials: vec![ends::server()],
        trust: Trust::new(vec![ends::client().certificate]).expect("pins"),
        passwords: None,
        addresses: Vec::new(),
        freshness: ends::FRESHNESS,
        message_lifetime: Duration::from_mins(5),
        context_lifetime: Duration::from_hours(1),
        context_jitter: 0,
        forward_addressing: false,
        limits: limits(),
    })
    .expect("built");
    let initiator = Initiator::new(InitiatorSettings {
        alternatives: vec![policy],
        soap,
        operations: Vec::new(),
        service: Some(ends::server().certificate),
        username: Some(("alice".into(), "wonderland-1865".into())),
        credential: Some(ends::client()),
        to: "http://service.example/echo".into(),
        reading: nuncio_wss::PolicyReading::default(),
        freshness: ends::FRESHNESS,
        message_lifetime: Duration::from_mins(5),
        limits: limits(),
    })
    .expect("built");
    Pair { recipient, initiator, numbers: Numbers(1), now: ends::NOW, soap }
}
