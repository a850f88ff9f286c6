//! The contract of the port `WebhookSender`, against real sockets.

mod framing;
mod http2;
mod proxied;
mod rebinding;
mod receiver;
mod silent_names;
mod tls;
mod tls_receiver;

use async_trait::async_trait;
use framing::*;
use morag_adapters::webhook_http::{HttpSender, SenderOptions};
use morag_core::Timestamp;
use morag_core::ports::{Clock, UrlRefused, WebhookRequest, WebhookSender};
use morag_core::webhook::{AddressPolicy, AttemptOutcome, ErrorClass, WebhookUrl};
use morag_tests::connect_proxy::{Behaviour, ConnectProxy};
use receiver::{Receiver, read_request};
use std::sync::Arc;
use std::time::Duration;

/// Runs the suite against a backend. `$make` creates a sender from a policy and a clock.
macro_rules! suite {
    ($backend:ident, $make:expr) => {
        mod $backend {
            use super::*;
            suite!(@ $make; a_request_is_sent_as_it_was_made, an_answer_is_its_status_and_beginning,
                a_redirect_is_a_status, an_endless_response_is_read_in_part, a_dripping_body_ends_at_the_deadline,
                dripping_headers_end_at_the_deadline, a_silent_receiver_ends_at_the_deadline, endless_headers_are_refused,
                too_many_headers_are_refused, a_broken_connection_is_a_reset, an_answer_cut_short_is_no_success,
                a_refused_connection_is_a_connect_error, other_protocols_are_protocol_errors, a_plain_text_peer_is_a_tls_error, connections_are_used_again,
                nothing_is_remembered_between_requests, nothing_is_decompressed, localhost_is_reached_when_allowed,
                what_is_not_allowed_is_refused_without_a_connection, a_check_says_what_may_be_reached,
                an_unknown_name_is_a_dns_error, retry_after_is_read, a_header_that_cannot_be_sent_is_named_without_its_value,
                an_abandoned_attempt_closes_the_connection, endless_interim_responses_are_refused,
                an_answer_may_follow_interim_ones, switching_protocols_is_no_success, one_huge_header_is_refused,
                invalid_chunks_are_protocol_errors, contradictory_lengths_are_protocol_errors,
                data_after_a_response_is_ignored, a_connection_that_is_to_close_is_not_used_again,
                an_answer_may_come_before_the_body_was_read, a_body_of_some_mebibytes_arrives_whole,
                a_connection_that_died_silently_fails_one_attempt, a_reset_in_each_phase_is_a_reset);
        }
    };
    (@ $make:expr; $($test:ident),*) => {$(
        #[tokio::test]
        async fn $test() {
            super::$test($make).await;
        }
    )*};
}

suite!(http, |policy, clock| HttpSender::new(SenderOptions::new(policy), clock).unwrap());

suite!(http_through_a_proxy, |policy, clock| {
    let _proxy = ConnectProxy::start(Behaviour::Connect);
    let options = SenderOptions { proxy: Some(_proxy.url().parse().unwrap()), ..SenderOptions::new(policy) };
    Proxied { sender: HttpSender::new(options, clock).unwrap(), _proxy }
});

/// A sender with its proxy.
struct Proxied {
    sender: HttpSender,
    _proxy: ConnectProxy,
}

#[async_trait]
impl WebhookSender for Proxied {
    async fn check(&self, url: &WebhookUrl) -> Result<(), UrlRefused> {
        self.sender.check(url).await
    }

    async fn send(&self, request: WebhookRequest) -> AttemptOutcome {
        self.sender.send(request).await
    }
}

