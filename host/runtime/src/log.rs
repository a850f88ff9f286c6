//! A step's log: what it logs, and what it prints.

use morag_core::ports::LogLine;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

/// Longest line that is kept; the rest is cut.
const LINE_BYTES_MAX: usize = 4 << 10;

/// Lines of a run, bounded. Clones share the lines.
#[derive(Debug, Clone)]
pub(crate) struct StepLog(Arc<Mutex<Lines>>);

#[derive(Debug)]
struct Lines {
    kept: Vec<LogLine>,
    lines_max: usize,
    dropped: u64,
    /// The unfinished line of stdout and of stderr.
    partial: [Vec<u8>; 2],
}

/// One of the guest's output streams.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stream {
    Stdout = 0,
    Stderr = 1,
}

impl StepLog {
    pub(crate) fn new(lines_max: usize) -> Self {
        Self(Arc::new(Mutex::new(Lines { kept: Vec::new(), lines_max, dropped: 0, partial: Default::default() })))
    }

    fn lines(&self) -> std::sync::MutexGuard<'_, Lines> {
        // Nothing panics under the lock; a poisoned log is still a log.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push(&self, level: &str, message: &str) {
        self.lines().push(level, message);
    }

    /// The stream's end, to be given to the guest. Writing never blocks and never fails, so that printing cannot trap.
    pub(crate) fn stream(&self, stream: Stream) -> GuestOutput {
        GuestOutput { log: self.clone(), stream }
    }

    /// What the guest printed to stderr, last lines first cut, for a panic's text; at most `chars_max` characters.
    pub(crate) fn stderr_tail(&self, chars_max: usize) -> String {
        let mut lines = self.lines();
        lines.finish_partial();
        let printed: Vec<_> = lines.kept.iter().filter(|line| line.level == "stderr").collect();
        let text = printed.iter().rev().take(4).rev().map(|line| line.message.as_str()).collect::<Vec<_>>().join(" ");
        text.chars().take(chars_max).collect()
    }

    /// The lines, and a last one that says how many were dropped.
    pub(crate) fn take(&self) -> Vec<LogLine> {
        let mut lines = self.lines();
        lines.finish_partial();
        let mut kept = std::mem::take(&mut lines.kept);
        if lines.dropped > 0 {
            let message = format!("{} more lines were not kept", lines.dropped);
            kept.push(LogLine { level: "warn".into(), message });
        }
        kept
    }
}

impl Lines {
    fn push(&mut self, level: &str, message: &str) {
        if self.kept.len() >= self.lines_max {
            self.dropped += 1;
            return;
        }
        let mut escaped = String::new();
        for c in message.chars() {
            if escaped.len() >= LINE_BYTES_MAX {
                escaped.push('…');
                break;
            }
            match c.is_control() {
                true => escaped.extend(c.escape_default()),
                false => escaped.push(c),
            }
        }
        self.kept.push(LogLine { level: level.into(), message: escaped });
    }

    fn print(&mut self, stream: Stream, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let partial = &mut self.partial[stream as usize];
            let room = (LINE_BYTES_MAX + 1).saturating_sub(partial.len());
            let text = piece.strip_suffix(b"\n").unwrap_or(piece);
            partial.extend_from_slice(&text[..text.len().min(room)]);
            if piece.ends_with(b"\n") {
                let line = std::mem::take(partial);
                self.push(stream.level(), &String::from_utf8_lossy(&line));
            }
        }
    }

    fn finish_partial(&mut self) {
        for stream in [Stream::Stdout, Stream::Stderr] {
            let line = std::mem::take(&mut self.partial[stream as usize]);
            if !line.is_empty() {
                self.push(stream.level(), &String::from_utf8_lossy(&line));
            }
        }
    }
}

impl Stream {
    fn level(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// What a guest writes its output to.
#[derive(Debug, Clone)]
pub(crate) struct GuestOutput {
    log: StepLog,
    stream: Stream,
}

impl IsTerminal for GuestOutput {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for GuestOutput {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn wasmtime_wasi::p2::OutputStream> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for GuestOutput {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        self.log.lines().print(self.stream, bytes);
        Poll::Ready(Ok(bytes.len()))
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[async_trait::async_trait]
impl wasmtime_wasi::p2::Pollable for GuestOutput {
    async fn ready(&mut self) {}
}

impl wasmtime_wasi::p2::OutputStream for GuestOutput {
    fn write(&mut self, bytes: bytes::Bytes) -> Result<(), wasmtime_wasi::p2::StreamError> {
        self.log.lines().print(self.stream, &bytes);
        Ok(())
    }
    fn flush(&mut self) -> Result<(), wasmtime_wasi::p2::StreamError> {
        Ok(())
    }
    fn check_write(&mut self) -> Result<usize, wasmtime_wasi::p2::StreamError> {
        // A call carries at most this much: lines are cut far earlier.
        Ok(64 << 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(log: &StepLog) -> Vec<String> {
        log.take().into_iter().map(|line| line.message).collect()
    }

    #[test]
    fn lines_are_bounded_in_number_and_length() {
        let log = StepLog::new(2);
        log.push("info", &"x".repeat(10_000));
        log.push("info", "b");
        log.push("info", "c");
        log.push("info", "d");
        let kept = messages(&log);
        assert!(kept[0].len() <= LINE_BYTES_MAX + '…'.len_utf8());
        assert_eq!(kept[1..], ["b".to_owned(), "2 more lines were not kept".to_owned()]);
    }

    #[test]
    fn control_characters_cannot_forge_a_line() {
        let log = StepLog::new(9);
        log.push("info", "a\nERROR forged\u{1b}[31m");
        assert_eq!(messages(&log), ["a\\nERROR forged\\u{1b}[31m"]);
    }

    #[test]
    fn printed_bytes_become_lines_and_the_last_may_be_unfinished() {
        let log = StepLog::new(9);
        log.lines().print(Stream::Stderr, b"one\ntw");
        log.lines().print(Stream::Stderr, b"o\nthree");
        assert_eq!(log.stderr_tail(100), "one two three");
        assert_eq!(messages(&log), ["one", "two", "three"]);
    }

    #[test]
    fn an_endless_line_is_held_in_bounded_memory() {
        let log = StepLog::new(9);
        (0..1000).for_each(|_| log.lines().print(Stream::Stdout, &[b'x'; 1000]));
        assert!(log.lines().partial[0].len() <= LINE_BYTES_MAX + 1);
    }
}
