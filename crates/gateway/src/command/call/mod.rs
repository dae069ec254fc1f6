//! `nuncio call`: one secured request from the command line, and what happened.
//!
//! It calls as an egress route does, with the same settings and the same code; nothing listens.

mod given;
mod measure;
mod picture;
mod target;

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use nuncio_policy::request::{self, Need, Settable};
use nuncio_wss::Time;

use self::target::Target;
use super::Failed;
use super::colour::Colour;
use super::proxy::{User, parse_user};
use super::quiet::Quiet;
use crate::clock::Clock;
use crate::config::{ReadingInput, SoapInput};
use crate::egress::{Direct, DirectOutcome};
use crate::media;
use crate::random::Entropy;
use crate::world::World;

const WHAT: &str = "What is called";
const AS_WHOM: &str = "As whom, and what is believed";
const HOW: &str = "How often, and what is shown";

/// What says which message is sent: an operation, or an action.
const CALLED: &str = "called";

/// Calls a protected service once, and shows what happened
#[derive(Debug, Args)]
#[command(
    after_long_help = "Exit status: 0 if the service answered, 1 if no call could be made, 2 for a wrong command line, 3 if it answered with a fault, 4 if no \
                       answer of its came that can be believed. The answer is on standard output, what happened on standard \
                       error."
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own that whoever calls says")]
pub(super) struct Call {
    /// The service's contract: a file, or the URL at which the service publishes it
    #[arg(long, value_name = "FILE|URL", required_unless_present = "preset", conflicts_with = "preset", help_heading = WHAT)]
    wsdl: Option<String>,
    /// A policy by its usual name, in place of a contract
    #[arg(long, value_name = "NAME", requires = "url", help_heading = WHAT)]
    preset: Option<String>,
    /// The contract's port; needed where more than one has a policy
    #[arg(long, value_name = "NAME", requires = "wsdl", help_heading = WHAT)]
    port: Option<String>,
    /// Where the service is, if not where the contract says
    #[arg(long, value_name = "URL", help_heading = WHAT)]
    url: Option<String>,
    /// The operation of the contract; without it they are listed
    #[arg(long, value_name = "NAME", group = CALLED, conflicts_with = "action", help_heading = WHAT)]
    operation: Option<String>,
    /// A value in the request, such as order/id=7 or order/@kind=urgent; may be repeated
    #[arg(long, value_name = "PATH=VALUE", requires = "operation", value_parser = parse_set, help_heading = WHAT)]
    set: Vec<(String, String)>,
    /// Tells what may be set, and calls nothing
    #[arg(long, requires = "operation", conflicts_with = "set", help_heading = WHAT)]
    describe: bool,
    /// The action, for a request that is given whole
    #[arg(long, value_name = "URI", group = CALLED, requires = "body", help_heading = WHAT)]
    action: Option<String>,
    /// A file with what stands in the body, or with a whole plain envelope; - for standard input
    #[arg(long, value_name = "FILE", requires = CALLED, conflicts_with = "set", help_heading = WHAT)]
    body: Option<PathBuf>,
    /// The version of SOAP that the service speaks, where its policy leaves that open: 1.1 or 1.2
    #[arg(long, value_name = "VERSION", help_heading = WHAT)]
    soap: Option<SoapInput>,
    /// The address that messages name, if it is not the service's URL
    #[arg(long, value_name = "URI", help_heading = WHAT)]
    to: Option<String>,
    /// How the service reads its policy, where stacks differ: as WCF does, or by the letter as CXF does
    #[arg(long, value_name = "HOW", help_heading = WHAT)]
    reading: Option<ReadingInput>,
    /// The user as whom the service is called
    #[arg(long, value_name = "NAME:PASSWORD", value_parser = Quiet(parse_user), help_heading = AS_WHOM)]
    user: Option<User>,
    /// The certificate as whose holder the service is called, in PEM
    #[arg(long, value_name = "FILE", requires = "key", help_heading = AS_WHOM)]
    certificate: Option<PathBuf>,
    /// Its key, in PEM
    #[arg(long, value_name = "FILE", requires = "certificate", help_heading = AS_WHOM)]
    key: Option<PathBuf>,
    /// The service's certificate, in PEM; that in the contract, unless it is said
    #[arg(long, value_name = "FILE", help_heading = AS_WHOM)]
    service_certificate: Option<PathBuf>,
    /// What the service's TLS is checked against, in PEM; the system's roots, unless it is said
    #[arg(long, value_name = "FILE", help_heading = AS_WHOM)]
    trust: Option<PathBuf>,
    /// Takes the contract over clear HTTP from another machine: whoever is between writes the policy
    #[arg(long, help_heading = AS_WHOM)]
    danger_clear_contract: bool,
    /// Calls so often in all, and measures
    #[arg(long, value_name = "NUMBER", default_value_t = NonZeroUsize::MIN, conflicts_with_all = ["whole", "quiet"], help_heading = HOW)]
    repeat: NonZeroUsize,
    /// Calls at once
    #[arg(long, value_name = "NUMBER", default_value_t = NonZeroUsize::MIN, requires = "repeat", help_heading = HOW)]
    concurrency: NonZeroUsize,
    /// Prints each message as it goes over the wire, too
    #[arg(long, help_heading = HOW)]
    whole: bool,
    /// Prints the answer alone
    #[arg(long, conflicts_with = "whole", help_heading = HOW)]
    quiet: bool,
    /// Starts the clock at an instant
    #[arg(long, value_name = "RFC3339", help_heading = HOW)]
    clock: Option<String>,
}

