//! The options of a submission: its fields as the task needs them. Pure.

use super::fields::Fields;
use super::given::GivenTask;
use super::include_images::{Images, IncludeImages};
use morag_core::JsonObject;
use morag_core::ports::SourceUrl;
use morag_core::task::{DocumentId, Metadata, SourceType};
use morag_core::webhook::{AddressPolicy, Endpoint, EndpointId, WebhookUrl};
use serde_json::json;

/// Collection of a document whose caller names none.
const COLLECTION_DEFAULT: &str = "documents";

/// The options of a submission.
#[derive(Debug, Clone)]
pub struct TaskSpec {
    /// Where the document is, if it is to be fetched.
    pub url: Option<SourceUrl>,
    /// The document's id.
    pub document_id: Option<DocumentId>,
    /// Kind of source, if the caller gives it.
    pub source_type: Option<SourceType>,
    /// Collection to store into.
    pub collection: String,
    /// Whether the caller gives the collection.
    pub names_collection: bool,
    /// Language, if the caller gives it.
    pub language: Option<String>,
    /// Whether a stored document with the same id is replaced.
    pub replace_existing: bool,
    /// Name of a pipeline, if the caller gives one.
    pub pipeline: Option<String>,
    /// Processing options.
    pub options: JsonObject,
    /// The caller's metadata.
    pub metadata: Metadata,
    /// The webhook, if the caller gives one.
    pub endpoint: Option<Endpoint>,
}

impl TaskSpec {
    /// Reads the fields. Errors are noted in the fields; none where a value cannot be read at all.
    pub fn read(fields: &mut Fields, policy: &AddressPolicy) -> Option<Self> {
        let given: Option<GivenTask> = fields.read();
        // Also where another value is wrong: everything that is wrong is told at once.
        let url = fields.word("webhook_url").and_then(|text| text.parse::<WebhookUrl>().ok());
        if let Some(Err(refused)) = url.map(|url| url.check_literal(policy)) {
            fields.refuse("webhook_url", refused.to_string());
        }
        let given = given?;
        let options = options(fields, &given);
        let endpoint = given.webhook_url.map(|url| Endpoint {
            id: EndpointId::of_task(),
            url: url.0,
            auth_token: given.webhook_auth_token.map(|token| token.0),
            format: given.webhook_format.map(|format| format.0).unwrap_or_default(),
            events: given.webhook_events.map(|events| events.0).unwrap_or_default(),
            headers: given.webhook_headers.map(|headers| headers.0).unwrap_or_default(),
        });
        let names_collection = given.collection_name.is_some();
        Some(Self {
            url: given.url.map(|url| url.0),
            document_id: given.document_id,
            source_type: given.source_type.and_then(|word| word.0),
            collection: given.collection_name.map_or_else(|| COLLECTION_DEFAULT.to_owned(), |name| name.0),
            names_collection,
            language: given.language.and_then(|language| language.0),
            replace_existing: given.replace_existing.unwrap_or(false),
            pipeline: given.pipeline,
            options,
            metadata: given.metadata.map(|metadata| metadata.0).unwrap_or_default(),
            endpoint,
        })
    }
}

