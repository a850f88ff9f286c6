//! Query parameters, read into types.

use super::ApiError;
use super::error::FieldError;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use morag_input::{FieldObject, WholeOr};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Items of a page: 1 to 1000, 100 where nothing is said.
pub type Limit = WholeOr<1, 1000, 100>;

/// Items of a page for each of which more is read: 1 to 200, 50 where nothing is said.
pub type SmallLimit = WholeOr<1, 200, 50>;

/// The parameters of a query as a type. Unknown names are refused, with the nearest known one. The last value of a repeated
/// parameter counts, and an empty one counts as absent.
#[derive(Debug, Clone)]
pub struct Query<T>(pub T);

/// The query of a route that takes no parameters.
pub type NoQuery = Query<NoParameters>;

/// No parameters.
#[derive(Debug, Clone, Deserialize)]
pub struct NoParameters {}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let pairs = axum::extract::Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Ok(axum::extract::Query(pairs)) = pairs else {
            return Err(ApiError::bad_request("invalid_query", "The query of the URL cannot be read"));
        };
        let values = pairs.into_iter().map(|(name, value)| (name, value.into())).collect();
        let read = morag_input::read_texts(&FieldObject { values, left_out: 0 });
        read.map(Self).map_err(|problems| ApiError::invalid(problems.iter().map(FieldError::in_query).collect()))
    }
}
