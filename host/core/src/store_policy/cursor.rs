//! What becomes of a cursor: of its place in the due-queue, of the delivery it makes, and of the task it belongs to.

use crate::Timestamp;
use crate::ports::{CursorMove, DeliveryMove, DeliveryState, RESENDS_MAX, Recorded, ResendError};
use crate::task::StatusWord;

/// A cursor's place in the due-queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CursorState {
    /// It has a due time: something is to be delivered now or later, or its lease runs out then.
    Due,
    /// It waits for its task's next event.
    Waiting,
    /// It waits for its endpoint to be enabled.
    Parked,
}

impl CursorState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Due, Self::Waiting, Self::Parked];

    /// Whether an event of its task makes it due now.
    pub fn is_woken_by_event(self) -> bool {
        match self {
            Self::Waiting => true,
            // It finds the event when it comes due, or is enabled.
            Self::Due | Self::Parked => false,
        }
    }

    /// Whether [`crate::ports::Deliveries::unpark`] makes it due now.
    pub fn is_woken_by_endpoint(self) -> bool {
        match self {
            Self::Parked => true,
            Self::Due | Self::Waiting => false,
        }
    }

    /// Whether its task is kept, however old, because a delivery is to come. Not for a disabled endpoint: nothing says that it will
    /// ever be enabled.
    pub fn keeps_task(self) -> bool {
        match self {
            Self::Due => true,
            Self::Waiting | Self::Parked => false,
        }
    }
}

/// Whether a task that ended long enough ago may be deleted, with its cursors.
pub fn may_expire(status: StatusWord, cursors: impl IntoIterator<Item = CursorState>) -> bool {
    status.is_ended() && !cursors.into_iter().any(CursorState::keeps_task)
}

/// What a move does, as far as its arguments say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MoveEffect {
    /// State in which the delivery is recorded; none: nothing is recorded.
    pub recorded: Option<DeliveryState>,
    /// Where the cursor points afterwards.
    pub step: Step,
    /// What follows where it is the last move.
    pub then: AfterMove,
}

/// Where a cursor points after a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// At the same event; `attempts` more were made for the delivery.
    Stay {
        /// 0 or 1.
        attempts: u32,
    },
    /// At the next event; `deliveries` more were made.
    Next {
        /// 0 or 1.
        deliveries: u32,
    },
}

/// What follows a last move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterMove {
    /// The next event.
    GoOn,
    /// The same delivery again, then.
    Retry(Timestamp),
    /// Nothing before the endpoint is enabled.
    Park,
    /// Nothing ever.
    Forget,
}

impl MoveEffect {
    /// What a move does. `has_attempt`: an attempt comes with it.
    pub fn of(movement: CursorMove, has_attempt: bool) -> Self {
        let tried = Step::Stay { attempts: u32::from(has_attempt) };
        let pending = has_attempt.then_some(DeliveryState::Pending);
        let (recorded, step, then) = match movement {
            CursorMove::Skip => (None, Step::Next { deliveries: 0 }, AfterMove::GoOn),
            CursorMove::Delivered => (Some(DeliveryState::Delivered), Step::Next { deliveries: 1 }, AfterMove::GoOn),
            CursorMove::Dead => (Some(DeliveryState::Dead), Step::Next { deliveries: 1 }, AfterMove::GoOn),
            CursorMove::Retry(due) => (pending, tried, AfterMove::Retry(due)),
            CursorMove::Park => (pending, tried, AfterMove::Park),
            CursorMove::Disable => (Some(DeliveryState::Dead), Step::Stay { attempts: 0 }, AfterMove::Forget),
        };
        Self { recorded, step, then }
    }
}

/// Where a cursor points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CursorPosition {
    /// Sequence of the event it looks at.
    pub next_event: u64,
    /// Number of the delivery that would be the next.
    pub next_delivery: u64,
    /// Attempts already made for that delivery.
    pub attempts: u32,
    /// Sequence of the last event it may look at: the log's last, or the one event of a delivery that is made again.
    pub last_event: u64,
}

impl CursorPosition {
    /// Whether there is an event to look at.
    pub fn has_event(&self) -> bool {
        self.next_event <= self.last_event
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Stay { attempts } => self.attempts = self.attempts.saturating_add(attempts),
            Step::Next { deliveries } => {
                self.next_event = self.next_event.saturating_add(1);
                self.next_delivery = self.next_delivery.saturating_add(u64::from(deliveries));
                self.attempts = 0;
            }
        }
    }
}

/// What becomes of a cursor after its moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CursorFate {
    /// The lease goes on: the next event is in the log.
    GoesOn,
    /// The lease ends; the cursor is due then.
    DueAt(Timestamp),
    /// The lease ends; the cursor waits for its task's next event.
    Waits,
    /// The lease ends; the cursor waits for its endpoint to be enabled.
    Parked,
    /// The cursor is deleted, with its place in the due-queue.
    Forgotten,
}

