//! One suite per port, run against every backend.
#![expect(clippy::unwrap_used, reason = "a promise whose setting fails is a failed test")]

mod ai;
mod backends;
mod blobs;
mod chains;
mod components;
mod credentials;
mod deliveries;
mod due_queue;
mod embedder;
mod endpoints;
mod fairness;
mod feed;
mod fetcher;
mod key_values;
mod knowledge;
mod lanes;
mod model;
mod old_stores;
mod redis;
mod retry;
mod samples;
mod snapshot;
mod sqlite;
mod summaries;
mod tasks;
mod tenants;
mod throughput;
mod webhook_sender;
