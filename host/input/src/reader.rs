//! A serde deserializer that reports every problem with its path.
//!
//! A value that cannot be read is noted and left out, and the struct is read again without it, until only good values are left, a
//! required one is missing, or enough was read. A good request is read once.

use crate::patch::JSON_TEXT;
use crate::problem::{Fault, PROBLEMS_MAX, Problem};
use crate::text_or::TEXT_OR;
use crate::value::{FieldObject, FieldValue};
use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, Expected, IntoDeserializer as _, MapAccess, SeqAccess,
    Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::Value;
use serde_json::value::RawValue;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Bytes that are read again and again to find every wrong value of one object: a request of usual size is read as often as it has
/// problems that can be reported, and a long one of wrong values costs no more than a few readings.
const READ_BYTES_MAX: usize = 1 << 20;

/// Most elements of a list: several times as many as the contract's longest may have.
const ELEMENTS_MAX: usize = 256;

/// The same of the operator's file, whose longest list has a thousand.
const ELEMENTS_MAX_OF_FILE: usize = 1024;

/// Reads the members of a JSON object into a type. Each value must be of its own JSON type.
///
/// # Errors
/// Everything that is wrong with them, at least one problem and at most [`PROBLEMS_MAX`].
pub fn read<T: DeserializeOwned>(object: &FieldObject) -> Result<T, Vec<Problem>> {
    read_with(object, Notes::default())
}

/// Reads fields of a form, parameters of a query, or JSON of a client that writes as a form does, into a type: the text of a number is a
/// number, `on` is true, texts separated by commas are a list, and the text of a JSON object or array is one.
///
/// # Errors
/// As [`read`].
pub fn read_texts<T: DeserializeOwned>(object: &FieldObject) -> Result<T, Vec<Problem>> {
    read_with(object, Notes { form: Form::Texts, ..Notes::default() })
}

/// Reads a table of the operator's file, as the JSON of it, into a type. As [`read`], but for longer lists, and errors that speak of tables.
///
/// # Errors
/// As [`read`].
pub fn read_table<T: DeserializeOwned>(table: &FieldObject) -> Result<T, Vec<Problem>> {
    read_with(table, Notes { form: Form::Table, ..Notes::default() })
}

/// Reads one value as [`read_texts`] reads each of its own.
///
/// # Errors
/// As [`read`]; each path begins with `name`.
pub fn read_text<T: DeserializeOwned>(name: &str, value: &FieldValue) -> Result<T, Vec<Problem>> {
    let object = FieldObject { values: [(name.to_owned(), value.clone())].into(), left_out: 0 };
    let values: BTreeMap<String, T> = read_texts(&object)?;
    values.into_values().next().ok_or_else(|| vec![Problem::missing(name)])
}

fn read_with<T: DeserializeOwned>(object: &FieldObject, notes: Notes) -> Result<T, Vec<Problem>> {
    let bytes = object.values.values().map(FieldValue::bytes).sum::<usize>().max(1);
    // Each wrong value costs a round. The first round finds one, and all unknown names.
    for _ in 0..(READ_BYTES_MAX / bytes).clamp(2, PROBLEMS_MAX + 1) {
        let before = notes.left_out.borrow().len();
        match T::deserialize(Reader { given: Given::Object(object), path: Path::Root, notes: &notes }) {
            Ok(value) if notes.problems.borrow().is_empty() => return Ok(value),
            Ok(_) => break,
            Err(Error::Fault(fault)) => {
                notes.add(Vec::new(), fault);
                break;
            }
            Err(Error::Unfit) => break,
            // A value was left out: the others may be wrong too.
            Err(Error::Noted) if notes.is_full() || notes.left_out.borrow().len() == before => break,
            Err(Error::Noted) => {}
        }
    }
    let mut problems = notes.problems.into_inner();
    problems.truncate(PROBLEMS_MAX);
    Err(problems)
}

/// How values are written.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Form {
    /// Each as its own JSON type.
    #[default]
    Json,
    /// Any as the text of it.
    Texts,
    /// As in JSON, by an operator who wrote TOML.
    Table,
}

impl Form {
    fn object(self) -> &'static str {
        match self {
            Self::Json | Self::Texts => "a JSON object",
            Self::Table => "a table like { name = value }",
        }
    }

    fn elements_max(self) -> usize {
        match self {
            Self::Json | Self::Texts => ELEMENTS_MAX,
            Self::Table => ELEMENTS_MAX_OF_FILE,
        }
    }
}

