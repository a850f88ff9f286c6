//! Assertions for tests of a step. Their messages show the actual values.

use super::MockTask;
use crate::{Failure, Level};
use serde::de::DeserializeOwned;

impl MockTask {
    /// The text of an artifact.
    ///
    /// # Panics
    /// If it is missing (the message lists the existing ones), or is not UTF-8.
    #[track_caller]
    pub fn text(&self, name: &str) -> String {
        match String::from_utf8(self.expect_file(name)) {
            Ok(text) => text,
            Err(error) => panic!("{name} is not UTF-8: {error}"),
        }
    }

    /// An artifact parsed as JSON.
    ///
    /// # Panics
    /// If it is missing, or does not parse as the type.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self, name: &str) -> T {
        match serde_json::from_slice(&self.expect_file(name)) {
            Ok(value) => value,
            Err(error) => panic!("{name}: {error}"),
        }
    }

    /// Asserts the names of the artifacts that the step has written, in any order.
    #[track_caller]
    pub fn assert_wrote(&self, names: &[&str]) {
        let mut expected = names.to_vec();
        expected.sort_unstable();
        let files = self.files.borrow();
        let written: Vec<_> = files.iter().filter(|(_, file)| file.written).map(|(name, _)| name.as_str()).collect();
        assert_eq!(written, expected, "artifacts that the step has written");
    }

    /// Asserts that the step has reported progress, and that the fractions rise, starting above 0 and not exceeding 1: the host ignores
    /// other reports.
    #[track_caller]
    pub fn assert_progress_rises(&self) {
        let reports = self.progress.borrow();
        assert!(!reports.is_empty(), "the step has reported no progress");
        let mut before = 0.0;
        for (fraction, message) in reports.iter() {
            assert!(
                *fraction > before && *fraction <= 1.0,
                "a report of {fraction} ({message:?}) after {before}: the host ignores it"
            );
            before = *fraction;
        }
    }

    /// Asserts that a log line of this level contains this text.
    #[track_caller]
    pub fn assert_logged(&self, level: Level, part: &str) {
        let lines = self.lines.borrow();
        let found = lines.iter().any(|(found, line)| *found == level && line.contains(part));
        assert!(found, "no {level:?} line of the log holds {part:?}; it has {lines:?}");
    }

    #[track_caller]
    fn expect_file(&self, name: &str) -> Vec<u8> {
        match self.file(name) {
            Some(bytes) => bytes,
            None => panic!("there is no {name}; there are {:?}", self.files.borrow().keys().collect::<Vec<_>>()),
        }
    }
}

/// Asserts that a step failed with this code, and returns the failure.
#[track_caller]
pub fn assert_fails<T: std::fmt::Debug>(result: Result<T, Failure>, code: &str) -> Failure {
    match result {
        Err(failure) if failure.code == code => failure,
        other => panic!("expected the failure {code}, got {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Task as _;

    fn panics(check: impl FnOnce()) -> String {
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check)).unwrap_err();
        let literal = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        literal.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap()
    }

    #[test]
    fn given_artifacts_do_not_count_as_written() {
        let task = MockTask::new("a.txt", "").with_artifact("given.txt", "x");
        task.assert_wrote(&[]);
        task.write_artifact("b.txt", b"").unwrap();
        task.write_artifact("a.json", b"[1]").unwrap();
        task.assert_wrote(&["b.txt", "a.json"]);
        assert_eq!(task.json::<Vec<u8>>("a.json"), [1]);
    }

    #[test]
    fn a_missing_file_is_reported_with_the_existing_ones() {
        let text = panics(|| drop(MockTask::new("a.txt", "").with_artifact("b.txt", "").text("c.txt")));
        assert_eq!(text, "there is no c.txt; there are [\"b.txt\"]");
    }

    #[test]
    fn progress_that_falls_or_is_no_number_is_found() {
        for fractions in [&[][..], &[0.5, 0.4], &[f64::NAN], &[0.5, 1.1], &[-0.1], &[0.0], &[0.5, 0.5]] {
            let text = panics(|| {
                let task = MockTask::new("a.txt", "");
                fractions.iter().for_each(|fraction| task.report_progress(*fraction, ""));
                task.assert_progress_rises();
            });
            assert!(text.contains("report"), "{fractions:?}: {text}");
        }
        let task = MockTask::new("a.txt", "");
        [0.1, 0.5, 1.0].iter().for_each(|fraction| task.report_progress(*fraction, ""));
        task.assert_progress_rises();
    }

    #[test]
    fn lines_are_found_by_level_and_part() {
        let task = MockTask::new("a.txt", "");
        task.log(Level::Warn, "page 3 has no text");
        task.assert_logged(Level::Warn, "page 3");
        assert!(panics(|| task.assert_logged(Level::Info, "page 3")).contains("no Info line"));
    }

    #[test]
    fn another_failure_is_not_the_expected_one() {
        assert_eq!(assert_fails(Err::<(), _>(Failure::new("A", "b")), "A").message, "b");
        assert!(
            panics(|| drop(assert_fails(Err::<(), _>(Failure::new("B", "")), "A"))).contains("expected the failure A")
        );
        assert!(panics(|| drop(assert_fails(Ok(1), "A"))).contains("Ok(1)"));
    }
}
