//! The routes with their OpenAPI 3.1 document, which is generated from the handlers.

use super::{
    access, answers, cancel, deliveries, descriptions, endpoints, events, files, health, metrics, pipelines, plugins,
    retry, status, submit, webhook_docs,
};
use crate::Api;
use crate::nullable::not_null;
use crate::operations::operations;
use axum::Router;
use axum::routing::{delete, get};
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::openapi::path::{HttpMethod, Operation, ParameterBuilder, PathItem};
use utoipa::openapi::schema::ArrayItems;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ComponentsBuilder, Content, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Response,
    ResponseBuilder, Schema,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Routes that do the same as another one, with their method and their own operation id: ids are unique in a document.
const CANCEL: &str = "/api/v1/cancel/{task_id}";
const CANCEL_TOO: [(&str, &str); 3] = [
    ("/api/v1/cancel/{task_id}", "cancel_task_by_delete"),
    ("/api/v1/ingest/{task_id}", "cancel_ingest"),
    ("/api/v1/status/{task_id}", "cancel_status"),
];
const FILES: &str = "/api/files/temp/{task_id}";
const FILES_TOO: &str = "/api/v1/files/{task_id}";

/// The documented routes, and their document.
pub fn routes() -> (Router<Arc<Api>>, OpenApi) {
    let (router, mut document) = OpenApiRouter::with_openapi(base())
        .routes(routes!(submit::ingest::ingest_file))
        .routes(routes!(submit::url::ingest_url))
        .routes(routes!(submit::batch::ingest_batch))
        .routes(routes!(submit::ingest::process_ingest))
        .routes(routes!(submit::process::process))
        .routes(routes!(pipelines::list))
        .routes(routes!(status::status))
        .routes(routes!(status::list))
        .routes(routes!(status::queues))
        .routes(routes!(status::history))
        .routes(routes!(status::recent))
        .routes(routes!(events::of_task))
        .routes(routes!(events::of_all))
        .routes(routes!(cancel::cancel))
        .routes(routes!(retry::retry))
        .routes(routes!(files::list, files::delete))
        .routes(routes!(files::get))
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::resend))
        .routes(routes!(endpoints::create::create, endpoints::read::list))
        .routes(routes!(endpoints::read::get, endpoints::change::change, endpoints::read::delete))
        .routes(routes!(endpoints::rotate::rotate))
        .routes(routes!(endpoints::deliveries::list))
        .routes(routes!(endpoints::again::recover))
        .routes(routes!(endpoints::again::replay))
        .routes(routes!(endpoints::try_out::send))
        .routes(routes!(endpoints::pull::list))
        .routes(routes!(plugins::list))
        .routes(routes!(plugins::reload))
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
        .routes(routes!(metrics::metrics))
        .split_for_parts();
    let router = router
        .route("/api/v1/cancel/{task_id}", delete(cancel::cancel))
        .route("/api/v1/ingest/{task_id}", delete(cancel::cancel))
        .route("/api/v1/status/{task_id}", delete(cancel::cancel))
        .route(FILES_TOO, get(files::list).delete(files::delete))
        .route(&format!("{FILES_TOO}/{{filename}}"), get(files::get));
    document_refusals(&mut document);
    descriptions::mend(&mut document);
    answers::require_what_is_always_there(&mut document);
    document_parameters(&mut document);
    document_aliases(&mut document);
    document.webhooks = Some(webhook_docs::webhooks());
    (router, document)
}

/// The OpenAPI document as JSON text, ending with a line break.
pub fn document() -> Result<String, serde_json::Error> {
    let (_, document) = routes();
    document.to_pretty_json().map(|text| text + "\n")
}

fn base() -> OpenApi {
    let description = "Documents in, steps over them, signed webhooks out. Every route under `/api` needs \
        `Authorization: Bearer KEY`, or `X-API-Key: KEY`, with the scope that it needs. A trailing slash is served as without. Every error has the shape of `ErrorBody`, \
        and every answer the header `X-Request-Id`.";
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let header = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-Key")));
    let tags = [
        ("ingest", "Submitting documents"),
        ("status", "Status and history of tasks, and cancelling them"),
        ("events", "Live events"),
        ("files", "Files of tasks"),
        ("webhooks", "Webhook endpoints, the log of deliveries, and sending again"),
        ("plugins", "The step components of a worker, with their grants"),
        ("health", "Liveness, readiness and metrics"),
    ];
    let components = ComponentsBuilder::new()
        .security_scheme("api_key", bearer)
        .security_scheme("x_api_key", header)
        .schemas_from_iter(webhook_docs::schemas())
        .build();
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("MoRAG")
                .version(morag_engine::VERSION)
                .description(Some(description))
                .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
                .build(),
        )
        .tags(Some(tags.map(|(name, text)| TagBuilder::new().name(name).description(Some(text)).build())))
        .security(Some(["api_key", "x_api_key"].map(|scheme| SecurityRequirement::new(scheme, [] as [&str; 0]))))
        .components(Some(components))
        .build()
}

