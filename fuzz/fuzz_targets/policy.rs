//! Reading policies, alone and in contracts: no panic, and an error says where.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nuncio_policy::{PolicyError, bare, wsdl};

fn check(error: &PolicyError) {
    assert!(error.to_string().starts_with("file"), "an error names its file");
}

fuzz_target!(|data: &[u8]| {
    if let Err(error) = bare::read("file", data) {
        check(&error);
    }
    match wsdl::read("file", data) {
        Ok(contract) => contract.ports.iter().filter_map(|port| port.alternatives.as_ref().err()).for_each(check),
        Err(error) => check(&error),
    }
});
