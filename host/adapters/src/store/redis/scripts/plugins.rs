//! Scripts on what plugins keep between tasks.

use super::scripts;

scripts! {
    KeyValueSet("key_value_set") {
        keys: [values, list, bytes],
        args: [key: String, value: Vec<u8>, keys_max: u64, bytes_max: u64],
    }
    KeyValueDelete("key_value_delete") {
        keys: [values, list, bytes],
        args: [key: String],
    }
}
