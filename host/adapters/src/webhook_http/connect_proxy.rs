//! Connections through the operator's HTTP proxy.
//!
//! A proxy that gets a name resolves it itself, which would bypass our check. So the name is resolved and checked here, and the proxy gets
//! a CONNECT request for the address, also for http URLs. TLS and the `Host` header still use the name.

use super::resolver::{GuardedResolver, LookupError};
use hyper::Uri;
use hyper_util::rt::TokioIo;
use morag_core::webhook::WebhookProxy;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tower_service::Service;

/// Largest response head of the proxy, bytes. Real ones have a few hundred.
const ANSWER_BYTES_MAX: usize = 8 * 1024;

/// Addresses of one name that are tried in turn. Each costs a connection to the proxy.
const ADDRESSES_TRIED_MAX: usize = 4;

/// Why the tunnel failed. The text contains neither the proxy's address nor its credentials: callers see it.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProxyError {
    /// It cannot be reached. The cause is only in the text, so that it is not classified as a failure of the receiver.
    #[error("the proxy of WEBHOOK_PROXY cannot be reached: {0}")]
    Unreachable(io::Error),
    /// It refuses the credentials.
    #[error(
        "the proxy of WEBHOOK_PROXY answered 407 to CONNECT {0}: it wants credentials, or refuses those it was given"
    )]
    Credentials(SocketAddr),
    /// It refuses, or cannot connect.
    #[error("the proxy of WEBHOOK_PROXY answered {1} to CONNECT {0}")]
    Refused(SocketAddr, u16),
    /// Its response is not valid HTTP.
    #[error("the proxy of WEBHOOK_PROXY gave no valid answer to CONNECT {0}")]
    Answer(SocketAddr),
}

/// Why a receiver cannot be reached. Not `transparent`: classification looks for the causes by type.
#[derive(Debug, thiserror::Error)]
pub(super) enum TunnelError {
    /// The name has no address, or a forbidden one.
    #[error("{0}")]
    Lookup(#[from] LookupError),
    /// The proxy failed.
    #[error("{0}")]
    Proxy(#[from] ProxyError),
    /// The URL has no host or port, which a `WebhookUrl` always has.
    #[error("the URL has no host")]
    Url,
}

/// Connector of a client: connects through the proxy to checked addresses.
#[derive(Debug, Clone)]
pub(super) struct TunnelConnector {
    resolver: GuardedResolver,
    proxy: Arc<WebhookProxy>,
}

impl TunnelConnector {
    pub(super) fn new(resolver: GuardedResolver, proxy: WebhookProxy) -> Self {
        Self { resolver, proxy: Arc::new(proxy) }
    }

    async fn connect(self, uri: Uri) -> Result<TcpStream, TunnelError> {
        let host = uri.host().ok_or(TunnelError::Url)?;
        let port = match (uri.port_u16(), uri.scheme_str()) {
            (Some(port), _) => port,
            (None, Some("https")) => 443,
            (None, _) => 80,
        };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let addresses = match bare.parse::<IpAddr>() {
            Ok(address) => {
                self.resolver.policy().check(address).map_err(LookupError::from)?;
                vec![address]
            }
            Err(_) => self.resolver.look_up(host).await?,
        };
        let mut failed = None;
        for address in addresses.into_iter().take(ADDRESSES_TRIED_MAX) {
            match tunnel(&self.proxy, SocketAddr::new(address, port)).await {
                Ok(stream) => return Ok(stream),
                // Trying another address would fail in the same way.
                Err(error @ (ProxyError::Unreachable(_) | ProxyError::Credentials(_))) => return Err(error.into()),
                Err(error) => failed = Some(error),
            }
        }
        Err(failed.map_or(TunnelError::Lookup(LookupError::NoAddress), TunnelError::Proxy))
    }
}

impl Service<Uri> for TunnelConnector {
    type Response = TokioIo<TcpStream>;
    type Error = TunnelError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move { connector.connect(uri).await.map(TokioIo::new) })
    }
}

/// Opens a tunnel to the target.
async fn tunnel(proxy: &WebhookProxy, target: SocketAddr) -> Result<TcpStream, ProxyError> {
    let mut stream = TcpStream::connect((proxy.host(), proxy.port())).await.map_err(ProxyError::Unreachable)?;
    // A failure only costs latency.
    let _ = stream.set_nodelay(true);
    stream.write_all(request(proxy, target).as_bytes()).await.map_err(ProxyError::Unreachable)?;
    let mut answer = Vec::new();
    // No data follows the head of the response to CONNECT: a webhook receiver never sends first.
    while !answer.ends_with(b"\r\n\r\n") {
        let read = stream.read_buf(&mut answer).await.map_err(ProxyError::Unreachable)?;
        if read == 0 || answer.len() > ANSWER_BYTES_MAX {
            break;
        }
        // A refusal may have a body, which is ignored.
        if answer.windows(4).any(|end| end == b"\r\n\r\n") {
            break;
        }
    }
    match status(&answer) {
        Some(200..=299) if answer.ends_with(b"\r\n\r\n") => Ok(stream),
        Some(407) => Err(ProxyError::Credentials(target)),
        Some(status) if !(200..=299).contains(&status) => Err(ProxyError::Refused(target, status)),
        _ => Err(ProxyError::Answer(target)),
    }
}

/// The CONNECT request.
fn request(proxy: &WebhookProxy, target: SocketAddr) -> String {
    use base64::Engine as _;
    let authorization = proxy.credentials().map(|credentials| {
        let encoded = base64::engine::general_purpose::STANDARD.encode(credentials.expose());
        format!("Proxy-Authorization: Basic {encoded}\r\n")
    });
    format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{}\r\n", authorization.unwrap_or_default())
}

/// The status code of a status line.
fn status(answer: &[u8]) -> Option<u16> {
    let line = answer.strip_prefix(b"HTTP/1.")?;
    let (digits, rest) = line.get(2..).filter(|_| line[1] == b' ')?.split_at_checked(3)?;
    let ends = matches!(rest.first(), Some(b' ' | b'\r'));
    let digits = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok().filter(|_| ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_three_digits_of_a_status_line() {
        assert_eq!(status(b"HTTP/1.1 200 OK\r\n\r\n"), Some(200));
        assert_eq!(status(b"HTTP/1.0 407\r\n"), Some(407));
        for answer in [
            "",
            "HTTP/1.",
            "HTTP/1.1",
            "HTTP/1.1 ",
            "HTTP/1.1 20",
            "HTTP/1.1 200",
            "HTTP/1.1 2000 ",
            "HTTP/1.1 +20 ",
            "SSH-2.0-x\r\n",
        ] {
            assert_eq!(status(answer.as_bytes()), None, "{answer:?}");
        }
    }

    #[test]
    fn the_request_names_the_address_and_carries_the_credentials() {
        let plain: WebhookProxy = "http://10.0.0.1:3128".parse().unwrap();
        let target = "[2606:4700::1]:443".parse().unwrap();
        assert_eq!(request(&plain, target), "CONNECT [2606:4700::1]:443 HTTP/1.1\r\nHost: [2606:4700::1]:443\r\n\r\n");
        let known: WebhookProxy = "http://user:pw@10.0.0.1:3128".parse().unwrap();
        assert!(request(&known, target).contains("\r\nProxy-Authorization: Basic dXNlcjpwdw==\r\n\r\n"));
    }
}
