//! One caller uses up shared resources, while another must still be served.

use super::components::own_plugins;
use crate::Size;
use crate::report::Outcome;
use crate::target::{ATTACKER, OTHER, Target};
use morag_tests::sandbox::guest;
use morag_tests::server::PATIENCE;
use reqwest::{Method, Response, StatusCode, multipart};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::error::Elapsed;

/// More than any share.
const REQUESTS: usize = 600;
/// A request without a response for this long counts as held.
const HELD_AFTER: Duration = Duration::from_secs(10);
/// File name of a step that sleeps for an hour, or until its limit, as the plugins folder needs it.
const ENDLESS: &str = "misbehave.wasm";
/// A pipeline with that step, with a time limit that no attack reaches.
const ENDLESS_PIPELINE: &str = r#"
[[pipelines]]
name = "endless"
[[pipelines.steps]]
name = "endless"
plugin = "misbehave"
config = { mode = "sleep" }

[[plugins]]
name = "misbehave"
limits = { wall_time = "1h" }
"#;

/// Result of a request; an error if it is held.
type Answer = Result<Result<Response, reqwest::Error>, Elapsed>;

/// Allows all connections from one address: the shares must refuse, not the limit per address.
pub fn with_all_connections(_: &Path, command: &mut Command) {
    command.env("MORAG_CONNECTIONS_PER_PEER", "1024");
}

/// The same with one worker and a pipeline that does not end: tasks behind it wait, however fast the machine is.
pub fn with_one_worker(folder: &Path, command: &mut Command) {
    with_all_connections(folder, command);
    command.env("MORAG_WORKER_CONCURRENCY", "1");
    let endless = std::fs::read(guest("misbehave")).expect("the guest");
    own_plugins(folder, command, ENDLESS, &endless);
    std::fs::write(folder.join("morag.toml"), ENDLESS_PIPELINE).expect("a file");
}

/// Opens event streams as one caller.
pub async fn streams(target: &mut Target, _: Size) -> Outcome {
    let open = |key: &'static str| target.request(key, Method::GET, "/api/v1/events").send();
    let all = (0..REQUESTS).map(|_| tokio::time::timeout(HELD_AFTER, open(ATTACKER)));
    let answers = futures::future::join_all(all).await;
    // While the attacker's streams are open.
    other_is_answered(tokio::time::timeout(PATIENCE, open(OTHER)).await, "a stream")?;
    let refused = refused_by("too_many_listeners", answers).await?;
    target.refused(format!("{REQUESTS} at once"), how(refused)).await
}

/// Requests of one caller that wait for a change of a task.
pub async fn waits(target: &mut Target, _: Size) -> Outcome {
    let submit = async |pipeline: &'static str| {
        let part = multipart::Part::bytes(morag_fixtures::one_page_markdown(1)).file_name("note.md");
        let form = multipart::Form::new().part("file", part).text("pipeline", pipeline);
        let submitted = target.request(ATTACKER, Method::POST, "/api/v1/ingest/file").multipart(form).send().await;
        let body: Value = submitted.map_err(text)?.json().await.map_err(text)?;
        body["task_id"].as_str().map(str::to_owned).ok_or_else(|| format!("no task: {body}"))
    };
    // While the worker runs the first task, the second does not change.
    submit("endless").await?;
    let task = submit("ingest").await?;
    let ask = |key: &'static str, path: String| target.request(key, Method::GET, &path).timeout(PATIENCE).send();
    let wait = |key, seconds: u32| ask(key, format!("/api/v1/status/{task}?wait={seconds}"));
    let all = (0..REQUESTS).map(|_| async { Ok(wait(ATTACKER, 5).await) });
    let attack = futures::future::join_all(all);
    let other = async { other_is_answered(tokio::time::timeout(PATIENCE, wait(OTHER, 1)).await, "a wait") };
    let (answers, other) = tokio::join!(attack, other);
    other?;
    let refused = refused_by("too_many_waits", answers).await?;
    let state: Value =
        ask(ATTACKER, format!("/api/v1/status/{task}")).await.map_err(text)?.json().await.map_err(text)?;
    if state["status"] != "pending" {
        return Err(format!("the worker is not held, so nobody waited for the task: {state}"));
    }
    target.refused(format!("{REQUESTS} at once"), how(refused)).await
}