fn parse_set(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((path, value)) if !path.is_empty() => Ok((path.to_owned(), value.to_owned())),
        _ => Err("it is not PATH=VALUE"),
    }
}

/// What is to be sent.
struct Message {
    action: String,
    body: Vec<u8>,
}

impl Call {
    pub(super) async fn run(self) -> Result<(), Failed> {
        let clock = match &self.clock {
            None => Clock::system(),
            Some(text) => Clock::started_at(Time::parse(text).ok_or_else(|| Failed::Clock(text.clone()))?),
        };
        let target = Target::of(&self, &clock).await?;
        let wrong = |error: request::NotMade| Failed::Step(error.to_string());
        if self.operation.is_none() && self.action.is_none() {
            let Some(documents) = &target.documents else {
                return Err(Failed::Step(
                    "say --action and --body: without a contract nothing tells of operations".into(),
                ));
            };
            for listed in request::operations(documents).map_err(wrong)? {
                let answer = if listed.answered { "" } else { "  (one way)" };
                print(&format!("{}  {}{answer}\n", listed.port, listed.name));
            }
            return Ok(());
        }
        if self.describe {
            return target.request(&self, |request| {
                for settable in request.settable().map_err(wrong)? {
                    print(&line(&settable));
                }
                Ok(())
            });
        }
        let message = self.message(&target)?;
        let Target { settings, limits, .. } = target;
        let world = Arc::new(World::new(clock, Entropy::system(), &limits.stores));
        let (repeat, concurrency) = (self.repeat.get(), self.concurrency.get());
        let recorded = !self.quiet && repeat == 1;
        let direct = Direct::new(settings, &world, &limits.timeouts, &limits.lifetimes, recorded)?;
        let soap = direct.soap();
        let body = given::envelope(soap, message.body)?;
        if repeat > 1 {
            return measure::measure(Arc::new(direct), &message.action, soap, body, (repeat, concurrency)).await;
        }
        let outcome = direct.call(&message.action, media::content_type(soap), body).await;
        direct.end().await;
        if recorded {
            let text =
                picture::picture(Colour::of_stderr(), &direct.exchanged(), direct.own(), world.clock.now(), self.whole);
            let _ = std::io::stderr().write_all(text.as_bytes());
        }
        match outcome {
            DirectOutcome::Answered(answer) => {
                print(&String::from_utf8_lossy(&answer.body));
                print("\n");
                if answer.fault { Err(Failed::Faulted) } else { Ok(()) }
            }
            DirectOutcome::Taken => Ok(()),
            DirectOutcome::Failed(why) => Err(Failed::NoAnswer(why)),
            DirectOutcome::NotSent(why) => Err(Failed::Step(why)),
        }
    }

    /// The action, and what stands in the body or a whole envelope.
    fn message(&self, target: &Target) -> Result<Message, Failed> {
        let given = self.body.as_ref().map(|file| given::read(file)).transpose()?;
        if let (Some(action), Some(body)) = (&self.action, &given) {
            return Ok(Message { action: action.clone(), body: body.clone() });
        }
        let operation = self.operation.as_deref().unwrap_or_default();
        let action = target.action(operation)?;
        let body = match given {
            Some(body) => body,
            None => target.request(self, |request| {
                let settings: Vec<_> = self.set.iter().map(|(path, value)| (path.as_str(), value.as_str())).collect();
                let body = request.body(&settings).map_err(|error| Failed::Step(error.to_string()))?;
                Ok(body.into_bytes())
            })?,
        };
        Ok(Message { action, body })
    }
}

/// What may be set, in a line.
fn line(settable: &Settable) -> String {
    let Settable { path, type_name, values, preset, need, repeats, recurs } = settable;
    let mut line = format!("{path}  {type_name}");
    if !values.is_empty() {
        line.extend([": ", &values.join(" | ")]);
    }
    let mut notes = Vec::new();
    match need {
        Need::Always => notes.push("must be set".to_owned()),
        Need::With(path) => notes.push(format!("must be set with {path}")),
        Need::Never => {}
        Need::OneOf(names) => notes.push(format!("one of {}", names.join(", "))),
    }
    notes.extend(preset.as_ref().map(|preset| format!("{preset:?} unless it is set")));
    if *repeats {
        notes.push("may be there more than once".to_owned());
    }
    if *recurs {
        notes.push("has more of its own kind within".to_owned());
    }
    if !notes.is_empty() {
        line.extend(["  (", &notes.join("; "), ")"]);
    }
    line + "\n"
}

fn print(text: &str) {
    // A reader that goes away ends the telling, not the call.
    let mut out = std::io::stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
