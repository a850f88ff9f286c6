//! The schema of an error's `detail`.

use crate::field_error::FieldError;
use utoipa::openapi::schema::{ArrayBuilder, OneOfBuilder, Type};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// `detail` of an error: a text, or for 422 the wrong fields.
pub struct ErrorDetail;

impl PartialSchema for ErrorDetail {
    fn schema() -> RefOr<Schema> {
        let fields = ArrayBuilder::new().items(FieldError::schema());
        OneOfBuilder::new().item(ObjectBuilder::new().schema_type(Type::String)).item(fields).into()
    }
}

impl ToSchema for ErrorDetail {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        FieldError::schemas(schemas);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn the_detail_of_an_error_is_a_text_or_a_list() {
        let schema: Value = serde_json::to_value(ErrorDetail::schema()).unwrap();
        assert_eq!((&schema["oneOf"][0]["type"], &schema["oneOf"][1]["type"]), (&json!("string"), &json!("array")));
    }
}
