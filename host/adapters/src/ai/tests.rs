//! No error and no log line contains the key, whatever the service responds.

use super::{OpenAiCompleter, OpenAiService};
use morag_core::Secret;
use morag_core::ports::{Completer as _, CompletionRequest, Message, Role};
use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

const KEY: &str = "s3cr3t_key_of_the_host";

/// Records every event as text.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<String>>);

impl Visit for Kept {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = writeln!(self.0.lock().unwrap(), "{field}={value:?}");
    }
}

impl Subscriber for Kept {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut self.clone());
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, record: &Record<'_>) {
        record.record(&mut self.clone());
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// A service that responds with a status and repeats the head of the request in its body. Returns its address.
async fn echo(status: u16) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = vec![0; 64 << 10];
            let read = stream.read(&mut head).await.unwrap();
            let said = String::from_utf8_lossy(&head[..read]).into_owned();
            assert!(said.contains(&format!("Bearer {KEY}")), "the key was not sent: {said}");
            let code = serde_json::json!({"error": {"code": KEY, "type": KEY, "message": said}}).to_string();
            let answer =
                format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nlocation: /{KEY}\r\n\r\n{code}", code.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    format!("http://{address}/v1")
}

#[tokio::test]
async fn the_key_is_in_no_error_and_no_log() {
    let kept = Kept::default();
    let _guard = tracing::subscriber::set_default(kept.clone());
    for status in [200, 302, 400, 401, 403, 404, 429, 500, 503] {
        let service = OpenAiService::new(&echo(status).await, Some(Secret::new(KEY))).unwrap();
        let completer = OpenAiCompleter::new(service, "m".into(), Duration::from_secs(20));
        let message = Message { role: Role::User, content: "hello".into() };
        let request =
            CompletionRequest { messages: vec![message], tokens_max: None, temperature: None, response_schema: None };
        let error = completer.complete(request).await.unwrap_err();
        assert!(!format!("{error:?} {error}").contains("s3cr3t"), "{status}: {error:?}");
    }
    let logged = kept.0.lock().unwrap().clone();
    assert!(logged.contains("the service for completions"), "nothing was logged: {logged}");
    assert!(!logged.contains("s3cr3t"), "{logged}");
}
