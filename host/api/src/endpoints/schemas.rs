//! The bodies of the routes that create and change an endpoint, in the OpenAPI document. Both are made of [`GivenEndpoint`], which reads
//! them.

use morag_engine::endpoints::given::GivenEndpoint;
use serde_json::json;
use std::borrow::Cow;
use utoipa::openapi::schema::{SchemaType, Type};
use utoipa::openapi::{Object, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Body of `POST /api/v1/webhooks/endpoints`.
pub struct NewEndpoint;

/// Body of `PATCH /api/v1/webhooks/endpoints/{endpoint_id}`.
pub struct EndpointChange;

impl PartialSchema for NewEndpoint {
    fn schema() -> RefOr<Schema> {
        let mut new = settings(&["version"]);
        new.required.push("url".into());
        new.description = Some("Settings of a new endpoint. An absent setting, and null, is its default.".into());
        Schema::from(new).into()
    }
}

impl PartialSchema for EndpointChange {
    fn schema() -> RefOr<Schema> {
        let mut change = settings(&["id", "secret"]);
        change.example = None;
        change.examples = vec![json!({ "events": ["task_*"], "rate_limit": 20 })];
        Schema::from(change).into()
    }
}

impl ToSchema for NewEndpoint {
    fn name() -> Cow<'static, str> {
        GivenEndpoint::name()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        GivenEndpoint::schemas(schemas);
    }
}

impl ToSchema for EndpointChange {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        GivenEndpoint::schemas(schemas);
    }
}

/// The settings but some. Every setting but the URL can be null.
fn settings(without: &[&str]) -> Object {
    let RefOr::T(Schema::Object(mut settings)) = GivenEndpoint::schema() else { return Object::new() };
    for name in without {
        settings.properties.remove(*name);
    }
    if let Some(RefOr::T(Schema::Object(url))) = settings.properties.get_mut("url") {
        url.schema_type = SchemaType::Type(Type::String);
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn each_body_has_the_settings_that_it_may_have() {
        let new: Value = serde_json::to_value(NewEndpoint::schema()).unwrap();
        let change: Value = serde_json::to_value(EndpointChange::schema()).unwrap();
        let has = |schema: &Value, name: &str| schema["properties"][name].is_object();
        assert!(has(&new, "id") && has(&new, "secret") && !has(&new, "version"), "{new}");
        assert!(!has(&change, "id") && !has(&change, "secret") && has(&change, "version"), "{change}");
        assert_eq!((&new["required"], &change["required"]), (&json!(["url"]), &Value::Null));
        assert_eq!((&new["additionalProperties"], &change["additionalProperties"]), (&json!(false), &json!(false)));
    }
}
