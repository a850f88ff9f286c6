//! The server and the command line tool `morag`.
//!
//! [`wire`] is the only module that names concrete adapters: it builds the ports that the engine ([`morag_engine`]) and the HTTP
//! API ([`morag_api`]) use.

#![expect(
    clippy::disallowed_methods,
    reason = "commands and wiring work on the machine: folders, locks and keys of a server"
)]

pub mod cli;
pub mod telemetry;
pub mod wire;
