//! Totals over a task's steps, for `task_completed`.

use crate::JsonObject;
use serde_json::{Value, json};

/// Numbers of `task_completed.data.result` taken from the steps' data; 0 if no step reports them.
const COUNTS: [&str; 5] =
    ["chunks_created", "embeddings_stored", "facts_extracted", "entities_extracted", "relations_extracted"];

/// Values that the result repeats from the steps so far. The last step to report a key wins.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Totals(JsonObject);

impl Totals {
    /// Adds the data of a completed step.
    pub(super) fn add(&mut self, data: &JsonObject) {
        for key in COUNTS.into_iter().filter(|key| data.get(*key).is_some_and(Value::is_number)) {
            self.0.insert(key.into(), data[key].clone());
        }
        for (key, fits) in [
            ("database_collection", Value::is_string as fn(&Value) -> bool),
            ("storage_summary", Value::is_object as fn(&Value) -> bool),
        ] {
            if let Some(value) = data.get(key).filter(|value| fits(value)) {
                self.0.insert(key.into(), value.clone());
            }
        }
    }

    /// The result of the task. The time has the names of both client guides.
    pub(super) fn result(&self, seconds: f64) -> JsonObject {
        let mut result = JsonObject::new();
        for key in COUNTS {
            result.insert(key.into(), self.0.get(key).cloned().unwrap_or_else(|| json!(0)));
        }
        let kept = |key: &str, absent: Value| self.0.get(key).cloned().unwrap_or(absent);
        result.insert("database_collection".into(), kept("database_collection", json!("")));
        result.insert("storage_summary".into(), kept("storage_summary", json!({})));
        result.insert("processing_time_seconds".into(), json!(seconds));
        result.insert("processing_time".into(), json!(seconds));
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_run_has_numbers_all_the_same() {
        let result = Totals::default().result(1.5);
        for key in COUNTS {
            assert_eq!(result[key], 0);
        }
        assert_eq!(result["processing_time_seconds"], 1.5);
        assert_eq!(result["database_collection"], "");
    }

    #[test]
    fn a_value_of_the_wrong_type_is_not_taken() {
        let mut totals = Totals::default();
        let Value::Object(data) = json!({"chunks_created": "many", "facts_extracted": 7, "storage_summary": 3}) else {
            unreachable!()
        };
        totals.add(&data);
        let result = totals.result(0.0);
        assert_eq!((&result["chunks_created"], &result["facts_extracted"]), (&json!(0), &json!(7)));
        assert_eq!(result["storage_summary"], json!({}));
    }
}
