//! The stages of a test run: a heading, the time each took, what to do when one fails.
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::shell;

/// What ran, and how long.
pub struct Stages {
    done: Vec<(&'static str, Duration)>,
}

impl Stages {
    /// None yet.
    pub fn new() -> Self {
        Self { done: Vec::new() }
    }

    /// Runs one under its heading. A failure is the failure of the whole run.
    pub fn run<T>(&mut self, name: &'static str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        println!("\n== {name}");
        let started = Instant::now();
        let result = work();
        let took = started.elapsed();
        self.done.push((name, took));
        match &result {
            Ok(_) => println!("== {name}: {}", shell::seconds(took)),
            Err(_) => self.summary(),
        }
        result.with_context(|| format!("stage `{name}` failed; the whole run again: cargo xtask test"))
    }

    /// Prints the time of each.
    pub fn summary(&self) {
        println!("\n== times");
        for (name, took) in &self.done {
            println!("{:>12}  {name}", shell::seconds(*took));
        }
        println!("{:>12}  in all", shell::seconds(self.done.iter().map(|(_, took)| *took).sum()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_stage_is_named_and_kept() {
        let mut stages = Stages::new();
        assert_eq!(stages.run("one", || Ok(1)).unwrap(), 1);
        let error = stages.run("two", || -> Result<()> { anyhow::bail!("why") }).unwrap_err();
        assert_eq!(format!("{error:#}"), "stage `two` failed; the whole run again: cargo xtask test: why");
        assert_eq!(stages.done.len(), 2);
    }
}