/// What was found so far, over all rounds.
#[derive(Default)]
struct Notes {
    form: Form,
    problems: RefCell<Vec<Problem>>,
    /// Paths of values that are not read again.
    left_out: RefCell<BTreeSet<Vec<String>>>,
}

impl Notes {
    /// Notes a problem. One of a value within which there is one already is not told: the value was judged without the wrong part.
    fn add(&self, path: Vec<String>, fault: Fault) {
        let is_around = |other: &Problem| other.path.len() > path.len() && other.path.starts_with(&path);
        if !self.is_full() && !self.problems.borrow().iter().any(is_around) {
            self.problems.borrow_mut().push(Problem { path, fault });
        }
    }

    fn takes_texts(&self) -> bool {
        self.form == Form::Texts
    }

    fn is_full(&self) -> bool {
        self.problems.borrow().len() >= PROBLEMS_MAX
    }

    fn leaves_out(&self, path: &Path<'_>) -> bool {
        let left_out = self.left_out.borrow();
        !left_out.is_empty() && left_out.contains(&path.to_vec())
    }

    /// `false`: it is left out already.
    fn leave_out(&self, path: &Path<'_>) -> bool {
        self.left_out.borrow_mut().insert(path.to_vec())
    }
}

/// Where a value is.
#[derive(Clone, Copy)]
enum Path<'a> {
    Root,
    Name(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

impl Path<'_> {
    fn to_vec(self) -> Vec<String> {
        match self {
            Self::Root => Vec::new(),
            Self::Name(outer, name) => outer.and(morag_core::shown(name).into_owned()),
            Self::Index(outer, index) => outer.and(index.to_string()),
        }
    }

    fn and(self, last: String) -> Vec<String> {
        let mut path = self.to_vec();
        path.push(last);
        path
    }
}

/// Why a value was not read.
#[derive(Debug)]
enum Error {
    /// This is wrong with it.
    Fault(Fault),
    /// A value within it is wrong, was noted, and is left out from now on.
    Noted,
    /// A value that it requires is missing, which was noted.
    Unfit,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value cannot be read")
    }
}

impl std::error::Error for Error {}

impl Error {
    fn expected(what: impl fmt::Display) -> Self {
        Self::Fault(Fault::Expected(what.to_string()))
    }
}

/// No text repeats the value.
impl de::Error for Error {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self::Fault(Fault::Invalid(text.to_string()))
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::expected(expected)
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::expected(expected)
    }

    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Self::expected(expected)
    }

    fn unknown_variant(_: &str, words: &'static [&'static str]) -> Self {
        match words {
            [] => Self::expected("nothing"),
            [word] => Self::expected(word),
            [words @ .., last] => Self::expected(format_args!("{} or {last}", words.join(", "))),
        }
    }

    /// The name is kept for the struct's own error (see [`Reader::deserialize_struct`]).
    fn missing_field(name: &'static str) -> Self {
        Self::Fault(Fault::Invalid(format!("{MISSING}{name}")))
    }
}

/// Begins the text of a missing field within this module.
const MISSING: &str = "\u{0}missing ";

enum Given<'a> {
    Object(&'a FieldObject),
    Value(&'a FieldValue),
}

/// Reads one value.
struct Reader<'a> {
    given: Given<'a>,
    path: Path<'a>,
    notes: &'a Notes,
}

