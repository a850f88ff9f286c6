//! A client for Server-Sent Events (WHATWG HTML, section 9.2.6).

use crate::server::{API_KEY, PATIENCE, Server};
use reqwest::{Response, StatusCode};
use serde_json::Value;

/// A received event.
#[derive(Debug, Clone, PartialEq)]
pub struct SseEvent {
    /// Id to send when reconnecting.
    pub id: String,
    /// Its type.
    pub event: String,
    /// Its data.
    pub data: Value,
}

/// An item of a stream.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// An event.
    Event(SseEvent),
    /// Comments without an event.
    Comment(String),
    /// The end: `true` if the response was complete, `false` if the connection broke.
    End(bool),
}

/// A connection to a stream.
pub struct EventSource {
    response: Response,
    bytes: Vec<u8>,
    /// Last received id; empty before the first.
    pub last_id: String,
    /// Reconnection delay requested by the server, milliseconds.
    pub retry: Option<u64>,
}

impl EventSource {
    /// Connects, resuming after `last_id` if given. The stream must exist.
    pub async fn connect(server: &Server, path: &str, last_id: Option<&str>) -> Self {
        let response = request(&server.client, &server.url, path, last_id).await;
        assert_eq!(response.status(), StatusCode::OK, "GET {path} after {last_id:?}");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, bytes: Vec::new(), last_id: last_id.unwrap_or_default().to_owned(), retry: None }
    }

    /// The next item. Panics if nothing arrives for long.
    pub async fn next(&mut self) -> Block {
        loop {
            if let Some(end) = self.bytes.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = self.bytes.drain(..end + 2).collect();
                match self.read(std::str::from_utf8(&block[..end]).expect("a text")) {
                    Some(block) => return block,
                    None => continue,
                }
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await.expect("something comes");
            match chunk {
                Ok(Some(bytes)) => self.bytes.extend_from_slice(&bytes),
                Ok(None) => return Block::End(true),
                Err(_) => return Block::End(false),
            }
        }
    }

    fn read(&mut self, block: &str) -> Option<Block> {
        let (mut event, mut data, mut comments) = (String::new(), Vec::new(), Vec::new());
        for line in block.lines() {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "" => comments.push(value),
                "id" => self.last_id = value.to_owned(),
                "event" => event = value.to_owned(),
                "data" => data.push(value),
                "retry" => self.retry = Some(value.parse().expect("milliseconds")),
                other => panic!("{other:?} is not a field"),
            }
        }
        if !data.is_empty() {
            let data = serde_json::from_str(&data.join("\n")).expect("a JSON body");
            return Some(Block::Event(SseEvent { id: self.last_id.clone(), event, data }));
        }
        (!comments.is_empty()).then(|| Block::Comment(comments.join("\n")))
    }

    /// The next event; `None` at the end. Skips comments.
    pub async fn event(&mut self) -> Option<SseEvent> {
        loop {
            match self.next().await {
                Block::Event(event) => return Some(event),
                Block::Comment(_) => {}
                Block::End(_) => return None,
            }
        }
    }
}

/// Requests a stream and returns any response.
pub async fn request(client: &reqwest::Client, url: &str, path: &str, last_id: Option<&str>) -> Response {
    let mut request = client.get(format!("{url}{path}")).bearer_auth(API_KEY);
    if let Some(id) = last_id {
        request = request.header("Last-Event-ID", id);
    }
    request.send().await.expect("an answer")
}