/// Senders with these options: directly, and through a proxy with this behaviour.
fn both_ways(options: &SenderOptions) -> [(&'static str, HttpSender, ConnectProxy); 2] {
    [("straight", false), ("through a proxy", true)].map(|(way, through)| {
        let proxy = ConnectProxy::start(Behaviour::Connect);
        let url = through.then(|| proxy.url().parse().unwrap());
        let options = SenderOptions { proxy: url, ..options.clone() };
        (way, HttpSender::new(options, Arc::new(FixedClock)).unwrap(), proxy)
    })
}

fn policy(allowed: &[&str]) -> AddressPolicy {
    AddressPolicy::new(allowed.iter().map(|network| network.parse().unwrap()).collect())
}

/// 1994-11-06T08:49:07Z, half a minute before the example of RFC 9110.
struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(784_111_747_000)
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine";

/// In every URL and in a header of every request: no outcome may contain it.
const SECRET: &str = "s3cr3t-t0ken";

/// A timeout that tests must not reach.
const LONG: Duration = Duration::from_secs(20);

/// A timeout that tests reach.
const SHORT: Duration = Duration::from_millis(300);

trait Make<S>: Fn(AddressPolicy, Arc<dyn Clock>) -> S {}
impl<S, F: Fn(AddressPolicy, Arc<dyn Clock>) -> S> Make<S> for F {}

fn sender<S: WebhookSender>(make: &impl Make<S>, allowed: &[&str]) -> S {
    make(policy(allowed), Arc::new(FixedClock))
}

fn local<S: WebhookSender>(make: &impl Make<S>) -> S {
    sender(make, &["127.0.0.0/8"])
}

fn request(url: &str, timeout: Duration) -> WebhookRequest {
    let headers = [("content-type", "application/json"), ("authorization", SECRET), ("x-morag-attempt", "1")];
    WebhookRequest {
        url: format!("{url}?token={SECRET}").parse().unwrap(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        body: bytes::Bytes::from_static(b"{\"a\":1}"),
        timeout,
    }
}

async fn send_to(sender: &impl WebhookSender, url: &str, timeout: Duration) -> AttemptOutcome {
    let outcome = sender.send(request(url, timeout)).await;
    assert!(!format!("{outcome:?}").contains(SECRET), "a secret is in {outcome:?}");
    assert!(outcome.excerpt.len() <= 1024 && !outcome.excerpt.chars().any(char::is_control), "{outcome:?}");
    assert!(outcome.duration_ms <= timeout.as_millis() as u64 + 2000, "{outcome:?}");
    outcome
}

async fn send(sender: &impl WebhookSender, receiver: &Receiver) -> AttemptOutcome {
    send_to(sender, &format!("http://{}/hook", receiver.address), LONG).await
}

fn result(outcome: &AttemptOutcome) -> (Option<u16>, Option<ErrorClass>) {
    (outcome.status, outcome.error)
}

async fn a_request_is_sent_as_it_was_made<S: WebhookSender>(make: impl Make<S>) {
    let mut receiver = Receiver::answering(OK).await;
    send(&local(&make), &receiver).await;
    let sent = receiver.report().await;
    let (head, body) = sent.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "{\"a\":1}");
    let mut lines = head.lines();
    assert_eq!(lines.next().unwrap(), format!("POST /hook?token={SECRET} HTTP/1.1"));
    let lines: Vec<String> = lines.map(str::to_lowercase).collect();
    for expected in [
        "content-type: application/json",
        "authorization: s3cr3t-t0ken",
        "x-morag-attempt: 1",
        "content-length: 7",
        &format!("host: {}", receiver.address),
    ] {
        assert_eq!(lines.iter().filter(|line| *line == expected).count(), 1, "{expected} in {lines:?}");
    }
    for unwanted in ["accept-encoding", "cookie", "expect", "proxy-", "referer", "transfer-encoding"] {
        assert!(!lines.iter().any(|line| line.starts_with(unwanted)), "{unwanted} in {lines:?}");
    }
}

async fn an_answer_is_its_status_and_beginning<S: WebhookSender>(make: impl Make<S>) {
    let sender = local(&make);
    for (answer, status, excerpt) in [
        (OK.as_bytes().to_vec(), 200, "fine".to_owned()),
        (b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(), 204, String::new()),
        (
            b"HTTP/1.1 500 Oh\r\ncontent-length: 8\r\n\r\nbr\x1bo\xffk\r\n".to_vec(),
            500,
            "br\\u{1b}o\u{fffd}k\\r\\n".to_owned(),
        ),
        (
            format!("HTTP/1.1 400 No\r\ncontent-length: 3000\r\n\r\n{}", "é".repeat(1500)).into_bytes(),
            400,
            "é".repeat(512),
        ),
    ] {
        let outcome = send(&sender, &Receiver::answering(answer).await).await;
        assert_eq!(result(&outcome), (Some(status), None));
        assert_eq!(outcome.excerpt, excerpt);
        assert_eq!(outcome.retry_after_ms, None);
    }
}

async fn a_redirect_is_a_status<S: WebhookSender>(make: impl Make<S>) {
    let target = Receiver::answering(OK).await;
    for status in [301, 302, 303, 307, 308] {
        let answer =
            format!("HTTP/1.1 {status} X\r\nlocation: http://{}/\r\ncontent-length: 0\r\n\r\n", target.address);
        let receiver = Receiver::answering(answer).await;
        assert_eq!(result(&send(&local(&make), &receiver).await), (Some(status), None));
        assert_eq!(receiver.connections(), 1);
    }
    assert_eq!(target.connections(), 0);
}

/// Upper limit of data in the socket buffers, also those of a proxy between: they are outside our control.
const SOCKET_BYTES: usize = 32 * 1024 * 1024;

async fn an_endless_response_is_read_in_part<S: WebhookSender>(make: impl Make<S>) {
    let mut receiver = Receiver::endless("HTTP/1.1 200 OK\r\n\r\n", &[b'x'; 65536], Duration::ZERO).await;
    let outcome = send(&local(&make), &receiver).await;
    assert_eq!(result(&outcome), (Some(200), None));
    assert_eq!(outcome.excerpt, "x".repeat(1024));
    let written: usize = receiver.report().await.parse().unwrap();
    assert!(written < SOCKET_BYTES, "{written} bytes were taken");
}

async fn a_dripping_body_ends_at_the_deadline<S: WebhookSender>(make: impl Make<S>) {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n";
    let mut receiver = Receiver::endless(head, b".", Duration::from_millis(10)).await;
    let outcome = send_to(&local(&make), &format!("http://{}/", receiver.address), SHORT).await;
    assert_eq!(result(&outcome), (Some(200), Some(ErrorClass::Timeout)));
    assert!(outcome.excerpt.starts_with('.'), "{outcome:?}");
    assert!(outcome.duration_ms >= SHORT.as_millis() as u64, "{outcome:?}");
    // And the connection is closed.
    receiver.report().await;
}

async fn dripping_headers_end_at_the_deadline<S: WebhookSender>(make: impl Make<S>) {
    let mut receiver = Receiver::endless("HTTP/1.1 200 OK\r\nx: ", b".", Duration::from_millis(10)).await;
    let outcome = send_to(&local(&make), &format!("http://{}/", receiver.address), SHORT).await;
    assert_eq!(result(&outcome), (None, Some(ErrorClass::Timeout)));
    assert!(outcome.duration_ms >= SHORT.as_millis() as u64, "{outcome:?}");
    receiver.report().await;
}

async fn a_silent_receiver_ends_at_the_deadline<S: WebhookSender>(make: impl Make<S>) {
    let receiver =
        Receiver::start(|mut stream, _| async move { while read_request(&mut stream).await.is_some() {} }).await;
    for scheme in ["http", "https"] {
        let outcome = send_to(&local(&make), &format!("{scheme}://{}/", receiver.address), SHORT).await;
        assert_eq!(result(&outcome), (None, Some(ErrorClass::Timeout)), "{scheme}");
    }
}

async fn endless_headers_are_refused<S: WebhookSender>(make: impl Make<S>) {
    let mut receiver = Receiver::endless("HTTP/1.1 200 OK\r\nx: ", &[b'x'; 65536], Duration::ZERO).await;
    assert_eq!(result(&send(&local(&make), &receiver).await), (None, Some(ErrorClass::Protocol)));
    let written: usize = receiver.report().await.parse().unwrap();
    assert!(written < SOCKET_BYTES, "{written} bytes were taken");
}

async fn too_many_headers_are_refused<S: WebhookSender>(make: impl Make<S>) {
    let answer = format!("HTTP/1.1 200 OK\r\n{}content-length: 0\r\n\r\n", "x: y\r\n".repeat(1000));
    let receiver = Receiver::answering(answer).await;
    assert_eq!(result(&send(&local(&make), &receiver).await), (None, Some(ErrorClass::Protocol)));
}

async fn a_broken_connection_is_a_reset<S: WebhookSender>(make: impl Make<S>) {
    // Closed in order without a response, and by a reset: closing with unread bytes sends one.
    let closing = Receiver::answering_once("").await;
    assert_eq!(result(&send(&local(&make), &closing).await), (None, Some(ErrorClass::Reset)));
    let resetting = Receiver::start(|stream, _| async move {
        stream.readable().await.unwrap();
        drop(stream);
    })
    .await;
    assert_eq!(result(&send(&local(&make), &resetting).await), (None, Some(ErrorClass::Reset)));
}

async fn an_answer_cut_short_is_no_success<S: WebhookSender>(make: impl Make<S>) {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ] {
        let outcome = send(&local(&make), &Receiver::answering_once(answer).await).await;
        assert_eq!(result(&outcome), (Some(200), Some(ErrorClass::Reset)));
        assert_eq!(outcome.excerpt, "half");
    }
}

