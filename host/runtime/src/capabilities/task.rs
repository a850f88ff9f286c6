//! `morag:step/task`, which every step has.

use crate::bindings::morag::step::task::{FileError, Host, HostArtifactWriter, HostBlob, TaskInfo};
use crate::call_error::FileCallError;
use crate::files::{FileUse, GuestBlob, GuestWriter};
use crate::guest::Guest;
use crate::state::{State, States};
use morag_core::plugin::{Descriptor, Output, OutputName};
use morag_core::ports::{BlobError, BlobPath, Blobs, StagedArtifact, StepCall};
use morag_core::task::{Artifact, ArtifactName};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;
use uuid::Uuid;
use wasmtime::component::Resource;

/// Bytes that one call carries. The WIT says so.
const CALL_BYTES_MAX: usize = 1 << 20;

/// Characters of a progress message that are kept. The WIT says so.
const MESSAGE_CHARS_MAX: usize = 200;

/// Bytes that are read ahead of a request, so that a guest that reads small pieces does not cost a file operation for each.
const READ_AHEAD_BYTES: u64 = 1 << 20;

/// The task that an instance works on.
pub(crate) struct TaskState {
    call: StepCall,
    descriptor: Arc<Descriptor>,
    blobs: Arc<dyn Blobs>,
    revision: Uuid,
    started: Instant,
    /// Highest fraction reported; the next must be above it.
    reported: f64,
    /// Artifacts that are finished.
    finished: Vec<StagedArtifact>,
    /// Temporary files that are finished. They are staged under an id of their own.
    temporary: Vec<StagedArtifact>,
    temporary_run: Uuid,
    /// Whether any was started.
    has_temporary: bool,
    /// Names with an open writer.
    open: BTreeSet<(FileUse, String)>,
}

impl State for TaskState {}

impl TaskState {
    /// The state at the beginning of a call. Its artifacts are staged under `revision`.
    pub(crate) fn new(
        call: StepCall,
        descriptor: Arc<Descriptor>,
        blobs: Arc<dyn Blobs>,
        revision: Uuid,
        started: Instant,
    ) -> Self {
        Self {
            call,
            descriptor,
            blobs,
            revision,
            started,
            reported: 0.0,
            finished: Vec::new(),
            temporary: Vec::new(),
            temporary_run: Uuid::new_v4(),
            has_temporary: false,
            open: BTreeSet::new(),
        }
    }

    /// Folder of the temporary files, if there are any.
    pub(crate) fn temporary_folder(&self) -> Option<BlobPath> {
        self.has_temporary.then(|| BlobPath::staged_run(self.call.record.id, self.temporary_run))
    }

    /// The temporary file at a path.
    pub(crate) fn temporary_at(&self, path: &BlobPath) -> Option<StagedArtifact> {
        self.temporary.iter().find(|file| file.path == *path).cloned()
    }

    /// The call that this is the state of.
    pub(crate) fn call(&self) -> StepCall {
        self.call.clone()
    }

    /// The output as which the step may write a file of this name: the one of this very name, else the first pattern that it fits. None
    /// takes the name of the document, beside which the file is to be.
    fn declared(&self, name: &str) -> Option<(ArtifactName, &Output)> {
        let name: ArtifactName = name.parse().ok().filter(|name| *name != self.call.record.source.stored_as)?;
        let outputs = &self.descriptor.outputs;
        let exact = outputs.iter().find(|output| output.name.is(name.as_str()));
        let output = exact.or_else(|| outputs.iter().find(|output| output.name.takes(&name)))?;
        Some((name, output))
    }

    /// Files with a name of their own that the step may write and has not begun: those of a pattern leave room for them.
    fn not_begun(&self) -> usize {
        let is_begun = |name: &ArtifactName| {
            self.finished.iter().any(|file| file.artifact.name == *name)
                || self.open.contains(&(FileUse::Artifact, name.to_string()))
        };
        let outputs = self.descriptor.outputs.iter();
        outputs.filter(|output| matches!(&output.name, OutputName::Exact(name) if !is_begun(name))).count()
    }

