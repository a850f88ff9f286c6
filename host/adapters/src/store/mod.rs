//! Stores of tasks, queue, deliveries and knowledge.

pub mod sqlite;
