//! Counts requests by the template of their route, around everything else that is done with them.
//!
//! Only the routes know the template, and they are inside of what may answer in their place, a panic included. So the outermost
//! layer gives each request a slot, and the innermost writes the template into it.

use crate::Api;
use crate::traced::Traced;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, Uri};
use axum::middleware::Next;
use axum::response::Response;
use std::sync::{Arc, OnceLock};
use tokio::time::Instant;
use tracing::Instrument as _;

/// The route of a request that matches none, or was refused before it was looked for. A path is a stranger's text: each would have a
/// series of its own, for as long as the process runs.
const UNMATCHED: &str = "unmatched";

/// Methods with a series of their own; a client can make up any other.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Every other method.
const OTHER_METHOD: &str = "other";

/// The route that waits for a task if `wait` says so, and the one that does for most modes.
const STATUS: &str = "/api/v1/status/{task_id}";
const PROCESS: &str = "/api/v1/process";

/// Where the template of a request's route is written, in its extensions.
#[derive(Debug, Clone, Default)]
struct RouteSlot(Arc<OnceLock<MatchedPath>>);

/// The outermost middleware: counts a request when its answer begins, and is its span. A client that goes away before is not counted.
pub async fn count(State(app): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    let slot = RouteSlot::default();
    request.extensions_mut().insert(slot.clone());
    let (method, asks_to_wait) = (method_word(request.method()), asks_to_wait(request.uri()));
    let started = Instant::now();
    let traced = Traced::of(method, &mut request);
    let answering = next.run(request).instrument(traced.span()).instrument(traced.of_log());
    let response = answering.await;
    let route = slot.0.get().map_or(UNMATCHED, MatchedPath::as_str);
    let until_head = (!may_wait(route, asks_to_wait)).then(|| started.elapsed());
    traced.answered(method, route, response.status().as_u16());
    app.metrics.http.answered(method, route, response.status().as_u16(), until_head);
    response
}

/// The middleware at the routes: writes down which one it is.
pub async fn note_route(request: Request, next: Next) -> Response {
    let extensions = request.extensions();
    if let (Some(slot), Some(route)) = (extensions.get::<RouteSlot>(), extensions.get::<MatchedPath>()) {
        // It is empty: a request has one route.
        let _ = slot.0.set(route.clone());
    }
    next.run(request).await
}

/// The method, of a bounded set: others are one word.
pub fn method_word(method: &Method) -> &'static str {
    METHODS.into_iter().find(|known| *known == method.as_str()).unwrap_or(OTHER_METHOD)
}

fn asks_to_wait(uri: &Uri) -> bool {
    // Its status takes no other parameter, and a name may be encoded.
    uri.query().is_some_and(|query| !query.is_empty())
}

/// Whether the response may wait for a task: its time is then not the server's own.
fn may_wait(route: &str, asks_to_wait: bool) -> bool {
    route == PROCESS || (route == STATUS && asks_to_wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_of_a_bounded_set() {
        let word = |text: &str| method_word(&text.parse().unwrap());
        assert_eq!((word("GET"), word("DELETE")), ("GET", "DELETE"));
        assert_eq!((word("get"), word("TRACE"), word("S3CRET")), ("other", "other", "other"));
    }

    #[test]
    fn only_requests_that_may_wait_for_a_task_are_left_out() {
        let waits = |route, uri: &str| may_wait(route, asks_to_wait(&uri.parse().unwrap()));
        assert!(waits(PROCESS, "/api/v1/process") && waits(STATUS, "/api/v1/status/x?a=1&wait=5"));
        assert!(!waits(STATUS, "/api/v1/status/x") && waits(STATUS, "/api/v1/status/x?w%61it=5"));
        assert!(!waits("/health", "/health?wait=5"));
    }

    #[test]
    fn routes_that_wait_are_routes_of_the_server() {
        let document: serde_json::Value = serde_json::from_str(&crate::document().unwrap()).unwrap();
        assert!([PROCESS, STATUS].iter().all(|route| document["paths"][*route].is_object()));
    }
}