    fn written(&mut self, file_use: FileUse) -> &mut Vec<StagedArtifact> {
        match file_use {
            FileUse::Artifact => &mut self.finished,
            FileUse::Temporary => &mut self.temporary,
        }
    }

    /// Takes the artifacts that are finished.
    pub(crate) fn take_finished(&mut self) -> Vec<StagedArtifact> {
        std::mem::take(&mut self.finished)
    }
}

fn unavailable(error: &BlobError) -> FileCallError {
    tracing::warn!(%error, "a step's file operation failed");
    FileCallError::Unavailable("the host's file storage failed".into())
}

fn cut_short(file: &GuestBlob, end: u64) -> FileCallError {
    tracing::error!(file = file.path.as_str(), end, size = file.size, "a file is shorter than it was written");
    FileCallError::Unavailable(format!("{} ends at byte {end} of {}: it is damaged", file.path.name(), file.size))
}

impl Host for Guest {
    fn convert_file_error(&mut self, error: FileCallError) -> wasmtime::Result<FileError> {
        match error {
            FileCallError::Undeclared(name) => Ok(FileError::Undeclared(name)),
            FileCallError::Limit(text) => Ok(FileError::Limit(text)),
            FileCallError::Closed => Ok(FileError::Closed),
            FileCallError::Unavailable(text) => {
                self.not_usable = None;
                Ok(FileError::Unavailable(text))
            }
            FileCallError::Trap(error) => Err(error),
        }
    }

    async fn info(&mut self) -> wasmtime::Result<TaskInfo> {
        let call = &self.state::<TaskState>()?.call;
        let (record, source) = (&call.record, &call.record.source);
        Ok(TaskInfo {
            task_id: record.id.to_string(),
            document_id: record.document_id.to_string(),
            attempt: call.attempt,
            file_name: source.file_name.clone(),
            media_type: source.media_type.clone(),
            size: source.size,
            sha256: source.sha256.clone(),
            source_type: source.source_type.as_str().to_owned(),
            language: record.language.clone(),
            collection: record.collection.clone(),
            replace_existing: record.replace_existing,
            options: serde_json::to_string(&record.options)?,
            metadata: record.metadata.as_str().to_owned(),
        })
    }

    async fn config(&mut self) -> wasmtime::Result<String> {
        Ok(serde_json::to_string(&self.state::<TaskState>()?.call.config)?)
    }

    async fn source(&mut self) -> wasmtime::Result<Resource<GuestBlob>> {
        let call = &self.state::<TaskState>()?.call;
        let source = &call.record.source;
        let blob = GuestBlob::new(call.inputs.source.clone(), source.size, source.media_type.clone());
        Ok(self.table.push(blob)?)
    }

    async fn artifact(&mut self, name: String) -> wasmtime::Result<Option<Resource<GuestBlob>>> {
        let task = self.state::<TaskState>()?;
        if !task.descriptor.inputs.iter().any(|input| input.name.as_str() == name) {
            return Ok(None);
        }
        let found = task.call.inputs.artifacts.iter().find(|(artifact, _)| artifact.as_str() == name);
        let Some((_, artifact)) = found else { return Ok(None) };
        // The file's own name: where an artifact replaces another, it differs from the name that the step uses.
        let path = BlobPath::file(task.call.record.id, &artifact.name);
        let blob = GuestBlob::new(path, artifact.size, artifact.media_type.clone());
        Ok(Some(self.table.push(blob)?))
    }

    async fn create_artifact(&mut self, name: String) -> Result<Resource<GuestWriter>, FileCallError> {
        let task = self.state::<TaskState>()?;
        let Some((name, output)) = task.declared(&name) else { return Err(FileCallError::Undeclared(name)) };
        let (media_type, listed) = (output.media_type.clone(), output.name.is_pattern());
        create(self, FileUse::Artifact, Artifact { name, media_type, size: 0, sha256: String::new(), listed }).await
    }

