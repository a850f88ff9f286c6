//! HTTP/2, negotiated in the TLS handshake.

use super::receiver::Receiver;
use super::tls_receiver::{Answer, Authority, TlsReceiver};
use super::{LONG, both_ways, policy, result, send_to};
use hyper::Version;
use morag_adapters::webhook_http::{HttpSender, SenderOptions};
use morag_core::webhook::ErrorClass;
use morag_tests::connect_proxy::ConnectProxy;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::TcpStream;
use tokio::sync::watch;

type Way = (&'static str, HttpSender, ConnectProxy);

async fn receiver(protocols: &[&str], answer: Answer) -> ([Way; 2], TlsReceiver, String) {
    let authority = Authority::new();
    let receiver = TlsReceiver::start(authority.issue("localhost", false), protocols, answer).await;
    let options =
        SenderOptions { extra_roots: vec![authority.certificate()], ..SenderOptions::new(policy(&["127.0.0.0/8"])) };
    let url = format!("https://localhost:{}/", receiver.address.port());
    (both_ways(&options), receiver, url)
}

#[tokio::test]
async fn the_handshake_chooses_the_version_and_connections_are_used_again() {
    for (protocols, version) in [
        (&["h2", "http/1.1"][..], Version::HTTP_2),
        (&["h2"], Version::HTTP_2),
        (&["http/1.1"], Version::HTTP_11),
        (&[], Version::HTTP_11),
    ] {
        let (ways, receiver, url) = receiver(protocols, Answer::Fine).await;
        for (n, (way, sender, _proxy)) in ways.iter().enumerate() {
            for _ in 0..5 {
                let outcome = send_to(sender, &url, LONG).await;
                assert_eq!((result(&outcome), outcome.excerpt.as_str()), ((Some(200), None), "fine"), "{way}");
            }
            assert_eq!(receiver.connections(), n + 1, "{way}, {protocols:?}");
        }
        for seen in receiver.seen() {
            assert_eq!((seen.version, &seen.body[..]), (version, &b"{\"a\":1}"[..]));
            assert_eq!(seen.authority, format!("localhost:{}", receiver.address.port()));
        }
    }
}

#[tokio::test]
async fn an_endless_response_is_read_in_part() {
    let (ways, _receiver, url) = receiver(&["h2"], Answer::Endless).await;
    for (way, sender, _proxy) in &ways {
        // On the same connection again: the unread rest of the first response must not block it.
        for _ in 0..40 {
            let outcome = send_to(sender, &url, LONG).await;
            assert_eq!((result(&outcome), outcome.excerpt.len()), ((Some(200), None), 1024), "{way}");
        }
    }
}

#[tokio::test]
async fn a_flood_of_headers_is_refused() {
    let (ways, _receiver, url) = receiver(&["h2"], Answer::Headers(1_000_000)).await;
    for (way, sender, _proxy) in &ways {
        assert_eq!(result(&send_to(sender, &url, LONG).await), (None, Some(ErrorClass::Protocol)), "{way}");
    }
}

/// Its first connection can be frozen: it stays open and transfers nothing. Later ones work.
async fn freezer(target: std::net::SocketAddr, freeze: &watch::Sender<bool>) -> Receiver {
    let connections = Arc::new(AtomicUsize::new(0));
    let frozen = freeze.subscribe();
    Receiver::start(move |mut client, _| {
        let first = connections.fetch_add(1, Ordering::SeqCst) == 0;
        let mut frozen = frozen.clone();
        async move {
            let mut server = TcpStream::connect(target).await.unwrap();
            tokio::select! {
                _ = tokio::io::copy_bidirectional(&mut client, &mut server) => return,
                _ = frozen.wait_for(|frozen| *frozen && first) => {}
            }
            // Stays open until the test has ended.
            let _ = frozen.wait_for(|frozen| !*frozen).await;
        }
    })
    .await
}

#[tokio::test]
async fn a_connection_that_died_silently_does_not_fail_for_ever() {
    let (ways, receiver, _) = receiver(&["h2"], Answer::Fine).await;
    let address = receiver.address;
    let each = ways.iter().map(|(way, sender, _proxy)| async move {
        let (freeze, _) = watch::channel(false);
        let freezer = freezer(address, &freeze).await;
        let url = format!("https://localhost:{}/", freezer.address.port());
        assert_eq!(result(&send_to(sender, &url, LONG).await), (Some(200), None), "{way}");
        freeze.send_replace(true);
        assert_eq!(result(&send_to(sender, &url, LONG).await), (None, Some(ErrorClass::Timeout)), "{way}");
        assert_eq!(result(&send_to(sender, &url, LONG).await), (Some(200), None), "{way}");
        assert_eq!(freezer.connections(), 2, "{way}");
    });
    futures::future::join_all(each).await;
}
