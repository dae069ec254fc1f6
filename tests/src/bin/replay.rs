//! `replay DIR…`: plays recorded conversations to our recipient and our initiator.
//!
//! Each argument is a scenario, a folder with scenarios or archives below it, or an archive. Exit status 1 when anything
//! failed or nothing was found.

use nuncio_tests::ends::play;
use nuncio_tests::player::Outcome;
use nuncio_tests::recording;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let (mut passed, mut failed, mut skipped, mut opened) = (0, 0, 0, 0);
    let mut sound = true;
    for path in std::env::args().skip(1) {
        let scenarios = recording::load(Path::new(&path)).unwrap_or_else(|error| {
            println!("{error}");
            Vec::new()
        });
        if scenarios.is_empty() {
            println!("{path}: no scenario found");
            sound = false;
        }
        for scenario in scenarios {
            let name = &scenario.name;
            match play(&scenario) {
                Outcome::Passed(messages) => {
                    passed += 1;
                    opened += messages;
                }
                Outcome::Failed(failures, messages) => {
                    failed += 1;
                    opened += messages;
                    for failure in failures {
                        println!("{name} {failure}");
                    }
                }
                Outcome::Skipped(reason) => {
                    skipped += 1;
                    println!("skip {name}: {reason}");
                }
            }
        }
    }
    println!("replay: {passed} scenarios passed, {failed} failed, {skipped} skipped; {opened} messages opened");
    if sound && failed == 0 && passed + skipped > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
