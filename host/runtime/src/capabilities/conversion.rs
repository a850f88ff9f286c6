//! Capability `conversion`: `morag:step/conversion`.

use super::capability::{CallContext, CapabilityHost};
use super::task::TaskState;
use crate::bindings::morag::step::conversion::{Converted, Host, Outcome, Refused, add_to_linker};
use crate::budget::{Allowance, take_both};
use crate::call_error::CallError;
use crate::call_spans::traced;
use crate::capabilities;
use crate::chain::Chain;
use crate::files::GuestBlob;
use crate::guest::{Guest, Instance};
use crate::state::State;
use morag_core::plugin::{Budget, Capability};
use morag_core::ports::{BlobPath, CapabilityError, StagedArtifact, StepCall, StepInputs, StepReport};
use morag_core::task::{Resources, SourceType, TaskRecord};
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;
use wasmtime::component::{HasSelf, Linker, Resource};

/// Documents within each other: an archive in a mail, and a mail in that. More is what bombs are made of. The WIT says so.
pub(crate) const DEPTH_MAX: u32 = 2;

/// Bytes of markdown that one call gives back: with the rest it must fit into what a call may carry (`store.rs`).
const MARKDOWN_BYTES_MAX: u64 = 24 << 20;

/// Bytes of `document.json` likewise: that of the longest book has some hundred KiB.
const DOCUMENT_BYTES_MAX: u64 = 4 << 20;

/// Longest name of a document, bytes: as of a file.
const NAME_BYTES_MAX: usize = 255;

/// The host's side.
pub(super) struct Conversion;

struct ConversionState {
    /// The components that convert, one level further in.
    chain: Arc<Chain>,
    calls: Allowance,
    bytes: Allowance,
    used: Resources,
}

impl State for ConversionState {
    fn report(&self, resources: &mut Resources) {
        // Wall-clock time is the step's own: it waited.
        *resources = resources.and(&Resources { wall_ms: 0, ..self.used });
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
        let Chain { sandbox, threads, members, depth } = call.chain.as_ref();
        // What a converter stores would be of a document that is none of the collection's.
        let members = members.iter().filter(|member| !capabilities::is_staging(&member.granted)).cloned().collect();
        Box::new(ConversionState {
            chain: Arc::new(Chain { sandbox: sandbox.clone(), threads: threads.clone(), members, depth: depth + 1 }),
            calls: Allowance::of(Budget::ConversionCalls, &call.grant.budgets),
            bytes: Allowance::of(Budget::ConversionBytes, &call.grant.budgets),
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
            let outer = task.call();
            let state = self.state::<ConversionState>()?;
            if state.chain.depth > DEPTH_MAX {
                let text = format!("documents are converted up to {DEPTH_MAX} levels deep within each other");
                return Err(CapabilityError::Limit(text).into());
            }
            take_both(&mut state.calls, &mut state.bytes, file.artifact.size)?;
            let chain = state.chain.clone();
            let (inner, run) = (inner_call(&outer, &file, &name), Uuid::new_v4());
            // Boxed: what it runs may come here again.
            let report = Box::pin(chain.run(inner, run)).await;
            let state = self.state::<ConversionState>()?;
            state.used = state.used.and(&report.resources);
            for line in &report.log {
                self.log.push(&line.level, &format!("{name}: {}", line.message));
            }
            let outcome = outcome(&chain, report).await;
            let folder = BlobPath::staged_run(outer.record.id, run);
            if let Err(error) = chain.sandbox.services.blobs.delete_all(&folder).await {
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
    let last: String =
        name.rsplit(['/', '\\']).next().unwrap_or_default().chars().filter(|c| !c.is_control()).collect();
    record.source.file_name = last[..last.floor_char_boundary(NAME_BYTES_MAX)].to_owned();
    record.source.media_type = file.artifact.media_type.clone();
    record.source.size = file.artifact.size;
    record.source.sha256 = file.artifact.sha256.clone();
    record.source.source_type = source_type(&file.artifact.media_type);
    StepCall {
        components: outer.components.clone(),
        config: outer.config.clone(),
        record: Arc::new(record),
        attempt: outer.attempt,
        inputs: StepInputs { source: file.path.clone(), artifacts: BTreeMap::new() },
        on_progress: Arc::new(|_, _| {}),
    }
}

fn source_type(media_type: &str) -> SourceType {
    match media_type.split('/').next() {
        Some("audio") => SourceType::Audio,
        Some("video") => SourceType::Video,
        Some("image") => SourceType::Image,
        _ => SourceType::Document,
    }
}

/// What the guest is told of a conversion.
async fn outcome(chain: &Chain, report: StepReport) -> Result<Outcome, CapabilityError> {
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
    let Some(markdown) = text(chain, markdown, MARKDOWN_BYTES_MAX).await? else {
        let message = format!("its markdown has more than {} MiB", MARKDOWN_BYTES_MAX >> 20);
        return Ok(Outcome::Refused(Refused { code: "DOCUMENT_TOO_LARGE".into(), message }));
    };
    let document = match written("document.json") {
        Some(file) => text(chain, file, DOCUMENT_BYTES_MAX).await?.unwrap_or_else(|| "{}".into()),
        None => "{}".into(),
    };
    let component = report.component.unwrap_or_default();
    Ok(Outcome::Converted(Converted { markdown, document, component }))
}

/// A file's text; none where it is longer than `bytes_max` or no UTF-8.
async fn text(chain: &Chain, file: &StagedArtifact, bytes_max: u64) -> Result<Option<String>, CapabilityError> {
    if file.artifact.size > bytes_max {
        return Ok(None);
    }
    let read = chain.sandbox.services.blobs.read(&file.path, 0..file.artifact.size).await;
    let bytes = read.map_err(|error| {
        tracing::warn!(%error, "a converted document cannot be read");
        CapabilityError::Unavailable("the host's file storage failed".into())
    })?;
    Ok(String::from_utf8(bytes.to_vec()).ok())
}
