//! Calls a service as often as it can, or at a rate, and says what that cost: `load run`. Compares the gateway with itself and
//! with CXF: `load compare`, which `tests/load/compare.sh` builds and runs. Parts of it alone are `load start`, `load memory`,
//! which counts what live conversations take, `load overload`, and `load egress`. `load stores` puts the ways to keep conversations side by side, and
//! `load renewals` has many of them renewed within a minute.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use nuncio_tests::load::caller::Caller;
use nuncio_tests::load::compare::{compare, egress, memory, overload};
use nuncio_tests::load::connection::Target;
use nuncio_tests::load::drive::{Load, Pace, Until, drive};
use nuncio_tests::load::figures::Figures;
use nuncio_tests::load::renewals::{many, renewals};
use nuncio_tests::load::start::{self, Starts};
use nuncio_tests::load::stores::stores;
use nuncio_tests::load::{page, serving};
use nuncio_tests::peers;

/// Load, and what it costs. The last line of standard output is one JSON object
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(Run),
    Compare(Compare),
    Memory(Memory),
    /// Asks ten times of the gateway what it can do
    Overload(Part),
    /// Has a plain client call through two gateways back to back, between two measures of ingress alone
    Egress(Part),
    Stores(Stores),
    Renewals(Renewals),
    Start(Start),
    /// Writes docs/performance.md and its chart from figures that `compare` printed
    Draw {
        /// Where they are
        file: PathBuf,
    },
}

/// Calls one echo service, under the policy of the contract that it publishes
#[derive(Args)]
struct Run {
    /// Where it is: http:// or https://, with a port
    url: String,
    /// It is a plain service
    #[arg(long, conflicts_with = "contract")]
    plain: bool,
    /// The contract, if it publishes none
    #[arg(long, value_name = "FILE")]
    contract: Option<PathBuf>,
    /// A policy by its name, in place of a contract
    #[arg(long, value_name = "NAME", conflicts_with_all = ["plain", "contract"])]
    preset: Option<String>,
    /// Connections, each with one call under way at a time
    #[arg(long, value_name = "N", default_value = "16", value_parser = clap::value_parser!(u16).range(1..))]
    workers: u16,
    /// Conversations over all connections
    #[arg(long, value_name = "N", default_value_t = 64)]
    conversations: usize,
    /// Calls before anything is counted
    #[arg(long, value_name = "N", default_value_t = 1000)]
    warm_up: u64,
    /// Calls a second, whatever becomes of those before; without it each connection calls again once it is answered
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// How long
    #[arg(long, value_name = "N", default_value_t = 10)]
    seconds: u64,
    /// How many calls, in place of how long
    #[arg(long, value_name = "N", conflicts_with = "seconds")]
    calls: Option<u64>,
    /// Octets of each body
    #[arg(long, value_name = "N", default_value_t = OCTETS)]
    octets: usize,
    /// The process whose processor time is counted
    #[arg(long, value_name = "PID")]
    process: Option<u32>,
}

/// Compares plain and secured messages through the gateway, and CXF
#[derive(Args)]
struct Compare {
    /// Shorter and rougher
    #[arg(long)]
    quick: bool,
    /// Writes docs/performance.md and its chart
    #[arg(long)]
    write: bool,
    /// Where logs, keys and contracts go
    #[arg(long, value_name = "FOLDER", default_value = "target/load")]
    folder: PathBuf,
}

/// Counts what the gateway's process grows by for each conversation that is begun and not ended
#[derive(Args)]
struct Memory {
    /// How many
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    conversations: u64,
    /// Of users over TLS, whose conversations take no private key to begin: for very many
    #[arg(long)]
    light: bool,
    /// Where logs, keys and contracts go
    #[arg(long, value_name = "FOLDER", default_value = "target/load")]
    folder: PathBuf,
}

/// A part of the comparison
#[derive(Args)]
struct Part {
    /// Shorter and rougher
    #[arg(long)]
    quick: bool,
    /// Where logs, keys and contracts go
    #[arg(long, value_name = "FOLDER", default_value = "target/load")]
    folder: PathBuf,
}

/// Has many conversations renewed within a minute, and times the calls of others meanwhile
#[derive(Args)]
struct Renewals {
    /// How many
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    conversations: usize,
    /// Where logs, keys and contracts go
    #[arg(long, value_name = "FOLDER", default_value = "target/load")]
    folder: PathBuf,
}

/// Calls and begins conversations in each store, one after the other; needs redis-server
#[derive(Args)]
struct Stores {
    /// For how long each is called
    #[arg(long, value_name = "N", default_value_t = 10)]
    seconds: u64,
    /// How many conversations are begun in each
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..))]
    begun: u64,
    /// Where logs, keys and contracts go
    #[arg(long, value_name = "FOLDER", default_value = "target/load")]
    folder: PathBuf,
}

