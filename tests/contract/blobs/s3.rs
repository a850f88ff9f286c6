//! Behaviour that only applies to buckets.

use super::*;
use morag_adapters::blobs::S3Settings;
use morag_core::Secret;
use morag_tests::s3::{KEY_ID, KEY_SECRET, S3Server};
use morag_tests::server::PATIENCE;

/// The error of an operation, which must come in time and without a key.
async fn error<T: std::fmt::Debug>(operation: impl Future<Output = Result<T, BlobError>>) -> String {
    let outcome = tokio::time::timeout(PATIENCE, operation).await.expect("an answer in time");
    let Err(BlobError::Unavailable(text)) = outcome else { panic!("{outcome:?}") };
    assert!(!text.contains(KEY_ID) && !text.contains(KEY_SECRET), "{text}");
    text
}

async fn put_one(blobs: &ObjectBlobs) -> Result<(), BlobError> {
    let mut writer = blobs.create(&BlobPath::file(TaskId::random(), &name("a"))).await?;
    writer.write(content(10)).await?;
    writer.finish().await
}

async fn put_large(blobs: &ObjectBlobs) -> Result<(), BlobError> {
    blobs.create(&BlobPath::file(TaskId::random(), &name("a"))).await?.write(content(6 * 1024 * 1024)).await
}

#[tokio::test]
async fn a_large_upload_arrives_whole() {
    let bucket = Bucket::new().await;
    let blobs = ObjectBlobs::s3(&bucket.url(), bucket.settings()).unwrap();
    let path = BlobPath::file(TaskId::random(), &name("large.bin"));
    let bytes = content(20 * 1024 * 1024 + 1);
    let mut writer = blobs.create(&path).await.unwrap();
    for piece in bytes.chunks(64 * 1024) {
        writer.write(Bytes::copy_from_slice(piece)).await.unwrap();
    }
    // The parts were uploaded while writing, not from memory at the end.
    assert_eq!(bucket.uploads().await, [path.as_str()]);
    writer.finish().await.unwrap();
    assert_eq!(bucket.uploads().await, [""; 0]);
    let pieces: Vec<Bytes> = blobs.stream(&path, 0..u64::MAX).await.unwrap().try_collect().await.unwrap();
    assert!(pieces.concat() == bytes, "the file differs");
    // The ETag of a single PUT is the hash of the content; that of five parts ends with `-5`.
    assert!(blobs.stat(&path).await.unwrap().etag.trim_matches('"').ends_with("-5"));
}

