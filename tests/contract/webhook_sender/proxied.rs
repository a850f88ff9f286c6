//! Requests through a proxy, and the handling of its responses.

use super::receiver::Receiver;
use super::tls_receiver::{Answer, Authority, TlsReceiver};
use super::{FixedClock, LONG, OK, SHORT, policy, result, send_to};
use morag_adapters::webhook_http::{HttpSender, SenderOptions};
use morag_core::webhook::{AttemptOutcome, ErrorClass};
use morag_tests::connect_proxy::{Behaviour, ConnectProxy};
use morag_tests::dns::DnsServer;
use std::sync::Arc;
use std::time::Duration;

/// Password for the proxy: no outcome may contain it.
const PASSWORD: &str = "pr0xy-passw0rd";

fn through(proxy: &ConnectProxy, options: SenderOptions) -> HttpSender {
    let url = format!("http://user:{PASSWORD}@{}", proxy.address());
    HttpSender::new(SenderOptions { proxy: Some(url.parse().unwrap()), ..options }, Arc::new(FixedClock)).unwrap()
}

async fn public_name(options: SenderOptions, addresses: &[&str]) -> (DnsServer, SenderOptions) {
    let dns = DnsServer::start().await;
    dns.answer("hook.example", &[addresses]);
    let options = SenderOptions { lookup: dns.lookup(), ..options };
    (dns, options)
}

#[tokio::test]
async fn the_proxy_is_asked_for_the_checked_address_and_the_receiver_hears_the_name() {
    let mut receiver = Receiver::answering(OK).await;
    let proxy = ConnectProxy::start(Behaviour::ConnectTo(receiver.address));
    let (dns, options) = public_name(SenderOptions::new(policy(&[])), &["8.8.8.8"]).await;
    let sender = through(&proxy, options);
    for _ in 0..3 {
        assert_eq!(result(&send_to(&sender, "http://hook.example/a", LONG).await), (Some(200), None));
    }
    let asked = proxy.asked();
    assert_eq!((asked.len(), dns.lookups("hook.example")), (1, 1), "the connection is used again");
    assert_eq!(asked[0].line, "CONNECT 8.8.8.8:80 HTTP/1.1");
    assert_eq!(
        asked[0].headers,
        ["Host: 8.8.8.8:80".to_owned(), "Proxy-Authorization: Basic dXNlcjpwcjB4eS1wYXNzdzByZA==".to_owned()]
    );
    let request = receiver.report().await.to_lowercase();
    assert!(request.starts_with("post /a?token=") && request.contains("\r\nhost: hook.example\r\n"), "{request}");
    assert!(!request.contains("proxy-"), "{request}");
}

#[tokio::test]
async fn tls_goes_through_with_the_name() {
    let authority = Authority::new();
    for (protocols, addresses, target) in
        [(&["h2"][..], &["8.8.8.8"][..], "8.8.8.8:443"), (&["http/1.1"], &["2606:4700::1111"], "[2606:4700::1111]:443")]
    {
        let receiver = TlsReceiver::start(authority.issue("hook.example", false), protocols, Answer::Fine).await;
        let proxy = ConnectProxy::start(Behaviour::ConnectTo(receiver.address));
        let options = SenderOptions { extra_roots: vec![authority.certificate()], ..SenderOptions::new(policy(&[])) };
        let (_dns, options) = public_name(options, addresses).await;
        let sender = through(&proxy, options);
        for _ in 0..3 {
            let outcome = send_to(&sender, "https://hook.example/", LONG).await;
            assert_eq!(result(&outcome), (Some(200), None), "{outcome:?}");
        }
        let lines: Vec<String> = proxy.asked().into_iter().map(|asked| asked.line).collect();
        assert_eq!(lines, [format!("CONNECT {target} HTTP/1.1")]);
        for seen in receiver.seen() {
            assert_eq!((seen.server_name.as_deref(), seen.authority.as_str()), (Some("hook.example"), "hook.example"));
        }
    }
}

