//! What is logged while a configuration is read: whatever a gateway says at its start, it says here too.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex, PoisonError};

use nuncio_policy::explain::Grade;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

/// A line of the log.
pub(in crate::command) struct Line {
    pub(super) grade: Grade,
    /// The route that it is about, if it says one.
    pub(super) route: Option<String>,
    pub(super) text: String,
}

/// Does the work, and keeps what it logs in place of writing it.
pub(in crate::command) fn heard<T>(work: impl FnOnce() -> T) -> (T, Vec<Line>) {
    let ears = Ears::default();
    let lines = Arc::clone(&ears.0);
    let done = tracing::subscriber::with_default(tracing_subscriber::registry().with(ears), work);
    let lines = std::mem::take(&mut *lines.lock().unwrap_or_else(PoisonError::into_inner));
    (done, lines)
}

#[derive(Default)]
struct Ears(Arc<Mutex<Vec<Line>>>);

impl<S: Subscriber> Layer<S> for Ears {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        // What is told at these levels is for operators; below it is for those who look for a fault.
        if *event.metadata().level() > Level::INFO {
            return;
        }
        let mut words = Words::default();
        event.record(&mut words);
        let danger = words.message.strip_prefix("DANGER: ");
        let grade = match (danger, *event.metadata().level()) {
            (Some(_), _) => Grade::Danger,
            (None, Level::INFO) => Grade::Note,
            (None, _) => Grade::Warning,
        };
        let mut text = danger.unwrap_or(&words.message).to_owned();
        if !words.fields.is_empty() {
            let _ = write!(text, " ({})", words.fields.join(", "));
        }
        let line = Line { grade, route: words.route, text };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

/// The fields of an event.
#[derive(Default)]
struct Words {
    message: String,
    route: Option<String>,
    fields: Vec<String>,
}

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let value = format!("{value:?}");
        match field.name() {
            "message" => self.message = value,
            "route" => self.route = Some(value),
            name => self.fields.push(format!("{name}: {value}")),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_logged_is_heard_with_its_grade() {
        let ((), lines) = heard(|| {
            tracing::warn!(route = %"/a", "DANGER: no door");
            tracing::warn!(file = "b.key", mode = 7, "others read it");
            tracing::info!("half of it is there");
            tracing::debug!("nobody asks");
        });
        let told: Vec<_> = lines.iter().map(|line| (line.grade, line.route.as_deref(), &*line.text)).collect();
        assert_eq!(
            told,
            [
                (Grade::Danger, Some("/a"), "no door"),
                (Grade::Warning, None, "others read it (file: b.key, mode: 7)"),
                (Grade::Note, None, "half of it is there"),
            ]
        );
    }
}
