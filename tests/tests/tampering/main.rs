//! No recorded message survives a change in any part that its policy protects.
//!
//! Every message that the player opens is changed first, in one place, and opened under the same conditions: it is refused,
//! or the same comes out of it to the last octet. What is not refused lies outside of what is signed or encrypted, or says
//! the same in canonical form.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail the test")]

mod changes;
mod elements;
mod essence;
mod octets;
mod protected;
mod sweep;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use nuncio_tests::recording::{self, Scenario};

use changes::Sample;
use sweep::Tally;

/// The recordings that come with the project.
static PACKED: LazyLock<Vec<Scenario>> = LazyLock::new(|| recording::load(&recording::packed()).unwrap());

/// Those of the groups beside it, where they are, that do not come with it.
static OTHERS: LazyLock<Vec<Scenario>> = LazyLock::new(|| {
    let packed: BTreeSet<_> = PACKED.iter().map(|scenario| scenario.name.as_str()).collect();
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors");
    let groups = ["wcf", "wse-twin", "dotnet10"].map(|group| vectors.join(group));
    let groups = groups.iter().filter(|group| group.exists());
    let mut others: Vec<_> = groups.flat_map(|group| recording::load(group).unwrap()).collect();
    others.retain(|scenario| !packed.contains(scenario.name.as_str()));
    others
});

/// How many changes are made of each message: so many, or as many as `NUNCIO_SWEEP` says, or each that there is where that
/// says `all`.
fn sample(count: usize) -> Sample {
    match std::env::var("NUNCIO_SWEEP") {
        Ok(all) if all == "all" => Sample::All,
        Ok(many) => Sample::Of(many.parse().unwrap_or_else(|_| panic!("NUNCIO_SWEEP={many} is no number"))),
        Err(_) => Sample::Of(count),
    }
}

/// No change did harm, and most were refused.
fn judge(what: &str, tally: &Tally) {
    eprintln!("{what}: {tally}");
    let harmful = &tally.harmful;
    let shown: Vec<_> = harmful.iter().take(40).map(String::as_str).collect();
    assert!(harmful.is_empty(), "{} changes did harm:\n{}", harmful.len(), shown.join("\n"));
    assert_eq!(tally.refused + tally.harmless() + tally.of_the_transport, tally.changes, "{what}");
}
