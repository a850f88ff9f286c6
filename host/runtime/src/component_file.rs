//! Reading a component's file, and names in it, without compiling it.

use crate::compile::CompileError;
use crate::load_error::LoadErrorReason;
use bytes::Bytes;
use morag_core::plugin::COMPONENT_BYTES_MAX;
use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;
use tokio::task::{JoinError, spawn_blocking};
use wasmparser::{BinaryReaderError, KnownCustom, Parser, Payload, ProducersSectionReader};

/// Values of a `producers` section that are kept: a component of many modules repeats the same few.
const PRODUCERS_MAX: usize = 32;

/// Characters of such a value that are kept; the text is untrusted.
const PRODUCER_CHARS_MAX: usize = 80;

/// Reads a component's file of at most [`COMPONENT_BYTES_MAX`].
///
/// # Errors
/// Where it cannot be read, is too large, or is no component by its first bytes.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, LoadErrorReason> {
    let file = std::fs::File::open(path)?;
    if file.metadata()?.len() > COMPONENT_BYTES_MAX {
        return Err(LoadErrorReason::TooLarge);
    }
    let mut wasm = Vec::new();
    // The length of a file is no limit: it may grow, or be a pipe.
    file.take(COMPONENT_BYTES_MAX + 1).read_to_end(&mut wasm)?;
    if wasm.len() as u64 > COMPONENT_BYTES_MAX {
        return Err(LoadErrorReason::TooLarge);
    }
    check_kind(&wasm)?;
    Ok(wasm)
}

/// Whether a component exports the interface `converter`, by its own list of exports. Not on the server's own threads: a component of
/// 64 MiB is read to its end.
pub(crate) async fn is_converter(wasm: Bytes) -> Result<bool, JoinError> {
    let prefix = "morag:step/converter@";
    // One that cannot be read is refused when it is compiled.
    spawn_blocking(move || names(&wasm).is_ok_and(|names| names.exports.iter().any(|name| name.starts_with(prefix))))
        .await
}

/// What a component imports and exports by the names at its outer level, and the sections of its makers.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Names of its imports, in their order.
    pub(crate) imports: Vec<String>,
    /// Names of its exports, in their order.
    pub(crate) exports: Vec<String>,
    /// What its makers noted of themselves, at every level.
    pub(crate) producers: BTreeSet<String>,
}

/// Reads the names in a component's bytes.
///
/// # Errors
/// Where it is not WebAssembly.
pub(crate) fn names(wasm: &[u8]) -> Result<Names, BinaryReaderError> {
    let mut names = Names::default();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    names.imports.push(import?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    names.exports.push(export?.name.name.to_owned());
                }
            }
            Payload::CustomSection(section) => {
                if let KnownCustom::Producers(fields) = section.as_known() {
                    note(fields, &mut names.producers);
                }
            }
            _ => {}
        }
    }
    Ok(names)
}

/// Reads a `producers` section. A damaged one is ignored.
fn note(fields: ProducersSectionReader<'_>, producers: &mut BTreeSet<String>) {
    for field in fields.into_iter().flatten() {
        for value in field.values.into_iter().flatten() {
            let text = format!("{} {} {}", field.name, value.name, value.version);
            let text = text.trim().chars().filter(|c| !c.is_control()).take(PRODUCER_CHARS_MAX).collect();
            if producers.len() < PRODUCERS_MAX {
                producers.insert(text);
            }
        }
    }
}

/// Refuses a core module and what is no WebAssembly, by the first bytes.
pub(crate) fn check_kind(wasm: &[u8]) -> Result<(), LoadErrorReason> {
    match wasm.get(..8) {
        Some([0, b'a', b's', b'm', _, _, 1, 0]) => Ok(()),
        Some([0, b'a', b's', b'm', 1, 0, 0, 0]) => Err(LoadErrorReason::CoreModule),
        _ => Err(CompileError::Invalid("it does not begin as one".into()).into()),
    }
}
