//! Submitting documents: [`form`] reads, [`wish`] checks, [`accept`] makes the task; [`ingest`] and [`process`] are the routes.

mod accept;
mod fields;
mod file_name;
mod form;
pub mod ingest;
pub mod process;
mod upload;
mod wish;

pub use form::SLACK_BYTES;
