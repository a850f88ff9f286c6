//! Webhook decisions: receivers ([`Endpoint`]), bodies ([`render`]), signatures ([`sign`]), retries ([`RetryPolicy`], [`judge`]),
//! giving up ([`Outlook`]), and permitted destinations ([`AddressPolicy`], [`WebhookUrl`]).

mod address;
mod body;
mod cursor;
mod delivery;
mod endpoint;
mod event_glob;
mod give_up;
mod headers;
mod lane;
mod named;
mod proof;
mod proxy;
mod rate;
mod retry;
mod sample;
mod secret;
mod signature;
mod standing;
mod url;

pub use address::{AddressPolicy, RefusedAddress};
pub use body::{error_details, render, view};
pub use cursor::{Cursor, CursorMove, CursorName, InvalidCursorName, Resend, delivery_id};
pub use delivery::{
    ATTEMPTS_A_CLAIM_MAX, CursorClaim, DeliveryEffect, DeliveryInput, EventFacts, Gate, InvalidDeliveryInput,
    LeaseState, Page, RateGate, Receiver, ReleaseCause, TargetFacts,
};
pub use endpoint::{BodyFormat, Endpoint, EndpointId};
pub use event_glob::{EVENT_TYPES, EventFilter, EventGlob, InvalidEventGlob};
pub use give_up::Outlook;
pub use headers::{HeaderInput, OperationalHeaders, headers, is_reserved, operational_headers};
pub use lane::{Breaker, Lane, Refused, Signal};
pub use named::{
    Credentials, Disabled, DisabledReason, EndpointSettings, NamedEndpoint, Operational, OrderScope, RetrySettings,
    SECRETS_MAX, SigningSecret,
};
pub use proof::{Proof, ProofHeaders, TOLERANCE_SECONDS, Unproved, prove};
pub use proxy::{InvalidWebhookProxy, WebhookProxy};
pub use retry::{AttemptOutcome, ErrorClass, InvalidRetryPolicy, RetryPolicy, Verdict, judge, signal};
pub use sample::{SampleInput, UnknownSample, sample};
pub use secret::{KEY_BYTES_MIN, TEXT_BYTES_MIN, WeakSecret, check_signing_secret, secret_of_tenant};
pub use signature::{sign, standard_signature, verify};
pub use standing::{Slots, Standing};
pub use url::{InvalidWebhookUrl, WebhookUrl, redact};
