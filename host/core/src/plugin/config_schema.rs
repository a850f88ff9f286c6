//! Validates a step's configuration against the JSON Schema of its component.
//!
//! The schema is untrusted: before compiling, its size is measured with references expanded, so that neither compiling nor
//! validating takes much time or stack. Patterns use a linear-time regex engine, and no reference is fetched.

use super::descriptor::CONFIG_SCHEMA_BYTES_MAX;
use crate::{JsonObject, listed, nearest};
use jsonschema::PatternOptions;
use jsonschema::error::ValidationErrorKind;
use jsonschema::paths::{Location, LocationSegment};
use serde_json::Value;
use std::collections::BTreeMap;

/// Maximum values of a schema after references are expanded. Definitions that each refer twice to the next double in size
/// with every level, and so does the validation.
const SCHEMA_VALUES_MAX: u64 = 20_000;

/// Maximum nesting of a schema, references expanded: validators recurse as deep.
const SCHEMA_DEPTH_MAX: u32 = 64;

/// Memory of one compiled pattern, bytes; the default of the `regex` crate is 10 MiB, and a schema can have many.
const PATTERN_BYTES_MAX: usize = 256 << 10;

/// Characters shown of a validator's message.
const TEXT_CHARS_MAX: usize = 300;

/// A configuration schema that cannot be used; its author has to fix it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnusableSchema {
    /// Text longer than [`CONFIG_SCHEMA_BYTES_MAX`].
    #[error("it is larger than {} KiB", CONFIG_SCHEMA_BYTES_MAX >> 10)]
    TooLarge,
    /// Too many values with references expanded.
    #[error("it has more than {SCHEMA_VALUES_MAX} values once its references are expanded")]
    TooMuch,
    /// Nested too deeply.
    #[error("it is nested deeper than {SCHEMA_DEPTH_MAX} levels, references included")]
    TooDeep,
    /// A reference leads back to itself.
    #[error("{0} refers to itself: recursive schemas are not supported")]
    Recursive(String),
    /// A reference to something outside the schema.
    #[error("{0:?} does not refer to a part of the schema: use #/$defs/NAME")]
    Reference(String),
    /// A keyword that changes how references resolve.
    #[error("{0} is not supported inside it")]
    Keyword(&'static str),
    /// Not a valid JSON Schema.
    #[error("it is not a valid JSON Schema: {0}")]
    Invalid(String),
}

/// A configuration key that violates the schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct ConfigProblem {
    /// Path of the key: `config.kinds[1]`.
    pub path: String,
    /// The violation and what is allowed. Never includes the value, which may be private.
    pub problem: String,
}

/// A compiled configuration schema.
#[derive(Debug)]
pub struct ConfigSchema {
    validator: jsonschema::Validator,
    /// The schema as it is written, for the names that it has.
    schema: Value,
}

impl ConfigSchema {
    /// Measures and compiles a schema.
    ///
    /// # Errors
    /// See [`UnusableSchema`].
    pub fn new(schema: &Value) -> Result<Self, UnusableSchema> {
        if schema.to_string().len() > CONFIG_SCHEMA_BYTES_MAX {
            return Err(UnusableSchema::TooLarge);
        }
        Measure::of(schema).value(schema, 0)?;
        let patterns = PatternOptions::regex().size_limit(PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_BYTES_MAX);
        let options = jsonschema::options().offline().with_pattern_options(patterns);
        let built = options.build(schema).map_err(|error| UnusableSchema::Invalid(short(&error.to_string())));
        built.map(|validator| Self { validator, schema: schema.clone() })
    }

