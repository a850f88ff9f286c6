//! `morag:step/task`.

use crate::bindings::morag::step::task::{FileError, Host, HostArtifactWriter, HostBlob, TaskInfo};
use crate::guest::Guest;
use bytes::Bytes;
use morag_core::ports::{BlobError, BlobPath, BlobWriter, Recording, StagedArtifact};
use morag_core::task::Artifact;
use sha2::{Digest, Sha256};
use wasmtime::component::Resource;

/// Bytes one call carries; the WIT says so.
const CALL_BYTES_MAX: usize = 1 << 20;

/// Characters of a progress message that are kept; the WIT says so.
const MESSAGE_CHARS_MAX: usize = 200;

/// Read ahead of what a guest asks for: a guest that reads in small pieces does not cost a file operation each.
const READ_AHEAD_BYTES: u64 = 1 << 20;

/// A file the guest reads.
pub struct GuestBlob {
    path: BlobPath,
    size: u64,
    media_type: String,
    /// The piece last read: its offset and bytes.
    window: (u64, Bytes),
}

impl GuestBlob {
    /// The file as a recording, in a language that is not known.
    pub(super) fn as_recording(&self) -> Recording {
        Recording {
            path: self.path.clone(),
            size: self.size,
            file_name: self.path.name().to_owned(),
            media_type: self.media_type.clone(),
            language: None,
        }
    }
}

/// A file the guest writes.
pub struct GuestWriter {
    artifact: Artifact,
    path: BlobPath,
    hash: Sha256,
    /// None once it is finished.
    writer: Option<Box<dyn BlobWriter>>,
}

fn unavailable(error: &BlobError) -> FileError {
    tracing::warn!(%error, "a step's file operation failed");
    FileError::Unavailable("the host's file storage failed".into())
}

fn cut_short(file: &GuestBlob, end: u64) -> FileError {
    tracing::error!(file = file.path.as_str(), end, size = file.size, "a file is shorter than it was written");
    FileError::Unavailable(format!("{} ends at byte {end} of {}: it is damaged", file.path.name(), file.size))
}

impl Host for Guest {
    async fn info(&mut self) -> wasmtime::Result<TaskInfo> {
        let call = &self.scope()?.call;
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
        Ok(serde_json::to_string(&self.scope()?.call.config)?)
    }

    async fn source(&mut self) -> wasmtime::Result<Resource<GuestBlob>> {
        let call = &self.scope()?.call;
        let blob = GuestBlob {
            path: call.inputs.source.clone(),
            size: call.record.source.size,
            media_type: call.record.source.media_type.clone(),
            window: (0, Bytes::new()),
        };
        Ok(self.table.push(blob)?)
    }

    async fn artifact(&mut self, name: String) -> wasmtime::Result<Option<Resource<GuestBlob>>> {
        let scope = self.scope()?;
        if !scope.descriptor.inputs.iter().any(|input| input.name.as_str() == name) {
            return Ok(None);
        }
        let found = scope.call.inputs.artifacts.iter().find(|(artifact, _)| artifact.as_str() == name);
        let Some((_, artifact)) = found else { return Ok(None) };
        let blob = GuestBlob {
            // Its real name: where it replaces another, it is not the one that was asked for.
            path: BlobPath::file(scope.call.record.id, &artifact.name),
            size: artifact.size,
            media_type: artifact.media_type.clone(),
            window: (0, Bytes::new()),
        };
        Ok(Some(self.table.push(blob)?))
    }

    async fn create_artifact(&mut self, name: String) -> wasmtime::Result<Result<Resource<GuestWriter>, FileError>> {
        let scope = self.scope()?;
        let declared = scope.descriptor.outputs.iter().find(|output| output.name.as_str() == name);
        let Some(output) = declared else { return Ok(Err(FileError::Undeclared(name))) };
        if scope.open.contains(&name) {
            return Ok(Err(FileError::Closed));
        }
        let artifact = Artifact {
            name: output.name.clone(),
            media_type: output.media_type.clone(),
            size: 0,
            sha256: String::new(),
        };
        let path = BlobPath::staged(scope.call.record.id, scope.revision.id, &output.name);
        let blobs = scope.services.blobs.clone();
        // One that is written anew takes the place of what it was.
        let others = scope.finished.iter().filter(|earlier| earlier.artifact.name.as_str() != name).count();
        let started = others + scope.open.len();
        scope.open.insert(name.clone());
        if let Err(text) = self.meter.check_artifacts(started + 1) {
            return Ok(Err(FileError::Limit(text)));
        }
        match blobs.create(&path).await {
            Ok(writer) => {
                let writer = GuestWriter { artifact, path, hash: Sha256::new(), writer: Some(writer) };
                Ok(Ok(self.table.push(writer)?))
            }
            Err(error) => {
                self.scope()?.open.remove(&name);
                Ok(Err(unavailable(&error)))
            }
        }
    }

