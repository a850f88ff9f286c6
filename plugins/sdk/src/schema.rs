//! The JSON Schema of a step's configuration, derived from a type.

use crate::Descriptor;
use schemars::JsonSchema;

impl Descriptor {
    /// Sets the JSON Schema (draft 2020-12) of the step's configuration to that of a type. The host refuses a pipeline whose configuration
    /// does not match it, with the path of the key; the step reads it with [`crate::Task`]'s `config`.
    ///
    /// Doc comments become descriptions. With `deny_unknown_fields` the host refuses misspelt keys too; a field with `#[serde(default)]` is
    /// optional.
    ///
    /// ```
    /// use morag_step::{Descriptor, Task, json, mock::MockTask};
    /// use schemars::JsonSchema;
    /// use serde::Deserialize;
    ///
    /// /// What is removed, and what stands in its place.
    /// #[derive(Deserialize, JsonSchema)]
    /// #[serde(deny_unknown_fields, default)]
    /// struct Config {
    ///     /// Kinds of personal data.
    ///     kinds: Vec<Kind>,
    ///     /// What is written instead.
    ///     #[schemars(length(max = 40))]
    ///     mark: String,
    /// }
    ///
    /// impl Default for Config {
    ///     fn default() -> Self {
    ///         Self { kinds: vec![Kind::Email], mark: "[redacted]".into() }
    ///     }
    /// }
    ///
    /// #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    /// #[serde(rename_all = "snake_case")]
    /// enum Kind {
    ///     Email,
    ///     Phone,
    /// }
    ///
    /// let descriptor = Descriptor::new("redact", "1.0.0", "Removes personal data").configured_by_type::<Config>();
    /// assert_eq!(descriptor.config_schema["properties"]["mark"]["maxLength"], 40);
    /// assert_eq!(descriptor.config_schema["additionalProperties"], false);
    ///
    /// let task = MockTask::new("a.txt", "").with_config(json!({ "kinds": ["phone"] }));
    /// let config: Config = (&task as &dyn Task).config().unwrap();
    /// assert_eq!((config.kinds, config.mark.as_str()), (vec![Kind::Phone], "[redacted]"));
    /// ```
    #[must_use]
    pub fn configured_by_type<T: JsonSchema>(self) -> Self {
        self.configured_by(schemars::schema_for!(T).to_value())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Config {
        /// How many.
        count: u32,
        #[serde(default)]
        name: Option<String>,
    }

    #[test]
    fn a_type_says_what_is_required_and_described() {
        let schema = Descriptor::new("s", "1.0.0", "").configured_by_type::<Config>().config_schema;
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert_eq!(schema["required"], serde_json::json!(["count"]));
        assert_eq!(schema["properties"]["count"]["description"], "How many.");
        assert_eq!(schema["properties"]["count"]["minimum"], 0);
    }
}
