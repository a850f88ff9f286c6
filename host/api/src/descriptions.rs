//! Mends descriptions of inlined schemas in the OpenAPI document.
//!
//! utoipa's derives write the description of an inlined field as `allOf` of the schema and an object with the description. Nothing but
//! an object is both. Here the description becomes the schema's own.

use crate::operations::operations;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{AdditionalProperties, ArrayItems};
use utoipa::openapi::{Content, ObjectBuilder, OpenApi, RefOr, Schema};

/// Mends every schema of a document but those of webhooks, which have none in place.
pub fn mend(document: &mut OpenApi) {
    for schema in document.components.iter_mut().flat_map(|components| components.schemas.values_mut()) {
        mend_schema(schema);
    }
    for item in document.paths.paths.values_mut() {
        operations(item).for_each(mend_operation);
    }
}

fn mend_operation(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter {
            parameter.schema.iter_mut().for_each(mend_schema);
        }
    }
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            response.content.values_mut().for_each(mend_content);
        }
    }
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        body.content.values_mut().for_each(mend_content);
    }
}

fn mend_content(content: &mut RefOr<Content>) {
    if let RefOr::T(content) = content {
        content.schema.iter_mut().for_each(mend_schema);
    }
}

fn mend_schema(schema: &mut RefOr<Schema>) {
    if let Some(mended) = mended(schema) {
        *schema = mended;
    }
    let RefOr::T(schema) = schema else { return };
    match schema {
        Schema::Object(object) => {
            object.properties.values_mut().for_each(mend_schema);
            if let Some(AdditionalProperties::RefOr(values)) = object.additional_properties.as_deref_mut() {
                mend_schema(values);
            }
        }
        Schema::Array(list) => {
            if let ArrayItems::RefOrSchema(items) = &mut list.items {
                mend_schema(items);
            }
        }
        Schema::OneOf(one_of) => one_of.items.iter_mut().for_each(mend_schema),
        Schema::AllOf(all_of) => all_of.items.iter_mut().for_each(mend_schema),
        Schema::AnyOf(any_of) => any_of.items.iter_mut().for_each(mend_schema),
        _ => {}
    }
}

/// The schema with the description as its own; none where there is nothing to mend.
fn mended(schema: &RefOr<Schema>) -> Option<RefOr<Schema>> {
    let RefOr::T(Schema::AllOf(both)) = schema else { return None };
    let [RefOr::T(own), RefOr::T(Schema::Object(note))] = both.items.as_slice() else { return None };
    if *note != ObjectBuilder::new().description(note.description.clone()).build() {
        return None;
    }
    let mut own = own.clone();
    *description(&mut own)? = note.description.clone();
    Some(own.into())
}

/// The description of a schema, if its kind has one.
pub fn description(schema: &mut Schema) -> Option<&mut Option<String>> {
    match schema {
        Schema::Object(object) => Some(&mut object.description),
        Schema::Array(list) => Some(&mut list.description),
        Schema::OneOf(one_of) => Some(&mut one_of.description),
        Schema::AllOf(all_of) => Some(&mut all_of.description),
        Schema::AnyOf(any_of) => Some(&mut any_of.description),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use utoipa::PartialSchema;

    #[derive(serde::Serialize, utoipa::ToSchema)]
    struct Named {
        /// What it is.
        #[schema(value_type = String, inline)]
        name: String,
    }

    #[test]
    fn the_description_of_an_inlined_field_is_the_schema_s_own() {
        let mut schema = Named::schema();
        mend_schema(&mut schema);
        let schema: Value = serde_json::to_value(schema).unwrap();
        assert_eq!(schema["properties"]["name"], json!({ "type": "string", "description": "What it is." }));
    }

    #[test]
    fn nothing_in_the_document_is_all_of_a_value_and_an_object() {
        let text = crate::document().unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        fn walk(value: &Value) {
            let parts = value["allOf"].as_array().map(Vec::as_slice).unwrap_or_default();
            assert!(parts.iter().all(|part| part["type"] != "object" || part["properties"].is_object()), "{value}");
            match value {
                Value::Object(members) => members.values().for_each(walk),
                Value::Array(items) => items.iter().for_each(walk),
                _ => {}
            }
        }
        walk(&document);
    }
}
