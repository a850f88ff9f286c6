//! Files of a task.

use morag_tests::server::Server;
use reqwest::{Method, Response};
use serde_json::Value;

async fn get(server: &Server, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = server.request(Method::GET, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.expect("an answer")
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_listed_served_in_ranges_and_deleted() {
    let server = Server::start().await;
    let source = morag_fixtures::markdown();
    let task = server.submit("notes.md", source.clone(), &[]).await;
    server.wait_for_end(&task).await;

    let listed = server.get(&format!("/api/files/temp/{task}")).await;
    assert_eq!(listed["session_id"], task.as_str());
    let files = listed["files"].as_array().expect("a list");
    let names: Vec<_> = files.iter().map(|file| file["filename"].as_str().expect("a name")).collect();
    for name in ["markdown.md", "metadata.json", "chunks.json", "graph.json", "original.md"] {
        assert!(names.contains(&name), "{names:?} lacks {name}");
    }
    let sizes: u64 = files.iter().map(|file| file["size_bytes"].as_u64().expect("a size")).sum();
    assert_eq!(listed["total_size_bytes"], sizes);

    for base in ["/api/files/temp", "/api/v1/files"] {
        let path = format!("{base}/{task}/original.md");
        let whole = get(&server, &path, &[]).await;
        assert_eq!(whole.status(), 200);
        assert_eq!(header(&whole, "accept-ranges"), "bytes");
        assert!(header(&whole, "content-type").starts_with("text/markdown"), "{}", header(&whole, "content-type"));
        let etag = header(&whole, "etag").to_owned();
        assert!(!etag.is_empty());
        assert_eq!(whole.bytes().await.expect("bytes"), source);

        let part = get(&server, &path, &[("range", "bytes=2-5")]).await;
        assert_eq!(part.status(), 206);
        assert_eq!(header(&part, "content-range"), format!("bytes 2-5/{}", source.len()));
        assert_eq!(part.bytes().await.expect("bytes"), source[2..=5]);

        let end = get(&server, &path, &[("range", "bytes=-4")]).await;
        assert_eq!(end.status(), 206);
        assert_eq!(end.bytes().await.expect("bytes"), source[source.len() - 4..]);

        let beyond = get(&server, &path, &[("range", "bytes=99999999-")]).await;
        assert_eq!(beyond.status(), 416);
        let same = get(&server, &path, &[("if-none-match", &etag)]).await;
        assert_eq!(same.status(), 304);
    }
    for name in ["..%2f..%2fmorag.db", "%2e%2e", "nothing.md", "a%00b"] {
        assert_eq!(get(&server, &format!("/api/files/temp/{task}/{name}"), &[]).await.status(), 404, "{name}");
    }
    let deleted = server.request(Method::DELETE, &format!("/api/files/temp/{task}")).send().await.expect("an answer");
    assert_eq!(deleted.status(), 200);
    let body: Value = deleted.json().await.expect("JSON");
    assert_eq!(body["success"], true);
    assert_eq!(get(&server, &format!("/api/files/temp/{task}/markdown.md"), &[]).await.status(), 404);
}
