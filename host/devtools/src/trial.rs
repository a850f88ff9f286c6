//! One run of a component on one document, in the workbench.

use crate::workbench::{Workbench, WorkbenchError, workbench};
use anyhow::{Context as _, ensure};
use morag_core::pipeline::{Pipeline, StepDefinition};
use morag_core::plugin::{Capability, ConfigSchema, Descriptor, Grant};
use morag_core::ports::{BlobPath, Blobs, StepCall, StepInputs, StepReport};
use morag_core::task::{Artifact, ArtifactName, DocumentId, Source, SourceType, TaskRecord};
use morag_core::{JsonObject, Timestamp};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;

/// Task id of every trial, so that URLs in a step's data are always the same.
const TASK: Uuid = Uuid::from_u128(0x0000_0000_0000_4000_8000_0000_0000_0000);

/// Document id of every trial.
const DOCUMENT: &str = "document";

/// Collection of every trial: the server's default.
const COLLECTION: &str = "documents";

/// Inputs of a run.
#[derive(Debug, Clone)]
pub struct Trial {
    /// Contents of the document.
    pub document: Vec<u8>,
    /// File name of the document.
    pub file_name: String,
    /// Media type of the document; guessed from the name if `None`.
    pub media_type: Option<String>,
    /// The caller's language code.
    pub language: Option<String>,
    /// The caller's options.
    pub options: JsonObject,
    /// The caller's metadata.
    pub metadata: JsonObject,
    /// The step's configuration.
    pub config: JsonObject,
    /// Artifacts that earlier steps would have written.
    pub artifacts: BTreeMap<ArtifactName, Vec<u8>>,
}

/// The result of a run.
#[derive(Debug)]
pub struct Outcome {
    /// The sandbox's report.
    pub report: StepReport,
    /// Every progress report, in order.
    pub progress: Vec<(f64, String)>,
    /// The artifacts with their contents; empty if the step failed.
    pub artifacts: Vec<(Artifact, Vec<u8>)>,
}

/// Opens a workbench with these capabilities granted, and the converters of a plugins folder if one is given. `hint` explains how to
/// grant a missing one.
pub async fn open(
    component: &Path,
    capabilities: impl IntoIterator<Item = Capability>,
    plugins: Option<&Path>,
    hint: impl Fn(&str) -> String,
) -> anyhow::Result<Workbench> {
    ensure!(component.is_file(), "{} does not exist: create it with `morag plugin build`", component.display());
    let opened = workbench(component, &Grant::of(capabilities), &compile_cache()?, plugins).await;
    let opened = opened.map_err(|error| match error {
        WorkbenchError::NotGranted(refused) => {
            let name = refused.missing.as_str();
            anyhow::anyhow!("{} wants the capability {name}, which is not granted: {}", component.display(), hint(name))
        }
        WorkbenchError::Other(error) => error,
    })?;
    opened.left_out.iter().for_each(|reason| eprintln!("warning: a converter is left out: {reason}"));
    Ok(opened)
}

/// The user's cache folder of compiled components. A server has its own, which only the server's user can access.
pub fn compile_cache() -> anyhow::Result<PathBuf> {
    Ok(super::tools::cache_folder()?.join("compiled"))
}

/// Runs the component. Calls `on_progress` while it runs. `hint` explains how to pass a missing artifact.
pub async fn run(
    bench: &Workbench,
    trial: Trial,
    on_progress: impl Fn(f64, &str) + Send + Sync + 'static,
    hint: impl Fn(&str) -> String,
) -> anyhow::Result<Outcome> {
    let names: Vec<_> = trial.artifacts.keys().map(ArtifactName::as_str).collect();
    check_inputs(&bench.descriptor, &names, hint)?;
    // The same check as when a server loads a pipeline.
    ConfigSchema::new(&bench.descriptor.config_schema)
        .context("invalid configuration schema of the step")?
        .check(&trial.config)?;
    // All trials use the same task id, so an earlier one may have left files.
    bench.blobs.delete_all(&BlobPath::task(TASK.into())).await?;
    let (call, progress) = call(bench, trial, on_progress).await?;
    let report = bench.steps.run(call).await;
    let mut artifacts = Vec::new();
    for staged in report.result.iter().flat_map(|success| &success.artifacts) {
        let bytes = bench
            .blobs
            .read(&staged.path, 0..staged.artifact.size)
            .await
            .context("cannot read an artifact of the step")?;
        artifacts.push((staged.artifact.clone(), bytes.to_vec()));
    }
    let progress = progress.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(Outcome { report, progress, artifacts })
}

type Progress = Arc<Mutex<Vec<(f64, String)>>>;

