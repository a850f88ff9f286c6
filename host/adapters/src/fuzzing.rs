//! What the fuzz targets (`fuzz/`) call of this crate that nobody else may: it is there with `--cfg fuzzing` alone.

pub use crate::store::redis::fuzzing::{read_node, read_slots, read_wake, told};
pub use redis::Value;
