//! The origin of a submission: caller, route, `Idempotency-Key` and trace.

use crate::ApiError;
use crate::caller::Caller;
use crate::error::FieldError;
use crate::parameter;
use axum::http::HeaderMap;
use morag_core::trace::TraceContext;
use utoipa::openapi::ObjectBuilder;
use utoipa::openapi::path::{Parameter, ParameterIn};

/// Longest `Idempotency-Key`: the draft standard's examples are UUIDs.
const IDEMPOTENCY_KEY_MAX: usize = 255;

/// The headers of a submission in the OpenAPI document.
pub struct SubmissionHeaders;

impl utoipa::IntoParams for SubmissionHeaders {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let text = "1 to 255 printable ASCII characters. The same key and request answers as the first did, with the same task; items of a \
                    batch that were rejected are tried again";
        // A server drops spaces around a header.
        let key =
            ObjectBuilder::new().min_length(Some(1)).max_length(Some(IDEMPOTENCY_KEY_MAX)).pattern(Some("^[!-~]+$"));
        let trace = "The client's span (W3C Trace Context): the task's own spans and deliveries belong to its trace. Anything else is \
                     ignored";
        let example = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        vec![
            parameter::text(ParameterIn::Header, "Idempotency-Key", text, key, "order-4711-invoice"),
            parameter::text(ParameterIn::Header, "traceparent", trace, ObjectBuilder::new(), example),
        ]
    }
}

/// Identifies a request, apart from its content.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The caller.
    pub caller: Caller,
    /// Name of the route.
    pub route: &'static str,
    /// `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// What the task's own spans belong below.
    pub trace: Option<TraceContext>,
}

impl Origin {
    /// Reads the headers.
    ///
    /// # Errors
    /// 422 for an `Idempotency-Key` that is empty, too long or not printable ASCII.
    pub fn read(caller: Caller, route: &'static str, headers: &HeaderMap) -> Result<Self, ApiError> {
        let trace = crate::traced::of(headers);
        let Some(value) = headers.get("idempotency-key") else {
            return Ok(Self { caller, route, idempotency_key: None, trace });
        };
        let is_valid = |text: &&str| (1..=IDEMPOTENCY_KEY_MAX).contains(&text.len());
        let key = value.to_str().ok().map(str::trim).filter(is_valid).map(str::to_owned);
        let msg = format!("Idempotency-Key must have 1 to {IDEMPOTENCY_KEY_MAX} printable ASCII characters");
        let invalid =
            || FieldError { loc: vec!["header".into(), "Idempotency-Key".into()], msg, kind: "value_error".into() };
        match key {
            Some(key) => Ok(Self { caller, route, idempotency_key: Some(key), trace }),
            None => Err(ApiError::invalid(vec![invalid()])),
        }
    }

    /// The idempotency key as it is stored: unique to the caller and the route.
    pub fn key(&self) -> Option<String> {
        let key = self.idempotency_key.as_ref()?;
        // With the tenant: an API key that is moved to another tenant must not find the first tenant's answers.
        let caller = self.caller.tenant().stored_name('/', &self.caller.as_text());
        Some(format!("{caller}/{}/{key}", self.route))
    }

    /// The origin of one item of a batch, by its index: its key is derived from the batch's.
    #[must_use]
    pub fn part(&self, index: usize) -> Self {
        Self { idempotency_key: self.idempotency_key.as_ref().map(|key| format!("{key}/{index}")), ..self.clone() }
    }
}
