//! Names without a response from the name server, and aliases (CNAME). Uses a DNS server over real sockets.

use super::receiver::{Receiver, read_request};
use super::{LONG, OK, both_ways, policy, request, result, send_to};
use morag_adapters::webhook_http::SenderOptions;
use morag_core::ports::WebhookSender as _;
use morag_core::webhook::ErrorClass;
use morag_tests::dns::DnsServer;
use std::sync::Arc;
use tokio::io::AsyncWriteExt as _;

/// A receiver that closes after each response, so that every attempt looks its name up.
async fn closing() -> Receiver {
    Receiver::start(|mut stream, _| async move {
        if read_request(&mut stream).await.is_some() {
            let answer = OK.replace("content-length", "connection: close\r\ncontent-length");
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    })
    .await
}

#[tokio::test]
async fn unresolvable_names_do_not_delay_other_receivers() {
    let (dns, receiver) = (DnsServer::start().await, closing().await);
    dns.silence("silent.example");
    dns.answer("known.example", &[&["127.0.0.1"]]);
    dns.answer("new.example", &[&["127.0.0.1"]]);
    let options = SenderOptions { lookup: dns.lookup(), ..SenderOptions::new(policy(&["127.0.0.0/8"])) };
    let url = |name: &str| format!("http://{name}:{}/", receiver.address.port());
    for (way, sender, _proxy) in both_ways(&options) {
        let sender = Arc::new(sender);
        assert_eq!(result(&send_to(&*sender, &url("known.example"), LONG).await), (Some(200), None), "{way}");
        let before = dns.unanswered_so_far();
        let silent: Vec<_> = (0..64)
            .map(|n| {
                let (sender, url) = (Arc::clone(&sender), url(&format!("n{n}.silent.example")));
                tokio::spawn(async move { sender.send(request(&url, LONG)).await })
            })
            .collect();
        dns.unanswered(before + 32).await;
        for name in ["known.example", "new.example"] {
            assert_eq!(result(&send_to(&*sender, &url(name), LONG).await), (Some(200), None), "{name}, {way}");
            assert!(silent.iter().all(|one| !one.is_finished()), "{name} waited for one of the others, {way}");
        }
        for one in silent {
            assert_eq!(result(&one.await.unwrap()), (None, Some(ErrorClass::Dns)), "{way}");
        }
    }
}

#[tokio::test]
async fn an_alias_is_judged_by_every_address_of_its_target() {
    let (dns, receiver) = (DnsServer::start().await, closing().await);
    dns.alias("hook.example", "target.example");
    let options = SenderOptions { lookup: dns.lookup(), ..SenderOptions::new(policy(&["127.0.0.0/8"])) };
    let url = format!("http://hook.example:{}/", receiver.address.port());
    for (way, sender, _proxy) in both_ways(&options) {
        let before = receiver.connections();
        dns.answer("target.example", &[&["127.0.0.1"], &["127.0.0.1", "10.0.0.1"], &["127.0.0.1", "fd00::1"]]);
        let mut outcomes = Vec::new();
        for _ in 0..3 {
            outcomes.push(result(&send_to(&sender, &url, LONG).await));
        }
        let refused = (None, Some(ErrorClass::AddressRefused));
        assert_eq!(outcomes, [(Some(200), None), refused, refused], "{way}");
        assert_eq!(receiver.connections(), before + 1, "{way}");
    }
}
