//! Publishes the results of a step: its files, its staged writes and its log.

use super::driver::{Driver, Interrupted};
use super::verify;
use morag_core::pipeline::StepOutput;
use morag_core::ports::{BlobError, BlobPath, LogLine, Revision, StagedArtifact, StepSuccess};
use morag_core::task::{ArtifactName, Resources};

impl Driver<'_> {
    /// Makes a step's files and writes visible, and its files and log durable together, before the commit that tells of them.
    /// Run again after a crash it does the same once more.
    pub(super) async fn publish(
        &self,
        success: StepSuccess,
        resources: Resources,
        log: Option<(BlobPath, BlobPath)>,
    ) -> Result<StepOutput, Interrupted> {
        let task = self.log.record.id;
        // A worker that was stopped past its lease and wakes here must not put its files over those of the run that
        // has the task now.
        if !success.artifacts.is_empty() {
            self.hold(success.revision.as_ref()).await?;
        }
        let artifacts: Vec<_> = success.artifacts.iter().map(|staged| staged.artifact.clone()).collect();
        let to = |staged: StagedArtifact| (staged.path, BlobPath::file(task, &staged.artifact.name));
        let moves: Vec<_> = success.artifacts.into_iter().map(to).chain(log).collect();
        self.app.blobs.publish(&moves).await?;
        // They are what was written: hashed while they were, and no other run writes there while the lease is held.
        verify::note_written(self.app, task, &artifacts).await;
        if let Some(revision) = &success.revision {
            // Publishing cannot be taken back: not for a task that was cancelled meanwhile, or is another worker's.
            self.hold(success.revision.as_ref()).await?;
            self.app.knowledge.publish(revision).await?;
        }
        Ok(StepOutput { data: success.data, artifacts, resources })
    }

    /// Renews the lease. Where it is held no more, what the step staged is discarded.
    async fn hold(&self, staged: Option<&Revision>) -> Result<(), Interrupted> {
        if self.app.queue.renew(self.lease, self.app.config.lease).await? {
            return Ok(());
        }
        if let Some(revision) = staged {
            self.app.knowledge.discard(revision).await?;
        }
        Err(Interrupted::Lost)
    }

    /// Stores the log of a step that failed beside the task's files. The task goes on without a log that cannot be stored.
    pub(super) async fn keep_log(&self, step: usize, lines: &[LogLine]) {
        let Some(log) = self.stage_log(step, lines).await else { return };
        if let Err(error) = self.app.blobs.publish(&[log]).await {
            log_lost(&error);
        }
    }

    /// Writes a step's log to a staging folder. Gives that file and the path to publish it to; none where there is no log, or it cannot
    /// be stored.
    pub(super) async fn stage_log(&self, step: usize, lines: &[LogLine]) -> Option<(BlobPath, BlobPath)> {
        let definition = &self.pipeline().steps()[step];
        let task = self.log.record.id;
        let name = format!("{}.jsonl", definition.name).parse::<ArtifactName>().ok()?;
        let text: Vec<u8> = lines
            .iter()
            .flat_map(|line| {
                let mut json = serde_json::to_vec(line).unwrap_or_default();
                json.push(b'\n');
                json
            })
            .collect();
        if text.is_empty() {
            return None;
        }
        // One folder a claim: a run that has lost its lease and does not know it yet has another.
        let staged = BlobPath::staged(task, uuid::Uuid::from_u128(self.lease.fence.into()), &name);
        let written = async {
            let mut writer = self.app.blobs.create(&staged).await?;
            writer.write(text.into()).await?;
            writer.finish().await
        };
        match written.await {
            Ok(()) => Some((staged, BlobPath::step_log(task, &name))),
            Err(error) => {
                log_lost(&error);
                None
            }
        }
    }
}

fn log_lost(error: &BlobError) {
    tracing::warn!(%error, "cannot store the step's log");
}
