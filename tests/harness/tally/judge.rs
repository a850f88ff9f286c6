//! Checks the results of a fault scenario. Pure: facts in, findings out.
//!
//! For every accepted task:
//! - it has ended;
//! - its history has the sequences 1, 2, 3, …, starts with `task_started`, has exactly one end event, which is the last, and no
//!   event twice (the same type of the same step or milestone);
//! - a completed task has completed every step that it started;
//! - its files have the digests recorded in its history;
//! - the receiver answered 2xx to every event, and first saw them in the order 1, 2, 3, …;
//! - a repeated event had the same bytes, including the end event: no task completed twice with different results.
//!
//! Events are delivered at least once, so they may be repeated. Directly after the first delivery this is a *repeat*; after a later
//! event it is a *late repeat*, whose sender had lost its lease without noticing. That requires a process that was paused, cut off
//! or had its clock changed between checking the lease and sending; a killed process cannot do it. Therefore late repeats are
//! findings unless the scenario contains such faults ([`Rules::late_repeats`]).
//!
//! After a failover ([`Rules::failover`]), writes that were not replicated are undone: a task that the server does not know counts
//! as lost, and an event that was delivered and undone may be delivered again with another body (`changed_repeats`). All other rules
//! hold for the remaining tasks.

use std::collections::BTreeSet;

/// One event of a task's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEvent {
    /// `sequence`.
    pub sequence: u64,
    /// `event_type`.
    pub event_type: String,
    /// Step or milestone, if it has one.
    pub place: String,
}

/// A delivery answered with 2xx.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// `X-MoRAG-Sequence`.
    pub sequence: u64,
    /// `X-MoRAG-Event`.
    pub event_type: String,
    /// Digest of the body.
    pub digest: u64,
}

/// Facts about an accepted task after the scenario.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// History, oldest first; empty if the server does not know the task.
    pub history: Vec<HistoryEvent>,
    /// Deliveries in the order in which the receiver recorded them.
    pub seen: Vec<Sighting>,
    /// Files whose content differs from the history.
    pub damaged_files: Vec<String>,
    /// Whether the server reports that the task does not exist.
    pub is_unknown: bool,
}

/// Deviations that a scenario may cause.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rules {
    /// Whether events may be repeated after a later one.
    pub late_repeats: bool,
    /// Whether the last writes of a store may be undone: losses are then counted instead of reported as findings.
    pub failover: bool,
}

/// A violation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The server does not know an accepted task.
    Lost,
    /// It has not ended.
    NotEnded,
    /// Its history has a gap, or an event out of place.
    HistoryGap,
    /// Its history does not begin with `task_started`.
    NoStart,
    /// Its history contains an event twice.
    HistoryRepeats(String),
    /// It ended more than once, or went on after its end.
    EndedTwice,
    /// It completed without completing a step that it started.
    StepNotCompleted(String),
    /// The receiver did not accept an event.
    DeliveryMissing(u64),
    /// A delivery of an event that is not in the history.
    DeliveryUnknown(u64),
    /// An event was first delivered after a later one.
    OutOfOrder(u64),
    /// An event was repeated after a later one.
    LateRepeat(u64),
    /// An event was repeated with another body.
    RepeatDiffers(u64),
    /// A file differs from the history.
    FileDiffers(String),
    /// The content of the knowledge store differs from the history, as described.
    ContentDiffers(String),
}

/// Result for one task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskVerdict {
    /// Violations.
    pub findings: Vec<Finding>,
    /// Deliveries repeated immediately.
    pub repeats: u64,
    /// Deliveries repeated after a later one.
    pub late_repeats: u64,
    /// Events repeated with another body, because the first version was undone.
    pub changed_repeats: u64,
}

/// Whether an event ends a task.
pub fn is_end(event_type: &str) -> bool {
    matches!(event_type, "task_completed" | "task_failed" | "task_cancelled")
}

/// Checks one task.
pub fn judge(facts: &Facts, rules: Rules) -> TaskVerdict {
    let mut verdict = TaskVerdict::default();
    if rules.failover && facts.is_unknown {
        return verdict;
    }
    if rules.failover && facts.history.is_empty() {
        verdict.findings.push(Finding::NotEnded);
    } else if facts.history.is_empty() {
        verdict.findings.push(Finding::Lost);
    } else {
        verdict.findings.extend(history(&facts.history));
    }
    deliveries(facts, rules, &mut verdict);
    verdict.findings.extend(facts.damaged_files.iter().cloned().map(Finding::FileDiffers));
    verdict
}

