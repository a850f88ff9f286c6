//! Named webhook endpoints as this process knows them: [`Registry`] keeps them at hand, [`seal`] their credentials secret.

mod registry;
pub mod seal;

pub use registry::{ConfiguredEndpoint, Known, Opened, Registry, UpdateError};