impl<'a> Reader<'a> {
    fn scalar(&self) -> Option<&'a Value> {
        match self.given {
            Given::Value(value) => value.scalar(),
            Given::Object(_) => None,
        }
    }

    /// What an empty text and null are to a type: absent, which only options and types with a default of their own take.
    fn absent<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit().map_err(|_: Error| Error::Fault(Fault::Missing))
    }

    fn is_given(&self) -> bool {
        match self.given {
            Given::Object(_) => true,
            // In JSON an empty text is a text: `""` for a token must not mean that the token is taken back.
            Given::Value(value) if !self.notes.takes_texts() => value.scalar() != Some(&Value::Null),
            Given::Value(value) => value.is_given(),
        }
    }

    /// The text, if it is one.
    fn text(&self) -> Option<&'a str> {
        self.scalar()?.as_str().map(str::trim)
    }

    /// The text of a form's value; none where texts are texts alone.
    fn form_text(&self) -> Option<&'a str> {
        self.text().filter(|_| self.notes.takes_texts())
    }

    /// The JSON text of an object or array, or of a form's text that holds one.
    fn json(&self, opens: char) -> Option<&'a str> {
        let text = match self.given {
            Given::Object(_) => None,
            Given::Value(FieldValue::Json(json)) => Some(json.get()),
            Given::Value(FieldValue::Scalar(_)) => self.form_text(),
        };
        text.filter(|text| text.starts_with(opens))
    }

    /// Before anything is made of the elements: each would have a path and a reading of its own.
    fn check_length(&self, elements: usize) -> Result<(), Error> {
        let max = self.notes.form.elements_max();
        match elements <= max {
            true => Ok(()),
            false => Err(Error::expected(format_args!("a list of at most {max}"))),
        }
    }

    fn object<'de, V: Visitor<'de>>(
        self,
        known: Option<&'static [&'static str]>,
        visitor: V,
    ) -> Result<V::Value, Error> {
        if !self.is_given() {
            return self.absent(visitor);
        }
        let parsed: FieldObject;
        let object = match self.given {
            Given::Object(object) => object,
            Given::Value(_) => {
                let json = self.json('{').and_then(|text| serde_json::from_str(text).ok());
                parsed = json.ok_or_else(|| Error::expected(self.notes.form.object()))?;
                &parsed
            }
        };
        if object.left_out > 0 {
            return Err(Error::expected(format_args!(
                "an object of at most {} names, each of at most {} bytes",
                crate::NAMES_MAX,
                crate::NAME_BYTES_MAX
            )));
        }
        let mut entries = Vec::with_capacity(object.values.len());
        for (name, value) in &object.values {
            let path = Path::Name(&self.path, name);
            match known {
                Some(known) if !known.contains(&name.as_str()) => {
                    if self.notes.leave_out(&path) {
                        self.notes.add(path.to_vec(), Fault::Unknown { known });
                    }
                }
                _ if self.notes.leaves_out(&path) => {}
                _ => entries.push((name.as_str(), value)),
            }
        }
        let access = Entries { entries: entries.into_iter(), value: None, path: self.path, notes: self.notes };
        visitor.visit_map(access)
    }
}

