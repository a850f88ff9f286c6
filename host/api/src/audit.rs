//! The audit log (log target `audit`): a line for every change, and for refused keys. Never with a key or a secret.
//!
//! A change is logged when its request ends, with any outcome. If the caller disconnects before, the line says `aborted`: the
//! change may have been made. Only the first refused keys of a minute have lines of their own. The others are counted and the
//! count is logged at the end of the minute, so that a flood of bad keys does not flood the log.

use super::ApiError;
use super::caller::{Caller, Made};
use super::counted::PeerAddress;
use super::counted_requests::method_word;
use super::refused_keys::{Noted, WINDOW};
use crate::Api;
use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::response::Response;
use std::sync::Arc;

/// Longest parameter of a path that is logged, characters: an id has at most 64.
const OBJECT_CHARS_MAX: usize = 100;

/// Logged outcome of a change that was made.
const DONE: &str = "done";

/// Objects of a request that are logged: a batch has at most 50.
const OBJECTS_MAX: usize = 64;

/// Logs a refused key. `reason` must not contain the key.
pub fn refused_key(app: &Arc<Api>, request: &Request, reason: &str) {
    let noted = app.refused_keys.note(app.clock.steady());
    match noted {
        Noted::Line => {
            let peer = request.extensions().get::<PeerAddress>().map(|peer| peer.0.to_string());
            let (peer, route) = (peer.unwrap_or_default(), route(request));
            tracing::warn!(target: "audit", peer, route, reason, outcome = "refused", "API key refused");
        }
        Noted::Counted => {}
        Noted::First => {
            let app = Arc::clone(app);
            tokio::spawn(async move {
                tokio::time::sleep(WINDOW).await;
                write_left_out(&app);
            });
        }
    }
}

/// Logs how many refused keys had no line.
pub fn write_left_out(app: &Api) {
    let left_out = app.refused_keys.take_left_out();
    tracing::warn!(target: "audit", left_out, outcome = "refused", "more API keys refused");
}

/// Method and path of a route, with the names of its parameters: no text of the request.
pub fn route(request: &Request) -> String {
    let path = request.extensions().get::<MatchedPath>().map_or("no route", MatchedPath::as_str);
    format!("{} {path}", method_word(request.method()))
}

/// A change that is being made. It is logged when this is dropped.
pub struct Change {
    caller: Caller,
    route: String,
    object: String,
    outcome: Option<(u16, &'static str)>,
}

impl Change {
    /// The change that a request makes; none for a request that only reads.
    pub fn of(caller: &Caller, request: &Request) -> Option<Self> {
        if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
            return None;
        }
        let matched = request.extensions().get::<MatchedPath>()?.as_str();
        let (caller, route, object) = (caller.clone(), route(request), object(matched, request.uri().path()));
        Some(Self { caller, route, object, outcome: None })
    }

    /// Notes the outcome.
    pub fn ended(mut self, response: &Response) {
        let code = response.extensions().get::<ApiError>().map_or(DONE, ApiError::code);
        self.outcome = Some((response.status().as_u16(), code));
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        let Self { caller, route, object, outcome } = self;
        let (status, outcome) = outcome.unwrap_or((0, "aborted"));
        let Made { mut objects, all_rejected } = caller.take_made();
        // A batch without an accepted item is a success for HTTP: its answer has the errors.
        let outcome = if all_rejected && outcome == DONE { "rejected" } else { outcome };
        objects.truncate(OBJECTS_MAX);
        if !object.is_empty() {
            objects.insert(0, std::mem::take(object));
        }
        let (name, tenant, object) = (caller.name(), caller.tenant().as_str(), objects.join(","));
        tracing::info!(target: "audit", caller = name, tenant, route, object, status, outcome, "change");
    }
}

/// The values of a route's parameters, with slashes between. Other than plain characters become `?`.
fn object(matched: &str, path: &str) -> String {
    let is_parameter = |part: &str| part.starts_with('{');
    let values = matched.split('/').zip(path.split('/')).filter(|(part, _)| is_parameter(part)).map(|(_, value)| value);
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '%') { c } else { '?' };
    values.map(|value| value.chars().take(OBJECT_CHARS_MAX).map(plain).collect()).collect::<Vec<String>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_what_the_path_names_and_plain() {
        let route = "/api/v1/tasks/{task_id}/deliveries/{delivery_id}/resend";
        assert_eq!(object(route, "/api/v1/tasks/a-1/deliveries/b/resend"), "a-1/b");
        assert_eq!(object("/api/v1/ingest/file", "/api/v1/ingest/file"), "");
        assert_eq!(object("/x/{id}", "/x/a\"b=c d"), "a?b?c?d");
        assert_eq!(object("/x/{id}", &format!("/x/{}", "y".repeat(999))).len(), OBJECT_CHARS_MAX);
    }
}
