//! The binary over HTTP: what a person who submits, and a person who receives, can see.
#![expect(clippy::expect_used, reason = "a test that cannot be set up fails, and says why")]

mod bad_input;
mod bodies;
mod cancel;
mod cli_webhooks;
mod consumers;
mod crash;
mod delivery;
mod endpoints;
mod endpoints_support;
mod events;
mod examples;
mod files;
mod ingest_batch;
mod ingest_url;
mod pipeline;
mod pipelines;
mod plugin_cli;
mod plugin_guide;
mod plugins;
mod redact;
mod redis_setup;
mod replace;
mod retry;
mod roles;
mod routes;
mod s3;
mod sender_memory;
mod standard_webhooks;
