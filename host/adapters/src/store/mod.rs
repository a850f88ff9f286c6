//! Stores of tasks, queue, deliveries and knowledge.

mod feed_damage;
mod key_values;
mod knowledge;
pub mod redis;
pub mod sqlite;

use key_values::{key_range, stored_key};
