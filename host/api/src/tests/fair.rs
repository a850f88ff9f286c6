//! What one caller can take of what all share: of each thing, while one has all it can get, another is served.

use super::*;
use crate::testing::{Document, app_of};
use futures::FutureExt as _;
use morag_engine::config::digest_of;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longest wait for what must come: longer than a caller waits for its turn to look a name up.
const PATIENCE: Duration = Duration::from_secs(60);

const URL: &str = "https://docs.example/a.md";

/// A server with two callers.
struct Two(Arc<Server>);

impl Two {
    fn new() -> Self {
        Self::on(server(&[("MORAG_API_KEYS", "one,two")]))
    }

    fn on(server: Server) -> Self {
        let document = Document { pieces: vec![Ok(Bytes::from_static(b"# Hello\n"))], ..Document::default() };
        server.memory.network.web.lock().unwrap().insert(URL.into(), Ok(document));
        Self(Arc::new(server))
    }

    fn request(&self, key: &str, method: &str, path: &str, body: Body) -> impl Future<Output = Answer> + use<> {
        let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {key}"));
        let request = request.header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"));
        let (server, request) = (Arc::clone(&self.0), request.body(body).unwrap());
        async move { timeout(PATIENCE, server.send(request)).await.expect("an answer") }
    }

    fn get(&self, key: &str, path: &str) -> impl Future<Output = Answer> + use<> {
        self.request(key, "GET", path, Body::empty())
    }

    fn ingest_url(&self, key: &str) -> JoinHandle<Answer> {
        let body = json!({ "url": URL }).to_string();
        tokio::spawn(self.request(key, "POST", "/api/v1/ingest/url", body.into()))
    }

    /// Waits until so many fetches, look-ups and webhooks wait.
    async fn held(&self, count: usize) {
        let mut held = self.0.memory.network.held.subscribe();
        let all = held.wait_for(|held| *held == count);
        timeout(PATIENCE, all).await.expect("so many wait").unwrap();
    }
}

/// The answer says what is limited, and when to try again.
fn assert_refused(answer: &Answer, code: &str, says: &str) {
    assert_eq!((answer.status, answer.error().as_str()), (StatusCode::TOO_MANY_REQUESTS, code));
    assert!(answer.headers.contains_key("retry-after"));
    let text = answer.json()["error"].as_str().unwrap().to_owned();
    assert!(text.contains(says), "{text}");
}

#[tokio::test]
async fn streams_of_one_caller_leave_room_for_anothers() {
    let two = Two::new();
    let listen = async |key: &str| {
        let request = Request::get("/api/v1/events").header("authorization", format!("Bearer {key}"));
        two.0.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    };
    let mut streams = Vec::new();
    for _ in 0..256 {
        streams.push(listen("one").await);
        assert_eq!(streams.last().unwrap().status(), StatusCode::OK);
    }
    assert_refused(&two.get("one", "/api/v1/events").await, "too_many_listeners", "256 connections that listen");
    assert_eq!(listen("two").await.status(), StatusCode::OK);
    streams.pop();
    assert_eq!(listen("one").await.status(), StatusCode::OK, "what was given back is free again");
}

