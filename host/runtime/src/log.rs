//! A step's log: its log calls and its printed output.

use morag_core::ports::LogLine;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

/// Longest line that is kept; the rest is cut.
const LINE_BYTES_MAX: usize = 4 << 10;

/// Last lines printed to stderr that are kept beside the log: a panic's text is a few lines, and tells why a step ended even where
/// the log was full before.
const TAIL_LINES: usize = 4;

/// Lines of a run, bounded. Clones share the lines.
#[derive(Debug, Clone)]
pub(crate) struct StepLog(Arc<Mutex<Lines>>);

#[derive(Debug)]
struct Lines {
    kept: Vec<LogLine>,
    lines_max: usize,
    /// Bytes of messages that may be kept, and that are kept.
    bytes_max: usize,
    bytes: usize,
    /// Lines and bytes of messages that were written, kept or not.
    lines_written: u64,
    bytes_written: u64,
    /// Lines that were cut or dropped, and the bytes that were lost.
    lines_cut: u64,
    bytes_cut: u64,
    /// The unfinished line of stdout and of stderr, and how many bytes of it were dropped.
    partial: [(Vec<u8>, u64); 2],
    stderr_tail: VecDeque<String>,
}

/// One of the guest's output streams.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stream {
    Stdout = 0,
    Stderr = 1,
}

impl StepLog {
    /// A log that keeps at most so many lines and so many bytes.
    pub(crate) fn new(lines_max: usize, bytes_max: usize) -> Self {
        Self(Arc::new(Mutex::new(Lines {
            kept: Vec::new(),
            lines_max,
            bytes_max,
            bytes: 0,
            lines_written: 0,
            bytes_written: 0,
            lines_cut: 0,
            bytes_cut: 0,
            partial: Default::default(),
            stderr_tail: VecDeque::new(),
        })))
    }

    fn lines(&self) -> std::sync::MutexGuard<'_, Lines> {
        // Nothing panics under the lock; a poisoned log can still be used.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push(&self, level: &str, message: &str) {
        self.lines().push(level, message, 0);
    }

    /// The stream for the guest. Writing never blocks and never fails, so that printing cannot trap.
    pub(crate) fn stream(&self, stream: Stream) -> GuestOutput {
        GuestOutput { log: self.clone(), stream }
    }

    /// The last lines that the guest printed to stderr, for a panic's text; at most `chars_max` characters.
    pub(crate) fn stderr_tail(&self, chars_max: usize) -> String {
        let mut lines = self.lines();
        lines.finish_partial();
        let text = lines.stderr_tail.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
        text.chars().take(chars_max).collect()
    }

    /// Lines and bytes that were written, kept or not.
    pub(crate) fn written(&self) -> (u64, u64) {
        let mut lines = self.lines();
        lines.finish_partial();
        (lines.lines_written, lines.bytes_written)
    }

    /// The lines, and a last one that tells how much was lost.
    pub(crate) fn take(&self) -> Vec<LogLine> {
        let mut lines = self.lines();
        lines.finish_partial();
        let mut kept = std::mem::take(&mut lines.kept);
        if lines.lines_cut > 0 {
            let (lines, bytes) = (lines.lines_cut, lines.bytes_cut);
            let message =
                format!("of {lines} lines {bytes} bytes were not kept: the log was full, or the line too long");
            kept.push(LogLine { level: "warn".into(), message });
        }
        kept
    }
}

impl Lines {
    /// Adds a line, as much of it as there is room for. `unseen`: bytes at its end that were dropped before.
    fn push(&mut self, level: &str, message: &str, unseen: u64) {
        self.lines_written = self.lines_written.saturating_add(1);
        self.bytes_written = self.bytes_written.saturating_add(message.len() as u64 + unseen);
        let room = match self.kept.len() < self.lines_max {
            true => LINE_BYTES_MAX.min(self.bytes_max - self.bytes),
            false => 0,
        };
        let (mut escaped, mut taken) = (String::new(), 0);
        for c in message.chars() {
            let before = escaped.len();
            match c.is_control() {
                true => escaped.extend(c.escape_default()),
                false => escaped.push(c),
            }
            if escaped.len() > room {
                escaped.truncate(before);
                break;
            }
            taken += c.len_utf8();
        }
        let cut = (message.len() - taken) as u64 + unseen;
        if cut > 0 {
            self.lines_cut = self.lines_cut.saturating_add(1);
            self.bytes_cut = self.bytes_cut.saturating_add(cut);
        }
        if self.kept.len() < self.lines_max && (cut == 0 || taken > 0) {
            self.bytes += escaped.len();
            if cut > 0 {
                escaped.push('…');
            }
            self.kept.push(LogLine { level: level.into(), message: escaped });
        }
    }