/// Adds the answers that several routes have in common, where a route has no text of its own for them.
fn document_refusals(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        for operation in operations(item) {
            if !access::is_open(path) {
                refusals_of_all(operation);
                refusals_without_access(operation);
            }
            if operation.request_body.is_some() {
                refusals_of_bodies(operation);
            }
        }
    }
}

fn refusal(text: &str) -> RefOr<Response> {
    let content = Content::new(Some(Ref::from_schema_name("ErrorBody")));
    ResponseBuilder::new().description(text).content("application/json", content).build().into()
}

fn or_refusal(operation: &mut Operation, status: &str, text: &str) {
    operation.responses.responses.entry(status.into()).or_insert_with(|| refusal(text));
}

fn refusals_of_all(operation: &mut Operation) {
    or_refusal(operation, "400", "The request cannot be read");
    or_refusal(operation, "422", "An unknown or invalid parameter");
    or_refusal(operation, "500", "A fault of the server; `request_id` finds it in the log");
    or_refusal(operation, "503", "The server or its storage cannot answer now; `Retry-After` says when to try again");
}

/// Of requests without a valid key, or without the scope of the route.
fn refusals_without_access(operation: &mut Operation) {
    or_refusal(operation, "401", "No key, or an unknown one");
    let responses = &mut operation.responses.responses;
    match responses.get_mut("403") {
        Some(RefOr::T(own)) => {
            own.description += ", or the key does not have the scope that this route needs (`missing_scope`)"
        }
        _ => {
            let text = "The key does not have the scope that this route needs (`missing_scope`), or one of its quotas is reached and waiting does not help";
            responses.insert("403".into(), refusal(text));
        }
    }
}

fn refusals_of_bodies(operation: &mut Operation) {
    or_refusal(operation, "408", "The body came too slowly");
    or_refusal(operation, "413", "The body is larger than this route takes");
    if operation.tags.as_ref().is_some_and(|tags| tags.iter().any(|tag| tag == "ingest")) {
        let text = "Too many tasks are waiting (`queue_full`), or a quota of the key is reached (`quota_…`); `Retry-After` says when to try again";
        operation.responses.responses.insert("429".into(), refusal(text));
    }
}

/// Takes null out of bodies, which are there or not, and of parameters. Gives each parameter an example: the first of its schema, its default,
/// or its first word.
fn document_parameters(document: &mut OpenApi) {
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        if let Some(RefOr::T(body)) = &mut operation.request_body {
            for content in body.content.values_mut() {
                let RefOr::T(content) = content else { continue };
                content.schema.iter_mut().for_each(not_null);
            }
        }
        for parameter in operation.parameters.iter_mut().flatten() {
            let RefOr::T(parameter) = parameter else { continue };
            parameter.schema.iter_mut().for_each(not_null);
            // The field itself is private.
            let has_one = serde_json::to_value(&*parameter).is_ok_and(|value| value.get("example").is_some());
            if let (false, Some(RefOr::T(schema))) = (has_one, &parameter.schema) {
                let example = example(schema);
                *parameter = ParameterBuilder::from(parameter.clone()).example(example).build();
            }
        }
    }
}

fn example(schema: &Schema) -> Option<Value> {
    match schema {
        Schema::Object(object) => {
            let words = object.enum_values.as_ref().and_then(|words| words.first());
            object.examples.first().or(object.default.as_ref()).or(words).cloned()
        }
        Schema::Array(list) => match &list.items {
            ArrayItems::RefOrSchema(item) => match &**item {
                RefOr::T(item) => example(item).map(|one| json!([one])),
                RefOr::Ref(_) => None,
            },
            ArrayItems::False => None,
        },
        // An optional one: null or the value.
        Schema::OneOf(one_of) => one_of.items.iter().find_map(|item| match item {
            RefOr::T(item) => example(item),
            RefOr::Ref(_) => None,
        }),
        _ => None,
    }
}

