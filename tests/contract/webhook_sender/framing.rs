//! Responses that stretch or violate HTTP/1.1.

use super::receiver::{Receiver, read_request};
use super::{LONG, Make, OK, SHORT, local, request, result, send, send_to};
use morag_adapters::webhook_http::{HttpSender, SenderOptions};
use morag_core::ports::WebhookSender;
use morag_core::webhook::ErrorClass;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub async fn endless_interim_responses_are_refused<S: WebhookSender>(make: impl Make<S>) {
    for interim in ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"] {
        for every in [Duration::ZERO, Duration::from_millis(10)] {
            let mut receiver = Receiver::endless("", interim.as_bytes(), every).await;
            let outcome = send_to(&local(&make), &format!("http://{}/", receiver.address), LONG).await;
            assert_eq!(result(&outcome), (None, Some(ErrorClass::Protocol)), "{interim}");
            // And the connection is closed.
            receiver.report().await;
        }
    }
}

/// A host on its own thread sends interim responses as fast as they are read. The sender must notice, and the runtime's only thread must
/// still run other tasks.
#[tokio::test]
async fn interim_responses_do_not_block_the_runtime() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let flood = std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let mut stream = listener.accept().unwrap().0;
        // Bytes before the request would not count as its response.
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
        let interim = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(1000);
        // At most about a gigabyte, unless the connection is closed before.
        for _ in 0..23_000 {
            if stream.write_all(&interim).is_err() {
                return;
            }
        }
        panic!("all of it was taken");
    });
    let make = |policy, clock| HttpSender::new(SenderOptions::new(policy), clock).unwrap();
    let outcome = send_to(&local(&make), &url, LONG).await;
    assert_eq!(result(&outcome), (None, Some(ErrorClass::Protocol)));
    assert!(outcome.duration_ms < 10_000, "{outcome:?}");
    tokio::task::spawn_blocking(|| flood.join()).await.unwrap().unwrap();
}

pub async fn an_answer_may_follow_interim_ones<S: WebhookSender>(make: impl Make<S>) {
    let answer =
        format!("{}HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n{OK}", "HTTP/1.1 100 Continue\r\n\r\n".repeat(3));
    let outcome = send(&local(&make), &Receiver::answering(answer).await).await;
    assert_eq!((result(&outcome), outcome.excerpt.as_str()), ((Some(200), None), "fine"));
}

pub async fn switching_protocols_is_no_success<S: WebhookSender>(make: impl Make<S>) {
    let answer = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
    let outcome = send(&local(&make), &Receiver::answering(answer).await).await;
    assert!(outcome.status.is_none_or(|status| status == 101), "{outcome:?}");
}

pub async fn one_huge_header_is_refused<S: WebhookSender>(make: impl Make<S>) {
    let answer = format!("HTTP/1.1 200 OK\r\nx: {}\r\ncontent-length: 0\r\n\r\n", "y".repeat(1 << 20));
    let receiver = Receiver::answering(answer).await;
    assert_eq!(result(&send(&local(&make), &receiver).await), (None, Some(ErrorClass::Protocol)));
}

pub async fn invalid_chunks_are_protocol_errors<S: WebhookSender>(make: impl Make<S>) {
    for pieces in ["zz\r\nhalf\r\n", "-1\r\n", "ffffffffffffffffff\r\n", "4\r\nhalfXX", "4;\n", "\r\n"] {
        let answer = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{pieces}");
        let outcome = send(&local(&make), &Receiver::answering(answer).await).await;
        assert_eq!(result(&outcome), (Some(200), Some(ErrorClass::Protocol)), "{pieces:?}");
    }
}

pub async fn contradictory_lengths_are_protocol_errors<S: WebhookSender>(make: impl Make<S>) {
    for lengths in ["content-length: 4\r\ncontent-length: 5", "content-length: 4, 5", "content-length: x"] {
        let answer = format!("HTTP/1.1 200 OK\r\n{lengths}\r\n\r\nfine");
        let outcome = send(&local(&make), &Receiver::answering(answer).await).await;
        assert_eq!(result(&outcome), (None, Some(ErrorClass::Protocol)), "{lengths}");
    }
}

pub async fn data_after_a_response_is_ignored<S: WebhookSender>(make: impl Make<S>) {
    let sender = local(&make);
    let receiver = Receiver::answering(format!("{OK}HTTP/1.1 500 Smuggled\r\ncontent-length: 0\r\n\r\n")).await;
    for connections in 1..=3 {
        assert_eq!(result(&send(&sender, &receiver).await), (Some(200), None));
        assert_eq!(receiver.connections(), connections);
    }
}

pub async fn a_connection_that_is_to_close_is_not_used_again<S: WebhookSender>(make: impl Make<S>) {
    let sender = local(&make);
    let receiver = Receiver::answering("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 4\r\n\r\nfine").await;
    for connections in 1..=3 {
        assert_eq!(result(&send(&sender, &receiver).await), (Some(200), None));
        assert_eq!(receiver.connections(), connections);
    }
}

