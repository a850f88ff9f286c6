//! Pulls components.

use super::answer::{body, cause, unauthorized};
use super::cache::Cache;
use super::login::authorize;
use bytes::Bytes;
use morag_core::plugin::{
    COMPONENT_BYTES_MAX, Digest, MANIFEST_BYTES_MAX, RegistryAccess, RegistryReference, read_manifest,
};
use morag_core::ports::{Clock, ComponentError};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use reqwest::{StatusCode, redirect};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Timeout of connecting.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

/// Longest pause between two chunks of a response.
const READ_TIME_MAX: Duration = Duration::from_secs(30);

/// Timeout of a whole pull, with the token and both responses: 64 MiB at 250 kB/s.
const PULL_TIME_MAX: Duration = Duration::from_secs(300);

/// Redirects of one request: registries redirect to their storage, which may redirect once more.
const REDIRECTS_MAX: usize = 3;

/// Accepted media types of manifests.
const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json";

/// Registries, with the operator's settings for some, and the folder of pulled components.
#[derive(Debug)]
pub struct OciRegistries {
    accesses: Vec<RegistryAccess>,
    cache: Cache,
}

impl OciRegistries {
    /// Pulls into `folder`, which is created with the first component; `clock` dates the files, and the least recently used are deleted.
    /// The login is that of the registry's entry in `accesses`, if it has one. Plain HTTP is used where the entry says so, and for
    /// registries on this machine.
    pub fn new(accesses: Vec<RegistryAccess>, folder: &Path, clock: Arc<dyn Clock>) -> Self {
        Self { accesses, cache: Cache::new(folder, clock) }
    }

    /// The component of a pinned manifest with its digest, from the cache or pulled.
    pub(crate) async fn pull(&self, reference: &RegistryReference) -> Result<(Bytes, Digest), ComponentError> {
        let mut session = None;
        let manifest = match self.cache.get(reference.digest()).await {
            Some(manifest) => manifest,
            None => {
                let open = session.insert(Session::open(self, reference).await?);
                let manifest = open.manifest().await?;
                self.cache.put(reference.digest(), &manifest).await;
                manifest
            }
        };
        let layer = read_manifest(&manifest)?;
        if layer.size > COMPONENT_BYTES_MAX {
            return Err(ComponentError::TooLarge(COMPONENT_BYTES_MAX));
        }
        if let Some(component) = self.cache.get(&layer.digest).await {
            return Ok((component, layer.digest));
        }
        let session = match session {
            Some(session) => session,
            None => Session::open(self, reference).await?,
        };
        let component = session.layer(&layer.digest, layer.size).await?;
        self.cache.put(&layer.digest, &component).await;
        Ok((component, layer.digest))
    }

    fn access(&self, registry: &str) -> Option<&RegistryAccess> {
        self.accesses.iter().find(|access| access.registry == registry)
    }
}

/// One pull.
struct Session<'a> {
    reference: &'a RegistryReference,
    client: reqwest::Client,
    base: String,
    authorization: Option<HeaderValue>,
    deadline: tokio::time::Instant,
}

impl<'a> Session<'a> {
    /// Determines how to authenticate, and authenticates.
    async fn open(registries: &OciRegistries, reference: &'a RegistryReference) -> Result<Self, ComponentError> {
        let access = registries.access(reference.registry());
        let plain = reference.is_loopback() || access.is_some_and(|access| access.insecure);
        let login = access.and_then(|access| access.login.as_ref());
        let deadline = tokio::time::Instant::now() + PULL_TIME_MAX;
        let client = client(plain).map_err(|error| ComponentError::Unavailable(cause(error)))?;
        let host = match reference.registry() {
            // The host that serves the API.
            "docker.io" => "index.docker.io",
            host => host,
        };
        let origin = format!("{}://{host}", if plain { "http" } else { "https" });
        let authorized = tokio::time::timeout_at(deadline, authorize(&client, &origin, login, reference)).await;
        Ok(Self {
            reference,
            client,
            base: format!("{origin}/v2/{}", reference.repository()),
            authorization: authorized.map_err(|_| too_slow())??,
            deadline,
        })
    }

    async fn manifest(&self) -> Result<Bytes, ComponentError> {
        let digest = self.reference.digest();
        let url = format!("{}/manifests/sha256:{digest}", self.base);
        self.checked("manifest", &url, MANIFESTS, digest, MANIFEST_BYTES_MAX).await
    }

    async fn layer(&self, digest: &Digest, size: u64) -> Result<Bytes, ComponentError> {
        let url = format!("{}/blobs/sha256:{digest}", self.base);
        self.checked("component", &url, "*/*", digest, size.min(COMPONENT_BYTES_MAX)).await
    }

    async fn checked(
        &self,
        what: &'static str,
        url: &str,
        accept: &'static str,
        wanted: &Digest,
        bytes_max: u64,
    ) -> Result<Bytes, ComponentError> {
        let read = self.read(what, url, accept, bytes_max);
        let bytes = tokio::time::timeout_at(self.deadline, read).await.map_err(|_| too_slow())??;
        let found = Digest::of(&bytes);
        match found == *wanted {
            true => Ok(bytes),
            false => Err(ComponentError::Digest { what, wanted: wanted.clone(), found }),
        }
    }

    async fn read(
        &self,
        what: &'static str,
        url: &str,
        accept: &'static str,
        bytes_max: u64,
    ) -> Result<Bytes, ComponentError> {
        let broken = |error: reqwest::Error| ComponentError::Unavailable(format!("the {what}: {}", cause(error)));
        let mut request = self.client.get(url).header(ACCEPT, accept);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let response = request.send().await.map_err(broken)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Err(ComponentError::Missing(what)),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(unauthorized(self.reference)),
            status => {
                return Err(ComponentError::Unavailable(format!("it responds {status} to the request for the {what}")));
            }
        }
        body(what, response, bytes_max).await
    }
}

fn client(plain: bool) -> Result<reqwest::Client, reqwest::Error> {
    // `reqwest` removes `Authorization` when the redirect leads to another host.
    let policy = redirect::Policy::custom(move |attempt| match attempt.previous().len() {
        many if many > REDIRECTS_MAX => attempt.error("it redirects too many times"),
        _ if !plain && attempt.url().scheme() != "https" => attempt.error("it redirects to a URL without TLS"),
        _ => attempt.follow(),
    });
    let builder = reqwest::Client::builder().redirect(policy).connect_timeout(CONNECT_TIME_MAX);
    builder.read_timeout(READ_TIME_MAX).user_agent(concat!("morag/", env!("CARGO_PKG_VERSION"))).build()
}

fn too_slow() -> ComponentError {
    ComponentError::Unavailable(format!("it took longer than {} s", PULL_TIME_MAX.as_secs()))
}
