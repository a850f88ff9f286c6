//! Scripts on the store as a whole.

use super::scripts;
use std::time::Duration;

scripts! {
    Format("format") {
        keys: [format, processes],
        args: [
            process: String,
            /// The highest format that the process supports.
            supported: u32,
            silence_max: Duration,
            version: &'static str,
        ],
    }
    Identity("identity") {
        keys: [identity],
        args: [new: String],
    }
}
