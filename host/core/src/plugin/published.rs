//! URLs of a step's files in the step's data.

use super::descriptor::Output;
use super::output_name::OutputName;
use crate::JsonObject;
use crate::task::{ArtifactName, TaskId, file_url};

/// Adds the URLs of the files that a step has written to its data, each under the key that the output declares. They come
/// first, in the order of the outputs, and replace what the step itself has under these keys.
pub fn with_file_urls(
    outputs: &[Output],
    is_written: impl Fn(&ArtifactName) -> bool,
    task: TaskId,
    mut data: JsonObject,
) -> JsonObject {
    let mut all = JsonObject::new();
    for output in outputs {
        if let (OutputName::Exact(name), Some(key)) = (&output.name, &output.data_key)
            && is_written(name)
        {
            data.remove(key);
            all.insert(key.clone(), file_url(task, name.as_str()).into());
        }
    }
    all.extend(data);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn urls_of_written_files_come_first_and_replace_the_steps_own() {
        let output = |name: &str, key: Option<&str>| Output {
            name: name.parse().unwrap(),
            media_type: "text/plain".into(),
            data_key: key.map(str::to_owned),
        };
        let outputs = [
            output("a.md", Some("a_url")),
            output("b.md", Some("b_url")),
            output("c.md", None),
            output("d.md", Some("d")),
            output("*.md", None),
        ];
        let data = json!({"pages": 3, "b_url": "forged", "d": "the step's own"}).as_object().unwrap().clone();
        let task = TaskId::random();
        let all = with_file_urls(&outputs, |name| name.as_str() != "d.md", task, data);
        let expected = json!({
            "a_url": format!("/api/files/temp/{task}/a.md"),
            "b_url": format!("/api/files/temp/{task}/b.md"),
            "pages": 3,
            "d": "the step's own",
        });
        assert_eq!(serde_json::to_string(&all).unwrap(), serde_json::to_string(&expected).unwrap());
    }
}
