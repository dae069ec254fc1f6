//! The comparison: what a message costs through the gateway, plain and secured, and what it costs CXF to serve the same
//! policies; and what the gateway costs before the first message, and under too many.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::caller::Caller;
use super::connection::Target;
use super::drive::{Load, Measured, Pace, Until, begin, drive};
use super::figures::{By, Figures, SERIES, Series};
use super::serving::{Backend, Cxf, Demand, Gateway, caller};
use super::start::{self, Starts};
use super::usage;
use crate::peers;

/// Connections of what is measured.
const WORKERS: usize = 16;
/// Conversations over them.
const CONVERSATIONS: usize = 64;
/// The policy of the overload: a message costs the service an operation with a private key and its client none.
const ONE_SIDED: &str = "A+one";
/// The test key of that service: of 4096 bits, so that one machine has time to ask ten times what it serves.
const COSTLY: &str = "costly";
/// The policy of the conversations that are begun and kept.
const CONVERSING: &str = "X+d";
/// Connections of the overload.
const CROWD: usize = 400;

/// How long and how often, of each.
struct Measure {
    each: Duration,
    warm_up: u64,
    cxf_warm_up: u64,
    conversations: u64,
    overload: Duration,
}

impl Measure {
    const WHOLE: Self = Self {
        each: Duration::from_secs(12),
        warm_up: 2000,
        cxf_warm_up: 10_000,
        conversations: 100_000,
        overload: Duration::from_mins(1),
    };
    const QUICK: Self = Self {
        each: Duration::from_secs(5),
        warm_up: 1000,
        cxf_warm_up: 3000,
        conversations: 20_000,
        overload: Duration::from_secs(10),
    };
}

/// One comparison under way.
struct Comparison {
    folder: PathBuf,
    measure: Measure,
    cxf: Cxf,
    backend: Backend,
    figures: Figures,
    wrong: u64,
}

/// Runs the comparison in a folder of its own. Bodies have about `octets` octets.
///
/// # Errors
///
/// Where something cannot be started. A call that goes wrong is counted: `errors`.
pub async fn compare(folder: &Path, quick: bool, octets: usize) -> Result<Figures, String> {
    let begun = Instant::now();
    let mut codes: Vec<_> = SERIES.iter().map(|series| series.code).filter(|code| *code != "plain").collect();
    codes.push(ONE_SIDED);
    codes.sort_unstable();
    codes.dedup();
    let mut comparison = Comparison::new(folder, &codes, if quick { Measure::QUICK } else { Measure::WHOLE })?;
    comparison.describe(quick, octets);
    comparison.gateway(octets).await?;
    comparison.egress(octets).await?;
    comparison.start(octets).await?;
    comparison.memory(octets).await?;
    comparison.cxf(octets).await?;
    comparison.overload(octets).await?;
    let mut figures = comparison.told();
    figures.note("seconds", begun.elapsed().as_secs_f64());
    figures.relate();
    Ok(figures)
}

/// What so many live conversations take, of the comparison that alone.
///
/// # Errors
///
/// As [`compare`].
pub async fn memory(folder: &Path, conversations: u64, octets: usize) -> Result<Figures, String> {
    let mut comparison = Comparison::new(folder, &[CONVERSING], Measure { conversations, ..Measure::QUICK })?;
    comparison.memory(octets).await?;
    Ok(comparison.told())
}

/// What egress costs beside what ingress does, of the comparison that alone: ingress is measured before and after, since a
/// machine that others share is not as fast in one minute as it is in the next.
///
/// # Errors
///
/// As [`compare`].
pub async fn egress(folder: &Path, quick: bool, octets: usize) -> Result<Figures, String> {
    let mut comparison = Comparison::new(folder, &[CONVERSING], if quick { Measure::QUICK } else { Measure::WHOLE })?;
    let mut ingress = Vec::new();
    for last in [false, true] {
        comparison.conversation(octets).await?;
        ingress.extend(comparison.figures.number("conversation"));
        if !last {
            comparison.egress(octets).await?;
        }
    }
    let mut figures = comparison.told();
    if let [before, after] = ingress[..] {
        figures.note("conversation_before", before);
        figures.note("conversation_after", after);
        figures.note("conversation", f64::midpoint(before, after));
    }
    figures.relate();
    Ok(figures)
}

