//! Time.

use crate::Timestamp;

/// Where the time comes from. Nothing else reads a wall clock.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
}
