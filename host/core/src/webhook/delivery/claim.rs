//! The states of a claim, and what follows from each input.

use super::{DeliveryEffect, DeliveryInput, EventFacts, Gate, LeaseState, Page, RateGate, Receiver, ReleaseCause};
use crate::webhook::{Cursor, CursorMove};
use std::time::Duration;

/// Attempts of one claim; after them the cursor goes to the end of the queue, so that a long log does not hold a slot while others
/// wait.
pub const ATTEMPTS_A_CLAIM_MAX: usize = 64;

/// A claimed cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CursorClaim {
    state: State,
    /// Attempts made in this claim.
    attempts: usize,
    has_tenant_slot: bool,
    /// How long the cursor waits if its endpoint's credentials cannot be read: until the operator sets the right key.
    unreadable_wait: Duration,
}

/// What a claim waits for. Each variant holds only what is valid there.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// The begin of its delivery.
    Claimed,
    /// Its next events.
    Reading,
    /// The slot of its tenant.
    EnteringTenant(Page),
    /// Its endpoint.
    FindingTarget(Page),
    /// Its turn.
    AskingTurn(TargetedPage),
    /// The facts of the event at hand.
    Assessing(Position),
    /// That the runner has added a move without an attempt: to the next event, with the delivery recorded as dead or none recorded.
    Adding(Position, Passed),
    /// The lane.
    EnteringLane(Position),
    /// The end of the wait for the rate.
    Waiting(Position),
    /// The slot of the host.
    EnteringHost(Position),
    /// The result of the attempt.
    Attempting(Position),
    /// The record, after which it does this.
    Recording(Position, After),
    /// The last effect before the end.
    Closing,
    /// Nothing.
    Ended,
}

/// A page whose target is known.
#[derive(Debug, Clone, PartialEq, Eq)]
struct TargetedPage {
    page: Page,
    is_ordered: bool,
    is_readable: bool,
}

/// Where the cursor is in a page.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Position {
    /// The page, with its cursor at the event at hand.
    target: TargetedPage,
    /// Index of the event at hand.
    event: usize,
    /// Whether there are moves that are not recorded.
    is_unrecorded: bool,
}

/// How an event was passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passed {
    Skipped,
    Delivered,
}

/// What follows a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// The next event.
    GoOn,
    /// Nothing: a retry waits, or the cursor has ended.
    End,
    /// Looking whether the endpoint was enabled meanwhile.
    Parked,
    /// Letting the document's next task deliver, if this one has ended.
    Rested,
}

/// The input is not the result of the last effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the delivery is in no state for its input")]
pub struct InvalidDeliveryInput;

impl CursorClaim {
    /// A claim that has just begun. `unreadable_wait`: how long the cursor waits if its endpoint's credentials cannot be read.
    pub fn new(unreadable_wait: Duration) -> Self {
        Self { state: State::Claimed, attempts: 0, has_tenant_slot: false, unreadable_wait }
    }

    /// The cursor, as the event at hand finds it; none before a page was read and after the end.
    pub fn cursor(&self) -> Option<&Cursor> {
        match &self.state {
            State::EnteringTenant(page) | State::FindingTarget(page) => Some(&page.cursor),
            State::AskingTurn(target) => Some(&target.page.cursor),
            State::Assessing(at)
            | State::Adding(at, _)
            | State::EnteringLane(at)
            | State::Waiting(at)
            | State::EnteringHost(at)
            | State::Attempting(at)
            | State::Recording(at, _) => Some(&at.target.page.cursor),
            State::Claimed | State::Reading | State::Closing | State::Ended => None,
        }
    }

