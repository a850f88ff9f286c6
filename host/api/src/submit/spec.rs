//! The options of a submission: the contract's fields beside the file, checked. Pure.

use super::fields::{Fields, too_long};
use morag_core::task::{DocumentId, Metadata, SourceType};
use morag_core::webhook::{AddressPolicy, BodyFormat, Endpoint, EndpointId, EventFilter, EventGlob, WebhookUrl};
use morag_core::{JsonObject, Secret};
use morag_engine::endpoints::headers::{
    HEADER_NAME_MAX, HEADERS_BYTES_MAX, HEADERS_MAX, header_value, is_header_name, own_header_name,
};
use serde_json::json;
use std::collections::BTreeMap;

/// Collection of a document whose caller names none.
const COLLECTION_DEFAULT: &str = "documents";

/// Longest name of a collection.
const COLLECTION_LENGTH_MAX: usize = 128;

/// Chunking strategies.
const STRATEGIES: [&str; 5] = ["semantic", "sentence", "paragraph", "page", "fixed"];

/// Bounds of a chunk's size, characters: those of the chunking step.
const CHUNK_SIZE: std::ops::RangeInclusive<u64> = 50..=20_000;

/// The options of a submission.
#[derive(Debug, Clone)]
pub struct TaskSpec {
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
    /// Reads the fields. Errors are noted in the fields: the options are valid only if there are none.
    pub fn read(fields: &mut Fields, policy: &AddressPolicy) -> Self {
        Self {
            document_id: fields.parsed("document_id", DocumentId::try_from),
            source_type: fields.parsed("source_type", |text| source_type(&text)).flatten(),
            collection: fields.parsed("collection_name", collection).unwrap_or_else(|| COLLECTION_DEFAULT.to_owned()),
            names_collection: fields.has("collection_name"),
            language: fields.parsed("language", |text| language(&text)).flatten(),
            replace_existing: fields.boolean("replace_existing").unwrap_or(false),
            pipeline: fields.text("pipeline"),
            options: options(fields),
            metadata: fields.metadata("metadata").unwrap_or_default(),
            endpoint: endpoint(fields, policy),
        }
    }
}

/// The words of both `ingest` and `process`. Those for the origin of the document do not tell its kind.
fn source_type(text: &str) -> Result<Option<SourceType>, &'static str> {
    match text {
        "file" | "url" | "web" | "batch" => Ok(None),
        "document" => Ok(Some(SourceType::Document)),
        "audio" => Ok(Some(SourceType::Audio)),
        "video" => Ok(Some(SourceType::Video)),
        "image" => Ok(Some(SourceType::Image)),
        _ => Err("source_type must be document, audio, video or image"),
    }
}

fn collection(text: String) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    match (1..=COLLECTION_LENGTH_MAX).contains(&text.len()) && text.bytes().all(plain) {
        true => Ok(text),
        false => {
            Err(format!("collection_name must have 1 to {COLLECTION_LENGTH_MAX} of the characters a-z A-Z 0-9 _ . -"))
        }
    }
}

/// The primary part of a language tag, in lower case; none for `auto`.
fn language(text: &str) -> Result<Option<String>, &'static str> {
    if text.eq_ignore_ascii_case("auto") {
        return Ok(None);
    }
    let mut parts = text.split(['-', '_']);
    let primary = parts.next().unwrap_or_default();
    let letters = (2..=3).contains(&primary.len()) && primary.bytes().all(|byte| byte.is_ascii_alphabetic());
    let rest = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match letters && text.len() <= 35 && parts.all(rest) {
        true => Ok(Some(primary.to_ascii_lowercase())),
        false => Err("language must be a code like en, de or pt-BR, or auto"),
    }
}

