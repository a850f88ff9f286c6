//! Facts of a component file, without running a task on it: `morag plugin inspect`.

use crate::compile::Compiler;
use crate::component_file::{Names, names, read};
use crate::engine::{EngineOptions, StepEngine};
use crate::load_error::LoadError;
use crate::plugin::{ConverterCode, Plugin};
use crate::registry::open_cache;
use crate::threads::GuestThreads;
use morag_core::plugin::{Capability, Descriptor, Grant};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::Arc;

/// Facts of a component file.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// Its own description.
    pub descriptor: Arc<Descriptor>,
    /// Facts from its bytes.
    pub facts: Facts,
}

/// Facts from the bytes of a component, which is neither compiled nor run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Names of its imports, in their order.
    pub imports: Vec<String>,
    /// Names of its exports, in their order.
    pub exports: Vec<String>,
    /// Version of the interface `morag:step` that it was built for; none where it names none.
    pub wit_version: Option<String>,
    /// Tools that it was made with, as they noted: `language Rust`, `processed-by rustc 1.95.0`. Untrusted text.
    pub producers: Vec<String>,
    /// Size of the file in bytes.
    pub size: u64,
    /// SHA-256 of the file, lower-case hexadecimal.
    pub digest: String,
}

/// Loads a component with every capability granted, and describes it. `compiler` compiles it where it is not in `cache_folder`: some
/// seconds for a large one.
pub async fn inspect(path: &Path, cache_folder: Option<&Path>, compiler: Compiler) -> anyhow::Result<Inspection> {
    let engine = StepEngine::new(EngineOptions { instances_max: 1 }).map_err(|error| anyhow::anyhow!("{error:#}"))?;
    let engine = engine.compiling_by(compiler);
    let cache = open_cache(cache_folder)?;
    let (threads, grant) = (GuestThreads::start(1)?, |_: &str| Grant::of(Capability::ALL));
    // What a server refuses only when a document needs it, its author should see now.
    let plugin = Plugin::load(&engine, &threads, cache.as_ref(), path, ConverterCode::Now, grant).await?;
    Ok(Inspection { descriptor: plugin.descriptor.clone(), facts: facts(path)? })
}

/// Reads the facts from a component's bytes.
pub fn facts(path: &Path) -> anyhow::Result<Facts> {
    let wasm = read(path).map_err(|reason| LoadError::Component { path: path.to_owned(), reason })?;
    let Names { imports, exports, producers } = names(&wasm)?;
    let version = |name: &String| Some(name.strip_prefix("morag:step/")?.split_once('@')?.1.to_owned());
    Ok(Facts {
        wit_version: exports.iter().chain(&imports).find_map(version),
        imports,
        exports,
        producers: producers.into_iter().collect(),
        size: wasm.len() as u64,
        digest: hex::encode(Sha256::digest(&wasm)),
    })
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a component is read from a file")]
mod tests {
    use super::*;

    /// An uncompressed LEB128 of a small number is one byte.
    fn custom(name: &str, content: &[u8]) -> Vec<u8> {
        let mut body = vec![name.len() as u8];
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(content);
        let mut section = vec![0, body.len() as u8];
        section.extend(body);
        section
    }

    fn text(text: &str) -> Vec<u8> {
        let mut bytes = vec![text.len() as u8];
        bytes.extend_from_slice(text.as_bytes());
        bytes
    }

    #[test]
    fn a_components_makers_are_named_and_no_bytes_of_them_steer_a_terminal() {
        let mut fields = vec![1];
        fields.extend(text("language"));
        fields.push(2);
        for (name, version) in [("Rust", ""), ("\u{1b}[31mX", "1")] {
            fields.extend(text(name));
            fields.extend(text(version));
        }
        let mut wasm = vec![0, b'a', b's', b'm', 0x0d, 0, 1, 0];
        wasm.extend(custom("producers", &fields));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &wasm).unwrap();
        let facts = facts(file.path()).unwrap();
        assert_eq!(facts.producers, ["language Rust", "language [31mX 1"]);
        assert_eq!((facts.imports.len(), facts.wit_version, facts.size), (0, None, wasm.len() as u64));
        assert_eq!(facts.digest.len(), 64);
    }

    #[test]
    fn invalid_components_are_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"\0asm\x01\0\0\0").unwrap();
        assert!(facts(file.path()).unwrap_err().to_string().contains("core WebAssembly module"));
        std::fs::write(file.path(), b"\0asm\x0d\0\x01\0\x07\xff").unwrap();
        assert!(facts(file.path()).is_err());
    }
}
