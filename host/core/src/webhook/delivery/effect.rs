//! What the state machine of a delivery asks for.

use std::time::Duration;

/// What to do next. Each names the input that is its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryEffect {
    /// Read the cursor and its next events: [`super::DeliveryInput::Read`].
    Read,
    /// Take a slot among the tenant's: [`super::DeliveryInput::Tenant`].
    EnterTenant,
    /// Find the endpoint as it is now: [`super::DeliveryInput::Target`].
    FindTarget,
    /// Ask whether it is the task's turn among those of its document: [`super::DeliveryInput::Turn`].
    AskTurn,
    /// Gather the facts of this event of the page: [`super::DeliveryInput::Event`].
    Assess(usize),
    /// Add a move past the event, which is not for the endpoint: [`super::DeliveryInput::Added`].
    Skip,
    /// Add a move past the event, as dead and without an attempt: [`super::DeliveryInput::Added`].
    GiveUp,
    /// Ask whether the lane is open, and count an exchange towards its rate: [`super::DeliveryInput::Lane`].
    EnterLane,
    /// Wait until the rate allows the exchange: [`super::DeliveryInput::Waited`].
    Wait(Duration),
    /// Ask whether the lane is still open after a wait: [`super::DeliveryInput::Lane`].
    CheckLane,
    /// Take a slot of the receiver's host: [`super::DeliveryInput::Host`].
    EnterHost,
    /// Make an attempt to deliver this event of the page, and add its move: [`super::DeliveryInput::Attempted`].
    Attempt(usize),
    /// Record the moves: [`super::DeliveryInput::Recorded`].
    Record,
    /// Add a move that parks the cursor, and record: [`super::DeliveryInput::Recorded`].
    Park,
    /// Add a move that makes the cursor wait for its next event, and record: [`super::DeliveryInput::Recorded`].
    Rest,
    /// Make the cursor due again if its endpoint was enabled while it was being parked: [`super::DeliveryInput::Done`].
    UnparkIfEnabled,
    /// Let the document's next task deliver; this one has made so many deliveries, its last: [`super::DeliveryInput::Done`].
    FinishTurn {
        /// Deliveries of the task to this endpoint.
        delivered: u64,
    },
    /// Record what is not recorded, and give the cursor back. The claim is over.
    Release {
        /// When the cursor is due again.
        after: Duration,
        /// Why it is given back.
        cause: ReleaseCause,
    },
    /// The lease is held no more. The claim is over.
    Stop,
}

/// Why a claimed cursor is given back although it has events left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseCause {
    /// Its lane is paused or too narrow now, its breaker is open, or its rate allows nothing soon.
    Lane,
    /// Its tenant has as many exchanges as it leaves to the others.
    Tenant,
    /// Its receiver's host has as many exchanges as it may have.
    Host,
    /// An earlier task of its document has deliveries left.
    Turn,
    /// The endpoint's credentials cannot be read.
    UnreadableCredentials,
    /// It has made as many attempts as one claim may.
    Share,
    /// The dispatcher is stopping.
    Stopping,
    /// An event arrived while the cursor was being settled.
    NewEvent,
}

impl ReleaseCause {
    /// The cause as a word for the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lane => "lane",
            Self::Tenant => "tenant",
            Self::Host => "host",
            Self::Turn => "turn",
            Self::UnreadableCredentials => "unreadable_credentials",
            Self::Share => "share",
            Self::Stopping => "stopping",
            Self::NewEvent => "new_event",
        }
    }
}
