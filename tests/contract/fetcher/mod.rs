//! The contract of the port `Fetcher`, against real sockets.

mod host;

use async_trait::async_trait;
use futures::TryStreamExt as _;
use host::{Host, Reply};
use morag_adapters::fetch_http::HttpFetcher;
use morag_adapters::webhook_http::Lookup;
use morag_core::ports::{FetchError, FetchRequest, Fetched, Fetcher as _, SourceUrl};
use morag_core::webhook::AddressPolicy;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;

/// Timeout that tests must not reach.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long tests watch for something that must not happen.
const SOON: Duration = Duration::from_millis(300);

fn policy(allowed: &[&str]) -> AddressPolicy {
    AddressPolicy::new(allowed.iter().map(|network| network.parse().unwrap()).collect())
}

fn fetcher() -> HttpFetcher {
    HttpFetcher::new(policy(&["127.0.0.0/8"])).unwrap()
}

fn request(url: &str, timeout: Duration, bytes_max: u64) -> FetchRequest {
    FetchRequest { url: url.parse::<SourceUrl>().unwrap(), timeout, bytes_max }
}

/// Fetches a document of at most 1000 bytes.
async fn fetch(fetcher: &HttpFetcher, url: &str) -> Result<(Fetched, Vec<u8>), FetchError> {
    read(fetcher.fetch(request(url, PATIENCE, 1000)).await?).await
}

async fn read(mut fetched: Fetched) -> Result<(Fetched, Vec<u8>), FetchError> {
    let mut bytes = Vec::new();
    while let Some(piece) = fetched.body.try_next().await? {
        bytes.extend_from_slice(&piece);
    }
    assert_eq!(fetched.body.try_next().await, Ok(None), "reading after the end returns none");
    Ok((fetched, bytes))
}

async fn error(fetcher: &HttpFetcher, url: &str) -> FetchError {
    match fetch(fetcher, url).await {
        Ok((_, bytes)) => panic!("{url} gave {} bytes", bytes.len()),
        Err(error) => error,
    }
}

