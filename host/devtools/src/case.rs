//! Test cases on disk: folders `tests/CASE` with `document.EXT` and optionally `case.json`, `artifacts/` and `expected/`.

use super::trial::Trial;
use anyhow::{Context as _, bail, ensure};
use morag_core::JsonObject;
use morag_core::task::ArtifactName;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// File with the settings of a case.
const SETTINGS: &str = "case.json";

/// `case.json`. All fields are optional.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    config: JsonObject,
    file_name: Option<String>,
    media_type: Option<String>,
    language: Option<String>,
    options: JsonObject,
    metadata: JsonObject,
}

/// A test case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Name of the case, which is the name of its folder.
    pub name: String,
    /// Path of the folder.
    pub folder: PathBuf,
}

/// The cases of a folder, sorted by name; `only` selects one.
pub fn find(tests: &Path, only: Option<&str>) -> anyhow::Result<Vec<Case>> {
    let how = "a case is a folder with one document.EXT, such as tests/first/document.txt";
    let entries = fs::read_dir(tests).with_context(|| format!("no tests in {}: {how}", tests.display()))?;
    let mut cases = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("{} cannot be read", tests.display()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() && !name.starts_with('.') {
            cases.push(Case { name, folder: entry.path() });
        }
    }
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    ensure!(!cases.is_empty(), "no tests in {}: {how}", tests.display());
    let Some(only) = only else { return Ok(cases) };
    let names: Vec<_> = cases.iter().map(|case| case.name.clone()).collect();
    cases.retain(|case| case.name == only);
    ensure!(!cases.is_empty(), "there is no case {only}; the cases are {}", names.join(", "));
    Ok(cases)
}

impl Case {
    /// Reads the inputs of the case.
    pub fn trial(&self) -> anyhow::Result<Trial> {
        let document = self.document()?;
        let Settings { config, file_name, media_type, language, options, metadata } = self.settings()?;
        let own_name = document.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Trial {
            document: fs::read(&document).with_context(|| format!("{} cannot be read", document.display()))?,
            file_name: file_name.unwrap_or(own_name),
            media_type,
            language,
            options,
            metadata,
            config,
            artifacts: self.artifacts()?,
        })
    }

    /// Folder of the golden files.
    pub fn expected(&self) -> PathBuf {
        self.folder.join("expected")
    }

    fn document(&self) -> anyhow::Result<PathBuf> {
        let unreadable = || format!("{} cannot be read", self.folder.display());
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder).with_context(unreadable)? {
            let path = entry.with_context(unreadable)?.path();
            if path.file_stem().is_some_and(|stem| stem == "document") && path.is_file() {
                found.push(path);
            }
        }
        match &found[..] {
            [document] => Ok(document.clone()),
            [] => bail!("{} has no document: add one, such as document.txt", self.folder.display()),
            _ => bail!("{} has {} documents: a case must have one", self.folder.display(), found.len()),
        }
    }

    fn settings(&self) -> anyhow::Result<Settings> {
        let path = self.folder.join(SETTINGS);
        match fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Settings::default()),
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
            Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| path.display().to_string()),
        }
    }

    fn artifacts(&self) -> anyhow::Result<BTreeMap<ArtifactName, Vec<u8>>> {
        files(&self.folder.join("artifacts"))?
            .into_iter()
            .map(|(name, bytes)| {
                let name = name.parse().with_context(|| format!("{}/artifacts/{name}", self.folder.display()))?;
                Ok((name, bytes))
            })
            .collect()
    }
}

/// Contents of the files of a folder, by name; empty if the folder does not exist.
pub fn files(folder: &Path) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let unreadable = || format!("{} cannot be read", folder.display());
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        entries => entries.with_context(unreadable)?,
    };
    let mut files = BTreeMap::new();
    for entry in entries {
        let entry = entry.with_context(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_file() && !name.starts_with('.') {
            files.insert(name, fs::read(entry.path()).with_context(unreadable)?);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::write;

    fn case(files: &[(&str, &str)]) -> (tempfile::TempDir, Case) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            write(&folder.path().join("one").join(name), text.as_bytes()).unwrap();
        }
        let case = find(folder.path(), None).unwrap().remove(0);
        (folder, case)
    }

    #[test]
    fn a_case_has_its_document_settings_and_artifacts() {
        let settings =
            r#"{"config": {"kinds": ["email"]}, "language": "de", "options": {"chunk_size": 9}, "file_name": "a.txt"}"#;
        let (_folder, case) = case(&[("document.md", "# hi"), ("case.json", settings), ("artifacts/markdown.md", "x")]);
        let trial = case.trial().unwrap();
        assert_eq!((trial.document.as_slice(), trial.file_name.as_str()), (&b"# hi"[..], "a.txt"));
        assert_eq!((trial.config["kinds"][0].as_str(), trial.language.as_deref()), (Some("email"), Some("de")));
        assert_eq!(trial.artifacts.values().next().unwrap(), b"x");
        let (_folder, bare) = self::case(&[("document.md", "")]);
        assert_eq!(bare.trial().unwrap().file_name, "document.md");
    }

    #[test]
    fn an_invalid_case_is_explained() {
        let said = |files: &[(&str, &str)]| format!("{:#}", case(files).1.trial().unwrap_err());
        assert!(said(&[("case.json", "{}")]).contains("has no document"));
        assert!(said(&[("document.md", ""), ("document.txt", "")]).contains("2 documents"));
        let unknown = said(&[("document.md", ""), ("case.json", "{\"configs\": {}}")]);
        assert!(unknown.contains("case.json") && unknown.contains("configs"), "{unknown}");
        assert!(said(&[("document.md", ""), ("artifacts/a b", "")]).contains("artifacts/a b"));
    }

    #[test]
    fn cases_are_found_by_name() {
        let folder = tempfile::tempdir().unwrap();
        assert!(find(&folder.path().join("none"), None).unwrap_err().to_string().contains("no tests in"));
        assert!(find(folder.path(), None).unwrap_err().to_string().contains("no tests in"));
        for name in ["b", "a", ".hidden"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let names =
            |only| find(folder.path(), only).map(|cases| cases.into_iter().map(|case| case.name).collect::<Vec<_>>());
        assert_eq!(names(None).unwrap(), ["a", "b"]);
        assert_eq!(names(Some("b")).unwrap(), ["b"]);
        assert!(names(Some("c")).unwrap_err().to_string().contains("the cases are a, b"));
    }
}
