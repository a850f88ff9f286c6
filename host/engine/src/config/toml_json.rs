//! A table of `morag.toml` as the JSON that `morag_input` reads.

use morag_input::{FieldObject, Problem};
use serde_json::{Map, Number};
use toml::{Table, Value};

/// The members of a table, and what is wrong with numbers that JSON has none of: they are null. A date is its text.
pub(super) fn fields(table: &Table) -> (FieldObject, Vec<Problem>) {
    let mut json = Json::default();
    let object = json.object(table).to_string();
    let fields = serde_json::from_str(&object).unwrap_or_else(|_| {
        json.wrong.push(Problem::invalid("*", "the table cannot be read: make it less deep"));
        FieldObject::default()
    });
    (fields, json.wrong)
}

#[derive(Default)]
struct Json {
    /// Names and indexes that lead to the value.
    path: Vec<String>,
    wrong: Vec<Problem>,
}

impl Json {
    fn object(&mut self, table: &Table) -> serde_json::Value {
        let entries = table.iter().map(|(name, value)| (name.clone(), self.inner(name.clone(), value)));
        serde_json::Value::Object(entries.collect::<Map<_, _>>())
    }

    fn inner(&mut self, name: String, value: &Value) -> serde_json::Value {
        self.path.push(name);
        let json = self.value(value);
        self.path.pop();
        json
    }

    fn value(&mut self, value: &Value) -> serde_json::Value {
        match value {
            Value::String(text) => text.as_str().into(),
            Value::Integer(number) => (*number).into(),
            Value::Boolean(flag) => (*flag).into(),
            Value::Float(number) => match Number::from_f64(*number) {
                Some(number) => serde_json::Value::Number(number),
                None => {
                    let mut problem = Problem::invalid("", "give a finite number");
                    problem.path.clone_from(&self.path);
                    self.wrong.push(problem);
                    serde_json::Value::Null
                }
            },
            Value::Datetime(date) => date.to_string().into(),
            Value::Array(items) => {
                items.iter().enumerate().map(|(place, item)| self.inner(place.to_string(), item)).collect()
            }
            Value::Table(table) => self.object(table),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_kept_dates_are_texts_and_infinite_numbers_are_told() {
        let table: Table = "a = [1, -1.5, true, \"x\"]\nb = { c = 2026-01-31 }\n".parse().unwrap();
        let (fields, wrong) = fields(&table);
        let json = serde_json::json!({"a": [1, -1.5, true, "x"], "b": {"c": "2026-01-31"}});
        assert_eq!((serde_json::to_value(&fields).unwrap(), wrong), (json, vec![]));
        let table: Table = "a = { b = [1, inf] }\nc = nan\n".parse().unwrap();
        let (fields, wrong) = super::fields(&table);
        assert_eq!(serde_json::to_value(&fields).unwrap(), serde_json::json!({"a": {"b": [1, null]}, "c": null}));
        assert_eq!(wrong.iter().map(Problem::name).collect::<Vec<_>>(), ["a.b[1]", "c"]);
    }
}
