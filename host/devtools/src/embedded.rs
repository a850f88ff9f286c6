//! Files embedded into `morag plugin`, so that builds need only a language's own toolchain. `build.rs` lists them.

use super::manifest::Language;

/// Files of a folder as `(relative path, text)`.
pub type Files = &'static [(&'static str, &'static str)];

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// Manifest of the Rust SDK in the workspace.
pub const RUST_SDK_MANIFEST: &str = include_str!("../../../plugins/sdk/Cargo.toml");

/// Root manifest of the workspace, from which the SDK inherits its versions.
pub const ROOT_MANIFEST: &str = include_str!("../../../Cargo.toml");

/// Python packages that build components from Python, with pinned versions.
pub const PYTHON_TOOLS: &str = include_str!("../../../plugins/sdk/python/requirements-build.txt");

/// Python packages that turn the output of a C compiler into a component, with pinned versions.
pub const C_TOOLS: &str = include_str!("../../../plugins/sdk/c/requirements-build.txt");

/// The template project of a language, of a converter or of another step; empty for [`Language::Other`].
pub fn template(language: Language, is_converter: bool) -> Files {
    let (step, converter) = match language {
        Language::Rust => (RUST_TEMPLATE, RUST_CONVERTER),
        Language::Python => (PYTHON_TEMPLATE, PYTHON_CONVERTER),
        Language::Javascript => (JAVASCRIPT_TEMPLATE, JAVASCRIPT_CONVERTER),
        Language::C => (C_TEMPLATE, C_CONVERTER),
        Language::Other => (&[][..], &[][..]),
    };
    if is_converter { converter } else { step }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{self, Manifest};
    use crate::template::{fill, path};

    const LANGUAGES: [Language; 4] = [Language::Rust, Language::Python, Language::Javascript, Language::C];

    fn templates() -> impl Iterator<Item = (Language, bool)> {
        LANGUAGES.into_iter().flat_map(|language| [(language, false), (language, true)])
    }

    #[test]
    fn every_template_is_a_project_with_a_test_that_ignores_build_outputs() {
        for (language, is_converter) in templates() {
            let files = template(language, is_converter);
            let text = |name: &str| {
                let found = files.iter().find(|(file, _)| path(file) == name);
                fill(found.unwrap_or_else(|| panic!("{language:?} has no {name}")).1, "redact_names")
            };
            let manifest = Manifest::parse(&text(manifest::FILE)).unwrap();
            assert_eq!((manifest.name.as_str(), manifest.language), ("redact_names", language));
            assert_eq!(manifest.is_converter, is_converter);
            let hidden = text(".gitignore");
            for made in ["build", ".morag"] {
                assert!(hidden.lines().any(|line| line.trim_matches('/') == made), "{language:?} does not hide {made}");
            }
            assert!(!text("README.md").is_empty());
            assert!(files.iter().any(|(file, _)| file.starts_with("tests/") && file.ends_with("expected/report.json")));
        }
    }

    #[test]
    fn templates_have_no_unfilled_placeholders() {
        for (file, text) in templates().flat_map(|(language, is_converter)| template(language, is_converter)) {
            let filled = fill(text, "x");
            // An escaped `{{` in a Rust format string is not followed by a word and `}}`.
            let left = filled.split("{{").skip(1).find(|rest| {
                let word = rest.split("}}").next().unwrap_or_default();
                !word.is_empty() && rest.contains("}}") && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            });
            assert_eq!(left, None, "{file}");
        }
    }

    /// The converters of all languages do the same.
    #[test]
    fn the_converters_have_the_same_test_cases() {
        let cases = |language| {
            let files = template(language, true).iter().filter(|(file, _)| file.starts_with("tests/"));
            files.copied().collect::<Vec<_>>()
        };
        assert!(cases(Language::Rust).len() >= 6);
        for language in LANGUAGES {
            assert_eq!(cases(language), cases(Language::Rust), "{language:?}");
        }
    }

    #[test]
    fn the_sdks_and_the_wit_are_embedded_without_stray_files() {
        let has = |files: Files, name: &str| files.iter().any(|(file, _)| *file == name);
        assert!(has(WIT, "step.wit") && has(WIT, "world.wit") && !has(WIT, "plugin.wit"));
        assert!(has(RUST_SDK, "src/lib.rs") && !has(RUST_SDK, "Cargo.toml"));
        assert!(has(PYTHON_SDK, "morag_step/__init__.py") && C_SDK.iter().any(|(file, _)| file.ends_with(".h")));
        assert!(has(JAVASCRIPT_SDK, "package.json") && has(JAVASCRIPT_TOOLS, "build.mjs"));
        for files in [WIT, RUST_SDK, PYTHON_SDK, JAVASCRIPT_SDK, JAVASCRIPT_TOOLS, C_SDK] {
            for (file, _) in files {
                assert!(
                    !file.contains("released") && !file.contains("node_modules") && !file.ends_with(".pyc"),
                    "{file}"
                );
            }
        }
    }
}
