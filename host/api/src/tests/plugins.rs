//! The routes of plugins.

use super::*;
use crate::testing::app_with;
use async_trait::async_trait;
use morag_core::Secret;
use morag_core::plugin::{Capability, Descriptor, Grant, HttpRule, Output};
use morag_core::ports::{StepCall, StepReport, StepRunner};
use morag_engine::plugins::{LoadedPlugin, PluginSet, Plugins, Publisher, RefusedPlugin, Reloaded, UnusablePipeline};

/// Runs nothing: the routes only tell what is loaded.
struct Idle;

#[async_trait]
impl StepRunner for Idle {
    fn descriptor(&self, _: &str) -> Option<Arc<Descriptor>> {
        None
    }
    async fn run(&self, _: StepCall) -> StepReport {
        unreachable!("no test here runs a step")
    }
}

fn loaded() -> LoadedPlugin {
    let grant = Grant {
        capabilities: [Capability::Http, Capability::Secrets].into(),
        http: vec![HttpRule { host: "api.example.com".into(), port: None, methods: vec![] }],
        secrets: [("API_TOKEN".to_owned(), Secret::new("hidden"))].into(),
        ..Grant::default()
    };
    LoadedPlugin {
        slot: "cutter".into(),
        descriptor: Arc::new(Descriptor {
            name: "chunking".into(),
            version: "1.2.3".into(),
            summary: "Cuts".into(),
            inputs: vec![],
            outputs: vec![Output::read("page-*.png", "image/png".into(), None).unwrap()],
            capabilities: vec![Capability::Http],
            config_schema: json!({"type": "object"}),
            formats: None,
        }),
        source: "oci://ghcr.io/acme/chunking@sha256:00".into(),
        digest: "00".into(),
        size: 7,
        signed_by: None,
        grant: Arc::new(grant),
        used: [Capability::Http].into(),
        since: NOW,
    }
}

fn refused(name: &str) -> RefusedPlugin {
    RefusedPlugin { name: name.into(), source: format!("p/{name}.wasm"), reason: "it is cut off".into(), at: NOW }
}

/// A server whose worker has loaded one plugin from a file of another name, refused a newer one of that file, and refused another.
fn worker() -> (Server, Publisher) {
    let set = PluginSet {
        steps: Arc::new(Idle),
        plugins: vec![loaded()],
        refused: vec![refused("cutter"), refused("other")],
        unusable: vec![],
    };
    let (plugins, publisher) = Plugins::here(set);
    let memory = Arc::new(Memory::default());
    let app = app_with(&memory, &[], "", plugins);
    (Server { router: router(app), memory }, publisher)
}

#[tokio::test]
async fn a_plugin_is_shown_with_what_it_wants_may_and_uses_and_no_secret() {
    let (server, _publisher) = worker();
    let body = server.get("/api/v1/plugins").await.json();
    assert_eq!((&body["runs_steps"], &body["message"]), (&json!(true), &Value::Null));
    let plugin = &body["plugins"][0];
    assert_eq!(
        (&plugin["name"], &plugin["state"], &plugin["loaded_at"]),
        (&json!("chunking"), &json!("loaded"), &json!(NOW))
    );
    let capabilities = json!({"wanted": ["http"], "granted": ["secrets", "http"], "used": ["http"]});
    assert_eq!(plugin["capabilities"], capabilities);
    assert_eq!(plugin["http"], json!([{"host": "api.example.com", "port": null, "methods": ["GET", "HEAD"]}]));
    assert_eq!((&plugin["secrets"], &plugin["pipelines"]), (&json!(["API_TOKEN"]), &json!(["ingest", "process"])));
    assert_eq!((&plugin["limits"]["artifacts"], &plugin["budgets"]["kv_keys"]), (&json!(256), &json!(10_000)));
    assert_eq!(plugin["outputs"], json!([{"name": "page-*.png", "media_type": "image/png", "data_key": null}]));
    assert_eq!(plugin["refused"]["reason"], json!("it is cut off"));
    assert_eq!(body["refused"].as_array().unwrap().len(), 1, "of the other one is loaded: {body}");
    assert_eq!((&body["refused"][0]["name"], &body["refused"][0]["state"]), (&json!("other"), &json!("refused")));
    assert!(!body.to_string().contains("hidden"));
    assert_eq!(server.get("/health/ready").await.json()["refused_plugins"], json!(["cutter", "other"]));
}

