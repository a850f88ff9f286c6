//! What a component file is, without running a task on it: `morag plugin inspect`.

use crate::engine::{EngineOptions, StepEngine};
use crate::plugin::{Plugin, imports, read};
use morag_core::plugin::{Capability, Descriptor, Grant};
use std::path::Path;
use std::sync::Arc;
use wasmtime::component::Component;

/// What a component file is.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// What it says it is.
    pub descriptor: Arc<Descriptor>,
    /// Names of its imports.
    pub imports: Vec<String>,
    /// Size of the file in bytes.
    pub size: u64,
    /// SHA-256 of the file, lower-case hexadecimal.
    pub digest: String,
}

/// Loads a component with every capability granted, and says what it is. Compiles it: some seconds for a large one.
pub async fn inspect(path: &Path) -> anyhow::Result<Inspection> {
    let engine = StepEngine::new(EngineOptions { instances_max: 1 }).map_err(|error| anyhow::anyhow!("{error:#}"))?;
    let plugin = Plugin::load(&engine, None, path, |_| Grant::of(Capability::ALL)).await?;
    let wasm = read(path)?;
    let component = Component::new(engine.inner(), &wasm).map_err(|error| anyhow::anyhow!("{error:#}"))?;
    Ok(Inspection {
        descriptor: plugin.descriptor.clone(),
        imports: imports(&engine, &component),
        size: wasm.len() as u64,
        digest: plugin.digest,
    })
}

impl std::fmt::Display for Inspection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Descriptor { name, version, summary, inputs, outputs, capabilities, config_schema } = &*self.descriptor;
        let list = |items: Vec<String>| if items.is_empty() { "none".to_owned() } else { items.join(", ") };
        let read = |input: &morag_core::plugin::Input| {
            format!("{}{}", input.name, if input.required { "" } else { " (if present)" })
        };
        let written = |output: &morag_core::plugin::Output| match &output.data_key {
            Some(key) => format!("{} ({}, published as {key})", output.name, output.media_type),
            None => format!("{} ({})", output.name, output.media_type),
        };
        writeln!(f, "{name} {version}")?;
        writeln!(f, "  {summary}")?;
        writeln!(f, "  reads         {}", list(inputs.iter().map(read).collect()))?;
        writeln!(f, "  writes        {}", list(outputs.iter().map(written).collect()))?;
        writeln!(f, "  capabilities  {}", list(capabilities.iter().map(|c| c.as_str().to_owned()).collect()))?;
        writeln!(f, "  configuration {config_schema}")?;
        writeln!(f, "  imports       {}", list(self.imports.clone()))?;
        writeln!(f, "  size          {} bytes", self.size)?;
        write!(f, "  sha256        {}", self.digest)
    }
}
