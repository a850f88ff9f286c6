//! The store of many processes: Redis, single server, Sentinel or Cluster.
//!
//! Tasks lie in buckets ([`keys`]); what changes together is one Lua script on one bucket (`lua/`), so that a Cluster carries
//! it too. What belongs to no bucket (an idempotency key, a document's claim, the turns of the flows) is reserved before a
//! task is stored and settled after it, and who finds a reservation whose task was never stored sets it aside ([`accept`]).
//!
//! Which bucket has something due is kept in each process ([`agenda`]), told by the process's own calls, by wake-ups of the
//! others ([`wake`]), and by a slow look at every bucket, the net below both.
//!
//! What a caller is told of waits for a replica where there are any ([`kept`]), and how the servers are set is looked at
//! ([`setup`]).
//!
//! Every script bears being sent twice, because an answer may be lost on its way ([`link`]).
//!
//! # Rules that the scripts keep
//!
//! - **A script may be sent twice.** An answer may be lost; the call is repeated with the same token, and answers as before.
//! - **What belongs to no bucket is reserved first and settled afterwards**: an idempotency key, a document's claim, a flow's turn. The
//!   script that stores the task decides. A process that finds a reservation whose task was never stored sets that task aside
//!   (`task_veto`), so that it can no longer be stored; a crash in between blocks no caller.
//! - **What a caller is told is on a replica**, if there is one: `WAIT` on a connection of its own, with a time limit. Commits of workers
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

mod accept;
mod agenda;
mod chains;
mod claims;
mod commit;
mod deliveries;
mod delivery_records;
mod due_queue;
mod endpoints;
mod expire;
mod feed;
mod feed_watch;
mod format;
#[cfg(fuzzing)]
pub mod fuzzing;
mod identity;
mod kept;
mod key_values;
mod keys;
mod knowledge;
mod lanes;
mod link;
mod merge;
mod pages;
mod quotas;
mod records;
mod scripts;
mod servers;
mod setup;
mod store;
#[cfg(test)]
mod strange_tests;
mod summaries;
mod tasks;
mod time;
#[cfg(any(test, fuzzing))]
mod told;
mod url;
mod wake;

pub use format::{FORMAT, FormatOptions};
pub use knowledge::RedisKnowledge;
pub use link::Redis;
pub use setup::{RedisSetup, SetupError};
pub use store::{Options, RedisStore};
pub use time::TimeSource;
pub use url::{InvalidRedisUrl, RedisUrl};
