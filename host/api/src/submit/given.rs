//! The fields of a submission as they are given: names, types and limits of each value, and their OpenAPI schema.

use super::field_value::{FIELD_BYTES_MAX, too_long};
use super::include_images::IncludeImages;
use super::page_range::{PageNumber, PageRange};
use morag_core::task::{DocumentId, Metadata, SourceType};
use morag_core::webhook::{EventFilter, EventGlob, WebhookUrl};
use morag_core::{Secret, ports::SourceUrl};
use morag_engine::endpoints::headers::{
    HEADER_NAME_MAX, HEADERS_BYTES_MAX, HEADERS_MAX, header_value, is_header_name, own_header_name,
};
use morag_engine::endpoints::schemas::{EventPattern, Headers};
use morag_input::{FormatWord, Json, Whole, Word, Words};
use serde::de::{Error as _, IgnoredAny, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use utoipa::ToSchema;

/// Longest name of a collection.
const COLLECTION_LENGTH_MAX: usize = 128;

/// Characters of a chunk: the bounds of the chunking step.
type ChunkSize = Whole<50, 20_000>;

/// Less than the largest chunk.
type ChunkOverlap = Whole<0, 19_999>;

/// The fields of a submission.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Submission)]
pub struct GivenTask {
    /// Where the document is; http or https, without credentials.
    #[schema(value_type = Option<String>, format = "uri", example = "https://docs.example.com/manuals/x200.pdf")]
    pub url: Option<GivenSource>,
    /// What `POST /api/v1/process` does.
    #[expect(dead_code, reason = "read before the rest, by the one route that takes it")]
    pub mode: Option<ModeWord>,
    /// 1 to 255 characters, none of `< > " ' &` or control characters; generated when absent.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 255, pattern = "^[^<>\"'&\\u0000-\\u001F\\u007F-\\u009F]+$", example = "manual-x200")]
    pub document_id: Option<DocumentId>,
    /// Kind of document; inferred when absent, and for `file`, `url`, `web` and `batch`, which name its origin.
    #[schema(value_type = Option<SourceWord>)]
    pub source_type: Option<GivenSourceType>,
    /// Collection to store into, 1 to 128 of the characters `a-z A-Z 0-9 _ . -`.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 128, pattern = "^[A-Za-z0-9_.-]+$", default = "documents", example = "manuals")]
    pub collection_name: Option<GivenCollection>,
    /// Language code, such as `en` or `pt-BR`; recognised when absent or `auto`.
    #[schema(value_type = Option<String>, max_length = 35, pattern = "^([A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})*|auto)$", example = "en")]
    pub language: Option<GivenLanguage>,
    /// Replace a stored document of the same `document_id`.
    #[schema(default = false)]
    pub replace_existing: Option<bool>,
    /// Name of a pipeline, such as `ingest`, `process` or `convert`; that of the route or the mode when absent.
    #[schema(format = "pipeline", example = "ingest")]
    pub pipeline: Option<String>,
    /// How the text is divided into chunks; `semantic` when absent.
    pub chunking_strategy: Option<StrategyWord>,
    /// Characters of a chunk.
    #[schema(inline)]
    pub chunk_size: Option<ChunkSize>,
    /// Characters that a chunk repeats of the one before it; less than `chunk_size`.
    #[schema(inline)]
    pub chunk_overlap: Option<ChunkOverlap>,
    /// First and last page that are converted, from 1: of slides, sheets, chapters, pictures of a file and minutes of a recording likewise;
    /// all when absent.
    #[schema(inline, example = json!([2, 5]))]
    pub page_range: Option<PageRange>,
    /// Most pages that are converted, from the first of `page_range`.
    #[schema(inline)]
    pub max_pages: Option<PageNumber>,
    /// Which pictures become files of the task: those within the document (`figures`), one of each page (`pages`), or `all`; none when
    /// absent.
    pub include_images: Option<IncludeImages>,
    /// A JSON object of at most 64 KiB; its keys come back in task events.
    #[schema(value_type = Option<std::collections::HashMap<String, serde_json::Value>>, example = json!({ "department": "support" }))]
    pub metadata: Option<GivenMetadata>,
    /// Where events are sent; http or https, without credentials.
    #[schema(value_type = Option<String>, format = "uri", example = "https://crm.example.com/hooks/morag")]
    pub webhook_url: Option<GivenWebhookUrl>,
    /// Sent to the webhook as `Authorization: Bearer …`.
    #[schema(value_type = Option<String>, max_length = 4096, pattern = "^[ -~]*$", example = "token-of-the-receiver")]
    pub webhook_auth_token: Option<GivenWebhookToken>,
    /// What the bodies look like; `dual` when absent.
    pub webhook_format: Option<FormatWord>,
    /// Names of event types, or patterns such as `task_*`; all events when absent.
    #[schema(value_type = Option<Vec<EventPattern>>, example = json!(["task_completed", "task_failed"]))]
    pub webhook_events: Option<GivenWebhookEvents>,
    /// Extra headers of webhooks: names and texts, at most 32.
    #[schema(value_type = Option<Headers>, inline)]
    pub webhook_headers: Option<GivenWebhookHeaders>,
    /// Accepted of older clients, without effect.
    #[schema(value_type = Option<bool>, deprecated)]
    #[expect(dead_code, reason = "without effect")]
    pub use_docling: Option<IgnoredAny>,
    /// Accepted of older clients, without effect.
    #[schema(value_type = Option<bool>, deprecated)]
    #[expect(dead_code, reason = "without effect")]
    pub include_thumbnails: Option<IgnoredAny>,
    /// Accepted of older clients, without effect.
    #[schema(value_type = Option<bool>, deprecated)]
    #[expect(dead_code, reason = "without effect")]
    pub include_metadata: Option<IgnoredAny>,
    /// Accepted of older clients, without effect.
    #[schema(value_type = Option<std::collections::HashMap<String, serde_json::Value>>, deprecated)]
    #[expect(dead_code, reason = "without effect")]
    pub database_config: Option<IgnoredAny>,
    /// Accepted of older clients, without effect.
    #[schema(value_type = Option<Vec<std::collections::HashMap<String, serde_json::Value>>>, deprecated)]
    #[expect(dead_code, reason = "without effect")]
    pub database_servers: Option<IgnoredAny>,
}

/// What `POST /api/v1/process` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Markdown.
    Convert,
    /// Everything but storing.
    Process,
    /// Everything, in the background.
    Ingest,
}

