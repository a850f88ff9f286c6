//! A webhook receiver that verifies, deduplicates and answers fast (axum).
//!
//! ```text
//! WEBHOOK_SECRET=change-me PORT=8001 cargo run -p webhook-receiver-rust
//! ```
//!
//! `POST /webhook` takes deliveries, `GET /events` shows what was worked on.

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;

/// A delivery has a few KiB; nobody sends us more than this.
const BODY_BYTES_MAX: usize = 1 << 20;

/// Names remembered for deduplication, two a delivery: far more than can be retried at once.
const NAMES_MAX: usize = 20_000;

/// Deliveries that wait for the worker. When it is full we say 503, and the server tries again later.
const WAITING_MAX: usize = 1_000;

/// Events kept for `GET /events`.
const EVENTS_MAX: usize = 1_000;

/// Age at which a signed timestamp is refused, seconds: what was recorded cannot be replayed after it.
const TOLERANCE: u64 = 5 * 60;

/// Signatures read of one `webhook-signature`: a rotated secret adds one.
const SIGNATURES_MAX: usize = 16;

struct Receiver {
    secret: String,
    key: Vec<u8>,
    seen: Mutex<Seen>,
    events: Mutex<VecDeque<Value>>,
    /// The queue of a real receiver is on disk, or what waits in it is lost with the process.
    waiting: mpsc::Sender<Value>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let secret = std::env::var("WEBHOOK_SECRET").unwrap_or_default();
    let key = key_of(&secret)?;
    let (waiting, queue) = mpsc::channel(WAITING_MAX);
    let receiver = Arc::new(Receiver { secret, key, seen: Mutex::default(), events: Mutex::default(), waiting });
    tokio::spawn(work(receiver.clone(), queue));
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
) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if let Some(error) = receiver.why_refused(&body, header) {
        return (StatusCode::UNAUTHORIZED, Json(json!({ "error": error }))).into_response();
    }
    let Ok(event) = serde_json::from_slice(&body) else {
        return (StatusCode::BAD_REQUEST, "the body is not JSON").into_response();
    };
    // Delivery is at least once.
    let names = receiver.names_of(&body, header);
    let mut seen = lock(&receiver.seen);
    if seen.knows(&names) {
        return Json(json!({ "status": "duplicate" })).into_response();
    }
    // Only queue it here: the server waits for this answer before it sends the next event.
    if receiver.waiting.try_send(event).is_err() {
        return (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "5")], "busy").into_response();
    }
    // Noted after it was queued: a delivery that we said no to must come again.
    seen.note(names);
    Json(json!({ "status": "received" })).into_response()
}

async fn events(State(receiver): State<Arc<Receiver>>) -> Json<Vec<Value>> {
    Json(lock(&receiver.events).iter().cloned().collect())
}

/// Does with events, one after the other, what you want done with them.
async fn work(receiver: Arc<Receiver>, mut queue: mpsc::Receiver<Value>) {
    while let Some(event) = queue.recv().await {
        let mut events = lock(&receiver.events);
        events.push_back(event);
        if events.len() > EVENTS_MAX {
            events.pop_front();
        }
    }
}

/// What names a delivery. Only what is signed does: all else can be another when a recorded delivery is sent again.
struct Names {
    /// `webhook-id`, which is the same on retries; none where `X-MoRAG-Signature` alone holds: that signs only the body.
    id: Option<String>,
    /// Of the body.
    digest: String,
}

/// Deliveries that were taken, the latest of them.
#[derive(Default)]
struct Seen {
    /// Ids and digests of bodies, and whether the delivery had a signed id.
    names: HashMap<String, bool>,
    order: VecDeque<String>,
}

impl Seen {
    /// Whether it was taken before. Where it has no signed id, or had none when it was taken, its body tells.
    fn knows(&self, Names { id, digest }: &Names) -> bool {
        let body = self.names.get(digest);
        match id {
            Some(id) => self.names.contains_key(id) || body == Some(&false),
            None => body.is_some(),
        }
    }

