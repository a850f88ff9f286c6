//! What only the fuzz targets (`fuzz/`) call of this crate: it exists with `--cfg fuzzing`, and in tests.

pub use crate::store::redis::fuzzing::{read_node, read_slots, read_wake};
pub use redis::Value;
