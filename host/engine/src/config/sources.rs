//! The sources of settings, and the values found in them.

use super::error::{ConfigError, Faults, text_of};
use super::file_tables;
use super::lines;
use super::settings::{self, SETTINGS};
use morag_input::Problem;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// File that is read when it exists and `--config` is not given.
const FILE_DEFAULT: &str = "morag.toml";

/// The sources of settings.
#[derive(Debug, Default)]
pub struct Sources<'a> {
    /// The file of `--config`.
    pub file: Option<&'a Path>,
    /// Environment variables. An empty value counts as absent.
    pub environment: BTreeMap<String, String>,
    /// Command-line flags: key of the setting, name of the flag, value. They have the highest priority.
    pub flags: Vec<(&'static str, &'static str, String)>,
    /// Folder of the running binary, where `plugins` is searched for.
    pub binary_dir: Option<PathBuf>,
}

impl Sources<'_> {
    fn path(&self) -> &Path {
        self.file.unwrap_or(Path::new(FILE_DEFAULT))
    }

    /// The file's text; none where `--config` is not given and the default file does not exist.
    #[expect(clippy::disallowed_methods, reason = "`morag.toml` is read here alone, once a start")]
    pub(super) fn text(&self) -> Result<Option<String>, ConfigError> {
        match std::fs::read_to_string(self.path()) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && self.file.is_none() => Ok(None),
            Err(error) => {
                let path = self.path().display();
                Err(ConfigError::new(format!("cannot read the configuration file {path}: {error}")))
            }
        }
    }

    /// The environment and binary of this process; no flags.
    pub fn of_process(file: Option<&Path>) -> Sources<'_> {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let binary_dir = std::env::current_exe().ok().and_then(|path| path.parent().map(Path::to_path_buf));
        Sources { file, environment: std::env::vars_os().filter_map(text).collect(), flags: Vec::new(), binary_dir }
    }
}

/// A value before parsing.
pub(super) struct Value {
    pub(super) text: String,
    /// The name of the setting in the source that gave it.
    name: String,
    /// Whether that is `morag.toml`.
    is_of_file: bool,
}

/// The arrays of tables of a file, by name.
type Tables = BTreeMap<&'static str, Vec<toml::Table>>;

/// Values before parsing, by key.
pub(super) struct Written<'a> {
    values: BTreeMap<&'static str, Value>,
    tables: Tables,
    sources: &'a Sources<'a>,
    /// The content of the file.
    text: &'a str,
    faults: Faults,
}

impl<'a> Written<'a> {
    /// Reads the sources; `text` is the content of the file. What is wrong with single values is noted.
    ///
    /// # Errors
    /// The file is no TOML.
    pub(super) fn read(sources: &'a Sources<'a>, text: Option<&'a str>) -> Result<Self, ConfigError> {
        let text = text.unwrap_or_default();
        let (values, tables) = (BTreeMap::new(), Tables::new());
        let mut written = Self { values, tables, sources, text, faults: Faults::default() };
        for setting in SETTINGS.iter().filter(|setting| !setting.default.is_empty()) {
            written.set(setting.key, setting.default, format!("{} (default)", setting.key));
        }
        written.read_file()?;
        for setting in SETTINGS {
            if let Some(value) = sources.environment.get(setting.env).filter(|value| !value.trim().is_empty()) {
                written.set(setting.key, value, setting.env.to_owned());
            }
        }
        for (key, flag, value) in &sources.flags {
            written.set(key, value, (*flag).to_owned());
        }
        Ok(written)
    }

    fn set(&mut self, key: &'static str, text: &str, name: String) {
        self.values.insert(key, Value { text: text.trim().to_owned(), name, is_of_file: false });
    }

    /// Notes what is wrong with a setting, and what to do: the text after its name. It must not show a value that may be secret.
    pub(super) fn note(&self, key: &str, text: &str) {
        let value = self.get(key);
        let name = value.map_or(key, |value| value.name.as_str());
        if value.is_some_and(|value| value.is_of_file) {
            return self.note_line(key, &[key], &format!("{name} {text}"));
        }
        self.faults.note(key, None, format!("{name} {text}"));
    }

