//! Query parameters, with errors in the contract's shape.

use super::ApiError;
use super::error::FieldError;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use std::collections::HashMap;
use std::ops::RangeInclusive;

/// Longest cursor that is accepted: the server's own are far shorter.
const CURSOR_LENGTH_MAX: usize = 512;

/// The query's parameters. The last value of a repeated one counts.
#[derive(Debug, Clone, Default)]
pub struct Parameters(HashMap<String, String>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Query::<Vec<(String, String)>>::from_request_parts(parts, state).await {
            Ok(Query(pairs)) => Ok(Self(pairs.into_iter().collect())),
            Err(_) => Err(ApiError::bad_request("invalid_query", "The query of the URL cannot be read")),
        }
    }
}

impl Parameters {
    /// A parameter; none if it is missing or empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// A whole number within bounds.
    ///
    /// # Errors
    /// 422 for anything else.
    pub fn number(&self, name: &str, default: u64, allowed: RangeInclusive<u64>) -> Result<u64, ApiError> {
        let Some(text) = self.text(name) else { return Ok(default) };
        let parsed = text.parse().ok().filter(|number| allowed.contains(number));
        parsed.ok_or_else(|| {
            let text = format!("{name} must be a whole number, {} to {}", allowed.start(), allowed.end());
            ApiError::invalid(vec![FieldError::query(name, text)])
        })
    }

    /// The cursor of the page to read.
    ///
    /// # Errors
    /// 422 for one that is too long.
    pub fn cursor(&self) -> Result<Option<&str>, ApiError> {
        let cursor = self.text("cursor");
        match cursor.is_some_and(|cursor| cursor.len() > CURSOR_LENGTH_MAX) {
            true => {
                Err(ApiError::invalid(vec![FieldError::query("cursor", "cursor must be a next_cursor of an answer")]))
            }
            false => Ok(cursor),
        }
    }
}