#[tokio::test]
async fn pipelines_that_cannot_run_are_shown_and_make_a_server_unavailable_only_where_none_can() {
    let (server, publisher) = worker();
    let (dependencies, ready) =
        (json!({"tasks": "up", "blobs": "up", "disk": "up"}), server.get("/health/ready").await);
    let body = ready.json();
    assert_eq!(
        (ready.status, &body["status"], &body["dependencies"]),
        (StatusCode::OK, &json!("ready"), &dependencies)
    );
    assert!(body.get("unusable_pipelines").is_none(), "{body}");
    let become_unusable = |names: &[&str]| {
        let set = publisher.sets.borrow().clone();
        let unusable = names.iter().map(|name| UnusablePipeline { name: (*name).into(), reason: "no chunking".into() });
        publisher.sets.send_replace(Arc::new(PluginSet { unusable: unusable.collect(), ..(*set).clone() }));
    };
    become_unusable(&["ingest", "process"]);
    let ready = server.get("/health/ready").await;
    let body = ready.json();
    assert_eq!((ready.status, &body["status"]), (StatusCode::OK, &json!("degraded")));
    assert_eq!((&body["unusable_pipelines"], &body["dependencies"]), (&json!(["ingest", "process"]), &dependencies));
    let shown = server.get("/api/v1/plugins").await.json();
    assert_eq!(shown["unusable_pipelines"][1], json!({"name": "process", "reason": "no chunking"}));
    become_unusable(&["convert", "ingest", "process"]);
    let ready = server.get("/health/ready").await;
    let body = ready.json();
    assert_eq!((ready.status, &body["status"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("unavailable")));
    assert_eq!(body["dependencies"]["plugins"], json!("down"));
}

#[tokio::test]
async fn a_process_without_steps_says_so() {
    let server =
        server(&[("REDIS_URL", "redis://127.0.0.1:1"), ("MORAG_ROLE", "api"), ("MORAG_BLOBS_URL", "s3://b/p")]);
    let body = server.get("/api/v1/plugins").await.json();
    assert_eq!((&body["runs_steps"], &body["plugins"]), (&json!(false), &Value::Null));
    assert!(body["message"].as_str().unwrap().contains("role api"), "{body}");
    let answer = server.call("POST", "/api/v1/plugins/reload", &[]).await;
    assert_eq!((answer.status, answer.error().as_str()), (StatusCode::CONFLICT, "no_worker"));
    assert!(server.get("/health/ready").await.json().get("refused_plugins").is_none());
}

#[tokio::test]
async fn a_reload_answers_when_it_is_done() {
    let (server, mut publisher) = worker();
    let job = tokio::spawn(async move {
        let request = publisher.requests.recv().await.unwrap();
        let reloaded =
            Reloaded { loaded: vec!["chunking".into()], refused: vec![refused("other")], ..Reloaded::default() };
        request.send(reloaded).unwrap();
        publisher
    });
    let body = server.call("POST", "/api/v1/plugins/reload", &[]).await.json();
    assert_eq!((&body["loaded"], &body["removed"]), (&json!(["chunking"]), &json!([])));
    assert_eq!(body["refused"][0]["name"], json!("other"));
    drop(job.await.unwrap());
    let answer = server.call("POST", "/api/v1/plugins/reload", &[]).await;
    assert_eq!((answer.status, answer.error().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "stopping"));
}

#[tokio::test]
async fn plugins_are_for_those_with_a_key() {
    let (server, _publisher) = worker();
    for (method, path) in [("GET", "/api/v1/plugins"), ("POST", "/api/v1/plugins/reload")] {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        assert_eq!(server.send(request).await.status, StatusCode::UNAUTHORIZED, "{path}");
    }
}
