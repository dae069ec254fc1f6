//! Rows of the yardstick, and how one is tried.

use std::sync::LazyLock;

use nuncio_tests::compare;
use nuncio_tests::ends::Ends;
use nuncio_tests::player::Direction;
use nuncio_tests::recording::{self, Exchange, Scenario};
use nuncio_tests::subject::Subject;
use nuncio_wss::{Refusal, Request, Time};

use crate::draft::{Draft, plain};

/// The two recorded conversations that the experiments were made with.
pub(crate) const FEBRUARY_2005: &str = "wcf-anonymousForCertificate-sc-2005-02";
pub(crate) const V13: &str = "wcf-anonymousForCertificate-sc-1.3";

/// The exchanges of these conversations.
pub(crate) const ISSUE: u32 = 1;
pub(crate) const ECHO: u32 = 2;
pub(crate) const FAIL: u32 = 4;
pub(crate) const CANCEL: u32 = 7;

static SCENARIOS: LazyLock<Vec<Scenario>> = LazyLock::new(|| recording::load(&recording::packed()).unwrap());

pub(crate) fn scenario(name: &str) -> &'static Scenario {
    SCENARIOS.iter().find(|scenario| scenario.name == name).unwrap_or_else(|| panic!("no recording {name}"))
}

/// What WCF did with an edited message, and what we do.
pub(crate) enum Verdict {
    /// Both take it.
    Taken,
    /// Both refuse it; we for this reason.
    Refused(fn(&Refusal) -> bool),
    /// WCF takes it; we refuse it, for this reason, and why.
    Stricter(fn(&Refusal) -> bool, &'static str),
    /// WCF refuses it; we take it, and why.
    Laxer(&'static str),
}

impl Verdict {
    /// Whether WCF took it.
    pub(crate) fn taken_by_wcf(&self) -> bool {
        matches!(self, Self::Taken | Self::Stricter(..))
    }
}

/// One experiment: what it is called, the edit, what came of it.
pub(crate) struct Row {
    pub(crate) case: &'static str,
    pub(crate) edit: fn(&mut Draft<'_>),
    pub(crate) verdict: Verdict,
}

pub(crate) const fn row(case: &'static str, edit: fn(&mut Draft<'_>), verdict: Verdict) -> Row {
    Row { case, edit, verdict }
}

/// A [`Refusal`] of that variant, and of that kind where it has several.
macro_rules! refused {
    ($($pattern:tt)+) => {
        |refusal: &nuncio_wss::Refusal| {
            #[allow(unused_imports, reason = "each row uses some of it")]
            use nuncio_wss::Refusal::*;
            matches!(refusal, $($pattern)+)
        }
    };
}
pub(crate) use refused;

/// Our two ends in a recorded conversation, before the request or the response of an exchange.
pub(crate) struct Bench {
    pub(crate) scenario: &'static Scenario,
    pub(crate) ends: Ends,
    n: u32,
    direction: Direction,
}

impl Bench {
    pub(crate) fn before(name: &str, n: u32, direction: Direction) -> Self {
        let scenario = scenario(name);
        let mut ends = Ends::start(scenario).unwrap_or_else(|halt| panic!("{name}: {halt:?}"));
        for exchange in scenario.exchanges.iter().filter(|exchange| exchange.n <= n) {
            if (exchange.n, direction) == (n, Direction::Request) {
                break;
            }
            play(&mut ends, exchange, exchange.n < n);
        }
        Self { scenario, ends, n, direction }
    }

    fn exchange(&self) -> &'static Exchange {
        self.scenario.exchanges.iter().find(|exchange| exchange.n == self.n).unwrap()
    }

    /// The message that is edited, taken apart.
    pub(crate) fn draft(&self) -> Draft<'static> {
        let exchange = self.exchange();
        match self.direction {
            Direction::Request => Draft::open(&exchange.request, exchange.request_at, &self.scenario.keys),
            Direction::Response => Draft::open(&exchange.response, exchange.response_at, &self.scenario.keys),
        }
    }

    /// What comes of a message.
    fn open(&self, draft: Draft<'_>) -> Result<Vec<u8>, Refusal> {
        let at = draft.at;
        let message = draft.finish();
        if self.direction == Direction::Request {
            let opened = self.ends.open_request(&message, at)?;
            return Ok(opened.plain().body);
        }
        let opening = self.ends.open_response(&message, self.n, at).expect("it was asked")?;
        let expectation = self.ends.expectation(self.n).expect("it was asked");
        match expectation.request() {
            Request::Issue | Request::Renew => {
                let context = self.ends.initiator().established(&opening, expectation, Time::from_millis(at))?;
                let known = self.scenario.keys.security_context_tokens.iter();
                assert!(
                    known
                        .clone()
                        .any(|of| *of.identifier == *context.identifier && of.key == context.danger_key_octets()),
                    "another key"
                );
            }
            Request::Cancel => self.ends.initiator().cancelled(&opening, expectation)?,
            Request::Application => {}
        }
        Ok(opening.plain().body)
    }

    /// Why a row's message is refused, if it is.
    pub(crate) fn refusal(&self, row: &Row) -> Option<Refusal> {
        let mut draft = self.draft();
        (row.edit)(&mut draft);
        self.open(draft).err()
    }

    /// Tries a row; what is wrong with it.
    pub(crate) fn judge(&self, row: &Row) -> Result<(), String> {
        let mut draft = self.draft();
        (row.edit)(&mut draft);
        let edited = draft.text.clone();
        match (self.open(draft), &row.verdict) {
            (Ok(body), Verdict::Taken | Verdict::Laxer(_)) => {
                let body = String::from_utf8(body).unwrap();
                compare::bodies(&plain(edited.as_bytes(), &self.scenario.keys), &body)
                    .map_err(|error| error.to_string())
            }
            (Err(refusal), Verdict::Refused(expected) | Verdict::Stricter(expected, _)) => {
                if expected(&refusal) {
                    Ok(())
                } else {
                    Err(format!("refused for another reason: {refusal}"))
                }
            }
            (Ok(_), Verdict::Refused(_) | Verdict::Stricter(..)) => Err("taken".to_owned()),
            (Err(refusal), Verdict::Taken | Verdict::Laxer(_)) => Err(format!("refused: {refusal}")),
        }
    }
}

/// Plays an exchange as it was recorded.
pub(crate) fn play(ends: &mut Ends, exchange: &Exchange, answered: bool) {
    ends.request(exchange).unwrap_or_else(|halt| panic!("request {}: {halt:?}", exchange.n));
    if answered && !exchange.response.body.is_empty() {
        ends.response(exchange).unwrap_or_else(|halt| panic!("response {}: {halt:?}", exchange.n));
    }
}

/// Tries all rows of a table against one message; everything that is wrong is told at once.
pub(crate) fn judge_all(name: &str, n: u32, direction: Direction, rows: &[Row]) {
    let bench = Bench::before(name, n, direction);
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|row| bench.judge(row).err().map(|why| format!("{name}, {}: {why}", row.case)))
        .collect();
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}