/// Starts the gateway again and again, and times its start and its first calls
#[derive(Args)]
struct Start {
    /// The contract of a conversation, if not the one of CXF's that `compare` takes
    #[arg(long, value_name = "FILE")]
    contract: Option<PathBuf>,
    /// How often
    #[arg(long, value_name = "N", default_value_t = start::COUNT)]
    count: usize,
    /// Where logs, keys and contracts go
    #[arg(long, value_name = "FOLDER", default_value = "target/load")]
    folder: PathBuf,
}

const OCTETS: usize = 1024;

fn docs() -> PathBuf {
    peers::here("../docs")
}

async fn run(run: Run) -> Result<bool, String> {
    let caller = match (&run.preset, &run.contract) {
        _ if run.plain => Caller::plain(run.octets),
        (Some(preset), _) => Caller::of_preset(&run.url, preset, run.octets)?,
        (None, None) => serving::caller(&run.url, "server", run.octets).await?,
        (None, Some(file)) => {
            let contract = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
            Caller::of_contract(&run.url, "server", &contract, run.octets)?
        }
    };
    let load = Load {
        workers: run.workers.into(),
        conversations: run.conversations,
        warm_up: run.warm_up,
        pace: run.rate.map_or(Pace::Closed, |rate| Pace::Open { rate: rate.into() }),
        until: run.calls.map_or(Until::Elapsed(Duration::from_secs(run.seconds)), Until::Calls),
        processes: run.process.into_iter().collect(),
    };
    let measured = drive(&Arc::new(caller), &Target::new(&run.url)?, &load).await?;
    eprint!("{}", measured.table());
    println!("{}", measured.json());
    Ok(measured.wrong() == 0)
}

async fn comparison(Compare { quick, write, folder }: Compare) -> Result<bool, String> {
    let figures = compare(&absolute(&folder)?, quick, OCTETS).await?;
    if write {
        page::write(&docs(), &figures).map_err(|error| error.to_string())?;
    }
    tell(&figures)
}

async fn kept(Memory { conversations, light, folder }: Memory) -> Result<bool, String> {
    if light {
        return tell(&many(&absolute(&folder)?, conversations, OCTETS).await?);
    }
    tell(&memory(&absolute(&folder)?, conversations, OCTETS).await?)
}

async fn overloaded(Part { quick, folder }: Part) -> Result<bool, String> {
    tell(&overload(&absolute(&folder)?, quick, OCTETS).await?)
}

async fn both_ways(Part { quick, folder }: Part) -> Result<bool, String> {
    tell(&egress(&absolute(&folder)?, quick, OCTETS).await?)
}

async fn in_each(Stores { seconds, begun, folder }: Stores) -> Result<bool, String> {
    tell(&stores(&absolute(&folder)?, Duration::from_secs(seconds), begun, OCTETS).await?)
}

async fn renewed(Renewals { conversations, folder }: Renewals) -> Result<bool, String> {
    tell(&renewals(&absolute(&folder)?, conversations, OCTETS).await?)
}

fn absolute(folder: &Path) -> Result<PathBuf, String> {
    std::path::absolute(folder).map_err(|error| error.to_string())
}

/// Prints figures; whether no call went wrong.
fn tell(figures: &Figures) -> Result<bool, String> {
    println!("{}", serde_json::to_string(figures).map_err(|error| error.to_string())?);
    Ok(figures.number("errors") == Some(0.0))
}

async fn starts(Start { contract, count, folder }: Start) -> Result<bool, String> {
    let folder = std::path::absolute(folder).map_err(|error| error.to_string())?;
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let contract = match contract {
        Some(file) => std::path::absolute(file).map_err(|error| error.to_string())?,
        None => serving::Cxf::new(&folder, &[start::CODE])?.contract(start::CODE),
    };
    let mut figures = Figures::default();
    let starts = Starts { folder: &folder, backend: &serving::Backend::start(None)?, count, octets: OCTETS };
    let demand = serving::Demand::Contract(contract);
    starts.measure(&demand, &mut figures).await?;
    starts.measure_egress(&demand, &mut figures).await?;
    figures.relate();
    println!("{}", serde_json::to_string(&figures).map_err(|error| error.to_string())?);
    Ok(true)
}

fn draw(file: &Path) -> Result<bool, String> {
    let said = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| said(&error))?;
    let line = text.lines().rfind(|line| !line.is_empty()).unwrap_or_default();
    let figures: Figures = serde_json::from_str(line).map_err(|error| said(&error))?;
    page::write(&docs(), &figures).map_err(|error| error.to_string())?;
    Ok(true)
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Run(what) => run(what).await,
        Command::Compare(what) => comparison(what).await,
        Command::Memory(what) => kept(what).await,
        Command::Overload(what) => overloaded(what).await,
        Command::Egress(what) => both_ways(what).await,
        Command::Stores(what) => in_each(what).await,
        Command::Renewals(what) => renewed(what).await,
        Command::Start(what) => starts(what).await,
        Command::Draw { file } => draw(&file),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("load: some calls went wrong");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}
