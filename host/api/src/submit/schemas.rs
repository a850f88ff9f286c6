//! The bodies of the routes that take documents, in the OpenAPI document. All are made of [`GivenTask`], which reads them: a name,
//! type or limit is said there alone.

use super::field_value::ITEMS_MAX;
use super::given::GivenTask;
use crate::nullable::not_null;
use serde_json::json;
use utoipa::openapi::schema::{AdditionalProperties, ArrayBuilder, KnownFormat, SchemaFormat, Type};
use utoipa::openapi::{Object, ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Names that files do not have.
const NOT_OF_FILES: [&str; 1] = ["url"];

/// Members of `processing_options`.
const OPTIONS: [&str; 7] =
    ["language", "chunking_strategy", "chunk_size", "chunk_overlap", "page_range", "max_pages", "include_images"];

/// Begins the names of the members of `webhook_config`.
const WEBHOOK: &str = "webhook_";

/// Form of `POST /api/v1/ingest/file`.
pub struct IngestForm;

/// Form of `POST /api/convert/process-ingest`.
pub struct ProcessIngestForm;

/// Form of `POST /api/v1/process`.
pub struct ProcessForm;

/// Body of `POST /api/v1/ingest/url`, and an item of a batch.
pub struct IngestUrl;

/// Body of `POST /api/v1/ingest/batch`.
pub struct IngestBatch;

impl PartialSchema for IngestForm {
    fn schema() -> RefOr<Schema> {
        let form = form(&NOT_OF_FILES, only_ingest).property("file", file("The file.")).required("file");
        form.description(Some("A file and what becomes of it")).into()
    }
}

impl PartialSchema for ProcessIngestForm {
    fn schema() -> RefOr<Schema> {
        let form = form(&NOT_OF_FILES, only_ingest)
            .property("file", file("The file."))
            .required("file")
            .required("webhook_url");
        form.description(Some("A file, and the webhook that is told of it")).into()
    }
}

impl PartialSchema for ProcessForm {
    fn schema() -> RefOr<Schema> {
        let files = ArrayBuilder::new().items(file("A file.")).max_items(Some(ITEMS_MAX));
        let form = form(&[], batch_lists)
            .property("file", file("The file, for `source_type` `file`."))
            .property("batch_files", files.description(Some("Files of a batch.")))
            .required("mode")
            .description(Some("A document, or several, and what is to be done"));
        let mut form = form.build();
        // Names of which there are many, or that say the same.
        let known: Vec<_> = form.properties.keys().map(String::as_str).collect();
        let names = format!("^({}|batch_metadata_[1-4]?[0-9]|batch_files\\[\\])$", known.join("|"));
        form.property_names =
            Some(Box::new(ObjectBuilder::new().schema_type(Type::String).pattern(Some(names)).into()));
        form.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(true)));
        Schema::from(form).into()
    }
}

impl PartialSchema for IngestUrl {
    fn schema() -> RefOr<Schema> {
        let url = url_item().description(Some("A document to be fetched"));
        url.examples([json!({
            "url": "https://docs.example.com/manuals/x200.pdf",
            "document_id": "manual-x200",
            "webhook_url": "https://crm.example.com/hooks/morag",
        })])
        .into()
    }
}

impl PartialSchema for IngestBatch {
    fn schema() -> RefOr<Schema> {
        let shared = only_ingest(nested(ObjectBuilder::from(task(&NOT_OF_FILES))));
        let batch = shared.property("items", items("1 to 50 documents.")).required("items");
        let text = "Documents to be fetched. Any field of an item may be given here too, as the default for items without it; not \
                    `webhook_…` for an item with a `webhook_url` of its own";
        let batch = batch.description(Some(text));
        batch
            .examples([json!({
                "items": [{ "url": "https://docs.example.com/a.pdf" }, { "url": "https://docs.example.com/b.html" }],
                "collection_name": "manuals",
                "webhook_url": "https://crm.example.com/hooks/morag",
            })])
            .into()
    }
}

impl ToSchema for IngestForm {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        GivenTask::schemas(schemas);
    }
}

impl ToSchema for ProcessIngestForm {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        GivenTask::schemas(schemas);
    }
}

impl ToSchema for ProcessForm {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        GivenTask::schemas(schemas);
    }
}

impl ToSchema for IngestUrl {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        GivenTask::schemas(schemas);
    }
}

impl ToSchema for IngestBatch {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        GivenTask::schemas(schemas);
    }
}

