//! Artifacts that the next step may read.

use super::{Pipeline, completions};
use crate::task::{Artifact, ArtifactName, Event, EventKind};
use std::collections::BTreeMap;

/// Artifacts of all valid completions, by the name under which later steps read them: the artifact's own name, or the name
/// of the artifact it replaces ([`super::StepDefinition::replaces`]). The file's own name is in the [`Artifact`]. The latest
/// writer or replacement wins. Files of a pattern are no inputs: no step can declare that it reads them.
pub fn inputs(pipeline: &Pipeline, events: &[Event]) -> BTreeMap<ArtifactName, Artifact> {
    let mut inputs = BTreeMap::new();
    for (step, kind) in completions(pipeline, events) {
        let EventKind::StepCompleted { artifacts, .. } = kind else { continue };
        let declared = artifacts.iter().filter(|artifact| !artifact.listed);
        inputs.extend(declared.map(|artifact| (artifact.name.clone(), artifact.clone())));
        for (replaced, replacement) in &pipeline.steps()[step].replaces {
            if let Some(artifact) = artifacts.iter().find(|artifact| artifact.name == *replacement) {
                inputs.insert(replaced.clone(), artifact.clone());
            }
        }
    }
    inputs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::StepDefinition;
    use crate::task::Resources;
    use crate::{JsonObject, Timestamp};

    fn completed(step: &str, names: &[&str]) -> Event {
        let artifact = |name: &&str| Artifact {
            name: name.parse().unwrap(),
            media_type: "text/plain".into(),
            size: 1,
            sha256: format!("{step}:{name}"),
            listed: false,
        };
        let kind = EventKind::StepCompleted {
            step: step.into(),
            stage: step.into(),
            data: JsonObject::new(),
            artifacts: names.iter().map(artifact).collect(),
            resources: Resources::default(),
        };
        let timestamp = Timestamp::from_millis(0);
        Event { sequence: 1, timestamp, progress_percent: 0.0, message: String::new(), span: None, kind }
    }

    fn read(events: &[Event]) -> Vec<String> {
        let mut steps =
            ["convert", "redact", "translate"].map(|name| StepDefinition::plain(name, name, name, 1)).to_vec();
        steps[1].replaces = [("m".parse().unwrap(), "r".parse().unwrap())].into();
        steps[2].replaces = [("m".parse().unwrap(), "t".parse().unwrap())].into();
        let pipeline = Pipeline::new("p", steps).unwrap();
        inputs(&pipeline, events).iter().map(|(name, artifact)| format!("{name}={}", artifact.sha256)).collect()
    }

    #[test]
    fn a_replacement_is_read_in_place_of_what_it_replaces() {
        let (convert, redact) = (completed("convert", &["m", "x"]), completed("redact", &["r"]));
        assert_eq!(read(std::slice::from_ref(&convert)), ["m=convert:m", "x=convert:x"]);
        assert_eq!(read(&[convert.clone(), redact.clone()]), ["m=redact:r", "r=redact:r", "x=convert:x"]);
        let translate = completed("translate", &["t"]);
        let all = read(&[convert, redact, translate]);
        assert_eq!(all, ["m=translate:t", "r=redact:r", "t=translate:t", "x=convert:x"]);
    }

    #[test]
    fn a_file_of_a_pattern_is_no_input() {
        let mut event = completed("convert", &["m", "page-1.png"]);
        if let EventKind::StepCompleted { artifacts, .. } = &mut event.kind {
            artifacts[1].listed = true;
        }
        assert_eq!(read(&[event]), ["m=convert:m"]);
    }

    #[test]
    fn a_replacement_that_was_not_written_replaces_nothing() {
        let (convert, redact) = (completed("convert", &["m"]), completed("redact", &[]));
        assert_eq!(read(&[convert, redact]), ["m=convert:m"]);
    }
}
