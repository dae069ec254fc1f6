//! The table the other way round: a plain client calls CXF's services, each through an egress route.

use std::time::Duration;

use nuncio_policy::model::SoapVersion;
use nuncio_tests::cxf::services::{Front, Service};

use super::{Table, Wrong};

impl Table {
    /// Tries codes against CXF's services, in clear and over TLS side by side.
    pub(super) fn call_all(&mut self, codes: &[String], at_once: usize) -> Result<(), String> {
        codes.chunks(at_once).try_for_each(|codes| {
            let mut wrong = Wrong::new();
            self.call(codes, &mut wrong);
            let named: Vec<_> = codes.iter().map(|code| (code, code)).collect();
            self.tell(&named, &wrong, false)
        })
    }

    /// Calls a service for each code. Those of one process begin together or not at all: where they do not, each half is
    /// tried for itself. Where their process ends, it is begun again with those that were not called yet.
    fn call(&self, codes: &[String], wrong: &mut Wrong) {
        let mut front = match Front::start(&self.class_path, &self.folder, codes, "-Xmx768m", None) {
            Ok(front) => front,
            Err(error) => {
                match codes {
                    [] => {}
                    [code] => drop(wrong.insert(code.clone(), error.replace('\n', " "))),
                    _ => {
                        let (first, second) = codes.split_at(codes.len() / 2);
                        self.call(first, wrong);
                        self.call(second, wrong);
                    }
                }
                return;
            }
        };
        for (at, service) in front.services.clone().iter().enumerate() {
            let Err(error) = converse(&front, service) else { continue };
            // Whoever was called first may be why it ended; of another that is not said.
            let ended = !front.is_serving();
            if !ended || at == 0 {
                let refused = refused(&front, service);
                wrong.insert(service.code.clone(), format!("{}; {refused}", error.replace('\n', " ")));
            }
            if ended {
                println!("CXF's process ended, and is begun again");
                drop(front);
                return self.call(codes.get(at.max(1)..).unwrap_or_default(), wrong);
            }
        }
    }
}

/// What the gateway logged of its refusal.
fn refused(front: &Front, service: &Service) -> String {
    // Lines come a little after the answers that they are about.
    std::thread::sleep(Duration::from_millis(50));
    let (log, path) = (front.door.log(), format!(" path=\"{}\" ", service.path));
    let refused = log.lines().filter(|line| line.contains(&path)).find(|line| line.contains("refused="));
    refused.unwrap_or("the gateway refused nothing").to_owned()
}

/// All calls by a client of each version of SOAP, and one conversation for both.
fn converse(front: &Front, service: &Service) -> Result<(), String> {
    front.door.every_operation(service, SoapVersion::V11)?;
    front.door.converse(service, SoapVersion::V12)
}
