//! Bytes of bodies, which are transferred while no host function runs.

use crate::limits::Meter;
use morag_core::ports::PluginHttpError;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes received and sent since they were counted last: bodies are transferred while no host function runs.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    received: AtomicU64,
    sent: AtomicU64,
    /// How many bytes of both together are allowed.
    left: AtomicU64,
}

impl Traffic {
    /// Counts received bytes. `Err`: more than are allowed.
    pub(super) fn receive(&self, bytes: u64) -> Result<(), PluginHttpError> {
        let received = self.received.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        self.check(received.saturating_add(self.sent.load(Ordering::Relaxed)))
    }

    /// Counts sent bytes. `Err`: more than are allowed.
    pub(super) fn send(&self, bytes: u64) -> Result<(), PluginHttpError> {
        let sent = self.sent.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        self.check(sent.saturating_add(self.received.load(Ordering::Relaxed)))
    }

    /// Moves what was counted to the meter, which notes a limit that is reached, and allows what is left there.
    pub(super) fn settle(&self, meter: &mut Meter) {
        drop(meter.count_in(self.received.swap(0, Ordering::Relaxed)));
        drop(meter.count_sent(self.sent.swap(0, Ordering::Relaxed)));
        self.left.store(meter.limits.host_bytes_max.saturating_sub(meter.host_bytes()), Ordering::Relaxed);
    }

    fn check(&self, bytes: u64) -> Result<(), PluginHttpError> {
        match bytes <= self.left.load(Ordering::Relaxed) {
            true => Ok(()),
            false => Err(PluginHttpError::TooLarge),
        }
    }
}
