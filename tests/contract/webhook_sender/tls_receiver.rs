//! A TLS receiver with HTTP/2 or 1.1, as negotiated, and with any kind of certificate.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A CA that tests may trust.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub fn certificate(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    /// A certificate for a name or address, valid or expired.
    pub fn issue(&self, name: &str, expired: bool) -> Identity {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        if expired {
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(2021, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap().der().clone();
        Identity { certificate, key: PrivateKeyDer::Pkcs8(key.serialize_der().into()) }
    }
}

/// Certificate and key of a receiver.
pub struct Identity {
    pub certificate: CertificateDer<'static>,
    pub key: PrivateKeyDer<'static>,
}

/// Response of a receiver.
#[derive(Debug, Clone, Copy)]
pub enum Answer {
    /// 200 and `fine`.
    Fine,
    /// 200 and an endless body.
    Endless,
    /// 200 with headers of this size.
    Headers(usize),
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub version: Version,
    /// The server name in the TLS handshake.
    pub server_name: Option<String>,
    pub authority: String,
    pub body: Bytes,
}

/// Serves until the test's runtime ends.
pub struct TlsReceiver {
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl TlsReceiver {
    pub async fn start(identity: Identity, protocols: &[&str], answer: Answer) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![identity.certificate], identity.key)
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, seen) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<Vec<Seen>>>::default());
        let (counter, seen_here) = (connections.clone(), seen.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                let (acceptor, seen) = (acceptor.clone(), seen_here.clone());
                tokio::spawn(async move {
                    // The handshake fails if the sender rejects the certificate.
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let server_name = stream.get_ref().1.server_name().map(str::to_owned);
                    let service = service_fn(move |request: Request<Incoming>| {
                        let (seen, server_name) = (seen.clone(), server_name.clone());
                        async move { Ok::<_, Infallible>(respond(request, answer, server_name, &seen).await) }
                    });
                    let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { address, connections, seen }
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn respond(
    request: Request<Incoming>,
    answer: Answer,
    server_name: Option<String>,
    seen: &Mutex<Vec<Seen>>,
) -> Response<BoxBody<Bytes, Infallible>> {
    let version = request.version();
    let host = request.headers().get("host").and_then(|host| host.to_str().ok()).map(str::to_owned);
    let authority = request.uri().authority().map(ToString::to_string).or(host).unwrap_or_default();
    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    seen.lock().unwrap().push(Seen { version, server_name, authority, body });
    let mut response = Response::builder();
    if let Answer::Headers(bytes) = answer {
        for n in 0..bytes / 1000 {
            response = response.header(format!("x-{n}"), "y".repeat(1000));
        }
    }
    let body = match answer {
        Answer::Endless => {
            let piece = Bytes::from_static(&[b'x'; 16384]);
            let pieces = futures::stream::repeat_with(move || Ok(Frame::data(piece.clone())));
            BoxBody::new(StreamBody::new(pieces))
        }
        Answer::Fine | Answer::Headers(_) => Full::from("fine").boxed(),
    };
    response.body(body).unwrap()
}
