//! What one caller takes of what all share, while another one is to be served.

use crate::Size;
use crate::report::Outcome;
use crate::target::{ATTACKER, OTHER, Target};
use morag_tests::server::PATIENCE;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpListener;

/// More than any share.
const REQUESTS: usize = 600;
/// How long the attacker's requests are given to be answered, where they are refused; those that hold are dropped later.
const REFUSED_WITHIN: Duration = Duration::from_secs(10);

/// Event streams of one caller.
pub async fn streams(target: &mut Target, _: Size) -> Outcome {
    let open = |key: &'static str| target.request(key, Method::GET, "/api/v1/events").send();
    let mut held = Vec::new();
    let mut refused = 0;
    for _ in 0..REQUESTS {
        match tokio::time::timeout(REFUSED_WITHIN, open(ATTACKER)).await {
            Ok(Ok(answer)) if answer.status() == StatusCode::OK => held.push(answer),
            _ => refused += 1,
        }
        if refused > 3 {
            break;
        }
    }
    other_is_answered(tokio::time::timeout(PATIENCE, open(OTHER)).await, "a stream")?;
    target.refused(format!("{} streams", held.len()), how(refused)).await
}

/// Requests of one caller that wait for a task's next change.
pub async fn waits(target: &mut Target, _: Size) -> Outcome {
    // Of a task that has not ended: one whose document is fetched from nowhere would be refused, so of a small document.
    let part = reqwest::multipart::Part::bytes(morag_fixtures::one_page_markdown(2)).file_name("note.md");
    let form = reqwest::multipart::Form::new().part("file", part);
    let submitted = target.request(ATTACKER, Method::POST, "/api/v1/ingest/file").multipart(form).send().await;
    let body: Value = submitted.map_err(|error| error.to_string())?.json().await.map_err(|error| error.to_string())?;
    let task = body["task_id"].as_str().ok_or("no task")?.to_owned();
    let wait = |key: &'static str, seconds: u32| {
        target.request(key, Method::GET, &format!("/api/v1/status/{task}?wait={seconds}")).timeout(PATIENCE).send()
    };
    let all = (0..REQUESTS).map(|_| wait(ATTACKER, 5));
    let attack = futures::future::join_all(all);
    let other = async { other_is_answered(tokio::time::timeout(PATIENCE, wait(OTHER, 1)).await, "a wait") };
    let (answers, other) = tokio::join!(attack, other);
    other?;
    let refused = answers.iter().filter(|answer| !matches!(answer, Ok(answer) if answer.status() == 200)).count();
    target.refused(format!("{REQUESTS} at once"), how(refused)).await
}

/// Documents of one caller by URL, from a server that takes connections and never answers.
pub async fn fetches(target: &mut Target, _: Size) -> Outcome {
    let silent = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
    let url = format!("http://{}/x.md", silent.local_addr().map_err(|error| error.to_string())?);
    let hold = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = silent.accept().await {
            held.push(stream);
        }
    });
    let page = axum::Router::new().fallback(|| async { morag_fixtures::one_page_markdown(3) });
    let answering = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
    let good = format!("http://{}/x.md", answering.local_addr().map_err(|error| error.to_string())?);
    let serve = tokio::spawn(async move { axum::serve(answering, page).await });
    let submit = |key: &'static str, url: &str| {
        let request = target.request(key, Method::POST, "/api/v1/ingest/url").json(&json!({ "url": url }));
        request.timeout(PATIENCE).send()
    };
    let attack = (0..REQUESTS).map(|_| tokio::time::timeout(REFUSED_WITHIN, submit(ATTACKER, &url)));
    let attack = futures::future::join_all(attack);
    let other = async { other_is_answered(tokio::time::timeout(PATIENCE, submit(OTHER, &good)).await, "a fetch") };
    let (answers, other) = tokio::join!(attack, other);
    hold.abort();
    serve.abort();
    other?;
    let refused = answers.iter().filter(|answer| matches!(answer, Ok(Ok(answer)) if answer.status() == 429)).count();
    target.refused(format!("{REQUESTS} at once"), how(refused)).await
}

/// Named endpoints of one caller.
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

fn other_is_answered(
    answer: Result<Result<Response, reqwest::Error>, tokio::time::error::Elapsed>,
    what: &str,
) -> Result<(), String> {
    match answer {
        Ok(Ok(answer)) if answer.status().is_success() => Ok(()),
        Ok(Ok(answer)) => Err(format!("the other caller asks for {what} and is answered {}", answer.status())),
        Ok(Err(error)) => Err(format!("the other caller asks for {what}: {error}")),
        Err(_) => Err(format!("the other caller asks for {what} and is not answered")),
    }
}
