//! One wrong field of a request.

use crate::words::FieldErrorType;
use morag_core::{cut, shown};
use morag_input::{Fault, Problem};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Longest text of one wrong field, bytes. Parts of the request are already cut where they are quoted (`morag_core::shown`);
/// this limit catches the rest.
const FIELD_TEXT_BYTES_MAX: usize = 1024;

/// A text, cut to a length in bytes.
pub(crate) fn limited(text: impl Into<String>, bytes_max: usize) -> String {
    let text = text.into();
    if text.len() <= bytes_max { text } else { cut(&text, bytes_max).into_owned() }
}

/// One wrong field of a request, as FastAPI writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// Where: `body`, `query` or `header`, then the name.
    pub loc: Vec<String>,
    /// What is wrong and what is allowed.
    pub msg: String,
    /// `missing`, `extra_forbidden` (an unknown name) or `value_error`.
    #[serde(rename = "type")]
    #[schema(value_type = FieldErrorType)]
    pub kind: String,
}

impl FieldError {
    /// An invalid field of the body.
    pub fn body(name: &str, msg: impl Into<String>) -> Self {
        Self {
            loc: vec!["body".into(), shown(name).into()],
            msg: limited(msg, FIELD_TEXT_BYTES_MAX),
            kind: "value_error".into(),
        }
    }

    /// An invalid query parameter.
    pub fn query(name: &str, msg: impl Into<String>) -> Self {
        Self {
            loc: vec!["query".into(), shown(name).into()],
            msg: limited(msg, FIELD_TEXT_BYTES_MAX),
            kind: "value_error".into(),
        }
    }

    /// A problem of the query.
    pub fn in_query(problem: &Problem) -> Self {
        Self::of("query", problem)
    }

    /// A problem of the body.
    pub fn in_body(problem: &Problem) -> Self {
        Self::of("body", problem)
    }

    fn of(place: &str, problem: &Problem) -> Self {
        let kind = match problem.fault {
            Fault::Missing => "missing",
            Fault::Unknown { .. } => "extra_forbidden",
            Fault::Expected(_) | Fault::Invalid(_) => "value_error",
        };
        let loc = std::iter::once(place.to_owned()).chain(problem.path.iter().cloned()).collect();
        Self { loc, msg: limited(problem.to_string(), FIELD_TEXT_BYTES_MAX), kind: kind.into() }
    }

    /// A field of the body that is not known.
    pub fn unknown(name: &str, msg: impl Into<String>) -> Self {
        Self { kind: "extra_forbidden".into(), ..Self::body(name, msg) }
    }

    /// The field within an object of the body.
    #[must_use]
    pub fn within(mut self, outer: &str) -> Self {
        self.loc.insert(1, outer.to_owned());
        self
    }

    /// A missing field of the body.
    pub fn missing(name: &str) -> Self {
        let (loc, msg) = (vec!["body".into(), name.into()], format!("{name} is required"));
        Self { loc, msg, kind: "missing".into() }
    }
}
