//! Runs tasks: a [`worker`] claims them, [`run`] performs what the core decides through a [`driver`], a [`step`] at a time, and
//! [`publish`] stores the results. [`cancel`] stops tasks, [`retry`] runs them again, and [`verify`] and [`files`] compare their files
//! with the log.
//!
//! # How a task runs
//!
//! 1. `Tasks::accept` stores record, cursors, idempotency key, document claim and queue place in one durable commit.
//! 2. The [`worker`] claims the key. [`run`] folds the log to a `Run`, feeds `Input::Claimed` to `transition`, commits the drafts it
//!    gets, and performs the effect: start a step, run a step, stop.
//! 3. A step's progress reports reach `transition` too; a milestone (25, 50, 75) becomes an event. The last report is fed before the
//!    result, so what is announced does not depend on timing. A step that the document does not need, or whose optional component is
//!    not loaded, is skipped. A step's definition says what its failure does: the task fails, goes on, or is given back to the queue
//!    for a retry, whose number is a fold of the log.
//! 4. A step's success publishes its files and staged writes, then commits `step_completed`, the milestones it reached and the next
//!    `step_started` together. A crash between publishing and committing only repeats the step.
//!
//! After a crash the lease runs out, the task is claimed again, the fold finds a step begun and not ended, and it is run again without
//! a second `step_started`. `live_percent`, saved with each commit, keeps progress from falling.
//!
//! A task's rank in the queue is given once, when it is accepted; a claim takes the lowest ranks that are due. A started task keeps its
//! rank, so a task whose worker died goes before those that wait. A task that runs again waits anew, within the limits of a new one.
//!
//! Cancelling is a commit: `task_cancelled` goes into the log and the queue place goes away first; the run's own later commits are
//! refused, wherever it runs. The local token only makes it stop sooner. One window is left: a cancellation between the renewal before
//! `Knowledge::publish` and the commit after it ends a task as cancelled whose content is stored.
//!
//! A claimed task uses the set of components of that moment to its end. Changed components are loaded beside it and checked with every
//! pipeline; they become the next set as a whole, or are refused and change nothing.

mod cancel;
mod config_mismatch;
#[cfg(test)]
mod damage_tests;
mod driver;
mod files;
#[cfg(test)]
mod policy_tests;
mod publish;
mod retry;
mod run;
mod stamp;
mod step;
mod store_commit;
mod verify;
mod worker;

pub use cancel::{CancelOutcome, cancel};
pub use retry::{Retried, RetryError, retry};
pub use verify::damage;

pub(crate) use worker::work;
