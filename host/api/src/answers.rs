//! What is always in an answer, in the OpenAPI document.
//!
//! utoipa's derives say that an optional member may be absent. In answers it is there, and null (`docs/http-api.md`, "Content types"), unless
//! serde leaves it out.

use crate::operations::operations;
use std::collections::BTreeSet;
use utoipa::openapi::schema::{AdditionalProperties, ArrayItems};
use utoipa::openapi::{Content, OpenApi, RefOr, Response, Schema};

/// Members that serde leaves out where they say nothing, with the names of their schemas.
const ABSENT: [(&str, &str); 6] = [
    ("PipelineOnFailure", "retry"),
    ("PipelineOnFailure", "delay_seconds"),
    ("Readiness", "refused_plugins"),
    ("Readiness", "unusable_pipelines"),
    ("Readiness", "store_shortcomings"),
    ("EndpointWithSecret", "dropped"),
];

/// Requires each member of the schemas that only answers have, but those of [`ABSENT`].
pub fn require_what_is_always_there(document: &mut OpenApi) {
    let (mut answered, mut asked) = (BTreeSet::new(), BTreeSet::new());
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        for response in operation.responses.responses.values() {
            if let RefOr::T(Response { content, .. }) = response {
                content.values().for_each(|content| names_of_content(content, &mut answered));
            }
        }
        if let Some(RefOr::T(body)) = &operation.request_body {
            body.content.values().for_each(|content| names_of_content(content, &mut asked));
        }
    }
    let Some(components) = &mut document.components else { return };
    for names in [&mut answered, &mut asked] {
        let mut open: Vec<String> = names.iter().cloned().collect();
        while let Some(name) = open.pop() {
            let mut within = BTreeSet::new();
            if let Some(schema) = components.schemas.get(&name) {
                names_of_schema(schema, &mut within);
            }
            open.extend(within.into_iter().filter(|name| names.insert(name.clone())));
        }
    }
    for name in answered.difference(&asked) {
        if let Some(schema) = components.schemas.get_mut(name) {
            require(name, schema);
        }
    }
}

fn require(name: &str, schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(object)) => {
            let members = object.properties.keys().filter(|member| !ABSENT.contains(&(name, member.as_str())));
            object.required = members.cloned().collect();
        }
        // Flattened parts of one object.
        RefOr::T(Schema::AllOf(parts)) => parts.items.iter_mut().for_each(|part| require(name, part)),
        RefOr::T(_) | RefOr::Ref(_) => {}
    }
}

fn names_of_content(content: &RefOr<Content>, names: &mut BTreeSet<String>) {
    if let RefOr::T(Content { schema: Some(schema), .. }) = content {
        names_of_schema(schema, names);
    }
}

/// Names of the schemas that a schema refers to.
fn names_of_schema(schema: &RefOr<Schema>, names: &mut BTreeSet<String>) {
    let schema = match schema {
        RefOr::Ref(named) => {
            names.extend(named.ref_location.rsplit('/').next().map(str::to_owned));
            return;
        }
        RefOr::T(schema) => schema,
    };
    match schema {
        Schema::Object(object) => {
            object.properties.values().for_each(|member| names_of_schema(member, names));
            if let Some(AdditionalProperties::RefOr(values)) = object.additional_properties.as_deref() {
                names_of_schema(values, names);
            }
        }
        Schema::Array(list) => {
            if let ArrayItems::RefOrSchema(items) = &list.items {
                names_of_schema(items, names);
            }
        }
        Schema::OneOf(one_of) => one_of.items.iter().for_each(|one| names_of_schema(one, names)),
        Schema::AllOf(all_of) => all_of.items.iter().for_each(|one| names_of_schema(one, names)),
        Schema::AnyOf(any_of) => any_of.items.iter().for_each(|one| names_of_schema(one, names)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn what_may_be_null_is_required_in_answers_and_not_in_requests() {
        let document: Value = serde_json::from_str(&crate::document().unwrap()).unwrap();
        let required = |name: &str| document["components"]["schemas"][name]["required"].clone();
        let has = |name: &str, member: &str| required(name).as_array().unwrap().contains(&json!(member));
        assert!(has("StatusBody", "result") && has("StatusBody", "error_details") && has("EndpointBody", "breaker"));
        assert!(!has("Readiness", "refused_plugins") && !has("PipelineOnFailure", "retry"));
        assert_eq!(required("RetryRequest"), Value::Null);
    }

    #[test]
    fn every_member_that_may_be_absent_is_in_the_document() {
        let document: Value = serde_json::from_str(&crate::document().unwrap()).unwrap();
        for (name, member) in ABSENT {
            assert!(
                document["components"]["schemas"][name].to_string().contains(&format!("\"{member}\":")),
                "{name}.{member}"
            );
        }
    }
}
