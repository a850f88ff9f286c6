//! `cargo xtask fixtures`: writes the sample documents of `tests/fixtures`.
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

/// Write the sample documents, both valid and invalid ones.
#[derive(Args)]
pub struct Options {
    /// Folder to write to; created if missing.
    folder: PathBuf,
}

/// The command.
pub fn run(options: &Options) -> Result<()> {
    let folder = &options.folder;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for fixture in morag_fixtures::ALL {
        let path = folder.join(fixture.name);
        let bytes = (fixture.make)();
        fs::write(&path, &bytes).with_context(|| format!("cannot write {}", path.display()))?;
        println!("{:>9} bytes  {}", bytes.len(), path.display());
    }
    Ok(())
}
