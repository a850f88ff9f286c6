//! The contract of the port `Components`: files on disk, signatures by minisign, a real registry, and a host that responds as no
//! registry would.

use axum::http::StatusCode;
use morag_adapters::SystemClock;
use morag_adapters::components::ComponentSources;
use morag_adapters::oci::OciRegistries;
use morag_core::Secret;
use morag_core::plugin::{COMPONENT_BYTES_MAX, Digest, InvalidManifest, RegistryAccess, RegistryLogin};
use morag_core::ports::{Component, ComponentError, ComponentWish, Components as _};
use morag_tests::minisign::{Signer, signature_of};
use morag_tests::registry::{Layout, PASSWORD, Registry, USER};
use morag_tests::server::PATIENCE;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const WASM: &[u8] = b"\0asm\x0d\0\x01\0 a component";

fn wish(source: &str) -> ComponentWish {
    ComponentWish { source: source.parse().unwrap(), sha256: None, public_key: None }
}

/// Sources that store pulled components in a folder.
struct Sources {
    sources: ComponentSources,
    folder: TempDir,
}

impl Sources {
    fn new() -> Self {
        Self::with(vec![])
    }

    fn with(accesses: Vec<RegistryAccess>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let registries = OciRegistries::new(accesses, &folder.path().join("pulled"), Arc::new(SystemClock));
        Self { sources: ComponentSources::new(registries), folder }
    }

    async fn get(&self, wish: &ComponentWish) -> Result<Component, ComponentError> {
        self.sources.get(wish).await
    }

