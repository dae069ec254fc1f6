//! Which of a route's backends gets a message, by its action.

use std::collections::{HashMap, HashSet};
use std::iter;
use std::sync::Arc;

use super::{Before, Upstream, UpstreamProblem};
use crate::config::{Action, Backend, ByAction};

/// The backends of a route.
pub struct Backends {
    /// Where everything goes that has no other.
    default: Upstream,
    exact: HashMap<String, Upstream>,
    /// The longest first.
    beginnings: Vec<(String, Upstream)>,
}

impl Backends {
    /// The backends of a route: one for all, and those for some actions.
    pub fn new(default: &Backend, by_action: &[ByAction], before: &Before<'_>) -> Result<Self, UpstreamProblem> {
        let mut names = HashSet::new();
        let default = Upstream::new(default, before, &mut names)?;
        let (mut exact, mut beginnings) = (HashMap::new(), Vec::new());
        for ByAction { actions, backend } in by_action {
            let upstream = Upstream::new(backend, before, &mut names)?;
            for action in actions {
                match action {
                    Action::Exact(action) => drop(exact.insert(action.clone(), upstream.clone())),
                    Action::Beginning(beginning) => beginnings.push((beginning.clone(), upstream.clone())),
                }
            }
        }
        beginnings.sort_by_key(|(beginning, _)| std::cmp::Reverse(beginning.len()));
        Ok(Self { default, exact, beginnings })
    }

    /// Opens connections to each of them for those who will call.
    pub(crate) fn connect_ahead(&self) {
        let by_action = self.exact.values().chain(self.beginnings.iter().map(|(_, upstream)| upstream));
        let mut met = HashSet::new();
        // One that stands for several actions is one all the same.
        for upstream in iter::once(&self.default).chain(by_action) {
            if met.insert(Arc::as_ptr(&upstream.pool)) {
                upstream.connect_ahead();
            }
        }
    }

    /// The backend of messages without an action of their own.
    pub(crate) fn default(&self) -> &Upstream {
        &self.default
    }

    /// The backend of messages with that action, which their sender must have proved: by what anybody may write, nobody may
    /// choose where a message goes.
    pub(crate) fn of(&self, verified: Option<&str>) -> &Upstream {
        let begins = |action: &str| self.beginnings.iter().find(|(beginning, _)| action.starts_with(beginning));
        let found =
            verified.and_then(|action| self.exact.get(action).or_else(|| begins(action).map(|(_, upstream)| upstream)));
        found.unwrap_or(&self.default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Timeouts;
    use crate::metrics::Metrics;

    #[test]
    fn what_says_most_wins() {
        let backend = |host: &str| Backend::new(format!("http://{host}/").parse().unwrap());
        let by = |host: &str, actions: Vec<Action>| ByAction { actions, backend: backend(host) };
        let exact = |action: &str| Action::Exact(action.into());
        let beginning = |action: &str| Action::Beginning(action.into());
        let metrics = Metrics::default().route("/");
        let timeouts = Timeouts::default();
        let before =
            Before { route: "/", limit: 1, fault_limit: 1, sealed: false, timeouts: &timeouts, metrics: &metrics };
        let by_action = [
            by("a", vec![exact("urn:a"), beginning("urn:deep/")]),
            by("b", vec![beginning("urn:deep/er/"), exact("urn:deep/er/a")]),
            by("c", vec![exact("urn:deep/er/c")]),
        ];
        let backends = Backends::new(&backend("default"), &by_action, &before).unwrap();
        for (action, host) in [
            (None, "default"),
            (Some(""), "default"),
            (Some("urn:b"), "default"),
            (Some("urn:A"), "default"),
            (Some("urn:a "), "default"),
            (Some("urn:a"), "a"),
            (Some("urn:deep/"), "a"),
            (Some("urn:deep/x"), "a"),
            (Some("urn:deep/er/x"), "b"),
            (Some("urn:deep/er/c"), "c"),
            (Some("urn:deep/er/cc"), "b"),
        ] {
            assert_eq!(backends.of(action).url().host_str(), Some(host), "{action:?}");
        }
    }
}
