//! Pipelines of steps, and the decision what a task does next.

mod again;
mod condition;
mod definition;
mod earlier_spans;
mod files;
mod inputs;
mod mend;
mod on_failure;
mod retry;
mod run;
mod skip;
mod times;
mod totals;
mod transition;

pub use again::{CLAIMS_MAX, PASSING_FAILURES_MAX, again_after, is_run_again};
pub use condition::{Condition, InvalidCondition, MediaTypeGlob};
pub(crate) use definition::share;
pub use definition::{AfterFailure, InvalidPipeline, Pipeline, Range, StepDefinition};
pub use earlier_spans::earlier_spans;
pub use files::{StoredFile, stored_files};
pub use inputs::inputs;
pub use mend::{Damage, DamagedFile, ExpectedFile, Mend, REMAKES_MAX, mend, standing_files, step_to_mend};
pub use on_failure::{InvalidRetries, OnFailure, RETRIES_MAX, RETRY_DELAY_MAX, Retries};
pub use retry::{RUNS_MAX, RetryRefused, attempt, claims_of_run, retry};
pub use run::{Ending, Progress, RunState, completions, passed};
pub use skip::skip_reason;
pub use times::{RunTimes, StepTimes, run_times};
pub use transition::{Decision, Draft, Effect, Input, InvalidTransition, StepOutput, transition};
