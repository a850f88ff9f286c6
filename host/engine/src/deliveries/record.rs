//! Records what was done for a claimed cursor, and renews or gives back its lease.
//!
//! Each attempt is recorded before the next is made, with the events that were skipped before it: a crash repeats the last delivery,
//! and never an earlier one after it.

use super::give_up;
use crate::App;
use morag_core::ports::{CommitError, DeliveryMove, Lease, Recorded};
use morag_core::webhook::LeaseState;
use morag_core::{SteadyTime, Timestamp};
use std::time::Duration;

/// Time added to one exchange's limit for the lease: the commit after it, on a slow disk.
const LEASE_SLACK: Duration = Duration::from_secs(15);

/// How long a cursor stays with a dispatcher that does not renew its lease: longer than any one exchange.
pub(super) fn lease_of(app: &App) -> Duration {
    app.config.webhook_timeout + LEASE_SLACK
}

/// The lease of a claimed cursor, and its moves that are not recorded.
pub(super) struct Record<'a> {
    app: &'a App,
    lease: &'a Lease,
    /// Events that are skipped or given up, and an attempt after them.
    moves: Vec<DeliveryMove>,
    /// How many of the moves give a delivery up for its age.
    given_up: u64,
    /// When the lease was claimed or renewed last.
    renewed: SteadyTime,
}

impl<'a> Record<'a> {
    /// Of a cursor that has just been claimed.
    pub(super) fn new(app: &'a App, lease: &'a Lease) -> Self {
        Self { app, lease, moves: Vec::new(), given_up: 0, renewed: app.clock.steady() }
    }

    /// Adds a move.
    pub(super) fn add(&mut self, one: DeliveryMove) {
        self.moves.push(one);
    }

    /// Adds a move that gives a delivery up for its age.
    pub(super) fn add_given_up(&mut self, one: DeliveryMove) {
        self.add(one);
        self.given_up += 1;
    }

    /// Whether there is something to record.
    pub(super) fn has_moves(&self) -> bool {
        !self.moves.is_empty()
    }

    /// Records the moves, and renews the lease where that is due.
    pub(super) async fn commit(&mut self) -> Result<LeaseState, CommitError> {
        if let Some(Recorded::Idle) = self.flush().await? {
            return Ok(LeaseState::Ended);
        }
        // While little of the slack is used, the lease still outlasts a whole exchange: most receivers answer at once, and renewing for
        // each event was a fifth of all calls to the store.
        let now = self.app.clock.steady();
        if now.since(self.renewed) < LEASE_SLACK / 3 {
            return Ok(LeaseState::Held);
        }
        self.renewed = now;
        Ok(match self.app.queue.renew(self.lease, lease_of(self.app)).await? {
            true => LeaseState::Held,
            false => LeaseState::Lost,
        })
    }

    /// Records what is not recorded, and gives the cursor back, due then.
    pub(super) async fn release(mut self, due: Timestamp) {
        match self.flush().await {
            Ok(None | Some(Recorded::More)) => {}
            Err(CommitError::Store(error)) => tracing::warn!(%error, "cannot record deliveries: they are made again"),
            // The lease has ended.
            Ok(Some(Recorded::Idle)) | Err(_) => return,
        }
        if let Err(error) = self.app.queue.release(self.lease, due).await {
            tracing::warn!(%error, "cannot give the cursor back: it is due when its lease ends");
        }
    }

    /// Records the moves; `None` where there are none.
    async fn flush(&mut self) -> Result<Option<Recorded>, CommitError> {
        if self.moves.is_empty() {
            return Ok(None);
        }
        let recorded = self.app.deliveries.advance_all(self.lease, std::mem::take(&mut self.moves)).await?;
        give_up::note(self.app, self.lease, std::mem::take(&mut self.given_up));
        Ok(Some(recorded))
    }
}
