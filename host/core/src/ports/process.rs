//! What a process uses of its machine.

use crate::Timestamp;
use async_trait::async_trait;
use std::time::Duration;

/// What the process uses now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessUsage {
    /// Its memory that is in RAM, bytes.
    pub resident_bytes: u64,
    /// Processor time of all its threads since its start. That of processes it starts, as to compile a component, is not in it.
    pub cpu: Duration,
    /// Open files and sockets.
    pub open_files: u64,
    /// When it was started.
    pub started: Timestamp,
}

/// The process that asks.
#[async_trait]
pub trait Process: Send + Sync {
    /// What it uses, or used a second ago; `None` if the system does not tell.
    async fn usage(&self) -> Option<ProcessUsage>;
}
