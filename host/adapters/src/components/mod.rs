//! The port `Components`: files with their signatures ([`signature`]), and registries ([`crate::oci`]).

mod file;
mod signature;

use crate::oci::OciRegistries;
use async_trait::async_trait;
use morag_core::plugin::{Digest, PluginSource};
use morag_core::ports::{Component, ComponentError, ComponentWish, Components};

/// Reads components from files and registries.
#[derive(Debug)]
pub struct ComponentSources {
    registries: OciRegistries,
}

impl ComponentSources {
    /// Reads from files and from these registries.
    pub fn new(registries: OciRegistries) -> Self {
        Self { registries }
    }
}

#[async_trait]
impl Components for ComponentSources {
    async fn get(&self, wish: &ComponentWish) -> Result<Component, ComponentError> {
        let (wasm, digest) = match &wish.source {
            PluginSource::File(path) => {
                let wasm = file::component(path).await?;
                let digest = Digest::of(&wasm);
                (wasm, digest)
            }
            PluginSource::Registry(reference) => self.registries.pull(reference).await?,
        };
        if let Some(wanted) = wish.sha256.as_ref().filter(|wanted| **wanted != digest) {
            return Err(ComponentError::Digest { what: "component", wanted: wanted.clone(), found: digest });
        }
        let signed_by = match (&wish.public_key, &wish.source) {
            (None, _) => None,
            (Some(key), PluginSource::File(path)) => Some(signature::verify(key, path, &wasm).await?),
            (Some(_), PluginSource::Registry(_)) => {
                let text = "a component of a registry is trusted by its pinned digest: leave `public_key` out";
                return Err(ComponentError::Signature(text.into()));
            }
        };
        Ok(Component { wasm, digest, signed_by })
    }
}
