//! Stores of tasks, queue, deliveries and knowledge.

pub mod redis;
pub mod sqlite;
