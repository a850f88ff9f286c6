//! What `plugin.toml` says.

use morag_core::plugin::{Capability, Descriptor};
use serde::Deserialize;
use std::collections::BTreeSet;

/// Name of the file, in the project's folder.
pub const FILE: &str = "plugin.toml";

/// Folder of the test cases when `plugin.toml` names none.
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
    /// C, by clang or zig and the project's own build command
    C,
    /// Anything that makes components, by the project's own build command
    #[value(skip)]
    Other,
}

impl Language {
    /// Its name in `plugin.toml`.
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
    /// Name of the step, as its component says it.
    pub name: String,
    /// Its language.
    pub language: Language,
    /// What the component may import beyond `task` and `log`.
    pub capabilities: BTreeSet<Capability>,
    /// The project's own build command, for `sh -c`.
    pub command: Option<String>,
    /// Folder of the test cases, below the project's folder or beside it.
    pub tests: String,
}

/// Why a `plugin.toml` cannot be used. One line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidManifest {
    /// Not TOML, or another shape.
    #[error("{0}")]
    Toml(String),
    /// The name is none.
    #[error("plugin.name {0:?} must be 1 to 64 characters of lower snake case, like redact_names")]
    Name(String),
    /// No such capability.
    #[error("plugin.capabilities names {0:?}; there are {known}", known = Capability::ALL.map(Capability::as_str).join(", "))]
    Capability(String),
    /// Nothing says how it is built.
    #[error("build.command is missing: for language = {0:?} it is what makes build/{1}.wasm")]
    NoCommand(&'static str, String),
    /// `wasi:http` where the language's tools do not bring it.
    #[error(
        "plugin.capabilities lists http, which steps in {0} cannot use yet: ask for what is needed in Rust or JavaScript, or leave http out"
    )]
    NoHttp(&'static str),
    /// A command where the language has its own way.
    #[error("build.command is for the languages c and other; {0} is built by its own toolchain")]
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
    /// Reads the text of a `plugin.toml`.
    pub fn parse(text: &str) -> Result<Self, InvalidManifest> {
        let Text { plugin, build, test } = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            InvalidManifest::Toml(format!("line {line}: {}", error.message()))
        })?;
        let PluginTable { name, language, capabilities } = plugin;
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
                capabilities,
                command: build.command,
                tests: test.folder.unwrap_or_else(|| TESTS.to_owned()),
            }),
        }
    }

    /// The WIT world `plugin` of the project: what `plugin.toml` lists, and what needs no grant. `http` is `wasi:http`, which
    /// each language's own tools bring.
    pub fn world(&self) -> String {
        let granted = self.capabilities.iter().filter(|capability| **capability != Capability::Http);
        let imports = ["task", "log"].into_iter().chain(granted.map(|capability| capability.as_str()));
        let imports: String = imports.map(|name| format!("  import {name};\n")).collect();
        format!(
            "/// Made from plugin.toml at every build: what this step may import.\nworld plugin {{\n{imports}  export step;\n}}\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_is_for_languages_whose_tools_bring_it() {
        let of =
            |language: &str| format!("[plugin]\nname = \"a\"\nlanguage = {language:?}\ncapabilities = [\"http\"]\n");
        assert_eq!(Manifest::parse(&of("python")), Err(InvalidManifest::NoHttp("python")));
        assert!(Manifest::parse(&of("javascript")).is_ok() && Manifest::parse(&of("rust")).is_ok());
    }

    fn parse(text: &str) -> Result<Manifest, InvalidManifest> {
        Manifest::parse(text)
    }

    #[test]
    fn little_is_enough() {
        let manifest = parse("[plugin]\nname = \"redact\"\nlanguage = \"rust\"\n").unwrap();
        assert_eq!((manifest.name.as_str(), manifest.language), ("redact", Language::Rust));
        assert!(manifest.capabilities.is_empty() && manifest.command.is_none() && manifest.tests == "tests");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let said = |text| parse(text).unwrap_err().to_string();
        let unknown = said("[plugin]\nname = \"a\"\nlanguage = \"rust\"\ncapabilitys = []\n");
        assert!(unknown.starts_with("line 4: ") && unknown.contains("capabilitys"), "{unknown}");
        assert!(said("[plugin]\nname = \"a\"\nlanguage = \"cobol\"\n").contains("line 3"), "the line of the value");
        assert!(said("[plugin]\nname = \"a-b\"\nlanguage = \"rust\"\n").contains("lower snake case"));
        let nope = said("[plugin]\nname = \"a\"\nlanguage = \"rust\"\ncapabilities = [\"disk\"]\n");
        assert!(nope.contains("disk") && nope.contains("embeddings"), "{nope}");
    }

    #[test]
    fn a_command_is_for_languages_without_a_toolchain_of_ours() {
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
}