/// Documents of one caller by URL, from a server that accepts connections but never responds.
pub async fn fetches(target: &mut Target, _: Size) -> Outcome {
    let silent = TcpListener::bind("127.0.0.1:0").await.map_err(text)?;
    let url = format!("http://{}/x.md", silent.local_addr().map_err(text)?);
    let hold = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = silent.accept().await {
            held.push(stream);
        }
    });
    let page = axum::Router::new().fallback(|| async { morag_fixtures::one_page_markdown(3) });
    let answering = TcpListener::bind("127.0.0.1:0").await.map_err(text)?;
    let good = format!("http://{}/x.md", answering.local_addr().map_err(text)?);
    let serve = tokio::spawn(async move { axum::serve(answering, page).await });
    let submit = |key: &'static str, url: &str| {
        let request = target.request(key, Method::POST, "/api/v1/ingest/url").json(&json!({ "url": url }));
        request.timeout(PATIENCE).send()
    };
    let attack = (0..REQUESTS).map(|_| tokio::time::timeout(HELD_AFTER, submit(ATTACKER, &url)));
    let attack = futures::future::join_all(attack);
    let other = async { other_is_answered(tokio::time::timeout(PATIENCE, submit(OTHER, &good)).await, "a fetch") };
    let (answers, other) = tokio::join!(attack, other);
    hold.abort();
    serve.abort();
    other?;
    let refused = refused_by("too_many_fetches", answers).await?;
    target.refused(format!("{REQUESTS} at once"), how(refused)).await
}

/// Number of requests that the share refused, by its code; the others must be held or answered. An error if there are none.
async fn refused_by(code: &str, answers: Vec<Answer>) -> Result<usize, String> {
    let mut refused = 0;
    for answer in answers {
        let Ok(answer) = answer else { continue };
        let answer = answer.map_err(text)?;
        let status = answer.status();
        if status.is_success() {
            continue;
        }
        let body: Value = answer.json().await.map_err(text)?;
        if status != StatusCode::TOO_MANY_REQUESTS || body["error_code"] != code {
            return Err(format!("one is answered {status}, and not {code}: {body}"));
        }
        refused += 1;
    }
    match refused {
        0 => Err(format!("{REQUESTS} at once were taken")),
        refused => Ok(refused),
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Creates named endpoints as one caller.
pub async fn endpoints(target: &mut Target, size: Size) -> Outcome {
    let most = if size == Size::Full { 20_000 } else { 2_000 };
    let create = |key: &'static str, number: usize| {
        let body = json!({ "url": format!("http://127.0.0.1:18999/{number}") });
        target.request(key, Method::POST, "/api/v1/webhooks/endpoints").json(&body).timeout(PATIENCE).send()
    };
    for number in 0..most {
        let answer = create(ATTACKER, number).await.map_err(|error| error.to_string())?;
        if answer.status().is_client_error() {
            let how = format!("{}", answer.status());
            other_is_answered(Ok(create(OTHER, 0).await), "an endpoint")?;
            return target.refused(format!("{number} endpoints"), how).await;
        }
        if !answer.status().is_success() {
            return Err(format!("endpoint {number} is answered {}", answer.status()));
        }
    }
    Err(format!("{most} endpoints were taken"))
}

fn how(refused: usize) -> String {
    format!("{refused} refused, the other caller was served")
}

fn other_is_answered(answer: Answer, what: &str) -> Result<(), String> {
    match answer {
        Ok(Ok(answer)) if answer.status().is_success() => Ok(()),
        Ok(Ok(answer)) => Err(format!("the other caller asks for {what} and is answered {}", answer.status())),
        Ok(Err(error)) => Err(format!("the other caller asks for {what}: {error}")),
        Err(_) => Err(format!("the other caller asks for {what} and is not answered")),
    }
}
