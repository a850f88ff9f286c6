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
