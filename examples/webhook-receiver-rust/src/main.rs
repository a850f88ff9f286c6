//! A webhook receiver that verifies, deduplicates and answers fast (axum).
//!
//! ```text
//! WEBHOOK_SECRET=change-me PORT=8001 cargo run -p webhook-receiver-rust
//! ```
//!
//! `POST /webhook` takes deliveries, `GET /events` shows what was taken.

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// A delivery has a few KiB; nobody sends us more than this.
const BODY_BYTES_MAX: usize = 1 << 20;

/// Deliveries and events remembered: far more than can be retried at once.
const KEPT_MAX: usize = 10_000;

struct Receiver {
    secret: Option<String>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    seen: HashSet<String>,
    order: VecDeque<String>,
    events: VecDeque<Value>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let secret = std::env::var("WEBHOOK_SECRET").ok().filter(|secret| !secret.is_empty());
    let receiver = Arc::new(Receiver { secret, kept: Mutex::default() });
    let router = Router::new()
        .route("/webhook", post(webhook))
        .route("/events", get(events))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(receiver);
    let port: u16 = std::env::var("PORT").ok().map_or(Ok(8001), |port| port.parse())?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("receiver listens on http://{}", listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}

async fn webhook(
    State(receiver): State<Arc<Receiver>>,
    headers: HeaderMap,
    // The bytes as they came: a parsed and re-rendered body has another signature.
    body: Bytes,
) -> Result<Json<Value>, (StatusCode, &'static str)> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if let Some(secret) = &receiver.secret
        && !signature_is_valid(secret, &body, header("x-morag-signature"))
    {
        return Err((StatusCode::UNAUTHORIZED, "the signature does not match: is WEBHOOK_SECRET the server's?"));
    }
    let event = serde_json::from_slice(&body).map_err(|_| (StatusCode::BAD_REQUEST, "the body is not JSON"))?;
    // Only note it here, and work on it elsewhere: the server waits for this answer before it sends the next event.
    let new = receiver.kept.lock().unwrap_or_else(PoisonError::into_inner).take(header("x-morag-delivery"), event);
    Ok(Json(json!({ "status": if new { "received" } else { "duplicate" } })))
}

async fn events(State(receiver): State<Arc<Receiver>>) -> Json<Vec<Value>> {
    let kept = receiver.kept.lock().unwrap_or_else(PoisonError::into_inner);
    Json(kept.events.iter().cloned().collect())
}

impl Kept {
    /// Keeps an event unless its delivery is known: delivery is at least once, and a retry has the same id.
    fn take(&mut self, delivery: &str, event: Value) -> bool {
        if !self.seen.insert(delivery.to_owned()) {
            return false;
        }
        self.order.push_back(delivery.to_owned());
        self.events.push_back(event);
        if self.order.len() > KEPT_MAX {
            self.events.pop_front();
            if let Some(oldest) = self.order.pop_front() {
                self.seen.remove(&oldest);
            }
        }
        true
    }
}

fn signature_is_valid(secret: &str, body: &[u8], signature: &str) -> bool {
    let given = signature.strip_prefix("sha256=").and_then(|text| hex::decode(text).ok());
    let (Some(given), Ok(mut mac)) = (given, Hmac::<Sha256>::new_from_slice(secret.as_bytes())) else { return false };
    mac.update(body);
    // Compares in constant time: a difference in timing would tell an attacker how much of a guess is right.
    mac.verify_slice(&given).is_ok()
}