fn options(fields: &mut Fields) -> JsonObject {
    let mut options = JsonObject::new();
    let strategy = |text: String| match STRATEGIES.contains(&text.as_str()) {
        true => Ok(text),
        false => Err(format!("chunking_strategy must be one of {}", STRATEGIES.join(", "))),
    };
    if let Some(strategy) = fields.parsed("chunking_strategy", strategy) {
        options.insert("chunking_strategy".into(), json!(strategy));
    }
    let size = fields.integer("chunk_size", CHUNK_SIZE);
    let overlap = fields.integer("chunk_overlap", 0..=CHUNK_SIZE.end() - 1);
    if let (Some(size), Some(overlap)) = (size, overlap)
        && overlap >= size
    {
        fields.refuse("chunk_overlap", "chunk_overlap must be less than chunk_size");
    }
    for (name, value) in [("chunk_size", size), ("chunk_overlap", overlap)] {
        if let Some(value) = value {
            options.insert(name.into(), json!(value));
        }
    }
    options
}

fn endpoint(fields: &mut Fields, policy: &AddressPolicy) -> Option<Endpoint> {
    let url = fields.parsed("webhook_url", |text| text.parse::<WebhookUrl>());
    if let Some(Err(refused)) = url.as_ref().map(|url| url.check_literal(policy)) {
        fields.refuse("webhook_url", refused.to_string());
    }
    let token = fields.parsed("webhook_auth_token", |text| header_value("webhook_auth_token", text));
    let format = fields.parsed("webhook_format", |text| {
        text.parse::<BodyFormat>().map_err(|()| "webhook format must be dual, envelope, flat or morag-ui")
    });
    let events = event_filter(fields);
    let headers = headers(fields);
    Some(Endpoint {
        id: EndpointId::of_task(),
        url: url?,
        auth_token: token.map(Secret::new),
        format: format.unwrap_or_default(),
        events,
        headers,
    })
}

fn event_filter(fields: &mut Fields) -> EventFilter {
    let names = fields.list("webhook_events").unwrap_or_default();
    let globs: Result<Vec<EventGlob>, _> = names.iter().map(|name| name.parse()).collect();
    globs.and_then(EventFilter::new).unwrap_or_else(|error| {
        fields.refuse("webhook_events", error.to_string());
        EventFilter::default()
    })
}

fn headers(fields: &mut Fields) -> BTreeMap<String, Secret> {
    let given = fields.object("webhook_headers").unwrap_or_default();
    let bytes: usize = given.iter().map(|(name, value)| name.len() + value.as_str().map_or(0, str::len)).sum();
    if bytes > HEADERS_BYTES_MAX {
        fields.refuse("webhook_headers", too_long("webhook headers", &bytes.to_string(), HEADERS_BYTES_MAX));
        return BTreeMap::new();
    }
    if given.len() > HEADERS_MAX {
        fields.refuse("webhook_headers", format!("webhook headers are more than {HEADERS_MAX}"));
        return BTreeMap::new();
    }
    let mut headers = BTreeMap::new();
    for (name, value) in given {
        if is_header_name(&name)
            && name.len() <= HEADER_NAME_MAX
            && let Err(reserved) = own_header_name(&name)
        {
            fields.refuse("webhook_headers", reserved);
            return BTreeMap::new();
        }
        let value = value.as_str().and_then(|text| header_value("webhook headers", text.to_owned()).ok());
        match value.filter(|_| name.len() <= HEADER_NAME_MAX && is_header_name(&name)) {
            Some(value) => {
                headers.insert(name, Secret::new(value));
            }
            None => {
                fields.refuse("webhook_headers", "webhook headers must be names and texts that HTTP allows in headers");
                return BTreeMap::new();
            }
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(form: &[(&str, &str)]) -> Result<TaskSpec, Vec<String>> {
        let mut fields = Fields::merge(form.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect());
        let spec = TaskSpec::read(&mut fields, &AddressPolicy::default());
        let errors = fields.into_errors();
        if errors.is_empty() { Ok(spec) } else { Err(errors.into_iter().map(|error| error.loc[1].clone()).collect()) }
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
