//! Who is let in: keys, roles, hosts and origins.

use super::*;

#[tokio::test]
async fn without_a_key_nothing_under_api_answers() {
    let server = server(&[]);
    for path in ["/api/v1/status", "/api/v1/nonsense", "/api/files/temp/x", "/nonsense"] {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let answer = server.send(request).await;
        assert_eq!((answer.status, answer.error().as_str()), (StatusCode::UNAUTHORIZED, "unauthorized"), "{path}");
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
    }
    for path in ["/health", "/health/ready", "/openapi.json", "/docs", "/docs/"] {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        assert_eq!(server.send(request).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn a_process_without_the_role_api_serves_the_probes_alone() {
    let server = server(&[("REDIS_URL", "redis://127.0.0.1:1"), ("MORAG_ROLE", "dispatcher")]);
    assert_eq!(server.get("/health").await.status, StatusCode::OK);
    let ready = server.get("/health/ready/").await;
    assert_eq!((ready.status, &ready.json()["dependencies"]), (StatusCode::OK, &json!({"disk": "up", "tasks": "up"})));
    for path in ["/api/v1/status", "/openapi.json", "/docs", "/"] {
        let answer = server.get(path).await;
        assert_eq!((answer.status, answer.error().as_str()), (StatusCode::NOT_FOUND, "not_found"), "{path}");
        assert!(answer.json()["error"].as_str().unwrap().contains("role dispatcher"), "{}", answer.json());
    }
    *server.memory.store.down.lock().unwrap() = true;
    server.memory.clock.advance(std::time::Duration::from_secs(2));
    assert_eq!(server.get("/health/ready").await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn with_the_default_key_only_this_machines_own_names_are_answered() {
    let ask = async |server: &Server, method: &str, path: &str, header: (&str, &str)| {
        server.call(method, path, &[("host", "localhost:8000"), header]).await
    };
    let open = server(&[]);
    for path in ["/health", "/docs", "/api/v1/status", "/nowhere"] {
        let answer = open.call("GET", path, &[("host", "rebound.example:8000")]).await;
        assert_eq!((answer.status.as_u16(), answer.error().as_str()), (421, "foreign_host"), "{path}");
        assert!(answer.json()["error"].as_str().unwrap().contains("MORAG_API_KEYS"));
        assert_ne!(open.call("GET", path, &[("host", "127.0.0.1:8000")]).await.status.as_u16(), 421, "{path}");
    }
    let foreign = ask(&open, "POST", "/api/v1/plugins/reload", ("origin", "https://evil.example")).await;
    assert_eq!((foreign.status, foreign.error().as_str()), (StatusCode::FORBIDDEN, "foreign_origin"));
    let own = ask(&open, "POST", "/api/v1/plugins/reload", ("origin", "http://localhost:3000")).await;
    assert_ne!(own.status, StatusCode::FORBIDDEN);
    // The same key written out is known as well.
    let written = server(&[("MORAG_API_KEYS", "other,test-api-key")]);
    let status =
        async |server: &Server| server.call("GET", "/api/v1/status", &[("host", "morag.example")]).await.status;
    assert_eq!(status(&written).await, StatusCode::MISDIRECTED_REQUEST);
    // Keys that were chosen are not known, whatever the name: here it is the key that is asked for.
    let chosen = server(&[("MORAG_API_KEYS", "chosen")]);
    assert_eq!(status(&chosen).await, StatusCode::UNAUTHORIZED);
    let foreign = ask(&chosen, "POST", "/api/v1/plugins/reload", ("origin", "https://app.example")).await;
    assert_eq!(foreign.status, StatusCode::UNAUTHORIZED);
}
