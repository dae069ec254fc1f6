//! `cxf-table [--egress] [--every | --ports | CODE…]`: the whole table of policies that Apache CXF's client is tried under, through
//! a running gateway to a plain service; with `--egress`, that its services are called under by a plain client.
//!
//! A line for each code with its result, and the sums. What fails is tried with CXF's client and CXF's service: what fails
//! there too is CXF's own. At the end come the ports of CXF's own tests of conversations, where clients cancel as they do there:
//! of a cancel that does not prove that they have the context's key, and is refused, they take no notice. `--ports` has these
//! alone; `--every` every combination of the table's words, and takes several times as long; codes that are named are tried
//! alone. Exit status 1 when anything failed that CXF does with itself.

mod egress;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use nuncio_tests::cxf::{self, ROUNDS, over_transport, table};
use nuncio_tests::peers::{self, PASSWORD, USER};
use nuncio_tests::plain::Backend;
use nuncio_tests::process::{Nuncio, free_port};

/// Clients of one Java process, and routes of one gateway: its proxies are kept to its end.
const AT_ONCE: usize = 200;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("cxf-table: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool, String> {
    let Some(class_path) = cxf::class_path()? else { return Ok(true) };
    let mut arguments: Vec<_> = std::env::args().skip(1).collect();
    let egress = arguments.first().is_some_and(|first| first == "--egress");
    if egress {
        arguments.remove(0);
    }
    let folder = std::env::temp_dir().join(format!("cxf-table-{}", std::process::id()));
    peers::stores(&folder)?;
    let mut table = Table { class_path, folder, sums: BTreeMap::new() };
    let codes = match arguments.first().map(String::as_str) {
        None => table::whole(),
        Some("--every") => table::every(),
        Some("--ports") if egress => table::PORTS.iter().map(|(_, code)| (*code).to_owned()).collect(),
        Some("--ports") => Vec::new(),
        Some(_) => arguments.clone(),
    };
    if egress {
        table.call_all(&codes, AT_ONCE)?;
    } else {
        table.try_all(&codes, &codes, false)?;
    }
    if !egress && arguments.first().is_none_or(|first| first.starts_with("--")) {
        println!("\nCXF's own ports:");
        for cancel in [false, true] {
            let ports = || table::PORTS.iter().filter(|(port, _)| port.starts_with('_') == cancel);
            let codes: Vec<_> = ports().map(|(_, code)| (*code).to_owned()).collect();
            let names: Vec<_> = ports().map(|(port, code)| format!("{port} ({code})")).collect();
            table.try_all(&codes, &names, cancel)?;
        }
    }
    std::fs::remove_dir_all(&table.folder).map_err(|error| error.to_string())?;
    let sums: Vec<_> = table.sums.iter().map(|(result, count)| format!("{count} {result}")).collect();
    println!("\ncxf-table: {}", sums.join(", "));
    Ok(!table.sums.contains_key(WRONG))
}

const GOOD: &str = "good";
const OF_CXF: &str = "not done by CXF with itself";
const WRONG: &str = "wrong";

/// Codes under which something failed, and what.
type Wrong = BTreeMap<String, String>;

struct Table {
    class_path: String,
    folder: PathBuf,
    sums: BTreeMap<&'static str, usize>,
}

impl Table {
    /// The peer's command, and what it says in a line for each code that it comes to, be they good or not.
    fn said(&self, cancel: bool, arguments: &[String]) -> Result<Vec<String>, String> {
        let mut peer = cxf::peer(&self.class_path, &self.folder);
        peer.env("JAVA_TOOL_OPTIONS", format!("-Dcancel={cancel} -Xmx768m"));
        let output = peer.args(arguments).output().map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
    }

    /// Tries codes and prints their results under those names; those apart that want TLS: no route of theirs is served without.
    fn try_all(&mut self, codes: &[String], called: &[String], cancel: bool) -> Result<(), String> {
        let named: Vec<_> = codes.iter().zip(called).collect();
        let (tls, plain): (Vec<_>, Vec<_>) = named.into_iter().partition(|(code, _)| over_transport(code));
        plain.chunks(AT_ONCE).chain(tls.chunks(AT_ONCE)).try_for_each(|named| self.try_codes(named, cancel))
    }

    fn try_codes(&mut self, named: &[(&String, &String)], cancel: bool) -> Result<(), String> {
        let mut codes: Vec<_> = named.iter().map(|(code, _)| (*code).clone()).collect();
        codes.sort();
        codes.dedup();
        let codes = &codes[..];
        let strings = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let port = free_port().map_err(|error| error.to_string())?;
        let publish = strings(&["publish", &self.folder.display().to_string(), &port.to_string()]);
        let unpublished = self.said(false, &[publish, codes.to_vec()].concat())?;
        let mut wrong = Wrong::new();
        for code in codes.iter().filter(|code| !self.contract(code).exists()) {
            wrong.insert(code.clone(), format!("CXF publishes no contract: {}", line_of(&unpublished, code)));
        }

        let stage = self.stage(codes, &mut wrong)?;
        let rounds = ROUNDS.to_string();
        let mut calls = strings(&["calls", &rounds, "1000", "1", "0"]);
        for (number, code) in codes.iter().enumerate().filter(|(_, code)| !wrong.contains_key(*code)) {
            calls.extend([format!("{}/{number}", stage.url), code.clone()]);
        }
        let said = self.said(cancel, &calls)?;
        for (number, code) in codes.iter().enumerate() {
            if wrong.contains_key(code) {
                continue;
            }
            if let Err(reason) = stage.result(number, code, line_of(&said, code), cancel) {
                wrong.insert(code.clone(), reason);
            }
        }

        self.tell(named, &wrong, cancel)
    }

