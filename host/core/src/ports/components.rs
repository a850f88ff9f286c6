//! Getting the bytes of a component from where the operator says it is.

use crate::plugin::{Digest, InvalidManifest, PluginSource};
use async_trait::async_trait;
use bytes::Bytes;

/// A component that the operator wants, and what must hold of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentWish {
    /// Where it is.
    pub source: PluginSource,
    /// Digest that it must have.
    pub sha256: Option<Digest>,
    /// minisign key (base64, one line) that must have signed its file: the signature is in `FILE.minisig` beside it.
    pub public_key: Option<String>,
}

/// A component's bytes, checked against the wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// The component.
    pub wasm: Bytes,
    /// Its digest.
    pub digest: Digest,
    /// Id of the key that signed it, where one was asked for.
    pub signed_by: Option<String>,
}

/// Why a component cannot be had. One line, for the operator; no credentials are in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComponentError {
    /// Its file cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// It is not in the registry.
    #[error("the registry has no such {0}: check the name and the digest, or push it there")]
    Missing(&'static str),
    /// The registry wants other credentials.
    #[error(
        "the registry gives it only to those it knows: give `username` and `password_env` (or `token_env`) in a table \
         [[plugin_registries]] with `host = {host:?}` in morag.toml"
    )]
    Unauthorized {
        /// Host and port of the registry.
        host: String,
    },
    /// The registry cannot be reached, breaks off, or answers with what is no answer.
    #[error("the registry did not give it: {0}")]
    Unavailable(String),
    /// It is too large.
    #[error("it has more than {} MiB, the largest component taken", .0 >> 20)]
    TooLarge(u64),
    /// Its content is not what was pinned.
    #[error("the {what} has the digest {found}, not {wanted}, which is pinned: it was changed, or damaged on the way")]
    Digest {
        /// What was read.
        what: &'static str,
        /// Digest that was pinned.
        wanted: Digest,
        /// Digest that it has.
        found: Digest,
    },
    /// The manifest is none of a component.
    #[error("its manifest cannot be used: {0}")]
    Manifest(#[from] InvalidManifest),
    /// It is not signed by the key that was asked for.
    #[error("{0}")]
    Signature(String),
}

/// Gets components.
#[async_trait]
pub trait Components: Send + Sync {
    /// Reads a component whole, at most [`COMPONENT_BYTES_MAX`](crate::plugin::COMPONENT_BYTES_MAX), and checks digest and
    /// signature. A component of a registry is kept, and read from what is kept the next time; what is kept is checked again.
    async fn get(&self, wish: &ComponentWish) -> Result<Component, ComponentError>;
}
