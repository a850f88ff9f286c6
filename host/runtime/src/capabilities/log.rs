//! `morag:step/log`, which every step has.

use crate::bindings::morag::step::log::{Host, Level};
use crate::guest::Guest;

impl Host for Guest {
    async fn log(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            Level::Trace => "trace",
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        };
        self.log.push(level, &message);
        Ok(())
    }
}
