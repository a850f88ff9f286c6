//! Descriptor of a component: name, inputs, outputs, capabilities.

use super::capability::Capability;
use super::output_name::{InvalidOutputName, OutputName};
use crate::task::ArtifactName;
use serde::{Deserialize, Serialize};

/// An artifact a step reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Its name.
    pub name: ArtifactName,
    /// Whether an earlier step must write it.
    pub required: bool,
}

/// An artifact that a step writes, or with a pattern any number of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Its name, or a pattern for the names of several.
    pub name: OutputName,
    /// Its media type.
    pub media_type: String,
    /// Key of the step's data under which its URL is published; a pattern has none.
    pub data_key: Option<String>,
}

impl Output {
    /// Reads an output as a component describes it.
    ///
    /// # Errors
    /// A name, media type or key that the host cannot store, serve or publish, and a key of a pattern: its files are many, and one URL
    /// would not name them.
    pub fn read(name: &str, media_type: String, data_key: Option<String>) -> Result<Self, InvalidDescriptor> {
        let name: OutputName = name.parse().map_err(|_| InvalidDescriptor::Output(shown(name)))?;
        Self::check(&media_type, data_key.as_deref())?;
        match data_key {
            Some(_) if name.is_pattern() => Err(InvalidDescriptor::PublishedPattern(name)),
            data_key => Ok(Self { name, media_type, data_key }),
        }
    }

    /// Refuses a media type or key that the host cannot store, serve or publish.
    pub fn check(media_type: &str, data_key: Option<&str>) -> Result<(), InvalidDescriptor> {
        if !is_media_type(media_type) {
            return Err(InvalidDescriptor::MediaType(shown(media_type)));
        }
        match data_key {
            Some(key) if !is_data_key(key) => Err(InvalidDescriptor::DataKey(shown(key))),
            _ => Ok(()),
        }
    }
}

/// `type/subtype`, optionally followed by a semicolon and parameters. It becomes an HTTP header.
fn is_media_type(text: &str) -> bool {
    let (essence, parameters) = match text.split_once(';') {
        Some((essence, parameters)) => (essence, Some(parameters)),
        None => (text, None),
    };
    // HTTP token characters (RFC 9110, section 5.6.2).
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let named = |name: &str| !name.is_empty() && name.chars().all(token);
    let kind_fits = essence.trim_end_matches(' ').split_once('/').is_some_and(|(kind, sub)| named(kind) && named(sub));
    // `name=value`; the content of a quoted value is not checked.
    let parameters_fit = parameters.is_none_or(|parameters| {
        let printable = parameters.chars().all(|c| c == ' ' || c.is_ascii_graphic());
        printable && parameters.trim().split_once('=').is_some_and(|(name, value)| named(name) && !value.is_empty())
    });
    text.len() <= MEDIA_TYPE_BYTES_MAX && kind_fits && parameters_fit
}

/// Whether a key has the form of the standard steps' keys.
fn is_data_key(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (1..=DATA_KEY_CHARS_MAX).contains(&text.len()) && text.chars().all(plain)
}

/// Prefix of an untrusted text that an error shows.
fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}

/// A format that a converter takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedFormat {
    /// Short name, as failures list it.
    pub name: String,
    /// Media types without parameters, lower case.
    pub media_types: Vec<String>,
    /// Extensions of its files without the dot, lower case.
    pub extensions: Vec<String>,
}

impl AcceptedFormat {
    /// Refuses names that the host cannot compare or show.
    pub fn check(&self) -> Result<(), InvalidDescriptor> {
        let short = |text: &String| {
            (1..=16).contains(&text.len()) && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        };
        let media_type =
            |text: &String| is_media_type(text) && !text.contains(';') && !text.chars().any(|c| c.is_ascii_uppercase());
        let few = self.media_types.len() <= FORMAT_TEXTS_MAX && self.extensions.len() <= FORMAT_TEXTS_MAX;
        let fits =
            few && short(&self.name) && self.media_types.iter().all(media_type) && self.extensions.iter().all(short);
        if fits { Ok(()) } else { Err(InvalidDescriptor::Format(shown(&self.name))) }
    }
}

/// Maximum media types, and maximum extensions, of a format. The WIT says so.
const FORMAT_TEXTS_MAX: usize = 16;

/// Maximum formats of a converter. The WIT says so.
const FORMATS_MAX: usize = 128;

/// The validated descriptor of a component.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Descriptor {
    /// Step name in lower snake case.
    pub name: String,
    /// Version of the component.
    pub version: String,
    /// One-line description.
    pub summary: String,
    /// Artifacts that it reads.
    pub inputs: Vec<Input>,
    /// Artifacts that it writes.
    pub outputs: Vec<Output>,
    /// Capabilities that it requests.
    pub capabilities: Vec<Capability>,
    /// JSON Schema of its configuration.
    pub config_schema: serde_json::Value,
    /// Formats that it converts; `None` if it is not a converter, which takes every document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub formats: Option<Vec<AcceptedFormat>>,
}

