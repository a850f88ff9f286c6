//! The sources of settings, and the values found in them.

use super::file_tables;
use super::lines;
use super::settings::{self, SETTINGS};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// File that is read when it exists and `--config` is not given.
const FILE_DEFAULT: &str = "morag.toml";

/// The settings cannot be used. The message names the setting, its value unless it is secret, and what is allowed.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct ConfigError {
    text: String,
    /// Path of the key in `morag.toml`, where it is of one.
    path: Option<String>,
}

impl ConfigError {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), path: None }
    }

    /// An error of a key of `morag.toml`. The text begins with its path.
    pub(super) fn of_key(path: &str, text: impl std::fmt::Display) -> Self {
        Self { text: format!("{path}: {text}"), path: Some(path.to_owned()) }
    }

    /// With the file and the line of its key.
    pub(super) fn located(self, sources: &Sources<'_>, text: &str) -> Self {
        let Some(line) = self.path.as_deref().and_then(|path| lines::line_of(text, path)) else { return self };
        Self::new(format!("{}, line {line}: {}", sources.path().display(), self.text))
    }
}

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
    pub(super) name: String,
}

/// The arrays of tables of a file, by name.
type Tables = BTreeMap<&'static str, Vec<toml::Table>>;

/// Values before parsing, by key.
pub(super) struct Written<'a> {
    values: BTreeMap<&'static str, Value>,
    tables: Tables,
    sources: &'a Sources<'a>,
}

impl<'a> Written<'a> {
    /// Reads the sources; `text` is the content of the file.
    pub(super) fn read(sources: &'a Sources<'a>, text: Option<&str>) -> Result<Self, ConfigError> {
        let mut values = BTreeMap::new();
        for setting in SETTINGS.iter().filter(|setting| !setting.default.is_empty()) {
            let name = format!("{} (default)", setting.key);
            values.insert(setting.key, Value { text: setting.default.to_owned(), name });
        }
        let mut tables = Tables::new();
        if let Some(text) = text {
            tables = read_file(sources.path(), text, &mut values)?;
        }
        for setting in SETTINGS {
            if let Some(value) = sources.environment.get(setting.env).filter(|value| !value.trim().is_empty()) {
                values.insert(setting.key, Value { text: value.trim().to_owned(), name: setting.env.to_owned() });
            }
        }
        for (key, flag, value) in &sources.flags {
            values.insert(key, Value { text: value.trim().to_owned(), name: (*flag).to_owned() });
        }
        Ok(Self { values, tables, sources })
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

/// Reads the settings of a file and returns its arrays of tables.
fn read_file(path: &Path, text: &str, values: &mut BTreeMap<&'static str, Value>) -> Result<Tables, ConfigError> {
    let shown = path.display();
    let mut table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        // `error`'s own message would quote the line, which may contain a secret.
        let line = error.span().map_or(0, |span| lines::line_at(text, span.start));
        ConfigError::new(format!("{shown}, line {line}: not valid TOML: {}", error.message()))
    })?;
    let mut tables = Tables::new();
    for name in file_tables::ALL {
        let Some(written) = table.remove(name) else { continue };
        let list = written
            .try_into()
            .map_err(|_| ConfigError::new(format!("{shown}: {name} must be tables, each begun by [[{name}]]")))?;
        tables.insert(name, list);
    }
    for (key, value) in &table {
        let Some(setting) = settings::by_key(key) else {
            let known = SETTINGS.iter().map(|setting| setting.key).chain(file_tables::ALL);
            let hint = match morag_input::nearest(key, known) {
                Some(near) => format!("did you mean {near}?"),
                None => "`morag config table` lists them all".to_owned(),
            };
            return Err(ConfigError::of_key(key, format!("there is no such setting: {hint}")));
        };
        let text = as_text(value).ok_or_else(|| {
            ConfigError::new(format!("{shown}: {key} must be a string, a number or a list of strings"))
        })?;
        if !text.is_empty() {
            values.insert(setting.key, Value { text, name: format!("{key} in {shown}") });
        }
    }
    Ok(tables)
}

/// A TOML value in the form of an environment variable.
pub(super) fn as_text(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.trim().to_owned()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Array(items) => {
            let texts: Option<Vec<_>> = items.iter().map(|item| as_text(item).filter(|_| !item.is_array())).collect();
            Some(texts?.join(","))
        }
        _ => None,
    }
}
