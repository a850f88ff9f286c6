//! The steps `pdf_conversion` and `chunking` in the sandbox; the baseline is the same code compiled for this machine, which then
//! writes its output to files and hashes it, as the host does for a step.

use crate::measure::{Took, line, ratio, steps, take_turns};
use anyhow::Context as _;
use morag_core::plugin::{Capability, Grant};
use morag_core::ports::StepCall;
use morag_core::task::Artifact;
use morag_step::mock::{MockOcr, MockTask};
use morag_tests::sandbox::Sandbox;
use sha2::{Digest as _, Sha256};
use std::path::Path;
use tokio::runtime::Runtime;

/// Measured rounds, and calls in each.
const ROUNDS: usize = 15;
const CALLS: u32 = 4;
/// Copies of the sample text: about 400 KiB, so that the time of instantiating is negligible.
const COPIES: usize = 64;

/// Measures and prints.
///
/// # Errors
/// Where a component is missing.
pub fn run(runtime: &Runtime) -> anyhow::Result<()> {
    let folder = std::env::var_os("MORAG_TEST_PLUGINS_DIR").context("MORAG_TEST_PLUGINS_DIR is not set")?;
    let component = |name: &str| Path::new(&folder).join(format!("{name}.wasm"));
    let paths = vec![component("pdf_conversion"), component("chunking")];
    let grant = |name: &str| match name {
        "pdf_conversion" => Grant::of([Capability::Ocr]),
        _ => Grant::default(),
    };
    let sandbox = runtime.block_on(Sandbox::granted(paths, grant, |_| ()))?;

    let pdf = morag_fixtures::sample_pdf();
    let mut call = runtime.block_on(sandbox.call("", &pdf));
    call.components = vec!["pdf_conversion".into()];
    call.config.clear();
    let native = MockTask::new("report.pdf", pdf);
    let folder = tempfile::tempdir()?;
    let convert = || {
        pdf_conversion::run(&native, &MockOcr::reading([])).map_err(|failure| anyhow::anyhow!("{failure}"))?;
        keep(&native, &["markdown.md", "document.json"], folder.path())
    };
    compare(runtime, &sandbox, &call, "pdf_conversion (a PDF)", &convert)?;

    let markdown = morag_fixtures::markdown().repeat(COPIES);
    let call = runtime.block_on(chunking_call(&sandbox, &markdown))?;
    let native = MockTask::new("handbook.md", markdown.clone()).with_artifact("markdown.md", markdown);
    let chunk = || {
        chunking::run(&native).map_err(|failure| anyhow::anyhow!("{failure}"))?;
        keep(&native, &["chunks.json"], folder.path())
    };
    compare(runtime, &sandbox, &call, "chunking (400 KiB of markdown)", &chunk)
}

/// Writes artifacts to files and hashes them.
fn keep(task: &MockTask, names: &[&str], folder: &Path) -> anyhow::Result<()> {
    for name in names {
        let bytes = task.file(name).context("an artifact")?;
        std::hint::black_box(Sha256::digest(&bytes));
        std::fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}

fn compare(
    runtime: &Runtime,
    sandbox: &Sandbox,
    call: &StepCall,
    what: &str,
    native: &dyn Fn() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut ours = steps(runtime, sandbox, call);
    let mut native = |calls| Took::of(|| (0..calls).try_for_each(|_| native()));
    let [ours, native] = take_turns(ROUNDS, CALLS, [&mut ours, &mut native])?;
    println!("{what}");
    line("in the sandbox", ours);
    line("baseline: compiled for this machine", native);
    ratio("wasm : native (at most 1.8)", ours, native);
    Ok(())
}

/// A call of `chunking` with a published `markdown.md`.
async fn chunking_call(sandbox: &Sandbox, markdown: &[u8]) -> anyhow::Result<StepCall> {
    use morag_core::ports::{BlobPath, Blobs as _};
    let mut call = sandbox.call("", b"document").await;
    call.components = vec!["chunking".into()];
    call.config.clear();
    let name: morag_core::task::ArtifactName = "markdown.md".parse()?;
    let mut writer = sandbox.blobs.create(&BlobPath::file(call.record.id, &name)).await?;
    for piece in markdown.chunks(1 << 20) {
        writer.write(piece.to_vec().into()).await?;
    }
    writer.finish().await?;
    let artifact = Artifact {
        name: name.clone(),
        media_type: "text/markdown".into(),
        size: markdown.len() as u64,
        sha256: String::new(),
        listed: false,
    };
    call.inputs.artifacts.insert(name, artifact);
    Ok(call)
}
