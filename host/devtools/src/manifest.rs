//! Parses and checks `plugin.toml`.

use morag_core::plugin::{Capability, Descriptor};
use serde::Deserialize;
use std::collections::BTreeSet;

/// Name of the file in the project folder.
pub const FILE: &str = "plugin.toml";

/// Default folder of the test cases.
const TESTS: &str = "tests";

/// Language of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Rust, with the crate `morag-step`
    Rust,
    /// Python, with the package `morag_step`
    Python,
    /// JavaScript, with the package `morag-step`
    Javascript,
    /// C, with clang or zig and the project's own build command
    C,
    /// Any other language, with the project's own build command
    #[value(skip)]
    Other,
}

impl Language {
    /// Name of the language in `plugin.toml`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::Javascript => "javascript",
            Self::C => "c",
            Self::Other => "other",
        }
    }
}

/// A checked `plugin.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Name of the step; must be that in the component's descriptor.
    pub name: String,
    /// Language of the project.
    pub language: Language,
    /// Whether the step is a converter, so that its component exports `converter` too.
    pub is_converter: bool,
    /// Capabilities that the component may import in addition to `task` and `log`.
    pub capabilities: BTreeSet<Capability>,
    /// The project's own build command, run with `sh -c`.
    pub command: Option<String>,
    /// Folder of the test cases, relative to the project folder.
    pub tests: String,
}

