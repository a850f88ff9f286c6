//! Filters on event types: names, or patterns with `*`.

use crate::glob::is_match;
use serde::{Deserialize, Serialize};

/// Every event type, in the order in which a task produces them.
pub const EVENT_TYPES: [&str; 10] = [
    "task_started",
    "step_started",
    "step_completed",
    "step_skipped",
    "step_retrying",
    "step_failed",
    "task_progress",
    "task_completed",
    "task_failed",
    "task_cancelled",
];

/// Maximum pattern length, bytes: the longest name has 14, and consecutive stars equal one.
const PATTERN_LENGTH_MAX: usize = 64;

/// Maximum patterns of a filter: twice the number of names, so that a list of all names is accepted.
const PATTERNS_MAX: usize = 2 * EVENT_TYPES.len();

/// Name of an event type, or a pattern with `*` (any number of characters, including none) that matches at least one. A dot may
/// replace the first underscore: `task.*` is `task_*`, `step.completed` is `step_completed`. Displayed and stored with the
/// underscore.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EventGlob(String);

/// Filter on event types: those that any pattern matches; all of them without patterns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<EventGlob>", into = "Vec<EventGlob>")]
pub struct EventFilter(Vec<EventGlob>);

/// Why a pattern or a filter is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEventGlob {
    /// No event type matches.
    #[error("no event type matches {0:?}: use names, or patterns like task_*; the names are {names}", names = EVENT_TYPES.join(", "))]
    MatchesNothing(String),
    /// Longer than any useful pattern.
    #[error("a pattern of event types is longer than {PATTERN_LENGTH_MAX} bytes: use names or patterns like task_*")]
    TooLong,
    /// Too many patterns.
    #[error("more than {PATTERNS_MAX} patterns of event types: * alone matches all of them")]
    TooMany,
}

impl EventGlob {
    /// The pattern, with underscores.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether an event type matches.
    pub fn matches(&self, event_type: &str) -> bool {
        is_match(self.0.as_bytes(), event_type.as_bytes())
    }
}

impl std::str::FromStr for EventGlob {
    type Err = InvalidEventGlob;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.len() > PATTERN_LENGTH_MAX {
            return Err(InvalidEventGlob::TooLong);
        }
        let glob = match text.split_once('.') {
            Some((subject, rest)) if !subject.contains('_') => Self(format!("{subject}_{rest}")),
            _ => Self(text.to_owned()),
        };
        match EVENT_TYPES.iter().any(|name| glob.matches(name)) {
            true => Ok(glob),
            false => Err(InvalidEventGlob::MatchesNothing(text.to_owned())),
        }
    }
}

impl TryFrom<String> for EventGlob {
    type Error = InvalidEventGlob;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<EventGlob> for String {
    fn from(glob: EventGlob) -> Self {
        glob.0
    }
}

impl std::fmt::Display for EventGlob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl EventFilter {
    /// A filter of these patterns; empty: all events.
    pub fn new(patterns: Vec<EventGlob>) -> Result<Self, InvalidEventGlob> {
        if patterns.len() > PATTERNS_MAX {
            return Err(InvalidEventGlob::TooMany);
        }
        Ok(Self(patterns))
    }

    /// The patterns; empty: all events.
    pub fn patterns(&self) -> &[EventGlob] {
        &self.0
    }

    /// Whether an event type passes the filter.
    pub fn matches(&self, event_type: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|glob| glob.matches(event_type))
    }
}

impl std::str::FromStr for EventFilter {
    type Err = InvalidEventGlob;
    /// Parses patterns separated by commas. A text without patterns is refused.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // One more than allowed is enough to refuse it.
        let patterns = text.split(',').take(PATTERNS_MAX + 1).map(str::parse).collect::<Result<_, _>>()?;
        Self::new(patterns)
    }
}

