//! Scopes, tenants, quotas and the audit log, on the app in memory. What two tenants can reach of each other, route by route and
//! on real stores, is in `tests/e2e/callers.rs`.

use super::*;
use crate::access::RULES;
use crate::testing::{Document, app_of};
use morag_core::caller::{OverQuota, Quota};
use morag_engine::config::digest_of;
use std::sync::Mutex;
use std::time::Duration;
use tracing_subscriber::fmt::MakeWriter;

fn table(name: &str, more: &str) -> String {
    let digest = hex::encode(digest_of(format!("key-of-{name}").as_bytes()));
    format!("[[callers]]\nname = \"{name}\"\nkey_sha256 = \"{digest}\"\n{more}\n")
}

fn server_of(tables: &[(&str, &str)]) -> Server {
    let memory = Arc::new(Memory::default());
    let file: String = tables.iter().map(|(name, more)| table(name, more)).collect();
    Server { router: router(app_of(&memory, &[("MORAG_API_KEYS", "test-api-key")], &file)), memory }
}

impl Server {
    /// A request with the key of a caller.
    async fn ask(&self, name: &str, method: &str, path: &str, body: impl Into<Body>) -> Answer {
        let request = Request::builder().method(method).uri(path).header("x-api-key", format!("key-of-{name}"));
        let request = request.header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"));
        self.send(request.body(body.into()).unwrap()).await
    }
}

/// A path with something in the place of each parameter.
fn filled(path: &str) -> String {
    let part = |part: &str| match part {
        "{task_id}" | "{delivery_id}" => TaskId::random().to_string(),
        part if part.starts_with('{') => "x".to_owned(),
        part => part.to_owned(),
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn each_scope_opens_its_routes_and_no_other() {
    let scopes = ["submit", "read", "endpoints", "admin"];
    let tables = scopes.map(|scope| (scope, format!("tenant = \"acme\"\nscopes = [\"{scope}\"]")));
    let tables: Vec<_> = tables.iter().map(|(name, more)| (*name, more.as_str())).collect();
    let server = server_of(&tables);
    let mut refused = 0;
    for (method, path, access) in RULES {
        // A stream never ends by itself.
        if path == "/api/v1/events" {
            continue;
        }
        for scope in scopes {
            let answer = server.ask(scope, method, &filled(path), "").await;
            let is_allowed = match access {
                crate::access::Access::Scope(needed) => scope == "admin" || scope == needed.as_str(),
                crate::access::Access::Operator => false,
            };
            assert_eq!(answer.status == StatusCode::FORBIDDEN, !is_allowed, "{method} {path} {scope}");
            if !is_allowed {
                refused += 1;
                assert_eq!(answer.error(), "missing_scope");
                let body = answer.json();
                let named = body["scope"].as_str().unwrap();
                assert!(body["error"].as_str().unwrap().contains(named), "{body}");
            }
        }
    }
    assert!(refused > RULES.len(), "{refused}");
}

#[tokio::test]
async fn another_tenants_task_is_none() {
    let admin = |tenant: &str| format!("tenant = \"{tenant}\"\nscopes = [\"admin\"]");
    let server = server_of(&[("a", &admin("a")), ("b", &admin("b"))]);
    let mut records = ["a", "b"].map(|tenant| TaskRecord { tenant: tenant.parse().unwrap(), ..record() });
    records.iter_mut().for_each(|record| record.id = TaskId::random());
    let [of_a, of_b] = records.map(|record| {
        let events = completed(record.id);
        server.memory.store.add(record, events)
    });
    for (name, own, other) in [("a", of_a, of_b), ("b", of_b, of_a)] {
        assert_eq!(server.ask(name, "GET", &format!("/api/v1/status/{own}"), "").await.status, StatusCode::OK);
        let foreign = server.ask(name, "GET", &format!("/api/v1/status/{other}"), "").await;
        assert_eq!((foreign.status, foreign.error().as_str()), (StatusCode::NOT_FOUND, "task_not_found"));
        let list = server.ask(name, "GET", "/api/v1/status", "").await.json();
        assert_eq!((&list["total_count"], &list["active_tasks"][0]["task_id"]), (&json!(1), &json!(own)));
    }
    for task in [of_a, of_b] {
        let of_default = server.get(&format!("/api/v1/status/{task}")).await;
        assert_eq!(of_default.error(), "task_not_found", "the default tenant is a tenant as the others are");
    }
}

#[tokio::test]
async fn a_task_is_its_callers_tenants() {
    let server = server_of(&[("a", "tenant = \"acme\"\nscopes = [\"submit\"]\nweight = 9")]);
    let answer = server.ask("a", "POST", "/api/v1/ingest/file", form(&[], FILE)).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    let record = server.memory.store.logs()[0].record.clone();
    assert_eq!(record.tenant.as_str(), "acme");
    assert_eq!(server.memory.store.flow.lock().unwrap().as_ref().unwrap().weight, 9);
}

#[tokio::test]
async fn a_caller_writes_to_its_collections_alone() {
    let server = server_of(&[("a", "scopes = [\"submit\"]\ncollections = [\"mine\"]")]);
    let ingest = async |fields: &[(&str, &str)]| {
        let answer = server.ask("a", "POST", "/api/v1/ingest/file", form(fields, FILE)).await;
        if answer.status == StatusCode::OK { "accepted".to_owned() } else { answer.error() }
    };
    assert_eq!(ingest(&[("collection_name", "mine")]).await, "accepted");
    assert_eq!(ingest(&[("collection_name", "others")]).await, "collection_not_allowed");
    assert_eq!(ingest(&[]).await, "collection_not_allowed", "the default collection is one too");
    assert_eq!(ingest(&[("pipeline", "convert")]).await, "accepted", "it stores nothing");
    assert_eq!(server.task_count(), 2);
}

#[tokio::test]
async fn over_a_quota_is_told_with_its_name_limit_and_reset() {
    let quotas = "tenant = \"a\"\nscopes = [\"admin\"]\n[callers.quotas]\nwaiting_tasks = 3\ntasks_per_day = 4\nstored_bytes = 20";
    let server = server_of(&[("a", quotas)]);
    let over = OverQuota { quota: Quota::TasksPerDay, limit: 4, resets_at: Some(morag_core::caller::next_day(NOW)) };
    *server.memory.store.accept_error.lock().unwrap() = Some(over.into());
    let answer = server.ask("a", "POST", "/api/v1/ingest/file", form(&[], FILE)).await;
    assert_eq!((answer.status, answer.error().as_str()), (StatusCode::TOO_MANY_REQUESTS, "quota_tasks_per_day"));
    // From 10:00 to midnight.
    assert_eq!(answer.headers["retry-after"], "50400");
    let body = answer.json();
    assert_eq!((&body["limit"], &body["resets_at"]), (&json!(4), &json!("2026-02-01T00:00:00.000Z")));
    // 8 bytes each.
    for expected in [StatusCode::OK, StatusCode::OK, StatusCode::FORBIDDEN] {
        let answer = server.ask("a", "POST", "/api/v1/ingest/file", form(&[], FILE)).await;
        assert_eq!(answer.status, expected);
        if expected == StatusCode::FORBIDDEN {
            assert_eq!(answer.error(), "quota_stored_bytes");
            assert!(!answer.headers.contains_key("retry-after"));
            assert_eq!(answer.json()["limit"], json!(20));
        }
    }
    assert_eq!(server.ingest(&[], FILE).await.status, StatusCode::OK, "another tenant's files count for it alone");
}

/// What was logged, as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    /// The lines of the audit log since the last look.
    fn audit(&self) -> Vec<String> {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap());
        String::from_utf8(bytes).unwrap().lines().filter(|line| line.contains(" audit: ")).map(str::to_owned).collect()
    }
}