/// Ten times what the gateway can do for a minute, of the comparison that alone; with `quick` for ten seconds.
///
/// # Errors
///
/// As [`compare`].
pub async fn overload(folder: &Path, quick: bool, octets: usize) -> Result<Figures, String> {
    let mut comparison = Comparison::new(folder, &[ONE_SIDED], if quick { Measure::QUICK } else { Measure::WHOLE })?;
    comparison.overload(octets).await?;
    let mut figures = comparison.told();
    figures.relate();
    Ok(figures)
}

impl Comparison {
    /// One in which nothing was measured yet. `codes` are those of the contracts that it needs of CXF.
    fn new(folder: &Path, codes: &[&str], measure: Measure) -> Result<Self, String> {
        std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        say("the contracts that CXF publishes");
        Ok(Self {
            folder: folder.to_owned(),
            measure,
            cxf: Cxf::new(folder, codes)?,
            backend: Backend::start(None)?,
            figures: Figures::default(),
            wrong: 0,
        })
    }

    /// What was found, and how many calls went wrong.
    fn told(mut self) -> Figures {
        self.figures.note("errors", self.wrong);
        self.figures
    }

    fn describe(&mut self, quick: bool, octets: usize) {
        let figures = &mut self.figures;
        figures.note("quick", quick);
        figures.note("octets", octets);
        figures.note("connections", WORKERS);
        figures.note("conversations_called", CONVERSATIONS);
        figures.note("cxf_warm_up_calls", self.measure.cxf_warm_up);
        figures.note("processors", processors());
        figures.note("processor", processor());
        figures.note("system", told("uname", &["-srm"]));
        figures.note("java", told("java", &["--version"]).lines().next().unwrap_or_default());
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        figures.note("load_before", load.split(' ').next().and_then(|minute| minute.parse::<f64>().ok()));
        figures.note("day", told("date", &["-u", "+%Y-%m-%d"]));
    }

    /// What is asked of a code's routes.
    fn demand(&self, code: &str) -> Demand {
        if code == "plain" { Demand::Nothing } else { Demand::Contract(self.cxf.contract(code)) }
    }

    /// Every way to be called through the gateway. One process in the clear, one under TLS.
    async fn gateway(&mut self, octets: usize) -> Result<(), String> {
        for tls in [false, true] {
            let served: Vec<_> = SERIES
                .iter()
                .filter(|series| series.by == By::Ingress && series.code.starts_with("UT") == tls)
                .collect();
            let routes: Vec<_> = served.iter().map(|series| (series.name, self.demand(series.code))).collect();
            let gateway = Gateway::start(&self.folder, &routes, tls, &self.backend, None)?;
            if !tls {
                tokio::time::sleep(Duration::from_millis(500)).await;
                self.figures.note("idle_mib", mib(usage::resident(gateway.id())?));
            }
            for series in served {
                self.measured(series, &gateway.url(series.name), gateway.id(), self.measure.warm_up, octets).await?;
            }
        }
        Ok(())
    }

    /// Ingress in a conversation, alone.
    async fn conversation(&mut self, octets: usize) -> Result<(), String> {
        let Some(series) = SERIES.iter().find(|series| series.name == "conversation") else { return Ok(()) };
        let routes = [(series.name, self.demand(series.code))];
        let gateway = Gateway::start(&self.folder, &routes, false, &self.backend, None)?;
        self.measured(series, &gateway.url(series.name), gateway.id(), self.measure.warm_up, octets).await
    }

