//! Loading of component files.

use crate::plugin::{Digest, InvalidManifest, PluginSource};
use async_trait::async_trait;
use bytes::Bytes;

/// A configured component and the checks that it must pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentWish {
    /// Source of the component.
    pub source: PluginSource,
    /// Required digest.
    pub sha256: Option<Digest>,
    /// Required minisign public key (base64, one line). The signature is in `FILE.minisig` beside the file.
    pub public_key: Option<String>,
}

/// A component that passed the checks of its [`ComponentWish`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// The component's bytes.
    pub wasm: Bytes,
    /// Its digest.
    pub digest: Digest,
    /// Id of the key that signed it, if a signature was required.
    pub signed_by: Option<String>,
}

/// Why a component cannot be loaded. One line for the operator, without credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComponentError {
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// It does not exist in the registry.
    #[error("the registry has no such {0}: check the name and the digest, or push it there")]
    Missing(&'static str),
    /// The registry requires other credentials.
    #[error(
        "the registry requires credentials: set `username` and `password_env` (or `token_env`) in a table \
         [[plugin_registries]] with `host = {host:?}` in morag.toml"
    )]
    Unauthorized {
        /// Host and port of the registry.
        host: String,
    },
    /// The registry is unreachable, breaks the connection or sends an invalid response.
    #[error("the registry did not deliver it: {0}")]
    Unavailable(String),
    /// It is too large.
    #[error("it has more than {} MiB, the largest component taken", .0 >> 20)]
    TooLarge(u64),
    /// Its digest differs from the pinned one.
    #[error("the {what} has the digest {found} instead of {wanted}, which is pinned: it was changed or corrupted")]
    Digest {
        /// What was read: the manifest or the component.
        what: &'static str,
        /// The pinned digest.
        wanted: Digest,
        /// The actual digest.
        found: Digest,
    },
    /// The manifest is not one of a component.
    #[error("its manifest cannot be used: {0}")]
    Manifest(#[from] InvalidManifest),
    /// The required signature is missing or invalid.
    #[error("{0}")]
    Signature(String),
}

/// Loads components.
#[async_trait]
pub trait Components: Send + Sync {
    /// Reads a component, at most [`COMPONENT_BYTES_MAX`](crate::plugin::COMPONENT_BYTES_MAX), and checks digest and
    /// signature. Components of a registry are cached; the cached copy is checked again each time.
    async fn get(&self, wish: &ComponentWish) -> Result<Component, ComponentError>;
}