/// More than the buffers of the sockets.
const LARGE_BYTES: usize = 32 * 1024 * 1024;

pub async fn an_answer_may_come_before_the_body_was_read<S: WebhookSender>(make: impl Make<S>) {
    let receiver = Receiver::start(|mut stream, _| async move {
        let mut head = [0; 64];
        stream.read_exact(&mut head).await.unwrap();
        let _ = stream.write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 4\r\n\r\nmuch").await;
        // Stops reading, and waits until the sender closes the connection.
        let mut broken = stream.ready(tokio::io::Interest::WRITABLE).await.unwrap();
        while !broken.is_write_closed() && !broken.is_error() {
            broken = stream.ready(tokio::io::Interest::ERROR).await.unwrap();
        }
    })
    .await;
    let mut request = request(&format!("http://{}/", receiver.address), LONG);
    request.body = vec![b'x'; LARGE_BYTES].into();
    let outcome = local(&make).send(request).await;
    assert_eq!((result(&outcome), outcome.excerpt.as_str()), ((Some(413), None), "much"));
}

pub async fn a_body_of_some_mebibytes_arrives_whole<S: WebhookSender>(make: impl Make<S>) {
    const BYTES: usize = 5 * 1024 * 1024;
    let mut receiver = Receiver::start(|mut stream, reports| async move {
        let (mut head, mut read) = (Vec::new(), 0);
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let mut buffer = vec![0; 65536];
        while read < BYTES {
            let count = stream.read(&mut buffer).await.unwrap();
            assert!(count > 0 && buffer[..count].iter().all(|byte| *byte == b'x'));
            read += count;
        }
        let _ = reports.send(String::from_utf8(head).unwrap().to_lowercase());
        let _ = stream.write_all(OK.as_bytes()).await;
    })
    .await;
    let mut request = request(&format!("http://{}/", receiver.address), LONG);
    request.body = vec![b'x'; BYTES].into();
    assert_eq!(result(&local(&make).send(request).await), (Some(200), None));
    let head = receiver.report().await;
    assert!(head.contains(&format!("content-length: {BYTES}\r\n")) && !head.contains("expect"), "{head}");
}

pub async fn a_connection_that_died_silently_fails_one_attempt<S: WebhookSender>(make: impl Make<S>) {
    let connections = Arc::new(AtomicUsize::new(0));
    let receiver = Receiver::start(move |mut stream, _| {
        let first = connections.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            let mut answers = if first { 1 } else { usize::MAX };
            while read_request(&mut stream).await.is_some() {
                if answers > 0 {
                    answers -= 1;
                    let _ = stream.write_all(OK.as_bytes()).await;
                }
            }
        }
    })
    .await;
    let sender = local(&make);
    let url = format!("http://{}/", receiver.address);
    assert_eq!(result(&send_to(&sender, &url, LONG).await), (Some(200), None));
    assert_eq!(result(&send_to(&sender, &url, SHORT).await), (None, Some(ErrorClass::Timeout)));
    for _ in 0..2 {
        assert_eq!(result(&send_to(&sender, &url, LONG).await), (Some(200), None));
    }
    assert_eq!(receiver.connections(), 2);
}

/// What a receiver sends before it resets the connection.
async fn act(stream: &mut TcpStream, phase: &str) {
    match phase {
        "the request" => stream.readable().await.unwrap(),
        "the status line" => answer(stream, "HTTP/1.1 20").await,
        "the headers" => answer(stream, "HTTP/1.1 200 OK\r\ncontent-le").await,
        _ => answer(stream, "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await,
    }
}

async fn answer(stream: &mut TcpStream, text: &str) {
    let _ = read_request(stream).await;
    let _ = stream.write_all(text.as_bytes()).await;
}

pub async fn a_reset_in_each_phase_is_a_reset<S: WebhookSender>(make: impl Make<S>) {
    for phase in ["the request", "the status line", "the headers"] {
        let receiver = Receiver::start(move |mut stream, _| async move {
            act(&mut stream, phase).await;
            let _ = stream.set_zero_linger();
        })
        .await;
        assert_eq!(result(&send(&local(&make), &receiver).await), (None, Some(ErrorClass::Reset)), "{phase}");
    }
    // Closed in order, because a reset may overtake data that was sent before it.
    let receiver = Receiver::start(|mut stream, _| async move { act(&mut stream, "the body").await }).await;
    assert_eq!(result(&send(&local(&make), &receiver).await), (Some(200), Some(ErrorClass::Reset)));
    // During the TLS handshake.
    for orderly in [true, false] {
        let receiver = Receiver::start(move |mut stream, _| async move {
            let mut hello = [0; 5];
            stream.read_exact(&mut hello).await.unwrap();
            if !orderly {
                let _ = stream.set_zero_linger();
            }
        })
        .await;
        let outcome = send_to(&local(&make), &format!("https://{}/", receiver.address), LONG).await;
        assert_eq!(result(&outcome), (None, Some(ErrorClass::Reset)), "in the handshake");
    }
}