async fn a_refused_connection_is_a_connect_error<S: WebhookSender>(make: impl Make<S>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    for scheme in ["http", "https"] {
        let outcome = send_to(&local(&make), &format!("{scheme}://{address}/"), LONG).await;
        assert_eq!(result(&outcome), (None, Some(ErrorClass::Connect)));
        assert!(!outcome.excerpt.is_empty());
    }
}

async fn other_protocols_are_protocol_errors<S: WebhookSender>(make: impl Make<S>) {
    for answer in
        ["SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 abc\r\n\r\n", "\0\0\0\0\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n"]
    {
        let outcome = send(&local(&make), &Receiver::answering_once(answer).await).await;
        assert_eq!(result(&outcome), (None, Some(ErrorClass::Protocol)), "{answer:?}");
    }
}

async fn a_plain_text_peer_is_a_tls_error<S: WebhookSender>(make: impl Make<S>) {
    let receiver = Receiver::start(|mut stream, _| async move {
        use tokio::io::AsyncWriteExt;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
        let _ = read_request(&mut stream).await;
    })
    .await;
    let outcome = send_to(&local(&make), &format!("https://{}/", receiver.address), LONG).await;
    assert_eq!(result(&outcome), (None, Some(ErrorClass::Tls)));
}

async fn connections_are_used_again<S: WebhookSender>(make: impl Make<S>) {
    let receiver = Receiver::answering(OK).await;
    let sender = local(&make);
    for _ in 0..20 {
        assert_eq!(result(&send(&sender, &receiver).await), (Some(200), None));
    }
    assert_eq!(receiver.connections(), 1);
}

