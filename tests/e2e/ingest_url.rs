//! Documents by URL, against a web server of the harness.

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect};
use axum::routing::get;
use morag_tests::receiver::Receiver;
use morag_tests::server::Server;
use reqwest::multipart::Form;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Networks from which a server may fetch in these tests.
pub const ALLOWED: [(&str, &str); 1] = [("MORAG_FETCH_ALLOW_NETWORKS", "127.0.0.0/8")];

/// A web server with documents.
pub struct Web {
    pub url: String,
    requests: Arc<AtomicUsize>,
}

impl Web {
    pub async fn start() -> Self {
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = requests.clone();
        let pdf = || async {
            let headers = [
                (header::CONTENT_TYPE, "application/octet-stream"),
                (header::CONTENT_DISPOSITION, "attachment; filename=\"Report.pdf\""),
            ];
            (headers, morag_fixtures::sample_pdf()).into_response()
        };
        let page = || async { ([(header::CONTENT_TYPE, "text/markdown")], morag_fixtures::markdown()) };
        let app = Router::new()
            .route("/notes", get(page))
            .route("/download", get(pdf))
            .route("/moved", get(|| async { Redirect::permanent("/notes") }))
            .route("/inside", get(|| async { Redirect::temporary("http://10.0.0.1/") }))
            .route("/broken", get(|| async { StatusCode::INTERNAL_SERVER_ERROR }))
            .layer(axum::middleware::from_fn(move |request, next: axum::middleware::Next| {
                counter.fetch_add(1, Ordering::SeqCst);
                async move { next.run(request).await }
            }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, requests }
    }

    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

pub async fn answer(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    (status, response.json().await.expect("a JSON body"))
}

pub async fn post(server: &Server, path: &str, headers: HeaderMap, body: &Value) -> (u16, Value) {
    let request = server.request(Method::POST, path).headers(headers).json(body);
    answer(request.send().await.expect("an answer")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_ingested_by_its_url_and_every_event_is_sent() {
    let (server, web, receiver) = (Server::start_with(&ALLOWED).await, Web::start().await, Receiver::start().await);
    let body = json!({"url": web.at("/moved?token=query-secret"), "document_id": "d", "webhook_url": receiver.url});
    let (status, accepted) = post(&server, "/api/v1/ingest/url", HeaderMap::new(), &body).await;
    assert_eq!((status, &accepted["document_id"]), (200, &json!("d")), "{accepted}");
    let task = accepted["task_id"].as_str().expect("a task_id");
    let ended = server.wait_for_end(task).await;
    assert_eq!(ended["status"], "completed", "{ended}");
    let received = receiver.wait_for_end().await;
    assert_eq!(received.last().expect("an event").event_type(), "task_completed");
    let everything = format!("{ended}{}", server.get(&format!("/api/v1/status/{task}/history")).await);
    assert!(!everything.contains("query-secret"));
    let files = server.get(&format!("/api/files/temp/{task}")).await;
    assert!(files.to_string().contains("original.md"), "{files}");

    let again = json!({"url": web.at("/download"), "document_id": "d"});
    let before = web.requests();
    let (status, refused) = post(&server, "/api/v1/ingest/url", HeaderMap::new(), &again).await;
    assert_eq!(
        (status, &refused["error_code"], &refused["task_id"]),
        (409, &json!("duplicate_document"), &json!(task))
    );
    assert_eq!(web.requests(), before, "a refused request fetches nothing");
    let replacing = json!({"url": web.at("/download"), "document_id": "d", "replace_existing": true});
    let (status, accepted) = post(&server, "/api/v1/ingest/url", HeaderMap::new(), &replacing).await;
    assert_eq!(status, 200, "{accepted}");
    let second = accepted["task_id"].as_str().expect("a task_id");
    assert_eq!(server.wait_for_end(second).await["status"], "completed");
    let files = server.get(&format!("/api/files/temp/{second}")).await;
    assert!(files.to_string().contains("original.pdf"), "by its first bytes: {files}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_fetched_is_refused_by_name() {
    let (server, closed, web) = (Server::start_with(&ALLOWED).await, Server::start().await, Web::start().await);
    for (server, url, expected) in [
        (&closed, web.at("/notes"), 422),
        (&closed, "http://169.254.169.254/latest/meta-data".to_owned(), 422),
        (&closed, format!("http://localhost:{}/", web.url.rsplit(':').next().expect("a port")), 422),
        (&server, web.at("/inside"), 422),
        (&server, web.at("/nowhere"), 422),
        (&server, web.url.replace("http://", "http://user:url-secret@"), 422),
        (&server, web.at("/broken"), 502),
    ] {
        let (status, refused) = post(server, "/api/v1/ingest/url", HeaderMap::new(), &json!({ "url": url })).await;
        assert_eq!(status, expected, "{url}: {refused}");
        if status == 422 {
            assert_eq!(refused["detail"][0]["loc"], json!(["body", "url"]), "{refused}");
        }
        assert!(!refused.to_string().contains("url-secret"));
        assert_eq!(server.get("/api/v1/status").await["total_count"], 0);
    }
    let small = Server::start_with(&[ALLOWED[0], ("MORAG_MAX_UPLOAD_SIZE_BYTES", "100")]).await;
    let (status, refused) =
        post(&small, "/api/v1/ingest/url", HeaderMap::new(), &json!({"url": web.at("/download")})).await;
    assert_eq!((status, &refused["error_code"]), (413, &json!("file_too_large")));
}

#[tokio::test(flavor = "multi_thread")]
async fn process_converts_a_document_by_url() {
    let (server, web) = (Server::start_with(&ALLOWED).await, Web::start().await);
    let url = web.at("/notes");
    let form = Form::new().text("mode", "convert").text("source_type", "url").text("url", url);
    let request = server.request(Method::POST, "/api/v1/process").multipart(form);
    let (status, done) = answer(request.send().await.expect("an answer")).await;
    assert_eq!((status, &done["success"]), (200, &json!(true)), "{done}");
    assert!(done["content"].as_str().is_some_and(|text| !text.is_empty()), "{done}");
}
