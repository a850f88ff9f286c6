//! The named values of a submission, from form fields or JSON, and their errors. Pure.

use super::field_value::{
    FIELD_BYTES_MAX, FieldItems, FieldObject, FieldValue, ITEMS_MAX, NAME_BYTES_MAX, NAMES_MAX, too_long,
};
use super::given::GivenTask;
use crate::error::FieldError;
use morag_core::shown;
use morag_input::{Fault, Problem};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// Values by name. An empty text and JSON's null count as absent, as HTML forms and generated clients send them.
#[derive(Debug, Default)]
pub struct Fields {
    values: BTreeMap<String, FieldValue>,
    /// Names that came from a nested object, with its name and the prefix that they got.
    nested: BTreeMap<String, (&'static str, &'static str)>,
    errors: Vec<FieldError>,
}

/// JSON objects whose members become fields of their own, with the prefix of their names.
const NESTED: [(&str, &str); 2] = [("processing_options", ""), ("webhook_config", "webhook_")];

/// Fields with several items, each of which has its own limit: they may be as long as the body.
const LISTS: [&str; 2] = ["items", "batch_urls"];

impl Fields {
    /// Merges the fields of a form: a form field wins over the same name in `request_data`, and a plain name over a nested one.
    pub fn merge(form: BTreeMap<String, String>) -> Self {
        let mut merged = Self::default();
        let mut plain = FieldObject::default();
        if let Some(text) = form.get("request_data").filter(|text| !text.trim().is_empty()) {
            match serde_json::from_str::<FieldObject>(text) {
                Ok(object) => plain = object,
                Err(_) => merged.refuse("request_data", "request_data must be the text of a JSON object"),
            }
        }
        let own = form.into_iter().filter(|(name, text)| name != "request_data" && !text.trim().is_empty());
        plain.values.extend(own.map(|(name, text)| (name, text.into())));
        merged.assemble(plain);
        merged
    }

    /// The values of a JSON body.
    pub fn of(object: FieldObject) -> Self {
        let mut fields = Self::default();
        fields.assemble(object);
        fields
    }

    /// Adds values, those of nested objects under names of their own. Values that are too long are not parsed.
    fn assemble(&mut self, mut plain: FieldObject) {
        self.count("the request", &plain);
        plain.values.retain(|name, value| self.is_short(name, value));
        let mut nested = Vec::new();
        for (name, prefix) in NESTED {
            match plain
                .values
                .remove(name)
                .filter(FieldValue::is_given)
                .map(|value| value.read::<Option<FieldObject>>())
            {
                None | Some(Some(None)) => {}
                Some(Some(Some(object))) => {
                    self.count(name, &object);
                    for (key, value) in object.values {
                        let key = format!("{prefix}{key}");
                        self.nested.insert(key.clone(), (name, prefix));
                        nested.push((key, value));
                    }
                }
                Some(None) => self.refuse(name, format!("{name} must be a JSON object")),
            }
        }
        for name in plain.values.keys() {
            self.nested.remove(name);
        }
        let both = nested.into_iter().chain(plain.values);
        self.values = both.filter(|(_, value)| value.is_given()).collect();
    }

    /// Notes an error if an object has too many names, or too long ones.
    fn count(&mut self, name: &str, object: &FieldObject) {
        if object.left_out > 0 {
            let msg = format!(
                "{name} has {} fields too many: an object has at most {NAMES_MAX} fields, with names of at most \
                 {NAME_BYTES_MAX} bytes",
                object.left_out
            );
            self.refuse(name, msg);
        }
    }

    /// Whether a value is within its limit; notes an error if not.
    fn is_short(&mut self, name: &str, value: &FieldValue) -> bool {
        let is_short = value.bytes() <= FIELD_BYTES_MAX || LISTS.contains(&name);
        if !is_short {
            self.refuse(name, too_long(name, &value.bytes().to_string(), FIELD_BYTES_MAX));
        }
        is_short
    }

    /// Adds the shared values of a batch that are missing here. An item with a webhook of its own gets no `webhook_…` value of the
    /// batch's: the shared token is not for another receiver.
    pub fn default_to(&mut self, shared: &Self) {
        let own_webhook = self.has("webhook_url");
        for (name, value) in shared.values.iter().filter(|(name, _)| !own_webhook || !name.starts_with("webhook_")) {
            self.values.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }

    /// Removes a value and returns it.
    pub fn take(&mut self, name: &str) -> Option<FieldValue> {
        self.values.remove(name)
    }

    /// Sets a value.
    pub fn put(&mut self, name: &str, value: FieldValue) {
        self.values.insert(name.to_owned(), value);
    }

    /// Whether there are no errors so far.
    pub fn is_sound(&self) -> bool {
        self.errors.is_empty()
    }

    /// The values, for a digest of the request.
    pub fn values(&self) -> &BTreeMap<String, FieldValue> {
        &self.values
    }

    /// Notes that a field is invalid.
    pub fn refuse(&mut self, name: &str, msg: impl Into<String>) {
        self.errors.push(FieldError::body(name, msg));
    }

    /// Notes that a field is missing.
    pub fn miss(&mut self, name: &str) {
        self.errors.push(FieldError::missing(name));
    }

    /// The errors so far.
    pub fn into_errors(self) -> Vec<FieldError> {
        self.errors
    }

    /// Whether the name has a value.
    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// A value as a text; none for any other.
    pub fn word(&self, name: &str) -> Option<&str> {
        self.values.get(name)?.as_str().map(str::trim)
    }

    /// All values as a type. Errors are noted: none if there are any.
    pub fn read<T: DeserializeOwned>(&mut self) -> Option<T> {
        // Moved, not copied: a form may be large.
        let object = FieldObject { values: std::mem::take(&mut self.values), left_out: 0 };
        let read = morag_input::read_texts(&object);
        self.values = object.values;
        read.map_err(|problems| problems.iter().for_each(|problem| self.note(problem))).ok()
    }

    /// One value as a type; none if it is absent, or wrong, which is noted.
    pub fn read_one<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let read = morag_input::read_text(name, self.values.get(name)?);
        read.map_err(|problems| problems.iter().for_each(|problem| self.note(problem))).ok()
    }