    /// Validates a configuration.
    ///
    /// # Errors
    /// The first violation. A setting that is not known is told with the nearest known one.
    pub fn check(&self, config: &JsonObject) -> Result<(), ConfigProblem> {
        let config = Value::Object(config.clone());
        self.validator.validate(&config).map_err(|error| {
            let path = path(error.instance_path());
            let (path, problem) = match error.kind() {
                ValidationErrorKind::AdditionalProperties { unexpected }
                | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                    let key = unexpected.first().map(String::as_str).unwrap_or_default();
                    (with_key(path, key), self.no_such(key, error.schema_path()))
                }
                // A closed object without any settings: the error is told of the object, and not of the key in it.
                ValidationErrorKind::FalseSchema if error.schema_path().as_str().ends_with("/additionalProperties") => {
                    let object = config.pointer(error.instance_path().as_str()).and_then(Value::as_object);
                    let key = object.and_then(|object| object.keys().next()).map(String::as_str).unwrap_or_default();
                    (with_key(path, key), self.no_such(key, error.schema_path()))
                }
                ValidationErrorKind::Required { property } => {
                    (with_key(path, property.as_str().unwrap_or_default()), "the step requires it".to_owned())
                }
                _ => (path, short(&error.masked_with("the value").to_string())),
            };
            ConfigProblem { path, problem }
        })
    }

    /// What to say of a key that the keyword at `keyword` refuses.
    fn no_such(&self, key: &str, keyword: &Location) -> String {
        // The names stand beside the keyword.
        let around = keyword.as_str().rsplit_once('/').and_then(|(around, _)| self.schema.pointer(around));
        let known = around.and_then(|around| around.get("properties")).and_then(Value::as_object);
        let known = || known.into_iter().flatten().map(|(name, _)| name.as_str());
        match (nearest(key, known()), known().next()) {
            (Some(near), _) => format!("the step has no such setting: did you mean {}?", short(near)),
            (None, Some(_)) => format!("the step has no such setting: its settings are {}", short(&listed(known()))),
            (None, None) => "the step has no such setting, nor any other here".to_owned(),
        }
    }
}

fn short(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Path of a configuration value in TOML notation.
fn path(location: &Location) -> String {
    location.iter().fold("config".to_owned(), |path, segment| match segment {
        LocationSegment::Property(key) => with_key(path, &key),
        LocationSegment::Index(index) => format!("{path}[{index}]"),
    })
}

fn with_key(path: String, key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    match !key.is_empty() && key.chars().all(plain) {
        true => format!("{path}.{key}"),
        false => format!("{path}.{:?}", short(key)),
    }
}

/// Size of a part of a schema, references expanded.
#[derive(Clone, Copy)]
struct Size {
    values: u64,
    depth: u32,
}

/// Measures a schema. `known` caches sizes by reference; `None` marks one that is being followed.
struct Measure<'a> {
    root: &'a Value,
    known: BTreeMap<&'a str, Option<Size>>,
    /// Keyword by which this draft gives a subschema its own base URI.
    id: &'static str,
}

impl<'a> Measure<'a> {
    fn of(root: &'a Value) -> Self {
        let draft = root.get("$schema").and_then(Value::as_str).unwrap_or_default();
        Self { root, known: BTreeMap::new(), id: if draft.contains("draft-04") { "id" } else { "$id" } }
    }

    fn value(&mut self, value: &'a Value, level: u32) -> Result<Size, UnusableSchema> {
        if level > SCHEMA_DEPTH_MAX {
            return Err(UnusableSchema::TooDeep);
        }
        let mut size = Size { values: 1, depth: 1 };
        match value {
            Value::Object(object) => {
                for (key, inner) in object {
                    size = size.and(self.value(inner, level + 1)?, level)?;
                    if let Some(reference) = self.reference(key, inner, level)? {
                        size = size.and(self.target(reference, level + 1)?, level)?;
                    }
                }
            }
            Value::Array(items) => {
                for inner in items {
                    size = size.and(self.value(inner, level + 1)?, level)?;
                }
            }
            _ => {}
        }
        Ok(size)
    }

