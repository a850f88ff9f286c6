//! Schemas without null: what stands in a form, a query or a header is there or not.

use crate::descriptions::description;
use utoipa::openapi::schema::{SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};

/// Takes null out of a schema.
pub fn not_null(schema: &mut RefOr<Schema>) {
    let RefOr::T(own) = schema else { return };
    match own {
        Schema::Object(field) => value_alone(&mut field.schema_type),
        Schema::Array(list) => value_alone(&mut list.schema_type),
        Schema::OneOf(either) => {
            let (items, text) = (std::mem::take(&mut either.items), either.description.take());
            if let Some(value) = items.into_iter().find(|one| !is_null(one)) {
                *schema = value;
            }
            match schema {
                RefOr::Ref(named) if named.description.is_empty() => named.description = text.unwrap_or_default(),
                RefOr::Ref(_) => {}
                RefOr::T(own) => {
                    if let (Some(empty @ None), Some(text)) = (description(own), text) {
                        *empty = Some(text);
                    }
                }
            }
        }
        _ => {}
    }
}

fn is_null(schema: &RefOr<Schema>) -> bool {
    matches!(schema, RefOr::T(Schema::Object(object)) if object.schema_type == SchemaType::Type(Type::Null))
}

fn value_alone(types: &mut SchemaType) {
    if let SchemaType::Array(either) = types
        && let Some(value) = either.iter().find(|one| **one != Type::Null).cloned()
    {
        *types = SchemaType::Type(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::submit::given::GivenTask;
    use serde_json::Value;
    use utoipa::PartialSchema;

    #[test]
    fn a_value_that_may_be_null_is_the_value_with_its_description() {
        let RefOr::T(Schema::Object(mut task)) = GivenTask::schema() else { panic!("not an object") };
        for (name, of_type) in [("document_id", "string"), ("webhook_events", "array"), ("chunk_size", "integer")] {
            let schema = task.properties.get_mut(name).unwrap();
            not_null(schema);
            let schema: Value = serde_json::to_value(schema).unwrap();
            assert_eq!(schema["type"], of_type, "{name}: {schema}");
            assert!(schema["description"].is_string(), "{name}: {schema}");
        }
    }
}
