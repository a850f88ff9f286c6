//! Recovery from files that differ from the log, after a power loss before they were flushed, a change from outside or a bad
//! disk. A step's files are rewritten by running the step again; the submitted file cannot be restored.

use super::{Draft, Pipeline, completions};
use crate::JsonObject;
use crate::plugin::FailureCode;
use crate::task::{Artifact, ArtifactName, Event, EventKind, Retry, Source, StepFailure, TaskRecord};
use serde_json::json;

/// How often a run is restarted because of damaged files before the task fails: a disk that lost files once has recovered by
/// then, and one that loses them every time will not.
pub const REMAKES_MAX: usize = 3;

/// A file as recorded in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedFile {
    /// Its name within the task.
    pub name: ArtifactName,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the content, lower-case hexadecimal.
    pub sha256: String,
}

impl From<&Artifact> for ExpectedFile {
    fn from(artifact: &Artifact) -> Self {
        Self { name: artifact.name.clone(), size: artifact.size, sha256: artifact.sha256.clone() }
    }
}

impl From<&Source> for ExpectedFile {
    fn from(source: &Source) -> Self {
        Self { name: source.stored_as.clone(), size: source.size, sha256: source.sha256.clone() }
    }
}

/// How a file differs from the recorded one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The file does not exist.
    #[error("is missing")]
    Missing,
    /// Its size differs.
    #[error("has {found} bytes instead of {expected}")]
    Size {
        /// Actual size in bytes.
        found: u64,
        /// Recorded size in bytes.
        expected: u64,
    },
    /// Its size is right, its digest is not.
    #[error("has different content than was written: its SHA-256 differs")]
    Digest,
}

/// A file that differs from the recorded one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} {damage}")]
pub struct DamagedFile {
    /// Its name within the task.
    pub name: ArtifactName,
    /// How it differs.
    pub damage: Damage,
}

/// How a run reacts to damaged files.
#[derive(Debug, Clone, PartialEq)]
pub enum Mend {
    /// The run restarts: commit this draft and continue with [`super::RunState::resume`].
    Again(Draft),
    /// The task fails. `retryable` if the submitted file is missing, because the storage may just not be mounted.
    Fail(StepFailure),
}

/// Files of all valid completions, in step order: what later steps and callers read. If two steps wrote a file, the later
/// one counts. With `before`, only files of the steps before that index.
pub fn standing_files(pipeline: &Pipeline, events: &[Event], before: Option<usize>) -> Vec<ExpectedFile> {
    let mut files: Vec<ExpectedFile> = Vec::new();
    for (_, kind) in completions(pipeline, events).range(..before.unwrap_or(usize::MAX)) {
        let EventKind::StepCompleted { artifacts, .. } = kind else { continue };
        files.retain(|file| artifacts.iter().all(|artifact| artifact.name != file.name));
        files.extend(artifacts.iter().map(ExpectedFile::from));
    }
    files
}

/// Index of the first step to run again to restore these files; `None` if no valid completion wrote any of them.
pub fn step_to_mend(pipeline: &Pipeline, events: &[Event], damaged: &[DamagedFile]) -> Option<usize> {
    let wrote = |kind: &EventKind, file: &DamagedFile| match kind {
        EventKind::StepCompleted { artifacts, .. } => artifacts.iter().any(|artifact| artifact.name == file.name),
        _ => false,
    };
    let standing = completions(pipeline, events);
    let writer = |file: &DamagedFile| standing.iter().rev().find(|(_, kind)| wrote(kind, file)).map(|(step, _)| *step);
    damaged.iter().filter_map(writer).min()
}

/// Reaction to damaged files of a running task; `None` if there are none. `claims`: how often the task had been claimed
/// before this claim; `percent`: current overall progress.
pub fn mend(record: &TaskRecord, events: &[Event], claims: u64, percent: f64, damaged: &[DamagedFile]) -> Option<Mend> {
    let first = damaged.first()?;
    if let Some(source) = damaged.iter().find(|file| file.name == record.source.stored_as) {
        return Some(Mend::Fail(source_failure(source)));
    }
    let pipeline = &record.pipeline;
    let step = step_to_mend(pipeline, events, damaged).filter(|_| remakes(events) < REMAKES_MAX);
    let Some(step) = step else { return Some(Mend::Fail(artifact_failure(first))) };
    let from_step = pipeline.steps()[step].name.clone();
    let shown = events.iter().map(|event| event.progress_percent).fold(percent, f64::max);
    Some(Mend::Again(Draft {
        progress_percent: shown,
        message: format!("Task processing restarted from {from_step}: {first}"),
        kind: EventKind::TaskStarted {
            retry: Some(Retry { from_step, claims_before: claims, damaged: Some(first.name.clone()) }),
        },
    }))
}