async fn nothing_is_remembered_between_requests<S: WebhookSender>(make: impl Make<S>) {
    let answer = "HTTP/1.1 200 OK\r\nset-cookie: a=b\r\ncontent-length: 0\r\n\r\n";
    let mut receiver = Receiver::answering(answer).await;
    let sender = local(&make);
    for _ in 0..2 {
        send(&sender, &receiver).await;
        let sent = receiver.report().await.to_lowercase();
        assert!(!sent.contains("cookie"), "{sent}");
    }
}

async fn nothing_is_decompressed<S: WebhookSender>(make: impl Make<S>) {
    let answer = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 8\r\n\r\nnot gzip";
    let outcome = send(&local(&make), &Receiver::answering(answer).await).await;
    assert_eq!((result(&outcome), outcome.excerpt.as_str()), ((Some(200), None), "not gzip"));
}

async fn localhost_is_reached_when_allowed<S: WebhookSender>(make: impl Make<S>) {
    let receiver = Receiver::answering(OK).await;
    let port = receiver.address.port();
    for host in ["localhost", "LOCALHOST", "localhost.", "hook.localhost", "2130706433", "127.0.0.1"] {
        let outcome = send_to(&local(&make), &format!("http://{host}:{port}/"), LONG).await;
        assert_eq!(result(&outcome), (Some(200), None), "{host}");
    }
}

