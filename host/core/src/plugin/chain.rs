//! The components of a step: one, or a chain of which each document gets the first that takes it.

use super::descriptor::{AcceptedFormat, Descriptor};
use std::sync::Arc;

/// Name of the standard step that converts. Where no component has it, it stands for every loaded converter: so an operator adds a
/// format by adding a component.
pub const CONVERSION: &str = "markdown_conversion";

/// What a converter writes, to be one of those that [`CONVERSION`] stands for.
const CONVERTED: &str = "markdown.md";

/// The standard converters in the order in which they are asked: the last takes archives, in which the others' documents are.
const STANDARD: [&str; 5] =
    ["text_conversion", "pdf_conversion", "office_conversion", "media_conversion", "archive_conversion"];

/// A component of a step is not loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no component {0} is loaded")]
pub struct NotLoaded(pub String);

/// The converters among loaded components that [`CONVERSION`] stands for, in the order in which they are asked: those that are not
/// ours first, by name, so that they can replace ours.
pub fn converters(loaded: impl IntoIterator<Item = Arc<Descriptor>>) -> Vec<Arc<Descriptor>> {
    let converts = |descriptor: &Arc<Descriptor>| {
        descriptor.formats.is_some()
            && descriptor.outputs.iter().any(|output| output.name.is(CONVERTED))
            && !descriptor.inputs.iter().any(|input| input.required)
    };
    let mut found: Vec<_> = loaded.into_iter().filter(converts).collect();
    let place = |name: &str| STANDARD.iter().position(|standard| *standard == name).map_or(0, |place| place + 1);
    found.sort_by(|one, other| (place(&one.name), &one.name).cmp(&(place(&other.name), &other.name)));
    found
}

/// The components that a step names, in the order in which they are asked, each once. `descriptor_of`: a loaded component;
/// `converters`: what [`CONVERSION`] stands for.
pub fn members<'a>(
    components: impl IntoIterator<Item = &'a str>,
    descriptor_of: &dyn Fn(&str) -> Option<Arc<Descriptor>>,
    converters: &[Arc<Descriptor>],
) -> Result<Vec<Arc<Descriptor>>, NotLoaded> {
    let mut members: Vec<Arc<Descriptor>> = Vec::new();
    for name in components {
        let found = match descriptor_of(name) {
            Some(descriptor) => vec![descriptor],
            None if name == CONVERSION && !converters.is_empty() => converters.to_vec(),
            None => return Err(NotLoaded(name.to_owned())),
        };
        for member in found {
            if members.iter().all(|other| other.name != member.name) {
                members.push(member);
            }
        }
    }
    Ok(members)
}

/// What is known of a document before a converter has seen it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hints {
    /// Media types and extensions of which its content surely has one; empty where the content does not tell.
    pub content: Vec<(String, String)>,
    /// The same of a container: it may be any of these, and its name says which.
    pub container: Vec<(String, String)>,
    /// Whether it is text.
    pub is_text: bool,
    /// Extension of its name, lower case, without the dot; empty where it has none.
    pub extension: String,
    /// Media type as submitted, lower case, without parameters.
    pub media_type: String,
}

/// How well a component suits a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Suits {
    /// By its content, its name or its media type.
    Surely,
    /// Only because nothing tells what the document is.
    Perhaps,
}

impl Hints {
    /// Those of a chain that are asked about the document, in order; by their places in the chain.
    pub fn choose(&self, chain: &[Arc<Descriptor>]) -> Vec<usize> {
        let suits = |(place, member): (usize, &Arc<Descriptor>)| Some((self.suits(member)?, place));
        let mut asked: Vec<_> = chain.iter().enumerate().filter_map(suits).collect();
        asked.sort_unstable();
        asked.into_iter().map(|(_, place)| place).collect()
    }