/// A number with a fraction of zero is a whole number, as JSON Schema says: `20.0` is 20.
fn whole(number: f64) -> Option<u64> {
    // Above, a number with a fraction part is not exact.
    let is_exact = (0.0..=9_007_199_254_740_992.0).contains(&number) && number.fract() == 0.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the range, and whole")]
    is_exact.then_some(number as u64)
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.given {
            Given::Object(_) => self.deserialize_map(visitor),
            Given::Value(FieldValue::Json(json)) if json.get().starts_with('[') => self.deserialize_seq(visitor),
            Given::Value(FieldValue::Json(_)) => self.deserialize_map(visitor),
            Given::Value(FieldValue::Scalar(scalar)) => match &**scalar {
                Value::Bool(flag) => visitor.visit_bool(*flag),
                Value::String(text) => visitor.visit_str(text.trim()),
                Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                    (Some(number), ..) => visitor.visit_u64(number),
                    (_, Some(number), _) => visitor.visit_i64(number),
                    (.., Some(number)) => visitor.visit_f64(number),
                    _ => Err(Error::expected("a number")),
                },
                _ => visitor.visit_unit(),
            },
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if !self.is_given() {
            return self.absent(visitor);
        }
        let flag = match self.scalar() {
            Some(Value::Bool(flag)) => Some(*flag),
            Some(Value::Number(number)) if self.notes.takes_texts() => word_of_form(&number.to_string()),
            _ => self.form_text().and_then(word_of_form),
        };
        visitor.visit_bool(flag.ok_or_else(|| Error::expected("true or false"))?)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if !self.is_given() {
            return self.absent(visitor);
        }
        let number = match self.form_text() {
            Some(text) => text.parse().ok().or_else(|| whole(text.parse().ok()?)),
            None => self.scalar().and_then(|value| value.as_u64().or_else(|| whole(value.as_f64()?))),
        };
        match number {
            Some(number) => visitor.visit_u64(number),
            None => Err(Error::expected(&visitor as &dyn Expected)),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if !self.is_given() {
            return self.absent(visitor);
        }
        let number = match self.form_text() {
            Some(text) => text.parse().ok(),
            None => self.scalar().and_then(Value::as_f64),
        };
        match number.filter(|number: &f64| number.is_finite()) {
            Some(number) => visitor.visit_f64(number),
            // serde's own visitor would name its type.
            None => Err(Error::expected("a number")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if !self.is_given() {
            return self.absent(visitor);
        }
        match self.scalar() {
            Some(Value::String(text)) => visitor.visit_str(text.trim()),
            // Such clients write ids as numbers, too.
            Some(Value::Number(number)) if self.notes.takes_texts() => visitor.visit_string(number.to_string()),
            _ => Err(Error::expected("a text")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.is_given() {
            false => visitor.visit_none(),
            true => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        match name {
            JSON_TEXT => match self.json('{') {
                Some(text) => visitor.visit_str(text),
                None if !self.is_given() => self.absent(visitor),
                None => Err(Error::expected(self.notes.form.object())),
            },
            TEXT_OR => match self.text() {
                Some(text) => visitor.visit_str(text),
                None => visitor.visit_newtype_struct(self),
            },
            _ => visitor.visit_newtype_struct(self),
        }
    }

    /// A JSON array, the text of one, or texts separated by commas.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if !self.is_given() {
            return self.absent(visitor);
        }
        let values: Vec<FieldValue> = if let Some(json) = self.json('[') {
            // As references first: a value takes many times the length of a short element's text.
            let texts: Vec<&RawValue> = serde_json::from_str(json).map_err(|_| Error::expected("a list"))?;
            self.check_length(texts.len())?;
            texts.into_iter().filter_map(|text| serde_json::from_str(text.get()).ok()).collect()
        } else if let Some(text) = self.form_text() {
            self.check_length(text.split(',').count())?;
            text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(|part| part.to_owned().into()).collect()
        } else {
            return Err(Error::expected("a list"));
        };
        visitor.visit_seq(Elements { values: values.iter().enumerate(), path: self.path, notes: self.notes })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.object(None, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let (path, notes) = (self.path, self.notes);
        self.object(Some(fields), visitor).map_err(|error| match error {
            Error::Fault(Fault::Invalid(text)) if text.starts_with(MISSING) => {
                let name = &text[MISSING.len()..];
                let path = Path::Name(&path, name);
                // A wrong value was left out, and is noted.
                if !notes.leaves_out(&path) {
                    notes.add(path.to_vec(), Fault::Missing);
                }
                Error::Unfit
            }
            error => error,
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.text() {
            Some("") if self.notes.takes_texts() => self.absent(visitor),
            Some(text) => {
                let word: StrDeserializer<'_, Error> = text.into_deserializer();
                visitor.visit_enum(word)
            }
            None => Err(de::Error::unknown_variant("", words)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u128 f32 char bytes byte_buf unit unit_struct tuple tuple_struct identifier
    }
}

/// The words that forms use for a boolean.
fn word_of_form(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// Notes what is wrong with a value, so that it is left out in the next round.
fn note<T>(read: Result<T, Error>, path: &Path<'_>, notes: &Notes) -> Result<T, Error> {
    read.map_err(|error| {
        if let Error::Fault(fault) = error {
            notes.add(path.to_vec(), fault);
        } else if let Error::Noted = error {
            return Error::Noted;
        }
        notes.leave_out(path);
        Error::Noted
    })
}

/// The entries of an object that are read.
struct Entries<'a> {
    entries: std::vec::IntoIter<(&'a str, &'a FieldValue)>,
    value: Option<(&'a str, &'a FieldValue)>,
    path: Path<'a>,
    notes: &'a Notes,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        self.value = self.entries.next();
        let Some((name, _)) = self.value else { return Ok(None) };
        let name: StrDeserializer<'_, Error> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Some((name, value)) = self.value.take() else { return Err(Error::Unfit) };
        let path = Path::Name(&self.path, name);
        note(seed.deserialize(Reader { given: Given::Value(value), path, notes: self.notes }), &path, self.notes)
    }
}

/// The elements of a list.
struct Elements<'a> {
    values: std::iter::Enumerate<std::slice::Iter<'a, FieldValue>>,
    path: Path<'a>,
    notes: &'a Notes,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        for (index, value) in self.values.by_ref() {
            let path = Path::Index(&self.path, index);
            if self.notes.leaves_out(&path) {
                continue;
            }
            let read = seed.deserialize(Reader { given: Given::Value(value), path, notes: self.notes });
            return note(read, &path, self.notes).map(Some);
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cursor, Json, Patch, Text, TextOr, Time, Whole, WholeOr, Word};
    use morag_core::task::StatusWord;
    use serde::Deserialize;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Query {
        status: Option<Vec<Word<StatusWord>>>,
        limit: WholeOr<1, 1000, 100>,
        cursor: Option<Cursor>,
        since: Option<Time>,
        is_asked: Option<bool>,
        retry: Option<Retry>,
        step: Option<Text<8>>,
    }

    #[derive(Debug, Deserialize)]
    struct Retry {
        max_retries: Whole<0, 20>,
        delay_seconds: Option<f64>,
    }

    fn object(json: &str) -> FieldObject {
        serde_json::from_str(json).unwrap()
    }

    fn problems(json: &str) -> Vec<String> {
        let problems = read_texts::<Query>(&object(json)).unwrap_err();
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn values_are_read_as_forms_write_them() {
        let query: Query = read_texts(&object(
            r#"{"status": "pending, failed", "limit": " 7 ", "cursor": "", "is_asked": "on", "step": 12,
                "since": "2026-01-31T10:00:00 01:00", "retry": "{\"max_retries\": \"3\", \"delay_seconds\": 1}"}"#,
        ))
        .unwrap();
        let status: Vec<_> = query.status.unwrap().into_iter().map(|word| word.0).collect();
        assert_eq!(status, [StatusWord::Pending, StatusWord::Failed]);
        assert_eq!((query.limit.0, query.cursor, query.is_asked), (7, None, Some(true)));
        assert_eq!(query.since.unwrap().0, "2026-01-31T09:00:00Z".parse().unwrap());
        let retry = query.retry.map(|retry| (retry.max_retries.0, retry.delay_seconds));
        assert_eq!((retry, query.step), (Some((3, Some(1.0))), Some(Text("12".into()))));
        let nothing: Query = read_texts(&object(r#"{"limit": "", "retry": null}"#)).unwrap();
        assert!(nothing.limit.0 == 100 && nothing.retry.is_none() && nothing.status.is_none());
    }

    #[test]
    fn every_problem_is_reported_with_its_path_and_without_its_value() {
        let long = "x".repeat(600);
        let found = problems(&format!(
            r#"{{"limt": 1, "limit": 1001, "status": ["pending", "5ecret"], "cursor": "{long}", "since": "5ecret",
                "is_asked": "5ecret", "step": "5ecret 5ecret", "retry": {{"max_retries": "5ecret", "delay": 1}}}}"#
        ));
        assert_eq!(
            found,
            [
                "limt is not known here: did you mean limit?",
                "cursor must be a next_cursor of an answer",
                "is_asked must be true or false",
                "limit must be a whole number, 1 to 1000",
                "retry.delay is not known here: give max_retries, delay_seconds",
                "retry.max_retries must be a whole number, 0 to 20",
                "since must be a time like 2026-01-31T10:00:00Z",
                "status[1] must be pending, in_progress, completed, failed or cancelled",
                "step must be a text of at most 8 bytes",
            ]
        );
    }

    #[test]
    fn what_is_missing_is_told_with_what_is_wrong_beside_it() {
        assert_eq!(problems(r#"{"retry": {}, "limit": 0}"#).len(), 2);
        assert_eq!(problems(r#"{"retry": {"max_retries": null}}"#), ["retry.max_retries is required"]);
        assert_eq!(problems(r#"{"retry": 1}"#), ["retry must be a JSON object"]);
        #[derive(Debug, Deserialize)]
        struct Url {
            url: String,
        }
        for (json, said) in [("{}", "url is required"), (r#"{"url": " "}"#, "url is required")] {
            assert_eq!(read_texts::<Url>(&object(json)).unwrap_err()[0].to_string(), said, "{json}");
        }
        assert_eq!(read::<Url>(&object(r#"{"url": "a"}"#)).unwrap().url, "a");
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Change {
        limit: Patch<Whole<1, 9>>,
        filter: Patch<Json>,
    }

    #[test]
    fn a_patch_tells_absent_from_null() {
        let change: Change = read(&object("{}")).unwrap();
        assert_eq!((change.limit.into_option(), change.filter.into_option()), (None, None));
        let change: Change = read(&object(r#"{"limit": null, "filter": {"a": [1, {"b": null}]}}"#)).unwrap();
        assert_eq!(change.limit, Patch::Null);
        let filter = change.filter.into_value().unwrap().0;
        assert_eq!(Value::Object(filter), serde_json::json!({"a": [1, {"b": null}]}));
        let change: Change = read_texts(&object(r#"{"limit": "3", "filter": "{\"a\": 1}"}"#)).unwrap();
        assert!(change.limit == Patch::Value(Whole(3)) && change.filter.into_value().unwrap().0.len() == 1);
    }

    #[test]
    fn in_json_a_value_has_its_own_type() {
        for (json, said) in [
            (r#"{"limit": "3"}"#, "limit must be a whole number, 1 to 1000"),
            (r#"{"limit": 1.5}"#, "limit must be a whole number, 1 to 1000"),
            (r#"{"is_asked": 1}"#, "is_asked must be true or false"),
            (r#"{"is_asked": "on"}"#, "is_asked must be true or false"),
            (r#"{"status": "pending"}"#, "status must be a list"),
            (r#"{"step": 12}"#, "step must be a text"),
            (r#"{"retry": "{}"}"#, "retry must be a JSON object"),
            (r#"{"retry": {"max_retries": 1, "delay_seconds": "x"}}"#, "retry.delay_seconds must be a number"),
            // An empty text is not nothing.
            (r#"{"cursor": "", "limit": ""}"#, "limit must be a whole number, 1 to 1000"),
            (r#"{"retry": ""}"#, "retry must be a JSON object"),
            (r#"{"status": ""}"#, "status must be a list"),
        ] {
            assert_eq!(read::<Query>(&object(json)).unwrap_err()[0].to_string(), said, "{json}");
        }
        let query: Query =
            read(&object(r#"{"limit": 3, "is_asked": true, "status": ["failed"], "step": "a"}"#)).unwrap();
        assert_eq!((query.limit.0, query.is_asked, query.status.map(|words| words.len())), (3, Some(true), Some(1)));
    }

    #[test]
    fn a_number_with_a_fraction_of_zero_is_whole() {
        let limit = |json: &str| read::<Query>(&object(json)).map(|query| query.limit.0).ok();
        assert_eq!((limit(r#"{"limit": 20.0}"#), limit(r#"{"limit": 2e1}"#)), (Some(20), Some(20)));
        for json in [r#"{"limit": 20.5}"#, r#"{"limit": -0.5}"#, r#"{"limit": 1e300}"#, r#"{"limit": 1001.0}"#] {
            assert_eq!(limit(json), None, "{json}");
        }
        assert_eq!(read_texts::<Query>(&object(r#"{"limit": "20.0"}"#)).unwrap().limit.0, 20);
    }

    #[test]
    fn a_json_object_is_bounded_in_depth() {
        let deep = |levels: usize| format!("{{\"filter\": {}1{}}}", "{\"a\":".repeat(levels), "}".repeat(levels));
        let said = |json: &str| read::<Change>(&object(json)).unwrap_err()[0].to_string();
        let levels = morag_core::JSON_DEPTH_MAX;
        assert_eq!(said(&deep(levels + 1)), format!("filter must be nested no deeper than {levels} levels"));
        assert_eq!(said(r#"{"filter": [1]}"#), "filter must be a JSON object");
        assert_eq!(said(r#"{"filter": "nonsense"}"#), "filter must be a JSON object");
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Table {
        /// Any number of lines, or one.
        lines: Option<TextOr<Lines>>,
        retry: Option<TextOr<Retry>>,
        names: Vec<String>,
        filter: Json,
    }

    #[derive(Debug, Deserialize)]
    #[serde(try_from = "Vec<Text<3>>")]
    struct Lines(Vec<Text<3>>);

    impl TryFrom<Vec<Text<3>>> for Lines {
        type Error = &'static str;
        fn try_from(lines: Vec<Text<3>>) -> Result<Self, &'static str> {
            if lines.is_empty() { Err("give one line at least") } else { Ok(Self(lines)) }
        }
    }

    fn told<T: fmt::Debug>(read: Result<T, Vec<Problem>>) -> Vec<String> {
        read.unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_text_stands_for_a_value_of_another_kind() {
        let table: Table = read_table(&object(r#"{"lines": " a ", "retry": {"max_retries": 1}}"#)).unwrap();
        assert!(matches!(table.lines, Some(TextOr::Text(text)) if text == "a"));
        assert!(matches!(table.retry, Some(TextOr::Value(retry)) if retry.max_retries.0 == 1));
        let table: Table = read_table(&object(r#"{"lines": ["a", "b"]}"#)).unwrap();
        assert!(matches!(table.lines, Some(TextOr::Value(Lines(lines))) if lines.len() == 2));
        let wrong = object(r#"{"lines": 1, "retry": {"max_retries": 99}}"#);
        assert_eq!(
            told(read_table::<Table>(&wrong)),
            ["lines must be a list", "retry.max_retries must be a whole number, 0 to 20"]
        );
    }

    #[test]
    fn what_holds_a_wrong_value_is_not_judged_without_it() {
        // Without its only line the list would be empty.
        let wrong = object(r#"{"lines": ["long"], "retry": {"delay": 1}}"#);
        let found = [
            "retry.delay is not known here",
            "lines[0] must be a text of at most 3 bytes",
            "retry.max_retries is required",
        ];
        let said = told(read::<Table>(&wrong));
        assert!(said.len() == 3 && found.iter().all(|one| said.iter().any(|text| text.starts_with(one))), "{said:?}");
        assert_eq!(told(read::<Table>(&object(r#"{"lines": []}"#))), ["give one line at least"]);
    }

    #[test]
    fn a_file_has_tables_and_longer_lists() {
        let names = |count: usize| format!("{{\"names\": [{}]}}", vec!["\"x\""; count].join(","));
        assert_eq!(told(read::<Table>(&object(&names(ELEMENTS_MAX + 1)))), ["names must be a list of at most 256"]);
        assert_eq!(read_table::<Table>(&object(&names(1000))).unwrap().names.len(), 1000);
        let too_many = object(&names(ELEMENTS_MAX_OF_FILE + 1));
        assert_eq!(told(read_table::<Table>(&too_many)), ["names must be a list of at most 1024"]);
        let wrong = object(r#"{"filter": 1, "retry": 1}"#);
        assert_eq!(
            told(read_table::<Table>(&wrong)),
            ["filter must be a table like { name = value }", "retry must be a table like { name = value }"]
        );
    }

    proptest::proptest! {
        /// Whatever is sent in place of a value: reading ends, reports what is wrong within its bounds, and repeats no value.
        #[test]
        fn reading_ends_and_repeats_no_value(
            values in proptest::collection::vec(
                proptest::sample::select(vec![
                    "null", "true", "-1", "7", "1e400", "\"\"", "\"5ecret\"", "[\"5ecret\"]", "[[[]]]", "{}", "\"{\"", "\"[1,\"",
                    "{\"max_retries\": \"5ecret\"}", "{\"max_retries\": {\"5ecret\": 1}, \"delay_seconds\": []}",
                ]),
                7,
            ),
        ) {
            let names = ["status", "limit", "cursor", "since", "is_asked", "retry", "step"];
            let members: Vec<_> = names.iter().zip(&values).map(|(name, value)| format!("\"{name}\": {value}")).collect();
            // A number beyond all bounds is no JSON here.
            let Ok(object) = serde_json::from_str::<FieldObject>(&format!("{{{}}}", members.join(","))) else {
                return Ok(());
            };
            for read in [read::<Query>(&object), read_texts::<Query>(&object)] {
                let Err(problems) = read else { continue };
                proptest::prop_assert!((1..=PROBLEMS_MAX).contains(&problems.len()));
                let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
                proptest::prop_assert!(!told.join(" ").contains("5ecret"), "{told:?}");
            }
        }
    }

    #[test]
    fn problems_are_bounded() {
        let names: Vec<_> = (0..200).map(|n| format!("\"name{n}\": 1")).collect();
        assert_eq!(problems(&format!("{{{}}}", names.join(","))).len(), PROBLEMS_MAX);
        let words = |count: usize| format!("{{\"status\": [{}]}}", vec!["\"x\""; count].join(","));
        assert_eq!(problems(&words(ELEMENTS_MAX)).len(), PROBLEMS_MAX);
        assert_eq!(problems(&words(ELEMENTS_MAX + 1)), ["status must be a list of at most 256"]);
        assert_eq!(problems(&format!("{{\"status\": \"{}\"}}", ",".repeat(ELEMENTS_MAX))).len(), 1);
        // A long one is read a few times, and tells less of what is wrong.
        let long = format!("{{\"limit\": 0, \"since\": \"x\", \"step\": \"{}\"}}", "x".repeat(READ_BYTES_MAX));
        assert_eq!(problems(&long).len(), 2);
    }
}