    /// Notes what is wrong with a key of the file. Its path leads from the file itself.
    pub(super) fn note_key(&self, problem: &Problem) {
        let (name, path) = (problem.name(), problem.path.iter().map(String::as_str).collect::<Vec<_>>());
        self.note_line(&name, &path, &format!("{}: {}", morag_core::shown(&name), text_of(problem)));
    }

    fn note_line(&self, key: &str, path: &[&str], text: &str) {
        // Before the line is looked for, which takes a parse of the file.
        if !self.faults.takes(key) {
            return;
        }
        let (file, line) = (self.sources.path().display(), lines::line_of(self.text, path));
        let place = line.map_or_else(|| file.to_string(), |line| format!("{file}, line {line}"));
        self.faults.note(key, line, format!("{place}: {text}"));
    }

    /// Everything that was noted.
    ///
    /// # Errors
    /// If anything was.
    pub(super) fn faults(&self) -> Result<(), ConfigError> {
        self.faults.result()
    }

    /// Reads the file's settings and arrays of tables.
    fn read_file(&mut self) -> Result<(), ConfigError> {
        let shown = self.sources.path().display();
        let mut table: toml::Table = self.text.parse().map_err(|error: toml::de::Error| {
            // `error`'s own message would quote the line, which may contain a secret.
            let line = error.span().map_or(0, |span| lines::line_at(self.text, span.start));
            ConfigError::new(format!("{shown}, line {line}: not valid TOML: {}", error.message()))
        })?;
        for name in file_tables::ALL {
            let Some(written) = table.remove(name) else { continue };
            match written.try_into() {
                Ok(list) => {
                    self.tables.insert(name, list);
                }
                Err(_) => self.note_key(&Problem::invalid(name, format!("give tables, each begun by [[{name}]]"))),
            }
        }
        for (key, value) in &table {
            let Some(setting) = settings::by_key(key) else {
                let known = SETTINGS.iter().map(|setting| setting.key).chain(file_tables::ALL);
                let hint = match morag_input::nearest(key, known) {
                    Some(near) => format!("did you mean {near}?"),
                    None => "`morag config table` lists them all".to_owned(),
                };
                self.note_key(&Problem::invalid(key, format!("there is no such setting: {hint}")));
                continue;
            };
            let text = if setting.is_list { list_text(value) } else { single_text(value) };
            match text {
                Some(text) if text.is_empty() => {}
                Some(text) => {
                    self.values.insert(setting.key, Value { text, name: key.clone(), is_of_file: true });
                }
                None if setting.is_list => {
                    self.note_key(&Problem::invalid(key, "give a list of strings, or one string with commas"));
                }
                None => self.note_key(&Problem::invalid(key, "give a string or a number")),
            }
        }
        Ok(())
    }

    /// An environment variable that need not be a setting.
    pub(super) fn environment(&self, name: &str) -> Option<&String> {
        self.sources.environment.get(name).filter(|value| !value.trim().is_empty())
    }

    /// All environment variables.
    pub(super) fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.sources.environment.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether a value in the file's tables is this name: tables name the variables that hold secrets.
    pub(super) fn names_variable(&self, name: &str) -> bool {
        fn has(value: &toml::Value, name: &str) -> bool {
            match value {
                toml::Value::String(text) => text == name,
                toml::Value::Array(items) => items.iter().any(|item| has(item, name)),
                toml::Value::Table(table) => table.values().any(|item| has(item, name)),
                _ => false,
            }
        }
        self.tables.values().flatten().any(|table| table.values().any(|value| has(value, name)))
    }

    /// The tables `[[name]]` of the file.
    pub(super) fn tables(&self, name: &str) -> &[toml::Table] {
        self.tables.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// The value of a setting with the name it was given under; none where it is not set and has no default.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
    }
}

/// A single TOML value in the form of an environment variable.
fn single_text(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.trim().to_owned()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A TOML value of a setting that is a list: an array, or its parts in one string.
fn list_text(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::Array(items) => Some(items.iter().map(single_text).collect::<Option<Vec<_>>>()?.join(",")),
        value => single_text(value),
    }
}
