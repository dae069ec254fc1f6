//! Backends by action, as they are said.

use std::collections::HashSet;

use schemars::JsonSchema;
use serde::Deserialize;

use super::backend::{BackendSaid, backend};
use super::base::Base;
use super::error::{ConfigError, Problem, Troubled};
use super::{Action, ByAction, Said};

/// The backend of messages with certain actions.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ActionInput {
    /// The actions, each as a whole or with a `*` at its end for all that begin so. A whole one goes before the longest
    /// beginning.
    #[schemars(length(min = 1))]
    actions: Said<Vec<Said<String>>>,
    /// Where they go.
    backend: BackendSaid,
}

/// Backends by action; no action is named twice.
pub(super) fn by_action(input: Vec<ActionInput>, base: &Base) -> Result<Vec<ByAction>, ConfigError> {
    let mut seen = HashSet::new();
    let mut found = Vec::with_capacity(input.len());
    for ActionInput { actions, backend } in input {
        if actions.value.is_empty() {
            return Err(actions.problem(Problem::Empty("actions", "nothing would go there")));
        }
        let mut parsed = Vec::with_capacity(actions.value.len());
        for action in actions.value {
            if !seen.insert(action.value.clone()) {
                return Err(action.problem(Problem::Twice { what: "action", value: action.value.clone() }));
            }
            parsed.push(match action.value.split_once('*') {
                None if action.value.is_empty() => return Err(action.problem(Problem::Action(action.value.clone()))),
                None => Action::Exact(action.value),
                Some((beginning, "")) => Action::Beginning(beginning.to_owned()),
                Some(_) => return Err(action.problem(Problem::Action(action.value.clone()))),
            });
        }
        found.push(ByAction { actions: parsed, backend: self::backend(backend, base)? });
    }
    Ok(found)
}
