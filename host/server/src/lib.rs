//! The server and the command line tool `morag`.
//!
//! [`wire`] is the only module that names concrete adapters: it builds the ports on which the engine ([`morag_engine`]) and the HTTP
//! interface ([`morag_api`]) work, and they know nothing beyond.

pub mod cli;
pub mod telemetry;
pub mod wire;
