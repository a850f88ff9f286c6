//! Submitting documents: [`form`] and [`json`] read, [`wish`] checks, [`remote`] fetches, [`accept`] makes the task; [`ingest`],
//! [`url`], [`batch`] and [`process`] are the routes.

mod accept;
pub mod batch;
mod fields;
mod file_name;
mod form;
mod form_batch;
mod form_guard;
mod given;
pub mod ingest;
mod items;
pub mod json;
pub mod process;
mod remote;
mod sniff;
mod upload;
mod uploading;
pub mod url;
mod wish;

pub use accept::refused as not_admitted;
pub use form::SLACK_BYTES;
pub use uploading::Uploading;
