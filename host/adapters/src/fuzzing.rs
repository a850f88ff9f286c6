//! Functions of this crate for the fuzz targets (`fuzz/`): compiled with `--cfg fuzzing`, and in tests.

pub use crate::store::redis::fuzzing::{read_node, read_slots, read_wake};
pub use redis::Value;
