//! What a step brought: its files, its staged writes and its log, made visible.

use super::run::{Driver, Interrupted};
use morag_core::pipeline::StepOutput;
use morag_core::ports::{BlobPath, LogLine, Revision, StepSuccess};
use morag_core::task::{ArtifactName, Resources};

impl Driver<'_> {
    /// Makes a step's files and writes visible. Run again after a crash it does the same once more.
    pub(super) async fn publish(&self, success: StepSuccess, resources: Resources) -> Result<StepOutput, Interrupted> {
        let task = self.log.record.id;
        let mut artifacts = Vec::with_capacity(success.artifacts.len());
        // A worker that was stopped past its lease and wakes here must not put its files over those of the run that
        // has the task now.
        if !success.artifacts.is_empty() {
            self.hold(success.revision.as_ref()).await?;
        }
        for staged in success.artifacts {
            self.app.blobs.rename(&staged.path, &BlobPath::file(task, &staged.artifact.name)).await?;
            artifacts.push(staged.artifact);
        }
        if let Some(revision) = &success.revision {
            // Publishing cannot be taken back: not for a task that was cancelled meanwhile, or is another worker's.
            self.hold(success.revision.as_ref()).await?;
            self.app.knowledge.publish(revision).await?;
        }
        Ok(StepOutput { data: success.data, artifacts, resources })
    }

    /// Renews the lease. Where it is held no more, what the step staged is forgotten.
    async fn hold(&self, staged: Option<&Revision>) -> Result<(), Interrupted> {
        if self.app.queue.renew(self.lease, self.app.config.lease).await? {
            return Ok(());
        }
        if let Some(revision) = staged {
            self.app.knowledge.discard(revision).await?;
        }
        Err(Interrupted::Lost)
    }

    /// Keeps a step's log beside the task's files. A log that cannot be kept stops nothing.
    pub(super) async fn keep_log(&self, step: usize, lines: &[LogLine]) {
        let definition = &self.pipeline().steps()[step];
        let task = self.log.record.id;
        let Ok(name) = format!("{}.jsonl", definition.name).parse::<ArtifactName>() else { return };
        let text: Vec<u8> = lines
            .iter()
            .flat_map(|line| {
                let mut json = serde_json::to_vec(line).unwrap_or_default();
                json.push(b'\n');
                json
            })
            .collect();
        if text.is_empty() {
            return;
        }
        let kept = async {
            let mut writer = self.app.blobs.create(&BlobPath::step_log(task, &name)).await?;
            writer.write(text.into()).await?;
            writer.finish().await
        };
        if let Err(error) = kept.await {
            tracing::warn!(%task, step = definition.name, %error, "a step's log could not be kept");
        }
    }
}
