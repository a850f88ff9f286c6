//! What nextest writes about each test, as JUnit XML.
use std::fmt;

use anyhow::{Context, Result, bail};

/// How many of the slowest tests are named.
const SLOWEST: usize = 10;

/// Tests that passed and failed, and how long each took.
#[derive(Debug, Default)]
pub struct Results {
    passed: usize,
    failed: usize,
    ignored: usize,
    /// Name and seconds.
    times: Vec<(String, f64)>,
}

impl Results {
    /// Reads a report.
    ///
    /// # Errors
    ///
    /// It is no JUnit XML, or a test in it has no name or time.
    pub fn parse(xml: &str) -> Result<Self> {
        let document = roxmltree::Document::parse(xml).context("the report of the tests is no XML")?;
        let mut results = Self::default();
        for test in document.descendants().filter(|node| node.has_tag_name("testcase")) {
            if test.children().any(|node| node.has_tag_name("skipped")) {
                results.ignored += 1;
                continue;
            }
            let named = |name| test.attribute(name).with_context(|| format!("a test in the report has no {name}"));
            let seconds = named("time")?.parse().context("a time in the report of the tests is no number")?;
            results.times.push((format!("{} {}", named("classname")?, named("name")?), seconds));
            let failed = test.children().any(|node| node.has_tag_name("failure") || node.has_tag_name("error"));
            *(if failed { &mut results.failed } else { &mut results.passed }) += 1;
        }
        results.times.sort_by(|one, two| two.1.total_cmp(&one.1));
        Ok(results)
    }

    /// Adds the lines that close `cargo test`, as of documentation tests: `test result: ok. 3 passed; 0 failed; …`.
    pub fn add(&mut self, output: &str) {
        for line in output.lines() {
            let Some((_, counts)) = line.trim().strip_prefix("test result: ").and_then(|line| line.split_once(". "))
            else {
                continue;
            };
            for count in counts.split(';') {
                match count.trim().split_once(' ').map(|(number, what)| (number.parse::<usize>(), what)) {
                    Some((Ok(number), "passed")) => self.passed += number,
                    Some((Ok(number), "failed")) => self.failed += number,
                    Some((Ok(number), "ignored")) => self.ignored += number,
                    _ => {}
                }
            }
        }
    }

    /// An error where a test failed, none ran, or the runner itself failed.
    pub fn verdict(&self, success: bool) -> Result<()> {
        match self {
            Self { failed: 0, passed: 0, .. } => bail!("no test ran"),
            Self { failed: 0, .. } if success => Ok(()),
            Self { failed: 0, .. } => bail!("the test runner failed, and no test did: see its output above"),
            Self { failed, .. } => bail!("{failed} tests failed"),
        }
    }

    /// Tests that are there and did not run.
    pub fn ignored(&self) -> usize {
        self.ignored
    }

    /// The slowest tests, a line each.
    pub fn slowest(&self) -> String {
        self.times.iter().take(SLOWEST).map(|(name, seconds)| format!("{seconds:>8.1} s  {name}\n")).collect()
    }
}

impl fmt::Display for Results {
    /// The line by which CI counts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="nextest-run" tests="3" failures="1" errors="0" time="1.2">
    <testsuite name="morag-core" tests="2" disabled="0" errors="0" failures="0">
        <testcase name="task::one" classname="morag-core" time="0.021"/>
        <testcase name="task::two" classname="morag-core" time="1.100"><system-out>&lt;testcase&gt;</system-out></testcase>
    </testsuite>
    <testsuite name="morag-tests::e2e" tests="1" disabled="0" errors="0" failures="1">
        <testcase name="three" classname="morag-tests::e2e" time="0.5"><failure type="test failure">why</failure></testcase>
    </testsuite>
</testsuites>"#;

    #[test]
    fn a_report_is_counted_and_its_slowest_tests_come_first() {
        let results = Results::parse(REPORT).unwrap();
        assert_eq!(results.to_string(), "2 passed, 1 failed");
        assert_eq!(
            results.slowest(),
            "     1.1 s  morag-core task::two\n     0.5 s  morag-tests::e2e three\n     0.0 s  morag-core task::one\n"
        );
        assert_eq!(results.verdict(false).unwrap_err().to_string(), "1 tests failed");
    }

    #[test]
    fn an_ignored_test_is_neither_passed_nor_failed() {
        let results =
            Results::parse(&REPORT.replace(r#"<failure type="test failure">why</failure>"#, "<skipped/>")).unwrap();
        assert_eq!((results.to_string().as_str(), results.ignored()), ("2 passed, 0 failed", 1));
    }

    #[test]
    fn a_report_that_cannot_be_read_is_no_success() {
        assert!(Results::parse("no report").is_err());
        assert!(Results::parse(&REPORT.replace("time=\"0.021\"", "time=\"soon\"")).is_err());
        assert!(Results::parse(&REPORT.replace("name=\"three\" ", "")).is_err());
    }

    #[test]
    fn no_test_is_a_failure_and_so_is_a_runner_that_failed() {
        assert_eq!(Results::default().verdict(true).unwrap_err().to_string(), "no test ran");
        let passed = Results { passed: 1, ..Results::default() };
        assert!(passed.verdict(true).is_ok());
        assert!(passed.verdict(false).is_err());
    }

    #[test]
    fn documentation_tests_are_added() {
        let mut results = Results::default();
        results.add("running 12 tests\ntest result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n");
        results.add("test result: FAILED. 2 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out\nnot a test result: ok. 9 passed");
        assert_eq!((results.to_string().as_str(), results.ignored()), ("14 passed, 4 failed", 1));
    }
}
