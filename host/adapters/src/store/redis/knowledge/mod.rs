//! Vectors and graph of many processes, in Redis.
//!
//! Everything a run writes is in keys of its revision, in the part of the collection that its document belongs to ([`keys`]), and is
//! written once. Publishing is one script on one slot: it replaces the name of the revision before, whose keys Redis frees in the
//! background. No script processes more rows than one call has. Staged keys expire a day after the last call, so a killed process
//! leaves nothing for long; a process that finds some of its own staged keys missing does not publish ([`running`]).
//!
//! A collection's model is in another slot: it is reserved before anything is staged, and released after ([`model`]). The nodes that
//! documents share are counted when asked for, so no count can differ from what it counts.
//!
//! Search reads every published vector, 4 bytes a number: 100,000 vectors of 384 numbers are 150 MB through Redis and its network for
//! each search, and a point takes memory in Redis for its vector, text and payload. For more than that a vector database is the right
//! tool. Where `lazyfree-lazy-expire` is off, Redis frees an expired key in the foreground: that matters only where a process was
//! killed that had staged many thousands of points.

mod counts;
mod documents;
mod keys;
mod model;
mod publish;
mod running;
mod search;
mod stage;
mod store;

pub use store::RedisKnowledge;
