//! The export of a converter.

use crate::Step;
use crate::bindings::converter::exports::morag::step::converter as wit;

/// A format that a converter takes; see `format` in `wit/converter.wit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    /// Short name: the usual extension.
    pub name: String,
    /// Its media types, without parameters, in lower case.
    pub media_types: Vec<String>,
    /// Extensions of its files, without the dot, in lower case.
    pub extensions: Vec<String>,
}

impl Format {
    /// A format with its media types and the extensions of its files.
    pub fn new<'a>(
        name: &str,
        media_types: impl IntoIterator<Item = &'a str>,
        extensions: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let owned = |text: &str| text.to_owned();
        Self {
            name: name.into(),
            media_types: media_types.into_iter().map(owned).collect(),
            extensions: extensions.into_iter().map(owned).collect(),
        }
    }
}

/// A step that converts documents of some formats, and is one of several that a step of a pipeline names. Exported by
/// [`export_converter!`](crate::export_converter).
///
/// It writes what the steps after it read: `markdown.md`, and `document.json` (see `docs/artifacts.md`). One that fails with the code
/// `UNSUPPORTED_FORMAT` passes the document on to the next converter.
pub trait Converter: Step {
    /// The formats that it takes. Called once when the component is loaded, without a task.
    fn formats() -> Vec<Format>;
}

impl From<Format> for wit::Format {
    fn from(from: Format) -> Self {
        Self { name: from.name, media_types: from.media_types, extensions: from.extensions }
    }
}
