//! A minimal webhook receiver with a thread per connection, fast enough that the server is what limits the benchmark.
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

/// Maximum body size, bytes; bodies of the benchmark have a few KiB.
const BODY_BYTES_MAX: usize = 1 << 20;

/// A received delivery.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// `X-MoRAG-Event`.
    pub event: String,
    /// Milliseconds from the event's `timestamp` (its commit) to the receipt.
    pub latency_ms: i64,
    /// Time of receipt.
    pub at: Instant,
}

/// A receiver that runs in threads of this process until the process ends.
#[derive(Clone)]
pub struct Receiver {
    /// URL of the webhook.
    pub url: String,
    receipts: Arc<Mutex<Vec<Receipt>>>,
}

impl Receiver {
    /// Starts a receiver on a free loopback port.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("no free port for the receiver")?;
        let url = format!("http://{}/webhook", listener.local_addr()?);
        let receiver = Self { url, receipts: Arc::default() };
        let kept = receiver.receipts.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = kept.clone();
                // Errors mean that the server closed the connection.
                std::thread::spawn(move || drop(serve(&stream, &kept)));
            }
        });
        Ok(receiver)
    }

    /// Received deliveries, in order of arrival.
    pub fn receipts(&self) -> Vec<Receipt> {
        self.receipts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Number of received deliveries of an event type, and of all.
    pub fn counts(&self, event: &str) -> (usize, usize) {
        let receipts = self.receipts.lock().unwrap_or_else(PoisonError::into_inner);
        (receipts.iter().filter(|receipt| receipt.event == event).count(), receipts.len())
    }

    /// Number of received deliveries.
    pub fn len(&self) -> usize {
        self.receipts.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Drops the received deliveries.
    pub fn clear(&self) {
        self.receipts.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn serve(stream: &TcpStream, kept: &Mutex<Vec<Receipt>>) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    loop {
        let (mut length, mut event, mut line) = (0, String::new(), String::new());
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let Some((name, value)) = line.trim_end().split_once(':') else {
                if line.trim_end().is_empty() {
                    break;
                }
                continue;
            };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse::<usize>()?.min(BODY_BYTES_MAX),
                "x-morag-event" => value.trim().clone_into(&mut event),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let latency_ms = now.as_millis() as i64 - committed_ms(&body)?;
        kept.lock().unwrap_or_else(PoisonError::into_inner).push(Receipt { event, latency_ms, at: Instant::now() });
        writer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
    }
}

/// The event's `timestamp`, in milliseconds since the epoch. Finds the first one in the body without parsing it, to keep the
/// receiver cheap; a body's timestamps are all equal.
fn committed_ms(body: &[u8]) -> Result<i64> {
    let body = std::str::from_utf8(body)?;
    let (_, rest) = body.split_once("\"timestamp\":\"").context("a body without timestamp")?;
    let (text, _) = rest.split_once('"').context("a body that ends early")?;
    Ok(text.parse::<jiff::Timestamp>()?.as_millisecond())
}
