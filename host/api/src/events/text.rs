//! The text of an event stream. No value contains a line break: ids and types are the server's own, bodies are JSON on one line.

use std::fmt::{Display, Write as _};

/// Milliseconds after which a client connects again: long enough for a server that restarts, short enough for a person who
/// waits.
const RETRY_MS: u32 = 3000;

/// Text of a stream, block by block.
#[derive(Debug, Default)]
pub(super) struct Text(String);

impl Text {
    /// The beginning of a stream, with the id to resume after if the connection breaks before the first event.
    pub(super) fn opening(id: Option<&dyn Display>) -> Self {
        let mut text = Self::default();
        // Writing to a string cannot fail; so below.
        let _ = writeln!(text.0, "retry: {RETRY_MS}");
        if let Some(id) = id {
            let _ = writeln!(text.0, "id: {id}");
        }
        text.0.push('\n');
        text
    }

    /// An event.
    pub(super) fn event(&mut self, id: &dyn Display, event_type: &str, body: &str) {
        let _ = write!(self.0, "id: {id}\nevent: {event_type}\ndata: {body}\n\n");
    }

    /// A comment, which clients ignore, with the id to resume after if it has changed: a block without data dispatches no event, but
    /// sets the id.
    pub(super) fn comment(&mut self, comment: &str, id: Option<&dyn Display>) {
        let _ = writeln!(self.0, ": {comment}");
        if let Some(id) = id {
            let _ = writeln!(self.0, "id: {id}");
        }
        self.0.push('\n');
    }

    /// Whether it is empty.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Its length, bytes.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl From<Text> for axum::body::Bytes {
    fn from(text: Text) -> Self {
        text.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_as_the_standard_writes_them() {
        assert_eq!(Text::opening(None).0, "retry: 3000\n\n");
        assert_eq!(Text::opening(Some(&"5.x")).0, "retry: 3000\nid: 5.x\n\n");
        let mut text = Text::default();
        assert!(text.is_empty());
        text.event(&7, "task_started", r#"{"a":1}"#);
        text.comment("heartbeat", None);
        text.comment("heartbeat", Some(&8));
        assert_eq!(text.0, "id: 7\nevent: task_started\ndata: {\"a\":1}\n\n: heartbeat\n\n: heartbeat\nid: 8\n\n");
    }
}
