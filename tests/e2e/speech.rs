//! Sound and film through the whole pipeline, written down by a real model.

use morag_tests::server::Server;
use morag_tests::speech::{ENDINGS, SpeechService, record};
use reqwest::Method;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_in_sound_and_films_is_written_down_with_its_times() {
    let folder = tempfile::tempdir().expect("a folder");
    let service = SpeechService::start();
    record(folder.path()).await;
    let base = format!("{}/v1", service.address);
    let server = Server::start_with(&[("OPENAI_BASE_URL", &base), ("OPENAI_API_KEY", "of-the-tests")]).await;
    for ending in ENDINGS {
        let name = format!("spoken.{ending}");
        let recording = std::fs::read(folder.path().join(&name)).expect("a recording");
        let task = server.submit(&name, recording, &[("pipeline", "convert")]).await;
        let status = server.wait_for_end(&task).await;
        assert_eq!(status["status"], "completed", "{name}: {status}");
        let markdown = server.request(Method::GET, &format!("/api/files/temp/{task}/markdown.md")).send().await;
        let markdown = markdown.expect("an answer").error_for_status().expect("a file").text().await.expect("text");
        let lower = markdown.to_lowercase();
        for said in ["the library opens", "please return your books before friday"] {
            assert!(lower.contains(said), "{name}: {markdown}");
        }
        assert!(markdown.contains("0:00") && !markdown.contains("0:30"), "{name} has its times: {markdown}");
    }
}