    fn note(&mut self, Names { id, digest }: Names) {
        let has_id = id.is_some();
        for name in id.into_iter().chain([digest]) {
            if self.names.insert(name.clone(), has_id).is_none() {
                self.order.push_back(name);
            }
        }
        while self.order.len() > NAMES_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.names.remove(&oldest);
        }
    }
}

/// What Standard Webhooks signs with: what a `whsec_` secret encodes, any other as it is. Refuses what can be guessed.
fn key_of(secret: &str) -> Result<Vec<u8>, String> {
    let (key, least) = match secret.strip_prefix("whsec_") {
        Some(encoded) => match STANDARD.decode(encoded) {
            Ok(key) => (key, 24),
            Err(_) => return Err("WEBHOOK_SECRET begins with whsec_, and what follows is no base64".into()),
        },
        None => (secret.as_bytes().to_vec(), 8),
    };
    match key.len() < least {
        true => Err(format!(
            "set WEBHOOK_SECRET to the server's, of at least {least} bytes: without it anybody could send us events"
        )),
        false => Ok(key),
    }
}

impl Receiver {
    /// Why a delivery is not taken; none where it is the server's, and not too old.
    ///
    /// One of the two signatures is enough. `X-MoRAG-Signature` is of the body alone, so whoever recorded a delivery can send it
    /// again with another `X-MoRAG-Timestamp`: where that matters, take `webhook-signature` only.
    fn why_refused<'a>(&self, body: &[u8], header: impl Fn(&str) -> &'a str) -> Option<String> {
        let (morag, standard) = (header("x-morag-signature"), header("webhook-signature"));
        if morag.is_empty() && standard.is_empty() {
            return Some("unsigned: it has neither webhook-signature nor X-MoRAG-Signature".into());
        }
        let timestamp = if self.standard_holds(body, header("webhook-id"), header("webhook-timestamp"), standard) {
            header("webhook-timestamp")
        } else if self.morag_holds(body, morag) {
            header("x-morag-timestamp")
        } else {
            // For an HMAC both look alike: nobody can tell which it was.
            return Some(
                "wrong secret or changed body: is WEBHOOK_SECRET the server's, and the body as it came?".into(),
            );
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let is_fresh = timestamp.parse::<u64>().is_ok_and(|seconds| now.abs_diff(seconds) <= TOLERANCE);
        let old = format!("too old: its time is more than {TOLERANCE} seconds off: a replay, or a wrong clock");
        (!is_fresh).then_some(old)
    }

    /// What names a delivery that is not refused.
    fn names_of<'a>(&self, body: &[u8], header: impl Fn(&str) -> &'a str) -> Names {
        let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
        let is_signed = self.standard_holds(body, id, timestamp, header("webhook-signature"));
        let id = (is_signed && !id.is_empty()).then(|| id.to_owned());
        Names { id, digest: hex::encode(Sha256::digest(body)) }
    }

    /// `X-MoRAG-Signature`: the HMAC of the body, in hexadecimal.
    fn morag_holds(&self, body: &[u8], signature: &str) -> bool {
        let given = signature.strip_prefix("sha256=").and_then(|text| hex::decode(text).ok());
        given.is_some_and(|given| mac_is_valid(self.secret.as_bytes(), &[body], &given))
    }

    /// The three headers of Standard Webhooks, which sign id and time too. With a `whsec_` secret the crate `standardwebhooks`
    /// does the same.
    fn standard_holds(&self, body: &[u8], id: &str, timestamp: &str, signatures: &str) -> bool {
        let parts = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
        // There are several while a secret is rotated: whoever knows the old one or the new one finds theirs.
        let given = signatures.split(' ').take(SIGNATURES_MAX);
        let mut given = given.filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok());
        given.any(|given| mac_is_valid(&self.key, &parts, &given))
    }
}

/// Compares in constant time: a difference in timing would tell an attacker how much of a guess is right.
fn mac_is_valid(key: &[u8], parts: &[&[u8]], given: &[u8]) -> bool {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return false };
    parts.iter().for_each(|part| mac.update(part));
    mac.verify_slice(given).is_ok()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
