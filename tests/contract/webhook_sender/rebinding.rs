//! DNS rebinding: only the addresses that were checked are connected to. Uses a DNS server over real sockets.

use super::receiver::Receiver;
use super::{LONG, OK, both_ways, policy, result, send_to};
use morag_adapters::webhook_http::SenderOptions;
use morag_core::ports::WebhookSender as _;
use morag_core::webhook::ErrorClass;
use morag_tests::dns::DnsServer;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

/// Two addresses of this machine: one in an allowed network, one not.
const ALLOWED: &str = "127.0.1.1";
const PRIVATE: &str = "127.0.2.1";

struct Lab {
    dns: DnsServer,
    options: SenderOptions,
    allowed: Receiver,
    private: Receiver,
    url: String,
}

/// Two receivers on the same port of both addresses, which close after each response, so that every attempt connects.
async fn lab() -> Lab {
    let (allowed, private) = loop {
        let allowed = TcpListener::bind((ALLOWED, 0)).await.unwrap();
        let port = allowed.local_addr().unwrap().port();
        // The port may be in use at the other address: then another one is tried.
        if let Ok(private) = TcpListener::bind((PRIVATE, port)).await {
            break (allowed, private);
        }
    };
    let serve = |mut stream: tokio::net::TcpStream, _| async move {
        if super::receiver::read_request(&mut stream).await.is_some() {
            let answer = OK.replace("content-length", "connection: close\r\ncontent-length");
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    };
    let (allowed, private) = (Receiver::listen(allowed, serve), Receiver::listen(private, serve));
    let dns = DnsServer::start().await;
    let options = SenderOptions { lookup: dns.lookup(), ..SenderOptions::new(policy(&["127.0.1.0/24"])) };
    let url = format!("http://hook.example:{}/", allowed.address.port());
    Lab { dns, options, allowed, private, url }
}

#[tokio::test]
async fn the_address_that_was_checked_is_dialled() {
    let lab = lab().await;
    for (way, sender, proxy) in both_ways(&lab.options) {
        lab.dns.answer("hook.example", &[&[ALLOWED], &[PRIVATE]]);
        let before = lab.allowed.connections();
        assert_eq!(result(&send_to(&sender, &lab.url, LONG).await), (Some(200), None), "{way}");
        // One look-up, and its result was dialled, without another look-up in between.
        assert_eq!((lab.dns.lookups("hook.example"), lab.allowed.connections()), (1, before + 1), "{way}");
        let outcome = send_to(&sender, &lab.url, LONG).await;
        assert_eq!(result(&outcome), (None, Some(ErrorClass::AddressRefused)), "{way}");
        assert!(outcome.excerpt.contains("WEBHOOK_ALLOW_NETWORKS"), "{outcome:?}");
        assert_eq!((lab.dns.lookups("hook.example"), lab.private.connections()), (2, 0), "{way}");
        for asked in proxy.asked() {
            assert_eq!(asked.line, format!("CONNECT {} HTTP/1.1", lab.allowed.address));
        }
    }
}

#[tokio::test]
async fn changing_dns_answers_never_reach_private_addresses() {
    let lab = lab().await;
    for (way, sender, _proxy) in both_ways(&lab.options) {
        for n in 0..60 {
            // Each attempt starts anew: over 60 queries, one with the same 16-bit id would sometimes be taken for a repeated query. A
            // second look-up within an attempt would get the other answer.
            let (answers, expected) = match n % 3 {
                0 => ([&[ALLOWED][..], &[PRIVATE]], (Some(200), None)),
                _ => ([&[PRIVATE][..], &[ALLOWED]], (None, Some(ErrorClass::AddressRefused))),
            };
            lab.dns.answer("hook.example", &answers);
            assert_eq!(result(&send_to(&sender, &lab.url, LONG).await), expected, "{n}, {way}");
        }
        assert_eq!(lab.private.connections(), 0, "{way}");
    }
}

#[tokio::test]
async fn one_bad_address_refuses_the_name() {
    let lab = lab().await;
    let url = lab.url.parse().unwrap();
    for (way, sender, _proxy) in both_ways(&lab.options) {
        for answer in [
            &[ALLOWED, PRIVATE][..],
            &[PRIVATE, ALLOWED],
            &[ALLOWED, "::1"],
            &["8.8.8.8", "10.0.0.1"],
            &[ALLOWED, "::ffff:127.0.2.1"],
            &[ALLOWED, "64:ff9b::a9fe:a9fe"],
            &["169.254.169.254"],
        ] {
            lab.dns.answer("hook.example", &[answer]);
            assert!(sender.check(&url).await.is_err(), "{answer:?}, {way}");
            let outcome = send_to(&sender, &lab.url, LONG).await;
            assert_eq!(result(&outcome), (None, Some(ErrorClass::AddressRefused)), "{answer:?}, {way}");
        }
    }
    assert_eq!((lab.allowed.connections(), lab.private.connections()), (0, 0));
}

#[tokio::test]
async fn an_answer_that_changes_after_the_check_is_refused_at_connect() {
    let lab = lab().await;
    for (way, sender, proxy) in both_ways(&lab.options) {
        lab.dns.answer("hook.example", &[&["8.8.8.8", "2606:4700::1111"], &[PRIVATE]]);
        assert_eq!(sender.check(&lab.url.parse().unwrap()).await, Ok(()), "{way}");
        let outcome = send_to(&sender, &lab.url, LONG).await;
        assert_eq!(result(&outcome), (None, Some(ErrorClass::AddressRefused)), "{way}");
        assert_eq!((lab.private.connections(), proxy.asked()), (0, vec![]), "{way}");
    }
}

#[tokio::test]
async fn no_address_is_dns_and_too_many_are_refused() {
    let lab = lab().await;
    let many: Vec<String> = (1..=65).map(|last| format!("127.0.1.{last}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (way, sender, _proxy) in both_ways(&lab.options) {
        lab.dns.answer("hook.example", &[&[], &many]);
        assert_eq!(result(&send_to(&sender, &lab.url, LONG).await), (None, Some(ErrorClass::Dns)), "{way}");
        let outcome = send_to(&sender, &lab.url, LONG).await;
        assert_eq!(result(&outcome), (None, Some(ErrorClass::AddressRefused)), "{way}");
        assert_eq!(
            result(&send_to(&sender, "http://nobody.example/", LONG).await),
            (None, Some(ErrorClass::Dns)),
            "{way}"
        );
    }
    assert!(lab.dns.over_tcp() > 0, "the long answer came whole");
    assert_eq!(lab.allowed.connections(), 0);
}