    async fn create_temporary_file(
        &mut self,
        name: String,
        media_type: String,
    ) -> Result<Resource<GuestWriter>, FileCallError> {
        let Ok(file) = name.parse() else { return Err(FileCallError::Undeclared(name)) };
        if Output::check(&media_type, None).is_err() {
            return Err(FileCallError::Undeclared(format!("{name}, whose media type is not of the form type/subtype")));
        }
        let artifact = Artifact { name: file, media_type, size: 0, sha256: String::new(), listed: false };
        create(self, FileUse::Temporary, artifact).await
    }

    async fn temporary_file(&mut self, name: String) -> wasmtime::Result<Option<Resource<GuestBlob>>> {
        let task = self.state::<TaskState>()?;
        let Some(found) = task.temporary.iter().find(|file| file.artifact.name.as_str() == name) else {
            return Ok(None);
        };
        let blob = GuestBlob::new(found.path.clone(), found.artifact.size, found.artifact.media_type.clone());
        Ok(Some(self.table.push(blob)?))
    }

    async fn report_progress(&mut self, fraction: f64, message: String) -> wasmtime::Result<()> {
        let fraction_shown = fraction.min(1.0);
        if fraction.is_finite() && fraction_shown > self.state::<TaskState>()?.reported {
            let fraction = fraction_shown;
            let shown = message.chars().take(MESSAGE_CHARS_MAX);
            let shown = self.redactor.clean_cut(shown.map(|c| if c.is_control() { ' ' } else { c }).collect());
            if let Some(task) = self.states.get::<TaskState>() {
                task.reported = fraction;
                (task.call.on_progress)(fraction, shown);
            }
        }
        Ok(())
    }

    async fn elapsed_ms(&mut self) -> wasmtime::Result<u64> {
        Ok(self.states.get::<TaskState>().map_or(0, |task| task.started.elapsed().as_millis() as u64))
    }
}

/// Starts a file of the guest's.
async fn create(
    guest: &mut Guest,
    file_use: FileUse,
    artifact: Artifact,
) -> Result<Resource<GuestWriter>, FileCallError> {
    let task = guest.state::<TaskState>()?;
    let key = (file_use, artifact.name.to_string());
    if task.open.contains(&key) {
        return Err(FileCallError::Closed);
    }
    let run = match file_use {
        FileUse::Artifact => task.revision,
        FileUse::Temporary => task.temporary_run,
    };
    let path = BlobPath::staged(task.call.record.id, run, &artifact.name);
    let blobs = task.blobs.clone();
    // A file that is written again replaces the earlier one: an artifact when it is finished, a temporary file at once, so that two
    // documents of an archive never count together. Its bytes stay in the storage until the new ones take their place.
    let is_other = |earlier: &&StagedArtifact| earlier.artifact.name != artifact.name;
    let others = task.written(file_use).iter().filter(is_other).count();
    let all = task.finished.len() + task.temporary.len() - task.written(file_use).len() + others;
    let started = all + task.open.len();
    let kept_free = task.not_begun();
    if file_use == FileUse::Temporary {
        task.has_temporary = true;
        let earlier = task.temporary.extract_if(.., |earlier| earlier.artifact.name == artifact.name);
        let released = earlier.map(|earlier| earlier.artifact.size).sum();
        guest.meter.release_temporary(released);
    }
    let checked = match artifact.listed {
        true => guest.meter.check_listed(started + 1, kept_free),
        false => guest.meter.check_artifacts(started + 1),
    };
    checked.map_err(FileCallError::Limit)?;
    guest.state::<TaskState>()?.open.insert(key.clone());
    match blobs.create(&path).await {
        Ok(writer) => {
            let writer = GuestWriter { file_use, artifact, path, hash: Sha256::new(), writer: Some(writer) };
            Ok(guest.table.push(writer)?)
        }
        Err(error) => {
            guest.state::<TaskState>()?.open.remove(&key);
            Err(unavailable(&error))
        }
    }
}

/// Gives up a file that is being written, and says whether it was. Its name is free again.
async fn close(file: &mut GuestWriter, states: &mut States) -> bool {
    let Some(open) = file.writer.take() else { return false };
    open.abort().await;
    if let Some(task) = states.get::<TaskState>() {
        task.open.remove(&(file.file_use, file.artifact.name.to_string()));
    }
    true
}

