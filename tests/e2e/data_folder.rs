//! Whose a data folder is: a server does not start on one in which it would delete or change what belongs to another.

use morag_tests::redis::{RedisOptions, RedisServer};
use morag_tests::server::{PATIENCE, Server, serve};
use std::path::Path;

/// A start that must be refused. Gives what the process says.
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

#[tokio::test(flavor = "multi_thread")]
async fn files_of_tasks_in_redis_are_safe_from_a_server_without_it() {
    let redis = RedisServer::start_with(RedisOptions { durable: true, ..RedisOptions::default() });
    let (url, folder) = (redis.url(), tempfile::tempdir().expect("a folder"));
    let data = folder.path().join("data");
    let settings = [("REDIS_URL", url.as_str()), ("MORAG_DATA_DIR", data.to_str().expect("a plain path"))];
    let mut server = Server::start_with(&settings).await;
    let task = server.submit("note.md", morag_fixtures::one_page_markdown(1), &[]).await;
    server.wait_for_end(&task).await;
    assert!(server.terminate().await.success());
    // An easy slip: the variable has no MORAG_ before it.
    let said = refused(&data, &[("MORAG_REDIS_URL", &url)]).await;
    assert!(said.contains("belong to tasks in Redis") && said.contains("REDIS_URL is not set"), "{said}");
    assert!(said.contains("MORAG_REDIS_URL is no setting and does nothing: did you mean REDIS_URL?"), "{said}");
    let server = Server::start_with(&settings).await;
    let path = format!("/api/files/temp/{task}/markdown.md");
    let answer = server.request(reqwest::Method::GET, &path).send().await.expect("an answer");
    assert_eq!(answer.status(), reqwest::StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_an_embedded_store_are_safe_from_a_server_on_redis() {
    let redis = RedisServer::start_with(RedisOptions { durable: true, ..RedisOptions::default() });
    let mut server = Server::start().await;
    assert!(server.terminate().await.success());
    let said = refused(&server.data_dir(), &[("REDIS_URL", &redis.url())]).await;
    assert!(said.contains("an embedded store (morag.db), and REDIS_URL is set"), "{said}");
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