/// Why a descriptor is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDescriptor {
    /// Not lower snake case, or too long.
    #[error("step name {0:?} is not 1 to 64 characters of lower snake case")]
    Name(String),
    /// Not an artifact name.
    #[error("artifact name {0:?} is not a file name of a task")]
    Artifact(String),
    /// Not a name of an output.
    #[error("name {0:?} of an output is {InvalidOutputName}")]
    Output(String),
    /// A pattern with a key.
    #[error("output {0} is a pattern and has a data key: leave the key out, for its files are listed without one")]
    PublishedPattern(OutputName),
    /// Not a media type.
    #[error(
        "media type {0:?} of an output is not of the form type/subtype or type/subtype; name=value, in at most \
         {MEDIA_TYPE_BYTES_MAX} printable ASCII characters"
    )]
    MediaType(String),
    /// Not a key of a step's data.
    #[error("data key {0:?} of an output is not 1 to {DATA_KEY_CHARS_MAX} characters of A-Z a-z 0-9 _")]
    DataKey(String),
    /// Not a known capability.
    #[error("capability {0:?} is unknown to this host; it has {known}", known = Capability::ALL.map(Capability::as_str).join(", "))]
    Capability(String),
    /// The configuration schema is not a JSON object.
    #[error("the configuration schema is not a JSON object")]
    Schema,
    /// Not a format.
    #[error(
        "format {0:?} is not of the form name (1 to 16 of a-z 0-9), media types (at most {FORMAT_TEXTS_MAX}, lower case, without \
         parameters) and extensions (at most {FORMAT_TEXTS_MAX}, 1 to 16 of a-z 0-9)"
    )]
    Format(String),
    /// A part exceeds its limit.
    #[error("it has {measured} {what}; a descriptor has at most {allowed}")]
    TooLarge {
        /// The part, with its unit.
        what: &'static str,
        /// Its actual size.
        measured: usize,
        /// Its maximum size.
        allowed: usize,
    },
}

/// Maximum inputs, and maximum outputs, of a descriptor: a pipeline is a dozen steps that write a few files each.
const ARTIFACTS_MAX: usize = 64;

/// Maximum capabilities of a descriptor: more than exist.
const CAPABILITIES_MAX: usize = 64;

/// Maximum bytes of the version.
const VERSION_BYTES_MAX: usize = 64;

/// Maximum bytes of the one-line summary.
const SUMMARY_BYTES_MAX: usize = 1 << 10;

/// Maximum bytes of the configuration schema as JSON text: those of real steps have some KiB. Every descriptor is held in
/// memory and shown by the API.
pub const CONFIG_SCHEMA_BYTES_MAX: usize = 64 << 10;

/// Maximum bytes of an output's media type, which is stored with every artifact and sent as a header. Registered types have at
/// most 127 characters per half (RFC 6838), and those in use less than 80 in total.
const MEDIA_TYPE_BYTES_MAX: usize = 128;

/// Maximum characters of an output's key in a step's data. Keys do not count towards the limit of the data.
const DATA_KEY_CHARS_MAX: usize = 64;

/// Sizes of a descriptor's parts as received from a component: lists in items, texts in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct DescriptorSize {
    /// Version.
    pub version: usize,
    /// Summary.
    pub summary: usize,
    /// Inputs.
    pub inputs: usize,
    /// Outputs.
    pub outputs: usize,
    /// Capabilities.
    pub capabilities: usize,
    /// Configuration schema.
    pub config_schema: usize,
    /// Formats.
    pub formats: usize,
}

impl DescriptorSize {
    /// Refuses parts that exceed their limits, before the descriptor is converted.
    pub fn check(self) -> Result<(), InvalidDescriptor> {
        let parts = [
            ("bytes of version", self.version, VERSION_BYTES_MAX),
            ("bytes of summary", self.summary, SUMMARY_BYTES_MAX),
            ("inputs", self.inputs, ARTIFACTS_MAX),
            ("outputs", self.outputs, ARTIFACTS_MAX),
            ("capabilities", self.capabilities, CAPABILITIES_MAX),
            ("bytes of configuration schema", self.config_schema, CONFIG_SCHEMA_BYTES_MAX),
            ("formats", self.formats, FORMATS_MAX),
        ];
        match parts.into_iter().find(|(_, measured, allowed)| measured > allowed) {
            Some((what, measured, allowed)) => Err(InvalidDescriptor::TooLarge { what, measured, allowed }),
            None => Ok(()),
        }
    }
}

