//! A webhook receiver: prints one line for each webhook, verifies its signature, and serves the latest ones over HTTP.

use super::received::{Received, ReceivedLog, Signature};
use anyhow::Context as _;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use morag_client::line;
use morag_core::Secret;
use morag_core::ports::Clock as _;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Longest time to finish open requests after Ctrl-C: receiving a webhook takes milliseconds.
const DRAIN: Duration = Duration::from_secs(10);

/// Largest body in bytes. Most webhooks have a few KiB; one with long step data may have hundreds.
const BODY_MAX: usize = 8 << 20;

/// Shared state of the routes.
struct Receiver {
    secret: Option<Secret>,
    log: Mutex<ReceivedLog>,
}

impl Receiver {
    fn log(&self) -> std::sync::MutexGuard<'_, ReceivedLog> {
        // A panic under the lock leaves the log consistent.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Listens on `address` until Ctrl-C. With a secret, webhooks that are not signed with it are answered with 401.
pub async fn run(address: SocketAddr, secret: Option<Secret>) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}: choose another --port"))?;
    let bound = listener.local_addr().context("cannot read the listening address")?;
    line(format_args!("receiving webhooks at http://{bound}/webhook, listing them at http://{bound}/webhooks"));
    let interrupt = async {
        // If the signal handler cannot be installed, the receiver runs until it is killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    // There is usually one sender, so one peer may use all connections.
    let busy = Router::new().fallback(async || StatusCode::SERVICE_UNAVAILABLE);
    let site = morag_api::Site::new(router(secret), busy, morag_core::connections::CONNECTIONS_MAX, None);
    morag_api::serve(listener, site, interrupt, DRAIN).await?;
    Ok(())
}

fn router(secret: Option<Secret>) -> Router {
    let receiver = Arc::new(Receiver { secret, log: Mutex::default() });
    Router::new()
        .route("/webhook", post(receive))
        .route("/webhooks", get(list).delete(clear))
        .route("/webhooks/latest", get(latest))
        .route("/webhooks/clear", post(clear))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(receiver)
}

async fn receive(State(receiver): State<Arc<Receiver>>, headers: HeaderMap, body: Bytes) -> Response {
    let received_at = morag_adapters::SystemClock.now();
    let (signature, refused) = Signature::verify(receiver.secret.as_ref(), &headers, &body, received_at);
    let Ok(payload) = serde_json::from_slice::<Value>(&body) else {
        line(Signature::Absent.line(&json!({"event_type": "(not JSON)"})));
        return (StatusCode::BAD_REQUEST, Json(json!({"status": "error", "message": "not JSON"}))).into_response();
    };
    line(signature.line(&payload));
    if let Some(why) = &refused {
        line(format_args!("  {why}"));
    }
    receiver.log().push(Received::new(payload, received_at, &headers, signature, refused.clone()), body.len());
    match refused {
        Some(message) => {
            (StatusCode::UNAUTHORIZED, Json(json!({"status": "error", "message": message}))).into_response()
        }
        None => Json(json!({"status": "received"})).into_response(),
    }
}

async fn list(State(receiver): State<Arc<Receiver>>) -> Json<Value> {
    Json(json!(receiver.log().all()))
}

async fn latest(State(receiver): State<Arc<Receiver>>) -> Response {
    match receiver.log().latest() {
        Some(received) => Json(json!(received)).into_response(),
        None => (StatusCode::NOT_FOUND, Json(json!({"error": "no webhook received yet"}))).into_response(),
    }
}

