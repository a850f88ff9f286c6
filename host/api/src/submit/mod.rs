//! Submitting documents: [`form`] and [`json`] read, [`wish`] checks, [`remote`] fetches, [`accept`] makes the task; [`ingest`],
//! [`url`], [`batch`] and [`process`] are the routes.

mod accept;
pub mod batch;
pub(crate) mod fields;
mod file_name;
pub(crate) mod form;
pub(crate) mod form_batch;
pub(crate) mod form_guard;
pub(crate) mod given;
pub mod ingest;
pub(crate) mod items;
pub mod json;
pub mod process;
mod remote;
mod sniff;
mod upload;
mod uploading;
pub mod url;
pub(crate) mod wish;

pub use accept::refused as not_admitted;
pub use form::SLACK_BYTES;
pub use uploading::Uploading;