fn logged() -> (Log, tracing::subscriber::DefaultGuard) {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(log.clone()).finish();
    (log, tracing::subscriber::set_default(subscriber))
}

#[tokio::test]
async fn every_change_is_in_the_audit_log() {
    let (log, _guard) = logged();
    let server = server_of(&[("ops", "tenant = \"acme\"\nscopes = [\"admin\"]")]);
    for (method, path, _) in RULES {
        if path == "/api/v1/events" {
            continue;
        }
        let target = filled(path);
        let answer = server.ask("ops", method, &target, "").await;
        let lines = log.audit();
        if method == "GET" {
            assert!(lines.is_empty(), "{method} {path} changes nothing: {lines:?}");
            continue;
        }
        let [line] = lines.as_slice() else { panic!("{method} {path}: {lines:?}") };
        let object = target.split('/').zip(path.split('/')).find(|(_, part)| part.starts_with('{'));
        let status = format!("status={}", answer.status.as_u16());
        for part in ["caller=\"ops\"", "tenant=\"acme\"", &format!("route=\"{method} {path}\""), &status] {
            assert!(line.contains(part), "{line} lacks {part}");
        }
        assert!(object.is_none_or(|(value, _)| line.contains(value)), "{line}");
        assert!(!line.contains("key-of-ops"), "{line}");
    }
    let answer = server.ask("ops", "POST", "/api/v1/ingest/file", form(&[], FILE)).await.json();
    let lines = log.audit();
    let task = answer["task_id"].as_str().unwrap();
    assert!(lines.len() == 1 && lines[0].contains(task) && lines[0].contains("outcome=\"done\""), "{lines:?}");
}

