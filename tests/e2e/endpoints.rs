//! Named webhook endpoints: creating them, their deliveries, and recovery from failures.

use crate::endpoints_support::{
    Answer, ack, create, deliver_all, of_task, patch, post, sequences, signed_by, submit, submit_with, wait_for,
};
use axum::http::StatusCode;
use morag_tests::receiver::Receiver;
use morag_tests::server::Server;
use reqwest::Method;
use serde_json::{Value, json};
use std::process::Stdio;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_is_told_of_every_task_and_its_secret_is_shown_once() {
    let (server, receiver) = tokio::join!(Server::start(), Receiver::start());
    let url = format!("{}?key=query-s3cret", receiver.url);
    let settings = json!({
        "id": "crm", "url": url, "auth_token": "t0ken-s3cret", "headers": {"X-Tenant": "header-s3cret"},
        "description": "the CRM", "rate_limit": 1000,
    });
    let created = create(&server, settings).await;
    let secret = created["secret"].as_str().expect("a secret").to_owned();
    assert!(secret.starts_with("whsec_"), "{created}");
    assert_eq!((&created["source"], &created["version"]), (&json!("api"), &json!(1)));
    let task = submit(&server, 1).await;
    let received = receiver.wait_for_end().await;
    assert_eq!(sequences(&received), (1..=17).collect::<Vec<_>>());
    for one in &received {
        assert_eq!(one.header("authorization"), "Bearer t0ken-s3cret");
        assert_eq!(one.header("x-tenant"), "header-s3cret");
        assert!(signed_by(one, &[&secret]), "signed with the endpoint's own secret");
    }
    let id = one_id(&received[0]);
    assert!(one_header(&received[0], "webhook-id").contains(&id), "the id and the sequence are in what is signed");
    let shown = [
        server.get("/api/v1/webhooks/endpoints").await,
        server.get("/api/v1/webhooks/endpoints/crm/").await,
        server.get("/api/v1/webhooks/endpoints/crm/deliveries").await,
        server.get(&format!("/api/v1/tasks/{task}/deliveries")).await,
        server.get(&format!("/api/v1/webhooks/endpoints/crm/events?key={task}")).await,
        server.get(&format!("/api/v1/status/{task}/history")).await,
    ];
    for body in shown {
        let text = body.to_string();
        assert!(!text.contains("s3cret") && !text.contains(&secret), "{text}");
    }
    let data_dir = server.data_dir();
    let mut server = server;
    server.terminate().await;
    for file in std::fs::read_dir(data_dir).expect("the data folder") {
        let path = file.expect("an entry").path();
        let bytes = std::fs::read(&path).unwrap_or_default();
        for secret in ["t0ken-s3cret", "header-s3cret", secret.as_str(), secret.trim_start_matches("whsec_")] {
            let is_there = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!is_there, "{} has {secret} in clear", path.display());
        }
    }
}

fn one_id(one: &morag_tests::receiver::Received) -> String {
    one.header("x-morag-delivery").to_owned()
}