/// How often the run has restarted by itself since a caller last started it.
fn remakes(events: &[Event]) -> usize {
    let starts = events.iter().rev().filter_map(|event| match &event.kind {
        EventKind::TaskStarted { retry } => Some(retry.as_ref().is_some_and(|retry| retry.damaged.is_some())),
        _ => None,
    });
    starts.take_while(|by_itself| *by_itself).count()
}

/// The failure of a task whose submitted file is damaged.
fn source_failure(file: &DamagedFile) -> StepFailure {
    StepFailure {
        code: FailureCode::SourceDamaged.as_str().into(),
        message: format!("the submitted file {file}: it cannot be restored; submit the document again"),
        details: details(file),
        retryable: file.damage == Damage::Missing,
    }
}

fn artifact_failure(file: &DamagedFile) -> StepFailure {
    StepFailure {
        code: FailureCode::ArtifactDamaged.as_str().into(),
        message: format!(
            "the file {file}, although it was written again {REMAKES_MAX} times: the storage does not keep written data; \
             retry the task when it does"
        ),
        details: details(file),
        retryable: false,
    }
}

fn details(file: &DamagedFile) -> JsonObject {
    let mut details = JsonObject::new();
    details.insert("file".into(), json!(file.name));
    details.insert("damage".into(), json!(file.damage.to_string()));
    details
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;
    use crate::pipeline::{Effect, Input, RunState, StepOutput, attempt, claims_of_run, transition};
    use crate::task::{Resources, TaskStatus};

    const STEPS: [&str; 4] = ["markdown_conversion", "metadata_extraction", "content_processing", "chunking"];

    fn artifact(name: &str) -> Artifact {
        Artifact {
            name: name.parse().unwrap(),
            media_type: "text/plain".into(),
            size: 5,
            sha256: format!("of {name}"),
            listed: false,
        }
    }

    fn damaged(name: &str, damage: Damage) -> DamagedFile {
        DamagedFile { name: name.parse().unwrap(), damage }
    }

    fn record() -> TaskRecord {
        let sample = TaskRecord::sample();
        let source = Source { stored_as: "original.md".parse().unwrap(), ..sample.source.clone() };
        TaskRecord { source, ..sample }
    }

    /// A running task; each step writes `STEP.md`, the first one also `source.map`.
    struct Life {
        record: TaskRecord,
        log: Vec<Event>,
        run: RunState,
    }

    impl Life {
        fn append(&mut self, drafts: Vec<Draft>) {
            for Draft { progress_percent, message, kind } in drafts {
                let (sequence, timestamp) = (self.log.len() as u64 + 1, Timestamp::from_millis(0));
                self.log.push(Event { sequence, timestamp, progress_percent, message, span: None, kind });
            }
        }

        fn feed(&mut self, input: Input) -> Effect {
            let run = std::mem::replace(&mut self.run, RunState::Accepted);
            let decision = transition(&self.record.pipeline, run, input, Timestamp::from_millis(0)).unwrap();
            self.run = decision.run;
            self.append(decision.events);
            decision.effect
        }

        /// Starts `steps` steps and completes all but the last.
        fn in_step(steps: usize) -> Self {
            let mut this = Self { record: record(), log: vec![], run: RunState::Accepted };
            this.feed(Input::Claimed);
            this.go_on(0, steps);
            this
        }

        fn go_on(&mut self, from: usize, steps: usize) {
            for (index, step) in STEPS.iter().enumerate().take(steps).skip(from) {
                self.feed(Input::StepStarted);
                if index + 1 < steps {
                    let names = [Some(format!("{step}.md")), (index == 0).then(|| "source.map".to_owned())];
                    let artifacts = names.iter().flatten().map(|name| artifact(name)).collect();
                    let (data, resources) = (JsonObject::new(), Resources::default());
                    self.feed(Input::StepSucceeded(StepOutput { data, artifacts, resources }));
                }
            }
        }

        fn mend(&self, files: &[DamagedFile]) -> Option<Mend> {
            mend(&self.record, &self.log, 0, self.run.percent(), files)
        }
    }

    fn names(files: &[ExpectedFile]) -> Vec<&str> {
        files.iter().map(|file| file.name.as_str()).collect()
    }

    #[test]
    fn what_stands_is_expected() {
        let life = Life::in_step(3);
        let files = standing_files(&life.record.pipeline, &life.log, None);
        assert_eq!(names(&files), ["markdown_conversion.md", "source.map", "metadata_extraction.md"]);
        assert_eq!((files[0].size, files[0].sha256.as_str()), (5, "of markdown_conversion.md"));
        let files = standing_files(&life.record.pipeline, &life.log, Some(1));
        assert_eq!(names(&files), ["markdown_conversion.md", "source.map"]);
    }

    #[test]
    fn nothing_damaged_is_nothing_to_do() {
        assert_eq!(Life::in_step(3).mend(&[]), None);
    }

    #[test]
    fn the_run_goes_back_to_the_earliest_step_whose_file_is_damaged() {
        let mut life = Life::in_step(4);
        life.feed(Input::Progress(0.5));
        let before = life.run.percent();
        let files = [damaged("content_processing.md", Damage::Digest), damaged("source.map", Damage::Missing)];
        let Some(Mend::Again(draft)) = life.mend(&files) else { panic!("it does not begin again") };
        assert_eq!(
            draft.message,
            "Task processing restarted from markdown_conversion: content_processing.md has different content than was \
             written: its SHA-256 differs"
        );
        assert!(draft.progress_percent >= before, "progress does not fall: {}", draft.progress_percent);
        life.append(vec![draft]);
        let RunState::Ready { next: 0, .. } = RunState::resume(&life.record.pipeline, &life.log, before) else {
            panic!("it does not begin with the first step")
        };
        assert!(standing_files(&life.record.pipeline, &life.log, None).is_empty(), "nothing stands any more");
        assert_eq!((attempt(&life.log), claims_of_run(&life.log, 1)), (2, 1));
        let status = TaskStatus::fold(&life.record.pipeline, &life.log, before);
        assert!(status.progress_percent >= before);
    }

    #[test]
    fn what_came_before_the_damaged_file_stands() {
        let mut life = Life::in_step(4);
        let Some(Mend::Again(draft)) = life.mend(&[damaged("metadata_extraction.md", Damage::Missing)]) else {
            panic!("it does not begin again")
        };
        life.append(vec![draft]);
        let files = standing_files(&life.record.pipeline, &life.log, None);
        assert_eq!(names(&files), ["markdown_conversion.md", "source.map"]);
    }

    #[test]
    fn a_task_does_not_begin_again_for_ever() {
        let mut life = Life::in_step(3);
        let file = [damaged("metadata_extraction.md", Damage::Size { found: 0, expected: 5 })];
        for _ in 0..REMAKES_MAX {
            let Some(Mend::Again(draft)) = life.mend(&file) else { panic!("it does not begin again") };
            life.append(vec![draft]);
            life.run = RunState::resume(&life.record.pipeline, &life.log, 0.0);
            life.go_on(1, 3);
        }
        let Some(Mend::Fail(failure)) = life.mend(&file) else { panic!("it does not fail") };
        assert_eq!((failure.code.as_str(), failure.retryable), ("ARTIFACT_DAMAGED", false));
        assert!(failure.message.contains("metadata_extraction.md has 0 bytes instead of 5"), "{}", failure.message);
        // A run that a caller asks for has the full number of restarts again.
        life.append(vec![Draft {
            progress_percent: 50.0,
            message: String::new(),
            kind: EventKind::TaskStarted {
                retry: Some(Retry { from_step: STEPS[2].into(), claims_before: 0, damaged: None }),
            },
        }]);
        assert!(matches!(life.mend(&file), Some(Mend::Again(_))));
    }

    #[test]
    fn a_damaged_upload_fails_the_task_whatever_else_is_damaged() {
        let life = Life::in_step(3);
        for (damage, retryable) in
            [(Damage::Missing, true), (Damage::Digest, false), (Damage::Size { found: 1, expected: 3 }, false)]
        {
            let files = [damaged("source.map", Damage::Missing), damaged("original.md", damage)];
            let Some(Mend::Fail(failure)) = life.mend(&files) else { panic!("it does not fail") };
            assert_eq!((failure.code.as_str(), failure.retryable), ("SOURCE_DAMAGED", retryable));
            assert!(failure.message.contains("submit the document again"), "{}", failure.message);
            assert_eq!(failure.details["file"], "original.md");
        }
    }

    #[test]
    fn what_no_completion_that_stands_wrote_needs_no_step() {
        let life = Life::in_step(2);
        assert_eq!(step_to_mend(&life.record.pipeline, &life.log, &[damaged("x.md", Damage::Missing)]), None);
    }
}