    /// Refuses names that this route does not take, as unknown ones are.
    pub fn take_none_of(&mut self, names: &[&str]) {
        for name in names {
            if self.take(name).is_some() {
                self.refuse_unknown(name);
            }
        }
    }

    /// Notes the names that a submission does not have. Wrong values are left to the items, which may have others.
    pub fn check_names(&mut self) {
        let object = FieldObject { values: std::mem::take(&mut self.values), left_out: 0 };
        let read = morag_input::read_texts::<GivenTask>(&object);
        self.values = object.values;
        let unknown = read.err().into_iter().flatten().filter(|it| matches!(it.fault, Fault::Unknown { .. }));
        unknown.for_each(|problem| self.note(&problem));
    }

    /// Takes out what only a batch has, for a single document: an empty list says nothing.
    pub fn take_no_batch(&mut self) {
        for name in ["items", "batch_urls"] {
            let given = self.take(name);
            if given.is_some_and(|value| value.read::<FieldItems>().is_none_or(|items| items.count > 0)) {
                self.refuse(name, format!("{name} is for source_type batch: give one document, or that source_type"));
            }
        }
        for index in 0..ITEMS_MAX {
            self.take(&format!("batch_metadata_{index}"));
        }
    }

    /// Refuses another mode than that of a route that ingests.
    pub fn must_ingest(&mut self) {
        if self.word("mode").is_some_and(|mode| mode != "ingest") {
            self.refuse("mode", "mode must be ingest on this route: POST /api/v1/process takes the others");
        }
    }

    /// Notes that a name is not taken by this route.
    pub fn refuse_unknown(&mut self, name: &str) {
        self.errors.push(FieldError::unknown(name, format!("{name} is not taken by this route")));
    }

    /// Notes a problem. An unknown name of a nested object is told by its path there.
    fn note(&mut self, problem: &Problem) {
        let error = FieldError::in_body(problem);
        let nested = problem.path.first().and_then(|name| self.nested.get(name));
        let (Fault::Unknown { known }, Some((outer, prefix))) = (&problem.fault, nested) else {
            return self.errors.push(error);
        };
        let name = &problem.path[0][prefix.len()..];
        let known: Vec<_> = known.iter().filter_map(|known| known.strip_prefix(prefix)).collect();
        let near = morag_input::nearest(name, known.into_iter());
        let hint = near.map(|near| format!(": did you mean {near}?")).unwrap_or_default();
        let msg = format!("{outer}.{} is not known here{hint}", shown(name));
        self.errors.push(FieldError::unknown(name, msg).within(outer));
    }
}

#[cfg(test)]
mod tests {
    use super::super::given::GivenMetadata;
    use super::*;
    use morag_input::Json;
    use serde_json::Value;

