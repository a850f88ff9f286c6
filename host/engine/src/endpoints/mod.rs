//! Named webhook endpoints as this process knows them: [`Registry`] keeps them at hand, [`seal`] their credentials secret,
//! [`given`] reads what somebody gives of one, and [`draft`] puts it into its settings.
//!
//! A task's own `webhook_url` is stored with the task. Named endpoints are stored apart; a task that is accepted notes the ids of those
//! it is for, and each has a cursor of its own. An endpoint's URL, secret and format are looked up at delivery, so a changed URL also
//! applies to waiting deliveries. Their credentials are stored sealed; a task's own are beside its record, and the store deletes them in
//! the commit of the last delivery. An endpoint's are dropped when its URL's origin changes.
//!
//! A disabled endpoint's cursors are **parked**: not due, not in the way of retention, due again when it is enabled. The process that
//! parks checks again afterwards, because the endpoint may have been enabled in between; `deliveries/unpark` checks for ten minutes
//! more. Cursors of an endpoint that the process does not know are parked too: it was deleted, or is not yet in this process's
//! `morag.toml`.

pub mod draft;
pub mod given;
pub mod headers;
mod registry;
pub mod schemas;
pub mod seal;
pub mod task_credentials;

pub use registry::{ConfiguredEndpoint, EndpointSnapshot, Opened, Registry, SealingError, UpdateError};