fn one_header(one: &morag_tests::receiver::Received, name: &str) -> String {
    one.header(name).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_are_validated_changed_listed_and_deleted() {
    let (server, receiver) = tokio::join!(Server::start(), Receiver::start());
    for (settings, status, code) in [
        (json!({}), 422, "validation_error"),
        (json!({"url": "http://10.0.0.1/"}), 422, "validation_error"),
        (json!({"url": receiver.url, "id": "task"}), 422, "validation_error"),
        (json!({"url": receiver.url, "colour": "red"}), 422, "validation_error"),
        (json!({"url": receiver.url, "headers": {"Authorization": "x"}}), 422, "validation_error"),
    ] {
        let answer = post(&server, "/api/v1/webhooks/endpoints", &settings).await;
        assert_eq!((answer.status, &answer.body["error_code"]), (status, &json!(code)), "{settings}");
    }
    create(&server, json!({"id": "a", "url": receiver.url, "events": ["task_*"]})).await;
    create(&server, json!({"id": "b", "url": receiver.url})).await;
    let again = post(&server, "/api/v1/webhooks/endpoints", &json!({"id": "a", "url": receiver.url})).await;
    assert_eq!((again.status, &again.body["error_code"]), (409, &json!("endpoint_exists")));
    let page = server.get("/api/v1/webhooks/endpoints?limit=1").await;
    assert_eq!((&page["endpoints"][0]["id"], &page["next_cursor"]), (&json!("a"), &json!("a")));
    let page = server.get("/api/v1/webhooks/endpoints?limit=1&cursor=a").await;
    assert_eq!((&page["endpoints"][0]["id"], &page["next_cursor"]), (&json!("b"), &Value::Null));

    let changed = patch(&server, "a", &json!({"rate_limit": 9, "version": 1})).await;
    assert_eq!((changed.status, &changed.body["version"], &changed.body["rate_limit"]), (200, &json!(2), &json!(9)));
    assert_eq!(changed.body["events"], json!(["task_*"]), "other fields do not change");
    let stale = patch(&server, "a", &json!({"rate_limit": null, "version": 1})).await;
    assert_eq!((stale.status, &stale.body["error_code"]), (412, &json!("version_mismatch")));
    let secret = patch(&server, "a", &json!({"secret": "0123456789abcdef0"})).await;
    assert_eq!(secret.status, 422);
    let removed = server.request(Method::DELETE, "/api/v1/webhooks/endpoints/a").send().await.expect("an answer");
    assert_eq!(removed.status(), 200);
    for (method, path) in [(Method::GET, ""), (Method::DELETE, ""), (Method::POST, "/test"), (Method::POST, "/recover")]
    {
        let path = format!("/api/v1/webhooks/endpoints/a{path}");
        let answer = server.request(method, &path).send().await.expect("an answer");
        assert_eq!(answer.status(), 404, "{path}");
    }
    let no_key =
        server.client.get(format!("{}/api/v1/webhooks/endpoints", server.url)).send().await.expect("an answer");
    assert_eq!(no_key.status(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_secret_signs_on_for_its_grace_time() {
    let (server, receiver) = tokio::join!(Server::start(), Receiver::start());
    let old = create(&server, json!({"id": "crm", "url": receiver.url})).await["secret"].clone();
    let rotated = post(&server, "/api/v1/webhooks/endpoints/crm/secret/rotate", &json!({"grace_hours": 1})).await;
    assert_eq!(rotated.status, 200, "{}", rotated.body);
    let (old, new) = (old.as_str().expect("text"), rotated.body["secret"].as_str().expect("text"));
    assert_ne!(old, new);
    submit(&server, 1).await;
    let received = receiver.wait_for_end().await;
    assert!(received.iter().all(|one| signed_by(one, &[new, old])), "both sign, the newest first");
    let own = json!({"grace_hours": 0, "secret": "my-own-secret-of-some-length"});
    let rotated = post(&server, "/api/v1/webhooks/endpoints/crm/secret/rotate", &own).await;
    assert_eq!(rotated.body["signing_secrets"], 1, "{}", rotated.body);
    let seen = receiver.received().len();
    submit(&server, 2).await;
    let received = receiver.wait_until(|all| of_end(&all[seen..]) == 1).await;
    assert!(received[seen..].iter().all(|one| signed_by(one, &["my-own-secret-of-some-length"])));
}

#[tokio::test(flavor = "multi_thread")]
async fn filtered_tasks_differ_from_unknown_tasks() {
    let server = Server::start().await;
    let before = submit(&server, 1).await;
    create(&server, json!({"id": "crm", "url": "http://127.0.0.1:8009/", "filter": {"department": "legal"}})).await;
    let left_out = submit(&server, 2).await;
    for (task, code) in [
        (before, "no_events_of_task"),
        (left_out, "no_events_of_task"),
        (morag_core::task::TaskId::random().to_string(), "task_not_found"),
    ] {
        let path = format!("/api/v1/webhooks/endpoints/crm/events?key={task}");
        let answer = server.request(Method::GET, &path).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 404);
        assert_eq!(answer.json::<Value>().await.expect("a body")["error_code"], code);
    }
}

fn of_end(received: &[morag_tests::receiver::Received]) -> usize {
    received.iter().filter(|one| one.event_type() == "task_completed").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_and_metadata_choose_what_an_endpoint_gets() {
    let (server, chosen, all) = tokio::join!(Server::start(), Receiver::start(), Receiver::start());
    let settings = json!({
        "url": chosen.url, "events": ["task.*"], "filter": {"tenant": "acme"}, "format": "envelope",
    });
    create(&server, settings).await;
    create(&server, json!({"url": all.url})).await;
    submit_with(&server, 1, &[("metadata", r#"{"tenant": "other"}"#)]).await;
    let task = submit_with(&server, 2, &[("metadata", r#"{"tenant": "acme", "more": 1}"#)]).await;
    all.wait_until(|received| of_end(received) == 2).await;
    let received = chosen.wait_for_end().await;
    let types: Vec<_> = received.iter().map(|one| one.event_type()).collect();
    assert_eq!(types, ["task_started", "task_progress", "task_progress", "task_progress", "task_completed"]);
    assert_eq!(sequences(&received), [1, 2, 3, 4, 5], "without gaps, whatever is left out");
    assert_eq!(of_task(&received, &task).len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_endpoint_gets_everything_in_order_when_it_is_enabled() {
    let (server, receiver, witness) = tokio::join!(Server::start(), Receiver::start(), Receiver::start());
    create(&server, json!({"id": "off", "url": receiver.url, "disabled": true})).await;
    create(&server, json!({"id": "on", "url": witness.url})).await;
    let tasks = [submit(&server, 1).await, submit(&server, 2).await];
    witness.wait_until(|received| of_end(received) == 2).await;
    assert!(receiver.received().is_empty());
    let server = server.kill_and_restart().await;
    assert_eq!(server.get("/api/v1/webhooks/endpoints/off").await["disabled_reason"], "manual");
    let enabled = patch(&server, "off", &json!({"disabled": false})).await;
    assert_eq!((enabled.status, &enabled.body["disabled"]), (200, &json!(false)));
    let received = receiver.wait_until(|received| of_end(received) == 2).await;
    for task in tasks {
        assert_eq!(sequences(&of_task(&received, &task)), (1..=17).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gone_disables_an_endpoint_and_another_is_told() {
    let (server, receiver, operator) = tokio::join!(Server::start(), Receiver::start(), Receiver::start());
    create(&server, json!({"id": "crm", "url": receiver.url})).await;
    let secret = create(&server, json!({"url": operator.url, "events": ["endpoint_disabled"]})).await["secret"].clone();
    receiver.answer_next([ack(200), ack(410)]);
    let task = submit(&server, 1).await;
    let told = operator.wait_until(|received| !received.is_empty()).await;
    assert_eq!(told[0].event_type(), "endpoint_disabled");
    let body = told[0].json();
    assert_eq!((&body["data"]["endpoint_id"], &body["data"]["reason"]), (&json!("crm"), &json!("gone")));
    assert!(signed_by(&told[0], &[secret.as_str().expect("text")]));
    let shown = server.get("/api/v1/webhooks/endpoints/crm").await;
    assert_eq!((&shown["disabled"], &shown["disabled_reason"]), (&json!(true), &json!("gone")));
    assert_eq!(receiver.received().len(), 2);
    server.wait_for_end(&task).await;
    patch(&server, "crm", &json!({"disabled": false})).await;
    let received = receiver.wait_for_end().await;
    assert_eq!(
        sequences(&received),
        [vec![1, 2], (2..=17).collect()].concat(),
        "nothing is lost, and what was refused comes again"
    );
    assert!(operator.received().iter().all(|one| one.event_type() == "endpoint_disabled"));
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_of_a_document_that_are_given_up_hand_on_the_turn() {
    let settings = [("MORAG_WEBHOOK_GIVE_UP_AFTER_HOURS", "4s"), ("WEBHOOK_RETRY_DELAY", "5")];
    let (server, receiver) = tokio::join!(Server::start_with(&settings), Receiver::start());
    receiver.answer_next((0..1000).map(|_| ack(500)));
    create(&server, json!({"id": "crm", "url": receiver.url, "order": "document"})).await;
    let fields = [("document_id", "doc-1"), ("replace_existing", "true")];
    let mut tasks = Vec::new();
    for number in 0..3 {
        let task = submit_with(&server, number, &fields).await;
        server.wait_for_end(&task).await;
        tasks.push(task);
    }
    for task in &tasks {
        wait_for(&server, &format!("/api/v1/tasks/{task}/deliveries"), |body| {
            let log = body["deliveries"].as_array().expect("a list");
            log.iter().filter(|one| one["state"] == "dead").count() == 17
        })
        .await;
    }
    receiver.answer_well();
    // Makes a delivery succeed, so that the endpoint counts as working before an event could be too old for a failing one.
    let log = server.get(&format!("/api/v1/tasks/{}/deliveries", tasks[0])).await;
    let dead = log["deliveries"][0]["delivery_id"].as_str().expect("an id").to_owned();
    let before = receiver.received().len();
    post(&server, &format!("/api/v1/tasks/{}/deliveries/{dead}/resend", tasks[0]), &Value::Null).await;
    let before = receiver.wait_until(|received| received.len() > before).await.len();
    submit_with(&server, 3, &fields).await;
    let received = receiver.wait_until(|received| of_end(&received[before.min(received.len())..]) == 1).await;
    assert_eq!(
        sequences(&received[before..]),
        (52..=68).collect::<Vec<_>>(),
        "the numbers of what was given up are left out"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waited_for_a_disabled_endpoint_is_sent_however_old_it_is() {
    let settings = [("MORAG_WEBHOOK_GIVE_UP_AFTER_HOURS", "4s"), ("WEBHOOK_RETRY_DELAY", "6")];
    let (server, receiver) = tokio::join!(Server::start_with(&settings), Receiver::start());
    receiver.answer_next((0..1000).map(|_| ack(500)));
    create(&server, json!({"id": "crm", "url": receiver.url})).await;
    let task = submit(&server, 1).await;
    receiver.wait_until(|received| !received.is_empty()).await;
    patch(&server, "crm", &json!({"disabled": true})).await;
    server.wait_for_end(&task).await;
    // The retry finds it disabled, and by then all of its events are too old for a failing endpoint.
    tokio::time::sleep(Duration::from_secs(7)).await;
    receiver.answer_well();
    let before = receiver.received().len();
    patch(&server, "crm", &json!({"disabled": false})).await;
    let received = receiver.wait_until(|received| of_end(received) == 1).await;
    assert_eq!(sequences(&received[before..]), (1..=17).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_only_fails_is_disabled() {
    let settings = [("MORAG_WEBHOOK_DISABLE_AFTER_HOURS", "2s"), ("WEBHOOK_MAX_RETRIES", "20")];
    let server = Server::start_with(&settings).await;
    let (receiver, operator) = tokio::join!(Receiver::start(), Receiver::start());
    create(&server, json!({"id": "crm", "url": receiver.url, "retry": {"max_retries": 20, "delay_seconds": 0.3}}))
        .await;
    create(&server, json!({"url": operator.url, "events": ["endpoint_disabled"]})).await;
    receiver.answer_next((0..200).map(|_| ack(500)));
    submit(&server, 1).await;
    let told = operator.wait_until(|received| !received.is_empty()).await;
    assert_eq!(told[0].json()["data"]["reason"], "failing");
    assert_eq!(server.get("/api/v1/webhooks/endpoints/crm").await["disabled_reason"], "failing");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_document_are_in_order_across_its_tasks_without_gaps() {
    let (server, receiver) = tokio::join!(Server::start(), Receiver::start());
    create(&server, json!({"id": "crm", "url": receiver.url, "order": "document"})).await;
    let fields = [("document_id", "doc-1"), ("replace_existing", "true")];
    let first = submit_with(&server, 1, &fields).await;
    server.wait_for_end(&first).await;
    let second = submit_with(&server, 2, &fields).await;
    let received = receiver.wait_until(|received| of_end(received) == 2).await;
    assert_eq!(sequences(&received), (1..=34).collect::<Vec<_>>());
    assert_eq!(sequences(&of_task(&received, &second)), (18..=34).collect::<Vec<_>>());
    for one in &received {
        let id = one.header("webhook-id");
        assert!(id.ends_with(&format!("_{}", one.header("x-morag-sequence"))), "{id}");
    }
    // A receiver that missed events requests them.
    let path = "/api/v1/webhooks/endpoints/crm/events";
    let pulled = server.get(&format!("{path}?document_id=doc-1&after=16&limit=3")).await;
    assert_eq!((&pulled["next_after"], &pulled["has_more"]), (&json!(19), &json!(true)), "{pulled}");
    for (place, event) in pulled["events"].as_array().expect("events").iter().enumerate() {
        let sent = &received[16 + place];
        assert_eq!(event["sequence"].as_u64(), Some(17 + place as u64));
        assert_eq!(event["delivery_id"], sent.header("x-morag-delivery"));
        assert_eq!((&event["state"], &event["body"]), (&json!("delivered"), &sent.json()));
    }
    let rest = server.get(&format!("{path}?key=doc-1&after=33")).await;
    assert_eq!((rest["events"].as_array().map(Vec::len), &rest["has_more"]), (Some(1), &json!(false)));
    let wrong = server.request(Method::GET, &format!("{path}?task_id={second}")).send().await.expect("an answer");
    assert_eq!(wrong.status(), 422);
    let log = server.get(&format!("/api/v1/tasks/{second}/deliveries")).await;
    assert_eq!(log["deliveries"][0]["sequence"], 18);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_is_pulled_by_its_sequence() {
    let (server, receiver) = tokio::join!(Server::start(), Receiver::start());
    create(&server, json!({"id": "crm", "url": receiver.url, "events": ["step_*"]})).await;
    create(&server, json!({"id": "off", "url": receiver.url, "events": ["task_*"], "disabled": true})).await;
    let task = submit(&server, 1).await;
    server.wait_for_end(&task).await;
    let received = receiver.wait_until(|received| received.len() == 12).await;
    let path = "/api/v1/webhooks/endpoints/crm/events";
    let pulled = server.get(&format!("{path}?key={task}&after=10")).await;
    let bodies: Vec<_> =
        pulled["events"].as_array().expect("events").iter().map(|event| event["body"].clone()).collect();
    assert_eq!(bodies, received[10..].iter().map(|one| one.json()).collect::<Vec<_>>());
    // No event was sent to this one yet, but its sequence numbers are known.
    let waiting = server.get(&format!("/api/v1/webhooks/endpoints/off/events?task_id={task}")).await;
    let states: Vec<_> =
        waiting["events"].as_array().expect("events").iter().map(|event| event["state"].clone()).collect();
    assert_eq!(states, vec![json!("pending"); 5]);
    let missing = server.request(Method::GET, path).send().await.expect("an answer");
    assert_eq!(missing.status(), 422);
    let unknown = server.request(Method::GET, &format!("{path}?key=nonsense")).send().await.expect("an answer");
    assert_eq!(unknown.status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_deliveries_are_listed_resent_and_recovered() {
    let server = Server::start_with(&[("WEBHOOK_MAX_RETRIES", "0")]).await;
    let receiver = Receiver::start().await;
    create(&server, json!({"id": "crm", "url": receiver.url})).await;
    receiver.answer_next([ack(500), ack(200), ack(404)]);
    let task = submit(&server, 1).await;
    receiver.wait_for_end().await;
    let path = "/api/v1/webhooks/endpoints/crm";
    let dead = wait_for(&server, &format!("{path}/deliveries?status=dead"), |body| body["count"] == 2).await;
    let statuses: Vec<_> = dead["deliveries"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["attempts"][0]["http_status"].clone())
        .collect();
    assert_eq!(statuses, [404, 500], "the latest first, with their attempts");
    let first = dead["deliveries"][1]["delivery_id"].as_str().expect("an id");
    let resent = post(&server, &format!("/api/v1/tasks/{task}/deliveries/{first}/resend"), &Value::Null).await;
    assert_eq!((resent.status, &resent.body["resend"]), (200, &json!(1)), "{}", resent.body);
    let received = receiver.wait_until(|received| received.len() == 18).await;
    let again = &received[17];
    assert_eq!(again.header("x-morag-delivery"), resent.body["delivery_id"]);
    assert_eq!((again.header("x-morag-sequence"), again.json()), ("1", received[0].json()));
    let recovered = post(&server, &format!("{path}/recover?since=2020-01-01T00:00:00Z"), &Value::Null).await;
    assert_eq!(
        (recovered.status, &recovered.body["resent"], &recovered.body["remaining"]),
        (200, &json!(1), &json!(0))
    );
    let received = receiver.wait_until(|received| received.len() == 19).await;
    assert_eq!(received[18].header("x-morag-sequence"), "3");
    wait_for(&server, &format!("{path}/deliveries?status=dead"), |body| body["count"] == 0).await;
    let log = wait_for(&server, &format!("/api/v1/tasks/{task}/deliveries"), |body| deliver_all(body, 19)).await;
    let of_first: Vec<_> = log["deliveries"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|one| one["sequence"] == 1)
        .map(|one| (one["resend"].clone(), one["state"].clone()))
        .collect();
    assert_eq!(of_first, [(json!(0), json!("resent")), (json!(1), json!("delivered"))]);
    let unknown = post(&server, &format!("/api/v1/tasks/{task}/deliveries/{task}/resend"), &Value::Null).await;
    assert_eq!((unknown.status, &unknown.body["error_code"]), (404, &json!("delivery_not_found")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_is_replayed_elsewhere_without_the_endpoints_token() {
    let (server, receiver, other) = tokio::join!(Server::start(), Receiver::start(), Receiver::start());
    let secret =
        create(&server, json!({"id": "crm", "url": receiver.url, "auth_token": "for-crm"})).await["secret"].clone();
    let task = submit(&server, 1).await;
    let received = receiver.wait_for_end().await;
    wait_for(&server, &format!("/api/v1/tasks/{task}/deliveries"), |body| deliver_all(body, 17)).await;
    // A disabled endpoint can be replayed elsewhere too: that is the usual case.
    patch(&server, "crm", &json!({"disabled": true})).await;
    let path = "/api/v1/webhooks/endpoints/crm/replay";
    for refused in
        [json!({}), json!({"since": "2020-01-01T00:00:00Z", "url": "http://10.0.0.1/"}), json!({"since": "soon"})]
    {
        assert_eq!(post(&server, path, &refused).await.status, 422, "{refused}");
    }
    let asked = json!({"since": "2020-01-01T00:00:00Z", "url": other.url, "status": "delivered"});
    let replayed = post(&server, path, &asked).await;
    assert_eq!((replayed.status, &replayed.body["resent"]), (200, &json!(17)), "{}", replayed.body);
    let there = other.wait_until(|received| received.len() == 17).await;
    let mut sequences = sequences(&there);
    sequences.sort_unstable();
    assert_eq!(sequences, (1..=17).collect::<Vec<_>>());
    assert!(there.iter().all(|one| one.header("authorization").is_empty()));
    assert!(there.iter().all(|one| signed_by(one, &[secret.as_str().expect("text")])));
    assert_eq!(receiver.received().len(), received.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_is_sent_now_and_its_outcome_told() {
    let (server, receiver) = tokio::join!(Server::start(), Receiver::start());
    let secret = create(&server, json!({"id": "crm", "url": receiver.url})).await["secret"].clone();
    let path = "/api/v1/webhooks/endpoints/crm/test";
    let sent = post(&server, path, &json!({"event_type": "task_failed"})).await;
    assert_eq!((sent.status, &sent.body["delivered"], &sent.body["http_status"]), (200, &json!(true), &json!(200)));
    let received = receiver.received();
    assert_eq!(received[0].event_type(), "task_failed");
    assert!(signed_by(&received[0], &[secret.as_str().expect("text")]));
    receiver.answer_next([ack(418)]);
    let refused = post(&server, path, &Value::Null).await;
    assert_eq!((&refused.body["delivered"], &refused.body["http_status"]), (&json!(false), &json!(418)));
    assert_eq!(post(&server, path, &json!({"event_type": "nonsense"})).await.status, 422);
    let dead = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    patch(&server, "crm", &json!({"url": format!("http://{dead}/")})).await;
    let failed = post(&server, path, &Value::Null).await;
    assert_eq!(
        (&failed.body["http_status"], &failed.body["error"]),
        (&Value::Null, &json!("connect")),
        "{}",
        failed.body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn with_another_secrets_key_webhooks_wait_and_the_log_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let receiver = Receiver::start().await;
    // Without this setting the server refuses to start with another key.
    let start = |key: &str, log: &str| {
        let log = std::fs::File::create(folder.path().join(log)).expect("a log file");
        let mut command = morag_tests::server::serve(&folder.path().join("data"));
        command.env("MORAG_SECRETS_KEY", key.repeat(32)).current_dir(folder.path()).env("RUST_LOG", "debug");
        command.env("MORAG_SECRETS_KEY_LOST", "true").env("MORAG_WEBHOOK_UNREADABLE_WAIT_SECONDS", "1");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        Answer::of_process(command)
    };
    let first = start("0a", "first.log").await;
    let created = first
        .post("/api/v1/webhooks/endpoints", &json!({"id": "crm", "url": receiver.url, "auth_token": "t0ken-s3cret"}))
        .await;
    assert_eq!(created.status, 201, "{}", created.body);
    let secret = created.body["secret"].as_str().expect("text").to_owned();
    first.kill().await;
    let second = start("0b", "second.log").await;
    let task = second.submit(1).await;
    second.wait_for_end(&task).await;
    let shown = second.get("/api/v1/webhooks/endpoints/crm").await;
    assert_eq!(shown["credentials_readable"], false);
    let log = || std::fs::read_to_string(folder.path().join("second.log")).expect("a log");
    wait_for_text(log, "is MORAG_SECRETS_KEY the one it was stored with").await;
    // Without a grace time the secret is replaced for good: tests/e2e/secrets_key.rs.
    let rotated = second.post("/api/v1/webhooks/endpoints/crm/secret/rotate", &json!({"grace_hours": 1})).await;
    assert_eq!((rotated.status, &rotated.body["error_code"]), (503, &json!("credentials_unreadable")));
    assert!(receiver.received().is_empty());
    second.kill().await;
    let third = start("0a", "third.log").await;
    // A waiting delivery is tried again after its time; it does not wait for an endpoint to be enabled.
    let received = receiver.wait_for_end().await;
    assert_eq!(sequences(&received), (1..=17).collect::<Vec<_>>());
    assert!(received.iter().all(|one| signed_by(one, &[&secret])));
    third.kill().await;
    for name in ["first.log", "second.log", "third.log"] {
        let text = std::fs::read_to_string(folder.path().join(name)).expect("a log");
        assert!(!text.contains("s3cret") && !text.contains(&secret), "{name} has a secret");
    }
}

async fn wait_for_text(read: impl Fn() -> String, text: &str) {
    let started = std::time::Instant::now();
    while !read().contains(text) {
        assert!(started.elapsed() < morag_tests::server::PATIENCE, "{text} is not in the log");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_of_the_file_get_events_and_cannot_be_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    let receiver = Receiver::start().await;
    let file = format!(
        "[[webhook_endpoints]]\nid = \"crm\"\nurl = \"{}\"\nsecret_env = \"CRM_SECRET\"\nevents = [\"task_completed\"]\n",
        receiver.url
    );
    std::fs::write(folder.path().join("morag.toml"), file).expect("a file");
    let mut command = morag_tests::server::serve(&folder.path().join("data"));
    command.env("CRM_SECRET", "from-the-environment").current_dir(folder.path());
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let server = Answer::of_process(command).await;
    let shown = server.get("/api/v1/webhooks/endpoints/crm").await;
    assert_eq!((&shown["source"], &shown["version"]), (&json!("config"), &json!(0)), "{shown}");
    for (method, path, body) in [
        (Method::PATCH, "", json!({"rate_limit": 1})),
        (Method::PATCH, "", json!({"disabled": true})),
        (Method::DELETE, "", Value::Null),
        (Method::POST, "/secret/rotate", Value::Null),
    ] {
        let answer = server.call(method, &format!("/api/v1/webhooks/endpoints/crm{path}"), &body).await;
        assert_eq!((answer.status, &answer.body["error_code"]), (409, &json!("configured_endpoint")), "{body}");
    }
    receiver.answer_next([ack(410)]);
    server.submit(1).await;
    receiver.wait_until(|received| received.len() == 1).await;
    server.wait_until("/api/v1/webhooks/endpoints/crm", |body| body["disabled_reason"] == "gone").await;
    let enabled = server.call(Method::PATCH, "/api/v1/webhooks/endpoints/crm", &json!({"disabled": false})).await;
    assert_eq!((enabled.status, &enabled.body["disabled"]), (200, &json!(false)), "{}", enabled.body);
    let received = receiver.wait_until(|received| received.len() == 2).await;
    assert!(signed_by(&received[1], &["from-the-environment"]));
    server.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_what_the_dashboard_asks_for() {
    let server = Server::start_with(&[("WEBHOOK_MAX_RETRIES", "0")]).await;
    let receiver = Receiver::start().await;
    create(&server, json!({"id": "crm", "url": receiver.url})).await;
    receiver.answer_next([ack(500)]);
    submit(&server, 1).await;
    receiver.wait_for_end().await;
    let response = server.client.get(format!("{}/metrics", server.url)).send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK.as_u16(), "it needs no key");
    let text = response.text().await.expect("a text");
    for line in [
        "morag_webhook_attempts_total{outcome=\"http_5xx\"} 1",
        "morag_webhook_settled_total{state=\"dead\"} 1",
        "morag_webhook_endpoints{state=\"enabled\"} 1",
        "morag_store_up 1",
        "morag_step_seconds_count{step=\"markdown_conversion\",plugin=\"text_conversion\",outcome=\"completed\"} 1",
        "morag_step_seconds_count{step=\"ingestion\",plugin=\"ingestion\",outcome=\"completed\"} 1",
        "morag_conversions_total{format=\"md\",outcome=\"completed\"} 1",
        "morag_store_commits_total{outcome=\"unavailable\"} 0",
        "morag_http_requests_total{method=\"POST\",route=\"/api/v1/ingest/file\",status=\"200\"} 1",
        "morag_component_compile_seconds_count{outcome=\"refused\"} 0",
    ] {
        assert!(text.lines().any(|known| known == line), "{line} is missing in {text}");
    }
    let value = |name: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} is missing in {text}")).parse().expect("a number")
    };
    assert!(value("morag_store_commits_total{outcome=\"committed\"}") >= 6.0, "one for each step: {text}");
    assert!(value("morag_store_commit_seconds_sum") > 0.0);
    assert!(value("process_resident_memory_bytes") > 1e6 && value("process_open_fds") > 3.0, "{text}");
    assert!(value("process_cpu_seconds_total") > 0.0 && value("process_start_time_seconds") > 1.7e9, "{text}");
    let loaded = ["compiled", "cached", "deferred"]
        .map(|outcome| value(&format!("morag_component_compile_seconds_count{{outcome=\"{outcome}\"}}")));
    assert!(loaded.iter().sum::<f64>() >= 10.0, "every standard component: {loaded:?}");
    let dashboard = include_str!("../../deploy/grafana/morag.json");
    let dashboard: Value = serde_json::from_str(dashboard).expect("a dashboard");
    let mut asked = Vec::new();
    for panel in dashboard["panels"].as_array().expect("panels") {
        for target in panel["targets"].as_array().into_iter().flatten() {
            asked.push(target["expr"].as_str().expect("a query").to_owned());
        }
    }
    assert!(asked.len() >= 10, "{asked:?}");
    for query in asked {
        let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let names = words.filter(|word| word.starts_with("morag_") || word.starts_with("process_"));
        for name in names {
            let is_there = text
                .lines()
                .any(|line| line.starts_with(&format!("{name}{{")) || line.starts_with(&format!("{name} ")));
            assert!(is_there, "the dashboard asks for {name}, which /metrics does not have");
        }
    }
}
