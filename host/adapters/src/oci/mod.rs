//! Components of a registry that speaks OCI's distribution protocol, each pinned by the digest of its manifest.
//!
//! What registries differ in is saying who we are: [`login`]. The two things that are read, manifest and layer, are read no
//! further than they may be long. Both are checked against the digest that names them, so nothing that the registry or the way
//! to it does can bring in another component. What was pulled is [`kept`] by its digest, and is checked again whenever it is
//! read.

mod client;
mod kept;
mod login;

pub use client::OciRegistries;
