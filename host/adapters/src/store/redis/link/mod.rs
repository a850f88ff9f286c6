//! Connections to Redis, and what is sent over them. Nothing here knows what a store keeps.

pub(crate) mod call;
#[cfg(any(test, fuzzing))]
pub(crate) mod canned;
mod clients;
pub(crate) mod connection;
pub(crate) mod failure;
mod transport;
pub(crate) mod url;
