//! Loads the six standard steps from the compile cache, as a starting server does; the baseline is wasmtime alone mapping the same compiled
//! components.

use crate::measure::{Took, line, ratio, take_turns};
use anyhow::Context as _;
use morag_core::plugin::{Capability, Grant};
use morag_runtime::{EngineOptions, PluginRunner, StepEngine};
use morag_tests::sandbox::services;
use std::path::PathBuf;
use tokio::runtime::Runtime;
use wasmtime::component::Component;

/// Measured rounds.
const ROUNDS: usize = 15;

/// Folder of the standard steps; `cargo xtask bench plugins` sets it.
const FOLDER: &str = "MORAG_TEST_PLUGINS_DIR";

/// Measures and prints.
///
/// # Errors
/// If the components are missing.
pub fn run(runtime: &Runtime) -> anyhow::Result<()> {
    let folder = std::env::var_os(FOLDER).with_context(|| format!("{FOLDER} is not set"))?;
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "wasm"));
    paths.sort();
    let work = tempfile::tempdir()?;
    let (cache, mapped) = (work.path().join("cache"), work.path().join("mapped"));
    std::fs::create_dir(&mapped)?;
    let services = services(work.path());
    let load = || {
        runtime.block_on(async {
            let engine =
                StepEngine::new(EngineOptions { instances_max: 6 }).map_err(|error| anyhow::anyhow!("{error:#}"))?;
            let grant = |_: &str| Grant::of(Capability::ALL);
            let runner = PluginRunner::load(engine, services.clone(), Some(&cache), paths.clone(), grant, 2).await?;
            anyhow::ensure!(runner.plugins().len() == paths.len());
            Ok(())
        })
    };
    // Fills the cache.
    load()?;
    let engine = StepEngine::new(EngineOptions { instances_max: 6 }).map_err(|error| anyhow::anyhow!("{error:#}"))?;
    let mut compiled = Vec::new();
    for path in &paths {
        let component = Component::from_file(engine.inner(), path).map_err(|error| anyhow::anyhow!("{error:#}"))?;
        let file = mapped.join(path.file_name().context("a file")?);
        std::fs::write(&file, component.serialize().map_err(|error| anyhow::anyhow!("{error:#}"))?)?;
        compiled.push(file);
    }

    let mut ours = |_| Took::of(load);
    let mut raw = |_| {
        Took::of(|| {
            for file in &compiled {
                // SAFETY: this process has just serialized the file, in a folder that no other process uses.
                #[expect(unsafe_code, reason = "that is what is measured")]
                let component = unsafe { Component::deserialize_file(engine.inner(), file) };
                component.map_err(|error| anyhow::anyhow!("{error:#}"))?;
            }
            Ok(())
        })
    };
    let [ours, raw] = take_turns(ROUNDS, 1, [&mut ours, &mut raw])?;
    println!("cold start of the six standard steps from the compile cache (under 150,000 µs)");
    line("ours: engine, digests, describe, link", ours);
    line("baseline: wasmtime maps six files", raw);
    ratio("ours : mapping alone", ours, raw);
    Ok(())
}
