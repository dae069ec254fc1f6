//! A policy in plain words: what protects messages, who may call and how he proves it, what is signed and encrypted, how
//! conversations begin and end, by which algorithms; and what of it is weak.
//!
//! `messages.rs` tells what is asked of which messages, `algorithms.rs` which algorithms are used, `words.rs` finds the words for
//! it all, `weakness.rs` judges.

pub mod algorithms;
mod messages;
mod weakness;
mod words;

use std::fmt;

pub use weakness::{Grade, Warning, Weakness};

use crate::model::{Operation, Policy};

/// A policy in plain words.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Explanation {
    /// What it says, each section about one thing. None is empty.
    pub sections: Vec<Section>,
    /// What of it is weak, the worst first.
    pub warnings: Vec<Warning>,
}

/// What a policy says about one thing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Section {
    /// What about: one word or two.
    pub heading: &'static str,
    /// Whole sentences, without line breaks.
    pub sentences: Vec<String>,
}

impl Explanation {
    /// The grade of its worst weakness; `None` where it has none.
    pub fn worst(&self) -> Option<Grade> {
        self.warnings.iter().map(Warning::grade).max()
    }
}

/// The sections, and the warnings as the last one.
impl fmt::Display for Explanation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Section { heading, sentences } in &self.sections {
            writeln!(out, "{heading}")?;
            sentences.iter().try_for_each(|sentence| writeln!(out, "  {sentence}"))?;
        }
        if !self.warnings.is_empty() {
            writeln!(out, "Weak choices")?;
            self.warnings.iter().try_for_each(|warning| writeln!(out, "  {warning}"))?;
        }
        Ok(())
    }
}

/// Explains one alternative of an effective policy, with the operations of its contract; none where it holds for whatever
/// operations there are.
pub fn explain(policy: &Policy, operations: &[Operation]) -> Explanation {
    Explanation { sections: words::sections(policy, operations), warnings: weakness::judge(policy, operations) }
}
