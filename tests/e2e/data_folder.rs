//! Ownership of a data folder: a server does not start on a folder in which it would delete or change files of another store.

use morag_tests::fleet::{Fleet, wait_for};
use morag_tests::redis::{RedisOptions, RedisServer};
use morag_tests::server::{PATIENCE, Server, serve};
use std::path::Path;

/// Asserts that a server refuses to start. Returns its error.
async fn refused(data_dir: &Path, settings: &[(&str, &str)]) -> String {
    let mut command = tokio::process::Command::from(serve(data_dir));
    command.envs(settings.iter().copied()).kill_on_drop(true);
    let output =
        tokio::time::timeout(PATIENCE, command.output()).await.expect("it has started").expect("the binary runs");
    assert!(!output.status.success(), "it has started");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    names
}

/// A server's only task, completed before the server is stopped.
async fn completed_task(settings: &[(&str, &str)]) -> String {
    let mut server = Server::start_with(settings).await;
    let task = server.submit("note.md", morag_fixtures::one_page_markdown(1), &[]).await;
    server.wait_for_end(&task).await;
    assert!(server.terminate().await.success());
    task
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_tasks_in_redis_are_safe_from_a_server_without_it() {
    let redis = RedisServer::start_with(RedisOptions { durable: true, ..RedisOptions::default() });
    let (url, folder) = (redis.url(), tempfile::tempdir().expect("a folder"));
    let data = folder.path().join("data");
    let settings = [("REDIS_URL", url.as_str()), ("MORAG_DATA_DIR", data.to_str().expect("a plain path"))];
    let task = completed_task(&settings).await;
    // A common mistake: the variable has no MORAG_ prefix.
    let said = refused(&data, &[("MORAG_REDIS_URL", &url)]).await;
    assert!(said.contains("belong to tasks in Redis") && said.contains("REDIS_URL is not set"), "{said}");
    assert!(said.contains("MORAG_REDIS_URL is not a setting and has no effect: did you mean REDIS_URL?"), "{said}");
    let server = Server::start_with(&settings).await;
    let path = format!("/api/files/temp/{task}/markdown.md");
    let answer = server.request(reqwest::Method::GET, &path).send().await.expect("an answer");
    assert_eq!(answer.status(), reqwest::StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_tasks_in_redis_are_safe_from_another_store_in_redis() {
    let durable = RedisOptions { durable: true, ..RedisOptions::default() };
    let (redis, other) = (RedisServer::start_with(durable), RedisServer::start_with(durable));
    let (url, others, folder) = (redis.url(), other.url(), tempfile::tempdir().expect("a folder"));
    let data = folder.path().join("data");
    let settings = [("REDIS_URL", url.as_str()), ("MORAG_DATA_DIR", data.to_str().expect("a plain path"))];
    let task = completed_task(&settings).await;
    // The state left by a process of before stores had ids, which used another URL of the same Redis.
    std::fs::write(data.join("store"), format!("{url}\n")).expect("a file");
    let named = url.replace("127.0.0.1", "localhost");
    for url in [&url, &named] {
        let mut server = Server::start_with(&[("REDIS_URL", url), settings[1]]).await;
        assert!(server.terminate().await.success());
    }
    let before = names(&data);
    for settings in [&[("REDIS_URL", url.as_str()), ("REDIS_KEY_PREFIX", "staging:")][..], &[("REDIS_URL", &others)]] {
        let said = refused(&data, settings).await;
        assert!(said.contains("another MORAG_DATA_DIR") && said.contains("is new, or was emptied"), "{said}");
    }
    assert_eq!((names(&data), other.ask(&["get", "identity"]).trim()), (before, ""), "a refused start changes nothing");

    let path = format!("/api/files/temp/{task}/markdown.md");
    let mut server = Server::start_with(&settings).await;
    let answer = server.request(reqwest::Method::GET, &path).send().await.expect("an answer");
    assert_eq!(answer.status(), reqwest::StatusCode::OK);
    assert!(server.terminate().await.success());
    redis.ask(&["flushall"]);
    let said = refused(&data, &settings[..1]).await;
    let marker = data.join("store");
    assert!(said.contains(&format!("delete {}, and start again", marker.display())), "{said}");
    std::fs::remove_file(&marker).expect("the file");
    let server = Server::start_with(&settings).await;
    assert!(marker.exists());
    drop(server);
    let said = refused(&data, &[("REDIS_URL", &others)]).await;
    assert!(said.contains("another MORAG_DATA_DIR"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_redis_was_emptied_deletes_no_files() {
    let redis = RedisServer::start_with(RedisOptions { durable: true, ..RedisOptions::default() });
    let url = redis.url();
    // Without retention there is a round every ten seconds.
    let mut fleet = Fleet::new(&[("REDIS_URL", &url), ("MORAG_TEMP_RETENTION_HOURS", "0")]);
    fleet.start("api,worker").await;
    assert_eq!(fleet.log_lines_with("nothing is tidied up"), [] as [String; 0]);
    let file = fleet.data_dir().join("files/tasks/7f3c2d0e-9f0b-4b7e-8a39-1f4f5a0c7d11/files/original.md");
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
    std::fs::write(&file, "whose task Redis has forgotten").expect("a file");
    redis.ask(&["flushall"]);
    let said = wait_for(|| fleet.log_lines_with("nothing is tidied up").pop()).await.expect("it says so");
    assert!(said.contains("ERROR") && said.contains("is new, or was emptied"), "{said}");
    assert!(file.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_an_embedded_store_are_safe_from_a_server_on_redis() {
    let redis = RedisServer::start_with(RedisOptions { durable: true, ..RedisOptions::default() });
    let mut server = Server::start().await;
    assert!(server.terminate().await.success());
    let said = refused(&server.data_dir(), &[("REDIS_URL", &redis.url())]).await;
    assert!(said.contains("an embedded store (morag.db), but REDIS_URL is set"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_server_starts_on_a_backup() {
    let mut server = Server::start().await;
    let backup = server.data_dir().with_file_name("backup");
    let mut command = std::process::Command::new(morag_tests::server::binary());
    command.arg("backup").arg(&backup).arg("--data-dir").arg(server.data_dir()).env_clear();
    assert!(command.status().expect("it runs").success());
    assert!(server.terminate().await.success());
    let before = names(&backup);
    let said = refused(&backup, &[]).await;
    assert!(said.contains("is a backup: restore it into another folder"), "{said}");
    assert_eq!(names(&backup), before);
}
