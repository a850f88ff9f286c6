//! Pulling a component.

use super::kept::Kept;
use bytes::{Bytes, BytesMut};
use morag_core::plugin::{
    COMPONENT_BYTES_MAX, Digest, MANIFEST_BYTES_MAX, RegistryAccess, RegistryLogin, RegistryReference, read_manifest,
};
use morag_core::ports::ComponentError;
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::OciDistributionError;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference, RegistryOperation};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use reqwest::{StatusCode, redirect};
use std::path::Path;
use std::time::Duration;

/// Until a connection stands.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

/// Between two pieces of an answer.
const READ_TIME_MAX: Duration = Duration::from_secs(30);

/// A pull as a whole, token and both answers: 64 MiB at 250 kB/s.
const PULL_TIME_MAX: Duration = Duration::from_secs(300);

/// Redirects of one request: registries send to their storage, which may send on once.
const REDIRECTS_MAX: usize = 3;

/// Media types of manifests; a registry answers with what it has among them.
const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json";

/// Registries, with what the operator says of some, and a folder of what was pulled.
#[derive(Debug)]
pub struct OciRegistries {
    accesses: Vec<RegistryAccess>,
    kept: Kept,
}

impl OciRegistries {
    /// Pulls to `folder`, which is made when the first is kept. Registries that `accesses` does not name are spoken to as
    /// anybody; by plain HTTP only those of this machine, and those that it says so of.
    pub fn new(accesses: Vec<RegistryAccess>, folder: &Path) -> Self {
        Self { accesses, kept: Kept::new(folder) }
    }

    /// The component that a pinned manifest names, kept or pulled, with its digest.
    pub(crate) async fn pull(&self, reference: &RegistryReference) -> Result<(Bytes, Digest), ComponentError> {
        let mut session = None;
        let manifest = match self.kept.get(reference.digest()).await {
            Some(manifest) => manifest,
            None => {
                let open = session.insert(Session::open(self, reference).await?);
                let manifest = open.manifest().await?;
                self.kept.put(reference.digest(), &manifest).await;
                manifest
            }
        };
        let layer = read_manifest(&manifest)?;
        if layer.size > COMPONENT_BYTES_MAX {
            return Err(ComponentError::TooLarge(COMPONENT_BYTES_MAX));
        }
        if let Some(component) = self.kept.get(&layer.digest).await {
            return Ok((component, layer.digest));
        }
        let session = match session {
            Some(session) => session,
            None => Session::open(self, reference).await?,
        };
        let component = session.layer(&layer.digest, layer.size).await?;
        self.kept.put(&layer.digest, &component).await;
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
    /// Learns what the registry wants of us, and says it.
    async fn open(registries: &OciRegistries, reference: &'a RegistryReference) -> Result<Self, ComponentError> {
        let access = registries.access(reference.registry());
        let plain = reference.is_loopback() || access.is_some_and(|access| access.insecure);
        let login = access.and_then(|access| access.login.as_ref());
        let pinned = format!("sha256:{}", reference.digest());
        let image = Reference::with_digest(reference.registry().into(), reference.repository().into(), pinned);
        let deadline = tokio::time::Instant::now() + PULL_TIME_MAX;
        let authorized = tokio::time::timeout_at(deadline, authorize(&image, plain, login, reference)).await;
        let scheme = if plain { "http" } else { "https" };
        Ok(Self {
            reference,
            client: client(plain).map_err(|error| ComponentError::Unavailable(cause(error)))?,
            base: format!("{scheme}://{}/v2/{}", image.resolve_registry(), reference.repository()),
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
        let mut response = request.send().await.map_err(broken)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Err(ComponentError::Missing(what)),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(unauthorized(self.reference)),
            status => return Err(ComponentError::Unavailable(format!("it answers {status} to a GET of the {what}"))),
        }
        let mut bytes = BytesMut::new();
        while let Some(piece) = response.chunk().await.map_err(broken)? {
            if (bytes.len() + piece.len()) as u64 > bytes_max {
                let text = format!("the {what} goes on after the {bytes_max} bytes it may have");
                return Err(ComponentError::Unavailable(text));
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes.freeze())
    }
}

/// What to say in `Authorization`, if the registry wants anything.
async fn authorize(
    image: &Reference,
    plain: bool,
    login: Option<&RegistryLogin>,
    reference: &RegistryReference,
) -> Result<Option<HeaderValue>, ComponentError> {
    let protocol = if plain { ClientProtocol::Http } else { ClientProtocol::Https };
    let config = ClientConfig {
        protocol,
        connect_timeout: Some(CONNECT_TIME_MAX),
        read_timeout: Some(READ_TIME_MAX),
        ..ClientConfig::default()
    };
    let unavailable = |error: OciDistributionError| match error {
        OciDistributionError::AuthenticationFailure(_) | OciDistributionError::UnauthorizedError { .. } => {
            unauthorized(reference)
        }
        OciDistributionError::RequestError(error) => ComponentError::Unavailable(cause(error)),
        // What it says may quote the registry's answer, which is nobody's to log.
        _ => ComponentError::Unavailable("it gives no token that can be read".into()),
    };
    let client = Client::try_from(config).map_err(unavailable)?;
    let auth = match login {
        None => RegistryAuth::Anonymous,
        Some(RegistryLogin::Password { username, password }) => {
            RegistryAuth::Basic(username.clone(), password.expose().to_owned())
        }
        Some(RegistryLogin::Token(token)) => RegistryAuth::Bearer(token.expose().to_owned()),
    };
    let token = client.auth(image, &auth, RegistryOperation::Pull).await.map_err(unavailable)?;
    let said = match (token, auth) {
        (Some(token), _) => format!("Bearer {token}"),
        (None, RegistryAuth::Basic(username, password)) => {
            use base64::Engine as _;
            let pair = format!("{username}:{password}");
            format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
        }
        (None, _) => return Ok(None),
    };
    let mut value = HeaderValue::from_str(&said).map_err(|_| unauthorized(reference))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

fn client(plain: bool) -> Result<reqwest::Client, reqwest::Error> {
    // `reqwest` itself leaves `Authorization` out where it is sent to another host.
    let policy = redirect::Policy::custom(move |attempt| match attempt.previous().len() {
        many if many > REDIRECTS_MAX => attempt.error("it redirects too often"),
        _ if !plain && attempt.url().scheme() != "https" => attempt.error("it redirects to where there is no TLS"),
        _ => attempt.follow(),
    });
    let builder = reqwest::Client::builder().redirect(policy).connect_timeout(CONNECT_TIME_MAX);
    builder.read_timeout(READ_TIME_MAX).user_agent(concat!("morag/", env!("CARGO_PKG_VERSION"))).build()
}

fn unauthorized(reference: &RegistryReference) -> ComponentError {
    ComponentError::Unauthorized { host: reference.registry().to_owned() }
}

fn too_slow() -> ComponentError {
    ComponentError::Unavailable(format!("it took longer than {} s", PULL_TIME_MAX.as_secs()))
}

/// The innermost reason, without the URL: that of a redirect may be signed, and open what it names to whoever reads the log.
fn cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut inner: &dyn std::error::Error = &error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}
