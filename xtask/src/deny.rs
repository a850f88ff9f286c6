//! `cargo xtask deny`: licences, bans, sources and advisories of all dependencies, by cargo-deny.
use anyhow::Result;
use clap::Args;

use crate::shell;
use crate::tools::Tool;
use crate::workspace::Workspace;

/// Check licences, bans and sources of all dependencies by deny.toml.
///
/// Covers every package of Cargo.lock, for all platforms and features.
#[derive(Args)]
pub struct Options {
    /// Check security advisories too. Fetches RustSec's database, which needs a network that reaches GitHub.
    #[arg(long)]
    advisories: bool,
}

/// The command.
pub fn run(options: &Options) -> Result<()> {
    let workspace = Workspace::find()?;
    check(&workspace)?;
    if options.advisories { advisories(&workspace) } else { Ok(()) }
}

/// The checks that need no network.
pub fn check(workspace: &Workspace) -> Result<()> {
    // `--locked`: a lock file that does not fit the manifests is an error here, as it is in a build for release.
    let args = ["--locked", "--all-features", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"];
    shell::run(&mut Tool::Deny.command(workspace, &args)?)
}

fn advisories(workspace: &Workspace) -> Result<()> {
    shell::run(&mut Tool::Deny.command(workspace, &["--locked", "--all-features", "check", "advisories"])?)
}