    fn print(&mut self, stream: Stream, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (partial, unseen) = &mut self.partial[stream as usize];
            let room = (LINE_BYTES_MAX + 1).saturating_sub(partial.len());
            let text = piece.strip_suffix(b"\n").unwrap_or(piece);
            let held = text.len().min(room);
            partial.extend_from_slice(&text[..held]);
            *unseen += (text.len() - held) as u64;
            if piece.ends_with(b"\n") {
                self.finish(stream);
            }
        }
    }

    /// Adds the unfinished line of a stream.
    fn finish(&mut self, stream: Stream) {
        let (line, unseen) = std::mem::take(&mut self.partial[stream as usize]);
        let line = String::from_utf8_lossy(&line);
        self.push(stream.level(), &line, unseen);
        if let Stream::Stderr = stream {
            if self.stderr_tail.len() == TAIL_LINES {
                self.stderr_tail.pop_front();
            }
            self.stderr_tail.push_back(line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect());
        }
    }

    fn finish_partial(&mut self) {
        for stream in [Stream::Stdout, Stream::Stderr] {
            if !self.partial[stream as usize].0.is_empty() {
                self.finish(stream);
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

/// The guest's end of a stream.
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
        // The most of one call; lines are cut far below it.
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
        let log = StepLog::new(2, 1 << 20);
        log.push("info", &"x".repeat(10_000));
        log.push("info", "b");
        log.push("info", "c");
        log.push("info", "dd");
        assert_eq!(log.written(), (4, 10_004));
        let kept = messages(&log);
        assert_eq!(kept[0].len(), LINE_BYTES_MAX + '…'.len_utf8());
        let cut = 10_000 - LINE_BYTES_MAX + 3;
        let last = format!("of 3 lines {cut} bytes were not kept: the log was full, or the line too long");
        assert_eq!(kept[1..], ["b".to_owned(), last]);
    }

    #[test]
    fn bytes_are_bounded_over_all_lines() {
        let log = StepLog::new(9, 10);
        for line in ["12345", "678", "9ä!", "none", ""] {
            log.push("info", line);
        }
        let last = "of 2 lines 6 bytes were not kept: the log was full, or the line too long";
        assert_eq!(messages(&log), ["12345", "678", "9…", "n…", "", last]);
    }

    #[test]
    fn control_characters_cannot_forge_a_line() {
        let log = StepLog::new(9, 1000);
        log.push("info", "a\nERROR forged\u{1b}[31m");
        assert_eq!(messages(&log), ["a\\nERROR forged\\u{1b}[31m"]);
    }

    #[test]
    fn printed_bytes_become_lines_and_the_last_may_be_unfinished() {
        let log = StepLog::new(9, 1000);
        log.lines().print(Stream::Stderr, b"one\n\ntw");
        log.lines().print(Stream::Stderr, b"o\nthree");
        assert_eq!(log.stderr_tail(100), "one  two three");
        assert_eq!(messages(&log), ["one", "", "two", "three"]);
    }

    #[test]
    fn a_panics_text_is_known_though_the_log_is_full() {
        let log = StepLog::new(1, 1000);
        (0..9).for_each(|line| log.lines().print(Stream::Stderr, format!("{line}\n").as_bytes()));
        log.lines().print(Stream::Stderr, b"panicked\tat");
        assert_eq!(log.stderr_tail(100), "6 7 8 panicked at");
    }

    #[test]
    fn an_endless_line_is_held_in_bounded_memory_and_counted_whole() {
        let log = StepLog::new(9, 1 << 20);
        (0..1000).for_each(|_| log.lines().print(Stream::Stdout, &[b'x'; 1000]));
        assert!(log.lines().partial[0].0.len() <= LINE_BYTES_MAX + 1);
        assert_eq!(log.written(), (1, 1_000_000));
    }
}
