//! Each message opened and sealed once, for an instruction counter to look at: `count` beside this file is what runs it.

#[path = "../tests/ends/mod.rs"]
mod ends;
#[path = "../tests/measured/mod.rs"]
mod measured;

use std::hint::black_box;
use std::io::{Result, Write as _};

use measured::{Body, CONVERSATION, Case, PER_MESSAGE, SIZES};

/// What is counted: the counter is told by this name when to begin, and gives its sum when it ends.
#[inline(never)]
fn counted(work: &mut dyn FnMut()) {
    black_box(work)();
    // Something to come back for: a call at the very end would be a jump, and the counter waits for a return.
    black_box(());
}

/// Does the work twice, the second time counted, and says which it was, in the order of the counter's sums.
fn count<I, O>(name: &str, input: impl Fn() -> I, mut work: impl FnMut(I) -> O) -> Result<()> {
    drop(work(input()));
    let (mut given, mut output) = (Some(input()), None);
    counted(&mut || output = given.take().map(&mut work));
    drop(black_box(output));
    writeln!(std::io::stdout(), "{name}")
}

fn main() -> Result<()> {
    for (group, preset, body, sizes) in [
        ("text", CONVERSATION, Body::Text, &SIZES[..]),
        ("markup", CONVERSATION, Body::Markup, &SIZES[1..]),
        ("per message", PER_MESSAGE, Body::Text, &SIZES[..1]),
    ] {
        for &(label, size) in sizes {
            let mut case = Case::new(preset, body, size);
            count(&format!("{group}, open, {label}"), || case.request(), |request| case.open(request))?;
            let answer = case.answer();
            count(&format!("{group}, seal, {label}"), || answer.clone(), |answer| case.seal(answer))?;
            count(&format!("{group}, ask, {label}"), || answer.clone(), |plain| case.ask(plain))?;
            let sealed = case.sealed();
            count(&format!("{group}, hear, {label}"), || measured::arrived(&sealed), |sealed| case.hear(sealed))?;
        }
    }
    Ok(())
}
