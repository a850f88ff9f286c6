//! The server and the command line tool `morag`.
//!
//! [`wire`] is the only module that names concrete adapters: it builds the ports that the engine ([`morag_engine`]) and the HTTP
//! API ([`morag_api`]) use.

pub mod cli;
pub mod telemetry;
pub mod wire;