fn redirect(to: &str) -> Reply {
    Reply::Bytes(format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n").into_bytes())
}

#[tokio::test]
async fn a_document_comes_with_its_headers() {
    let host = Host::with(
        "HTTP/1.1 200 OK\r\nContent-Type: text/markdown; charset=utf-8\r\n\
         Content-Disposition: attachment; filename=\"a b.md\"\r\nContent-Length: 5",
        b"# One",
    )
    .await;
    let (fetched, bytes) = fetch(&fetcher(), &host.url("/doc?token=1#part")).await.unwrap();
    assert_eq!(bytes, b"# One");
    assert_eq!(fetched.content_type.as_deref(), Some("text/markdown; charset=utf-8"));
    assert_eq!(fetched.file_name.as_deref(), Some("a b.md"));
    let asked = host.requests().remove(0).to_ascii_lowercase();
    assert!(asked.starts_with("get /doc?token=1 http/1.1\r\n"), "{asked}");
    assert!(asked.contains("user-agent: morag-fetch/") && asked.contains("accept-encoding: identity"), "{asked}");
    assert!(!asked.contains("authorization") && !asked.contains("cookie") && !asked.contains("referer"), "{asked}");
}

#[tokio::test]
async fn redirects_are_followed_without_credentials_or_cookies() {
    let host = Host::start(|head| match head.split(' ').nth(1).unwrap() {
        "/a" => Reply::Bytes(
            b"HTTP/1.1 301 Moved\r\nLocation: b/c?secret=1\r\nSet-Cookie: a=b\r\nContent-Length: 4\r\n\r\ngone"
                .to_vec(),
        ),
        "/b/c?secret=1" => redirect("../d"),
        _ => Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhere".to_vec()),
    })
    .await;
    let (fetched, bytes) = fetch(&fetcher(), &host.url("/a")).await.unwrap();
    assert_eq!((bytes.as_slice(), fetched.url.as_url().path()), (&b"here"[..], "/d"));
    let last = host.requests().pop().unwrap().to_ascii_lowercase();
    assert!(!last.contains("cookie") && !last.contains("secret"), "{last}");
}

#[tokio::test]
async fn five_redirects_are_followed_and_no_more() {
    let host = Host::start(|head| match head.split(' ').nth(1).unwrap() {
        "/0" => Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhere".to_vec()),
        "/loop" => redirect("/loop"),
        path => redirect(&format!("/{}", path[1..].parse::<u32>().unwrap() - 1)),
    })
    .await;
    assert_eq!(fetch(&fetcher(), &host.url("/5")).await.unwrap().1, b"here");
    for path in ["/6", "/loop"] {
        let before = host.connections();
        assert!(matches!(error(&fetcher(), &host.url(path)).await, FetchError::Refused(_)), "{path}");
        assert_eq!(host.connections() - before, 6, "{path}");
    }
}

#[tokio::test]
async fn redirects_to_forbidden_urls_are_refused() {
    for to in [
        "http://10.0.0.1/",
        "http://[::1]/",
        "http://169.254.169.254/latest/meta-data",
        "http://2130706433.0/",
        "http://0x0a.0.0.1/",
        "http://[::ffff:10.0.0.1]/",
        "//192.168.0.1/x",
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
        "http://user:pw@127.0.0.1/",
        "http://127.0.0.1:25/",
        "http://",
    ] {
        let host = Host::start(move |_| redirect(to)).await;
        let refused = error(&fetcher(), &host.url("/")).await;
        assert!(matches!(refused, FetchError::Refused(_)), "{to}: {refused:?}");
        assert!(!refused.to_string().contains("pw") && !refused.to_string().contains("169.254"), "{refused}");
    }
    let host = Host::with("HTTP/1.1 302 Found\r\nContent-Length: 0", b"").await;
    assert!(matches!(error(&fetcher(), &host.url("/")).await, FetchError::Unsupported(_)), "no Location");
}

#[tokio::test]
async fn what_is_not_allowed_is_refused_without_a_connection() {
    let host = Host::with("HTTP/1.1 200 OK\r\nContent-Length: 4", b"text").await;
    let closed = HttpFetcher::new(policy(&[])).unwrap();
    for url in [host.url("/"), format!("http://localhost:{}/", host.address.port())] {
        let refused = error(&closed, &url).await;
        assert!(refused.to_string().contains("MORAG_FETCH_ALLOW_NETWORKS"), "{refused}");
    }
    assert_eq!(host.connections(), 0);
    for bad in ["ftp://e.com/", "http://u@e.com/", "http://e.com:0/", "nonsense"] {
        assert!(bad.parse::<SourceUrl>().is_err(), "{bad}");
    }
}

/// A resolver whose first answer differs from all later ones.
#[derive(Debug)]
struct Rebinding {
    first: IpAddr,
    then: IpAddr,
    asked: AtomicUsize,
}

#[async_trait]
impl Lookup for Rebinding {
    async fn addresses(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        Ok(vec![if self.asked.fetch_add(1, Ordering::SeqCst) == 0 { self.first } else { self.then }])
    }
}

fn rebinding(first: &str, then: &str) -> HttpFetcher {
    let lookup = Rebinding { first: first.parse().unwrap(), then: then.parse().unwrap(), asked: AtomicUsize::new(0) };
    HttpFetcher::with_lookup(policy(&["127.0.0.1/32"]), Arc::new(lookup)).unwrap()
}

#[tokio::test]
async fn every_hop_is_checked_by_its_connected_address() {
    let host = Host::start(|_| redirect("/again")).await;
    let url = format!("http://changing.example:{}/", host.address.port());
    // The first hop is allowed; for the second hop the same name has a private address.
    let refused = error(&rebinding("127.0.0.1", "127.0.0.2"), &url).await;
    assert!(matches!(refused, FetchError::Refused(_)), "{refused:?}");
    assert_eq!(host.connections(), 1);
    let refused = error(&rebinding("::ffff:10.0.0.1", "127.0.0.1"), &url).await;
    assert!(matches!(refused, FetchError::Refused(_)), "{refused:?}");
    assert_eq!(host.connections(), 1);
}

#[tokio::test]
async fn a_document_that_is_declared_too_large_is_not_read() {
    let host = Host::start(|_| {
        Reply::Endless("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", b"x".to_vec(), Duration::from_secs(3600))
    })
    .await;
    assert_eq!(error(&fetcher(), &host.url("/")).await, FetchError::TooLarge(1000));
}

#[tokio::test]
async fn a_document_may_be_as_large_as_it_may_be() {
    let body = vec![b'x'; 1000];
    let answer = [b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", body.as_slice()].concat();
    let host = Host::start(move |_| Reply::Bytes(answer.clone())).await;
    assert_eq!(fetch(&fetcher(), &host.url("/")).await.unwrap().1, body);
}

#[tokio::test]
async fn an_endless_body_is_cut_and_its_connection_closed() {
    for head in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\n"] {
        let host = Host::start(move |_| Reply::Endless(head, vec![b'x'; 600], Duration::ZERO)).await;
        assert_eq!(error(&fetcher(), &host.url("/")).await, FetchError::TooLarge(1000));
        host.is_let_go().await;
    }
    let chunks = b"14\r\nxxxxxxxxxxxxxxxxxxxx\r\n".to_vec();
    let host = Host::start(move |_| {
        Reply::Endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunks.clone(), Duration::ZERO)
    })
    .await;
    assert_eq!(error(&fetcher(), &host.url("/")).await, FetchError::TooLarge(1000));
    host.is_let_go().await;
}

