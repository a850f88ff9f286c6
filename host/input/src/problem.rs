//! What is wrong with a request.

use morag_core::{listed, nearest, shown};
use std::fmt;

/// Problems that are reported for one request: as many as the contract has fields. The next request tells the others.
pub const PROBLEMS_MAX: usize = 32;

/// What is wrong with one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Names and indexes from the outermost object to the value.
    pub path: Vec<String>,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It is required, and absent.
    Missing,
    /// There is no such name.
    Unknown {
        /// The names that there are.
        known: &'static [&'static str],
    },
    /// What the value must be, to follow "… must be".
    Expected(String),
    /// A whole sentence about the value.
    Invalid(String),
}

impl Problem {
    /// A value that cannot be used, with a sentence that says why and what to do.
    pub fn invalid(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: vec![name.into()], fault: Fault::Invalid(text.into()) }
    }

    /// A required value that is absent.
    pub fn missing(name: impl Into<String>) -> Self {
        Self { path: vec![name.into()], fault: Fault::Missing }
    }

    /// The name of the value, with the names around it: `retry.max_retries`, `events[0]`.
    pub fn name(&self) -> String {
        let mut name = String::new();
        for part in &self.path {
            let is_index = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            match (name.is_empty(), is_index) {
                (true, _) => name.push_str(part),
                (false, true) => name.extend(["[", part, "]"]),
                (false, false) => name.extend([".", part]),
            }
        }
        name
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        let name = shown(&name);
        match &self.fault {
            Fault::Missing => write!(f, "{name} is required"),
            Fault::Expected(expected) => write!(f, "{name} must be {expected}"),
            Fault::Invalid(text) => f.write_str(text),
            Fault::Unknown { known: [] } => write!(f, "{name} is not known here: nothing is taken"),
            Fault::Unknown { known } => {
                let last = self.path.last().map_or("", String::as_str);
                match nearest(last, known.iter().copied()) {
                    Some(near) => write!(f, "{name} is not known here: did you mean {near}?"),
                    None => write!(f, "{name} is not known here: give {}", listed(known.iter().copied())),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(path: &[&str], fault: Fault) -> String {
        Problem { path: path.iter().map(|part| (*part).to_owned()).collect(), fault }.to_string()
    }

    #[test]
    fn an_unknown_name_is_told_with_the_nearest_or_all() {
        let known = Fault::Unknown { known: &["limit", "cursor", "status"] };
        assert_eq!(said(&["limt"], known.clone()), "limt is not known here: did you mean limit?");
        assert_eq!(said(&["Cursor"], known.clone()), "Cursor is not known here: did you mean cursor?");
        assert_eq!(said(&["document_id"], known), "document_id is not known here: give limit, cursor, status");
        assert_eq!(said(&["x"], Fault::Unknown { known: &[] }), "x is not known here: nothing is taken");
    }

    #[test]
    fn a_name_is_told_with_those_around_it_and_cut() {
        assert_eq!(said(&["retry", "delay"], Fault::Missing), "retry.delay is required");
        assert_eq!(said(&["events", "2"], Fault::Expected("a text".into())), "events[2] must be a text");
        let long = "x".repeat(10_000);
        assert!(said(&[&long], Fault::Expected("a text".into())).len() < 300);
    }
}
