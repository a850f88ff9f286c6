//! Submitting documents: [`form`] and [`json`] read, [`spec`] and [`checked`] check, [`lookups`] asks the store and the name
//! servers once for a request, [`remote`] fetches, [`accept`] makes the task; [`ingest`], [`url`], [`batch`] and [`process`]
//! are the routes.

mod accept;
pub mod batch;
mod checked;
mod digest;
pub(crate) mod field_value;
pub(crate) mod fields;
mod file_name;
pub(crate) mod form;
pub(crate) mod form_batch;
pub(crate) mod form_guard;
pub(crate) mod given;
pub(crate) mod include_images;
pub mod ingest;
pub(crate) mod items;
pub mod json;
mod lookups;
mod origin;
pub(crate) mod page_range;
pub mod process;
mod remote;
mod schemas;
mod sniff;
pub(crate) mod spec;
mod upload;
mod uploading;
pub mod url;
mod writing;

pub use form::SLACK_BYTES;
pub use uploading::Uploading;