    /// The reference of a key, if it is one. Keywords that make references resolve to anything but a location in this text
    /// are refused.
    fn reference(&self, key: &str, value: &'a Value, level: u32) -> Result<Option<&'a str>, UnusableSchema> {
        match (key, value) {
            ("$ref", Value::String(reference)) => Ok(Some(reference)),
            ("$dynamicRef", Value::String(_)) => Err(UnusableSchema::Keyword("$dynamicRef")),
            ("$recursiveRef", Value::String(_)) => Err(UnusableSchema::Keyword("$recursiveRef")),
            (key, Value::String(_)) if key == self.id && level > 0 => Err(UnusableSchema::Keyword(self.id)),
            _ => Ok(None),
        }
    }

    fn target(&mut self, reference: &'a str, level: u32) -> Result<Size, UnusableSchema> {
        match self.known.get(reference) {
            Some(Some(size)) => return Ok(*size),
            Some(None) => return Err(UnusableSchema::Recursive(short(reference))),
            None => {}
        }
        let unknown = || UnusableSchema::Reference(short(reference));
        let pointer = reference.strip_prefix('#').filter(|pointer| pointer.is_empty() || pointer.starts_with('/'));
        let target = pointer.and_then(|pointer| self.root.pointer(pointer)).ok_or_else(unknown)?;
        self.known.insert(reference, None);
        let size = self.value(target, level)?;
        self.known.insert(reference, Some(size));
        Ok(size)
    }
}

impl Size {
    /// Adds an inner part at `level` of the schema.
    fn and(self, inner: Self, level: u32) -> Result<Self, UnusableSchema> {
        let values = self.values.saturating_add(inner.values);
        let depth = self.depth.max(inner.depth + 1);
        match () {
            () if values > SCHEMA_VALUES_MAX => Err(UnusableSchema::TooMuch),
            () if level + depth > SCHEMA_DEPTH_MAX => Err(UnusableSchema::TooDeep),
            () => Ok(Self { values, depth }),
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "two tests measure how long a check takes")]
mod tests {
    use super::*;
    use serde_json::json;
    use std::time::{Duration, Instant};

    fn problem(schema: Value, config: Value) -> String {
        let Value::Object(config) = config else { panic!("{config}") };
        let checked = ConfigSchema::new(&schema).unwrap().check(&config);
        checked.map_or_else(|problem| problem.to_string(), |()| "fine".to_owned())
    }

    fn unusable(schema: Value) -> UnusableSchema {
        ConfigSchema::new(&schema).map(|_| ()).unwrap_err()
    }

