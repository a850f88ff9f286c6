//! What the state machine of a delivery is told: the result of each effect.

use crate::webhook::{Cursor, CursorMove};
use std::time::Duration;

/// Result of an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryInput {
    /// The cursor was claimed, and has a slot of its lane ([`crate::webhook::Refused::pause`] where there is none).
    Claimed,
    /// The cursor and its next events were read; `None` where the task or the cursor is gone.
    Read(Option<Page>),
    /// Whether the task's tenant has a slot for it. The slot is held to the end of the claim.
    Tenant(Gate),
    /// Where its deliveries go.
    Target(TargetFacts),
    /// Whether it is the task's turn among those of its document.
    Turn(Gate),
    /// What decides about the event at hand.
    Event(EventFacts),
    /// A move without an attempt was added to those that are not recorded yet.
    Added,
    /// Whether the lane and its rate allow an exchange.
    Lane(RateGate),
    /// The wait for the rate is over.
    Waited,
    /// Whether the receiver's host has a slot for the exchange. The slot is held to the end of the attempt.
    Host(Gate),
    /// An attempt was made. Its move was added to those that are not recorded yet.
    Attempted(CursorMove),
    /// The moves were recorded; what has become of the lease.
    Recorded(LeaseState),
    /// The effect has no result.
    Done,
}

/// Whether a delivery may pass a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// It may.
    Open,
    /// It may not: try again after this time. Zero where something wakes it.
    Closed(Duration),
}

/// A [`Gate`] that a rate limit can open a little later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateGate {
    /// The exchange may be made now.
    Open,
    /// It may be made after this wait, which is short enough to wait for. It is counted already.
    OpenAfter(Duration),
    /// It may not be made: try again after this time.
    Closed(Duration),
}

impl From<Result<(), Duration>> for Gate {
    fn from(result: Result<(), Duration>) -> Self {
        match result {
            Ok(()) => Self::Open,
            Err(pause) => Self::Closed(pause),
        }
    }
}

/// Events that were read together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The cursor; it points to the first of the events.
    pub cursor: Cursor,
    /// Number of events; none where the log ends before the cursor.
    pub events: usize,
    /// Whether the task has ended and these are the last events of its log.
    pub is_end: bool,
}

/// State of the endpoint that a cursor delivers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receiver {
    /// It takes deliveries.
    Enabled,
    /// It takes none until it is enabled.
    Disabled,
    /// There is none of that name: it was deleted, or this process's `morag.toml` does not have it (yet).
    Unknown,
}

/// What decides whether deliveries go to an endpoint now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TargetFacts {
    /// State of the endpoint.
    pub receiver: Receiver,
    /// Whether the endpoint takes the tasks of a document one after the other.
    pub is_ordered: bool,
    /// Whether the credentials that it is sent with can be read.
    pub is_readable: bool,
}

/// What decides about an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventFacts {
    /// Whether the endpoint's filter and format take it.
    pub is_wanted: bool,
    /// Whether it is too old for a receiver that fails ([`crate::webhook::Outlook`]).
    pub is_hopeless: bool,
}

/// What has become of the lease with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseState {
    /// It is still held, for at least as long as an exchange may take.
    Held,
    /// The cursor has nothing to do now: the record has ended the lease.
    Ended,
    /// Another dispatcher has the cursor.
    Lost,
}
