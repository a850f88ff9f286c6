//! The audit log (log target `audit`): a line for every change, and for refused keys. Never with a key or a secret.
//!
//! A change is logged when its request ends, with any outcome. If the caller disconnects before, the line says `aborted`: the
//! change may have been made. Only the first refused keys of a minute have lines of their own. The others are counted and the
//! count is logged at the end of the minute, so that a flood of bad keys does not flood the log.

use super::ApiError;
use super::caller::{Caller, Made};
use super::counted::PeerAddress;
use crate::Api;
use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::response::Response;
use morag_core::SteadyTime;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Refused keys with lines of their own in a [`WINDOW`]: enough to see their sources, too few to fill a disk.
const LINES_MAX: u32 = 10;

/// Time after which refused keys have lines of their own again.
const WINDOW: Duration = Duration::from_secs(60);

/// Longest parameter of a path that is logged, characters: an id has at most 64.
const OBJECT_CHARS_MAX: usize = 100;

/// Logged outcome of a change that was made.
const DONE: &str = "done";

/// Objects of a request that are logged: a batch has at most 50.
const OBJECTS_MAX: usize = 64;

/// Counts the refused keys of this process.
#[derive(Debug, Default)]
pub struct Audit(Mutex<Refusals>);

#[derive(Debug, Default)]
struct Refusals {
    /// Start of the window; none before the first refused key.
    since: Option<SteadyTime>,
    lines: u32,
    left_out: u64,
}

/// How a refused key is logged.
#[derive(Debug, PartialEq, Eq)]
enum Noted {
    /// With a line of its own.
    Line,
    /// As the first that is only counted in its window: the caller logs the count when the window ends.
    First,
    /// Only counted.
    Counted,
}

impl Refusals {
    fn note(&mut self, now: SteadyTime) -> Noted {
        if self.since.is_none_or(|since| now.since(since) >= WINDOW) {
            (self.since, self.lines) = (Some(now), 0);
        }
        if self.lines < LINES_MAX {
            self.lines += 1;
            return Noted::Line;
        }
        self.left_out += 1;
        if self.left_out == 1 { Noted::First } else { Noted::Counted }
    }
}

impl Audit {
    fn refusals(&self) -> std::sync::MutexGuard<'_, Refusals> {
        // Nothing panics under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Logs a refused key. `reason` must not contain the key.
pub fn refused_key(app: &Arc<Api>, request: &Request, reason: &str) {
    let noted = app.audit.refusals().note(app.clock.steady());
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
    let left_out = std::mem::take(&mut app.audit.refusals().left_out);
    tracing::warn!(target: "audit", left_out, outcome = "refused", "more API keys refused");
}

/// Method and path of a route, with the names of its parameters: no text of the request.
pub fn route(request: &Request) -> String {
    let path = request.extensions().get::<MatchedPath>().map_or("no route", MatchedPath::as_str);
    format!("{} {path}", request.method())
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
    fn a_flood_of_refused_keys_is_ten_lines_and_a_count() {
        let (mut refusals, begin) = (Refusals::default(), SteadyTime::from_millis(7));
        let noted: Vec<_> = (0..1000).map(|_| refusals.note(begin)).collect();
        assert_eq!(noted.iter().filter(|noted| **noted == Noted::Line).count(), LINES_MAX as usize);
        assert_eq!(noted.iter().filter(|noted| **noted == Noted::First).count(), 1, "one task writes the count");
        assert_eq!(refusals.left_out, 1000 - u64::from(LINES_MAX));
        assert_eq!(refusals.note(begin.plus(WINDOW)), Noted::Line);
    }

    #[test]
    fn an_object_is_what_the_path_names_and_plain() {
        let route = "/api/v1/tasks/{task_id}/deliveries/{delivery_id}/resend";
        assert_eq!(object(route, "/api/v1/tasks/a-1/deliveries/b/resend"), "a-1/b");
        assert_eq!(object("/api/v1/ingest/file", "/api/v1/ingest/file"), "");
        assert_eq!(object("/x/{id}", "/x/a\"b=c d"), "a?b?c?d");
        assert_eq!(object("/x/{id}", &format!("/x/{}", "y".repeat(999))).len(), OBJECT_CHARS_MAX);
    }
}
