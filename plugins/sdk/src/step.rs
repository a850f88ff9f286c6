//! What a component exports.

use crate::{Data, Descriptor, Failure};

/// A processing step: what the component exports.
pub trait Step {
    /// What the step is. Called once when the component is loaded, with no task.
    fn describe() -> Descriptor;
    /// Runs the step once over the task that [`TaskHandle`](crate::host::TaskHandle) reaches.
    fn run() -> Result<Data, Failure>;
}