    /// A plain client before two gateways back to back, and what each of them takes.
    async fn egress(&mut self, octets: usize) -> Result<(), String> {
        say(&format!("gateway, {CONVERSING}: egress, and an ingress behind it"));
        let demand = self.demand(CONVERSING);
        let ingress = Gateway::start(&self.folder, &[("service", demand.clone())], false, &self.backend, None)?;
        let egress = Gateway::start_egress(&self.folder, &demand, &ingress.url("service"))?;
        let load = Load {
            workers: WORKERS,
            conversations: 0,
            warm_up: self.measure.warm_up,
            pace: Pace::Closed,
            until: Until::Elapsed(self.measure.each),
            processes: vec![egress.id(), ingress.id()],
        };
        let measured = drive(&Arc::new(Caller::plain(octets)), &Target::new(&egress.url("egress"))?, &load).await?;
        self.count(&measured);
        if let [egress, ingress] = measured.each_micros()[..] {
            self.figures.note("egress", egress);
            self.figures.note("back_to_back", egress + ingress);
            self.figures.note("back_to_back_ingress", ingress);
        }
        for name in ["egress", "back_to_back"] {
            self.pace(name, &measured);
        }
        Ok(())
    }

    async fn cxf(&mut self, octets: usize) -> Result<(), String> {
        for series in SERIES.iter().filter(|series| series.by == By::Cxf) {
            // A process each: what one policy teaches the compiler is of no use to another.
            let service = self.cxf.serve(series.code)?;
            self.measured(series, &service.url, service.id(), self.measure.cxf_warm_up, octets).await?;
        }
        Ok(())
    }

    async fn measured(
        &mut self,
        series: &Series,
        url: &str,
        process: u32,
        warm_up: u64,
        octets: usize,
    ) -> Result<(), String> {
        let whose = if series.by == By::Cxf { "CXF" } else { "gateway" };
        say(&format!("{whose}, {}: {}", series.code, series.label));
        let caller = if series.code == "plain" { Caller::plain(octets) } else { caller(url, "server", octets).await? };
        let load = Load {
            workers: WORKERS,
            conversations: CONVERSATIONS,
            warm_up,
            pace: Pace::Closed,
            until: Until::Elapsed(self.measure.each),
            processes: vec![process],
        };
        let measured = drive(&Arc::new(caller), &Target::new(url)?, &load).await?;
        self.count(&measured);
        self.figures.note(series.name, measured.processor_micros());
        self.pace(series.name, &measured);
        Ok(())
    }

    /// Notes how many calls there were in which time, and how long they took.
    fn pace(&mut self, name: &str, measured: &Measured) {
        self.figures.note(&format!("{name}_rps"), measured.rate());
        self.figures.note(&format!("{name}_p50_ms"), measured.latencies.percentile(50.0));
        self.figures.note(&format!("{name}_p99_ms"), measured.latencies.percentile(99.0));
    }

    fn count(&mut self, measured: &Measured) {
        eprint!("{}", measured.table());
        self.wrong += measured.wrong();
    }

    /// From nothing to the first secured answer, and the first calls after it, each of a new process.
    async fn start(&mut self, octets: usize) -> Result<(), String> {
        say("start");
        let starts = Starts { folder: &self.folder, backend: &self.backend, count: start::COUNT, octets };
        starts.measure(&self.demand(start::CODE), &mut self.figures).await?;
        starts.measure_egress(&self.demand(start::CODE), &mut self.figures).await
    }

    /// What a process grows by while conversations are begun.
    async fn memory(&mut self, octets: usize) -> Result<(), String> {
        let count = self.measure.conversations;
        say(&format!("{count} conversations"));
        let routes = [("conversation", self.demand(CONVERSING))];
        let gateway = Gateway::start(&self.folder, &routes, false, &self.backend, None)?;
        let url = gateway.url("conversation");
        let (caller, target) = (Arc::new(caller(&url, "server", octets).await?), Target::new(&url)?);
        // What the process takes once and for all is taken before.
        let first = begin(&caller, &target, WORKERS, 500).await?;
        let (had, before) = (gateway.conversations()?, usage::resident(gateway.id())?);
        let begun = Instant::now();
        let errors = begin(&caller, &target, WORKERS, count).await?;
        let (took, after) = (begun.elapsed(), usage::resident(gateway.id())?);
        // Those that are there, and not those that were asked for.
        let count = gateway.conversations()?.saturating_sub(had);
        self.wrong += first.values().chain(errors.values()).sum::<u64>();
        for (reason, count) in first.iter().chain(&errors) {
            eprintln!("{count} × {reason}");
        }
        self.figures.note("live_conversations", count);
        self.figures.note("octets_per_conversation", ratio(after.saturating_sub(before), count));
        self.figures.note("conversations_begun_rps", ratio(count, 1) / took.as_secs_f64());
        Ok(())
    }