/// The options of the steps.
fn options(fields: &mut Fields, given: &GivenTask) -> JsonObject {
    let (size, overlap) = (given.chunk_size.map(|size| size.0), given.chunk_overlap.map(|overlap| overlap.0));
    if let (Some(size), Some(overlap)) = (size, overlap)
        && overlap >= size
    {
        fields.refuse("chunk_overlap", "chunk_overlap must be less than chunk_size");
    }
    let images = given.include_images.map(|IncludeImages(images)| images).filter(|images| *images != Images::None);
    let strategy = given.chunking_strategy.map(|strategy| json!(strategy));
    let options = [
        ("chunking_strategy", strategy),
        ("chunk_size", size.map(|size| json!(size))),
        ("chunk_overlap", overlap.map(|overlap| json!(overlap))),
        ("page_range", given.page_range.map(|range| json!([range.first, range.last]))),
        ("max_pages", given.max_pages.map(|max| json!(max.0))),
        ("include_images", images.map(|images| json!(images))),
    ];
    options.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_core::webhook::BodyFormat;

    fn read(form: &[(&str, &str)]) -> Result<TaskSpec, Vec<String>> {
        let mut fields = Fields::merge(form.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect());
        let spec = TaskSpec::read(&mut fields, &AddressPolicy::default());
        let errors = fields.into_errors();
        if errors.is_empty() {
            Ok(spec.unwrap())
        } else {
            Err(errors.into_iter().map(|error| error.loc[1].clone()).collect())
        }
    }

    #[test]
    fn nothing_asked_means_the_defaults() {
        let spec = read(&[]).unwrap();
        assert_eq!((spec.collection.as_str(), spec.replace_existing), ("documents", false));
        assert!(spec.document_id.is_none() && spec.endpoint.is_none() && spec.options.is_empty());
    }

    #[test]
    fn numbers_arrive_as_numbers() {
        let spec = read(&[("chunk_size", "500"), ("chunk_overlap", "50"), ("chunking_strategy", "page")]).unwrap();
        assert_eq!(spec.options["chunk_size"], json!(500));
        assert_eq!(spec.options["chunk_overlap"], json!(50));
        assert_eq!(spec.options["chunking_strategy"], "page");
    }

    #[test]
    fn a_range_of_pages_comes_in_every_form() {
        for form in [
            ("page_range", "2,5"),
            ("page_range", "[2, 5]"),
            ("request_data", r#"{"page_range": [2, 5]}"#),
            ("processing_options", r#"{"page_range": [2, 5]}"#),
        ] {
            let spec = read(&[form, ("max_pages", "3")]).unwrap();
            assert_eq!(spec.options["page_range"], json!([2, 5]), "{form:?}");
            assert_eq!(spec.options["max_pages"], json!(3));
        }
    }

    #[test]
    fn pictures_are_asked_for_by_a_word_or_by_true() {
        for (form, asked) in [
            (("include_images", "figures"), Some("figures")),
            (("include_images", "pages"), Some("pages")),
            (("include_images", "all"), Some("all")),
            (("include_images", "true"), Some("all")),
            (("include_images", "True"), Some("all")),
            (("include_images", "none"), None),
            (("include_images", "false"), None),
            (("include_images", ""), None),
            (("request_data", r#"{"include_images": true}"#), Some("all")),
            (("request_data", r#"{"include_images": false}"#), None),
            (("request_data", r#"{"include_images": null}"#), None),
            (("processing_options", r#"{"include_images": "pages"}"#), Some("pages")),
        ] {
            let spec = read(&[form]).unwrap();
            assert_eq!(spec.options.get("include_images").map(|text| text.as_str().unwrap()), asked, "{form:?}");
        }
    }

    #[test]
    fn each_bad_value_is_refused_by_name() {
        let long = "x".repeat(10_000);
        for (name, value) in [
            ("document_id", "a<b"),
            ("document_id", long.as_str()),
            ("source_type", "smell"),
            ("collection_name", "a b"),
            ("collection_name", long.as_str()),
            ("language", "klingonese"),
            ("replace_existing", "perhaps"),
            ("chunking_strategy", "random"),
            ("chunk_size", "many"),
            ("chunk_size", "1"),
            ("chunk_size", "-5"),
            ("chunk_overlap", "1.5"),
            ("page_range", "5,2"),
            ("page_range", "0,2"),
            ("page_range", "2"),
            ("page_range", "1,2,3"),
            ("page_range", "1,x"),
            ("max_pages", "0"),
            ("include_images", "some"),
            ("include_images", "1"),
            ("include_images", "[\"pages\"]"),
            ("include_images", "{\"pages\": true}"),
            ("metadata", "[1]"),
            ("metadata", "nonsense"),
            ("webhook_url", "nonsense"),
            ("webhook_url", "ftp://example.com/"),
            ("webhook_url", "https://u:p@example.com/"),
            ("webhook_url", "http://127.0.0.1/"),
            ("webhook_url", "http://[::ffff:10.0.0.1]/"),
            ("webhook_auth_token", "a\nb"),
            ("webhook_events", "task_exploded"),
            ("webhook_format", "xml"),
            ("webhook_headers", r#"{"a b": "c"}"#),
            ("webhook_headers", r#"{"a": "c\r\nd: e"}"#),
        ] {
            assert_eq!(read(&[(name, value)]).unwrap_err(), [name], "{value:?}");
        }
        assert_eq!(read(&[("chunk_size", "50"), ("chunk_overlap", "50")]).unwrap_err(), ["chunk_overlap"]);
    }

    #[test]
    fn a_webhook_config_makes_an_endpoint() {
        let data = r#"{"webhook_config": {"url": "https://example.com/h", "auth_token": "t", "format": "morag-ui",
                       "events": ["step_completed"], "headers": {"X-A": "b"}}, "language": "pt-BR"}"#;
        let spec = read(&[("request_data", data)]).unwrap();
        let endpoint = spec.endpoint.unwrap();
        assert_eq!(endpoint.format, BodyFormat::MoragUi);
        assert_eq!(endpoint.events, "step_completed".parse().unwrap());
        assert_eq!(endpoint.headers["X-A"].expose(), "b");
        assert_eq!(spec.language.as_deref(), Some("pt"));
    }

    #[test]
    fn a_header_of_the_server_s_own_is_refused() {
        for name in ["Host", "x-morag-event", "Expect", "Trailer", "Proxy-Authorization"] {
            let data =
                format!(r#"{{"webhook_config": {{"url": "https://example.com/h", "headers": {{"{name}": "b"}}}}}}"#);
            assert_eq!(read(&[("request_data", &data)]).unwrap_err(), ["webhook_headers"], "{name}");
        }
    }
}