async fn what_is_not_allowed_is_refused_without_a_connection<S: WebhookSender>(make: impl Make<S>) {
    let receiver = Receiver::answering(OK).await;
    let port = receiver.address.port();
    let nothing_allowed = sender(&make, &[]);
    let other_allowed = sender(&make, &["10.0.0.0/8", "::1/128"]);
    for host in ["127.0.0.1", "0.0.0.0", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "[::]", "[64:ff9b::7f00:1]"] {
        for sender in [&nothing_allowed, &other_allowed] {
            let outcome = send_to(sender, &format!("http://{host}:{port}/"), LONG).await;
            assert_eq!(result(&outcome), (None, Some(ErrorClass::AddressRefused)), "{host}");
            assert!(!outcome.excerpt.is_empty());
        }
    }
    for host in ["localhost", "a.localhost", "LOCALHOST."] {
        for scheme in ["http", "https"] {
            let outcome = send_to(&nothing_allowed, &format!("{scheme}://{host}:{port}/"), LONG).await;
            assert_eq!(result(&outcome), (None, Some(ErrorClass::AddressRefused)), "{host}");
        }
    }
    assert_eq!(receiver.connections(), 0);
}

async fn a_check_says_what_may_be_reached<S: WebhookSender>(make: impl Make<S>) {
    let check = async |allowed: &[&str], url: &str| {
        let url: WebhookUrl = url.parse().unwrap();
        sender(&make, allowed).check(&url).await
    };
    for url in [
        "http://127.0.0.1/",
        "http://localhost/",
        "https://x.localhost:8443/a",
        "http://169.254.169.254/",
        "http://[::1]/",
    ] {
        let refused = check(&[], url).await.unwrap_err();
        assert!(refused.0.contains("WEBHOOK_ALLOW_NETWORKS"), "{refused}");
    }
    assert_eq!(check(&["127.0.0.0/8"], "http://localhost/").await, Ok(()));
    assert_eq!(check(&["127.0.0.0/8"], "http://127.0.0.1/").await, Ok(()));
    assert_eq!(check(&[], "https://8.8.8.8/").await, Ok(()));
    // The name does not resolve now, but each attempt looks it up again.
    assert_eq!(check(&[], "https://nobody.invalid/").await, Ok(()));
}

async fn an_unknown_name_is_a_dns_error<S: WebhookSender>(make: impl Make<S>) {
    let outcome = send_to(&local(&make), "http://nobody.invalid/", LONG).await;
    assert_eq!(result(&outcome), (None, Some(ErrorClass::Dns)));
}

async fn retry_after_is_read<S: WebhookSender>(make: impl Make<S>) {
    for (status, value, expected) in [
        (429, "7", Some(7_000)),
        (503, "Sun, 06 Nov 1994 08:49:37 GMT", Some(30_000)),
        (429, "0", Some(0)),
        (503, "Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
        (503, "31622401", None),
        (503, "soon", None),
        (503, "-1", None),
    ] {
        let answer = format!("HTTP/1.1 {status} Wait\r\nretry-after: {value}\r\ncontent-length: 0\r\n\r\n");
        let outcome = send(&local(&make), &Receiver::answering(answer).await).await;
        assert_eq!((outcome.status, outcome.retry_after_ms), (Some(status), expected), "{value}");
    }
}

async fn a_header_that_cannot_be_sent_is_named_without_its_value<S: WebhookSender>(make: impl Make<S>) {
    let receiver = Receiver::answering(OK).await;
    let mut request = request(&format!("http://{}/", receiver.address), LONG);
    request.headers.push(("x-own".into(), format!("{SECRET}\r\nevil: 1")));
    let outcome = local(&make).send(request).await;
    assert_eq!(result(&outcome), (None, Some(ErrorClass::Protocol)));
    assert!(outcome.excerpt.contains("x-own") && !outcome.excerpt.contains(SECRET), "{outcome:?}");
    assert_eq!(receiver.connections(), 0);
}

async fn an_abandoned_attempt_closes_the_connection<S: WebhookSender>(make: impl Make<S>) {
    let mut receiver = Receiver::start(|mut stream, reports| async move {
        let _ = reports.send(read_request(&mut stream).await.unwrap_or_default());
        let ended = read_request(&mut stream).await.is_none();
        let _ = reports.send(format!("ended: {ended}"));
    })
    .await;
    let sender = local(&make);
    let mut attempt = Box::pin(sender.send(request(&format!("http://{}/", receiver.address), LONG)));
    tokio::select! {
        outcome = &mut attempt => panic!("{outcome:?}"),
        request = receiver.report() => assert!(request.starts_with("POST")),
    }
    drop(attempt);
    assert_eq!(receiver.report().await, "ended: true");
}