    fn redact() -> Value {
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": "https://example.com/redact",
            "type": "object",
            "properties": {
                "kinds": {"type": "array", "items": {"$ref": "#/$defs/kind"}},
                "mark": {"type": "string", "maxLength": 3, "pattern": "^[a-z]+$"},
                "odd key": {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}},
                "id": {"type": "string"},
                "deep": {"$ref": "#/$defs/deep"}
            },
            "required": ["kinds"],
            "additionalProperties": false,
            "$defs": {
                "kind": {"enum": ["email", "phone"]},
                "deep": {"properties": {"number": {}}, "additionalProperties": false}
            }
        })
    }

    #[test]
    fn the_offending_key_is_named_by_its_path_and_its_value_is_not_shown() {
        assert_eq!(problem(redact(), json!({"kinds": ["phone"], "mark": "x", "odd key": {"n": 1}, "id": "a"})), "fine");
        assert_eq!(problem(json!({}), json!({"anything": 1})), "fine");
        let closed = json!({"type": "object", "additionalProperties": false});
        assert_eq!(problem(closed, json!({"a": 1})), "config.a: the step has no such setting, nor any other here");
        for (config, path, said) in [
            (json!({"kinds": ["email", "s3cret"]}), "config.kinds[1]: ", "email"),
            (json!({"kinds": [], "marc": "s3cret"}), "config.marc: ", "no such setting: did you mean mark?"),
            (
                json!({"kinds": [], "colour": "s3cret"}),
                "config.colour: ",
                "its settings are kinds, mark, odd key, id, deep",
            ),
            (json!({"kinds": [], "deep": {"nunber": 1}}), "config.deep.nunber: ", "did you mean number?"),
            (json!({"mark": "abc"}), "config.kinds: ", "requires"),
            (json!({"kinds": [], "mark": "s3cret"}), "config.mark: ", ""),
            (json!({"kinds": [], "mark": "S3"}), "config.mark: ", "^[a-z]+$"),
            (json!({"kinds": [], "odd key": {"n": 0}}), "config.\"odd key\".n: ", "1"),
            (json!({"kinds": "s3cret"}), "config.kinds: ", "array"),
        ] {
            let text = problem(redact(), config);
            assert!(text.starts_with(path) && text.contains(said) && !text.contains("s3cret"), "{text}");
        }
    }

    #[test]
    fn what_would_take_long_or_much_is_refused_before_it_is_compiled() {
        let begun = Instant::now();
        // Each definition refers twice to the next: 2^50 values.
        let mut bomb = json!({"$ref": "#/$defs/d0", "$defs": {"d50": {"type": "string"}}});
        for level in 0..50 {
            let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
            bomb["$defs"][format!("d{level}")] = json!({"allOf": [next, next]});
        }
        assert!(matches!(unusable(bomb), UnusableSchema::TooMuch | UnusableSchema::TooDeep));
        // A chain that is long instead of wide.
        let mut chain = json!({"$ref": "#/$defs/d0", "$defs": {"d900": {}}});
        for level in 0..900 {
            chain["$defs"][format!("d{level}")] = json!({"$ref": format!("#/$defs/d{}", level + 1)});
        }
        assert_eq!(unusable(chain), UnusableSchema::TooDeep);
        let deep = (0..200).fold(json!({}), |inner, _| json!({"not": inner}));
        assert_eq!(unusable(deep), UnusableSchema::TooDeep);
        assert_eq!(unusable(json!({"description": "x".repeat(CONFIG_SCHEMA_BYTES_MAX)})), UnusableSchema::TooLarge);
        for itself in [
            json!({"$ref": "#"}),
            json!({"properties": {"a": {"$ref": "#"}}}),
            json!({"$ref": "#/$defs/a", "$defs": {"a": {"items": {"$ref": "#/$defs/b"}}, "b": {"$ref": "#/$defs/a"}}}),
        ] {
            assert!(matches!(unusable(itself.clone()), UnusableSchema::Recursive(_)), "{itself}");
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }

    #[test]
    fn nothing_outside_the_schema_is_looked_at() {
        for reference in ["https://example.com/s", "file:///etc/passwd", "other.json", "#anchor", "#/$defs/none"] {
            assert_eq!(unusable(json!({"$ref": reference})), UnusableSchema::Reference(reference.into()));
        }
        assert_eq!(unusable(json!({"$dynamicRef": "#x"})), UnusableSchema::Keyword("$dynamicRef"));
        assert_eq!(unusable(json!({"items": {"$id": "https://example.com/"}})), UnusableSchema::Keyword("$id"));
        let old = json!({"$schema": "http://json-schema.org/draft-04/schema#", "items": {"id": "http://example.com/"}});
        assert_eq!(unusable(old), UnusableSchema::Keyword("id"));
        assert!(matches!(unusable(json!({"type": "strnig"})), UnusableSchema::Invalid(_)));
        assert!(matches!(unusable(json!({"$schema": "https://example.com/unknown"})), UnusableSchema::Invalid(_)));
    }

    /// `(a+)+$` on an engine that backtracks takes a time that doubles with each letter.
    #[test]
    fn a_pattern_takes_linear_time_and_bounded_memory() {
        let begun = Instant::now();
        let text =
            problem(json!({"properties": {"a": {"pattern": "^(a+)+$"}}}), json!({"a": "a".repeat(20_000) + "!"}));
        assert!(text.starts_with("config.a: "), "{text}");
        assert!(matches!(unusable(json!({"pattern": "(?=x)y"})), UnusableSchema::Invalid(_)), "no look-ahead");
        assert!(matches!(unusable(json!({"pattern": "((a{1000}){1000}){1000}"})), UnusableSchema::Invalid(_)));
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }
}