    /// Decides what follows from the result of the last effect. `is_stopping`: no new attempt is begun, except that a claim that has
    /// read its events makes one.
    pub fn step(&mut self, input: DeliveryInput, is_stopping: bool) -> Result<DeliveryEffect, InvalidDeliveryInput> {
        let state = std::mem::replace(&mut self.state, State::Ended);
        let (state, effect) = match (state, input) {
            (State::Claimed, DeliveryInput::Claimed) => self.read(is_stopping),
            (State::Reading, DeliveryInput::Read(None)) => stop(),
            (State::Reading, DeliveryInput::Read(Some(page))) => match self.has_tenant_slot {
                true => (State::FindingTarget(page), DeliveryEffect::FindTarget),
                false => (State::EnteringTenant(page), DeliveryEffect::EnterTenant),
            },
            (State::EnteringTenant(page), DeliveryInput::Tenant(Gate::Open)) => {
                self.has_tenant_slot = true;
                (State::FindingTarget(page), DeliveryEffect::FindTarget)
            }
            (State::EnteringTenant(_), DeliveryInput::Tenant(Gate::Closed(pause))) => {
                release(pause, ReleaseCause::Tenant)
            }
            (State::FindingTarget(page), DeliveryInput::Target(facts)) => {
                let is_elsewhere = page.cursor.url.is_some();
                let target = TargetedPage { page, is_ordered: facts.is_ordered, is_readable: facts.is_readable };
                match (facts.receiver, is_elsewhere) {
                    // The events of an endpoint that is down are replayed elsewhere; not without its signature.
                    (Receiver::Disabled, false) | (Receiver::Unknown, _) => park(target),
                    (Receiver::Enabled, _) | (Receiver::Disabled, true) if facts.is_ordered => {
                        (State::AskingTurn(target), DeliveryEffect::AskTurn)
                    }
                    (Receiver::Enabled, _) | (Receiver::Disabled, true) => begin(target),
                }
            }
            (State::AskingTurn(target), DeliveryInput::Turn(Gate::Open)) => begin(target),
            (State::AskingTurn(target), DeliveryInput::Turn(Gate::Closed(pause))) => match target.is_readable {
                true => release(pause, ReleaseCause::Turn),
                // Its turn would be of no use before.
                false => release(pause.max(self.unreadable_wait), ReleaseCause::Turn),
            },
            (State::Assessing(at), DeliveryInput::Event(facts)) => self.assess(at, facts, is_stopping),
            (State::Adding(at, passed), DeliveryInput::Added) => self.go_on(at.past(passed), is_stopping),
            (State::EnteringLane(at), DeliveryInput::Lane(gate)) => match gate {
                RateGate::Open => (State::EnteringHost(at), DeliveryEffect::EnterHost),
                RateGate::OpenAfter(wait) => (State::Waiting(at), DeliveryEffect::Wait(wait)),
                RateGate::Closed(pause) => release(pause, ReleaseCause::Lane),
            },
            (State::Waiting(at), DeliveryInput::Waited) => (State::EnteringLane(at), DeliveryEffect::CheckLane),
            (State::EnteringHost(at), DeliveryInput::Host(gate)) => match gate {
                Gate::Open => {
                    self.attempts += 1;
                    let event = at.event;
                    (State::Attempting(at), DeliveryEffect::Attempt(event))
                }
                Gate::Closed(pause) => release(pause, ReleaseCause::Host),
            },
            (State::Attempting(at), DeliveryInput::Attempted(movement)) => match movement {
                CursorMove::Skip => record(at.past(Passed::Skipped), After::GoOn),
                CursorMove::Delivered | CursorMove::Dead => record(at.past(Passed::Delivered), After::GoOn),
                CursorMove::Retry(_) | CursorMove::Disable => record(at, After::End),
                CursorMove::Park => record(at, After::Parked),
            },
            (State::Recording(_, _), DeliveryInput::Recorded(LeaseState::Lost)) => stop(),
            (State::Recording(at, after), DeliveryInput::Recorded(LeaseState::Held)) => match after {
                After::GoOn => self.go_on(Position { is_unrecorded: false, ..at }, is_stopping),
                After::End | After::Parked | After::Rested => release(Duration::ZERO, ReleaseCause::NewEvent),
            },
            (State::Recording(at, after), DeliveryInput::Recorded(LeaseState::Ended)) => match after {
                After::GoOn | After::Rested => finish(&at.target),
                After::Parked => (State::Closing, DeliveryEffect::UnparkIfEnabled),
                After::End => stop(),
            },
            (State::Closing, DeliveryInput::Done) => stop(),
            _ => return Err(InvalidDeliveryInput),
        };
        self.state = state;
        Ok(effect)
    }