    fn fields(form: &[(&str, &str)]) -> Fields {
        Fields::merge(form.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    #[test]
    fn a_form_field_wins_over_request_data_and_plain_over_nested() {
        let data = r#"{"language": "de", "chunk_size": 100, "document_id": "a", "chunking_strategy": null,
                       "processing_options": {"chunk_size": 200, "chunking_strategy": "fixed"},
                       "webhook_config": {"url": "https://e.com/", "auth_token": null}}"#;
        let mut fields = fields(&[("request_data", data), ("language", "fr"), ("document_id", " ")]);
        assert_eq!(fields.word("language"), Some("fr"));
        assert_eq!(fields.word("document_id"), Some("a"));
        assert_eq!(fields.read_one::<u64>("chunk_size"), Some(100));
        assert_eq!(fields.word("chunking_strategy"), Some("fixed"));
        assert_eq!(fields.word("webhook_url"), Some("https://e.com/"));
        assert!(!fields.has("webhook_auth_token"));
        assert!(fields.into_errors().is_empty());
    }

    #[test]
    fn wrong_types_are_named() {
        let data = r#"{"chunk_size": "many", "replace_existing": "perhaps", "metadata": [1], "language": {}}"#;
        let mut fields = fields(&[("request_data", data), ("webhook_config", "nonsense")]);
        assert_eq!(fields.read_one::<u64>("chunk_size"), None);
        assert_eq!(fields.read_one::<bool>("replace_existing"), None);
        assert_eq!(fields.read_one::<Json>("metadata"), None);
        assert_eq!(fields.read_one::<String>("language"), None);
        let names: Vec<_> = fields.into_errors().into_iter().map(|error| error.loc[1].clone()).collect();
        assert_eq!(names, ["webhook_config", "chunk_size", "replace_existing", "metadata", "language"]);
    }

    #[test]
    fn request_data_must_be_an_object() {
        for text in ["[]", "1", "{", "nonsense"] {
            assert_eq!(fields(&[("request_data", text)]).into_errors().len(), 1, "{text}");
        }
    }

    #[test]
    fn what_is_too_long_is_refused_by_name_size_and_limit() {
        let long = |bytes: usize| format!("{{\"a\": \"{}\"}}", "x".repeat(bytes - 9));
        for name in ["metadata", "processing_options", "webhook_config", "webhook_headers", "language", "anything"] {
            let nested: FieldObject = serde_json::from_str(&format!("{{\"{name}\": {}}}", long(65_537))).unwrap();
            for mut fields in [fields(&[(name, &long(65_537))]), Fields::of(nested)] {
                assert!(!fields.has(name) && fields.read_one::<GivenMetadata>(name).is_none());
                let errors = fields.into_errors();
                let msg = format!("{name} has 65537 bytes, and may have 65536 at most");
                assert_eq!((errors.len(), &errors[0].loc[1], &errors[0].msg), (1, &name.to_owned(), &msg));
            }
        }
        let mut fields = fields(&[("metadata", &long(65_536))]);
        assert!(fields.read_one::<GivenMetadata>("metadata").is_some() && fields.is_sound());
    }

    #[test]
    fn an_object_of_too_many_names_is_refused_and_not_kept() {
        let object = |count: usize| {
            let pairs: Vec<_> = (0..count).map(|n| format!("\"n{n}\": 1")).collect();
            format!("{{{}}}", pairs.join(","))
        };
        for (text, left_out) in [
            (object(NAMES_MAX), 0),
            (object(NAMES_MAX + 7), 7),
            (format!("{{\"{}\": 1}}", "x".repeat(NAME_BYTES_MAX)), 0),
            (format!("{{\"{}\": 1}}", "x".repeat(NAME_BYTES_MAX + 1)), 1),
        ] {
            let nested = serde_json::from_str(&format!("{{\"processing_options\": {text}}}")).unwrap();
            for fields in [
                Fields::of(serde_json::from_str(&text).unwrap()),
                Fields::of(nested),
                fields(&[("request_data", &text)]),
            ] {
                assert!(fields.values().len() <= NAMES_MAX);
                let errors = fields.into_errors();
                assert_eq!(errors.len(), usize::from(left_out > 0), "{left_out}");
                assert!(errors.iter().all(|error| error.msg.contains(&format!("has {left_out} fields too many"))));
            }
        }
    }

    #[test]
    fn what_is_shared_is_not_copied() {
        let shared = fields(&[("language", &"x".repeat(1000))]);
        let mut own = Fields::default();
        own.default_to(&shared);
        let texts = [&shared, &own].map(|fields| fields.values()["language"].as_str().unwrap().as_ptr());
        assert_eq!(texts[0], texts[1]);
    }

    #[test]
    fn metadata_that_is_longer_as_it_is_kept_is_refused() {
        let many = format!("{{\"a\": [{}0]}}", "1e15,".repeat(13_000));
        let mut fields = fields(&[("metadata", &many)]);
        assert!(many.len() <= FIELD_BYTES_MAX && fields.read_one::<GivenMetadata>("metadata").is_none());
        assert!(fields.into_errors()[0].msg.contains("may have 65536 at most"));
    }

    #[test]
    fn a_digest_does_not_depend_on_how_a_value_is_held() {
        let text = r#"{"a": [1, {"b": 1.50, "b": [null, {"c": "\u00fc"}]}], "d": {"e" : true}, "f": "x", "g": 1e3}"#;
        let value: Value = serde_json::from_str(text).unwrap();
        let given: FieldObject = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&given).unwrap(), value.to_string());
    }

    #[test]
    fn truth_has_the_usual_forms() {
        for (text, truth) in [("true", true), ("True", true), ("1", true), ("on", true), ("false", false), ("0", false)]
        {
            assert_eq!(fields(&[("x", text)]).read_one("x"), Some(truth), "{text}");
        }
    }

    #[test]
    fn lists_have_three_forms() {
        for text in ["a, b", r#"["a", "b"]"#] {
            assert_eq!(fields(&[("x", text)]).read_one::<Vec<String>>("x").unwrap(), ["a", "b"]);
        }
        assert_eq!(
            fields(&[("request_data", r#"{"x": ["a", "b"]}"#)]).read_one::<Vec<String>>("x").unwrap(),
            ["a", "b"]
        );
        assert_eq!(fields(&[("request_data", r#"{"x": [{}]}"#)]).read_one::<Vec<String>>("x"), None);
    }
}