/// A [`Mode`].
pub type ModeWord = Word<Mode>;

impl Words for Mode {
    const NAME: &'static str = "ProcessMode";
    const ALL: &'static [Self] = &[Self::Convert, Self::Process, Self::Ingest];
}

/// How a text is divided into chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// By meaning.
    Semantic,
    /// At the ends of sentences.
    Sentence,
    /// At the ends of paragraphs.
    Paragraph,
    /// At the ends of pages.
    Page,
    /// After a fixed number of characters.
    Fixed,
}

/// A [`Strategy`].
pub type StrategyWord = Word<Strategy>;

impl Words for Strategy {
    const NAME: &'static str = "ChunkingStrategy";
    const ALL: &'static [Self] = &[Self::Semantic, Self::Sentence, Self::Paragraph, Self::Page, Self::Fixed];
}

/// The words of `source_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceWords {
    /// A text.
    Document,
    /// A recording of sound.
    Audio,
    /// A film.
    Video,
    /// A picture.
    Image,
    /// An uploaded file.
    File,
    /// A URL.
    Url,
    /// A URL.
    Web,
    /// Several documents.
    Batch,
}

/// A word of `source_type`.
pub type SourceWord = Word<SourceWords>;

impl Words for SourceWords {
    const NAME: &'static str = "SourceKind";
    const ALL: &'static [Self] =
        &[Self::Document, Self::Audio, Self::Video, Self::Image, Self::File, Self::Url, Self::Web, Self::Batch];
}

/// What the document is; none where the word is of its origin.
#[derive(Debug)]
pub struct GivenSourceType(pub Option<SourceType>);

impl<'de> Deserialize<'de> for GivenSourceType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match SourceWord::deserialize(deserializer)?.0 {
            SourceWords::File | SourceWords::Url | SourceWords::Web | SourceWords::Batch => None,
            SourceWords::Document => Some(SourceType::Document),
            SourceWords::Audio => Some(SourceType::Audio),
            SourceWords::Video => Some(SourceType::Video),
            SourceWords::Image => Some(SourceType::Image),
        }))
    }
}

/// Reads a text and checks it. `expected` follows "… must be".
fn checked<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    expected: &str,
    check: impl FnOnce(String) -> Option<T>,
) -> Result<T, D::Error> {
    let checked = check(String::deserialize(deserializer)?);
    checked.ok_or_else(|| D::Error::invalid_value(Unexpected::Other("text"), &expected))
}

/// Reads a text and parses it; the error is a sentence of its own.
fn parsed<'de, D: Deserializer<'de>, T: std::str::FromStr<Err: fmt::Display>>(deserializer: D) -> Result<T, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

/// The URL of a document.
#[derive(Debug)]
pub struct GivenSource(pub SourceUrl);

impl<'de> Deserialize<'de> for GivenSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer).map(Self)
    }
}

/// The name of a collection.
#[derive(Debug)]
pub struct GivenCollection(pub String);