#[tokio::test]
async fn waits_of_one_caller_leave_room_for_anothers() {
    let two = Two::new();
    let task = two.0.memory.store.add(record(), vec![]);
    let path = format!("/api/v1/status/{task}?wait=60");
    let mut waiting: Vec<_> = (0..128).map(|_| Box::pin(two.get("one", &path))).collect();
    assert!(waiting.iter_mut().all(|one| one.now_or_never().is_none()), "each waits");
    assert_refused(&two.get("one", &path).await, "too_many_waits", "128 requests that wait");
    let process = form(&[("mode", "convert")], FILE);
    let refused = two.request("one", "POST", "/api/v1/process", process.into()).await;
    assert_refused(&refused, "too_many_waits", "128 requests that wait");
    assert_eq!(two.0.task_count(), 1, "what was told to come later has made no task");
    let mut others = Box::pin(two.get("two", &path));
    assert!((&mut others).now_or_never().is_none(), "it waits too");
    let happened = event(1, 0.0, EventKind::TaskStarted { retry: None });
    two.0.memory.store.append(task, vec![happened]);
    assert_eq!(others.await.status, StatusCode::OK);
    // Those who ask without waiting are asked for nothing.
    assert_eq!(two.get("one", &format!("/api/v1/status/{task}")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn fetches_of_one_caller_leave_room_for_anothers() {
    let two = Two::new();
    two.0.memory.network.holds.send_replace(true);
    let fetching: Vec<_> = (0..32).map(|_| two.ingest_url("one")).collect();
    two.held(32).await;
    assert_refused(&two.ingest_url("one").await.unwrap(), "too_many_fetches", "32 documents");
    let others = two.ingest_url("two");
    two.held(33).await;
    two.0.memory.network.holds.send_replace(false);
    assert_eq!(others.await.unwrap().status, StatusCode::OK);
    for one in fetching {
        assert_eq!(one.await.unwrap().status, StatusCode::OK);
    }
    assert_eq!(two.ingest_url("one").await.unwrap().status, StatusCode::OK);
}

#[tokio::test]
async fn look_ups_of_one_caller_wait_for_each_other_and_not_for_anothers() {
    let two = Two::new();
    two.0.memory.network.holds.send_replace(true);
    let submit = |key: &str, webhook: &str| {
        let form = form(&[("webhook_url", webhook)], FILE);
        tokio::spawn(two.request(key, "POST", "/api/v1/ingest/file", form.into()))
    };
    let looking: Vec<_> = (0..64).map(|_| submit("one", "https://slow.example/hook")).collect();
    two.held(64).await;
    let waits = submit("one", "https://fast.example/hook");
    assert_eq!(submit("two", "https://fast.example/hook").await.unwrap().status, StatusCode::OK);
    assert!(!waits.is_finished(), "it waits for its caller's other look-ups");
    assert_refused(&waits.await.unwrap(), "too_many_lookups", "64 names of webhooks");
    two.0.memory.network.holds.send_replace(false);
    for one in looking {
        assert_eq!(one.await.unwrap().status, StatusCode::OK);
    }
    assert_eq!(submit("one", "https://fast.example/hook").await.unwrap().status, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_batch_waits_once_for_its_turn_to_look_a_host_up() {
    let two = Two::new();
    two.0.memory.network.holds.send_replace(true);
    let form = form(&[("webhook_url", "https://slow.example/hook")], FILE);
    let submit = || tokio::spawn(two.request("one", "POST", "/api/v1/ingest/file", form.clone().into()));
    let _looking: Vec<_> = (0..64).map(|_| submit()).collect();
    two.held(64).await;
    let body = json!({"items": vec![json!({"url": URL}); 12], "webhook_url": "https://other.example/hook"});
    let request = Request::post("/api/v1/ingest/batch").header("authorization", "Bearer one");
    let request = request.header("content-type", "application/json").body(body.to_string().into()).unwrap();
    let start = tokio::time::Instant::now();
    let answer = two.0.send(request).await;
    let rejected = answer.json()["rejected"].as_array().unwrap().clone();
    assert!(rejected.len() == 12 && rejected.iter().all(|item| item["error_code"] == "too_many_lookups"));
    // Of the test's clock, on which a wait takes just its time: each item waited by itself before.
    assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
}

/// A `morag.toml` of callers, whose keys are their names, with their tenants, and of an endpoint `slow` of each tenant.
fn with_slow_endpoints(callers: &[(&str, &str)]) -> String {
    let caller = |(name, tenant): &(&str, &str)| {
        let digest = hex::encode(digest_of(name.as_bytes()));
        let of_tenant = if tenant.is_empty() { String::new() } else { format!("tenant = \"{tenant}\"\n") };
        let caller =
            format!("[[callers]]\nname = \"{name}\"\nkey_sha256 = \"{digest}\"\nscopes = [\"admin\"]\n{of_tenant}");
        let endpoint = "[[webhook_endpoints]]\nid = \"slow\"\nurl = \"https://slow.example/hook\"\nsecret = \"0123456789abcdef01234567\"\n";
        (caller, format!("{endpoint}{of_tenant}"))
    };
    let (callers, endpoints): (Vec<_>, std::collections::BTreeSet<_>) = callers.iter().map(caller).unzip();
    callers.into_iter().chain(endpoints).collect()
}

#[tokio::test]
async fn samples_of_one_tenant_with_any_number_of_keys_leave_places_to_anothers() {
    let keys = ["a-1", "a-2", "a-3", "a-4", "a-5"];
    // Without tenants each key is one to itself: a half, a quarter, and so on.
    for (tenants, first) in [(["a", "b"], 16), (["", ""], 16 + 8 + 4 + 2 + 1)] {
        let callers: Vec<_> = keys.map(|key| (key, tenants[0])).into_iter().chain([("b-1", tenants[1])]).collect();
        let memory = Arc::new(Memory::default());
        let app = app_of(&memory, &[], &with_slow_endpoints(&callers));
        let two = Two::on(Server { router: router(app), memory });
        two.0.memory.network.holds.send_replace(true);
        let try_out =
            |key: &str| tokio::spawn(two.request(key, "POST", "/api/v1/webhooks/endpoints/slow/test", Body::empty()));
        let mut held = Vec::new();
        for key in keys {
            // Each takes all it gets.
            loop {
                let (count, mut begun) = (held.len() + 1, two.0.memory.network.held.subscribe());
                let mut sample = try_out(key);
                tokio::select! {
                    answer = &mut sample => {
                        let says = if tenants[0].is_empty() { "You have " } else { "Your tenant has 16 endpoints" };
                        assert_refused(&answer.unwrap(), "too_many_tests", says);
                        break;
                    }
                    reached = timeout(PATIENCE, begun.wait_for(|held| *held == count)) => {
                        reached.expect("it is held").unwrap();
                        held.push(sample);
                    }
                }
            }
        }
        assert_eq!(held.len(), first, "{tenants:?}");
        let others = try_out("b-1");
        two.held(first + 1).await;
        two.0.memory.network.holds.send_replace(false);
        for one in held.into_iter().chain([others]) {
            assert_eq!(one.await.unwrap().status, StatusCode::OK);
        }
    }
}
