//! Files of a task according to its log.

use super::completions;
use crate::task::{ArtifactName, Event, EventKind, TaskRecord};
use std::collections::BTreeMap;

/// A file as recorded in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// Size in bytes.
    pub size: u64,
    /// SHA-256, lower-case hexadecimal.
    pub sha256: String,
}

/// The document and the files of all valid completions. Files that the current run is about to overwrite are left out,
/// because the disk may have either version.
pub fn stored_files(record: &TaskRecord, events: &[Event]) -> BTreeMap<ArtifactName, StoredFile> {
    let source = &record.source;
    let document = StoredFile { size: source.size, sha256: source.sha256.clone() };
    let mut files = BTreeMap::from([(source.stored_as.clone(), document)]);
    for completed in completions(&record.pipeline, events).into_values() {
        if let EventKind::StepCompleted { artifacts, .. } = completed {
            for artifact in artifacts {
                let file = StoredFile { size: artifact.size, sha256: artifact.sha256.clone() };
                files.insert(artifact.name.clone(), file);
            }
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JsonObject;
    use crate::Timestamp;
    use crate::task::{Artifact, Resources, Retry, Source};

    fn record() -> TaskRecord {
        let sample = TaskRecord::sample();
        let source = Source { stored_as: "original.md".parse().unwrap(), sha256: "aa".into(), ..sample.source.clone() };
        TaskRecord { source, ..sample }
    }

    fn event(sequence: u64, kind: EventKind) -> Event {
        Event {
            sequence,
            timestamp: Timestamp::from_millis(0),
            progress_percent: 0.0,
            message: String::new(),
            span: None,
            kind,
        }
    }

    fn completed(sequence: u64, step: &str, name: &str, sha256: &str) -> Event {
        let artifact = Artifact {
            name: name.parse().unwrap(),
            media_type: "text/plain".into(),
            size: sequence,
            sha256: sha256.into(),
            listed: false,
        };
        let kind = EventKind::StepCompleted {
            step: step.into(),
            stage: "s".into(),
            data: JsonObject::new(),
            artifacts: vec![artifact],
            resources: Resources::default(),
        };
        event(sequence, kind)
    }

    fn names_and_digests(events: &[Event]) -> Vec<(String, String)> {
        let files = stored_files(&record(), events);
        files.into_iter().map(|(name, file)| (name.to_string(), file.sha256)).collect()
    }

    #[test]
    fn the_document_and_what_completed_steps_wrote() {
        let started = event(1, EventKind::TaskStarted { retry: None });
        let events = [started, completed(2, "markdown_conversion", "markdown.md", "bb")];
        assert_eq!(names_and_digests(&[]), [("original.md".into(), "aa".into())]);
        assert_eq!(
            names_and_digests(&events),
            [("markdown.md".into(), "bb".into()), ("original.md".into(), "aa".into())]
        );
    }

    #[test]
    fn what_a_new_run_writes_again_does_not_count_until_it_has() {
        let retry = Some(Retry { from_step: "metadata_extraction".into(), claims_before: 1, damaged: None });
        let mut events = vec![
            event(1, EventKind::TaskStarted { retry: None }),
            completed(2, "markdown_conversion", "markdown.md", "bb"),
            completed(3, "metadata_extraction", "metadata.json", "cc"),
            event(4, EventKind::TaskCancelled { step: None, stage: None }),
            event(5, EventKind::TaskStarted { retry }),
        ];
        let of = |name: &str, digest: &str| (name.to_owned(), digest.to_owned());
        assert_eq!(names_and_digests(&events), [of("markdown.md", "bb"), of("original.md", "aa")]);
        events.push(completed(6, "metadata_extraction", "metadata.json", "dd"));
        assert_eq!(
            names_and_digests(&events),
            [of("markdown.md", "bb"), of("metadata.json", "dd"), of("original.md", "aa")]
        );
    }
}
