//! Reading a component's file.

use crate::compile::CompileError;
use crate::load_error::LoadErrorReason;
use morag_core::plugin::COMPONENT_BYTES_MAX;
use std::io::Read as _;
use std::path::Path;

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

/// Refuses a core module and what is no WebAssembly, by the first bytes.
pub(crate) fn check_kind(wasm: &[u8]) -> Result<(), LoadErrorReason> {
    match wasm.get(..8) {
        Some([0, b'a', b's', b'm', _, _, 1, 0]) => Ok(()),
        Some([0, b'a', b's', b'm', 1, 0, 0, 0]) => Err(LoadErrorReason::CoreModule),
        _ => Err(CompileError::Invalid("it does not begin as one".into()).into()),
    }
}
