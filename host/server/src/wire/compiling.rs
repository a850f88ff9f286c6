//! What compiles components: this program, started once more for each.

use anyhow::Context as _;
use morag_core::plugin::CompileLimits;
use morag_runtime::{Compiler, CompilerProgram};

/// The compiler of servers and of the tools for those who write steps.
///
/// # Errors
/// Where the system does not say which program this is.
pub fn compiler(limits: CompileLimits) -> anyhow::Result<Compiler> {
    let program =
        CompilerProgram::this().context("the program's own file, which compiles components, cannot be found")?;
    Ok(Compiler::children(program, limits))
}
