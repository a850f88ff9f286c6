//! Capability `conversion`: `morag:step/conversion`.

use super::capability::{CallContext, CapabilityHost};
use super::task::TaskState;
use crate::bindings::morag::step::conversion::{Converted, Host, Outcome, Refused, add_to_linker};
use crate::budget::{Allowance, take_both};
use crate::call_error::CallError;
use crate::call_spans::traced;
use crate::files::GuestBlob;
use crate::guest::{Guest, Instance};
use crate::inner_documents::{DEPTH_MAX, InnerDocuments};
use crate::run_time::RunTime;
use crate::state::State;
use morag_core::JsonObject;
use morag_core::plugin::{Budget, Capability};
use morag_core::ports::{BlobPath, Blobs, CapabilityError, StagedArtifact, StepCall, StepInputs, StepReport};
use morag_core::task::{Resources, SourceType, TaskRecord, reduced_file_name};
use std::collections::BTreeMap;
use std::sync::Arc;
use wasmtime::component::{HasSelf, Linker, Resource};

/// Bytes of markdown that one call gives back: with the rest it must fit into what a call may carry (`store.rs`).
const MARKDOWN_BYTES_MAX: u64 = 24 << 20;

/// Bytes of `document.json` likewise: that of the longest book has some hundred KiB.
const DOCUMENT_BYTES_MAX: u64 = 4 << 20;

/// The host's side.
pub(super) struct Conversion;

struct ConversionState {
    /// The components that convert, one level further in.
    inner: Arc<dyn InnerDocuments>,
    blobs: Arc<dyn Blobs>,
    calls: Allowance,
    bytes: Allowance,
    time: RunTime,
    used: Resources,
}

impl State for ConversionState {
    fn report(&self, resources: &mut Resources) {
        // Wall-clock time is the step's own, for it waited; processor time is in its account already; lines are counted where they are
        // kept, in its log.
        *resources = resources.and(&Resources { wall_ms: 0, cpu_ms: 0, log_lines: 0, log_bytes: 0, ..self.used });
    }
}

impl CapabilityHost for Conversion {
    fn capability(&self) -> Capability {
        Capability::Conversion
    }

    fn link(&self, linker: &mut Linker<Instance>) -> wasmtime::Result<()> {
        add_to_linker::<_, HasSelf<Guest>>(linker, Instance::called)
    }

    fn start(&self, call: &CallContext<'_>) -> Box<dyn State> {
        Box::new(ConversionState {
            inner: call.inner.deeper(),
            blobs: call.services.blobs.clone(),
            calls: call.allowance(Budget::ConversionCalls),
            bytes: call.allowance(Budget::ConversionBytes),
            time: call.time.clone(),
            used: Resources::default(),
        })
    }
}

impl Host for Guest {
    async fn convert(&mut self, document: Resource<GuestBlob>, name: String) -> Result<Outcome, CallError> {
        traced(self.calls.begin("conversion.convert"), async {
            let path = self.table.get(&document)?.path.clone();
            let task = self.state::<TaskState>()?;
            let Some(file) = task.temporary_at(&path) else {
                return Err(CallError::invalid(
                    "only temporary files of the run are converted: write the document as one",
                ));
            };
            let (outer, limits) = (task.call(), self.meter.limits.clone());
            let state = self.state::<ConversionState>()?;
            let share = state.time.share(&limits).map_err(|used_up| CallError::limit(used_up.text().to_owned()))?;
            if state.inner.depth() > DEPTH_MAX {
                let text = format!("documents are converted up to {DEPTH_MAX} levels deep within each other");
                return Err(CapabilityError::Limit(text).into());
            }
            take_both(&mut state.calls, &mut state.bytes, file.artifact.size)?;
            let (converters, blobs) = (state.inner.clone(), state.blobs.clone());
            let (report, run) = converters.convert(inner_call(&outer, &file, &name), &share).await;
            let state = self.state::<ConversionState>()?;
            state.used = state.used.and(&report.resources);
            for line in &report.log {
                self.log.push(&line.level, &format!("{name}: {}", line.message));
            }
            let outcome = outcome(blobs.as_ref(), report).await;
            let folder = BlobPath::staged_run(outer.record.id, run);
            if let Err(error) = blobs.delete_all(&folder).await {
                tracing::warn!(%error, "files of a conversion stay until the task has ended");
            }
            let outcome = outcome?;
            if let Outcome::Converted(converted) = &outcome {
                let bytes = (converted.markdown.len() + converted.document.len()) as u64;
                self.meter.count_in(bytes).map_err(CallError::limit)?;
            }
            Ok(outcome)
        })
        .await
    }
}