async fn clear(State(receiver): State<Arc<Receiver>>) -> Json<Value> {
    receiver.log().clear();
    Json(json!({"status": "cleared"}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use morag_core::webhook::{sign, standard_signature};
    use tower::ServiceExt as _;

    async fn call(
        router: &Router,
        method: &str,
        path: &str,
        headers: &[(&str, String)],
        body: &str,
    ) -> (StatusCode, Value) {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let response = router.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), BODY_MAX).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    const BODY: &str = r#"{"event_type":"task_started","data":{"task_id":"t"}}"#;

    /// The headers of a server that signed with `secrets`, `ago` seconds ago.
    fn headers(secrets: &[&str], ago: i64, body: &str) -> Vec<(&'static str, String)> {
        let seconds = morag_adapters::SystemClock.now().as_seconds() - ago;
        let signature = |secret: &&str| standard_signature(&Secret::new(*secret), "msg_1", seconds, body.as_bytes());
        vec![
            ("x-morag-signature", sign(&Secret::new(secrets[0]), body.as_bytes())),
            ("x-morag-timestamp", seconds.to_string()),
            ("webhook-id", "msg_1".into()),
            ("webhook-timestamp", seconds.to_string()),
            ("webhook-signature", secrets.iter().map(signature).collect::<Vec<_>>().join(" ")),
        ]
    }

    #[tokio::test]
    async fn webhooks_are_verified_kept_and_forgotten() {
        let router = router(Some(Secret::new("the secret")));
        assert_eq!(call(&router, "GET", "/webhooks/latest", &[], "").await.0, StatusCode::NOT_FOUND);
        let good = headers(&["the secret"], 0, BODY);
        let during = headers(&["a newer one", "the secret"], 0, BODY);
        let (other, old) = (headers(&["another one"], 0, BODY), headers(&["the secret"], 301, BODY));
        let early = headers(&["the secret"], -400, BODY);
        let newline = format!("{BODY}\n");
        for (headers, body, status, why) in [
            (&good[..], BODY, StatusCode::OK, ""),
            (&good[..2], BODY, StatusCode::OK, ""),
            (&good[2..], BODY, StatusCode::OK, ""),
            (&during[..], BODY, StatusCode::OK, ""),
            (&[], BODY, StatusCode::UNAUTHORIZED, "unsigned"),
            (&other[..], BODY, StatusCode::UNAUTHORIZED, "wrong secret or changed body"),
            (&good[..], &newline, StatusCode::UNAUTHORIZED, "changed body: a newline was added at its end"),
            (&old[..], BODY, StatusCode::UNAUTHORIZED, "too old"),
            (&old[..2], BODY, StatusCode::UNAUTHORIZED, "too old"),
            (&early[..], BODY, StatusCode::UNAUTHORIZED, "time off by "),
        ] {
            let (said, answer) = call(&router, "POST", "/webhook", headers, body).await;
            assert_eq!(said, status, "{answer}");
            assert!(answer["message"].as_str().unwrap_or_default().starts_with(why), "{why}: {answer}");
        }
        let signed = headers(&["the secret"], 0, "nonsense");
        assert_eq!(call(&router, "POST", "/webhook", &signed, "nonsense").await.0, StatusCode::BAD_REQUEST);
        let (_, all) = call(&router, "GET", "/webhooks", &[], "").await;
        let signatures: Vec<_> = all.as_array().unwrap().iter().map(|one| one["signature"].as_str().unwrap()).collect();
        let words =
            ["valid", "valid", "valid", "valid", "missing", "invalid", "invalid", "too_old", "too_old", "time_off"];
        assert_eq!(signatures, words);
        assert_eq!(all[0]["payload"]["data"]["task_id"], "t");
        assert_eq!(all[0]["headers"]["x-morag-signature"], good[0].1);
        assert!(all[0]["refused"].is_null() && all[4]["refused"].as_str().unwrap().starts_with("unsigned"));
        assert_eq!(call(&router, "GET", "/webhooks/latest", &[], "").await.1["signature"], "time_off");
        call(&router, "POST", "/webhooks/clear", &[], "").await;
        assert_eq!(call(&router, "GET", "/webhooks", &[], "").await.1, json!([]));
    }

    #[tokio::test]
    async fn without_a_secret_everything_is_taken_and_nothing_is_verified() {
        let router = router(None);
        assert_eq!(call(&router, "POST", "/webhook", &[], BODY).await.0, StatusCode::OK);
        assert_eq!(
            call(&router, "POST", "/webhook", &[("x-morag-signature", "sha256=00".into())], BODY).await.0,
            StatusCode::OK
        );
        let (_, all) = call(&router, "GET", "/webhooks", &[], "").await;
        assert_eq!((&all[0]["signature"], &all[1]["signature"]), (&json!("absent"), &json!("absent")));
    }
}