/// Why a `plugin.toml` is invalid. One line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidManifest {
    /// Invalid TOML, or an unknown or missing field.
    #[error("{0}")]
    Toml(String),
    /// Invalid name.
    #[error("plugin.name {0:?} must be 1 to 64 characters of lower snake case, such as redact_names")]
    Name(String),
    /// Unknown capability.
    #[error("unknown capability {0:?} in plugin.capabilities; the capabilities are {known}", known = Capability::ALL.map(Capability::as_str).join(", "))]
    Capability(String),
    /// Missing build command.
    #[error("build.command is missing: for language = {0:?} it must create build/{1}.wasm")]
    NoCommand(&'static str, String),
    /// Capability `http` in a language whose tools do not support `wasi:http`.
    #[error(
        "plugin.capabilities lists http, which steps in {0} cannot use yet: use Rust or JavaScript, or remove http"
    )]
    NoHttp(&'static str),
    /// Build command for a language that has its own toolchain.
    #[error("build.command is for the languages c and other; {0} is built with its own toolchain")]
    Command(&'static str),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    plugin: PluginTable,
    #[serde(default)]
    build: BuildTable,
    #[serde(default)]
    test: TestTable,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PluginTable {
    name: String,
    language: Language,
    #[serde(default)]
    converter: bool,
    #[serde(default)]
    capabilities: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct BuildTable {
    command: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct TestTable {
    folder: Option<String>,
}

impl Manifest {
    /// Parses the text of a `plugin.toml`.
    pub fn parse(text: &str) -> Result<Self, InvalidManifest> {
        let Text { plugin, build, test } = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            InvalidManifest::Toml(format!("line {line}: {}", error.message()))
        })?;
        let PluginTable { name, language, converter, capabilities } = plugin;
        Descriptor::check_name(&name).map_err(|_| InvalidManifest::Name(name.clone()))?;
        let capability = |name: String| name.parse().map_err(|()| InvalidManifest::Capability(name));
        let capabilities = capabilities.into_iter().map(capability).collect::<Result<BTreeSet<_>, _>>()?;
        let has_command = build.command.as_deref().is_some_and(|command| !command.trim().is_empty());
        let lacks_http = matches!(language, Language::Python | Language::C);
        if lacks_http && capabilities.contains(&Capability::Http) {
            return Err(InvalidManifest::NoHttp(language.as_str()));
        }
        match language {
            Language::C | Language::Other if !has_command => Err(InvalidManifest::NoCommand(language.as_str(), name)),
            Language::Rust | Language::Python | Language::Javascript if build.command.is_some() => {
                Err(InvalidManifest::Command(language.as_str()))
            }
            _ => Ok(Self {
                name,
                language,
                is_converter: converter,
                capabilities,
                command: build.command,
                tests: test.folder.unwrap_or_else(|| TESTS.to_owned()),
            }),
        }
    }

    /// The WIT world `plugin` of the project: the listed capabilities, the interfaces that need no grant, and what the step exports.
    /// Excludes `http`, which is `wasi:http` and comes with the tools of a language.
    pub fn world(&self) -> String {
        let granted = self.capabilities.iter().filter(|capability| **capability != Capability::Http);
        let imports = ["task", "log"].into_iter().chain(granted.map(|capability| capability.as_str()));
        let imports: String = imports.map(|name| format!("  import {name};\n")).collect();
        let exports = if self.is_converter { "  export step;\n  export converter;\n" } else { "  export step;\n" };
        format!(
            "/// Generated from plugin.toml by every build: the imports that this step may use.\nworld plugin {{\n{imports}{exports}}}\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_is_for_languages_whose_tools_support_it() {
        let of =
            |language: &str| format!("[plugin]\nname = \"a\"\nlanguage = {language:?}\ncapabilities = [\"http\"]\n");
        assert_eq!(Manifest::parse(&of("python")), Err(InvalidManifest::NoHttp("python")));
        assert!(Manifest::parse(&of("javascript")).is_ok() && Manifest::parse(&of("rust")).is_ok());
    }

    fn parse(text: &str) -> Result<Manifest, InvalidManifest> {
        Manifest::parse(text)
    }

    #[test]
    fn a_minimal_manifest_is_valid() {
        let manifest = parse("[plugin]\nname = \"redact\"\nlanguage = \"rust\"\n").unwrap();
        assert_eq!((manifest.name.as_str(), manifest.language), ("redact", Language::Rust));
        assert!(manifest.capabilities.is_empty() && manifest.command.is_none() && manifest.tests == "tests");
    }

    #[test]
    fn errors_name_their_line() {
        let said = |text| parse(text).unwrap_err().to_string();
        let unknown = said("[plugin]\nname = \"a\"\nlanguage = \"rust\"\ncapabilitys = []\n");
        assert!(unknown.starts_with("line 4: ") && unknown.contains("capabilitys"), "{unknown}");
        assert!(said("[plugin]\nname = \"a\"\nlanguage = \"cobol\"\n").contains("line 3"), "the line of the value");
        assert!(said("[plugin]\nname = \"a-b\"\nlanguage = \"rust\"\n").contains("lower snake case"));
        let nope = said("[plugin]\nname = \"a\"\nlanguage = \"rust\"\ncapabilities = [\"disk\"]\n");
        assert!(nope.contains("disk") && nope.contains("embeddings"), "{nope}");
    }

    #[test]
    fn a_command_is_for_languages_without_a_built_in_toolchain() {
        let c = "[plugin]\nname = \"a\"\nlanguage = \"c\"\n";
        assert_eq!(parse(c), Err(InvalidManifest::NoCommand("c", "a".into())));
        assert_eq!(parse(&format!("{c}[build]\ncommand = \"make\"\n")).unwrap().command.unwrap(), "make");
        let python = "[plugin]\nname = \"a\"\nlanguage = \"python\"\n[build]\ncommand = \"make\"\n";
        assert_eq!(parse(python), Err(InvalidManifest::Command("python")));
    }

    #[test]
    fn the_world_imports_what_is_listed() {
        let text = "[plugin]\nname = \"a\"\nlanguage = \"rust\"\ncapabilities = [\"kv\", \"http\", \"embeddings\"]\n";
        let world = parse(text).unwrap().world();
        let imports: Vec<_> = world.lines().filter_map(|line| line.trim().strip_prefix("import ")).collect();
        assert_eq!(imports, ["task;", "log;", "embeddings;", "kv;"]);
        assert!(world.contains("world plugin {") && world.contains("  export step;\n}"));
    }

    #[test]
    fn only_the_world_of_a_converter_exports_one() {
        let of = |key: &str| parse(&format!("[plugin]\nname = \"a\"\nlanguage = \"python\"\n{key}")).unwrap();
        assert!(of("converter = true").world().contains("  export step;\n  export converter;\n}"));
        assert!(!of("converter = false").world().contains("converter") && !of("").is_converter);
    }
}
