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
fn count(name: &str, mut work: impl FnMut(bool)) -> Result<()> {
    work(false);
    work(true);
    writeln!(std::io::stdout(), "{name}")
}

fn main() -> Result<()> {
    for (group, preset, body, sizes) in [
        ("conversation", CONVERSATION, Body::Text, &SIZES[..]),
        ("conversation, markup", CONVERSATION, Body::Markup, &SIZES[1..]),
        ("per message", PER_MESSAGE, Body::Text, &SIZES[..1]),
    ] {
        for &(label, size) in sizes {
            let mut case = Case::new(preset, body, size);
            count(&format!("{group}, open, {label}"), |is_counted| {
                let mut request = Some(case.request());
                let mut opened = None;
                let mut work = || opened = request.take().map(|request| case.open(request));
                if is_counted {
                    counted(&mut work);
                } else {
                    work();
                }
                black_box(opened);
            })?;
            count(&format!("{group}, seal, {label}"), |is_counted| {
                let mut answer = Some(case.answer());
                let mut sealed = None;
                let mut work = || sealed = answer.take().map(|answer| case.seal(answer));
                if is_counted {
                    counted(&mut work);
                } else {
                    work();
                }
                black_box(sealed);
            })?;
        }
    }
    Ok(())
}
