//! Parses the OCI manifest of a component. The layout follows the CNCF guidance for Wasm artifacts, as written by `wkg` and
//! `oras`: one configuration and one layer, which is the component.

use super::source::Digest;
use serde::Deserialize;

/// Media type of the configuration.
pub const CONFIG_MEDIA_TYPE: &str = "application/vnd.wasm.config.v0+json";

/// Media type of the layer.
pub const LAYER_MEDIA_TYPE: &str = "application/wasm";

/// Maximum manifest size, bytes: registries must accept this size, and a manifest with one layer needs less than 1 KiB.
pub const MANIFEST_BYTES_MAX: u64 = 4 << 20;

/// The component layer of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Digest of the component.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// Why a manifest is not one of a component.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidManifest {
    /// Not a manifest of schema version 2.
    #[error("it is not an OCI image manifest of schema version 2")]
    Format,
    /// An index of manifests for several platforms.
    #[error("it is an index of manifests: a component is the same for every platform, so pin the manifest itself")]
    Index,
    /// The configuration has another media type.
    #[error("its configuration is {found:?} where a component has {CONFIG_MEDIA_TYPE:?}: push it with `wkg oci push`")]
    Config {
        /// Its media type, truncated.
        found: String,
    },
    /// The layers are not one component layer.
    #[error("it has {found:?} where a component has one layer {LAYER_MEDIA_TYPE:?}: push it with `wkg oci push`")]
    Layers {
        /// Media types of the layers, truncated.
        found: String,
    },
    /// The layer's digest is not a SHA-256.
    #[error("its layer has no SHA-256")]
    Digest,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    schema_version: u32,
    #[serde(default)]
    media_type: String,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
    size: u64,
}

/// Parses a manifest. The caller has verified its digest.
pub fn read_manifest(bytes: &[u8]) -> Result<Layer, InvalidManifest> {
    let written: Written = serde_json::from_slice(bytes).map_err(|_| InvalidManifest::Format)?;
    if written.manifests.is_some() || written.media_type.contains("index") || written.media_type.contains("list") {
        return Err(InvalidManifest::Index);
    }
    let (Some(config), Some(layers), 2) = (written.config, written.layers, written.schema_version) else {
        return Err(InvalidManifest::Format);
    };
    if config.media_type != CONFIG_MEDIA_TYPE {
        return Err(InvalidManifest::Config { found: beginning(&config.media_type) });
    }
    match layers.as_slice() {
        [layer] if layer.media_type == LAYER_MEDIA_TYPE => {
            let digest = layer.digest.strip_prefix("sha256:").and_then(|digest| digest.parse().ok());
            Ok(Layer { digest: digest.ok_or(InvalidManifest::Digest)?, size: layer.size })
        }
        layers => {
            let types: Vec<_> = layers.iter().take(4).map(|layer| layer.media_type.as_str()).collect();
            Err(InvalidManifest::Layers { found: beginning(&types.join(", ")) })
        }
    }
}

fn beginning(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn manifest() -> Value {
        json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": CONFIG_MEDIA_TYPE, "digest": format!("sha256:{}", Digest::of(b"{}")), "size": 2},
            "layers": [{"mediaType": LAYER_MEDIA_TYPE, "digest": format!("sha256:{}", Digest::of(b"w")), "size": 1,
                        "annotations": {"org.opencontainers.image.title": "a.wasm"}}],
        })
    }

    fn read(change: impl FnOnce(&mut Value)) -> Result<Layer, InvalidManifest> {
        let mut manifest = manifest();
        change(&mut manifest);
        read_manifest(manifest.to_string().as_bytes())
    }

    #[test]
    fn a_components_manifest_names_its_one_layer() {
        assert_eq!(read(|_| {}), Ok(Layer { digest: Digest::of(b"w"), size: 1 }));
    }

    #[test]
    fn anything_else_is_refused_with_what_it_is() {
        assert_eq!(read(|m| m["schemaVersion"] = json!(1)), Err(InvalidManifest::Format));
        assert_eq!(read_manifest(b"not JSON"), Err(InvalidManifest::Format));
        assert_eq!(read(|m| m["manifests"] = json!([])), Err(InvalidManifest::Index));
        let config = |m: &mut Value| m["config"]["mediaType"] = json!("application/vnd.oci.image.config.v1+json");
        assert!(read(config).unwrap_err().to_string().contains("application/vnd.oci.image.config.v1+json"));
        let layer = |m: &mut Value| m["layers"][0]["mediaType"] = json!("application/tar");
        assert!(read(layer).unwrap_err().to_string().contains("application/tar"));
        let two = |m: &mut Value| m["layers"] = json!([m["layers"][0].clone(), m["layers"][0].clone()]);
        assert!(matches!(read(two), Err(InvalidManifest::Layers { .. })));
        assert!(matches!(read(|m| m["layers"] = json!([])), Err(InvalidManifest::Layers { .. })));
        assert_eq!(read(|m| m["layers"][0]["digest"] = json!("sha512:00")), Err(InvalidManifest::Digest));
    }
}
