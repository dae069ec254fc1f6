//! Plain clients of others: .NET's, zeep, node-soap.

use std::process::Command;

use nuncio_tests::peers;

use crate::{Egress, Protected};

#[test]
fn dotnet_calls_without_security() {
    let client = peers::shared("peers/dotnet/nuncio-peer-dotnet");
    if !client.exists() {
        return peers::skip("dotnet egress", "the client is not there");
    }
    let service = Protected::start();
    let egress = Egress::start("dotnet", &service.url(), "");
    for binding in ["plain", "plain11"] {
        let mut command = Command::new(&client);
        command.args(["--url", &format!("{}/", egress.address), "--binding", binding]);
        command.args(["--calls", "echo,reverse,whoami,notify,fail,session", "--repeat", "3"]);
        let said =
            peers::run(&mut command).unwrap_or_else(|error| panic!("{binding}: {error}\n{}", egress.gateway.log()));
        assert!(!said.contains("\"ok\":false"), "{said}");
    }
    assert_eq!(service.begun(), 1);
    assert!(service.backend.seen().iter().all(|seen| seen.header("x-nuncio-principal") == Some(peers::USER)));
}