    /// Prints the results, what of the failures is CXF's own told as such.
    fn tell(&mut self, named: &[(&String, &String)], wrong: &Wrong, cancel: bool) -> Result<(), String> {
        let of_cxf = self.of_cxf(&wrong.keys().cloned().collect::<Vec<_>>(), cancel)?;
        for &(code, name) in named {
            let (result, reason) = match (wrong.get(code), of_cxf.get(code)) {
                (None, _) => (GOOD, String::new()),
                (Some(_), Some(itself)) => (OF_CXF, format!(": {itself}")),
                (Some(reason), None) => (WRONG, format!(": {reason}")),
            };
            println!("{name:<48} {result}{reason}");
            *self.sums.entry(result).or_default() += 1;
        }
        Ok(())
    }

    /// Which of these codes CXF does not do with itself, and what it says of them.
    fn of_cxf(&self, codes: &[String], cancel: bool) -> Result<BTreeMap<String, String>, String> {
        if codes.is_empty() {
            return Ok(BTreeMap::new());
        }
        let rounds = ROUNDS.to_string();
        let both = ["both", &codes.join(","), &rounds, "1000", "1", "0"].map(str::to_owned);
        let said = self.said(cancel, &both)?;
        let failed = codes.iter().map(|code| (code.clone(), line_of(&said, code)));
        // What it did not come to is not its own.
        let failed = failed.filter(|(_, line)| !is_good(line) && *line != NOTHING);
        Ok(failed.map(|(code, line)| (code, first(line).to_owned())).collect())
    }

    fn contract(&self, code: &str) -> PathBuf {
        self.folder.join(format!("{code}.wsdl"))
    }

    /// One gateway with a route for each code whose contract it takes.
    fn stage(&self, codes: &[String], wrong: &mut Wrong) -> Result<Stage, String> {
        let backend = Backend::start().map_err(|error| error.to_string())?;
        let address = format!("127.0.0.1:{}", free_port().map_err(|error| error.to_string())?);
        let tls = codes.iter().any(|code| over_transport(code));
        loop {
            let (certificate, key) = (peers::key("server.pem"), peers::key("server.key"));
            let identity = |indent| {
                format!("\n{indent}certificate: '{}'\n{indent}key: '{}'", certificate.display(), key.display())
            };
            let tls_of = if tls { format!("\n    tls:{}", identity("      ")) } else { String::new() };
            let mut text = format!("listeners:\n  - address: {address}{tls_of}\nroutes:\n");
            for (number, code) in codes.iter().enumerate().filter(|(_, code)| !wrong.contains_key(*code)) {
                let _ = writeln!(
                    text,
                    "  - path: /{number}\n    backend: {}/{number}\n    wsdl: '{}'{}\n    trust: ['{}']\n    users: [{{name: {USER}, password: {PASSWORD}}}]",
                    backend.url(),
                    self.contract(code).display(),
                    identity("    "),
                    peers::key("client.pem").display()
                );
            }
            let file = self.folder.join("nuncio.yaml");
            std::fs::write(&file, text).map_err(|error| error.to_string())?;
            match Nuncio::start([Path::new("run"), Path::new("--config"), &file]) {
                Ok(gateway) => {
                    let scheme = if tls { "https" } else { "http" };
                    return Ok(Stage { backend, gateway, url: format!("{scheme}://{address}") });
                }
                Err(error) => {
                    let error = error.to_string();
                    let named = |code: &&String| error.contains(&format!("/{code}.wsdl"));
                    let refused = codes.iter().find(named).filter(|code| !wrong.contains_key(*code));
                    wrong.insert(refused.ok_or(&error)?.clone(), error.replace('\n', " "));
                }
            }
        }
    }
}

/// In the place of a line that is not there.
const NOTHING: &str = "it said nothing";

/// The line that is about a code.
fn line_of<'said>(said: &'said [String], code: &str) -> &'said str {
    let is_of = |line: &&String| line.split([' ', ':']).next() == Some(code);
    let line = said.iter().find(is_of).map_or("", String::as_str);
    line.split_once(code).map_or(NOTHING, |(_, rest)| rest.trim_start_matches([':', ' ']))
}

/// The first failure that a line is about.
fn first(line: &str) -> &str {
    line.split_once("first: ").map_or(line, |(_, first)| first)
}

fn is_good(line: &str) -> bool {
    line.contains(&format!("good {ROUNDS} bad 0;"))
}

struct Stage {
    backend: Backend,
    gateway: Nuncio,
    url: String,
}

impl Stage {
    /// Whether all calls under a code were right, by what the client said, what the plain service saw and what was logged.
    fn result(&self, number: usize, code: &str, said: &str, cancel: bool) -> Result<(), String> {
        let log = self.gateway.log();
        let path = format!(" path=\"/{number}\" ");
        let lines = || log.lines().filter(|line| line.contains(&path));
        if !is_good(said) {
            let refused = lines().find(|line| line.contains("refused=")).unwrap_or("the gateway refused nothing");
            return Err(format!("{}; {refused}", first(said)));
        }
        let seen: Vec<_> = self.backend.seen();
        let ours = format!("/plain/{number}");
        let seen: Vec<_> = seen.into_iter().filter(|request| request.target == ours).collect();
        cxf::judge(code, &seen, if cancel { ROUNDS } else { 4 + ROUNDS })?;
        Ok(())
    }
}
