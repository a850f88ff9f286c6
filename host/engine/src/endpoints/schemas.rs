//! Schemas of the events and headers of a webhook, in the OpenAPI document.

use super::headers::{HEADER_NAME_MAX, HEADER_VALUE_MAX, HEADERS_MAX};
use serde_json::json;
use utoipa::openapi::schema::{SchemaFormat, SchemaType, Type};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// A name of an event type, or a pattern that matches one: `format` `event-pattern`.
pub struct EventPattern;

/// Headers by name.
pub struct Headers;

/// Changes of headers by name: null takes one away.
pub struct HeaderChanges;

/// Printable ASCII.
const PRINTABLE: &str = "^[ -~]*$";

impl PartialSchema for EventPattern {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::Custom("event-pattern".into());
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).into()
    }
}

impl PartialSchema for Headers {
    fn schema() -> RefOr<Schema> {
        let value = value().schema_type(Type::String);
        headers().additional_properties(Some(Schema::from(value))).into()
    }
}

impl PartialSchema for HeaderChanges {
    fn schema() -> RefOr<Schema> {
        let value = value().schema_type(SchemaType::from_iter([Type::String, Type::Null]));
        headers().additional_properties(Some(Schema::from(value))).into()
    }
}

impl ToSchema for EventPattern {}
impl ToSchema for Headers {}
impl ToSchema for HeaderChanges {}

/// Names are tokens of RFC 9110, section 5.6.2. The server's own are refused, too.
fn headers() -> ObjectBuilder {
    let name = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(HEADER_NAME_MAX))
        .pattern(Some("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"));
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .property_names(Some(Schema::from(name)))
        .max_properties(Some(HEADERS_MAX))
        .examples([json!({ "X-Source": "morag" })])
}

fn value() -> ObjectBuilder {
    ObjectBuilder::new().max_length(Some(HEADER_VALUE_MAX)).pattern(Some(PRINTABLE))
}