    /// Files in the folder of pulled components.
    fn kept(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.folder.path().join("pulled")) else { return vec![] };
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    fn file(&self, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join("a.wasm");
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

fn of_file(path: &Path) -> ComponentWish {
    wish(&path.display().to_string())
}

#[tokio::test]
async fn a_file_is_read_and_its_digest_checked() {
    let sources = Sources::new();
    let path = sources.file(WASM);
    let got = sources.get(&of_file(&path)).await.unwrap();
    assert_eq!((&got.wasm[..], &got.digest, &got.signed_by), (WASM, &Digest::of(WASM), &None));
    let pinned = ComponentWish { sha256: Some(Digest::of(WASM)), ..of_file(&path) };
    assert!(sources.get(&pinned).await.is_ok());
    let (wanted, found) = (Digest::of(b"another"), Digest::of(WASM));
    let other = ComponentWish { sha256: Some(wanted.clone()), ..of_file(&path) };
    assert_eq!(sources.get(&other).await, Err(ComponentError::Digest { what: "component", wanted, found }));
    let missing = sources.get(&wish("/nowhere/a.wasm")).await;
    assert!(matches!(missing, Err(ComponentError::Unreadable(_))), "{missing:?}");
    let folder = sources.get(&of_file(sources.folder.path())).await;
    assert!(matches!(folder, Err(ComponentError::Unreadable(_))), "{folder:?}");
    let pipe = sources.folder.path().join("pipe.wasm");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let wish = of_file(&pipe);
    let pipe = tokio::time::timeout(PATIENCE, sources.get(&wish)).await.expect("a pipe is not waited for");
    assert!(matches!(pipe, Err(ComponentError::Unreadable(_))), "{pipe:?}");
}

#[tokio::test]
async fn a_file_that_is_too_large_is_not_read_to_its_end() {
    let sources = Sources::new();
    let path = sources.file(WASM);
    // Sparse: it uses no disk space.
    std::fs::File::options().write(true).open(&path).unwrap().set_len(COMPONENT_BYTES_MAX + 1).unwrap();
    assert_eq!(sources.get(&of_file(&path)).await, Err(ComponentError::TooLarge(COMPONENT_BYTES_MAX)));
}

#[tokio::test]
async fn a_signature_is_by_the_key_over_the_file_or_it_is_refused() {
    let (sources, signer, other) = (Sources::new(), Signer::new(), Signer::new());
    let path = sources.file(WASM);
    let signed = ComponentWish { public_key: Some(signer.public_key.clone()), ..of_file(&path) };
    let refusal = async |wish: &ComponentWish| sources.get(wish).await.unwrap_err().to_string();
    let missing = refusal(&signed).await;
    assert!(missing.contains("a.wasm.minisig cannot be read"), "{missing}");
    signer.sign(&path);
    let got = sources.get(&signed).await.unwrap();
    let id = got.signed_by.unwrap();
    assert_eq!(morag_core::plugin::minisign_key_id(&signer.public_key), Some(id.clone()));
    let by_other = ComponentWish { public_key: Some(other.public_key.clone()), ..of_file(&path) };
    assert!(refusal(&by_other).await.contains("is not the signature of the key"), "another key");
    std::fs::write(&path, [WASM, b"!"].concat()).unwrap();
    let changed = refusal(&signed).await;
    assert!(changed.contains(&id) && changed.contains("it was changed"), "{changed}");
    std::fs::write(signature_of(&path), "nonsense").unwrap();
    assert!(refusal(&signed).await.contains("is not a minisign signature"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pulled_component_is_cached_and_read_from_the_cache() {
    let (sources, registry) = (Sources::new(), Registry::start().await);
    let reference = registry.push("acme/redact", WASM).await;
    let got = sources.get(&wish(&reference)).await.unwrap();
    assert_eq!((&got.wasm[..], got.digest), (WASM, Digest::of(WASM)));
    assert_eq!(sources.kept().len(), 2, "manifest and component");
    drop(registry);
    assert_eq!(&sources.get(&wish(&reference)).await.unwrap().wasm[..], WASM, "without the registry");
    for path in sources.kept() {
        std::fs::write(path, b"damaged").unwrap();
    }
    let gone = sources.get(&wish(&reference)).await;
    assert!(matches!(gone, Err(ComponentError::Unavailable(_))), "a damaged file is not used: {gone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_changed_in_the_registry_is_refused_and_not_cached() {
    let registry = Registry::start().await;
    let reference = registry.push("acme/redact", WASM).await;
    let (layer, manifest) = (Digest::of(WASM), reference.rsplit(':').next().unwrap());
    let sources = Sources::new();
    std::fs::write(registry.file(layer.as_str()), b"\0asm\x0d\0\x01\0 a c0mponent").unwrap();
    let changed = sources.get(&wish(&reference)).await;
    let what = |error: &ComponentError| matches!(error, ComponentError::Digest { what: "component", wanted, .. } if *wanted == layer);
    assert!(what(changed.as_ref().unwrap_err()), "{changed:?}");
    assert_eq!(sources.kept().len(), 1, "the manifest alone");
    let sources = Sources::new();
    let file = registry.file(manifest);
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("\"schemaVersion\":2", "\"schemaVersion\": 2")).unwrap();
    let changed = sources.get(&wish(&reference)).await;
    assert!(
        matches!(changed, Err(ComponentError::Digest { what: "manifest", .. } | ComponentError::Unavailable(_))),
        "by us or by the registry itself: {changed:?}"
    );
    assert!(sources.kept().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_components_and_other_artifacts_are_refused() {
    let (sources, registry) = (Sources::new(), Registry::start().await);
    let image = Layout { config: "application/vnd.oci.image.config.v1+json", ..Layout::default() };
    let reference = registry.push_as("image", WASM, &image).await;
    let refused = sources.get(&wish(&reference)).await;
    assert!(matches!(refused, Err(ComponentError::Manifest(InvalidManifest::Config { .. }))), "{refused:?}");
    let archive = Layout { layer: "application/vnd.oci.image.layer.v1.tar+gzip", ..Layout::default() };
    let reference = registry.push_as("archive", WASM, &archive).await;
    let refused = sources.get(&wish(&reference)).await;
    assert!(matches!(refused, Err(ComponentError::Manifest(InvalidManifest::Layers { .. }))), "{refused:?}");
    let large = Layout { size: Some(COMPONENT_BYTES_MAX + 1), ..Layout::default() };
    let reference = registry.push_as("large", WASM, &large).await;
    assert_eq!(sources.get(&wish(&reference)).await, Err(ComponentError::TooLarge(COMPONENT_BYTES_MAX)));
    let absent = format!("oci://{}/large@sha256:{}", registry.address(), Digest::of(b"absent"));
    assert_eq!(sources.get(&wish(&absent)).await, Err(ComponentError::Missing("manifest")));
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_sent_to_a_registry_that_requires_them() {
    let registry = Registry::start_with_password().await;
    let reference = registry.push("secret/redact", WASM).await;
    let access = |password: &str| RegistryAccess {
        registry: registry.address(),
        login: Some(RegistryLogin::Password { username: USER.into(), password: Secret::new(password) }),
        insecure: false,
    };
    assert!(Sources::with(vec![access(PASSWORD)]).get(&wish(&reference)).await.is_ok());
    let unauthorized = Err(ComponentError::Unauthorized { host: registry.address() });
    assert_eq!(Sources::new().get(&wish(&reference)).await, unauthorized);
    let wrong = Sources::with(vec![access("5ecret")]).get(&wish(&reference)).await;
    assert_eq!(wrong, unauthorized);
    assert!(!wrong.unwrap_err().to_string().contains("5ecret"));
    let elsewhere = RegistryAccess { registry: "127.0.0.1:1".into(), ..access(PASSWORD) };
    assert_eq!(Sources::with(vec![elsewhere]).get(&wish(&reference)).await, unauthorized, "only where it belongs");
}

/// A host that claims to be a registry, answers every other request with these bytes and closes.
async fn host(answer: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    match stream.read_u8().await {
                        Ok(byte) => head.push(byte),
                        Err(_) => return,
                    }
                }
                let ping = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".as_slice();
                let is_ping = head.starts_with(b"GET /v2/ ");
                let _ = stream.write_all(if is_ping { ping } else { &answer }).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    format!("oci://{address}/a@sha256:{}", Digest::of(b"a"))
}

#[tokio::test(flavor = "multi_thread")]
async fn truncated_and_endless_responses_are_refused() {
    let sources = Sources::new();
    let cut = host(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"schema".to_vec()).await;
    let refused = sources.get(&wish(&cut)).await;
    assert!(matches!(refused, Err(ComponentError::Unavailable(_))), "{refused:?}");
    let mut endless = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec();
    endless.resize(6 << 20, b' ');
    let refused = sources.get(&wish(&host(endless).await)).await.unwrap_err();
    assert!(refused.to_string().contains("is longer than"), "{refused}");
    let away = host(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n".to_vec()).await;
    let refused = sources.get(&wish(&away)).await;
    assert!(matches!(refused, Err(ComponentError::Unavailable(_))), "{refused:?}");
    let broken = host(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n".to_vec()).await;
    let refused = sources.get(&wish(&broken)).await.unwrap_err();
    assert!(refused.to_string().contains("500"), "{refused}");
    assert!(sources.kept().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_needs_loopback_or_insecure() {
    // Linux connects 0.0.0.0 to this machine, but it is not a loopback address: the client must treat it as a remote registry.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let reference = format!("oci://0.0.0.0:{}/a@sha256:{}", listener.local_addr().unwrap().port(), Digest::of(b"a"));
    let heard = tokio::spawn(async move { listener.accept().await.unwrap().0.read_u8().await.unwrap() });
    let refused = Sources::new().get(&wish(&reference)).await;
    assert!(matches!(refused, Err(ComponentError::Unavailable(_))), "{refused:?}");
    assert_eq!(heard.await.unwrap(), 0x16, "a TLS handshake and no request");

    let registry = Registry::start().await;
    let elsewhere = registry.address().replace("127.0.0.1", "0.0.0.0");
    let reference = registry.push("acme/redact", WASM).await.replace("127.0.0.1", "0.0.0.0");
    let access = RegistryAccess { registry: elsewhere, login: None, insecure: true };
    assert_eq!(&Sources::with(vec![access]).get(&wish(&reference)).await.unwrap().wasm[..], WASM);
}

/// A registry whose token service is at `realm` (none: at its own `/token`) and gives this response. Returns its address and a record of
/// requests with their `Authorization`.
async fn token_registry(realm: Option<String>, answer: String) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let realm = realm.unwrap_or_else(|| format!("http://{address}/token"));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = asked.clone();
    let app = axum::Router::new().fallback(move |request: axum::extract::Request| {
        let said = request.headers().get("authorization").map_or("-", |value| value.to_str().unwrap()).to_owned();
        let path = request.uri().path().to_owned();
        heard.lock().unwrap().push(format!("{path} {said}"));
        let challenge = format!("Bearer realm=\"{realm}\",service=\"tests\"");
        let answer = answer.clone();
        async move {
            match path.as_str() {
                "/v2/" => (StatusCode::UNAUTHORIZED, [("www-authenticate", challenge)], String::new()),
                "/token" => (StatusCode::OK, [("x-none", String::new())], answer),
                _ => (StatusCode::NOT_FOUND, [("x-none", String::new())], String::new()),
            }
        }
    });
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (address, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_not_sent_to_another_host_without_tls() {
    let pull = async |address: &str| {
        let login = RegistryLogin::Password { username: USER.into(), password: Secret::new(PASSWORD) };
        let access = RegistryAccess { registry: address.into(), login: Some(login), insecure: false };
        let wish = wish(&format!("oci://{address}/a@sha256:{}", Digest::of(b"a")));
        Sources::with(vec![access]).get(&wish).await.unwrap_err()
    };
    let (address, asked) = token_registry(None, "{\"token\":\"t0ken\"}".into()).await;
    assert_eq!(pull(&address).await, ComponentError::Missing("manifest"));
    let asked = asked.lock().unwrap().clone();
    assert!(asked[1].starts_with("/token Basic ") && asked[2].ends_with(" Bearer t0ken"), "{asked:?}");

    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let realm = format!("http://{}/token", elsewhere.local_addr().unwrap());
    let (address, asked) = token_registry(Some(realm), String::new()).await;
    let refused = pull(&address).await;
    assert!(refused.to_string().contains("neither https nor on the registry itself"), "{refused}");
    assert_eq!(asked.lock().unwrap().clone(), ["/v2/ -"]);
    // The pull is over, and no connection was made.
    let connected = futures::poll!(std::pin::pin!(elsewhere.accept()));
    assert!(connected.is_pending());

    let (address, _) = token_registry(None, format!("{{\"token\":\"{}\"}}", "t".repeat(64 << 10))).await;
    let refused = pull(&address).await;
    assert!(refused.to_string().contains("the token is longer than"), "{refused}");
}