async fn call(
    bench: &Workbench,
    trial: Trial,
    on_progress: impl Fn(f64, &str) + Send + Sync + 'static,
) -> anyhow::Result<(StepCall, Progress)> {
    let Trial { document, file_name, media_type, language, options, metadata, config, artifacts } = trial;
    let media_type = media_type.unwrap_or_else(|| guess(&file_name));
    let name = bench.descriptor.name.clone();
    let step = StepDefinition { config: config.clone(), ..StepDefinition::plain(&name, &name, &name, 1) };
    let source = Source {
        stored_as: stored_as(&file_name),
        size: document.len() as u64,
        sha256: hex::encode(Sha256::digest(&document)),
        source_type: source_type(&media_type),
        file_name,
        media_type,
    };
    let record = TaskRecord {
        id: TASK.into(),
        document_id: DocumentId::try_from(DOCUMENT.to_owned())?,
        pipeline: Pipeline::new("trial", vec![step])?,
        source,
        collection: COLLECTION.to_owned(),
        language,
        replace_existing: false,
        options,
        metadata: metadata.into(),
        endpoints: vec![],
        subscribers: vec![],
        created_at: Timestamp::from_millis(0),
        tenant: Default::default(),
        trace: None,
    };
    let path = BlobPath::file(record.id, &record.source.stored_as);
    store(bench.blobs.as_ref(), &path, document).await?;
    let mut inputs = StepInputs { source: path, artifacts: BTreeMap::new() };
    for (name, bytes) in artifacts {
        let artifact = Artifact {
            name: name.clone(),
            media_type: guess(name.as_str()),
            size: bytes.len() as u64,
            sha256: hex::encode(Sha256::digest(&bytes)),
            listed: false,
        };
        store(bench.blobs.as_ref(), &BlobPath::file(record.id, &name), bytes).await?;
        inputs.artifacts.insert(name, artifact);
    }
    let progress = Progress::default();
    let recorded = progress.clone();
    let on_progress = Arc::new(move |fraction: f64, message: String| {
        on_progress(fraction, &message);
        recorded.lock().unwrap_or_else(PoisonError::into_inner).push((fraction, message));
    });
    Ok((
        StepCall { components: vec![name], config, record: Arc::new(record), attempt: 1, inputs, on_progress },
        progress,
    ))
}

async fn store(blobs: &dyn Blobs, path: &BlobPath, bytes: Vec<u8>) -> anyhow::Result<()> {
    let mut writer = blobs.create(path).await?;
    writer.write(bytes.into()).await?;
    Ok(writer.finish().await?)
}

/// Guesses the media type from a file name, as the server does.
fn guess(name: &str) -> String {
    mime_guess::from_path(name).first_or_octet_stream().to_string()
}

/// The source type of a media type, as the server determines it.
fn source_type(media_type: &str) -> SourceType {
    match media_type.split('/').next() {
        Some("audio") => SourceType::Audio,
        Some("video") => SourceType::Video,
        Some("image") => SourceType::Image,
        _ => SourceType::Document,
    }
}

fn stored_as(file_name: &str) -> ArtifactName {
    let extension = Path::new(file_name).extension().and_then(|extension| extension.to_str()).unwrap_or("bin");
    let named = format!("original.{extension}").parse();
    #[expect(clippy::expect_used, reason = "the text is a file name of a task")]
    named.unwrap_or_else(|_| "original.bin".parse().expect("a file name of a task"))
}

/// Checks that all required artifacts are given, and no artifact that the step does not read.
fn check_inputs(descriptor: &Descriptor, given: &[&str], hint: impl Fn(&str) -> String) -> anyhow::Result<()> {
    let step = &descriptor.name;
    for input in descriptor.inputs.iter().filter(|input| input.required) {
        let name = input.name.as_str();
        ensure!(given.contains(&name), "{step} requires the artifact {name}: {}", hint(name));
    }
    for name in given {
        let reads: Vec<_> = descriptor.inputs.iter().map(|input| input.name.as_str()).collect();
        let list = if reads.is_empty() { "no artifact".to_owned() } else { reads.join(", ") };
        ensure!(reads.contains(name), "{step} does not read {name}: it reads {list}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_core::plugin::Input;
    use morag_core::task::TaskId;

    fn descriptor(inputs: &[(&str, bool)]) -> Descriptor {
        let input = |(name, required): &(&str, bool)| Input { name: name.parse().unwrap(), required: *required };
        Descriptor {
            name: "s".into(),
            version: "1.0.0".into(),
            summary: String::new(),
            inputs: inputs.iter().map(input).collect(),
            outputs: vec![],
            capabilities: vec![],
            config_schema: serde_json::json!({}),
            formats: None,
        }
    }

    #[test]
    fn artifacts_are_those_the_step_reads() {
        let step = descriptor(&[("a.md", true), ("b.json", false)]);
        let check =
            |given: &[&str]| check_inputs(&step, given, |name| format!("give {name}")).map_err(|e| e.to_string());
        assert_eq!(check(&["a.md"]), Ok(()));
        assert_eq!(check(&["a.md", "b.json"]), Ok(()));
        assert_eq!(check(&[]).unwrap_err(), "s requires the artifact a.md: give a.md");
        assert_eq!(check(&["a.md", "c"]).unwrap_err(), "s does not read c: it reads a.md, b.json");
        assert!(check_inputs(&descriptor(&[]), &["c"], str::to_owned).unwrap_err().to_string().contains("no artifact"));
    }

    #[test]
    fn a_document_is_stored_under_a_valid_name() {
        for (name, stored) in
            [("a.pdf", "original.pdf"), ("a", "original.bin"), ("a.ä", "original.bin"), ("a.b c", "original.bin")]
        {
            assert_eq!(stored_as(name).as_str(), stored);
        }
        assert_eq!(TaskId::from(TASK).to_string(), "00000000-0000-4000-8000-000000000000");
    }
}