/// The call for a document of the outer one's.
fn inner_call(outer: &StepCall, file: &StagedArtifact, name: &str) -> StepCall {
    let mut record = TaskRecord::clone(&outer.record);
    record.source.file_name = reduced_file_name(name);
    record.source.media_type = file.artifact.media_type.clone();
    record.source.size = file.artifact.size;
    record.source.sha256 = file.artifact.sha256.clone();
    record.source.source_type = SourceType::of_media_type(&file.artifact.media_type);
    record.options = inner_options(record.options);
    StepCall {
        components: outer.components.clone(),
        config: outer.config.clone(),
        record: Arc::new(record),
        attempt: outer.attempt,
        inputs: StepInputs { source: file.path.clone(), artifacts: BTreeMap::new() },
        on_progress: Arc::new(|_, _| {}),
    }
}

/// The options of a document within another. Files that its converter writes beside the markdown are not kept, so it is not asked for
/// pictures: the markdown would name files that are not there.
fn inner_options(mut options: JsonObject) -> JsonObject {
    options.remove("include_images");
    options
}

/// What the guest is told of a conversion.
async fn outcome(blobs: &dyn Blobs, report: StepReport) -> Result<Outcome, CapabilityError> {
    let success = match report.result {
        Ok(success) => success,
        // A service or the storage is away: so it is for the whole document.
        Err(failure) if failure.retryable => {
            return Err(CapabilityError::Unavailable(format!("{}: {}", failure.code, failure.message)));
        }
        Err(failure) => return Ok(Outcome::Refused(Refused { code: failure.code, message: failure.message })),
    };
    let written = |name: &str| success.artifacts.iter().find(|staged| staged.artifact.name.as_str() == name);
    let Some(markdown) = written("markdown.md") else {
        let message = "the converter wrote no markdown.md: its author has to mend it".to_owned();
        return Ok(Outcome::Refused(Refused { code: "PLUGIN_RESULT_INVALID".into(), message }));
    };
    let Some(markdown) = text(blobs, markdown, MARKDOWN_BYTES_MAX).await? else {
        let message = format!("its markdown has more than {} MiB", MARKDOWN_BYTES_MAX >> 20);
        return Ok(Outcome::Refused(Refused { code: "DOCUMENT_TOO_LARGE".into(), message }));
    };
    let document = match written("document.json") {
        Some(file) => text(blobs, file, DOCUMENT_BYTES_MAX).await?.unwrap_or_else(|| "{}".into()),
        None => "{}".into(),
    };
    let component = report.component.unwrap_or_default();
    Ok(Outcome::Converted(Converted { markdown, document, component }))
}

/// A file's text; none where it is longer than `bytes_max` or no UTF-8.
async fn text(blobs: &dyn Blobs, file: &StagedArtifact, bytes_max: u64) -> Result<Option<String>, CapabilityError> {
    if file.artifact.size > bytes_max {
        return Ok(None);
    }
    let read = blobs.read(&file.path, 0..file.artifact.size).await;
    let bytes = read.map_err(|error| {
        tracing::warn!(%error, "a converted document cannot be read");
        CapabilityError::Unavailable("the host's file storage failed".into())
    })?;
    Ok(String::from_utf8(bytes.to_vec()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_document_within_another_is_not_asked_for_pictures() {
        let options = json!({"chunk_size": 100, "include_images": "all"}).as_object().unwrap().clone();
        assert_eq!(json!(inner_options(options)), json!({"chunk_size": 100}));
    }
}
