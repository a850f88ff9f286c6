//! The store for many processes: Redis, as a single server, with Sentinels or as a Cluster.
//!
//! Tasks are in buckets ([`keys`]). What changes together is one Lua script on one bucket ([`scripts`]), so that a Cluster executes
//! it too. What belongs to no bucket (an idempotency key, a document's claim, an entry of the waiting list) is reserved before a task
//! is stored and settled after it; a process that finds a reservation whose task was never stored sets it aside ([`accept`]).
//!
//! Each process knows which buckets have something due ([`queue_agenda`]): from its own calls, from wake-ups of other processes ([`wake`]),
//! and, where both failed, from a slow refresh of every bucket.
//!
//! Results that a caller is told wait for a replica, where there are any ([`replication`]). The servers' configuration is checked
//! ([`setup`]).
//!
//! Every script has the same effect when it is sent twice, because its answer may be lost ([`link`]).
//!
//! The layers, each using those before it: [`link`] (connections and calls), [`keys`] and [`scripts`], [`client`] (what every call
//! passes: [`format`], [`replication`]), [`store`] (with [`agenda`]), and the ports.

// Connections and calls.
mod link;

// Names and values.
mod keys;
mod scripts;
mod values;

// Redis, as the store uses it.
mod client;
mod format;
mod replicas;
mod replication;
mod servers;
mod setup;
mod slots;

// The store, and what it knows without asking.
mod agenda;
mod due_cursors;
mod feed_watch;
mod queue_agenda;
mod queue_update;
mod record_cache;
mod store;
mod time;
mod wake;

// What a task holds outside its bucket.
mod documents;
mod existence;
mod idempotency;
mod waiting;

// The ports, and their parts.
mod accept;
mod chains;
mod claims;
mod commit;
mod deliveries;
mod delivery_lists;
mod delivery_records;
mod due_queue;
mod endpoints;
mod expire;
mod feed;
mod identity;
mod key_values;
mod knowledge;
mod merge;
mod pages;
mod quotas;
mod summaries;
mod tasks;

// In tests too, so that every build of the tests checks it.
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
#[cfg(test)]
mod unexpected_replies;

pub use client::Redis;
pub use format::{FORMAT, FormatOptions};
pub use knowledge::RedisKnowledge;
pub use link::url::{InvalidRedisUrl, RedisUrl};
pub use setup::{RedisSetup, SetupError};
pub use store::{Options, RedisStore};
pub use time::TimeSource;
