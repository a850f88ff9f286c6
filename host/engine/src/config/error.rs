//! What is wrong with the settings: all of it at once.

use morag_core::{listed, nearest};
use morag_input::{Fault, PROBLEMS_MAX, Problem};
use std::cell::RefCell;
use std::fmt;

/// The settings cannot be used. Each message names the setting, its value unless it may be secret, and what is allowed; one about
/// `morag.toml` also the file and the line.
#[derive(Debug)]
pub struct ConfigError {
    texts: Vec<String>,
    /// Whether there are more than are told.
    is_cut: bool,
}

impl ConfigError {
    /// A single error.
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { texts: vec![text.into()], is_cut: false }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [text] = self.texts.as_slice() {
            return f.write_str(text);
        }
        let (least, count) = (if self.is_cut { "at least " } else { "" }, self.texts.len());
        write!(f, "the settings have {least}{count} errors:")?;
        self.texts.iter().try_for_each(|text| write!(f, "\n  {text}"))
    }
}

impl std::error::Error for ConfigError {}

/// The errors that were found so far, at most [`PROBLEMS_MAX`].
#[derive(Debug, Default)]
pub(super) struct Faults(RefCell<Vec<Noted>>);

#[derive(Debug)]
struct Noted {
    /// The setting, or the path of the key.
    key: String,
    /// Its line in `morag.toml`.
    line: Option<usize>,
    text: String,
}

impl Faults {
    /// Whether an error of a key would be told. A key has one at most: what is found later follows from the first.
    pub(super) fn takes(&self, key: &str) -> bool {
        let noted = self.0.borrow();
        // One more, to tell whether there are more.
        noted.len() <= PROBLEMS_MAX && !noted.iter().any(|other| other.key == key)
    }

    /// Notes an error of a key, if it is taken. `line`: where the key is in the file.
    pub(super) fn note(&self, key: &str, line: Option<usize>, text: String) {
        if self.takes(key) {
            self.0.borrow_mut().push(Noted { key: key.to_owned(), line, text });
        }
    }

    /// What was found: first what is of no line, then by line.
    ///
    /// # Errors
    /// If anything was found.
    pub(super) fn result(&self) -> Result<(), ConfigError> {
        let mut noted = self.0.take();
        if noted.is_empty() {
            return Ok(());
        }
        let is_cut = noted.len() > PROBLEMS_MAX;
        noted.truncate(PROBLEMS_MAX);
        noted.sort_by_key(|one| one.line);
        Err(ConfigError { texts: noted.into_iter().map(|one| one.text).collect(), is_cut })
    }
}

/// What is wrong with a key, after its path.
pub(super) fn text_of(problem: &Problem) -> String {
    let last = problem.path.last().map_or("", String::as_str);
    match &problem.fault {
        Fault::Missing => "it is required".to_owned(),
        Fault::Unknown { known } => unknown_key(last, known.iter().copied()),
        Fault::Expected(expected) => format!("give {expected}"),
        Fault::Invalid(text) => text.clone(),
    }
}

/// What to say of a key that is not known, among those that are.
pub(super) fn unknown_key<'a>(key: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    match nearest(key, known.clone()) {
        Some(near) => format!("there is no such key: did you mean {near}?"),
        None => format!("there is no such key: the keys are {}", listed(known)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(faults: &Faults) -> String {
        faults.result().map_or_else(|error| error.to_string(), |()| "fine".to_owned())
    }

    #[test]
    fn all_errors_are_told_each_key_once_and_in_the_order_of_the_file() {
        let faults = Faults::default();
        assert_eq!(told(&faults), "fine");
        faults.note("b", Some(7), "b is wrong".into());
        assert_eq!(told(&faults), "b is wrong");
        faults.note("b", Some(7), "b is wrong".into());
        faults.note("b", Some(7), "b is wrong in another way".into());
        faults.note("a", Some(2), "a is wrong".into());
        faults.note("d", None, "the variable D is wrong".into());
        faults.note("c", None, "the flag --c is wrong".into());
        assert_eq!(
            told(&faults),
            "the settings have 4 errors:\n  the variable D is wrong\n  the flag --c is wrong\n  a is wrong\n  b is wrong"
        );
    }

    #[test]
    fn errors_are_bounded_and_the_cut_is_told() {
        let faults = Faults::default();
        (0..PROBLEMS_MAX).for_each(|n| faults.note(&n.to_string(), None, "wrong".into()));
        assert!(told(&faults).starts_with("the settings have 32 errors:"));
        (0..1000).for_each(|n| faults.note(&n.to_string(), None, "wrong".into()));
        let text = told(&faults);
        assert!(text.starts_with("the settings have at least 32 errors:") && text.lines().count() == 33, "{text}");
    }
}