fn history(events: &[HistoryEvent]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if events.iter().zip(1..).any(|(event, expected)| event.sequence != expected) {
        findings.push(Finding::HistoryGap);
    }
    if events.first().is_some_and(|first| first.event_type != "task_started") {
        findings.push(Finding::NoStart);
    }
    let ends: Vec<_> = events.iter().filter(|event| is_end(&event.event_type)).collect();
    if ends.is_empty() {
        findings.push(Finding::NotEnded);
    } else if ends.len() > 1 || events.last().is_some_and(|last| !is_end(&last.event_type)) {
        findings.push(Finding::EndedTwice);
    }
    let mut met = BTreeSet::new();
    for event in events {
        if !is_end(&event.event_type) && !met.insert((&event.event_type, &event.place)) {
            findings.push(Finding::HistoryRepeats(format!("{} {}", event.event_type, event.place)));
        }
    }
    if ends.iter().any(|end| end.event_type == "task_completed") {
        let of = |kind: &str| -> BTreeSet<&str> {
            events.iter().filter(|event| event.event_type == kind).map(|event| event.place.as_str()).collect()
        };
        let (started, completed) = (of("step_started"), of("step_completed"));
        findings.extend(started.difference(&completed).map(|step| Finding::StepNotCompleted((*step).to_owned())));
    }
    findings
}

