//! Shared by the commands of `morag` that use a running server: the HTTP client, secrets of the command line, and output to stdout.

mod client;
mod output;
pub mod secrets;

pub use client::{Client, Server, read};
pub use output::{line, plain};