#[tokio::test]
async fn an_upload_that_was_given_up_is_aborted() {
    let bucket = Bucket::new().await;
    let blobs = ObjectBlobs::s3(&bucket.url(), bucket.settings()).unwrap();
    let task = TaskId::random();
    let begin = async |file: &str| {
        let mut writer = blobs.create(&BlobPath::file(task, &name(file))).await.unwrap();
        writer.write(content(6 * 1024 * 1024)).await.unwrap();
        writer
    };
    let (aborted, dropped) = (begin("aborted").await, begin("dropped").await);
    assert_eq!(bucket.uploads().await.len(), 2);
    aborted.abort().await;
    assert_eq!(bucket.uploads().await, [BlobPath::file(task, &name("dropped")).as_str()]);
    drop(dropped);
    let gone = async {
        while !bucket.uploads().await.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("a dropped upload is aborted");
    assert_eq!(bucket.keys().await, [""; 0]);
}

#[tokio::test]
async fn only_the_prefix_is_used() {
    let bucket = Bucket::new().await;
    let at = |prefix: &str| ObjectBlobs::s3(&format!("{}{prefix}", bucket.url()), bucket.settings()).unwrap();
    let (one, other) = (at("/one"), at("/one-more/"));
    let task = TaskId::random();
    let path = BlobPath::file(task, &name("a"));
    for blobs in [&one, &other] {
        put(blobs, &path, Bytes::from_static(b"x")).await;
    }
    assert_eq!(bucket.keys().await, [format!("one-more/{}", path.as_str()), format!("one/{}", path.as_str())]);
    assert_eq!(at("").tasks().try_collect::<Vec<_>>().await, Ok(Vec::new()));
    assert_eq!(one.delete_all(&BlobPath::task(task)).await, Ok(1));
    assert_eq!(other.tasks().try_collect::<Vec<_>>().await, Ok(vec![task]));
}

#[tokio::test]
async fn names_that_are_not_tasks_are_skipped() {
    let bucket = Bucket::new().await;
    let blobs = ObjectBlobs::s3(&bucket.url(), bucket.settings()).unwrap();
    let task = TaskId::random();
    put(&blobs, &BlobPath::file(task, &name("a")), Bytes::from_static(b"x")).await;
    // Names that sort before and after every id.
    for n in 0..5 {
        bucket.put(&format!("tasks/!{n}/a")).await;
        bucket.put(&format!("tasks/z{n}/a")).await;
    }
    assert_eq!(blobs.tasks().try_collect::<Vec<_>>().await, Ok(vec![task]));
}

#[tokio::test]
async fn an_https_endpoint_uses_tls() {
    let bucket = Bucket::new().await;
    let plain = bucket.settings().endpoint.unwrap();
    let settings = S3Settings { endpoint: Some(plain.replace("http:", "https:")), ..bucket.settings() };
    let blobs = ObjectBlobs::s3(&bucket.url(), settings).unwrap();
    // The server answers the TLS ClientHello in plain text.
    assert!(error(blobs.ping()).await.contains(plain.trim_start_matches("http://")));
}

#[tokio::test]
async fn a_move_that_a_crash_cut_short_is_done_again_or_cleared() {
    let bucket = Bucket::new().await;
    let blobs = ObjectBlobs::s3(&bucket.url(), bucket.settings()).unwrap();
    let task = TaskId::random();
    let (from, to) = (staged(task, &name("a")), BlobPath::file(task, &name("a")));
    // The state between copy and deletion.
    put(&blobs, &from, content(10)).await;
    put(&blobs, &to, content(10)).await;
    assert_eq!(blobs.list(&BlobPath::files(task)).await.unwrap().len(), 1);
    blobs.publish(&[(from.clone(), to.clone())]).await.unwrap();
    assert_eq!(bucket.keys().await, [to.as_str()]);
    put(&blobs, &from, content(10)).await;
    assert_eq!(blobs.delete_all(&BlobPath::task(task)).await, Ok(2));
    assert_eq!(bucket.keys().await, [""; 0]);
}

#[tokio::test]
async fn an_endpoint_out_of_reach_is_named() {
    // Bound but not listening: no other process gets the port, and connections are refused.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let host = socket.local_addr().unwrap().to_string();
    let settings = S3Settings {
        endpoint: Some(format!("http://{host}")),
        region: None,
        access_key_id: Some(KEY_ID.into()),
        secret_access_key: Some(Secret::new(KEY_SECRET)),
    };
    morag_tests::server::client();
    let blobs = ObjectBlobs::s3("s3://files", settings).unwrap();
    let path = BlobPath::file(TaskId::random(), &name("a"));
    let texts = tokio::join!(
        error(blobs.ping()),
        error(put_one(&blobs)),
        error(put_large(&blobs)),
        error(blobs.stat(&path)),
        error(blobs.read(&path, 0..10)),
        error(blobs.tasks().try_collect::<Vec<_>>()),
        error(blobs.delete_all(&path)),
    );
    let texts = [texts.0, texts.1, texts.2, texts.3, texts.4, texts.5, texts.6];
    for text in texts {
        assert!(text.contains(&host) && text.contains("refused"), "{text}");
    }
}

#[tokio::test]
async fn a_wrong_key_is_reported() {
    // The server checks keys from the first request on, and has none.
    let server = S3Server::start(&[("INITIAL_NO_AUTH_ACTION_COUNT", "0")]);
    morag_tests::server::client();
    let blobs = ObjectBlobs::s3("s3://files", server.settings()).unwrap();
    for text in [error(blobs.ping()).await, error(put_one(&blobs)).await, error(put_large(&blobs)).await] {
        assert!(text.contains("InvalidAccessKeyId") && text.contains("check the access key"), "{text}");
    }
}

#[tokio::test]
async fn a_missing_bucket_differs_from_a_missing_file() {
    let bucket = Bucket::new().await;
    let blobs = ObjectBlobs::s3("s3://there-is-none", bucket.settings()).unwrap();
    let path = BlobPath::file(TaskId::random(), &name("a"));
    for text in [
        error(blobs.ping()).await,
        error(put_one(&blobs)).await,
        error(put_large(&blobs)).await,
        error(blobs.read(&path, 0..10)).await,
        error(blobs.list(&path)).await,
        error(blobs.tasks().try_collect::<Vec<_>>()).await,
        error(blobs.delete_all(&path)).await,
    ] {
        assert!(text.contains("there-is-none") && text.contains("make the bucket"), "{text}");
    }
}

#[tokio::test]
async fn invalid_settings_are_refused() {
    let bucket = Bucket::new().await;
    let good = || bucket.settings();
    for (url, settings) in [
        ("https://files", good()),
        ("s3://key:secret@files", good()),
        ("s3://files", S3Settings { secret_access_key: None, ..good() }),
        ("s3://files", S3Settings { access_key_id: None, ..good() }),
        ("s3://files", S3Settings { endpoint: Some("localhost:9000".into()), ..good() }),
        ("s3://files", S3Settings { endpoint: Some(format!("http://{KEY_ID}:{KEY_SECRET}@localhost")), ..good() }),
    ] {
        error(async { ObjectBlobs::s3(url, settings) }).await;
    }
}

#[tokio::test]
async fn debug_output_holds_no_key() {
    let bucket = Bucket::new().await;
    let shown = format!("{:?}", ObjectBlobs::s3(&bucket.url(), bucket.settings()).unwrap());
    assert_eq!(shown, format!("ObjectBlobs({}/)", bucket.url()));
    assert!(!format!("{:?}", bucket.settings()).contains(KEY_SECRET));
}