impl<'de> Deserialize<'de> for GivenCollection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        let is_name = |text: &String| (1..=COLLECTION_LENGTH_MAX).contains(&text.len()) && text.bytes().all(plain);
        let expected = format!("1 to {COLLECTION_LENGTH_MAX} of the characters a-z A-Z 0-9 _ . -");
        checked(deserializer, &expected, |text| Some(text).filter(is_name)).map(Self)
    }
}

/// The primary part of a language tag, in lower case; none for `auto`.
#[derive(Debug)]
pub struct GivenLanguage(pub Option<String>);

impl<'de> Deserialize<'de> for GivenLanguage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        checked(deserializer, "a code like en, de or pt-BR, or auto", |text| language(&text)).map(Self)
    }
}

fn language(text: &str) -> Option<Option<String>> {
    if text.eq_ignore_ascii_case("auto") {
        return Some(None);
    }
    let mut parts = text.split(['-', '_']);
    let primary = parts.next().unwrap_or_default();
    let letters = (2..=3).contains(&primary.len()) && primary.bytes().all(|byte| byte.is_ascii_alphabetic());
    let rest = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (letters && text.len() <= 35 && parts.all(rest)).then(|| Some(primary.to_ascii_lowercase()))
}

/// The caller's metadata.
#[derive(Debug)]
pub struct GivenMetadata(pub Metadata);

impl<'de> Deserialize<'de> for GivenMetadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let metadata = Metadata::from(Json::deserialize(deserializer)?.0);
        // Its length as it is stored: numbers can become longer.
        let bytes = metadata.as_str().len();
        match bytes <= FIELD_BYTES_MAX {
            true => Ok(Self(metadata)),
            false => Err(D::Error::custom(too_long("metadata", &bytes.to_string(), FIELD_BYTES_MAX))),
        }
    }
}

/// A URL of which only the policy of addresses is not known yet.
#[derive(Debug)]
pub struct GivenWebhookUrl(pub WebhookUrl);

impl<'de> Deserialize<'de> for GivenWebhookUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer).map(Self)
    }
}

/// A bearer token.
#[derive(Debug)]
pub struct GivenWebhookToken(pub Secret);

impl<'de> Deserialize<'de> for GivenWebhookToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let token = header_value("webhook_auth_token", String::deserialize(deserializer)?);
        token.map(|token| Self(Secret::new(token))).map_err(D::Error::custom)
    }
}

/// The events that a webhook gets.
#[derive(Debug)]
pub struct GivenWebhookEvents(pub EventFilter);

impl<'de> Deserialize<'de> for GivenWebhookEvents {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        let globs: Result<Vec<EventGlob>, _> = names.iter().map(|name| name.parse()).collect();
        globs.and_then(EventFilter::new).map(Self).map_err(D::Error::custom)
    }
}

/// Headers of a webhook.
#[derive(Debug)]
pub struct GivenWebhookHeaders(pub BTreeMap<String, Secret>);

impl<'de> Deserialize<'de> for GivenWebhookHeaders {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Headers;
        impl<'de> Visitor<'de> for Headers {
            type Value = GivenWebhookHeaders;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of names and texts")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<GivenWebhookHeaders, A::Error> {
                let (mut headers, mut bytes) = (BTreeMap::new(), 0);
                while let Some(name) = map.next_key::<String>()? {
                    let HeaderText(value) = map.next_value()?;
                    bytes += name.len() + value.len();
                    headers.insert(name, value);
                }
                if bytes > HEADERS_BYTES_MAX {
                    return Err(A::Error::custom(too_long("webhook headers", &bytes.to_string(), HEADERS_BYTES_MAX)));
                }
                if headers.len() > HEADERS_MAX {
                    return Err(A::Error::custom(format!("webhook headers are more than {HEADERS_MAX}")));
                }
                let checked = headers.into_iter().map(|(name, value)| header(name, value));
                checked.collect::<Result<_, _>>().map(GivenWebhookHeaders).map_err(A::Error::custom)
            }
        }
        deserializer.deserialize_map(Headers)
    }
}

/// The value of a header: a text, which may be empty.
struct HeaderText(String);

impl<'de> Deserialize<'de> for HeaderText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = HeaderText;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_str<E>(self, text: &str) -> Result<HeaderText, E> {
                Ok(HeaderText(text.to_owned()))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

fn header(name: String, value: String) -> Result<(String, Secret), String> {
    let is_name = name.len() <= HEADER_NAME_MAX && is_header_name(&name);
    if is_name {
        own_header_name(&name)?;
    }
    match header_value("webhook headers", value) {
        Ok(value) if is_name => Ok((name, Secret::new(value))),
        _ => Err("webhook headers must be names and texts that HTTP allows in headers".into()),
    }
}
