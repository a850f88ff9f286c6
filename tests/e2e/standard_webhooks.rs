//! Real deliveries, verified by the official packages of Standard Webhooks in three languages.

use morag_core::Secret;
use morag_core::webhook::standard_signature;
use morag_tests::clients::{document, feed, node, node_folder, script};
use morag_tests::receiver::{Received, Receiver};
use morag_tests::server::{Server, python};
use serde_json::{Value, json};
use std::process::Command;

/// The specification's example.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// The secret before a rotation: a receiver that still has it accepts every delivery too.
const PREVIOUS: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
const ANOTHER: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

async fn deliveries() -> Vec<Received> {
    let server = Server::start_with(&[("WEBHOOK_SECRET", SECRET), ("WEBHOOK_PREVIOUS_SECRET", PREVIOUS)]).await;
    let receiver = Receiver::start().await;
    server.submit("note.md", morag_fixtures::one_page_markdown(1), &[("webhook_url", &receiver.url)]).await;
    receiver.wait_for_end().await
}

/// Forged documents that an official package must refuse, each made from a genuine delivery.
fn forged(genuine: &Value) -> Vec<(&'static str, Value)> {
    let change = |what: &dyn Fn(&mut Value)| {
        let mut changed = genuine.clone();
        what(&mut changed);
        changed
    };
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    vec![
        ("another secret", change(&|one| one["secret"] = json!(ANOTHER))),
        ("another body", change(&|one| one["body"] = json!(text(&one["body"]).replacen("task_id", "task_iD", 1)))),
        ("another id", change(&|one| one["headers"]["webhook-id"] = json!("msg_1"))),
        ("an old time, although signed", {
            change(&|one| {
                let seconds = text(&one["headers"]["webhook-timestamp"]).parse::<i64>().expect("seconds") - 3600;
                let (id, body) = (text(&one["headers"]["webhook-id"]), text(&one["body"]));
                let signature = standard_signature(&Secret::new(SECRET), &id, seconds, body.as_bytes());
                one["headers"]["webhook-timestamp"] = json!(seconds.to_string());
                one["headers"]["webhook-signature"] = json!(signature);
            })
        }),
    ]
}

/// Every delivery, to be verified with the current secret and with the previous one.
fn genuine(received: &[Received]) -> Vec<Value> {
    let with = |secret| received.iter().map(move |one| document(secret, one));
    with(SECRET).chain(with(PREVIOUS)).collect()
}

/// Feeds every genuine delivery and every forged one to a package's script.
async fn check(command: Command) {
    let mut documents = genuine(&deliveries().await);
    let count = documents.len();
    let forged = forged(&documents[0]);
    documents.extend(forged.iter().map(|(_, document)| document.clone()));
    let said = feed(command, &documents);
    assert_eq!(said[..count], vec!["ok"; count]);
    for ((what, _), said) in forged.iter().zip(&said[count..]) {
        assert!(said.starts_with("refused"), "{what}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_package_of_pypi_verifies_every_delivery() {
    let mut command = Command::new(python());
    command.arg(script("standard_webhooks.py"));
    check(command).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_package_of_npm_verifies_every_delivery() {
    let mut command = node("standard_webhooks.mjs");
    command.arg(node_folder());
    check(command).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_crate_verifies_every_delivery() {
    let verify = |one: &Value| {
        let headers = one["headers"].as_object().expect("headers").iter();
        let headers: reqwest::header::HeaderMap = headers
            .map(|(name, value)| {
                let value = value.as_str().expect("a text").parse().expect("a header");
                (name.parse::<reqwest::header::HeaderName>().expect("a name"), value)
            })
            .collect();
        let webhook = standardwebhooks::Webhook::new(one["secret"].as_str().expect("a secret")).expect("a key");
        webhook.verify(one["body"].as_str().expect("a body").as_bytes(), &headers)
    };
    let genuine = genuine(&deliveries().await);
    for one in &genuine {
        verify(one).expect("a genuine delivery");
    }
    for (what, document) in forged(&genuine[0]) {
        assert!(verify(&document).is_err(), "{what}");
    }
}
