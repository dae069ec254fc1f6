//! The JSON Schema of a configuration, for editors.

use schemars::{Schema, schema_for};

use super::Document;

/// The JSON Schema (draft 2020-12) of a configuration file.
pub fn schema() -> Schema {
    schema_for!(Document)
}
