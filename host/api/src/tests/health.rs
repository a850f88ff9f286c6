//! Readiness.

use super::*;

#[tokio::test]
async fn readiness_asks_the_dependencies_at_most_every_two_seconds() {
    let server = server(&[]);
    let pings = || *server.memory.blobs.pings.lock().unwrap();
    for _ in 0..20 {
        let all = futures::future::join_all((0..10).map(|_| server.get("/health/ready"))).await;
        assert!(all.iter().all(|answer| answer.status == StatusCode::OK));
    }
    assert_eq!(pings(), 1);
    server.memory.clock.advance(std::time::Duration::from_millis(1999));
    server.get("/health/ready").await;
    assert_eq!(pings(), 1);
    server.memory.clock.advance(std::time::Duration::from_millis(1));
    server.get("/health/ready").await;
    assert_eq!(pings(), 2);
}

#[tokio::test]
async fn a_store_that_may_lose_tasks_is_shown_and_makes_the_server_unready_unless_that_is_accepted() {
    let server = server(&[]);
    assert!(server.get("/health/ready").await.json().get("store_shortcomings").is_none());
    for (is_accepted, status, word) in [(true, 200, "ready"), (false, 503, "unavailable")] {
        let message = "maxmemory-policy is allkeys-lru".to_owned();
        *server.memory.shortcomings.lock().unwrap() =
            vec![Shortcoming { setting: "maxmemory-policy", message: message.clone(), is_accepted }];
        let answer = server.get("/health/ready").await;
        let body = answer.json();
        assert_eq!((answer.status.as_u16(), &body["status"]), (status, &json!(word)));
        let shown = json!([{"setting": "maxmemory-policy", "message": message, "accepted": is_accepted}]);
        assert_eq!((&body["store_shortcomings"], &body["dependencies"]["tasks"]), (&shown, &json!("up")));
    }
}
