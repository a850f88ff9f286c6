//! What a task runs through, and the decision what happens next.

mod definition;
mod run;
mod totals;
mod transition;

pub use definition::{InvalidPipeline, Pipeline, Range, StepDefinition};
pub use run::{Ending, Progress, Run};
pub use transition::{Decision, Draft, Effect, Input, InvalidTransition, StepOutput, transition};
