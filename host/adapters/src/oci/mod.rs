//! Components from registries that implement the OCI distribution protocol, pinned by the digest of the manifest.
//!
//! Registries differ in how a client authenticates: [`login`]. A manifest and a layer are read up to a size limit and checked against their
//! digests, so neither the registry nor the network can substitute another component. A pulled component is cached by its digest
//! ([`cache`]), and checked again whenever it is read.

mod answer;
mod cache;
mod client;
mod login;

pub use client::OciRegistries;
