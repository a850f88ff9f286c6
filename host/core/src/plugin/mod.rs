//! Components: descriptor ([`Descriptor`]), source ([`PluginSource`]), permissions ([`Grant`]), the check that a pipeline of them
//! fits together, and the host's failure codes ([`FailureCode`]).

mod capability;
mod chain;
mod code;
mod compile_limits;
mod config_schema;
mod dataflow;
mod descriptor;
mod grant;
mod manifest;
mod output_name;
mod published;
mod source;
mod watch;

pub use capability::{Budget, Budgets, Capability};
pub use chain::{CONVERSION, Hints, NotLoaded, converters, members, supported};
pub use code::FailureCode;
pub use compile_limits::CompileLimits;
pub use config_schema::{ConfigProblem, ConfigSchema, UnusableSchema};
pub use dataflow::{InvalidDataflow, PlannedStep, check_dataflow};
pub use descriptor::{
    AcceptedFormat, CONFIG_SCHEMA_BYTES_MAX, Descriptor, DescriptorSize, Input, InvalidDescriptor, Output,
};
pub use grant::{Grant, HttpRule, Limits, NotGranted};
pub use manifest::{CONFIG_MEDIA_TYPE, InvalidManifest, LAYER_MEDIA_TYPE, Layer, MANIFEST_BYTES_MAX, read_manifest};
pub use output_name::{InvalidOutputName, NamePattern, OutputName};
pub use published::with_file_urls;
pub use source::{
    COMPONENT_BYTES_MAX, Digest, InvalidDigest, InvalidReference, PluginSource, RegistryAccess, RegistryLogin,
    RegistryReference, is_registry, minisign_key_id,
};
pub use watch::{Changes, Seen, Stamp, Watch};
