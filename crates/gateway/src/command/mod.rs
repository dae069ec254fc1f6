//! The command line.

mod call;
mod check;
mod colour;
mod core_dumps;
mod demo;
mod echo;
mod findings;
mod health;
mod inspect;
mod keys;
mod page;
mod proxy;
mod quiet;
mod run;
mod schema;
mod sessions;
mod watched;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::handover::{self, Inherited, Told};
use crate::log;

/// A reverse proxy that holds a secure conversation on behalf of services that cannot.
#[derive(Debug, Parser)]
#[command(name = "nuncio", version, about, max_term_width = 100)]
struct Nuncio {
    /// What is logged on standard error, such as `info`, `nuncio=debug,warn` or `off`.
    #[arg(long, global = true, value_name = "FILTER", default_value = "info", display_order = 1000)]
    log: String,
    /// How the log is written.
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text", display_order = 1001)]
    log_format: log::Format,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Run),
    Proxy(Box<proxy::Proxy>),
    Call(Box<call::Call>),
    Check(check::Check),
    Demo(demo::Demo),
    Echo(echo::Echo),
    Health(health::Health),
    Inspect(Box<inspect::Inspect>),
    Keys(keys::Keys),
    Schema(schema::PrintSchema),
    Sessions(sessions::Sessions),
}

/// Why a command ended without success. Its `Display` is one line for the operator.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    #[error(transparent)]
    Traces(#[from] crate::spans::NotExported),
    #[error(transparent)]
    Listen(#[from] crate::gateway::CannotListen),
    #[error(transparent)]
    Route(#[from] crate::route::RouteError),
    #[error(transparent)]
    Keeping(#[from] crate::world::NotKeeping),
    #[error("--clock: {0:?} is not an instant such as 2026-11-22T10:00:00Z")]
    Clock(String),
    #[error("signals cannot be waited for: {0}")]
    Signals(std::io::Error),
    #[error("no listener is for the socket {0} that was passed")]
    Unused(String),
    #[error("{0} connections outlived the drain and were cut")]
    Cut(usize),
    #[error("{0}")]
    Step(String),
    #[error("it can be served, and {0} of its choices are weak")]
    Weak(usize),
    // Why is told on standard output.
    #[error("the message would be refused")]
    WouldBeRefused,
    #[error("the answer would not be believed")]
    NotBelieved,
    #[error("the message cannot be read")]
    NotRead,
    #[error("the service answered with a fault")]
    Faulted,
    #[error("no answer came that can be believed: {0}")]
    NoAnswer(String),
}

impl Failed {
    fn status(&self) -> ExitCode {
        match self {
            Self::Weak(_) => ExitCode::from(2),
            // A wrong flag ends with 2.
            Self::WouldBeRefused | Self::NotBelieved | Self::Faulted => ExitCode::from(3),
            Self::NotRead | Self::NoAnswer(_) => ExitCode::from(4),
            _ => ExitCode::FAILURE,
        }
    }
}

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    let arguments = Nuncio::parse();
    let flush = match log::start(&arguments.log, arguments.log_format) {
        Ok(flush) => flush,
        Err(error) => return fail(&error.to_string()),
    };
    // Before any key is read.
    core_dumps::prevent();
    let inherited = match Inherited::take() {
        Ok(inherited) => inherited,
        Err(error) => return fail(&format!("a socket that was passed cannot be used: {error}")),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("no runtime: {error}")),
    };
    let outcome = runtime.block_on(async {
        match arguments.command {
            Command::Run(run) => run.run(inherited).await,
            Command::Proxy(proxy) => proxy.run(inherited).await,
            Command::Call(call) => call.run().await,
            Command::Check(check) => check.run(),
            Command::Demo(demo) => demo.run().await,
            Command::Echo(echo) => echo.run().await,
            Command::Health(health) => health.run().await,
            Command::Inspect(inspect) => inspect.run().await,
            Command::Keys(keys) => keys.run(),
            Command::Schema(schema::PrintSchema) => schema::PrintSchema::run(),
            Command::Sessions(sessions) => sessions.run().await,
        }
    });
    // The reason of a failure comes last.
    drop(flush);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            fail(&failed.to_string());
            failed.status()
        }
    }
}

/// Says why on standard error, whatever the log filter is.
fn fail(why: &str) -> ExitCode {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "nuncio: {why}");
    ExitCode::FAILURE
}

/// Says on standard output that connections are accepted: a line of its own, for scripts.
fn ready() {
    use std::io::Write;
    handover::tell(&Told::Ready);
    // A closed standard output must not end a server.
    let mut out = std::io::stdout();
    let _ = writeln!(out, "nuncio: ready").and_then(|()| out.flush());
}

/// Completes at the first SIGTERM or SIGINT. A second one ends the process at once.
fn stopped() -> Result<impl Future<Output = ()>, Failed> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut term = signal(SignalKind::terminate()).map_err(Failed::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failed::Signals)?;
    Ok(async move {
        let mut next = async move || {
            tokio::select! { _ = term.recv() => (), _ = interrupt.recv() => () }
        };
        next().await;
        tokio::spawn(async move {
            next().await;
            tracing::warn!("second signal: ending at once");
            std::process::exit(1);
        });
    })
}

/// An error if connections had to be cut: a script that stops a gateway learns that calls were lost.
fn drained(cut: usize) -> Result<(), Failed> {
    if cut == 0 { Ok(()) } else { Err(Failed::Cut(cut)) }
}