#[tokio::test]
async fn a_batch_of_which_nothing_was_taken_is_not_done() {
    let (log, _guard) = logged();
    let server = server_of(&[("ops", "scopes = [\"submit\"]")]);
    let batch = async |body: &'static str| {
        let request = Request::post("/api/v1/ingest/batch").header("x-api-key", "key-of-ops");
        let request = request.header("content-type", "application/json").body(Body::from(body)).unwrap();
        let answer = server.send(request).await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
        (answer.json()["task_ids"].as_array().unwrap().len(), log.audit().remove(0))
    };
    let (accepted, line) =
        batch(r#"{"items": [{"url": "http://private.example:1/"}, {"url": "ftp://e.com/a"}]}"#).await;
    assert_eq!(accepted, 0);
    assert!(line.contains("outcome=\"rejected\"") && line.contains("status=200"), "{line}");
    let document = Document { pieces: vec![Ok("# One".into())], ..Document::default() };
    server.memory.network.web.lock().unwrap().insert("https://e.com/a.md".into(), Ok(document));
    let (accepted, line) = batch(r#"{"items": [{"url": "https://e.com/a.md"}, {"url": "ftp://e.com/a"}]}"#).await;
    assert!(accepted == 1 && line.contains("outcome=\"done\""), "{line}");
}

#[tokio::test]
async fn a_full_disk_is_one_warning_and_not_an_error_for_each_request() {
    let (log, _guard) = logged();
    let server = server_of(&[("ops", "scopes = [\"submit\"]")]);
    *server.memory.disk_misses.lock().unwrap() = 5 << 20;
    for _ in 0..3 {
        let answer = server.ask("ops", "POST", "/api/v1/ingest/file", form(&[], FILE)).await;
        assert_eq!(answer.error(), "disk_full");
    }
    let free = server.get("/metrics").await;
    let free = String::from_utf8(free.body.to_vec()).unwrap();
    assert!(free.lines().any(|line| line == format!("morag_disk_free_bytes {}", 251 << 20)), "{free}");
    *server.memory.disk_misses.lock().unwrap() = 0;
    assert_eq!(server.ask("ops", "POST", "/api/v1/ingest/file", form(&[], FILE)).await.status, StatusCode::OK);
    let bytes = std::mem::take(&mut *log.0.lock().unwrap());
    let lines = String::from_utf8(bytes).unwrap();
    let of = |level: &str| lines.lines().filter(|line| line.contains(level) && line.contains("disk")).count();
    assert_eq!((of("ERROR"), of(" WARN "), lines.matches("free again").count()), (0, 1, 1), "{lines}");
}

#[tokio::test]
async fn refused_keys_are_in_the_audit_log_and_a_flood_is_a_count() {
    let (log, _guard) = logged();
    let memory = Arc::new(Memory::default());
    let app = app_of(&memory, &[], "");
    let server = Server { router: router(app.clone()), memory };
    for _ in 0..500 {
        let request = Request::delete(filled("/api/v1/status/{task_id}")).header("x-api-key", "key-of-nobody");
        // What a client says of itself is not believed.
        let request = request.header("x-forwarded-for", "10.9.9.9").header("forwarded", "for=10.9.9.9");
        let peer = crate::counted::PeerAddress([192, 0, 2, 7].into());
        let answer = server.send(request.extension(peer).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    let lines = log.audit();
    assert_eq!(lines.len(), 10, "{lines:?}");
    assert!(
        lines.iter().all(|line| line.contains("route=\"DELETE /api/v1/status/{task_id}\"") && line.contains("refused"))
    );
    assert!(lines.iter().all(|line| !line.contains("key-of-nobody")), "{lines:?}");
    assert!(lines.iter().all(|line| line.contains("peer=\"192.0.2.7\"") && !line.contains("10.9.9.9")), "{lines:?}");
    // What happens at the end of the minute.
    crate::audit::write_left_out(&app);
    let lines = log.audit();
    assert!(lines.len() == 1 && lines[0].contains("left_out=490"), "{lines:?}");
}

#[tokio::test]
async fn a_caller_reads_as_many_streams_at_once_as_its_quota() {
    let quotas = "tenant = \"a\"\nscopes = [\"read\"]\n[callers.quotas]\nstreams = 2";
    let server = server_of(&[("a", quotas), ("b", "tenant = \"a\"\nscopes = [\"read\"]")]);
    let listen = async |name: &str| {
        let request = Request::get("/api/v1/events").header("x-api-key", format!("key-of-{name}"));
        server.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    };
    let mut streams = vec![listen("a").await, listen("a").await];
    assert!(streams.iter().all(|answer| answer.status() == StatusCode::OK));
    // A stream that is not refused never ends.
    let third = server.ask("a", "GET", "/api/v1/events", "");
    let refused = tokio::time::timeout(Duration::from_secs(30), third).await.expect("the third stream is refused");
    assert_eq!((refused.status, refused.error().as_str()), (StatusCode::TOO_MANY_REQUESTS, "quota_streams"));
    assert_eq!((&refused.json()["limit"], refused.headers.contains_key("retry-after")), (&json!(2), true));
    assert_eq!(listen("b").await.status(), StatusCode::OK, "another caller has its own");
    streams.pop();
    assert_eq!(listen("a").await.status(), StatusCode::OK, "what was given back is free again");
}
