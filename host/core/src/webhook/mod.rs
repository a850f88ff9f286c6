//! Webhooks as decisions: who is told ([`Endpoint`]), what ([`render`]), how it is proved ([`sign`]), when again
//! ([`RetryPolicy`], [`judge`]), and where it may go ([`AddressPolicy`], [`WebhookUrl`]).

mod address;
mod body;
mod endpoint;
mod event_glob;
mod headers;
mod proxy;
mod retry;
mod sample;
mod signature;
mod url;

pub use address::{AddressPolicy, RefusedAddress};
pub use body::{error_details, render, view};
pub use endpoint::{BodyFormat, Cursor, Endpoint, EndpointId};
pub use event_glob::{EVENT_TYPES, EventFilter, EventGlob, InvalidEventGlob};
pub use headers::{HeaderInput, delivery_id, headers};
pub use proxy::{InvalidWebhookProxy, WebhookProxy};
pub use retry::{AttemptOutcome, ErrorClass, InvalidRetryPolicy, RetryPolicy, Verdict, judge};
pub use sample::{SampleInput, UnknownSample, sample};
pub use signature::{sign, standard_signature, verify};
pub use url::{InvalidWebhookUrl, WebhookUrl, redact};
