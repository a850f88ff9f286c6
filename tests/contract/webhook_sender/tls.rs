//! Certificate validation.

use super::receiver::{Receiver, read_request};
use super::tls_receiver::{Answer, Authority, Identity, TlsReceiver};
use super::{LONG, both_ways, policy, result, send_to};
use morag_adapters::webhook_http::SenderOptions;
use morag_core::webhook::ErrorClass;
use tokio::io::AsyncWriteExt as _;

fn trusting(authority: &Authority) -> SenderOptions {
    SenderOptions { extra_roots: vec![authority.certificate()], ..SenderOptions::new(policy(&["127.0.0.0/8"])) }
}

/// Asserts that a receiver with this identity is refused with a TLS error, directly and through a proxy.
async fn refused(identity: impl Fn() -> Identity, options: &SenderOptions, why: &str) {
    for (way, sender, _proxy) in both_ways(options) {
        let receiver = TlsReceiver::start(identity(), &["h2", "http/1.1"], Answer::Fine).await;
        let outcome = send_to(&sender, &format!("https://localhost:{}/", receiver.address.port()), LONG).await;
        assert_eq!(result(&outcome), (None, Some(ErrorClass::Tls)), "{why}, {way}: {outcome:?}");
        assert!(outcome.excerpt.len() > "no TLS connection: ".len(), "{outcome:?}");
        assert!(receiver.seen().is_empty(), "a request went out: {why}, {way}");
    }
}

#[tokio::test]
async fn a_trusted_certificate_for_the_name_is_taken() {
    let authority = Authority::new();
    for name in ["localhost", "127.0.0.1"] {
        for (way, sender, _proxy) in both_ways(&trusting(&authority)) {
            let receiver = TlsReceiver::start(authority.issue(name, false), &[], Answer::Fine).await;
            let outcome = send_to(&sender, &format!("https://{name}:{}/", receiver.address.port()), LONG).await;
            assert_eq!(result(&outcome), (Some(200), None), "{name}, {way}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn a_certificate_signed_by_itself_is_refused() {
    let (trusted, own) = (Authority::new(), Authority::new());
    let options = trusting(&trusted);
    refused(|| own.issue("localhost", false), &options, "another authority").await;
    refused(
        || {
            let key = rcgen::KeyPair::generate().unwrap();
            let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
            let certificate = params.self_signed(&key).unwrap().der().clone();
            Identity { certificate, key: rustls::pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into()) }
        },
        &options,
        "signed by itself",
    )
    .await;
}

#[tokio::test]
async fn a_certificate_that_has_expired_is_refused() {
    let authority = Authority::new();
    refused(|| authority.issue("localhost", true), &trusting(&authority), "expired").await;
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let authority = Authority::new();
    for other in ["other.example", "127.0.0.1", "localhost.example"] {
        refused(|| authority.issue(other, false), &trusting(&authority), other).await;
    }
}

/// A ServerHello of TLS 1.0: RSA with AES-128-CBC and SHA-1, no extensions.
fn old_hello() -> Vec<u8> {
    let mut hello = vec![0x03, 0x01];
    hello.extend([7; 32]);
    hello.extend([0, 0x00, 0x2f, 0]);
    let mut message = vec![2, 0, 0, u8::try_from(hello.len()).unwrap()];
    message.extend(hello);
    let mut record = vec![22, 3, 1, 0, u8::try_from(message.len()).unwrap()];
    record.extend(message);
    record
}

#[tokio::test]
async fn old_versions_and_alerts_are_tls_errors() {
    let protocol_version_alert = vec![21, 3, 1, 0, 2, 2, 70];
    let handshake_failure_alert = vec![21, 3, 3, 0, 2, 2, 40];
    for answer in [old_hello(), protocol_version_alert, handshake_failure_alert, vec![0xff; 64]] {
        for (way, sender, _proxy) in both_ways(&SenderOptions::new(policy(&["127.0.0.0/8"]))) {
            let bytes = answer.clone();
            let receiver = Receiver::start(move |mut stream, _| {
                let bytes = bytes.clone();
                async move {
                    stream.readable().await.unwrap();
                    let _ = stream.write_all(&bytes).await;
                    let _ = read_request(&mut stream).await;
                }
            })
            .await;
            let outcome = send_to(&sender, &format!("https://{}/", receiver.address), LONG).await;
            assert_eq!(result(&outcome), (None, Some(ErrorClass::Tls)), "{answer:?}, {way}: {outcome:?}");
        }
    }
}
