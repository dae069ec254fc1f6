//! Nuncio, a reverse proxy that holds a secure conversation on behalf of services that cannot: everything that can fail
//! for reasons of the world. What a message means is `nuncio_wss`'s to say.
//!
//! - [`config`] what an operator wants; [`clock`] and [`random`] what the world gives
//! - [`listen`] connections, [`http`] requests, `media` SOAP's media types, [`gateway`] which handler gets which
//! - [`ingress`] one message through it: begin here; [`plain`] one without security; [`route`] what they are made of, [`world`] what all routes share
//! - [`sessions`], [`replays`] what is kept; [`users`] who may come; [`pool`] what waits for a processor; [`identity`] how a backend is told
//! - [`keyring`] keys under which state is sealed that leaves the process, [`state`] what of it stays on this machine
//! - [`keyring`] keys under which state is sealed that leaves the process, [`shared`] a Redis that keeps it for several
//! - `contract` what clients are told of how to call; [`fetched`] what a service says of how to call it
//! - [`upstream`] the plain service behind, [`trace`] which trace it is told; [`service`] one of our own, for tries
//! - `load` how much is in hand at once
//! - [`handover`] sockets from whoever started us, and to whoever comes next
//! - [`admin`] what a watcher may ask; [`log`] what is written down, [`metrics`] what is counted; [`command`] the command line

pub mod admin;
pub mod clock;
pub mod command;
pub mod config;
mod contract;
mod egress;
pub mod fetched;
pub mod gateway;
pub mod handover;
mod host;
pub mod http;
pub mod identity;
pub mod ingress;
pub mod keyring;
pub mod listen;
mod load;
pub mod log;
mod media;
pub mod metrics;
pub mod plain;
pub mod pool;
pub mod random;
pub mod reload;
pub mod replays;
pub mod route;
pub mod service;
pub mod sessions;
pub mod shared;
mod site;
pub mod spans;
pub mod state;
pub mod trace;
pub mod tracestate;
pub mod upstream;
pub mod users;
pub mod world;
