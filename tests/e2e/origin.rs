//! Credentials are sent only to the origin that they were given for.

use crate::endpoints_support::{create, deliver_all, patch, post, signed_by, submit, submit_with, wait_for};
use morag_tests::receiver::{Received, Receiver};
use morag_tests::server::Server;
use serde_json::{Value, json};

const TEST: &str = "/api/v1/webhooks/endpoints/crm/test";

fn credentials(one: &Received) -> [&str; 2] {
    ["authorization", "x-tenant"].map(|name| one.header(name))
}

/// Sends a sample to the endpoint, and returns the last delivery to a receiver.
async fn sample(server: &Server, receiver: &Receiver) -> Received {
    let answer = post(server, TEST, &Value::Null).await;
    assert_eq!((answer.status, &answer.body["delivered"]), (200, &json!(true)), "{}", answer.body);
    receiver.received().last().expect("a delivery").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_moves_to_another_origin_takes_no_credentials_along() {
    let (server, own, foreign) = tokio::join!(Server::start(), Receiver::start(), Receiver::start());
    let settings = json!({
        "id": "crm", "url": own.url, "auth_token": "t0ken", "headers": {"X-Tenant": "acme"},
        "secret": "a-secret-of-some-length",
    });
    create(&server, settings).await;
    assert_eq!(credentials(&sample(&server, &own).await), ["Bearer t0ken", "acme"]);

    let same = patch(&server, "crm", &json!({"url": format!("{}?x=1", own.url)})).await;
    assert_eq!((same.status, &same.body["dropped"]), (200, &json!([])), "{}", same.body);
    assert_eq!(credentials(&sample(&server, &own).await), ["Bearer t0ken", "acme"], "another path is the same origin");

    let moved = patch(&server, "crm", &json!({"url": foreign.url})).await;
    assert_eq!(moved.status, 200, "{}", moved.body);
    let came = sample(&server, &foreign).await;
    assert_eq!(credentials(&came), ["", ""], "credentials of another origin");
    assert!(signed_by(&came, &["a-secret-of-some-length"]), "the secret stays");
    assert_eq!(moved.body["dropped"], json!(["auth_token", "headers.x-tenant"]));
    assert_eq!((&moved.body["has_auth_token"], &moved.body["headers"]), (&json!(false), &json!([])));

    // Moved back, it still has none: they were deleted, not hidden.
    let back = patch(&server, "crm", &json!({"url": own.url, "headers": {"X-Tenant": "new"}})).await;
    assert_eq!((back.status, &back.body["dropped"]), (200, &json!([])), "{}", back.body);
    assert_eq!(credentials(&sample(&server, &own).await), ["", "new"]);
    let given = json!({"url": foreign.url, "auth_token": "f0r-the-foreign"});
    let given = patch(&server, "crm", &given).await;
    assert_eq!(given.body["dropped"], json!(["headers.x-tenant"]), "{}", given.body);
    assert_eq!(credentials(&sample(&server, &foreign).await), ["Bearer f0r-the-foreign", ""]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_again_to_another_url_has_no_credentials() {
    let (server, own, foreign) = tokio::join!(Server::start(), Receiver::start(), Receiver::start());
    let settings = json!({
        "id": "crm", "url": own.url, "auth_token": "t0ken", "headers": {"X-Tenant": "acme"}, "events": ["task_completed"],
    });
    create(&server, settings).await;
    let task = submit(&server, 1).await;
    own.wait_for_end().await;
    let deliveries = format!("/api/v1/tasks/{task}/deliveries");
    let log = wait_for(&server, &deliveries, |log| deliver_all(log, 1)).await;
    let resend = format!("{deliveries}/{}/resend", log["deliveries"][0]["delivery_id"].as_str().expect("an id"));
    let answer = post(&server, &resend, &json!({"url": foreign.url})).await;
    assert_eq!((answer.status, &answer.body["credentials_sent"]), (200, &json!(false)), "{}", answer.body);
    // Each resend starts only when the one before is settled.
    wait_for(&server, &deliveries, |log| deliver_all(log, 2)).await;
    let answer = post(&server, &resend, &Value::Null).await;
    assert_eq!((answer.status, &answer.body["credentials_sent"]), (200, &json!(true)), "{}", answer.body);
    // With both resends settled: a delivery in progress is not replayed.
    wait_for(&server, &deliveries, |log| deliver_all(log, 3)).await;
    let replay = json!({"since": "2020-01-01T00:00:00Z", "url": foreign.url});
    let answer = post(&server, "/api/v1/webhooks/endpoints/crm/replay", &replay).await;
    assert_eq!((answer.status, &answer.body["resent"]), (200, &json!(1)), "{}", answer.body);
    let came = foreign.wait_until(|all| all.len() == 2).await;
    assert!(came.iter().all(|one| credentials(one) == ["", ""]));
    let came = own.wait_until(|all| all.len() == 2).await;
    assert!(came.iter().all(|one| credentials(one) == ["Bearer t0ken", "acme"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tasks_token_goes_to_its_own_url_alone() {
    let (server, own, foreign) = tokio::join!(Server::start(), Receiver::start(), Receiver::start());
    own.answer_next([crate::endpoints_support::ack(500)]);
    let fields = [("webhook_url", own.url.as_str()), ("webhook_auth_token", "t0ken")];
    let task = submit_with(&server, 1, &fields).await;
    own.wait_until(|all| all.len() > 1).await;
    let deliveries = format!("/api/v1/tasks/{task}/deliveries");
    let is_settled = |log: &Value| log["deliveries"][0]["state"] == "delivered";
    let log = wait_for(&server, &deliveries, is_settled).await;
    let resend = format!("{deliveries}/{}/resend", log["deliveries"][0]["delivery_id"].as_str().expect("an id"));
    let answer = post(&server, &resend, &json!({"url": foreign.url})).await;
    assert_eq!((answer.status, &answer.body["credentials_sent"]), (200, &json!(false)), "{}", answer.body);
    let came = foreign.wait_until(|all| all.len() == 1).await;
    assert_eq!(came[0].header("authorization"), "");
    assert!(own.wait_for_end().await.iter().all(|one| one.header("authorization") == "Bearer t0ken"));
}
