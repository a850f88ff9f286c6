//! The scope that each route needs. A route that is not listed needs the operator's: a test compares the list with the OpenAPI
//! document.

use super::ApiError;
use super::caller::Caller;
use axum::http::{Method, StatusCode};
use morag_core::caller::Scope;
use serde_json::json;

/// The access that a route needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// A scope, in the caller's own tenant.
    Scope(Scope),
    /// `admin` of the default tenant: the route concerns all tenants.
    Operator,
}

const SUBMIT: Access = Access::Scope(Scope::Submit);
const READ: Access = Access::Scope(Scope::Read);
const ENDPOINTS: Access = Access::Scope(Scope::Endpoints);

/// Every route that needs a key: method, path, access.
pub const RULES: [(&str, &str, Access); 39] = [
    ("POST", "/api/v1/ingest/file", SUBMIT),
    ("POST", "/api/v1/ingest/url", SUBMIT),
    ("POST", "/api/v1/ingest/batch", SUBMIT),
    ("POST", "/api/v1/process", SUBMIT),
    ("POST", "/api/convert/process-ingest", SUBMIT),
    ("POST", "/api/v1/cancel/{task_id}", SUBMIT),
    ("DELETE", "/api/v1/cancel/{task_id}", SUBMIT),
    ("DELETE", "/api/v1/ingest/{task_id}", SUBMIT),
    ("DELETE", "/api/v1/status/{task_id}", SUBMIT),
    ("POST", "/api/v1/tasks/{task_id}/retry", SUBMIT),
    ("DELETE", "/api/files/temp/{task_id}", SUBMIT),
    ("DELETE", "/api/v1/files/{task_id}", SUBMIT),
    ("GET", "/api/v1/pipelines", READ),
    ("GET", "/api/v1/status", READ),
    ("GET", "/api/v1/status/{task_id}", READ),
    ("GET", "/api/v1/status/stats/queues", READ),
    ("GET", "/api/v1/status/{task_id}/history", READ),
    ("GET", "/api/v1/status/events/recent", READ),
    ("GET", "/api/v1/status/{task_id}/events", READ),
    ("GET", "/api/v1/events", READ),
    ("GET", "/api/files/temp/{task_id}", READ),
    ("GET", "/api/files/temp/{task_id}/{filename}", READ),
    ("GET", "/api/v1/files/{task_id}", READ),
    ("GET", "/api/v1/files/{task_id}/{filename}", READ),
    ("GET", "/api/v1/tasks/{task_id}/deliveries", READ),
    ("POST", "/api/v1/tasks/{task_id}/deliveries/{delivery_id}/resend", ENDPOINTS),
    ("GET", "/api/v1/webhooks/endpoints", ENDPOINTS),
    ("POST", "/api/v1/webhooks/endpoints", ENDPOINTS),
    ("GET", "/api/v1/webhooks/endpoints/{endpoint_id}", ENDPOINTS),
    ("PATCH", "/api/v1/webhooks/endpoints/{endpoint_id}", ENDPOINTS),
    ("DELETE", "/api/v1/webhooks/endpoints/{endpoint_id}", ENDPOINTS),
    ("POST", "/api/v1/webhooks/endpoints/{endpoint_id}/secret/rotate", ENDPOINTS),
    ("GET", "/api/v1/webhooks/endpoints/{endpoint_id}/deliveries", ENDPOINTS),
    ("GET", "/api/v1/webhooks/endpoints/{endpoint_id}/events", ENDPOINTS),
    ("POST", "/api/v1/webhooks/endpoints/{endpoint_id}/recover", ENDPOINTS),
    ("POST", "/api/v1/webhooks/endpoints/{endpoint_id}/replay", ENDPOINTS),
    ("POST", "/api/v1/webhooks/endpoints/{endpoint_id}/test", ENDPOINTS),
    ("GET", "/api/v1/plugins", Access::Operator),
    ("POST", "/api/v1/plugins/reload", Access::Operator),
];

/// Paths that need no key.
pub fn is_open(path: &str) -> bool {
    matches!(path, "/health" | "/health/ready" | "/metrics" | "/openapi.json" | "/docs") || path.starts_with("/docs/")
}

/// The access that a route needs; the operator's where the list does not have it.
fn needed(method: &Method, route: &str) -> Access {
    let method = if method == Method::HEAD { "GET" } else { method.as_str() };
    let rule = RULES.iter().find(|(of_method, path, _)| *of_method == method && *path == route);
    rule.map_or(Access::Operator, |(_, _, access)| *access)
}

/// Checks that a caller may use a route.
///
/// # Errors
/// 403 `missing_scope`.
pub fn check(caller: &Caller, method: &Method, route: &str) -> Result<(), ApiError> {
    let access = needed(method, route);
    let (scope, is_allowed) = match access {
        Access::Scope(scope) => (scope, caller.has(scope)),
        Access::Operator => (Scope::Admin, caller.has(Scope::Admin) && caller.tenant().is_default()),
    };
    if is_allowed {
        return Ok(());
    }
    let scope = scope.as_str();
    let text = match access {
        Access::Scope(_) => {
            format!("The key does not have the scope {scope:?}, which this route needs: use another key")
        }
        Access::Operator => {
            format!("This route concerns all tenants: it needs a key of the default tenant with the scope {scope:?}")
        }
    };
    let error = ApiError::new(StatusCode::FORBIDDEN, "missing_scope", text);
    Err(error.with_extra("scope", json!(scope)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_of_the_document_has_a_rule_and_every_rule_a_route() {
        let document: serde_json::Value = serde_json::from_str(&crate::document().unwrap()).unwrap();
        let mut routes = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for method in item.as_object().unwrap().keys().filter(|method| *method != "parameters") {
                routes.push((method.to_uppercase(), path.clone()));
            }
        }
        for (method, path) in &routes {
            let has_rule = RULES.iter().any(|(of, route, _)| of == method && route == path);
            assert!(has_rule != is_open(path), "{method} {path} needs a key and has no rule, or the other way round");
        }
        for (method, path, _) in RULES {
            let there = routes.iter().any(|(of, route)| of == method && route == path);
            assert!(there, "{method} {path} has a rule and is no route");
        }
    }

    #[test]
    fn what_is_not_listed_is_the_operators() {
        assert_eq!(needed(&Method::HEAD, "/api/v1/events"), READ);
        assert_eq!(needed(&Method::PUT, "/api/v1/events"), Access::Operator);
        assert_eq!(needed(&Method::GET, "/api/v1/new"), Access::Operator);
    }
}
