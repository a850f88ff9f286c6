//! Fixed words of answers: enums in the OpenAPI document. [`morag_input::Word`] has those that requests take, too.

use crate::webhook_docs::EVENT_TYPES;
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Declares the schema of a text that is one of some words.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident = $words:expr;)*) => {$(
        $(#[$doc])*
        pub struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new().schema_type(Type::String).enum_values(Some($words)).into()
            }
        }

        impl ToSchema for $name {}
    )*};
}

words! {
    /// State of a step.
    StepState = ["pending", "in_progress", "completed", "skipped", "failed", "cancelled"];
    /// What an event says of its step or task.
    EventStatus = ["started", "progress", "completed", "failed", "cancelled", "skipped", "retrying"];
    /// Type of an event.
    EventType = EVENT_TYPES;
    /// Why an endpoint is disabled.
    DisabledReasonWord = ["manual", "gone", "failing"];
    /// State of a circuit breaker.
    BreakerState = ["closed", "open", "half_open"];
    /// Where an endpoint is configured.
    EndpointSource = ["api", "config"];
    /// Why there was no answer.
    NoAnswer = ["dns", "address_refused", "connect", "tls", "timeout", "reset", "protocol"];
    /// Category of an error.
    ErrorType = [
        "authentication_error",
        "permission_error",
        "not_found",
        "conflict",
        "too_large",
        "validation_error",
        "rate_limited",
        "unavailable",
        "invalid_request",
        "internal_error",
    ];
    /// What is wrong with a field.
    FieldErrorType = ["missing", "extra_forbidden", "value_error"];
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_core::ports::DeliveryState;
    use morag_core::webhook::ErrorClass;
    use serde_json::json;

    fn has<T: PartialSchema>(word: impl serde::Serialize) -> bool {
        let schema = serde_json::to_value(T::schema()).unwrap();
        schema["enum"].as_array().unwrap().contains(&json!(word))
    }

    #[test]
    fn every_word_that_is_answered_is_documented() {
        use morag_core::task::StatusWord;
        // Without a `_` arm: a new class of errors must be added here and above.
        let classes = [
            ErrorClass::Dns,
            ErrorClass::AddressRefused,
            ErrorClass::Connect,
            ErrorClass::Tls,
            ErrorClass::Timeout,
            ErrorClass::Reset,
            ErrorClass::Protocol,
        ];
        for class in classes {
            match class {
                ErrorClass::Dns
                | ErrorClass::AddressRefused
                | ErrorClass::Connect
                | ErrorClass::Tls
                | ErrorClass::Timeout
                | ErrorClass::Reset
                | ErrorClass::Protocol => assert!(has::<NoAnswer>(class), "{class:?}"),
            }
        }
        assert!(StatusWord::ALL.iter().all(has::<StepState>));
        assert!(EVENT_TYPES.iter().all(|event| {
            let (_, status) = event.split_once('_').unwrap();
            has::<EventStatus>(status)
        }));
        assert!(!has::<StepState>(DeliveryState::Dead));
    }
}
