//! Bodies that are larger, longer or slower than those of any client.

use crate::Size;
use crate::report::Outcome;
use crate::target::{ATTACKER, Target};
use morag_tests::server::PATIENCE;
use reqwest::{Method, StatusCode, multipart};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Metadata just below the limit of a task (64 KiB), as JSON text.
const METADATA_BYTES: usize = 63 << 10;
/// Metadata above the limit; a batch with the maximum number of such items is still within the limit of a body (4 MiB).
const METADATA_BYTES_TOO_MANY: usize = 76 << 10;
/// Maximum number of items in a batch.
const ITEMS: usize = 50;
/// Fields with three-letter names in 2 MB.
const FIELDS: usize = 249_138;
/// Memory that accepting or refusing one batch may use.
const BATCH_BYTES_MAX: u64 = 200 << 20;
/// Memory that listing worst-case tasks may use (issue 11).
const LISTING_BYTES_MAX: u64 = 50 << 20;
/// Largest response to a bad request: a few lines.
const ANSWER_BYTES_MAX: usize = 16 << 10;
/// A server that still reads a JSON body after this time has no time limit.
const SLOW_MAX: Duration = Duration::from_secs(180);

/// A batch with the maximum number of items, each with the largest allowed metadata in the form that uses most memory; then four concurrent
/// lists of the tasks; then the same with metadata above the limit: such a batch and its list used 5.5 GB.
pub async fn batch_of_large_metadata(target: &mut Target, _: Size) -> Outcome {
    let site = axum::Router::new().fallback(|| async { morag_fixtures::one_page_markdown(1) });
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
    let url = format!("http://{}/x.md", listener.local_addr().map_err(|error| error.to_string())?);
    let serving = tokio::spawn(async move { axum::serve(listener, site).await });
    let before = target.forget_peak();
    let answer = batch(target, batch_of_metadata(&url, METADATA_BYTES)).await;
    serving.abort();
    let (status, body) = answer?;
    let accepted = body["task_ids"].as_array().map_or(0, Vec::len);
    if accepted != ITEMS {
        return Err(format!("this is within the limits, and is answered {status}: {body}"));
    }
    let more = cheap(target, before)?;
    let before = target.forget_peak();
    list_by_four(target, "/api/v1/status?limit=1000").await?;
    let listed = target.peak().ok_or("the server ended")?.saturating_sub(before);
    if listed > LISTING_BYTES_MAX {
        return Err(format!("four lists at once of {accepted} tasks took {} MiB", listed >> 20));
    }
    let before = target.forget_peak();
    let (status, body) = batch(target, batch_of_metadata(&url, METADATA_BYTES_TOO_MANY)).await?;
    let rejected = body["rejected"].as_array().map_or(&[][..], Vec::as_slice);
    let by_the_limit = |item: &&Value| item["status"] == 422 && item.to_string().contains("metadata has");
    if status != 200 || rejected.iter().filter(by_the_limit).count() != ITEMS {
        return Err(format!("metadata above the limit is answered {status}: {body}"));
    }
    let of_refused = cheap(target, before)?;
    let cost = format!("{more}, {} and {of_refused} MiB more", listed >> 20);
    target.refused(format!("{accepted} tasks, listed by four, and {ITEMS} refused"), cost).await
}

