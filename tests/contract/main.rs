//! One suite a port, run against every backend.
#![expect(clippy::unwrap_used, reason = "a promise whose setting fails is a failed test")]

mod backends;
mod blobs;
mod deliveries;
mod due_queue;
mod embedder;
mod feed;
mod fairness;
mod knowledge;
mod model;
mod fetcher;
mod redis;
mod samples;
mod sqlite;
mod tasks;
mod retry;
mod throughput;
mod webhook_sender;