    fn suits(&self, member: &Descriptor) -> Option<Suits> {
        let Some(formats) = &member.formats else { return Some(Suits::Surely) };
        let any = |test: &dyn Fn(&AcceptedFormat) -> bool| formats.iter().any(test);
        let is_one = |named: &[(String, String)], format: &AcceptedFormat| {
            named.iter().any(|(media_type, extension)| {
                format.media_types.contains(media_type) || format.extensions.contains(extension)
            })
        };
        if !self.content.is_empty() {
            return any(&|format| is_one(&self.content, format)).then_some(Suits::Surely);
        }
        let by_name = !self.extension.is_empty() && any(&|format| format.extensions.contains(&self.extension));
        let by_media_type = any(&|format| format.media_types.contains(&self.media_type));
        if by_name || (by_media_type && self.extension.is_empty()) {
            return Some(Suits::Surely);
        }
        let perhaps = by_media_type
            || any(&|format| is_one(&self.container, format))
            || (self.is_text && self.extension.is_empty() && any(&|format| format.name == "txt"));
        perhaps.then_some(Suits::Perhaps)
    }

    /// The extension that a refusal names: the document's own, unless its content is surely something else.
    pub fn attempted(&self) -> &str {
        let content = self.content.first().or(self.container.last());
        match content {
            Some((_, extension)) if self.extension.is_empty() || !self.content.is_empty() => extension,
            _ if !self.extension.is_empty() => &self.extension,
            _ => "bin",
        }
    }
}