async fn outcome_of(behaviour: Behaviour, timeout: Duration) -> (AttemptOutcome, usize) {
    let proxy = ConnectProxy::start(behaviour);
    let (_dns, options) = public_name(SenderOptions::new(policy(&[])), &["8.8.8.8"]).await;
    let outcome = send_to(&through(&proxy, options), "https://hook.example/", timeout).await;
    assert!(!outcome.excerpt.contains(PASSWORD), "{outcome:?}");
    (outcome, proxy.asked().len())
}

#[tokio::test]
async fn a_refusing_proxy_is_a_connect_error_with_its_status() {
    for (answer, words) in [
        ("HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\npage", "answered 403 to CONNECT 8.8.8.8:443"),
        ("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n", "it wants credentials"),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n", "answered 502"),
        ("HTTP/1.1 301 Moved\r\nLocation: http://10.0.0.1/\r\n\r\n", "answered 301"),
        ("SSH-2.0-OpenSSH_9.2\r\n\r\n", "no valid answer"),
        ("HTTP/1.1 200 OK\r\n\r\nbytes that nobody asked for", "no valid answer"),
        ("HTTP/1.1 200", "no valid answer"),
        ("", "no valid answer"),
    ] {
        let (outcome, asked) = outcome_of(Behaviour::Answer(answer.into()), LONG).await;
        assert_eq!((result(&outcome), asked), ((None, Some(ErrorClass::Connect)), 1), "{answer}: {outcome:?}");
        assert!(outcome.excerpt.contains("WEBHOOK_PROXY") && outcome.excerpt.contains(words), "{outcome:?}");
    }
}

#[tokio::test]
async fn an_answer_of_a_proxy_without_end_is_refused() {
    let flood = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(1 << 20));
    let (outcome, _) = outcome_of(Behaviour::Answer(flood.into()), LONG).await;
    assert_eq!(result(&outcome), (None, Some(ErrorClass::Connect)), "{outcome:?}");
}

#[tokio::test]
async fn a_silent_proxy_ends_at_the_deadline() {
    let (outcome, asked) = outcome_of(Behaviour::Silent, SHORT).await;
    assert_eq!((result(&outcome), asked), ((None, Some(ErrorClass::Timeout)), 1));
}

#[tokio::test]
async fn a_missing_proxy_is_a_connect_error() {
    let proxy = ConnectProxy::start(Behaviour::Silent);
    let (_dns, options) = public_name(SenderOptions::new(policy(&[])), &["8.8.8.8"]).await;
    let sender = through(&proxy, options);
    drop(proxy);
    // The listener is closed when its task has ended.
    let outcome = loop {
        let outcome = send_to(&sender, "http://hook.example/", SHORT).await;
        if outcome.error != Some(ErrorClass::Timeout) {
            break outcome;
        }
    };
    assert_eq!(result(&outcome), (None, Some(ErrorClass::Connect)));
    assert!(outcome.excerpt.contains("WEBHOOK_PROXY"), "{outcome:?}");
}

#[tokio::test]
async fn what_is_private_is_refused_before_the_proxy_is_asked() {
    let proxy = ConnectProxy::start(Behaviour::Connect);
    let (_dns, options) = public_name(SenderOptions::new(policy(&[])), &["8.8.8.8", "10.0.0.1"]).await;
    let sender = through(&proxy, options);
    for host in ["hook.example", "localhost", "x.localhost.", "127.0.0.1", "2130706433", "[::1]", "[::ffff:10.0.0.1]"] {
        for scheme in ["http", "https"] {
            let outcome = send_to(&sender, &format!("{scheme}://{host}:8000/"), LONG).await;
            assert_eq!(result(&outcome), (None, Some(ErrorClass::AddressRefused)), "{scheme} {host}");
        }
    }
    assert!(proxy.asked().is_empty(), "{:?}", proxy.asked());
}
