//! What a task runs through, and the decision what happens next.

mod again;
mod definition;
mod retry;
mod run;
mod totals;
mod transition;

pub use again::{CLAIMS_MAX, PASSING_FAILURES_MAX, again_after, is_run_again};
pub use definition::{InvalidPipeline, Pipeline, Range, StepDefinition};
pub use retry::{RetryRefused, attempt, claims_of_run, retry};
pub use run::{Ending, Progress, Run, completions};
pub use transition::{Decision, Draft, Effect, Input, InvalidTransition, StepOutput, transition};