fn deliveries(facts: &Facts, rules: Rules, verdict: &mut TaskVerdict) {
    let mut first: Vec<&Sighting> = Vec::new();
    let mut last = 0;
    for sighting in &facts.seen {
        let number = sighting.sequence;
        match first.iter_mut().find(|earlier| earlier.sequence == number) {
            None => {
                // An event missing here is reported as out of order when it arrives.
                if first.iter().any(|earlier| earlier.sequence > number) {
                    verdict.findings.push(Finding::OutOfOrder(number));
                }
                first.push(sighting);
            }
            Some(earlier) => {
                if earlier.digest != sighting.digest && rules.failover {
                    verdict.changed_repeats += 1;
                    *earlier = sighting;
                } else if earlier.digest != sighting.digest {
                    verdict.findings.push(Finding::RepeatDiffers(number));
                }
                if number == last {
                    verdict.repeats += 1;
                } else {
                    verdict.late_repeats += 1;
                    if !rules.late_repeats {
                        verdict.findings.push(Finding::LateRepeat(number));
                    }
                }
            }
        }
        last = number;
    }
    for event in &facts.history {
        let seen = first.iter().find(|seen| seen.sequence == event.sequence);
        match seen {
            None => verdict.findings.push(Finding::DeliveryMissing(event.sequence)),
            Some(seen) if seen.event_type != event.event_type => {
                verdict.findings.push(Finding::DeliveryUnknown(event.sequence));
            }
            Some(_) => {}
        }
    }
    let known = |seen: &&&Sighting| facts.history.iter().any(|event| event.sequence == seen.sequence);
    let unknown = first.iter().filter(|seen| !known(seen)).map(|seen| Finding::DeliveryUnknown(seen.sequence));
    verdict.findings.extend(unknown);
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: Rules = Rules { late_repeats: false, failover: false };

    fn event(sequence: u64, event_type: &str, place: &str) -> HistoryEvent {
        HistoryEvent { sequence, event_type: event_type.to_owned(), place: place.to_owned() }
    }

    fn sighting(sequence: u64, event_type: &str) -> Sighting {
        Sighting { sequence, event_type: event_type.to_owned(), digest: sequence }
    }

    /// A valid task with one step.
    fn good() -> Facts {
        let history = vec![
            event(1, "task_started", ""),
            event(2, "step_started", "chunking"),
            event(3, "step_completed", "chunking"),
            event(4, "task_completed", ""),
        ];
        let seen = history.iter().map(|event| sighting(event.sequence, &event.event_type)).collect();
        Facts { history, seen, damaged_files: Vec::new(), is_unknown: false }
    }

    fn findings(facts: &Facts) -> Vec<Finding> {
        judge(facts, STRICT).findings
    }

    #[test]
    fn a_good_task_has_no_findings() {
        assert_eq!(judge(&good(), STRICT), TaskVerdict::default());
    }

    #[test]
    fn an_unknown_task_is_lost_and_its_deliveries_unknown() {
        let facts = Facts { history: Vec::new(), seen: vec![sighting(1, "task_started")], ..Facts::default() };
        assert_eq!(findings(&facts), [Finding::Lost, Finding::DeliveryUnknown(1)]);
    }

    #[test]
    fn a_task_without_an_end_has_not_ended() {
        let mut facts = good();
        facts.history.pop();
        facts.seen.pop();
        assert_eq!(findings(&facts), [Finding::NotEnded]);
    }

    #[test]
    fn a_gap_in_the_history_is_found_and_so_is_a_false_start() {
        let mut facts = good();
        facts.history.remove(1);
        assert_eq!(findings(&facts), [Finding::HistoryGap, Finding::DeliveryUnknown(2)]);
        let mut facts = good();
        facts.history.swap(0, 1);
        assert_eq!(findings(&facts), [Finding::HistoryGap, Finding::NoStart]);
    }

    #[test]
    fn a_step_that_stands_twice_in_the_history_is_found() {
        let mut facts = good();
        facts.history.insert(2, event(3, "step_started", "chunking"));
        facts.history[3].sequence = 4;
        facts.history[4].sequence = 5;
        facts.seen = facts.history.iter().map(|event| sighting(event.sequence, &event.event_type)).collect();
        assert_eq!(findings(&facts), [Finding::HistoryRepeats("step_started chunking".to_owned())]);
    }

    #[test]
    fn a_second_end_is_found_and_so_is_life_after_the_end() {
        for extra in [event(5, "task_completed", ""), event(5, "task_progress", "25")] {
            let mut facts = good();
            facts.seen.push(sighting(5, &extra.event_type));
            facts.history.push(extra);
            assert_eq!(findings(&facts), [Finding::EndedTwice]);
        }
    }

    #[test]
    fn a_completed_task_has_completed_its_steps() {
        let mut facts = good();
        facts.history[2] = event(3, "task_progress", "25");
        facts.seen[2] = sighting(3, "task_progress");
        assert_eq!(findings(&facts), [Finding::StepNotCompleted("chunking".to_owned())]);
    }

    #[test]
    fn a_delivery_that_is_missing_is_found_wherever_it_is_missing() {
        for missing in 0..4 {
            let mut facts = good();
            facts.seen.remove(missing);
            assert_eq!(findings(&facts), [Finding::DeliveryMissing(missing as u64 + 1)]);
        }
    }

    #[test]
    fn a_delivery_of_another_event_than_the_historys_is_found() {
        let mut facts = good();
        facts.seen[2].event_type = "step_failed".to_owned();
        assert_eq!(findings(&facts), [Finding::DeliveryUnknown(3)]);
    }

    #[test]
    fn first_sightings_must_ascend() {
        let mut facts = good();
        facts.seen.swap(1, 2);
        assert_eq!(findings(&facts), [Finding::OutOfOrder(2)]);
    }

    #[test]
    fn a_repeat_at_once_is_counted_and_a_late_one_is_a_finding_unless_the_rules_allow_it() {
        let mut facts = good();
        facts.seen.insert(1, sighting(1, "task_started"));
        assert_eq!(judge(&facts, STRICT), TaskVerdict { repeats: 1, ..TaskVerdict::default() });
        facts.seen.push(sighting(2, "step_started"));
        assert_eq!(findings(&facts), [Finding::LateRepeat(2)]);
        let lenient = judge(&facts, Rules { late_repeats: true, failover: false });
        assert_eq!(lenient, TaskVerdict { repeats: 1, late_repeats: 1, ..TaskVerdict::default() });
    }

    #[test]
    fn a_repeat_says_the_same_or_it_is_a_finding() {
        let mut facts = good();
        facts.seen.push(Sighting { digest: 99, ..sighting(4, "task_completed") });
        assert_eq!(findings(&facts), [Finding::RepeatDiffers(4)]);
    }

    const FAILOVER: Rules = Rules { late_repeats: true, failover: true };

    #[test]
    fn an_event_undone_by_a_failover_counts_as_delivered_last() {
        let mut facts = good();
        // Before the failover, the third event was another one.
        facts.seen[2] = Sighting { digest: 99, ..sighting(3, "task_progress") };
        facts.seen.insert(3, sighting(3, "step_completed"));
        let verdict = judge(&facts, FAILOVER);
        assert_eq!(verdict, TaskVerdict { changed_repeats: 1, repeats: 1, ..TaskVerdict::default() });
        facts.seen.swap(2, 3);
        assert_eq!(judge(&facts, FAILOVER).findings, [Finding::DeliveryUnknown(3)]);
    }

    #[test]
    fn after_a_failover_a_task_is_lost_or_has_ended() {
        let lost = Facts { history: vec![], is_unknown: true, ..good() };
        assert_eq!(judge(&lost, FAILOVER), TaskVerdict::default());
        assert!(judge(&lost, STRICT).findings.contains(&Finding::Lost));
        let waits = Facts { is_unknown: false, seen: vec![], ..lost };
        assert_eq!(judge(&waits, FAILOVER).findings, [Finding::NotEnded]);
        let mut hangs = good();
        hangs.history.pop();
        assert!(judge(&hangs, FAILOVER).findings.contains(&Finding::NotEnded));
    }

    #[test]
    fn a_file_that_was_written_over_is_found() {
        let facts = Facts { damaged_files: vec!["chunks.json".to_owned()], ..good() };
        assert_eq!(findings(&facts), [Finding::FileDiffers("chunks.json".to_owned())]);
    }
}
