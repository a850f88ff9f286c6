//! What the core decides of a cursor's moves, in the words of `lua/advance.lua`. The script finds where the cursor points and whether
//! an event is left there; it knows no move.

use super::delivery_records::state_word;
use super::link::call::Argument as _;
use super::values::to_json;
use morag_core::Timestamp;
use morag_core::ports::{DeliveryMove, Recorded, StoreError};
use morag_core::store_policy::{CursorFate, MoveEffect, Step};
use morag_core::webhook::{CursorName, EndpointId};
use std::time::Duration;

/// A move: the state in which its delivery is recorded, or nothing; `stay` or `next`, and by how many attempts or deliveries; the
/// attempt's JSON, or nothing.
pub(super) fn move_words(one: &DeliveryMove) -> Result<[Vec<u8>; 4], StoreError> {
    let MoveEffect { recorded, step, then: _ } = MoveEffect::of(one.movement, one.attempt.is_some());
    let (step, more) = match step {
        Step::Stay { attempts } => ("stay", attempts),
        Step::Next { deliveries } => ("next", deliveries),
    };
    let attempt = one.attempt.as_ref().map(to_json).transpose()?;
    Ok([recorded.map(state_word).into_bytes(), step.into_bytes(), more.into_bytes(), attempt.into_bytes()])
}

/// What may become of a cursor: the script finds which of the two it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fates {
    /// Where the cursor points at an event of the log.
    pub(super) with_event: CursorFate,
    /// Where it has passed them all.
    pub(super) without_event: CursorFate,
}

impl Fates {
    /// What follows a last move.
    pub(super) fn of(last: &DeliveryMove, name: &CursorName) -> Self {
        let then = MoveEffect::of(last.movement, last.attempt.is_some()).then;
        let of = |has_event| CursorFate::of(then, has_event, name.resend().is_some());
        Self { with_event: of(true), without_event: of(false) }
    }

    /// What the mover is told, by the outcome that the script answers.
    pub(super) fn recorded(self, outcome: &str) -> Option<Recorded> {
        let fates = [self.with_event, self.without_event];
        fates.into_iter().find(|fate| names(*fate).1 == outcome).map(CursorFate::recorded)
    }
}

/// A fate's word in the script, and the outcome that is answered, and stored with the cursor. A forgotten cursor stores none: the script
/// answers `idle` itself where the call is made again.
fn names(fate: CursorFate) -> (&'static str, &'static str) {
    match fate {
        CursorFate::GoesOn => ("goes_on", "more"),
        CursorFate::DueAt(_) => ("due", "idle"),
        CursorFate::Waits => ("waits", "idle"),
        CursorFate::Parked => ("parked", "parked"),
        CursorFate::Forgotten => ("forgotten", "idle"),
    }
}