impl TryFrom<Vec<EventGlob>> for EventFilter {
    type Error = InvalidEventGlob;
    fn try_from(patterns: Vec<EventGlob>) -> Result<Self, Self::Error> {
        Self::new(patterns)
    }
}

impl From<EventFilter> for Vec<EventGlob> {
    fn from(filter: EventFilter) -> Self {
        filter.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::EventKind;

    fn matched(text: &str) -> Vec<&'static str> {
        let filter: EventFilter = text.parse().unwrap();
        EVENT_TYPES.into_iter().filter(|name| filter.matches(name)).collect()
    }

    #[test]
    fn names_and_patterns_choose_event_types() {
        assert_eq!(matched("step_completed"), ["step_completed"]);
        assert_eq!(matched("task_failed, step_failed"), ["step_failed", "task_failed"]);
        assert_eq!(matched("*_failed"), ["step_failed", "task_failed"]);
        assert_eq!(matched("s*_*ed*"), ["step_started", "step_completed", "step_skipped", "step_failed"]);
        assert_eq!(matched("step_*y*"), ["step_retrying"]);
        assert_eq!(matched("*"), EVENT_TYPES);
        assert_eq!(matched("**"), EVENT_TYPES);
        assert_eq!(EventFilter::default(), EventFilter::new(Vec::new()).unwrap());
        assert!(EVENT_TYPES.into_iter().all(|name| EventFilter::default().matches(name)));
    }

    #[test]
    fn a_dot_is_the_first_underscore() {
        assert_eq!(matched("task.*"), matched("task_*"));
        assert_eq!(matched("step.completed"), ["step_completed"]);
        assert_eq!("task.*".parse::<EventGlob>().unwrap().to_string(), "task_*");
        assert!("task_.*".parse::<EventGlob>().is_err());
        assert!("task.progress.more".parse::<EventGlob>().is_err());
    }

    #[test]
    fn what_matches_nothing_is_refused_with_the_names() {
        for text in ["", "task", "job_*", "step_complete", "Task_*", "task_progress ,", "step?started", "task_*\0"] {
            let error = text.parse::<EventFilter>().unwrap_err();
            assert!(matches!(error, InvalidEventGlob::MatchesNothing(_)), "{text:?}");
            assert!(EVENT_TYPES.iter().all(|name| error.to_string().contains(name)), "{error}");
        }
        assert_eq!("*".repeat(65).parse::<EventGlob>(), Err(InvalidEventGlob::TooLong));
        assert_eq!(vec!["*"; 21].join(",").parse::<EventFilter>(), Err(InvalidEventGlob::TooMany));
        assert!(vec!["*"; 20].join(",").parse::<EventFilter>().is_ok());
    }

    #[test]
    fn a_filter_reads_back_as_it_was_stored() {
        let filter: EventFilter = "task.*,step_failed".parse().unwrap();
        let stored = serde_json::to_string(&filter).unwrap();
        assert_eq!(stored, r#"["task_*","step_failed"]"#);
        assert_eq!(serde_json::from_str::<EventFilter>(&stored).unwrap(), filter);
        assert!(serde_json::from_str::<EventFilter>(r#"["nonsense"]"#).is_err());
    }

    #[test]
    fn the_names_are_those_of_the_events() {
        for name in EVENT_TYPES {
            // What a kind needs besides its name; the others ignore it.
            let fields = serde_json::json!({
                "event_type": name, "milestone": 25, "step": "s", "stage": "t", "data": {}, "artifacts": [], "result": {},
                "reason": "condition_not_met", "retry_number": 1, "retries_max": 3, "delay_ms": 10,
                "resources": { "wall_ms": 0, "cpu_ms": 0, "peak_memory_bytes": 0, "host_calls": 0, "bytes_in": 0, "bytes_out": 0 },
                "failure": { "code": "c", "message": "m", "details": {}, "retryable": false },
            });
            let kind: EventKind = serde_json::from_value(fields).unwrap();
            assert_eq!(kind.event_type(), name);
        }
    }
}
