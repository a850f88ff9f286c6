//! Sealing credentials before they are stored, and the errors of a server that cannot.

use crate::Api;
use crate::ApiError;
use axum::http::StatusCode;
use morag_engine::endpoints::SealingError;
use morag_engine::endpoints::seal::{SealError, Sealer};

/// The sealer for credentials that are about to be stored.
///
/// # Errors
/// 503 without a key, or with another key than the one that the store's credentials are sealed with.
pub async fn sealing(app: &Api) -> Result<&Sealer, ApiError> {
    app.endpoints.sealing().await.map_err(not_sealing)?;
    sealer(app)
}

/// The error of credentials that cannot be sealed now, with what to do.
pub fn not_sealing(error: SealingError) -> ApiError {
    match error {
        SealingError::Store(error) => error.into(),
        SealingError::Seal(error) => unsealable(error),
        SealingError::OtherKey => {
            let text = "This server's MORAG_SECRETS_KEY is not the one that other processes store credentials with: give all of \
                        them the same";
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "secrets_key_differs", text).with_log(error.to_string())
        }
    }
}

/// The sealer that opens stored credentials.
///
/// # Errors
/// 503 without a key.
pub fn sealer(app: &Api) -> Result<&Sealer, ApiError> {
    app.endpoints.sealer().ok_or_else(|| {
        let text = "Credentials of endpoints are stored encrypted, and this server has no key for it: set \
                    MORAG_SECRETS_KEY to the same 32 random bytes (openssl rand -base64 32) on every process";
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "no_secrets_key", text)
    })
}

/// 500 for credentials that cannot be sealed or opened.
pub fn unsealable(error: SealError) -> ApiError {
    ApiError::internal(error.to_string())
}