impl CursorFate {
    /// What follows the last move. `has_event`: the cursor points at an event that is in the log. `is_resend`: it makes one delivery
    /// again ([`crate::webhook::Resend`]).
    pub fn of(then: AfterMove, has_event: bool, is_resend: bool) -> Self {
        match (then, has_event) {
            (AfterMove::Forget, _) => Self::Forgotten,
            (AfterMove::Park, _) => Self::Parked,
            (AfterMove::Retry(due), true) => Self::DueAt(due),
            (AfterMove::GoOn, true) => Self::GoesOn,
            // Only a database changed by hand has a retry without an event.
            (AfterMove::GoOn | AfterMove::Retry(_), false) if is_resend => Self::Forgotten,
            (AfterMove::GoOn | AfterMove::Retry(_), false) => Self::Waits,
        }
    }

    /// What the mover is told.
    pub fn recorded(self) -> Recorded {
        match self {
            Self::GoesOn => Recorded::More,
            Self::DueAt(_) | Self::Waits | Self::Parked | Self::Forgotten => Recorded::Idle,
        }
    }

    /// Whether the cursor may have been the last that needed the credentials of the task's own endpoint, if it is one of that
    /// endpoint's ([`crate::ports::KeptCredentials::Gone`]).
    pub fn may_end_credentials(self) -> bool {
        match self {
            Self::Waits | Self::Forgotten => true,
            Self::GoesOn | Self::DueAt(_) | Self::Parked => false,
        }
    }
}

/// What a row of moves does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advance {
    /// What is recorded, in order.
    pub records: Vec<RecordedMove>,
    /// Where the cursor points afterwards.
    pub position: CursorPosition,
    /// What becomes of it.
    pub fate: CursorFate,
}

/// A delivery as it is recorded after a move, with the move's attempt if there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordedMove {
    /// Index of the move.
    pub index: usize,
    /// Number of the delivery.
    pub delivery: u64,
    /// Sequence of its event.
    pub event: u64,
    /// Its state from now on.
    pub state: DeliveryState,
}

/// What these moves do to a cursor. Moves past the last event are left out.
pub fn plan_advance(mut position: CursorPosition, is_resend: bool, moves: &[DeliveryMove]) -> Advance {
    let effects = moves.iter().map(|one| MoveEffect::of(one.movement, one.attempt.is_some()));
    let (mut records, mut then) = (Vec::new(), AfterMove::GoOn);
    for (index, effect) in effects.enumerate() {
        then = effect.then;
        if position.has_event() {
            let (delivery, event) = (position.next_delivery, position.next_event);
            records.extend(effect.recorded.map(|state| RecordedMove { index, delivery, event, state }));
            position.take(effect.step);
        }
    }
    Advance { records, position, fate: CursorFate::of(then, position.has_event(), is_resend) }
}

