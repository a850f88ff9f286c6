//! The export of a component.

use crate::{Data, Descriptor, Failure};

/// A processing step: what the component exports.
pub trait Step {
    /// The step's description. Called once when the component is loaded, without a task.
    fn describe() -> Descriptor;
    /// Runs the step once for the task of [`TaskHandle`](crate::host::TaskHandle).
    fn run() -> Result<Data, Failure>;
}