/// A fate: its word, the outcome, whether it may end the credentials of the task's own endpoint, and after how many milliseconds the
/// cursor is due. `delay`: how long it is until then.
pub(super) fn fate_words(fate: CursorFate, name: &CursorName, delay: impl Fn(Timestamp) -> Duration) -> String {
    let (word, outcome) = names(fate);
    let ends_credentials = fate.may_end_credentials() && *name.endpoint() == EndpointId::of_task();
    let delay = match fate {
        CursorFate::DueAt(due) => delay(due),
        CursorFate::GoesOn | CursorFate::Waits | CursorFate::Parked | CursorFate::Forgotten => Duration::ZERO,
    };
    format!("{word} {outcome} {} {}", u8::from(ends_credentials), delay.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_core::ports::{AttemptRecord, CursorMove};
    use morag_core::store_policy::{CursorPosition, plan_advance};
    use morag_core::webhook::AttemptOutcome;

    const DUE: Timestamp = Timestamp::from_millis(9);

    const MOVES: [CursorMove; 6] = [
        CursorMove::Skip,
        CursorMove::Delivered,
        CursorMove::Dead,
        CursorMove::Retry(DUE),
        CursorMove::Disable,
        CursorMove::Park,
    ];

    /// The fates and their words.
    const FATES: [(CursorFate, &str); 5] = [
        (CursorFate::GoesOn, "goes_on more 0 0"),
        (CursorFate::DueAt(DUE), "due idle 0 9"),
        (CursorFate::Waits, "waits idle 1 0"),
        (CursorFate::Parked, "parked parked 0 0"),
        (CursorFate::Forgotten, "forgotten idle 1 0"),
    ];

    fn moved(movement: CursorMove, has_attempt: bool) -> DeliveryMove {
        let (excerpt, retry_after_ms) = (String::new(), None);
        let outcome = AttemptOutcome { status: Some(500), error: None, retry_after_ms, excerpt, duration_ms: 1 };
        DeliveryMove { movement, attempt: has_attempt.then_some(AttemptRecord { attempt: 3, at: DUE, outcome }) }
    }

    fn name(text: &str) -> CursorName {
        text.parse().unwrap()
    }

    /// What the script does with the words of a move.
    fn carry_out(words: &[String; 4], at: &mut CursorPosition, recorded: &mut Vec<(String, u64, u64, bool)>) {
        let [state, step, more, attempt] = words;
        if !state.is_empty() {
            recorded.push((state.clone(), at.next_delivery, at.next_event, !attempt.is_empty()));
        }
        let more: u32 = more.parse().unwrap();
        match step.as_str() {
            "stay" => at.attempts += more,
            "next" => {
                (at.next_event, at.attempts) = (at.next_event + 1, 0);
                at.next_delivery += u64::from(more);
            }
            _ => panic!("{words:?}"),
        }
    }

    #[test]
    fn every_move_is_sent_as_the_core_decides_it() {
        let moves = || MOVES.into_iter().flat_map(|one| [(one, false), (one, true)]);
        for ((first, with_first), (second, with_second)) in moves().flat_map(|one| moves().map(move |two| (one, two))) {
            let moves = [moved(first, with_first), moved(second, with_second)];
            let start = CursorPosition { next_event: 3, next_delivery: 5, attempts: 2, last_event: 9 };
            let plan = plan_advance(start, false, &moves);
            let (mut at, mut recorded) = (start, Vec::new());
            for one in &moves {
                let words = move_words(one).unwrap().map(|word| String::from_utf8(word).unwrap());
                carry_out(&words, &mut at, &mut recorded);
            }
            let planned = plan.records.iter().map(|record| {
                let has_attempt = moves[record.index].attempt.is_some();
                (state_word(record.state).to_owned(), record.delivery, record.event, has_attempt)
            });
            assert_eq!((at, recorded), (plan.position, planned.collect()), "{first:?} {second:?}");
            for (of, is_resend) in [("task", false), ("ep_a", false), ("ep_a#5.1", true)] {
                let fates = Fates::of(&moves[1], &name(of));
                for (last_event, fate) in [(9, fates.with_event), (2, fates.without_event)] {
                    let left = CursorPosition { last_event, ..start };
                    assert_eq!(fate, plan_advance(left, is_resend, &moves[1..]).fate, "{second:?} {of}");
                }
            }
        }
    }

    #[test]
    fn every_fate_has_its_words_and_its_outcome_says_what_the_mover_is_told() {
        for (fate, words) in FATES {
            assert_eq!(fate_words(fate, &name("task"), |due| due.since(Timestamp::from_millis(0))), words);
            let of_named = fate_words(fate, &name("ep_a"), |_| Duration::ZERO);
            assert_eq!(of_named.split(' ').nth(2), Some("0"), "a named endpoint's credentials are not the task's");
        }
        let last = |movement| Fates::of(&moved(movement, true), &name("task"));
        for movement in MOVES {
            let fates = last(movement);
            for fate in [fates.with_event, fates.without_event] {
                assert_eq!(fates.recorded(names(fate).1), Some(fate.recorded()), "{movement:?}");
            }
        }
        assert_eq!(last(CursorMove::Skip).recorded("parked"), None);
        assert_eq!(last(CursorMove::Park).recorded("more"), None);
    }
}
