//! `seeds RECORDINGS TO`: writes what the recordings hold as the fuzz targets' first inputs.
//!
//! Under TO: `read`, `canonical` and `graft` get the messages, the bodies in the last; `policy` contracts and policies; `open`
//! sound messages, told apart by their first octet, and `recorded` what opening them takes: a folder each; `cookie_decode`
//! records of contexts, which our own two ends make, and the same in base64.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs::{create_dir_all, write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use nuncio_crypto::base64;
use nuncio_policy::model::Binding;
use nuncio_policy::{bare, wsdl};
use nuncio_tests::ends::Ends;
use nuncio_tests::recording::{self, Exchange, Scenario};
use nuncio_tests::subject::Subject;
use nuncio_wss::{Holder, Issued, Principal, Recipient};

#[path = "../../../crates/wss/tests/ends/mod.rs"]
mod ends;

/// How many messages of our own making the target for opening knows before the recorded ones.
const OWN: usize = 4;
/// Recorded messages for opening: one octet tells them apart, and few are as good as many.
const RECORDED: usize = 24;

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [recordings, to] = arguments.as_slice() else {
        eprintln!("seeds RECORDINGS TO");
        return ExitCode::FAILURE;
    };
    match seeds(recordings, to) {
        Ok(recorded) => {
            println!("seeds: {recorded} recorded messages to open");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn seeds(recordings: &Path, to: &Path) -> Result<usize, Box<dyn Error>> {
    for target in ["read", "canonical", "graft", "policy", "open", "recorded", "cookie_decode"] {
        create_dir_all(to.join(target))?;
    }
    let (mut recorded, mut contracts) = (0, BTreeSet::new());
    for scenario in recording::load(recordings)? {
        let name = scenario.name.replace('/', "-");
        for (kind, file) in [("wsdl", &scenario.wsdl), ("policy", &scenario.policy)] {
            if let Some(file) = file.as_ref().filter(|file| contracts.insert((*file).clone())) {
                write(to.join("policy").join(format!("{name}.{kind}")), file)?;
            }
        }
        // Of the same shape in each exchange: the first is enough.
        if let Some(exchange) = scenario.exchanges.first() {
            for (which, message) in [("request", &exchange.request), ("response", &exchange.response)] {
                for target in ["read", "canonical"] {
                    write(to.join(target).join(format!("{name}.{which}")), &message.body)?;
                }
            }
            let text = String::from_utf8_lossy(&exchange.request.body);
            if let Some(body) = text.split_once("Body").and_then(|(_, rest)| rest.split_once('>')) {
                let content = body.1.rsplit_once("</").map_or(body.1, |(content, _)| content);
                write(to.join("graft").join(&name), content.rsplit_once("</").map_or(content, |(content, _)| content))?;
            }
        }
        if recorded < RECORDED
            && let Some(exchange) = alone(&scenario)
        {
            record(&to.join("recorded").join(&name), &scenario, exchange)?;
            recorded += 1;
        }
    }
    // In the order in which the target finds their folders.
    let mut folders: Vec<PathBuf> =
        to.join("recorded").read_dir()?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    folders.sort();
    for (at, folder) in folders.iter().enumerate() {
        let mut seed = vec![(OWN + at) as u8];
        seed.extend(std::fs::read(folder.join("message.xml"))?);
        write(to.join("open").join(format!("{at:02}")), seed)?;
    }
    cookies(&to.join("cookie_decode"))?;
    Ok(recorded)
}

/// Records of contexts of both generations, for anybody.
fn cookies(folder: &Path) -> Result<(), Box<dyn Error>> {
    let holder = Holder { subject: "CN=alice".into(), issuer: "CN=ca".into(), thumbprint: [7; 20] };
    let anybody = [Principal::Anonymous, Principal::User("alice".into()), Principal::Certificate(holder)];
    for preset in ["wcf-ws2007-userNameOverTransport-conversation", "wcf-wshttp-userNameOverTransport-conversation"] {
        for (at, principal) in anybody.iter().enumerate() {
            let mut pair = ends::Pair::new(&ends::policy(preset), ends::soap(preset)[0]);
            let (outbound, _) = pair.initiator.issue(pair.now, &mut pair.numbers)?;
            let opened = pair.open(&outbound, outbound.body.clone(), None)?;
            let issued = Recipient::issue(opened, principal.clone(), None, pair.now, &mut pair.numbers);
            let Issued { context, .. } = issued.map_err(|refused| refused.to_string())?;
            let record = context.record().ok_or("no record")?;
            write(folder.join(format!("{preset}.{at}")), &*record)?;
            write(folder.join(format!("{preset}.{at}.base64")), base64::encode(&record))?;
        }
    }
    Ok(())
}

/// Whether the messages of a scenario protect themselves: what a transport protects may be changed at will.
fn protects_itself(scenario: &Scenario) -> bool {
    let contract = scenario.wsdl.as_ref().and_then(|wsdl| wsdl::read("wsdl.xml", wsdl).ok());
    let policies = match &scenario.policy {
        Some(policy) => bare::read("policy.xml", policy).ok(),
        None => contract.and_then(|contract| contract.ports.into_iter().next()?.alternatives.ok()),
    };
    policies.is_some_and(|policies| policies.iter().all(|policy| !matches!(policy.binding, Binding::Transport(_))))
}

/// The first request of a scenario, where it opens by itself: under the service's key, in no conversation.
fn alone(scenario: &Scenario) -> Option<&Exchange> {
    let exchange = scenario.exchanges.first().filter(|_| protects_itself(scenario))?;
    let text = String::from_utf8_lossy(&exchange.request.body);
    if text.contains("RST/SCT") || text.contains("RST/Issue") || scenario.wsdl.is_none() {
        return None;
    }
    let mut ends = Ends::start(scenario).ok()?;
    ends.request(exchange).ok().map(|_| exchange)
}

fn record(folder: &Path, scenario: &Scenario, exchange: &Exchange) -> Result<(), Box<dyn Error>> {
    create_dir_all(folder)?;
    write(folder.join("wsdl.xml"), scenario.wsdl.as_deref().unwrap_or_default())?;
    if let Some(policy) = &scenario.policy {
        write(folder.join("policy.xml"), policy)?;
    }
    let certificates = &scenario.meta.certificates;
    write(folder.join("service.pem"), &certificates.service.certificate_pem)?;
    write(folder.join("service.key"), &certificates.service.private_key_pem)?;
    if let Some(client) = &certificates.client {
        write(folder.join("client.pem"), &client.certificate_pem)?;
    }
    write(folder.join("message.xml"), &exchange.request.body)?;
    let header = |name| exchange.request.header(name).unwrap_or_default();
    write(
        folder.join("facts"),
        format!("{}\n{}\n{}\n", header("content-type"), header("soapaction"), exchange.request_at),
    )?;
    Ok(())
}