/// Names of the formats that a chain takes, each once: what a refusal says is supported.
pub fn supported(chain: &[Arc<Descriptor>]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for format in chain.iter().filter_map(|member| member.formats.as_ref()).flatten() {
        if !names.contains(&format.name) {
            names.push(format.name.clone());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::StepDefinition;
    use crate::plugin::{Input, Output};
    use serde_json::json;

    fn component(name: &str, formats: Option<&[&str]>, inputs: &[&str], outputs: &[&str]) -> Arc<Descriptor> {
        let format = |name: &&str| AcceptedFormat {
            name: (*name).into(),
            media_types: vec![format!("test/{name}")],
            extensions: vec![(*name).into()],
        };
        let output = |name: &&str| Output { name: name.parse().unwrap(), media_type: "t/t".into(), data_key: None };
        Arc::new(Descriptor {
            name: name.into(),
            version: "1.0.0".into(),
            summary: String::new(),
            inputs: inputs.iter().map(|name| Input { name: name.parse().unwrap(), required: true }).collect(),
            outputs: outputs.iter().map(output).collect(),
            capabilities: vec![],
            config_schema: json!({}),
            formats: formats.map(|formats| formats.iter().map(format).collect()),
        })
    }

    fn converter(name: &str, formats: &[&str]) -> Arc<Descriptor> {
        component(name, Some(formats), &[], &["markdown.md"])
    }

    fn names(members: &[Arc<Descriptor>]) -> Vec<&str> {
        members.iter().map(|member| member.name.as_str()).collect()
    }

    #[test]
    fn added_converters_are_asked_before_the_standard_ones() {
        let loaded = [
            converter("archive_conversion", &["zip"]),
            converter("zebra", &["zeb"]),
            component("chunking", None, &["markdown.md"], &["chunks.json"]),
            component("odd", Some(&["odd"]), &[], &["odd.md"]),
            component("any", Some(&["odd"]), &[], &["markdown*"]),
            component("later", Some(&["odd"]), &["markdown.md"], &["markdown.md"]),
            converter("pdf_conversion", &["pdf"]),
            converter("antelope", &["ant"]),
        ];
        let found = converters(loaded);
        assert_eq!(names(&found), ["antelope", "zebra", "pdf_conversion", "archive_conversion"]);
    }

    #[test]
    fn the_standard_name_stands_for_the_converters_unless_a_component_has_it() {
        let chain = [converter("text_conversion", &["txt"]), converter("pdf_conversion", &["pdf"])];
        let own = converter(CONVERSION, &["txt"]);
        let step = StepDefinition::plain(CONVERSION, CONVERSION, "s", 1);
        let found = |name: &str| chain.iter().find(|member| member.name == name).cloned();
        assert_eq!(names(&members(step.components(), &found, &chain).unwrap()), ["text_conversion", "pdf_conversion"]);
        let with_own = |name: &str| (name == CONVERSION).then(|| own.clone());
        assert_eq!(names(&members(step.components(), &with_own, &chain).unwrap()), [CONVERSION]);
        assert_eq!(members(step.components(), &|_| None, &[]), Err(NotLoaded(CONVERSION.into())));
        let named = StepDefinition {
            alternatives: vec![CONVERSION.into(), "text_conversion".into()],
            ..StepDefinition::plain("c", "pdf_conversion", "s", 1)
        };
        assert_eq!(names(&members(named.components(), &found, &chain).unwrap()), ["pdf_conversion", "text_conversion"]);
        let missing = StepDefinition { alternatives: vec!["nowhere".into()], ..named };
        assert_eq!(members(missing.components(), &found, &chain), Err(NotLoaded("nowhere".into())));
    }

    #[test]
    fn content_decides_before_the_name_and_the_name_before_the_rest() {
        let chain = [
            converter("text", &["txt", "md"]),
            converter("office", &["docx", "xlsx"]),
            component("any", None, &[], &["markdown.md"]),
            converter("archive", &["zip"]),
        ];
        let asked =
            |hints: &Hints| hints.choose(&chain).into_iter().map(|at| chain[at].name.as_str()).collect::<Vec<_>>();
        let pair = |name: &str| (format!("test/{name}"), name.to_owned());
        let named = |extension: &str| Hints { extension: extension.into(), ..Hints::default() };
        assert_eq!(asked(&Hints { content: vec![pair("docx")], ..named("txt") }), ["office", "any"]);
        assert_eq!(asked(&Hints { content: vec![pair("png")], ..named("txt") }), ["any"]);
        let zip = vec![pair("docx"), pair("xlsx"), pair("zip")];
        assert_eq!(asked(&Hints { container: zip.clone(), ..named("zip") }), ["any", "archive", "office"]);
        assert_eq!(asked(&Hints { container: zip.clone(), ..named("docx") }), ["office", "any", "archive"]);
        assert_eq!(asked(&Hints { container: zip, ..Hints::default() }), ["any", "office", "archive"]);
        assert_eq!(asked(&Hints { is_text: true, ..named("xyz") }), ["any"]);
        assert_eq!(asked(&Hints { is_text: true, ..Hints::default() }), ["any", "text"]);
        assert_eq!(asked(&Hints { media_type: "test/md".into(), ..Hints::default() }), ["text", "any"]);
        assert_eq!(asked(&Hints { media_type: "test/md".into(), ..named("docx") }), ["office", "any", "text"]);
        assert_eq!(asked(&Hints::default()), ["any"]);
    }

    #[test]
    fn a_refusal_names_what_was_attempted_and_what_is_supported() {
        let pair = |name: &str| (format!("test/{name}"), name.to_owned());
        let named = |extension: &str| Hints { extension: extension.into(), ..Hints::default() };
        assert_eq!(named("xyz").attempted(), "xyz");
        assert_eq!(Hints { content: vec![pair("png")], ..named("pdf") }.attempted(), "png");
        assert_eq!(Hints { container: vec![pair("docx"), pair("zip")], ..named("xyz") }.attempted(), "xyz");
        assert_eq!(Hints { container: vec![pair("docx"), pair("zip")], ..Hints::default() }.attempted(), "zip");
        assert_eq!(Hints::default().attempted(), "bin");
        let chain = [converter("a", &["pdf", "txt"]), converter("b", &["txt", "zip"])];
        assert_eq!(supported(&chain), ["pdf", "txt", "zip"]);
    }
}
