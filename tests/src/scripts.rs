//! Clients in scripting languages: zeep (Python) and node-soap (`tests/peers/{zeep,node-soap}`).

use std::process::Command;

use crate::peers;

/// A client's library.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Peer {
    /// zeep.
    Zeep,
    /// node-soap.
    NodeSoap,
}

impl Peer {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zeep => "zeep",
            Self::NodeSoap => "node-soap",
        }
    }

    /// Its command up to what it shall do; nothing, and a line that says why, where it cannot be had.
    pub fn command(self) -> Result<Option<Command>, String> {
        let script = peers::here("peers").join(self.name()).join("build");
        let output = Command::new(script).output().map_err(|error| error.to_string())?;
        let said = |octets: &[u8]| String::from_utf8_lossy(octets).trim().to_owned();
        match output.status.code() {
            Some(0) => {}
            Some(3) => {
                peers::skip(self.name(), said(&output.stderr).lines().last().unwrap_or_default());
                return Ok(None);
            }
            _ => return Err(said(&output.stderr)),
        }
        let built = said(&output.stdout);
        let mut command = Command::new(if self == Self::Zeep { built.as_str() } else { "node" });
        match self {
            Self::Zeep => command.arg(peers::here("peers/zeep/peer.py")),
            Self::NodeSoap => command.arg(built),
        };
        Ok(Some(command))
    }
}
