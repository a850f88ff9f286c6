//! The files that a run goes on with: whether they are as they were written.

use super::driver::{Driver, Interrupted};
use super::verify;
use morag_core::pipeline::{ExpectedFile, Mend, RunState, inputs, is_run_again, mend, standing_files};
use morag_core::ports::Next;
use morag_core::task::{ArtifactName, StepFailure};

/// What was found of the files that a run goes on with.
pub(super) enum Files {
    /// They are as they were written.
    Whole,
    /// Some were not: the run has begun again with the step that wrote them.
    AreMadeAgain,
    /// Some were not, and they are not made again.
    Lost(StepFailure),
}

impl Driver<'_> {
    /// Compares the submitted file and all files of completed steps with the log, where an earlier claim has begun the task: in this
    /// process or another, before or after a loss of power. Gives why the task fails, where they are not made again.
    pub(super) async fn check_standing_files(&mut self) -> Result<Option<StepFailure>, Interrupted> {
        if matches!(self.run, RunState::Accepted | RunState::Ended(_)) {
            return Ok(None);
        }
        // The submitted file too: where it cannot be read either, the storage is away, and the others are not lost.
        let mut files = vec![ExpectedFile::from(&self.log.record.source)];
        files.extend(standing_files(self.pipeline(), &self.log.events, None));
        Ok(match self.mend(files).await? {
            Files::Whole | Files::AreMadeAgain => None,
            Files::Lost(failure) => Some(failure),
        })
    }

    /// The files that a step may read: what was submitted, and the artifacts that its component declares.
    pub(super) fn files_of(&self, step: usize) -> Vec<ExpectedFile> {
        let members = self.members(&self.pipeline().steps()[step]).unwrap_or_default();
        let inputs = inputs(self.pipeline(), &self.log.events);
        let is_read = |name: &ArtifactName| {
            members.iter().flat_map(|descriptor| &descriptor.inputs).any(|input| input.name == *name)
        };
        let artifacts =
            inputs.iter().filter(|(name, _)| is_read(name)).map(|(_, artifact)| ExpectedFile::from(artifact));
        std::iter::once(ExpectedFile::from(&self.log.record.source)).chain(artifacts).collect()
    }

    /// Compares files with the log. Where they differ, the core decides what follows, and its decision is committed.
    pub(super) async fn mend(&mut self, files: Vec<ExpectedFile>) -> Result<Files, Interrupted> {
        let task = self.log.record.id;
        let damaged = verify::damaged(self.app, task, files).await?;
        for file in &damaged {
            tracing::error!(file = %file.name, damage = %file.damage, "stored file damaged");
        }
        let claims_before = self.log.claims.saturating_sub(1);
        match mend(&self.log.record, &self.log.events, claims_before, self.run.percent(), &damaged) {
            None => Ok(Files::Whole),
            Some(Mend::Again(draft)) => {
                tracing::warn!(reason = draft.message, "task goes back to an earlier step");
                self.pending.push(draft);
                self.commit(Next::Keep).await?;
                self.run = RunState::resume(&self.log.record.pipeline, &self.log.events, self.log.live_percent);
                Ok(Files::AreMadeAgain)
            }
            Some(Mend::Fail(failure)) if is_run_again(&failure, self.claims()) => {
                Err(Interrupted::Unavailable(failure.message))
            }
            Some(Mend::Fail(failure)) => Ok(Files::Lost(failure)),
        }
    }
}
