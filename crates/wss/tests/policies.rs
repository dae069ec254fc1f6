//! The example policies, each read and compiled as a gateway does, and carried over the wire by our own initiator.

#![allow(clippy::expect_used, clippy::panic, reason = "a test's helpers fail the test")]

use std::path::{Path, PathBuf};

use nuncio_policy::model::{Binding, Operation, Policy, SoapVersion};
use nuncio_policy::yaml::{PolicyFile, Source};
use nuncio_policy::{said, wsdl};
use nuncio_wss::{Recipient, RecipientSettings};

mod ends;

use ends::{FRESHNESS, Pair, limits, server};

fn examples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/policies");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    files
}

fn read(file: &Path) -> (Vec<SoapVersion>, Vec<Policy>, Vec<Operation>) {
    let yaml = std::fs::read(file).expect("a file");
    let read = said::read::<PolicyFile>(&file.display().to_string(), &yaml).and_then(PolicyFile::source);
    match read.unwrap_or_else(|refused| panic!("{refused}")) {
        Source::Stated(stated) => (stated.soap, stated.alternatives, stated.operations),
        Source::Contract(contract) => {
            let path = file.parent().expect("a folder").join(&contract.wsdl.value);
            let bytes = std::fs::read(&path).expect("a contract");
            let read = wsdl::read(&path.display().to_string(), &bytes).expect("a contract");
            let name = contract.port.expect("a port").value;
            let port = read.ports.into_iter().find(|port| port.name == name).expect("the port");
            (vec![port.soap], port.alternatives.expect("a policy"), port.operations)
        }
    }
}

#[test]
fn every_example_is_served() {
    let files = examples();
    assert!(files.len() > 12, "{files:?}");
    for file in files {
        let (soap, alternatives, operations) = read(&file);
        for soap in soap {
            let recipient = Recipient::new(RecipientSettings {
                alternatives: alternatives.clone(),
                soap,
                operations: operations.clone(),
                trust: nuncio_crypto::trust::Trust::new(Vec::new()).expect("no roots"),
                passwords: None,
                addresses: Vec::new(),
                freshness: FRESHNESS,
                message_lifetime: FRESHNESS.window,
                context_lifetime: FRESHNESS.window,
                context_jitter: 0,
                forward_addressing: false,
                limits: limits(),
                credentials: vec![server()],
            });
            let recipient = recipient.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            assert_eq!(recipient.alternatives().len(), alternatives.len(), "{}", file.display());
        }
    }
}

/// A call and its answer under each policy that names no operations.
#[test]
fn every_example_carries_a_call() {
    let mut carried = 0;
    for file in examples() {
        let (soap, alternatives, operations) = read(&file);
        if !operations.is_empty() {
            continue;
        }
        for policy in alternatives {
            let mut pair = Pair::new(&policy, soap[0]);
            let conversation = policy.conversation().is_some();
            let (ours, theirs) = if conversation {
                let (ours, theirs) = pair.establish();
                (Some(ours), Some(theirs))
            } else {
                (None, None)
            };
            let (outbound, expectation) = pair.request("hello", ours.as_ref());
            let opened = pair.open(&outbound, outbound.body.clone(), theirs.as_ref());
            let opened = opened.unwrap_or_else(|refusal| panic!("{}: {refusal}", file.display()));
            let message = pair.echo(opened);
            let answer = pair.answer(&message, &expectation);
            answer.unwrap_or_else(|refusal| panic!("{}: {refusal}", file.display()));
            carried += 1;
            assert!(
                matches!(policy.binding, Binding::Transport(_)) || policy.properties.timestamp,
                "{}",
                file.display()
            );
        }
    }
    assert!(carried > 12, "{carried}");
}
