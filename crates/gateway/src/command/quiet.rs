//! Values of flags that hold secrets: what is wrong with one is said without it.

use std::ffi::OsStr;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Command, Error};

/// Parses a value as that function does. Clap itself quotes what it cannot parse.
#[derive(Clone)]
pub(super) struct Quiet<T>(pub(super) fn(&str) -> Result<T, &'static str>);

impl<T: Clone + Send + Sync + 'static> TypedValueParser for Quiet<T> {
    type Value = T;

    fn parse_ref(&self, command: &Command, flag: Option<&Arg>, value: &OsStr) -> Result<T, Error> {
        value.to_str().ok_or("it is not UTF-8").and_then(self.0).map_err(|why| {
            let flag = flag.map(|flag| format!(" for '{flag}'")).unwrap_or_default();
            Error::raw(ErrorKind::ValueValidation, format!("invalid value{flag}: {why}\n")).with_cmd(command)
        })
    }
}