impl HostBlob for Guest {
    async fn size(&mut self, blob: Resource<GuestBlob>) -> wasmtime::Result<u64> {
        Ok(self.table.get(&blob)?.size)
    }

    async fn media_type(&mut self, blob: Resource<GuestBlob>) -> wasmtime::Result<String> {
        Ok(self.table.get(&blob)?.media_type.clone())
    }

    async fn read(&mut self, blob: Resource<GuestBlob>, offset: u64, len: u32) -> Result<Vec<u8>, FileCallError> {
        let blobs = self.state::<TaskState>()?.blobs.clone();
        let file = self.table.get_mut(&blob)?;
        let start = offset.min(file.size);
        let end = start.saturating_add(u64::from(len).min(CALL_BYTES_MAX as u64)).min(file.size);
        self.meter.count_in(end - start).map_err(FileCallError::Limit)?;
        let (at, held) = &file.window;
        if start < *at || end > at + held.len() as u64 {
            let ahead = end.max(start.saturating_add(READ_AHEAD_BYTES)).min(file.size);
            let bytes = blobs.read(&file.path, start..ahead).await.map_err(|error| unavailable(&error))?;
            // It had its size when the step began: the guest must not take a shorter file as the whole one.
            if bytes.len() as u64 != ahead - start {
                return Err(cut_short(file, start + bytes.len() as u64));
            }
            file.window = (start, bytes);
        }
        let (at, held) = &file.window;
        let from = ((start - at) as usize).min(held.len());
        let to = ((end - at) as usize).min(held.len());
        Ok(held[from..to].to_vec())
    }

    async fn drop(&mut self, blob: Resource<GuestBlob>) -> wasmtime::Result<()> {
        self.table.delete(blob)?;
        Ok(())
    }
}

impl HostArtifactWriter for Guest {
    async fn write(&mut self, writer: Resource<GuestWriter>, bytes: Vec<u8>) -> Result<(), FileCallError> {
        let file = self.table.get_mut(&writer)?;
        let Some(open) = &mut file.writer else { return Err(FileCallError::Closed) };
        if bytes.len() > CALL_BYTES_MAX {
            return Err(FileCallError::Limit(format!("at most {CALL_BYTES_MAX} bytes a call")));
        }
        let counted = match file.file_use {
            FileUse::Artifact if file.artifact.listed => self.meter.count_listed(bytes.len() as u64),
            FileUse::Artifact => self.meter.count_out(bytes.len() as u64),
            FileUse::Temporary => self.meter.count_temporary(bytes.len() as u64),
        };
        if let Err(text) = counted {
            // A guest that goes on must not finish the file: without these bytes it is not whole.
            close(file, &mut self.states).await;
            return Err(FileCallError::Limit(text));
        }
        file.hash.update(&bytes);
        file.artifact.size += bytes.len() as u64;
        open.write(bytes.into()).await.map_err(|error| unavailable(&error))
    }

    async fn finish(&mut self, writer: Resource<GuestWriter>) -> Result<(), FileCallError> {
        let file = self.table.get_mut(&writer)?;
        let Some(open) = file.writer.take() else { return Err(FileCallError::Closed) };
        open.finish().await.map_err(|error| unavailable(&error))?;
        let mut artifact = file.artifact.clone();
        artifact.sha256 = hex::encode(file.hash.clone().finalize());
        let (path, file_use) = (file.path.clone(), file.file_use);
        let task = self.state::<TaskState>()?;
        task.open.remove(&(file_use, artifact.name.to_string()));
        let written = task.written(file_use);
        written.retain(|earlier| earlier.artifact.name != artifact.name);
        written.push(StagedArtifact { artifact, path });
        Ok(())
    }

    async fn drop(&mut self, writer: Resource<GuestWriter>) -> wasmtime::Result<()> {
        let mut file = self.table.delete(writer)?;
        if close(&mut file, &mut self.states).await && file.file_use == FileUse::Temporary {
            self.meter.release_temporary(file.artifact.size);
        }
        Ok(())
    }
}