    fn read(&self, is_stopping: bool) -> (State, DeliveryEffect) {
        match self.is_over(is_stopping) {
            Some(cause) => release(Duration::ZERO, cause),
            None => (State::Reading, DeliveryEffect::Read),
        }
    }

    /// Why the claim makes no further attempt, whatever events are left.
    fn is_over(&self, is_stopping: bool) -> Option<ReleaseCause> {
        match (is_stopping, self.attempts >= ATTEMPTS_A_CLAIM_MAX) {
            (true, _) => Some(ReleaseCause::Stopping),
            (false, true) => Some(ReleaseCause::Share),
            (false, false) => None,
        }
    }

    /// Passes an event by its own gates, those that need no slot.
    fn assess(&self, at: Position, facts: EventFacts, is_stopping: bool) -> (State, DeliveryEffect) {
        let is_resend = at.target.page.cursor.name.resend().is_some();
        if !facts.is_wanted && !is_resend {
            return (State::Adding(at, Passed::Skipped), DeliveryEffect::Skip);
        }
        if facts.is_hopeless {
            return (State::Adding(at, Passed::Delivered), DeliveryEffect::GiveUp);
        }
        if !at.target.is_readable {
            return release(self.unreadable_wait, ReleaseCause::UnreadableCredentials);
        }
        // Each claim that has read events makes one attempt: its reads are not in vain.
        match self.is_over(is_stopping).filter(|_| self.attempts > 0) {
            Some(cause) => release(Duration::ZERO, cause),
            None => (State::EnteringLane(at), DeliveryEffect::EnterLane),
        }
    }

    /// Goes to the event at hand, or where the page has no more, to the next page.
    fn go_on(&self, at: Position, is_stopping: bool) -> (State, DeliveryEffect) {
        if at.event < at.target.page.events {
            let event = at.event;
            return (State::Assessing(at), DeliveryEffect::Assess(event));
        }
        match at.is_unrecorded {
            true => record(at, After::GoOn),
            false => self.read(is_stopping),
        }
    }
}

impl Position {
    /// The next event, with a move to it that is not recorded.
    fn past(mut self, passed: Passed) -> Self {
        let cursor = &mut self.target.page.cursor;
        cursor.next_event += 1;
        cursor.next_delivery += u64::from(passed == Passed::Delivered);
        cursor.attempts = 0;
        Self { event: self.event + 1, is_unrecorded: true, ..self }
    }
}

/// Begins with the first event of a page.
fn begin(target: TargetedPage) -> (State, DeliveryEffect) {
    let is_empty = target.page.events == 0;
    let at = Position { target, event: 0, is_unrecorded: false };
    match is_empty {
        true => (State::Recording(at, After::Rested), DeliveryEffect::Rest),
        false => (State::Assessing(at), DeliveryEffect::Assess(0)),
    }
}

fn park(target: TargetedPage) -> (State, DeliveryEffect) {
    let at = Position { target, event: 0, is_unrecorded: false };
    (State::Recording(at, After::Parked), DeliveryEffect::Park)
}

fn record(at: Position, after: After) -> (State, DeliveryEffect) {
    (State::Recording(at, after), DeliveryEffect::Record)
}

/// The cursor has nothing to do now. Where the task has ended too, the next task of its document may deliver.
fn finish(target: &TargetedPage) -> (State, DeliveryEffect) {
    let Page { cursor, is_end, .. } = &target.page;
    match *is_end && target.is_ordered && cursor.name.resend().is_none() {
        true => (State::Closing, DeliveryEffect::FinishTurn { delivered: cursor.next_delivery - 1 }),
        false => stop(),
    }
}

fn release(after: Duration, cause: ReleaseCause) -> (State, DeliveryEffect) {
    (State::Ended, DeliveryEffect::Release { after, cause })
}

fn stop() -> (State, DeliveryEffect) {
    (State::Ended, DeliveryEffect::Stop)
}
