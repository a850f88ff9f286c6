//! Whether the steps of a pipeline fit together: what each reads is written before it, and once.

use super::Descriptor;
use std::collections::BTreeMap;

/// Steps that do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDataflow {
    /// A step reads what no step before it writes.
    #[error("step {step} reads {artifact}, which no step before it writes")]
    Missing {
        /// The reading step.
        step: String,
        /// What it reads.
        artifact: String,
    },
    /// Two steps write the same file.
    #[error("steps {first} and {second} both write {artifact}: take one out")]
    WrittenTwice {
        /// The earlier step.
        first: String,
        /// The later step.
        second: String,
        /// What both write.
        artifact: String,
    },
}

/// Checks steps in their order: name in the pipeline, and what the component says.
pub fn check_dataflow<'a>(steps: impl IntoIterator<Item = (&'a str, &'a Descriptor)>) -> Result<(), InvalidDataflow> {
    let mut writers: BTreeMap<&str, &str> = BTreeMap::new();
    for (step, descriptor) in steps {
        for input in descriptor.inputs.iter().filter(|input| input.required) {
            if !writers.contains_key(input.name.as_str()) {
                return Err(InvalidDataflow::Missing { step: step.into(), artifact: input.name.to_string() });
            }
        }
        for output in &descriptor.outputs {
            if let Some(first) = writers.insert(output.name.as_str(), step) {
                return Err(InvalidDataflow::WrittenTwice {
                    first: first.into(),
                    second: step.into(),
                    artifact: output.name.to_string(),
                });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::{Input, Output};

    fn descriptor(inputs: &[(&str, bool)], outputs: &[&str]) -> Descriptor {
        Descriptor {
            name: "s".into(),
            version: "1.0.0".into(),
            summary: String::new(),
            inputs: inputs
                .iter()
                .map(|(name, required)| Input { name: name.parse().unwrap(), required: *required })
                .collect(),
            outputs: outputs
                .iter()
                .map(|name| Output { name: name.parse().unwrap(), media_type: "text/plain".into(), data_key: None })
                .collect(),
            capabilities: vec![],
            config_schema: serde_json::json!({}),
        }
    }

    #[test]
    fn an_input_must_be_written_before() {
        let (reader, writer) = (descriptor(&[("a", true)], &[]), descriptor(&[], &["a"]));
        assert_eq!(check_dataflow([("w", &writer), ("r", &reader)]), Ok(()));
        let error = check_dataflow([("r", &reader), ("w", &writer)]).unwrap_err();
        assert_eq!(error, InvalidDataflow::Missing { step: "r".into(), artifact: "a".into() });
        let optional = descriptor(&[("a", false)], &[]);
        assert_eq!(check_dataflow([("r", &optional)]), Ok(()));
    }

    #[test]
    fn a_file_has_one_writer() {
        let writer = descriptor(&[], &["a"]);
        let error = check_dataflow([("one", &writer), ("two", &writer)]).unwrap_err();
        assert!(error.to_string().contains("one") && error.to_string().contains("two"));
    }
}