impl Descriptor {
    /// Checks a step name.
    pub fn check_name(name: &str) -> Result<(), InvalidDescriptor> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let fits = (1..=64).contains(&name.len())
            && name.chars().all(plain)
            && name.starts_with(|c: char| c.is_ascii_lowercase());
        if fits { Ok(()) } else { Err(InvalidDescriptor::Name(shown(name))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_has_its_own_limit() {
        assert_eq!(DescriptorSize { inputs: ARTIFACTS_MAX, version: 5, ..Default::default() }.check(), Ok(()));
        for (size, what) in [
            (DescriptorSize { version: 65, ..Default::default() }, "bytes of version"),
            (DescriptorSize { summary: 1025, ..Default::default() }, "bytes of summary"),
            (DescriptorSize { inputs: 65, ..Default::default() }, "inputs"),
            (DescriptorSize { outputs: 65, ..Default::default() }, "outputs"),
            (DescriptorSize { capabilities: 65, ..Default::default() }, "capabilities"),
            (DescriptorSize { formats: 129, ..Default::default() }, "formats"),
            (DescriptorSize { config_schema: (64 << 10) + 1, ..Default::default() }, "bytes of configuration schema"),
        ] {
            assert!(
                matches!(size.check(), Err(InvalidDescriptor::TooLarge { what: found, .. }) if found == what),
                "{size:?}"
            );
        }
    }

    #[test]
    fn a_format_has_short_names_and_plain_media_types() {
        let format = |name: &str, media_types: &[&str], extensions: &[&str]| AcceptedFormat {
            name: name.into(),
            media_types: media_types.iter().map(|text| (*text).into()).collect(),
            extensions: extensions.iter().map(|text| (*text).into()).collect(),
        };
        assert_eq!(format("docx", &["application/msword"], &["docx", "docm"]).check(), Ok(()));
        assert_eq!(format("x", &[], &[]).check(), Ok(()));
        for bad in [
            format("", &[], &[]),
            format("Docx", &[], &[]),
            format("x", &["text"], &[]),
            format("x", &["text/plain; charset=utf-8"], &[]),
            format("x", &["Text/plain"], &[]),
            format("x", &[], &[".docx"]),
            format("x", &[], &["a"; 17]),
        ] {
            assert!(matches!(bad.check(), Err(InvalidDescriptor::Format(_))), "{bad:?}");
        }
    }

    #[test]
    fn a_media_type_is_one() {
        let long = format!("text/{}", "x".repeat(123));
        for fine in ["text/plain", "text/markdown; charset=utf-8", "application/vnd.a+json;v=\"1; 2\"", &long] {
            assert_eq!(Output::check(fine, None), Ok(()), "{fine}");
        }
        let too_long = format!("{long}x");
        for bad in [
            "",
            "text",
            "text/",
            "/plain",
            "text/plain;",
            "text/plain; charset",
            "text/plain\r\nx: y",
            "text/a b",
            "text/plain; a=\r\n",
            "text/plain; a=\u{e9}",
            "t\u{e9}xt/plain",
            "text/a/b",
            &too_long,
        ] {
            assert!(matches!(Output::check(bad, None), Err(InvalidDescriptor::MediaType(_))), "{bad:?}");
        }
        let said = Output::check(&"x".repeat(1 << 20), None).unwrap_err().to_string();
        assert!(said.len() < 300, "{said}");
    }

    #[test]
    fn an_output_is_a_file_or_a_pattern_without_a_key() {
        let read = |name: &str, key: Option<&str>| Output::read(name, "image/png".into(), key.map(str::to_owned));
        assert_eq!(read("a.png", Some("a_url")).unwrap().data_key.as_deref(), Some("a_url"));
        let pages = read("page-*.png", None).unwrap();
        assert!(pages.name.is_pattern());
        let shown = serde_json::json!({"name": "page-*.png", "media_type": "image/png", "data_key": null});
        assert_eq!(serde_json::to_value(&pages).unwrap(), shown);
        let said = read("page-*.png", Some("pages_url")).unwrap_err().to_string();
        assert!(said.contains("output page-*.png is a pattern and has a data key: leave the key out"), "{said}");
        let said = read("page-*-*.png", None).unwrap_err().to_string();
        assert!(
            said.contains("\"page-*-*.png\" of an output is neither a file name of a task nor a pattern"),
            "{said}"
        );
        assert!(read(&"x".repeat(1 << 20), None).unwrap_err().to_string().len() < 400);
        assert_eq!(read("a.png", Some("a b")), Err(InvalidDescriptor::DataKey("a b".into())));
        assert!(matches!(Output::read("a.png", "png".into(), None), Err(InvalidDescriptor::MediaType(_))));
    }

    #[test]
    fn a_data_key_is_short_and_plain() {
        for fine in ["markdown_file_url", "a", "Url2", &"x".repeat(64)] {
            assert_eq!(Output::check("text/plain", Some(fine)), Ok(()), "{fine}");
        }
        for bad in ["", "a-b", "a b", "a.b", "\u{e4}", "\0", &"x".repeat(65)] {
            assert!(matches!(Output::check("text/plain", Some(bad)), Err(InvalidDescriptor::DataKey(_))), "{bad:?}");
        }
    }
}
