//! The totals over all suites of `cargo test`, read off the lines that close each suite.
use std::fmt;

use anyhow::{Result, bail};

/// Tests that passed, failed and were ignored.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Totals {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Totals {
    /// Takes a line of output: `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
    pub fn read(&mut self, line: &str) {
        let Some(counts) = line.trim_start().strip_prefix("test result: ") else { return };
        let Some((_, counts)) = counts.split_once(". ") else { return };
        for count in counts.split(';') {
            let mut words = count.split_whitespace();
            let (Some(Ok(number)), Some(what)) = (words.next().map(str::parse::<u64>), words.next()) else { continue };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }

    /// Takes cargo's own result: a suite that crashed closes with no line, and still failed.
    pub fn end(&mut self, success: bool) {
        if !success && self.failed == 0 {
            self.failed = 1;
        }
    }

    /// Tests that are there but did not run.
    pub fn ignored(&self) -> u64 {
        self.ignored
    }

    /// An error where something failed or nothing ran.
    pub fn verdict(&self) -> Result<()> {
        match self {
            Self { failed: 0, passed: 0, .. } => bail!("no test ran"),
            Self { failed: 0, .. } => Ok(()),
            Self { failed, .. } => bail!("{failed} tests or suites failed"),
        }
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(lines: &[&str], success: bool) -> Totals {
        let mut totals = Totals::default();
        lines.iter().for_each(|line| totals.read(line));
        totals.end(success);
        totals
    }

    const GOOD: &str =
        "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.00s\n";
    const BAD: &str =
        "test result: FAILED. 2 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.2s\n";

    #[test]
    fn suites_add_up() {
        let all = totals(&["running 12 tests", GOOD, "test a ... ok", GOOD, BAD], false);
        assert_eq!(all.to_string(), "26 passed, 4 failed");
        assert_eq!(all.ignored(), 2);
        assert!(all.verdict().is_err());
    }

    #[test]
    fn no_test_is_a_failure() {
        let none = totals(&["test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out"], true);
        assert_eq!(none.verdict().unwrap_err().to_string(), "no test ran");
    }

    #[test]
    fn a_suite_that_crashed_counts_as_failed() {
        let crashed = totals(&[GOOD], false);
        assert_eq!(crashed.to_string(), "12 passed, 1 failed");
        assert!(crashed.verdict().is_err());
        assert!(totals(&[GOOD], true).verdict().is_ok());
    }

    #[test]
    fn other_lines_do_not_count() {
        assert_eq!(
            totals(&["3 passed; 1 failed", "a test result: ok. 1 passed", "test result: "], true),
            Totals::default()
        );
    }
}
