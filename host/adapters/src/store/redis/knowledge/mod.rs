//! Vectors and graph of many processes, in Redis.
//!
//! Everything a run writes lies under keys of its revision, in the part of the collection that its document belongs to
//! ([`keys`]), and is written once. Publishing is one script on one slot: it puts the revision's name in the place of the
//! one before, whose keys Redis frees beside its work. No script goes over more rows than one call has. Staged keys expire
//! a day after the last call, so a killed process leaves nothing for long; a process that finds some of its own gone does
//! not publish ([`running`]).
//!
//! A collection's model lies in another slot: it is held before anything is staged, and let go after ([`model`]). The nodes
//! that documents share are counted when asked for, so no count can drift from what it counts.
//!
//! Search reads every published vector, 4 bytes a number: 100,000 of 384 numbers are 150 MB through Redis and its network
//! for each search, and a point takes its vector, text and payload of Redis's memory. For more than that a vector database
//! is the right tool. Redis frees an expired key at once where `lazyfree-lazy-expire` is off: that is felt only where a
//! process was killed that had staged many thousands of points.

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
