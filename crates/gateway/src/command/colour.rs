//! Colour, where there is somebody to see it.

use std::io::IsTerminal;

/// Paints what is written to standard output, where that is a terminal and nobody asked for none (`NO_COLOR`).
#[derive(Clone, Copy)]
pub(super) struct Colour(bool);

impl Colour {
    pub(super) fn of_stdout() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self(std::io::stdout().is_terminal() && !unwanted)
    }

    /// A text in the colour of an escape code (ECMA-48, SGR).
    pub(super) fn paint(self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
