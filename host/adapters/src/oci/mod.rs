//! Components of a registry that speaks OCI's distribution protocol, each pinned by the digest of its manifest.
//!
//! `oci-client` does what registries differ in, which is saying who we are ([`OciRegistries`] asks it for a token); the two
//! things that are read, manifest and layer, are read here, no further than they may be long. Both are checked against the
//! digest that names them, so nothing that the registry or the way to it does can bring in another component. What was pulled
//! is [`kept`] by its digest, and is checked again whenever it is read.

mod client;
mod kept;

pub use client::OciRegistries;
