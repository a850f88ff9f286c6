//! The binary over HTTP: what a person who submits, and a person who receives, can see.
#![expect(clippy::expect_used, reason = "a test that cannot be set up fails, and says why")]

mod backup;
mod bad_input;
mod bodies;
mod cancel;
mod cli_webhooks;
mod consumers;
mod crash;
mod damage;
mod delivery;
mod endpoints;
mod endpoints_support;
mod events;
mod examples;
mod files;
mod ingest_batch;
mod ingest_url;
mod old_stores;
mod origin;
mod pipeline;
mod pipelines;
mod plugin_cli;
mod plugin_guide;
mod plugins;
mod redact;
mod replace;
mod request_memory;
mod retry;
mod roles;
mod routes;
mod s3;
mod secrets_key;
mod sender_memory;
mod standard_webhooks;
mod task_token;
