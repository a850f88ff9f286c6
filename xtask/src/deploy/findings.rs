//! What is wrong with the deployment files.
use anyhow::{Result, bail};

/// The folder of the deployment files.
pub const FOLDER: &str = "deploy";

/// What is wrong: the place, and what to do.
#[derive(Debug, Default)]
pub struct Findings(pub Vec<String>);

impl Findings {
    /// Adds a finding at a place within the folder.
    pub fn add(&mut self, place: &str, what: impl std::fmt::Display) {
        self.0.push(format!("{FOLDER}/{place}: {what}"));
    }

    /// Adds `what` unless it `holds`.
    pub fn expect(&mut self, holds: bool, place: &str, what: impl std::fmt::Display) {
        if !holds {
            self.add(place, what);
        }
    }

    /// Prints all; fails where there is one.
    pub fn verdict(&self, files: usize) -> Result<()> {
        for finding in &self.0 {
            println!("error: {finding}");
        }
        if !self.0.is_empty() {
            bail!("{} findings in {FOLDER}/", self.0.len());
        }
        println!("deploy: {files} files fit their schemas and the server");
        Ok(())
    }
}
