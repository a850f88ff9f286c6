//! What the Redis store promises beyond the ports: many processes, what a crashed one leaves, lost answers, lifetimes, its keys
//! and its connections.

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
