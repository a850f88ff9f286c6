//! Runs tasks: a [`worker`] claims them, [`run`] performs what the core decides, [`publish`] stores what a step has made. [`cancel`] stops
//! tasks, [`retry`] runs them again, and [`verify`] compares their files with the log.

mod cancel;
#[cfg(test)]
mod damage_tests;
mod misfit;
#[cfg(test)]
mod policy_tests;
mod publish;
mod retry;
mod run;
mod verify;
mod worker;

pub use cancel::{CancelOutcome, cancel};
pub use retry::{Retried, RetryError, retry};
pub use verify::{Verified, damage};

pub(crate) use worker::work;
