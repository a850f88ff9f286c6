//! Components of a registry that speaks OCI's distribution protocol, each pinned by the digest of its manifest.
//!
//! Registries differ in how a client authenticates: [`login`]. A manifest and a layer are read up to a limit and checked against
//! their digests, so neither the registry nor the network can bring in another component. A pulled component is [`kept`] by its
//! digest, and is checked again whenever it is read.

mod answer;
mod client;
mod kept;
mod login;

pub use client::OciRegistries;
