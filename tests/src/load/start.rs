//! What the gateway costs before it is warm: from its start to the first secured answer, and the first call of a new process
//! beside the hundredth, of either side.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use super::caller::Caller;
use super::connection::Target;
use super::drive::one_by_one;
use super::figures::Figures;
use super::serving::{Backend, Demand, Gateway};

/// The policy, by its code.
pub const CODE: &str = "X+d";
/// How often the gateway is started, where nothing else is said.
pub const COUNT: usize = 15;
/// Calls of each conversation.
const CALLS: usize = 100;
/// Which of them are told one by one.
const TOLD: [usize; 7] = [1, 2, 3, 5, 10, 20, CALLS];

/// New processes, one after the other.
pub struct Starts<'a> {
    /// Where their configurations and logs go.
    pub folder: &'a Path,
    /// The service behind them.
    pub backend: &'a Backend,
    /// How many there are, of each kind.
    pub count: usize,
    /// Octets of each body.
    pub octets: usize,
}

impl Starts<'_> {
    /// Measures them under what a route demands, into `figures`. The middle of each figure; what the calls in between took
    /// goes to standard error.
    pub async fn measure(&self, demand: &Demand, figures: &mut Figures) -> Result<(), String> {
        let mut starts = Vec::new();
        let mut calls = vec![Vec::new(); CALLS];
        for _ in 0..self.count {
            let begun = Instant::now();
            self.calls(demand, 1).await?;
            starts.push(begun.elapsed().as_secs_f64() * 1000.0);
            // Another process, whose first call is not the second.
            for (all, micros) in calls.iter_mut().zip(self.calls(demand, CALLS).await?) {
                all.push(f64::from(micros) / 1000.0);
            }
        }
        let [first, hundredth] = told("calls of a new process", calls);
        figures.note("start_ms", median(starts));
        figures.note("first_call_ms", first);
        figures.note("hundredth_call_ms", hundredth);
        Ok(())
    }

    /// The same of the first calls of plain clients before new processes that call a service, which another gateway is, warm and
    /// there. Each has begun a conversation before anybody calls, as it does unless it is told not to. Right before, the service is
    /// called without it: a machine that slept while a process waited for its first call is slow whoever is called.
    pub async fn measure_egress(&self, demand: &Demand, figures: &mut Figures) -> Result<(), String> {
        let service = Gateway::start(self.folder, &[("service", demand.clone())], false, self.backend, None)?;
        let caller = Caller::plain(self.octets);
        let direct = (self.caller(demand, &service.url("service"))?, Target::new(&service.url("service"))?);
        let mut calls = vec![Vec::new(); CALLS];
        // The first process warms the service up, and is not counted.
        for number in 0..=self.count {
            let egress = Gateway::start_egress(self.folder, demand, &service.url("service"))?;
            egress.begins_conversation()?;
            one_by_one(&direct.0, &direct.1, CALLS).await.map_err(|error| error.to_string())?;
            let took = one_by_one(&caller, &Target::new(&egress.url("egress"))?, CALLS).await;
            let took = took.map_err(|error| error.to_string())?;
            for (all, micros) in calls.iter_mut().zip(took).filter(|_| number > 0) {
                all.push(f64::from(micros) / 1000.0);
            }
        }
        let [first, hundredth] = told("calls of a new process of egress", calls);
        figures.note("egress_first_call_ms", first);
        figures.note("egress_hundredth_call_ms", hundredth);
        Ok(())
    }

    /// Has a new process begin a conversation and answer so many calls of it; how long each took, in microseconds.
    async fn calls(&self, demand: &Demand, calls: usize) -> Result<Vec<u32>, String> {
        let gateway = Gateway::start(self.folder, &[("start", demand.clone())], false, self.backend, None)?;
        let url = gateway.url("start");
        one_by_one(&self.caller(demand, &url)?, &Target::new(&url)?, calls).await.map_err(|error| error.to_string())
    }

    /// Who calls a gateway of ours that demands this.
    fn caller(&self, demand: &Demand, url: &str) -> Result<Caller, String> {
        match demand {
            Demand::Contract(file) => {
                let contract = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
                Caller::of_contract(url, "server", &contract, self.octets)
            }
            Demand::Preset(name) => Caller::of_preset(url, name, self.octets),
            Demand::Nothing => Ok(Caller::plain(self.octets)),
        }
    }
}

/// The middle of the first calls, and of the last; those in between are told too.
fn told(what: &str, calls: Vec<Vec<f64>>) -> [f64; 2] {
    let calls: Vec<_> = calls.into_iter().map(median).collect();
    let call = |number: usize| calls.get(number - 1).copied().unwrap_or_default();
    let told = TOLD.iter().fold(String::new(), |mut told, number| {
        let _ = write!(told, "  {number}: {:.3}", call(*number));
        told
    });
    eprintln!("{what}, ms{told}");
    [call(1), call(CALLS)]
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_unstable_by(f64::total_cmp);
    of.get(of.len() / 2).copied().unwrap_or_default()
}
