//! Processes that share no folder: tasks are in Redis, files in a bucket.

use morag_tests::receiver::Receiver;
use morag_tests::redis::{ACCEPT_LOSS, RedisServer};
use morag_tests::s3::{Bucket, KEY_ID, KEY_SECRET};
use morag_tests::server::Server;
use reqwest::Method;

#[tokio::test(flavor = "multi_thread")]
async fn the_api_serves_what_a_worker_with_another_folder_wrote() {
    let (redis, bucket, receiver) = (RedisServer::start(), Bucket::new().await, Receiver::start().await);
    let (redis_url, bucket_url) = (redis.url(), format!("{}/team", bucket.url()));
    let endpoint = bucket.settings().endpoint.expect("the server's address");
    let start = async |roles: &str| {
        let settings = [
            ("MORAG_ROLE", roles),
            ("REDIS_URL", redis_url.as_str()),
            ACCEPT_LOSS,
            ("MORAG_BLOBS_URL", bucket_url.as_str()),
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", KEY_ID),
            ("AWS_SECRET_ACCESS_KEY", KEY_SECRET),
            // Templates of settings contain unused variables empty.
            ("AWS_ENDPOINT_URL_S3", ""),
            ("AWS_SESSION_TOKEN", ""),
            ("AWS_REGION", ""),
        ];
        Server::start_with(&settings).await
    };
    let (api, worker) = tokio::join!(start("api,dispatcher"), start("worker"));
    assert_ne!(api.data_dir(), worker.data_dir());

    let source = morag_fixtures::markdown();
    let task = api.submit("notes.md", source.clone(), &[("webhook_url", &receiver.url)]).await;
    let status = api.wait_for_end(&task).await;
    assert_eq!(status["status"], "completed", "{status}");

    let received = receiver.wait_for_end().await;
    let sequences: Vec<_> = received.iter().map(|one| one.header("x-morag-sequence").to_owned()).collect();
    assert_eq!(sequences, (1..=17).map(|number: u8| number.to_string()).collect::<Vec<_>>());
    assert_eq!(received[16].event_type(), "task_completed");

    for (name, holds) in [("original.md", source.as_slice()), ("markdown.md", b"# Handbook of the Reading Room")] {
        let path = format!("/api/files/temp/{task}/{name}");
        let response = api.request(Method::GET, &path).send().await.expect("an answer");
        assert_eq!(response.status(), 200, "{name}");
        let bytes = response.bytes().await.expect("bytes");
        assert!(bytes.windows(holds.len()).any(|part| part == holds), "{name}: {bytes:?}");
    }
    // In the bucket, and in neither folder.
    let keys = bucket.keys().await;
    assert!(keys.contains(&format!("team/tasks/{task}/files/markdown.md")), "{keys:?}");
    for server in [&api, &worker] {
        assert!(!server.data_dir().join("files").exists(), "{}", server.data_dir().display());
    }
}
