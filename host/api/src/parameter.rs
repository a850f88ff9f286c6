//! Parameters of several routes in the OpenAPI document.

use serde_json::json;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ObjectBuilder, Required};

/// A text in a path or a header, with an example of it. What is in a path is required.
pub fn text(place: ParameterIn, name: &str, description: &str, schema: ObjectBuilder, example: &str) -> Parameter {
    let required = if place == ParameterIn::Path { Required::True } else { Required::False };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .description(Some(description))
        .schema(Some(schema.schema_type(Type::String)))
        .example(Some(json!(example)))
        .build()
}
