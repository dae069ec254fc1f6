//! The table the other way round: a plain client calls CXF's services, each through an egress route.

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
    /// tried for itself.
    fn call(&self, codes: &[String], wrong: &mut Wrong) {
        let front = match Front::start(&self.class_path, &self.folder, codes, "-Xmx768m") {
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
        for service in &front.services {
            if let Err(error) = converse(&front, service) {
                let path = format!(" path=\"{}\" ", service.path);
                let log = front.log();
                let refused = log.lines().filter(|line| line.contains(&path)).find(|line| line.contains("refused="));
                let refused = refused.unwrap_or("the gateway refused nothing");
                wrong.insert(service.code.clone(), format!("{}; {refused}", error.replace('\n', " ")));
            }
        }
    }
}

/// All calls by a client of each version of SOAP, and one conversation for both.
fn converse(front: &Front, service: &Service) -> Result<(), String> {
    front.every_operation(service, SoapVersion::V11)?;
    front.converse(service, SoapVersion::V12)
}