#[tokio::test]
async fn a_dripping_body_ends_at_the_deadline() {
    let host =
        Host::start(|_| Reply::Endless("HTTP/1.1 200 OK\r\n\r\n", b"x".to_vec(), Duration::from_millis(20))).await;
    let fetched = fetcher().fetch(request(&host.url("/"), SOON, 1_000_000)).await.unwrap();
    assert_eq!(read(fetched).await.err(), Some(FetchError::Timeout(SOON)));
    host.is_let_go().await;
}

#[tokio::test]
async fn dripping_headers_silence_and_slow_redirects_end_at_the_deadline() {
    let drip =
        Host::start(|_| Reply::Endless("HTTP/1.1 200 OK\r\nX: ", b"x".to_vec(), Duration::from_millis(20))).await;
    let silent = Host::start(|_| Reply::Silence).await;
    let to = silent.url("/");
    let redirects = Host::start(move |_| redirect(&to)).await;
    for host in [&drip, &silent, &redirects] {
        let ended = fetcher().fetch(request(&host.url("/"), SOON, 1000)).await;
        assert_eq!(ended.err(), Some(FetchError::Timeout(SOON)));
    }
    drip.is_let_go().await;
    silent.is_let_go().await;
}

#[tokio::test]
async fn endless_interim_responses_are_refused() {
    let interim = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n".repeat(100);
    let host = Host::start(move |_| Reply::Endless("", interim.clone(), Duration::ZERO)).await;
    assert!(matches!(error(&fetcher(), &host.url("/")).await, FetchError::Unavailable(text) if text.contains("HTTP")));
    host.is_let_go().await;
}

#[tokio::test]
async fn other_responses_are_reported_by_their_status() {
    for (head, expected) in [
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 0", FetchError::NotGiven(404)),
        ("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0", FetchError::NotGiven(401)),
        ("HTTP/1.1 304 Not Modified", FetchError::NotGiven(304)),
        ("HTTP/1.1 300 Multiple\r\nLocation: /x\r\nContent-Length: 0", FetchError::NotGiven(300)),
    ] {
        let host = Host::with(head, b"").await;
        assert_eq!(error(&fetcher(), &host.url("/")).await, expected, "{head}");
    }
    for status in ["429 Too Many", "500 Broken", "503 Away"] {
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").into_bytes();
        let host = Host::start(move |_| Reply::Bytes(answer.clone())).await;
        assert!(matches!(error(&fetcher(), &host.url("/")).await, FetchError::Unavailable(_)), "{status}");
    }
    let packed = Host::with("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4", b"\x1f\x8b\0\0").await;
    assert!(matches!(error(&fetcher(), &packed.url("/")).await, FetchError::Unsupported(_)));
}

#[tokio::test]
async fn a_server_that_is_away_or_breaks_off_is_unavailable() {
    let unused = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = unused.local_addr().unwrap();
    drop(unused);
    let short = Host::with("HTTP/1.1 200 OK\r\nContent-Length: 10", b"short").await;
    let nonsense = Host::with("SSH-2.0-OpenSSH", b"").await;
    let plain = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let no_tls = format!("https://{}/", plain.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = plain.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    for url in [format!("http://{address}/"), short.url("/"), nonsense.url("/"), no_tls] {
        let failed = error(&fetcher(), &url).await;
        assert!(matches!(failed, FetchError::Unavailable(_)), "{url}: {failed:?}");
        assert!(!failed.to_string().contains("127.0.0.1"), "{failed}");
    }
}

#[tokio::test]
async fn concurrent_fetches_are_limited() {
    let host = Host::start(|_| Reply::Silence).await;
    let slow =
        Host::start(|_| Reply::Endless("HTTP/1.1 200 OK\r\n\r\n", b"x".to_vec(), Duration::from_millis(20))).await;
    let fetcher = fetcher();
    let mut held = Vec::new();
    loop {
        match fetcher.fetch(request(&slow.url("/"), PATIENCE, 1_000_000)).await {
            Ok(fetched) => held.push(fetched),
            Err(error) => {
                assert_eq!(error, FetchError::Busy);
                break;
            }
        }
        assert!(held.len() < 1000, "there is a limit");
    }
    held.pop();
    let free = fetcher.fetch(request(&host.url("/"), SOON, 1000)).await;
    assert_eq!(free.err(), Some(FetchError::Timeout(SOON)), "dropping a body frees its slot");
}
