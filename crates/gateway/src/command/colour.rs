//! Colour, where there is somebody to see it.

use std::io::IsTerminal;

fn is_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Paints what is written to standard output, where that is a terminal and nobody asked for none (`NO_COLOR`).
#[derive(Clone, Copy)]
pub(super) struct Colour(bool);

impl Colour {
    pub(super) fn of_stdout() -> Self {
        Self(std::io::stdout().is_terminal() && is_wanted())
    }

    /// Of what goes to standard error, as of what goes to standard output.
    pub(super) fn of_stderr() -> Self {
        Self(std::io::stderr().is_terminal() && is_wanted())
    }

    /// A text in the colour of an escape code (ECMA-48, SGR).
    pub(super) fn paint(self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
