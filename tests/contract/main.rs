//! One suite a port, run against every backend.

mod backends;
mod blobs;
mod deliveries;
mod due_queue;
mod embedder;
mod knowledge;
mod model;
mod samples;
mod sqlite;
mod tasks;
mod throughput;
mod webhook_sender;
