//! Stores of tasks, queue, deliveries and knowledge.

mod knowledge;
pub mod redis;
pub mod sqlite;