/// The JSON of a batch in which each item has metadata of this many bytes of empty objects, the form with the most memory per byte of text.
fn batch_of_metadata(url: &str, bytes: usize) -> String {
    let padding = "{},".repeat(bytes / "{},".len());
    let item = format!(r#"{{"url":"{url}","metadata":{{"a":[{padding}{{}}]}}}}"#);
    format!(r#"{{"items":[{}]}}"#, vec![item; ITEMS].join(","))
}

/// A batch of 2 MB whose items are all refused because of very many shared fields; it used 2.7 GB.
pub async fn batch_of_many_fields(target: &mut Target, _: Size) -> Outcome {
    let before = target.forget_peak();
    let letters: Vec<char> = ('a'..='z').chain('A'..='Z').chain('0'..='9').chain(['_']).collect();
    let name =
        |number: usize| -> String { [1, 63, 63 * 63].map(|by| letters[number / by % letters.len()]).iter().collect() };
    let fields: String = (0..FIELDS).map(|number| format!(r#""{}":1,"#, name(number))).collect();
    let body = format!(r#"{{{fields}"items":[{}]}}"#, vec![r#""x""#; ITEMS].join(","));
    let sent = format!("{:.1} MB", body.len() as f64 / 1e6);
    let (status, body) = batch(target, body).await?;
    if status != 422 || !body.to_string().contains("an object has at most 256 fields") {
        return Err(format!("it is answered {status}: {body}"));
    }
    let more = cheap(target, before)?;
    target.refused(sent, format!("{status}, {more} MiB more")).await
}

async fn batch(target: &Target, body: String) -> Result<(u16, Value), String> {
    let request = target.request(ATTACKER, Method::POST, "/api/v1/ingest/batch").body(body);
    let request = request.header("content-type", "application/json").timeout(PATIENCE);
    let answer = request.send().await.map_err(|error| format!("the batch: {error}"))?;
    Ok((answer.status().as_u16(), answer.json().await.unwrap_or_default()))
}

/// Memory that a batch used at most, MiB. An error if it is above the limit.
fn cheap(target: &mut Target, before: u64) -> Result<u64, String> {
    match target.peak().ok_or("the server ended")?.saturating_sub(before) {
        grown if grown > BATCH_BYTES_MAX => Err(format!("it took {} MiB", grown >> 20)),
        grown => Ok(grown >> 20),
    }
}

/// Requests a list four times concurrently.
async fn list_by_four(target: &Target, path: &str) -> Result<(), String> {
    let answers = (0..4).map(|_| target.request(ATTACKER, Method::GET, path).timeout(PATIENCE).send());
    for answer in futures::future::join_all(answers).await {
        let answer = answer.map_err(|error| format!("{path}: {error}"))?;
        if answer.status() != StatusCode::OK {
            return Err(format!("{path} is answered {}", answer.status()));
        }
        answer.bytes().await.map_err(|error| format!("{path}: {error}"))?;
    }
    Ok(())
}

/// Tasks with the largest allowed metadata, listed repeatedly.
pub async fn listing(target: &mut Target, size: Size) -> Outcome {
    let tasks = if size == Size::Full { 1000 } else { 100 };
    let metadata = json!({ "note": "m".repeat(METADATA_BYTES) }).to_string();
    for number in 0..tasks {
        let part = multipart::Part::bytes(morag_fixtures::one_page_markdown(number)).file_name("note.md");
        let form = multipart::Form::new().part("file", part).text("metadata", metadata.clone());
        let request = target.request(ATTACKER, Method::POST, "/api/v1/ingest/file").multipart(form);
        let answer = request.send().await.map_err(|error| format!("task {number}: {error}"))?;
        let status = answer.status();
        if status != StatusCode::OK {
            return Err(format!("task {number} is answered {status}: {}", answer.text().await.unwrap_or_default()));
        }
    }
    // Excludes the memory used for accepting and running them.
    let before = target.forget_peak();
    for path in ["/api/v1/status?limit=1000", "/api/v1/status/events/recent?limit=1000"] {
        list_by_four(target, path).await?;
    }
    let grown = target.peak().ok_or("the server ended")?.saturating_sub(before);
    if grown > LISTING_BYTES_MAX {
        return Err(format!("four lists at once of {tasks} tasks took {} MiB", grown >> 20));
    }
    target.refused(format!("{tasks} tasks, listed by four at once"), format!("{} MiB more", grown >> 20)).await
}

/// A form whose only field has a name of 105 MiB; the response had 315 MiB.
pub async fn field_name(target: &mut Target, size: Size) -> Outcome {
    let mib = if size == Size::Full { 105 } else { 20 };
    let head = b"--b\r\nContent-Disposition: form-data; name=\"".to_vec();
    let end = b"\"\r\n\r\nx\r\n--b--\r\n".to_vec();
    let (sent, answer) = post_form(target, head, b"n", mib << 20, end).await?;
    refused_form(target, sent, answer).await
}

/// Endless part headers on 20 connections; they used 2 GiB.
pub async fn part_headers(target: &mut Target, size: Size) -> Outcome {
    let mib = if size == Size::Full { 100 } else { 20 };
    let head = || b"--b\r\nContent-Disposition: form-data; name=\"file\"\r\nX-Padding: ".to_vec();
    let forms = (0..20).map(|_| post_form(target, head(), b"h", mib << 20, Vec::new()));
    let mut last = None;
    for form in futures::future::join_all(forms).await {
        let (sent, answer) = form?;
        if !is_refused(&answer) {
            return Err(format!("after {} MiB the answer was {:?}", sent >> 20, first_line(&answer)));
        }
        last = Some((sent, answer));
    }
    let (sent, answer) = last.ok_or("no connection")?;
    refused_form(target, sent, answer).await
}

/// A form with endless text before the first part.
pub async fn preamble(target: &mut Target, size: Size) -> Outcome {
    let mib = if size == Size::Full { 256 } else { 20 };
    let (sent, answer) = post_form(target, Vec::new(), b"p", mib << 20, Vec::new()).await?;
    refused_form(target, sent, answer).await
}

/// A form with very many empty parts.
pub async fn empty_parts(target: &mut Target, _: Size) -> Outcome {
    let part = b"--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n\r\n";
    let (sent, answer) = post_form(target, Vec::new(), part, part.len() * 100_000, b"--b--\r\n".to_vec()).await?;
    refused_form(target, sent, answer).await
}

/// A JSON body that never ends.
pub async fn slow_json(target: &mut Target, _: Size) -> Outcome {
    let mut stream = TcpStream::connect(target.address()).await.map_err(|error| error.to_string())?;
    let head = format!(
        "POST /api/v1/ingest/url HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {ATTACKER}\r\n\
         Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.map_err(|error| error.to_string())?;
    let started = Instant::now();
    let mut answer = vec![0; 4096];
    while started.elapsed() < SLOW_MAX {
        if stream.write_all(b" ").await.is_err() {
            break;
        }
        // The pause is the attack.
        let read = tokio::time::timeout(Duration::from_secs(1), stream.read(&mut answer)).await;
        if let Ok(read) = read {
            let read = read.unwrap_or_default();
            let after = format!("{} s", started.elapsed().as_secs());
            let line = first_line(&answer[..read]);
            return target.refused(after, if line.is_empty() { "closed".to_owned() } else { line }).await;
        }
    }
    Err(format!("the body is still read after {} s", started.elapsed().as_secs()))
}

/// Sends a form to `ingest/file`: the head, then one piece repeatedly up to this many bytes, then the end. Returns the number of bytes sent
/// before the server answered or closed, and the response.
async fn post_form(
    target: &Target,
    head: Vec<u8>,
    piece: &[u8],
    bytes: usize,
    end: Vec<u8>,
) -> Result<(usize, Vec<u8>), String> {
    let stream = TcpStream::connect(target.address()).await.map_err(|error| error.to_string())?;
    let (mut reading, mut writing) = stream.into_split();
    let all = head.len() + bytes + end.len();
    let request = format!(
        "POST /api/v1/ingest/file HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {ATTACKER}\r\n\
         Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {all}\r\nConnection: close\r\n\r\n"
    );
    let pieces = piece.repeat((64 << 10) / piece.len());
    let send = async {
        let mut sent = 0;
        let mut parts = vec![request.into_bytes(), head];
        for part in parts.drain(..) {
            if writing.write_all(&part).await.is_err() {
                return sent;
            }
        }
        while sent < bytes {
            let next = &pieces[..pieces.len().min(bytes - sent)];
            if writing.write_all(next).await.is_err() {
                return sent;
            }
            sent += next.len();
        }
        // The server may have closed the connection: then the response says so.
        let _ = writing.write_all(&end).await;
        sent
    };
    let read = async {
        let mut answer = Vec::new();
        // Above the limit, so that a longer response is noticed.
        let limited = (&mut reading).take(ANSWER_BYTES_MAX as u64 * 4);
        tokio::pin!(limited);
        let _ = limited.read_to_end(&mut answer).await;
        answer
    };
    let both = async { tokio::join!(send, read) };
    tokio::time::timeout(PATIENCE, both).await.map_err(|_| "neither an answer nor an end".to_owned())
}

async fn refused_form(target: &Target, sent: usize, answer: Vec<u8>) -> Outcome {
    if !is_refused(&answer) {
        return Err(format!("after {} MiB the answer was {:?}", sent >> 20, first_line(&answer)));
    }
    if answer.len() > ANSWER_BYTES_MAX {
        return Err(format!("the answer has more than {} KiB", ANSWER_BYTES_MAX >> 10));
    }
    // Bytes that the client passed to its system by then, with the socket buffers.
    target.refused(format!("{} KiB sent", sent >> 10), first_line(&answer)).await
}

fn is_refused(answer: &[u8]) -> bool {
    answer.is_empty() || answer.starts_with(b"HTTP/1.1 4")
}

fn first_line(answer: &[u8]) -> String {
    let line = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
    match line.is_empty() {
        true => "closed".to_owned(),
        false => String::from_utf8_lossy(&line[..line.len().min(80)]).into_owned(),
    }
}
