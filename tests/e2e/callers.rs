//! Isolation of tenants: every route of the OpenAPI document is called for another tenant's data, on both stores.

use crate::ingest_url::{ALLOWED, Web};
use morag_adapters::store::sqlite::SqliteKnowledge;
use morag_core::ports::Knowledge as _;
use morag_core::task::{DocumentId, TenantId};
use morag_tests::receiver::Receiver;
use morag_tests::redis::{ACCEPT_LOSS, shared_single};
use morag_tests::server::{PATIENCE, Server, client};
use reqwest::multipart::{Form, Part};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use std::time::Instant;

/// SHA-256 of `key-of-a`, `key-of-b` and `key-of-reader`.
const DIGESTS: [(&str, &str, &str, &str); 3] = [
    ("a", "alpha", "admin", "ee063bb3d7270fdf6148f09dde510a5cf346c4aa4dd2ff4b2caec5348d799043"),
    ("b", "beta", "admin", "caad66a34f6dbd2c56b4fceb13caf74761aba0720534d6e33185edd493ea0f63"),
    ("reader", "alpha", "read", "36b25be79ab228d4616570f70a8298442d5a6b0b8a018d5324989f475ac43887"),
];

/// A caller with its key.
struct Caller<'a> {
    server: &'a Server,
    client: Client,
    key: &'static str,
}

