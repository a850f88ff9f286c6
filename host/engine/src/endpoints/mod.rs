//! Named webhook endpoints as this process knows them: [`Registry`] keeps them at hand, [`seal`] their credentials secret,
//! [`draft`] reads what somebody asks of one.

pub mod draft;
pub mod headers;
mod registry;
pub mod seal;
pub mod task_credentials;

pub use registry::{ConfiguredEndpoint, Known, Opened, Registry, SealingError, UpdateError};