/// Number of the next resend of a delivery. `last`: number of the last one, 0 for the delivery itself; `state`: of that.
///
/// # Errors
/// [`ResendError::Pending`] while the last one is not settled, [`ResendError::TooMany`] from [`RESENDS_MAX`] on.
pub fn next_resend(last: u32, state: DeliveryState) -> Result<u32, ResendError> {
    match state {
        DeliveryState::Pending => Err(ResendError::Pending),
        DeliveryState::Delivered | DeliveryState::Dead | DeliveryState::Resent if last >= RESENDS_MAX => {
            Err(ResendError::TooMany)
        }
        DeliveryState::Delivered | DeliveryState::Dead | DeliveryState::Resent => Ok(last + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::AttemptRecord;
    use crate::webhook::AttemptOutcome;

    const DUE: Timestamp = Timestamp::from_millis(9);

    const MOVES: [CursorMove; 6] = [
        CursorMove::Skip,
        CursorMove::Delivered,
        CursorMove::Dead,
        CursorMove::Retry(DUE),
        CursorMove::Disable,
        CursorMove::Park,
    ];

    fn position(next_event: u64, last_event: u64) -> CursorPosition {
        CursorPosition { next_event, next_delivery: 5, attempts: 2, last_event }
    }

    fn moved(movement: CursorMove, has_attempt: bool) -> DeliveryMove {
        let outcome = AttemptOutcome {
            status: Some(500),
            error: None,
            retry_after_ms: None,
            excerpt: String::new(),
            duration_ms: 1,
        };
        let attempt = has_attempt.then_some(AttemptRecord { attempt: 3, at: DUE, outcome });
        DeliveryMove { movement, attempt }
    }

    #[test]
    fn a_cursor_is_woken_by_what_it_waits_for_alone() {
        let [due, waiting, parked] = CursorState::ALL;
        assert_eq!([due, waiting, parked].map(CursorState::is_woken_by_event), [false, true, false]);
        assert_eq!([due, waiting, parked].map(CursorState::is_woken_by_endpoint), [false, false, true]);
    }

    #[test]
    fn a_task_expires_once_it_has_ended_and_nothing_is_to_be_delivered() {
        let [due, waiting, parked] = CursorState::ALL;
        for status in StatusWord::ALL {
            assert_eq!(may_expire(status, []), status.is_ended(), "{status:?}");
            assert_eq!(may_expire(status, [waiting, parked]), status.is_ended(), "{status:?}");
            assert!(!may_expire(status, [waiting, due]));
        }
    }

    #[test]
    fn a_delivery_is_recorded_from_its_first_attempt_on() {
        use DeliveryState::{Dead, Delivered, Pending};
        let recorded = |has_attempt| MOVES.map(|movement| MoveEffect::of(movement, has_attempt).recorded);
        assert_eq!(recorded(true), [None, Some(Delivered), Some(Dead), Some(Pending), Some(Dead), Some(Pending)]);
        assert_eq!(recorded(false), [None, Some(Delivered), Some(Dead), None, Some(Dead), None]);
    }

    #[test]
    fn a_settled_delivery_is_passed_and_another_keeps_its_number_and_attempts() {
        let after = |movement, has_attempt| {
            let Advance { position, .. } = plan_advance(position(3, 9), false, &[moved(movement, has_attempt)]);
            (position.next_event, position.next_delivery, position.attempts)
        };
        assert_eq!(after(CursorMove::Skip, false), (4, 5, 0));
        assert_eq!(after(CursorMove::Delivered, true), (4, 6, 0));
        assert_eq!(after(CursorMove::Dead, true), (4, 6, 0));
        assert_eq!(after(CursorMove::Dead, false), (4, 6, 0));
        for waits in [CursorMove::Retry(DUE), CursorMove::Park] {
            assert_eq!(after(waits, true), (3, 5, 3), "{waits:?}");
            assert_eq!(after(waits, false), (3, 5, 2), "{waits:?} without an attempt uses none up");
        }
        assert_eq!(after(CursorMove::Disable, true), (3, 5, 2));
    }

    #[test]
    fn what_follows_is_by_the_last_move_and_by_what_is_left() {
        use CursorFate::{DueAt, Forgotten, GoesOn, Parked, Waits};
        // The event that the cursor looks at is the log's last: moves that pass it leave nothing.
        let fates = |last_event, is_resend| {
            MOVES.map(|movement| plan_advance(position(3, last_event), is_resend, &[moved(movement, true)]).fate)
        };
        assert_eq!(fates(4, false), [GoesOn, GoesOn, GoesOn, DueAt(DUE), Forgotten, Parked]);
        assert_eq!(fates(3, false), [Waits, Waits, Waits, DueAt(DUE), Forgotten, Parked]);
        assert_eq!(fates(3, true), [Forgotten, Forgotten, Forgotten, DueAt(DUE), Forgotten, Parked]);
    }

    #[test]
    fn moves_past_the_log_are_left_out() {
        let moves = [moved(CursorMove::Delivered, true), moved(CursorMove::Skip, false), moved(CursorMove::Dead, true)];
        let advance = plan_advance(position(3, 4), false, &moves);
        let first = RecordedMove { index: 0, delivery: 5, event: 3, state: DeliveryState::Delivered };
        assert_eq!((advance.records, advance.fate), (vec![first], CursorFate::Waits));
        assert_eq!(advance.position, CursorPosition { next_event: 5, next_delivery: 6, attempts: 0, last_event: 4 });
        let late = plan_advance(position(5, 4), false, &[moved(CursorMove::Retry(DUE), true)]);
        assert_eq!((late.records, late.position, late.fate), (vec![], position(5, 4), CursorFate::Waits));
    }

    #[test]
    fn each_delivery_of_a_row_of_moves_has_its_own_number_and_event() {
        let moves = [
            moved(CursorMove::Skip, false),
            moved(CursorMove::Delivered, true),
            moved(CursorMove::Dead, false),
            moved(CursorMove::Retry(DUE), true),
        ];
        let records = plan_advance(position(1, 9), false, &moves).records;
        let numbers: Vec<_> = records.iter().map(|one| (one.index, one.delivery, one.event)).collect();
        assert_eq!(numbers, [(1, 5, 2), (2, 6, 3), (3, 7, 4)]);
    }

    #[test]
    fn only_a_cursor_with_nothing_left_ends_credentials_and_only_one_that_goes_on_keeps_its_lease() {
        use CursorFate::{DueAt, Forgotten, GoesOn, Parked, Waits};
        let fates = [GoesOn, DueAt(DUE), Waits, Parked, Forgotten];
        assert_eq!(fates.map(CursorFate::may_end_credentials), [false, false, true, false, true]);
        let more = fates.map(|fate| fate.recorded() == Recorded::More);
        assert_eq!(more, [true, false, false, false, false]);
    }

    #[test]
    fn a_settled_delivery_is_made_again_so_often() {
        use DeliveryState::{Dead, Delivered, Pending, Resent};
        for settled in [Delivered, Dead, Resent] {
            assert_eq!(next_resend(0, settled), Ok(1));
            assert_eq!(next_resend(RESENDS_MAX - 1, settled), Ok(RESENDS_MAX));
            assert_eq!(next_resend(RESENDS_MAX, settled), Err(ResendError::TooMany));
        }
        assert_eq!(next_resend(0, Pending), Err(ResendError::Pending));
    }
}
