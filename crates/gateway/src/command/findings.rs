//! What is found of something that an operator asks about, the worst first.

use nuncio_policy::explain::Grade;
use serde::{Serialize, Serializer};

/// Something that may be weak.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(super) struct Finding {
    #[serde(serialize_with = "in_words")]
    pub(super) grade: Grade,
    /// What it is about, such as `route /echo`.
    pub(super) about: String,
    pub(super) text: String,
}

// serde passes what it serialises by reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn in_words<S: Serializer>(grade: &Grade, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(grade)
}

/// Findings, as they are found.
#[derive(Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    pub(super) fn add(&mut self, grade: Grade, about: &str, text: impl Into<String>) {
        let finding = Finding { grade, about: about.to_owned(), text: text.into() };
        // One certificate in two places is weak once.
        if !self.0.contains(&finding) {
            self.0.push(finding);
        }
    }

    /// The worst first; those of one grade in the order in which they were found.
    pub(super) fn sorted(mut self) -> Vec<Finding> {
        self.0.sort_by_key(|finding| std::cmp::Reverse(finding.grade));
        self.0
    }
}
