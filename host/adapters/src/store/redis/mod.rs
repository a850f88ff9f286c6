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
//!
//! # Rules that the scripts keep
//!
//! - **A script may be sent twice.** An answer may be lost; the call is repeated with the same token, and answers as before.
//! - **What belongs to no bucket is reserved first and settled afterwards**: an idempotency key, a document's claim, a flow's turn. The
//!   script that stores the task decides. A process that finds a reservation whose task was never stored sets that task aside
//!   (`task_veto`), so that it can no longer be stored; a crash in between blocks no caller.
//! - **What a caller is told is on a replica**, if there is one: `WAIT` on a connection of its own. After its time limit the caller is
//!   answered without, and a warning is logged. Commits of workers
//!   are not waited for: what a failover undoes of them is done again.
//! - **A failover takes a slot back to an earlier state of it, whole.** So no two slots may be relied on to agree: a confirmed
//!   idempotency key whose task is gone is void, a lost document claim is made again by its completed task, a task's number is at least
//!   the time, and a fence is drawn at random: a count would repeat after a failover that lost the claim before it. How often a task was
//!   claimed is counted beside the fence, to find a task that kills its workers.
//! - **Writes that need memory come first in a script**, so that a full Redis refuses it before anything has changed, above all a claim.
//! - **Time is the server's.** Scripts call `TIME`; a process passes durations only, so its clock moves no lease and no retry.
//! - **Lanes take turns in the process.** A ready cursor lies in its bucket by time and by lane, and wake-ups name the lane. Each process
//!   chooses the keys that it takes, so a backlog, a full or a closed lane costs the others nothing.
//! - **The feed of all events is read up to a time** that every bucket's node has passed, so a position means the same in each,
//!   whatever their clocks. Recent events are a capped sorted set a bucket by the events' own time, not a stream.
//! - Lists and recent events are merged out of the buckets' indexes, as many items as are shown. No key is ever scanned for.
//! - Turns of the flows need one place for all tasks: the keys tagged `{fair}` are the one slot that every acceptance passes
//!   (`docs/scaling.md`).

// Connections and calls.
mod link;

// Names and values.
mod keys;
mod scripts;
mod task_keys;
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
mod cursor_moves;
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
mod list_position;
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
