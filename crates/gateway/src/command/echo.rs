//! `nuncio echo`: the plain service alone, to put a gateway in front of.

use clap::Args;

use super::{Failed, drained, ready, stopped};
use crate::config::{Base, ConnectionLimits, ListenerInput, MessageLimits, RoutePath, Timeouts};
use crate::gateway::{Parts, Route, bind, serve};
use crate::listen::{Side, unchanging};
use crate::metrics::Traffic;
use crate::service;

/// Runs a plain SOAP service to put a gateway in front of
#[derive(Debug, Args)]
pub(super) struct Echo {
    /// Where to listen
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9000")]
    listen: String,
}

impl Echo {
    pub(super) async fn run(self) -> Result<(), Failed> {
        let shutdown = stopped()?;
        let settings = ListenerInput::of_url(&self.listen, None, &[])?.build(&Base::default())?;
        let limits = MessageLimits::default();
        let cut = serve(Parts {
            listeners: vec![bind(&settings).await?],
            routes: vec![Route {
                side: Side::Ingress,
                hosts: Vec::new(),
                path: RoutePath::Any,
                contract: None,
                body_bytes: limits.body_bytes,
                handler: service::Echo::new(limits),
            }],
            connections: ConnectionLimits::default(),
            timeouts: Timeouts::default(),
            traffic: Traffic::default(),
            changes: unchanging(),
            ready,
            shutdown,
        })
        .await;
        drained(cut)
    }
}
