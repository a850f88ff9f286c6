//! Promises of the Redis store beyond the ports: several processes, recovery after a crash, lost responses, expiry, keys and
//! connections.

mod clocks;
mod connections;
mod endpoints;
mod failover;
mod feed;
mod formats;
mod keys;
pub mod lab;
mod lifetimes;
mod lost_answers;
mod processes;
mod reservations;
mod summaries;