    /// Ten times what it can do, after what it can do. The gateway has a processor of its own where there is more than one, so
    /// that who asks does not take it from who answers.
    async fn overload(&mut self, octets: usize) -> Result<(), String> {
        say(&format!("overload, {ONE_SIDED}"));
        let last = processors() - 1;
        let others = if last > 1 { format!("1-{last}") } else { "1".to_owned() };
        let apart = last > 0 && settle(&others);
        self.figures.note("overload_apart", apart);
        let [own, others] = if apart { [Some("0"), Some(others.as_str())] } else { [None, None] };
        let backend = Backend::start(others)?;
        let routes = [("one", self.demand(ONE_SIDED))];
        let gateway = Gateway::start_as(COSTLY, &self.folder, &routes, false, &backend, own)?;
        let url = gateway.url("one");
        let (caller, target) = (Arc::new(caller(&url, COSTLY, octets).await?), Target::new(&url)?);
        let load = Load {
            workers: WORKERS,
            conversations: 0,
            warm_up: self.measure.warm_up / 2,
            pace: Pace::Closed,
            until: Until::Elapsed(self.measure.each.min(Duration::from_secs(8))),
            processes: vec![gateway.id()],
        };
        // Before and after: a machine that others share is not as fast in one minute as it is in the next.
        let before = drive(&caller, &target, &load).await?;
        self.count(&before);
        let asked = before.rate() * 10.0;
        let many = Load {
            workers: CROWD,
            warm_up: 0,
            pace: Pace::Open { rate: asked },
            until: Until::Elapsed(self.measure.overload),
            ..load.clone()
        };
        let over = drive(&caller, &target, &many).await?;
        self.count(&over);
        let after = drive(&caller, &target, &load).await?;
        self.count(&after);
        self.figures.note("overload_peak_rps", f64::midpoint(before.rate(), after.rate()));
        self.figures.note("overload_peak_before_rps", before.rate());
        self.figures.note("overload_peak_after_rps", after.rate());
        self.figures.note("overload_offered_rps", asked);
        self.figures.note("overload_sent_rps", over.sent_rate());
        self.figures.note("overload_goodput_rps", over.rate());
        self.figures.note("overload_busy", over.busy);
        self.figures.note("overload_served_p50_ms", over.served.percentile(50.0));
        self.figures.note("overload_served_p99_ms", over.served.percentile(99.0));
        self.figures.note("overload_seconds", over.took.as_secs_f64());
        Ok(())
    }
}

fn say(what: &str) {
    eprintln!("== {what}");
}

/// Keeps this process to some processors. Whether that could be done.
fn settle(processors: &str) -> bool {
    let own = std::process::id().to_string();
    peers::run(Command::new("taskset").args(["-acp", processors, &own])).is_ok()
}

#[expect(clippy::cast_precision_loss, reason = "far below what a float counts exactly")]
fn ratio(octets: u64, by: u64) -> f64 {
    octets as f64 / by as f64
}

fn mib(octets: u64) -> f64 {
    ratio(octets, 1 << 20)
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The processor's name.
fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or("unknown", |(_, name)| name.trim()).to_owned()
}

fn told(program: &str, arguments: &[&str]) -> String {
    peers::run(Command::new(program).args(arguments)).unwrap_or_default().trim().to_owned()
}