fn document_aliases(document: &mut OpenApi) {
    let paths = &mut document.paths.paths;
    if let Some(operation) = paths.get(CANCEL).and_then(|item| item.post.clone()) {
        for (path, id) in CANCEL_TOO {
            let same = renamed(operation.clone(), id);
            paths.entry(path.into()).or_default().merge_operations(PathItem::new(HttpMethod::Delete, same));
        }
    }
    for (suffix, get, delete) in
        [("", "list_task_files", Some("delete_task_files")), ("/{filename}", "get_task_file", None)]
    {
        let Some(mut item) = paths.get(&format!("{FILES}{suffix}")).cloned() else { continue };
        item.get = item.get.map(|operation| renamed(operation, get));
        item.delete = item.delete.zip(delete).map(|(operation, id)| renamed(operation, id));
        paths.insert(format!("{FILES_TOO}{suffix}"), item);
    }
}

fn renamed(mut operation: Operation, id: &str) -> Operation {
    operation.operation_id = Some(id.to_owned());
    operation
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the golden file is on the disk")]
    fn the_document_is_the_golden_file() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
        let document = document().unwrap();
        if std::env::var_os("MORAG_BLESS").is_some() {
            std::fs::write(&path, document).unwrap();
        } else {
            let golden = std::fs::read_to_string(&path).unwrap_or_default();
            let hint =
                "openapi.json is out of date: MORAG_BLESS=1 cargo test -p morag-api writes it; review the change";
            assert!(golden == document, "{hint}");
        }
    }

    #[test]
    fn urls_of_files_in_events_are_those_of_the_route() {
        let task = morag_core::task::TaskId::random();
        let url = morag_core::task::file_url(task, "markdown.md");
        assert_eq!(url.replace(&task.to_string(), "{task_id}"), format!("{FILES}/markdown.md"));
    }

    #[test]
    fn it_is_3_1_with_every_webhook_event() {
        let document: Value = serde_json::from_str(&document().unwrap()).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let events: BTreeSet<_> = document["webhooks"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(events, webhook_docs::EVENT_TYPES.into_iter().collect());
    }

    #[test]
    fn whatever_needs_a_key_says_what_is_answered_without_its_scope() {
        let document: Value = serde_json::from_str(&document().unwrap()).unwrap();
        let paths = document["paths"].as_object().unwrap().iter().filter(|(path, _)| !access::is_open(path));
        let mut operations = 0;
        for (path, item) in paths {
            for operation in item.as_object().unwrap().values().filter(|value| value["operationId"].is_string()) {
                let said = |status: &str| operation["responses"][status]["description"].as_str().unwrap_or_default();
                assert!(said("401").contains("No key"), "{path}: {operation}");
                assert!(said("403").contains("`missing_scope`"), "{path}: {operation}");
                operations += 1;
            }
        }
        assert!(operations > 30, "{operations}");
    }

    #[test]
    fn every_parameter_and_body_has_an_example() {
        let document: Value = serde_json::from_str(&document().unwrap()).unwrap();
        let resolved = |schema: &Value| match schema["$ref"].as_str() {
            Some(path) => document.pointer(path.trim_start_matches('#')).unwrap().clone(),
            None => schema.clone(),
        };
        let has_example = |value: &Value| ["example", "examples"].iter().any(|name| value.get(name).is_some());
        let (mut parameters, mut bodies) = (0, 0);
        for (path, item) in document["paths"].as_object().unwrap() {
            for operation in item.as_object().unwrap().values() {
                for parameter in operation["parameters"].as_array().into_iter().flatten() {
                    assert!(has_example(parameter), "{path}: {parameter}");
                    parameters += 1;
                }
                for (kind, body) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
                    let schema = match body["schema"]["oneOf"].as_array() {
                        // An optional body: null or the schema.
                        Some(either) => resolved(either.iter().find(|one| one["type"] != "null").unwrap()),
                        None => resolved(&body["schema"]),
                    };
                    // A form's fields are filled in one by one.
                    let is_shown = match kind.as_str() {
                        "multipart/form-data" => has_example(&schema["properties"]["document_id"]),
                        _ => has_example(&schema),
                    };
                    assert!(is_shown, "{path}: {schema}");
                    bodies += 1;
                }
            }
        }
        assert!(parameters > 60 && bodies > 10, "{parameters} {bodies}");
    }

    #[test]
    fn operation_ids_are_unique_and_references_lead_somewhere() {
        let text = document().unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        let mut ids = Vec::new();
        for item in
            document["paths"].as_object().unwrap().values().chain(document["webhooks"].as_object().unwrap().values())
        {
            ids.extend(item.as_object().unwrap().values().filter_map(|operation| operation["operationId"].as_str()));
        }
        assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len(), "{ids:?}");
        let schemas = document["components"]["schemas"].as_object().unwrap();
        for reference in text.split("#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(schemas.contains_key(name), "{name}");
        }
    }
}