/// The fields of a submission but some.
fn task(without: &[&str]) -> Object {
    let RefOr::T(Schema::Object(mut task)) = GivenTask::schema() else { return Object::new() };
    for name in without {
        task.properties.remove(*name);
    }
    task
}

/// The fields of a form: every value as a field of its own, in `request_data`, or in the objects for options and webhook.
///
/// `of_route` adds what only the route has; it is in `request_data`, too.
fn form(without: &[&str], of_route: fn(ObjectBuilder) -> ObjectBuilder) -> ObjectBuilder {
    let text = "A JSON object with any of the form's names but files. A form field of its own wins.";
    let data = of_route(nested(ObjectBuilder::from(task(without)))).description(Some(text));
    of_route(nested(ObjectBuilder::from(without_null(task(without))))).property("request_data", data)
}

/// A form has no null: a field is there or not.
fn without_null(mut task: Object) -> Object {
    for schema in task.properties.values_mut() {
        not_null(schema);
    }
    task
}

/// With the one mode that a route that ingests takes.
fn only_ingest(object: ObjectBuilder) -> ObjectBuilder {
    let ingest = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["ingest"]));
    object.property("mode", ingest.description(Some("What the route does.")))
}

/// With the lists of a batch.
fn batch_lists(object: ObjectBuilder) -> ObjectBuilder {
    let url = ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::Custom("uri".into())));
    let urls = ArrayBuilder::new().items(url).max_items(Some(ITEMS_MAX));
    object
        .property("items", items("Documents of a batch."))
        .property("batch_urls", urls.description(Some("URLs of a batch: a JSON array, or one a line.")))
}

/// With the objects whose members are fields, too.
fn nested(object: ObjectBuilder) -> ObjectBuilder {
    let mut options = task(&[]);
    options.properties.retain(|name, _| OPTIONS.contains(&name.as_str()));
    options.description = Some("Options of the steps. A field of its own wins.".into());
    let mut webhook = task(&[]);
    let members = std::mem::take(&mut webhook.properties).into_iter();
    let members = members.filter_map(|(name, schema)| Some((name.strip_prefix(WEBHOOK)?.to_owned(), schema)));
    webhook.properties = members.collect();
    webhook.description = Some("The webhook. A field of its own wins.".into());
    object.property("processing_options", options).property("webhook_config", webhook)
}

fn url_item() -> ObjectBuilder {
    let mut task = task(&[]);
    task.properties.get_mut("url").into_iter().for_each(not_null);
    only_ingest(nested(ObjectBuilder::from(task))).required("url")
}

fn items(text: &str) -> ArrayBuilder {
    let items = ArrayBuilder::new().items(url_item()).min_items(Some(1)).max_items(Some(ITEMS_MAX));
    items.description(Some(text))
}

fn file(text: &str) -> ObjectBuilder {
    let binary = SchemaFormat::KnownFormat(KnownFormat::Binary);
    let file = ObjectBuilder::new().schema_type(Type::String).format(Some(binary));
    file.content_media_type("application/octet-stream").description(Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(schema: RefOr<Schema>) -> Vec<String> {
        let RefOr::T(Schema::Object(object)) = schema else { panic!("not an object") };
        object.properties.keys().cloned().collect()
    }

    #[test]
    fn each_route_documents_the_names_that_it_takes() {
        let has = |names: &[String], name: &str| names.iter().any(|known| known == name);
        let (file, process) = (names(IngestForm::schema()), names(ProcessForm::schema()));
        assert!(has(&file, "file") && has(&file, "request_data") && !has(&file, "url") && !has(&file, "items"));
        assert!(has(&process, "mode") && has(&process, "batch_files") && has(&process, "url"));
        assert!(has(&names(IngestUrl::schema()), "url") && has(&names(IngestBatch::schema()), "items"));
    }

    #[test]
    fn the_guide_s_request_data_has_documented_names() {
        let form = serde_json::to_value(ProcessForm::schema()).unwrap();
        let data = &form["properties"]["request_data"]["properties"];
        assert!(data["mode"].to_string().contains("/ProcessMode\""), "{data}");
        assert!(data["webhook_config"]["properties"]["url"].is_object() && data["items"].is_object(), "{data}");
        let form = serde_json::to_value(IngestForm::schema()).unwrap();
        assert_eq!(form["properties"]["mode"]["enum"], serde_json::json!(["ingest"]));
        assert_eq!((&form["additionalProperties"], &form["required"]), (&false.into(), &serde_json::json!(["file"])));
    }
}
