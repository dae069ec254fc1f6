//! End-to-end tests, recorded conversations, foreign peers, load.
//!
//! - [`recording`] loads recorded conversations, [`oracle`] says what was in their messages without a line of the code
//!   that is tested ([`canonical`] neither), [`player`] plays them to that code (seen through [`subject`]: [`ends`], or
//!   [`unsecured`] where the port has no security) and judges what it made of them.
//! - [`process`] runs the gateway's program, [`configured`] with a configuration file, [`gateway`] a gateway in this process with its clock and numbers in hand,
//!   [`plain`] the plain service behind either, [`wire`] sends recorded octets.
//! - [`redis`] is a Redis of a test's own, [`chaos`] what may go wrong on the way to it, or to anything else.
//! - [`load`] calls as often as it can, and measures what that costs.
//! - [`peers`] says where foreign peers are, [`cxf`] is one of them, [`scripts`] are others.

pub mod canonical;
pub mod chaos;
pub mod compare;
pub mod configured;
pub mod cxf;
pub mod ends;
pub mod gateway;
pub mod http;
pub mod load;
pub mod oracle;
pub mod peers;
pub mod plain;
pub mod player;
pub mod process;
pub mod recording;
pub mod redis;
pub mod scripts;
pub mod subject;
pub mod time;
pub mod turns;
pub mod unsecured;
pub mod wire;
