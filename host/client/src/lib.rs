//! What commands of `morag` share that talk to a server and to the person before it: the HTTP client, secrets of the command line, and
//! what is written to stdout.

mod client;
mod output;
pub mod secrets;

pub use client::{Client, Server, read};
pub use output::{line, plain};