    async fn report_progress(&mut self, fraction: f64, message: String) -> wasmtime::Result<()> {
        let fraction_shown = fraction.min(1.0);
        if fraction.is_finite() && fraction_shown > self.scope()?.reported {
            let fraction = fraction_shown;
            let shown = message.chars().take(MESSAGE_CHARS_MAX);
            let shown = self.redactor.clean_cut(shown.map(|c| if c.is_control() { ' ' } else { c }).collect());
            if let Some(scope) = &mut self.scope {
                scope.reported = fraction;
                (scope.call.on_progress)(fraction, shown);
            }
        }
        Ok(())
    }

    async fn elapsed_ms(&mut self) -> wasmtime::Result<u64> {
        Ok(self.scope.as_ref().map_or(0, |scope| scope.started.elapsed().as_millis() as u64))
    }
}

impl HostBlob for Guest {
    async fn size(&mut self, blob: Resource<GuestBlob>) -> wasmtime::Result<u64> {
        Ok(self.table.get(&blob)?.size)
    }

    async fn media_type(&mut self, blob: Resource<GuestBlob>) -> wasmtime::Result<String> {
        Ok(self.table.get(&blob)?.media_type.clone())
    }

    async fn read(
        &mut self,
        blob: Resource<GuestBlob>,
        offset: u64,
        len: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, FileError>> {
        let blobs = self.scope()?.services.blobs.clone();
        let file = self.table.get_mut(&blob)?;
        let start = offset.min(file.size);
        let end = start.saturating_add(u64::from(len).min(CALL_BYTES_MAX as u64)).min(file.size);
        if let Err(text) = self.meter.count_in(end - start) {
            return Ok(Err(FileError::Limit(text)));
        }
        let (at, held) = &file.window;
        if start < *at || end > at + held.len() as u64 {
            let ahead = end.max(start.saturating_add(READ_AHEAD_BYTES)).min(file.size);
            match blobs.read(&file.path, start..ahead).await {
                Ok(bytes) if bytes.len() as u64 == ahead - start => file.window = (start, bytes),
                // It had its size when the step began: a shorter one must not read as an end.
                Ok(bytes) => return Ok(Err(cut_short(file, start + bytes.len() as u64))),
                Err(error) => return Ok(Err(unavailable(&error))),
            }
        }
        let (at, held) = &file.window;
        let from = ((start - at) as usize).min(held.len());
        let to = ((end - at) as usize).min(held.len());
        Ok(Ok(held[from..to].to_vec()))
    }

    async fn drop(&mut self, blob: Resource<GuestBlob>) -> wasmtime::Result<()> {
        self.table.delete(blob)?;
        Ok(())
    }
}

impl HostArtifactWriter for Guest {
    async fn write(
        &mut self,
        writer: Resource<GuestWriter>,
        bytes: Vec<u8>,
    ) -> wasmtime::Result<Result<(), FileError>> {
        let file = self.table.get_mut(&writer)?;
        let Some(open) = &mut file.writer else { return Ok(Err(FileError::Closed)) };
        if bytes.len() > CALL_BYTES_MAX {
            return Ok(Err(FileError::Limit(format!("at most {CALL_BYTES_MAX} bytes a call"))));
        }
        if let Err(text) = self.meter.count_out(bytes.len() as u64) {
            return Ok(Err(FileError::Limit(text)));
        }
        file.hash.update(&bytes);
        file.artifact.size += bytes.len() as u64;
        Ok(open.write(bytes.into()).await.map_err(|error| unavailable(&error)))
    }

    async fn finish(&mut self, writer: Resource<GuestWriter>) -> wasmtime::Result<Result<(), FileError>> {
        let file = self.table.get_mut(&writer)?;
        let Some(open) = file.writer.take() else { return Ok(Err(FileError::Closed)) };
        if let Err(error) = open.finish().await {
            return Ok(Err(unavailable(&error)));
        }
        let mut artifact = file.artifact.clone();
        artifact.sha256 = hex::encode(file.hash.clone().finalize());
        let path = file.path.clone();
        let scope = self.scope()?;
        scope.open.remove(artifact.name.as_str());
        scope.finished.retain(|earlier| earlier.artifact.name != artifact.name);
        scope.finished.push(StagedArtifact { artifact, path });
        Ok(Ok(()))
    }

    async fn drop(&mut self, writer: Resource<GuestWriter>) -> wasmtime::Result<()> {
        let file = self.table.delete(writer)?;
        if let Some(open) = file.writer {
            open.abort().await;
            if let Some(scope) = &mut self.scope {
                scope.open.remove(file.artifact.name.as_str());
            }
        }
        Ok(())
    }
}
