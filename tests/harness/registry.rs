//! A registry from Debian's package `docker-registry`, and pushing of components in the layout of `wkg`.
//!
//! It listens on a free loopback port, stores its data in a temporary folder and ends with the test.

use crate::child::{OwnChild, until};
use crate::redis::free_port;
use crate::server::{PATIENCE, client};
use morag_core::plugin::{CONFIG_MEDIA_TYPE, Digest, LAYER_MEDIA_TYPE};
use reqwest::RequestBuilder;
use reqwest::header::{CONTENT_TYPE, LOCATION};
use serde_json::json;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// User of a registry with authentication.
pub const USER: &str = "morag";
/// The user's password.
pub const PASSWORD: &str = "p@ss-word";
/// Both, in the format of `htpasswd -nbB -C 5`.
const HTPASSWD: &str = "morag:$2y$05$Usu.l8Gsmay7TJTfpxdJM.7AyVKDt/s4WECDCleY1XLXWLwEqcmA6\n";

/// Media type of a manifest.
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A running registry. Killed when dropped.
#[derive(Debug)]
pub struct Registry {
    port: u16,
    has_password: bool,
    // Before the folder, so that it has ended when the folder is removed.
    _child: OwnChild,
    folder: TempDir,
}

/// Deviations of a pushed artifact from a component's manifest.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Media type of the configuration.
    pub config: &'static str,
    /// Media type of the layer.
    pub layer: &'static str,
    /// Layer size stated in the manifest; `None`: the actual one.
    pub size: Option<u64>,
}

impl Default for Layout {
    fn default() -> Self {
        Self { config: CONFIG_MEDIA_TYPE, layer: LAYER_MEDIA_TYPE, size: None }
    }
}

impl Registry {
    /// Starts a registry without authentication.
    pub async fn start() -> Self {
        Self::start_with(false).await
    }

    /// Starts a registry that requires [`USER`] and [`PASSWORD`].
    pub async fn start_with_password() -> Self {
        Self::start_with(true).await
    }

    async fn start_with(has_password: bool) -> Self {
        let (port, folder) = (free_port(), tempfile::tempdir().expect("a temporary folder"));
        let path = folder.path();
        let auth = format!("auth: {{htpasswd: {{realm: tests, path: {}}}}}\n", path.join("users").display());
        let config = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n\
             storage: {{filesystem: {{rootdirectory: {}}}, cache: {{}}}}\nhttp: {{addr: '127.0.0.1:{port}'}}\n{}",
            path.join("data").display(),
            if has_password { auth.as_str() } else { "" }
        );
        std::fs::write(path.join("config.yml"), config).expect("a configuration");
        std::fs::write(path.join("users"), HTPASSWD).expect("a list of users");
        let log = std::fs::File::create(path.join("log")).expect("a log");
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(path.join("config.yml")).current_dir(path);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = OwnChild::spawn(&mut command, path)
            .unwrap_or_else(|error| panic!("docker-registry: {error}; `cargo xtask test` installs it"));
        let mut this = Self { port, has_password, _child: child, folder };
        let answers = until(PATIENCE, || {
            if let Some(status) = this._child.ended() {
                panic!("docker-registry ended ({status}): {}", this.log());
            }
            std::net::TcpStream::connect(("127.0.0.1", port)).ok()
        });
        assert!(answers.is_some(), "docker-registry does not listen: {}", this.log());
        this
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Pushes a component and returns its reference.
    pub async fn push(&self, name: &str, wasm: &[u8]) -> String {
        self.push_as(name, wasm, &Layout::default()).await
    }

    /// Pushes bytes with a layout and returns their reference.
    pub async fn push_as(&self, name: &str, wasm: &[u8], layout: &Layout) -> String {
        let config =
            json!({"created": null, "architecture": "wasm", "os": "wasip2", "layerDigests": [], "component": null});
        let config = config.to_string().into_bytes();
        let (config_digest, layer_digest) = (self.blob(name, &config).await, self.blob(name, wasm).await);
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": layout.config, "digest": format!("sha256:{config_digest}"), "size": config.len()},
            "layers": [{
                "mediaType": layout.layer,
                "digest": format!("sha256:{layer_digest}"),
                "size": layout.size.unwrap_or(wasm.len() as u64),
            }],
        });
        let manifest = manifest.to_string();
        let digest = Digest::of(manifest.as_bytes());
        let url = format!("http://{}/v2/{name}/manifests/sha256:{digest}", self.address());
        let pushed = self.known(client().put(url).header(CONTENT_TYPE, MANIFEST).body(manifest)).send().await;
        let pushed = pushed.expect("an answer");
        assert!(pushed.status().is_success(), "{}: {}", pushed.status(), self.log());
        format!("oci://{}/{name}@sha256:{digest}", self.address())
    }

    async fn blob(&self, name: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        let begun =
            self.known(client().post(format!("http://{}/v2/{name}/blobs/uploads/", self.address()))).send().await;
        let begun = begun.expect("an answer");
        assert!(begun.status().is_success(), "{}: {}", begun.status(), self.log());
        let location = begun.headers()[LOCATION].to_str().expect("a URL").to_owned();
        let url = format!("{location}{}digest=sha256:{digest}", if location.contains('?') { '&' } else { '?' });
        let pushed = self.known(client().put(url).body(bytes.to_vec())).send().await.expect("an answer");
        assert!(pushed.status().is_success(), "{}: {}", pushed.status(), self.log());
        digest
    }

    fn known(&self, request: RequestBuilder) -> RequestBuilder {
        if self.has_password { request.basic_auth(USER, Some(PASSWORD)) } else { request }
    }

    /// Path of the stored blob with this digest, for changes behind the registry's back.
    pub fn file(&self, digest: &str) -> PathBuf {
        let blobs = self.folder.path().join("data/docker/registry/v2/blobs/sha256");
        blobs.join(&digest[..2]).join(digest).join("data")
    }
}
