//! A step's description of itself.

use crate::bindings::exports::morag::step::step as wit;

/// An artifact that the step reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// File name, for example `markdown.md`.
    pub name: String,
    /// Whether a pipeline without an earlier step that writes it is refused.
    pub required: bool,
}

/// An artifact that the step writes, or with a pattern any number of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// File name, for example `markdown.md`; or a pattern with one `*` for one or more characters, for example `page-*.png`.
    pub name: String,
    /// Media type, for example `text/markdown`.
    pub media_type: String,
    /// Key in the step's data under which the host publishes the file's URL.
    pub data_key: Option<String>,
}

impl Output {
    /// An artifact whose URL is not published in the step's data.
    pub fn new(name: &str, media_type: &str) -> Self {
        Self { name: name.into(), media_type: media_type.into(), data_key: None }
    }

    /// Publishes the file's URL under `key` of the step's data. Not for a pattern, whose files are all listed.
    #[must_use]
    pub fn published_as(mut self, key: &str) -> Self {
        self.data_key = Some(key.into());
        self
    }

    /// Whether a file of this name may be written as this output.
    pub fn takes(&self, name: &str) -> bool {
        let Some((before, after)) = self.name.split_once('*') else { return self.name == name };
        let filled = name.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)).unwrap_or_default();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        !filled.is_empty() && filled.chars().all(plain) && name.len() <= NAME_CHARS_MAX && !name.starts_with('.')
    }
}

/// Most characters of an artifact's name. The WIT says so.
const NAME_CHARS_MAX: usize = 64;

/// A step's description; see `describe` in `wit/step.wit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// Step name in lower snake case.
    pub name: String,
    /// The step's own version (semver).
    pub version: String,
    /// One line for people.
    pub summary: String,
    /// Artifacts the step reads.
    pub inputs: Vec<Input>,
    /// Artifacts the step writes.
    pub outputs: Vec<Output>,
    /// Names of the capabilities that it asks for; see [`Descriptor::wants`].
    pub capabilities: Vec<String>,
    /// JSON Schema of the step's configuration.
    pub config_schema: serde_json::Value,
}

impl Descriptor {
    /// A step that reads only the source, writes no artifacts, asks for no capabilities and accepts any configuration.
    pub fn new(name: &str, version: &str, summary: &str) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            summary: summary.into(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            capabilities: Vec::new(),
            config_schema: serde_json::json!({}),
        }
    }

    /// Reads an artifact that an earlier step must write.
    #[must_use]
    pub fn reads(mut self, name: &str) -> Self {
        self.inputs.push(Input { name: name.into(), required: true });
        self
    }

    /// Reads an artifact if an earlier step has written it.
    #[must_use]
    pub fn reads_if_present(mut self, name: &str) -> Self {
        self.inputs.push(Input { name: name.into(), required: false });
        self
    }

    /// Writes an artifact.
    #[must_use]
    pub fn writes(mut self, output: Output) -> Self {
        self.outputs.push(output);
        self
    }

    /// Asks for a capability: `embeddings`, `vectors`, `graph`, `completions`, `transcription`, `kv`, `secrets`, or `http` for requests to
    /// other hosts. The host refuses the component if one of them is not granted, or if it imports one that it does not ask for.
    #[must_use]
    pub fn wants(mut self, capability: &str) -> Self {
        self.capabilities.push(capability.into());
        self
    }

    /// Sets the JSON Schema (draft 2020-12) of the step's configuration; without one, any object is accepted. With the feature `schema`,
    /// `configured_by_type` derives it from a type.
    #[must_use]
    pub fn configured_by(mut self, schema: serde_json::Value) -> Self {
        self.config_schema = schema;
        self
    }
}

impl From<Descriptor> for wit::Descriptor {
    fn from(from: Descriptor) -> Self {
        let inputs = from.inputs.into_iter();
        let outputs = from.outputs.into_iter();
        Self {
            name: from.name,
            version: from.version,
            summary: from.summary,
            inputs: inputs.map(|input| wit::ArtifactInput { name: input.name, required: input.required }).collect(),
            outputs: outputs
                .map(|output| wit::ArtifactOutput {
                    name: output.name,
                    media_type: output.media_type,
                    data_key: output.data_key,
                })
                .collect(),
            capabilities: from.capabilities,
            config_schema: from.config_schema.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_takes_what_the_host_takes() {
        let pages = Output::new("page-*.png", "image/png");
        for name in ["page-1.png", "page-a.b_C.png", "page-.png.png"] {
            assert!(pages.takes(name), "{name}");
        }
        let long = format!("page-{}.png", "1".repeat(56));
        for name in ["page-.png", "page-1.jpg", "1.png", "page-a/b.png", "page-\u{e4}.png", "page-*.png", "", &long] {
            assert!(!pages.takes(name), "{name}");
        }
        assert!(!Output::new("*.png", "image/png").takes(".a.png"));
        let one = Output::new("out.txt", "text/plain");
        assert!(one.takes("out.txt") && !one.takes("out.txt2"));
    }
}
