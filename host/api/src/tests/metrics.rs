//! Metrics of requests and of the process.

use super::*;

const STATUS: &str = "/api/v1/status/{task_id}";

async fn metrics(server: &Server) -> String {
    String::from_utf8(server.get("/metrics").await.body.to_vec()).unwrap()
}

fn check(text: &str, lines: &[String]) {
    for line in lines {
        assert!(text.lines().any(|known| known == line), "{line} is missing in {text}");
    }
}

fn counted(method: &str, route: &str, status: u16, count: u64) -> String {
    format!("morag_http_requests_total{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}} {count}")
}

fn timed(method: &str, route: &str, count: u64) -> String {
    format!("morag_http_request_seconds_count{{method=\"{method}\",route=\"{route}\"}} {count}")
}

#[tokio::test]
async fn requests_are_counted_by_the_template_of_their_route() {
    let server = server(&[]);
    let task = server.completed_task();
    for path in [format!("/api/v1/status/{task}"), format!("/api/v1/status/{task}/")] {
        assert_eq!(server.get(&path).await.status, StatusCode::OK);
    }
    let unknown = format!("/api/v1/status/{}", TaskId::random());
    assert_eq!(server.get(&unknown).await.status, StatusCode::NOT_FOUND);
    assert_eq!(server.call("PUT", &unknown, &[]).await.status, StatusCode::METHOD_NOT_ALLOWED);
    let without_key = Request::get(&unknown).body(Body::empty()).unwrap();
    assert_eq!(server.send(without_key).await.status, StatusCode::UNAUTHORIZED);
    let text = metrics(&server).await;
    check(
        &text,
        &[
            counted("GET", STATUS, 200, 2),
            counted("GET", STATUS, 404, 1),
            counted("GET", STATUS, 401, 1),
            counted("PUT", STATUS, 405, 1),
            timed("GET", STATUS, 4),
        ],
    );
    assert!(!text.contains(&task.to_string()), "{text}");
    check(&metrics(&server).await, &[counted("GET", "/metrics", 200, 1)]);
}

#[tokio::test]
async fn what_strangers_make_up_shares_a_series() {
    let server = server(&[]);
    for number in 0..3 {
        let (method, path) = (format!("S3CRET{number}"), format!("/s3cret/{number}"));
        assert_eq!(server.call(&method, &path, &[]).await.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(server.call("GET", "/s3cret", &[]).await.status, StatusCode::NOT_FOUND);
    let text = metrics(&server).await;
    check(&text, &[counted("other", "unmatched", 404, 3), counted("GET", "unmatched", 404, 1)]);
    assert!(!text.to_lowercase().contains("s3cret"), "{text}");
}

#[tokio::test]
async fn a_request_that_waits_for_a_task_is_counted_and_not_timed() {
    let server = server(&[]);
    let task = server.completed_task();
    for query in ["", "?wait=1", "?wait=60"] {
        assert_eq!(server.get(&format!("/api/v1/status/{task}{query}")).await.status, StatusCode::OK);
    }
    check(&metrics(&server).await, &[counted("GET", STATUS, 200, 3), timed("GET", STATUS, 1)]);
}

#[tokio::test]
async fn requests_on_connections_beyond_the_limit_are_counted_too() {
    let memory = Arc::new(Memory::default());
    let app = crate::testing::app(&memory, &[]);
    let lobby = Server { router: crate::lobby(app.clone()), memory: memory.clone() };
    assert_eq!(lobby.get("/api/v1/events").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(lobby.get("/health").await.status, StatusCode::OK);
    let server = Server { router: router(app), memory };
    check(&metrics(&server).await, &[counted("GET", "unmatched", 503, 1), counted("GET", "/health", 200, 1)]);
}

#[tokio::test]
async fn what_the_process_uses_is_read_when_it_is_asked_for() {
    let text = metrics(&server(&[])).await;
    let lines = ["process_resident_memory_bytes 67108864", "process_open_fds 12", "process_cpu_seconds_total 1.5"];
    check(&text, &lines.map(str::to_owned));
}
