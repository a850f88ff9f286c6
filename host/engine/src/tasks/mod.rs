//! Runs tasks: a [`worker`] claims them, [`run`] performs what the core decides through a [`driver`], a [`step`] at a time, and
//! [`publish`] stores the results. [`cancel`] stops tasks, [`retry`] runs them again, and [`verify`] and [`files`] compare their files
//! with the log.

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
mod verify;
mod worker;

pub use cancel::{CancelOutcome, cancel};
pub use retry::{Retried, RetryError, retry};
pub use verify::damage;

pub(crate) use worker::work;
