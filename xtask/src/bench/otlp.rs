//! A collector of traces that reads what it is sent, counts the bytes and forgets them.
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};

/// A collector that runs in threads of this process until the process ends.
pub struct Sink {
    /// What `OTEL_EXPORTER_OTLP_ENDPOINT` is to be.
    pub url: String,
    bytes: Arc<AtomicU64>,
}

impl Sink {
    /// Starts a collector on a free loopback port.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("no free port for the collector of traces")?;
        let sink = Self { url: format!("http://{}", listener.local_addr()?), bytes: Arc::default() };
        let bytes = sink.bytes.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let bytes = bytes.clone();
                // Errors mean that the server closed the connection.
                std::thread::spawn(move || drop(serve(&stream, &bytes)));
            }
        });
        Ok(sink)
    }

    /// Bytes of all traces so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

fn serve(stream: &TcpStream, bytes: &AtomicU64) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    loop {
        let (mut length, mut line) = (0, String::new());
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            match line.trim_end().split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.trim().parse()?,
                Some(_) => {}
                None if line.trim_end().is_empty() => break,
                None => {}
            }
        }
        let read = std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink())?;
        bytes.fetch_add(read, Ordering::Relaxed);
        // An empty answer of protobuf is a message without fields: everything was taken.
        writer.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n")?;
    }
}