impl<'a> Caller<'a> {
    fn new(server: &'a Server, key: &'static str) -> Self {
        Self { server, client: client(), key }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.server.url)).header("X-API-Key", self.key)
    }

    async fn send(&self, request: RequestBuilder) -> (u16, String) {
        let response = request.send().await.expect("an answer");
        (response.status().as_u16(), response.text().await.expect("a text"))
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let (status, text) = self.send(self.request(Method::GET, path)).await;
        (status, serde_json::from_str(&text).expect("a JSON body"))
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let (status, text) = self.send(self.request(Method::POST, path).json(body)).await;
        (status, serde_json::from_str(&text).expect("a JSON body"))
    }

    async fn ingest(&self, route: &str, fields: &[(&str, &str)], idempotency_key: &str) -> (u16, Value) {
        let mut form = Form::new().part("file", Part::bytes(morag_fixtures::one_page_markdown(7)).file_name("note.md"));
        for (name, value) in fields {
            form = form.text((*name).to_owned(), (*value).to_owned());
        }
        let request = self.request(Method::POST, route).header("Idempotency-Key", idempotency_key).multipart(form);
        let (status, text) = self.send(request).await;
        (status, serde_json::from_str(&text).expect("a JSON body"))
    }

    async fn wait_for(&self, task: &str) -> Value {
        let started = Instant::now();
        loop {
            let (status, body) = self.get(&format!("/api/v1/status/{task}")).await;
            assert_eq!(status, 200, "{body}");
            if matches!(body["status"].as_str(), Some("completed" | "failed" | "cancelled")) {
                return body;
            }
            assert!(started.elapsed() < PATIENCE, "{body}");
            // Polling is what a client of this API does; nothing depends on the pause.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    /// The deliveries of a task, once all are done.
    async fn delivered(&self, task: &str) -> Vec<Value> {
        let started = Instant::now();
        loop {
            let (_, log) = self.get(&format!("/api/v1/tasks/{task}/deliveries")).await;
            let deliveries = log["deliveries"].as_array().expect("a list").clone();
            // One to each of its two endpoints.
            if deliveries.len() == 2 && deliveries.iter().all(|one| one["state"] == "delivered") {
                return deliveries;
            }
            assert!(started.elapsed() < PATIENCE, "{log}");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}

fn morag_toml() -> String {
    let table = |(name, tenant, scope, digest): &(&str, &str, &str, &str)| {
        format!(
            "[[callers]]\nname = \"{name}\"\nkey_sha256 = \"{digest}\"\ntenant = \"{tenant}\"\nscopes = [\"{scope}\"]\n"
        )
    };
    DIGESTS.iter().map(table).collect()
}

/// A server on the store with this name.
async fn server(store: &str) -> Server {
    let (redis, prefix) = (shared_single().url(), format!("{}:", uuid::Uuid::new_v4()));
    let key = "00".repeat(32);
    let mut settings = vec![ALLOWED[0], ("MORAG_SECRETS_KEY", key.as_str())];
    if store == "redis" {
        settings.extend([("REDIS_URL", redis.as_str()), ("REDIS_KEY_PREFIX", prefix.as_str()), ACCEPT_LOSS]);
    }
    Server::start_with_file(&morag_toml(), &settings).await
}

/// Data of a tenant, of every kind.
struct Things {
    task: String,
    delivery: String,
    endpoint: &'static str,
}

async fn make(caller: &Caller<'_>, endpoint: &'static str, receiver: &Receiver) -> Things {
    for id in ["crm", endpoint] {
        let settings = json!({"id": id, "url": receiver.url, "events": ["task_completed"]});
        let (status, body) = caller.post("/api/v1/webhooks/endpoints", &settings).await;
        assert_eq!((status, &body["id"]), (201, &json!(id)), "a name is a tenant's own: {body}");
    }
    let fields = [("document_id", "report"), ("collection_name", "shared")];
    let (status, body) = caller.ingest("/api/v1/ingest/file", &fields, "first").await;
    assert_eq!(status, 200, "a document's id is a tenant's own: {body}");
    let task = body["task_id"].as_str().expect("an id").to_owned();
    assert_eq!(caller.wait_for(&task).await["status"], "completed");
    let deliveries = caller.delivered(&task).await;
    let delivery = deliveries[0]["delivery_id"].as_str().expect("an id").to_owned();
    Things { task, delivery, endpoint }
}

/// A route's path with another tenant's ids.
fn path_of(route: &str, of: &Things) -> String {
    let path = route.replace("{task_id}", &of.task).replace("{delivery_id}", &of.delivery);
    path.replace("{endpoint_id}", of.endpoint).replace("{filename}", "markdown.md")
}

/// The ids of another tenant's data.
fn secrets_of(of: &Things) -> [&str; 3] {
    [&of.task, &of.delivery, of.endpoint]
}

/// Calls one route as a caller with another tenant's ids.
async fn walk(caller: &Caller<'_>, own: &Things, other: &Things, method: &str, route: &str, web: &Web) {
    let said = format!("{method} {route}");
    let verb: Method = method.to_uppercase().parse().expect("a method");
    let path = path_of(route, other);
    // No response contains data of the other tenant.
    let nothing_of = |text: &str| {
        for id in secrets_of(other) {
            assert!(!text.contains(id), "{said} reveals {id}: {text}");
        }
    };
    match (method, route) {
        // Public routes without data of a tenant.
        ("get", "/health" | "/health/ready" | "/metrics" | "/api/v1/pipelines") => {
            let (status, text) = caller.send(caller.request(verb, &path)).await;
            assert_eq!(status, 200, "{said}");
            nothing_of(&text);
        }
        // Routes for the operator only.
        ("get", "/api/v1/plugins") | ("post", "/api/v1/plugins/reload") => {
            let (status, text) = caller.send(caller.request(verb, &path)).await;
            assert_eq!(status, 403, "{said}: {text}");
        }
        // Another tenant's task or endpoint in the path.
        (_, route) if route.contains("{task_id}") || route.contains("{endpoint_id}") => {
            let body = match route.rsplit('/').next() {
                Some("replay") => json!({"since": "2020-01-01T00:00:00Z"}),
                Some("{endpoint_id}") if method == "patch" => json!({"description": "taken over"}),
                _ => json!({}),
            };
            let query =
                if route.ends_with("{endpoint_id}/events") { format!("?key={}", own.task) } else { String::new() };
            let mut request = caller.request(verb, &format!("{path}{query}"));
            if method != "get" && method != "delete" {
                request = request.json(&body);
            }
            let (status, text) = caller.send(request).await;
            assert_eq!(status, 404, "{said}: {text}");
            // Its own endpoint with another tenant's task.
            if route.ends_with("{endpoint_id}/events") {
                let path = format!("/api/v1/webhooks/endpoints/crm/events?key={}", other.task);
                assert_eq!(caller.get(&path).await.0, 404, "{said}");
            }
        }
        // Lists.
        ("get", "/api/v1/status" | "/api/v1/status/events/recent" | "/api/v1/webhooks/endpoints") => {
            let (status, text) = caller.send(caller.request(verb, &path)).await;
            assert_eq!(status, 200, "{said}: {text}");
            nothing_of(&text);
            assert!(text.contains(&own.task) || text.contains(own.endpoint), "{said} tells of the own: {text}");
        }
        ("get", "/api/v1/status/stats/queues") => {
            let (status, body) = caller.get(&path).await;
            assert_eq!((status, &body["queues"]["deliveries"]), (200, &Value::Null), "{body}");
        }
        ("get", "/api/v1/events") => {
            let text = stream(caller, own).await;
            nothing_of(&text);
            assert!(text.contains(&own.task), "{text}");
        }
        ("post", "/api/v1/webhooks/endpoints") => {
            // An endpoint with the name of another tenant's is a new one of its own.
            let settings = json!({"id": other.endpoint, "url": "https://example.com/", "disabled": true});
            let (status, body) = caller.post(&path, &settings).await;
            assert_eq!((status, &body["version"]), (201, &json!(1)), "{body}");
            let path = format!("/api/v1/webhooks/endpoints/{}", other.endpoint);
            let (status, _) = caller.send(caller.request(Method::DELETE, &path)).await;
            assert_eq!(status, 200);
        }
        // The same idempotency key and request as another tenant's do not return the other's response.
        ("post", "/api/v1/ingest/file" | "/api/convert/process-ingest" | "/api/v1/process") => {
            let fields = [("document_id", "report"), ("collection_name", "shared"), ("replace_existing", "true")];
            let mode = if route == "/api/v1/process" { "convert" } else { "ingest" };
            let more = [("mode", mode), ("webhook_url", web.url.as_str())];
            let key = if route == "/api/v1/ingest/file" { "first" } else { "walk" };
            let fields: Vec<_> = fields.into_iter().chain(more).collect();
            let (status, body) = match key {
                // The same request as before, so that its own response is returned.
                "first" => caller.ingest(route, &fields[..2], key).await,
                _ => caller.ingest(route, &fields, key).await,
            };
            assert_eq!(status, 200, "{said}: {body}");
            nothing_of(&body.to_string());
            caller.wait_for(body["task_id"].as_str().expect("an id")).await;
        }
        ("post", "/api/v1/ingest/url" | "/api/v1/ingest/batch") => {
            let item = json!({"url": format!("{}/notes", web.url), "document_id": "report", "replace_existing": true});
            let body = if route.ends_with("batch") { json!({"items": [item]}) } else { item };
            let request = caller.request(verb, &path).header("Idempotency-Key", "walk").json(&body);
            let (status, text) = caller.send(request).await;
            assert_eq!(status, 200, "{said}: {text}");
            nothing_of(&text);
            let answer: Value = serde_json::from_str(&text).expect("a JSON body");
            let task = answer["task_id"].as_str().or(answer["task_ids"][0].as_str()).expect("an id").to_owned();
            caller.wait_for(&task).await;
        }
        _ => panic!("{said} is not covered here: add whose data it returns, and how other tenants are kept out"),
    }
}

/// The stream of all events from the beginning, until the tenant's own task has completed in it.
async fn stream(caller: &Caller<'_>, own: &Things) -> String {
    let request = caller.request(Method::GET, "/api/v1/events").header("Last-Event-ID", "0");
    let mut response = request.send().await.expect("an answer");
    assert_eq!(response.status().as_u16(), 200);
    let mut text = String::new();
    loop {
        let chunk = tokio::time::timeout(PATIENCE, response.chunk()).await.expect("something comes");
        text += &String::from_utf8_lossy(&chunk.expect("the stream goes on").expect("it has no end"));
        let is_end = |block: &str| block.contains("event: task_completed") && block.contains(&own.task);
        if text.split("\n\n").any(is_end) {
            return text;
        }
    }
}

async fn tenants_cannot_reach_each_others_things(store: &str) -> Server {
    let (server, web) = tokio::join!(server(store), Web::start());
    let (of_a, of_b) = (Receiver::start().await, Receiver::start().await);
    let (a, b, default) =
        (Caller::new(&server, "key-of-a"), Caller::new(&server, "key-of-b"), Caller::new(&server, "test-key"));
    let things_a = make(&a, "only-a", &of_a).await;
    let things_b = make(&b, "only-b", &of_b).await;
    assert_ne!(things_a.task, things_b.task, "the same Idempotency-Key, of two callers");
    let before = state(&a, &things_a).await;
    let deliveries = of_a.received().len();

    let document: Value = server
        .client
        .get(format!("{}/openapi.json", server.url))
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("a document");
    let mut routes = 0;
    for (route, item) in document["paths"].as_object().expect("paths") {
        for method in item.as_object().expect("methods").keys().filter(|name| *name != "parameters") {
            routes += 1;
            walk(&b, &things_b, &things_a, method, route, &web).await;
            // The default tenant is like the others: its admin does not see their data.
            if route.contains("{task_id}") || route.contains("{endpoint_id}") {
                let verb: Method = method.to_uppercase().parse().expect("a method");
                let body = json!({"since": "2020-01-01T00:00:00Z"});
                let request = default.request(verb, &path_of(route, &things_a)).json(&body);
                let (status, text) = default.send(request).await;
                let refused = status == 404 || (status == 422 && !text.contains(&things_a.task));
                assert!(refused, "{method} {route} of the default tenant: {status} {text}");
            }
        }
    }
    assert!(routes > 35, "{routes}");

    assert_eq!(state(&a, &things_a).await, before, "nothing of it has changed");
    assert_eq!(of_a.received().len(), deliveries, "and its receiver was told nothing more");
    let reader = Caller::new(&server, "key-of-reader");
    assert_eq!(reader.get(&format!("/api/v1/status/{}", things_a.task)).await.0, 200, "its own tenant's");
    let (status, body) = reader.get("/api/v1/webhooks/endpoints").await;
    assert_eq!((status, &body["error_code"], &body["scope"]), (403, &json!("missing_scope"), &json!("endpoints")));
    server
}

/// All data of a tenant that another one could have changed.
async fn state(caller: &Caller<'_>, things: &Things) -> Vec<Value> {
    let task = &things.task;
    let mut state = Vec::new();
    for path in [
        format!("/api/v1/status/{task}"),
        format!("/api/v1/status/{task}/history"),
        format!("/api/files/temp/{task}"),
        format!("/api/v1/tasks/{task}/deliveries"),
        "/api/v1/status".to_owned(),
        "/api/v1/webhooks/endpoints".to_owned(),
    ] {
        let (status, body) = caller.get(&path).await;
        assert_eq!(status, 200, "{path}: {body}");
        state.push(body);
    }
    state
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_of_the_embedded_store_leads_to_another_tenant() {
    let mut server = tenants_cannot_reach_each_others_things("embedded").await;
    assert!(server.terminate().await.success());
    // Both have stored a document with this id in a collection with this name, and one has replaced its own since.
    let knowledge = SqliteKnowledge::open(&server.data_dir().join("knowledge.db"), None).expect("the server's store");
    let document = DocumentId::try_from("report".to_owned()).expect("an id");
    for (tenant, has_some) in [("alpha", true), ("beta", true), ("default", false)] {
        let collection = tenant.parse::<TenantId>().expect("a tenant").collection("shared");
        let counts = knowledge.counts(&collection, Some(&document)).await.expect("counts");
        assert_eq!(counts.points > 0, has_some, "{collection}: {counts:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_of_redis_leads_to_another_tenant() {
    drop(tenants_cannot_reach_each_others_things("redis").await);
}
