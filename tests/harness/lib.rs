//! Shared test harness: server processes, webhook receivers, clients in other languages, a sandbox for test guests, an S3 server,
//! a component registry.
#![expect(clippy::expect_used, reason = "a harness that cannot set a test up fails it, and says why")]

pub mod bombs;
pub mod child;
pub mod clients;
pub mod connect_proxy;
pub mod crowd;
pub mod dns;
pub mod drawn_page;
pub mod fleet;
pub mod guests;
pub mod guide;
pub mod image;
pub mod minisign;
pub mod old_stores;
pub mod otlp;
pub mod process_memory;
pub mod program;
pub mod projects;
pub mod proxy;
pub mod receiver;
pub mod redis;
pub mod registry;
pub mod s3;
pub mod saga;
pub mod sandbox;
pub mod server;
pub mod shared;
pub mod speech;
pub mod sse;
pub mod tally;
