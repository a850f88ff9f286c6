//! Delivers the events of one claimed cursor: prepare, send, record; again while there is more.
//!
//! [`CursorClaim`] decides; the runner here performs one effect after the other.

use super::record::Record;
use super::target::{self, Target};
use super::{attempt, events, give_up, turns, unpark};
use crate::lanes::{HostSlot, LaneSlot, TenantSlot};
use crate::pace::STORE_PAUSE;
use crate::{App, spans};
use morag_core::ports::{CommitError, DeliveryMove, Lease, PendingDelivery, StoreError};
use morag_core::webhook::{
    Cursor, CursorClaim, CursorMove, CursorName, DeliveryEffect, DeliveryInput, EventFacts, Gate, LeaseState,
    ReleaseCause,
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span};

/// The two stages of stopping.
#[derive(Debug, Clone)]
pub(super) struct Stop {
    /// No new attempt is begun.
    pub(super) asked: CancellationToken,
    /// Attempts under way are abandoned.
    pub(super) give_up: CancellationToken,
}

/// How a claim ends.
enum End {
    /// The lease has ended with the last record.
    Settled,
    /// The cursor is given back, due after this time.
    Release(Duration),
}

/// Delivers the events of a claimed cursor until it is idle, waits for a retry, or has had its share. Where `stop` gives it up before, it
/// is given back, due at once: an exchange under way is made again, because delivery is at least once.
pub(super) async fn deliver(app: &App, lease: &Lease, slot: LaneSlot, stop: &Stop) {
    // Of the highest level: with `RUST_LOG=error` too, a line says which task it is about.
    let span = match CursorName::parse_key(&lease.key) {
        Some((task, name)) => tracing::error_span!(
            "delivery",
            %task,
            endpoint = name.endpoint().as_str(),
            trace_id = tracing::field::Empty
        ),
        None => tracing::error_span!("delivery", key = %lease.key),
    };
    let of_log = span.clone();
    deliver_in_span(app, lease, &slot, stop, &of_log).instrument(span).await;
}

async fn deliver_in_span(app: &App, lease: &Lease, slot: &LaneSlot, stop: &Stop, of_log: &Span) {
    let mut record = Record::new(app, lease);
    let mut runner = Runner::new(app, lease, slot, &mut record, of_log);
    let ended = tokio::select! {
        biased;
        () = stop.give_up.cancelled() => Ok(End::Release(Duration::ZERO)),
        ended = runner.run(&stop.asked) => ended,
    };
    // With its slots of the tenant and the host.
    drop(runner);
    let after = match ended {
        Ok(End::Settled) => return,
        Ok(End::Release(after)) => after,
        Err(CommitError::Stale | CommitError::Unknown | CommitError::DuplicateDocument(_) | CommitError::FilesGone) => {
            tracing::info!("another dispatcher has the cursor: it repeats what was not recorded");
            return;
        }
        Err(CommitError::Store(error)) => {
            tracing::warn!(%error, "delivery interrupted: it goes on later");
            STORE_PAUSE * 5
        }
    };
    record.release(app.clock.now().plus(after)).await;
}

/// Performs what [`CursorClaim`] decides.
struct Runner<'a, 'r> {
    app: &'a App,
    lease: &'a Lease,
    lane: &'a LaneSlot,
    record: &'r mut Record<'a>,
    claim: CursorClaim,
    /// Held to the end: pauses between exchanges keep it from others too.
    tenant: Option<TenantSlot>,
    /// Held during an exchange.
    host: Option<HostSlot>,
    pending: Option<PendingDelivery>,
    target: Option<Target>,
    /// The log's span of the claim, until it has been told the trace's id: what is told twice is in each line twice.
    untold: Option<&'a Span>,
}

impl<'a, 'r> Runner<'a, 'r> {
    fn new(app: &'a App, lease: &'a Lease, lane: &'a LaneSlot, record: &'r mut Record<'a>, of_log: &'a Span) -> Self {
        let claim = CursorClaim::new(app.config.webhook_unreadable_wait);
        Self {
            app,
            lease,
            lane,
            record,
            claim,
            tenant: None,
            host: None,
            pending: None,
            target: None,
            untold: Some(of_log),
        }
    }

    async fn run(&mut self, stop: &CancellationToken) -> Result<End, CommitError> {
        let mut input = DeliveryInput::Claimed;
        loop {
            let effect = self.claim.step(input, stop.is_cancelled()).map_err(|_| out_of_order())?;
            input = match effect {
                DeliveryEffect::Read => {
                    self.pending = events::next(self.app, self.lease).await?;
                    DeliveryInput::Read(self.pending.as_ref().map(events::page))
                }
                DeliveryEffect::EnterTenant => DeliveryInput::Tenant(self.enter_tenant()?),
                DeliveryEffect::FindTarget => {
                    self.target = target::find(self.app, self.pending()?).await?;
                    DeliveryInput::Target(target::facts(self.target.as_ref()))
                }
                DeliveryEffect::AskTurn => DeliveryInput::Turn(self.ask_turn().await?),
                DeliveryEffect::Assess(event) => DeliveryInput::Event(self.assess(event)?),
                DeliveryEffect::Skip => {
                    self.record.add(DeliveryMove { movement: CursorMove::Skip, attempt: None });
                    DeliveryInput::Added
                }
                DeliveryEffect::GiveUp => {
                    let one = give_up::dead(self.app, self.cursor()?);
                    self.record.add_given_up(one);
                    DeliveryInput::Added
                }
                DeliveryEffect::EnterLane => {
                    DeliveryInput::Lane(self.lane.admit(self.target()?.rate_limit, self.app.clock.steady()))
                }
                DeliveryEffect::Wait(time) => {
                    tokio::time::sleep(time).await;
                    DeliveryInput::Waited
                }
                DeliveryEffect::CheckLane => DeliveryInput::Lane(self.lane.admit(None, self.app.clock.steady())),
                DeliveryEffect::EnterHost => DeliveryInput::Host(self.enter_host()?),
                DeliveryEffect::Attempt(event) => DeliveryInput::Attempted(self.attempt(event).await?),
                DeliveryEffect::Record => DeliveryInput::Recorded(self.commit().await?),
                DeliveryEffect::Park => self.settle(CursorMove::Park).await?,
                DeliveryEffect::Rest => self.settle(CursorMove::Retry(self.app.clock.now())).await?,
                DeliveryEffect::UnparkIfEnabled => {
                    unpark::if_enabled(self.app, self.pending()?.cursor.name.endpoint()).await?;
                    DeliveryInput::Done
                }
                DeliveryEffect::FinishTurn { delivered } => {
                    turns::finish(self.app, self.pending()?, delivered).await?;
                    DeliveryInput::Done
                }
                DeliveryEffect::Release { after, cause } => {
                    self.note_release(cause);
                    return Ok(End::Release(after));
                }
                DeliveryEffect::Stop => return Ok(End::Settled),
            };
        }
    }

    fn pending(&self) -> Result<&PendingDelivery, CommitError> {
        self.pending.as_ref().ok_or_else(out_of_order)
    }

    fn target(&self) -> Result<&Target, CommitError> {
        self.target.as_ref().ok_or_else(out_of_order)
    }

    fn cursor(&self) -> Result<&Cursor, CommitError> {
        self.claim.cursor().ok_or_else(out_of_order)
    }

    fn enter_tenant(&mut self) -> Result<Gate, CommitError> {
        let entered = self.lane.enter_tenant(&self.pending()?.record.tenant, self.app.clock.steady());
        Ok(entered.map(|slot| self.tenant = Some(slot)).into())
    }

    fn enter_host(&mut self) -> Result<Gate, CommitError> {
        let authority = self.target()?.authority();
        let entered = self.app.lanes.enter_host(authority, self.lane.lane(), self.app.clock.steady());
        Ok(entered.map(|slot| self.host = Some(slot)).into())
    }

    async fn ask_turn(&mut self) -> Result<Gate, CommitError> {
        let turn = turns::turn(self.app, self.pending()?).await?;
        let target = self.target.as_mut().ok_or_else(out_of_order)?;
        Ok(turn.map(|base| target.base = base).into())
    }

    fn assess(&self, event: usize) -> Result<EventFacts, CommitError> {
        let (pending, target) = (self.pending()?, self.target()?);
        let event = pending.events.get(event).ok_or_else(out_of_order)?;
        Ok(EventFacts {
            is_wanted: target.endpoint.takes(event),
            is_hopeless: give_up::is_hopeless(self.app, self.lane, pending, target, event),
        })
    }

    async fn attempt(&mut self, event: usize) -> Result<CursorMove, CommitError> {
        self.tell_the_log();
        let (pending, cursor) = (self.pending()?, self.cursor()?);
        let event = pending.events.get(event).ok_or_else(out_of_order)?;
        let number = cursor.attempts + 1;
        let (record, target) = (&pending.record, self.target()?);
        let of_log = tracing::error_span!("attempt", delivery = cursor.next_delivery, attempt = number);
        let endpoint = cursor.name.endpoint().as_str();
        let span = spans::delivery(record, endpoint, &event.kind, event.span.as_ref(), number);
        let trace = spans::context_of(&span).or(record.trace);
        let attempt = attempt::attempt(self.app, self.lane, record, cursor, target, event, trace);
        let one = attempt.instrument(span.clone()).instrument(of_log).await;
        if let Some(sent) = &one.attempt {
            spans::attempted(&span, &sent.outcome);
        }
        self.host = None;
        let movement = one.movement;
        self.record.add(one);
        Ok(movement)
    }

    /// Lines of the log have the trace's id from here on. All events of a task are of one trace, but where the submission's is not known.
    fn tell_the_log(&mut self) {
        let trace = self.pending.as_ref().and_then(|pending| pending.record.trace);
        if let Some((trace, of_log)) = trace.and_then(|trace| Some((trace, self.untold.take()?))) {
            of_log.record("trace_id", tracing::field::display(trace.trace_id_text()));
        }
    }

    /// Records a last move, with which the lease ends.
    async fn settle(&mut self, movement: CursorMove) -> Result<DeliveryInput, CommitError> {
        self.record.add(DeliveryMove { movement, attempt: None });
        Ok(DeliveryInput::Recorded(self.commit().await?))
    }

    async fn commit(&mut self) -> Result<LeaseState, CommitError> {
        let pending = self.pending.as_ref().filter(|_| self.record.has_moves());
        let span = pending.map_or_else(Span::none, |pending| spans::delivery_commit(&pending.record));
        let committed = self.record.commit().instrument(span.clone()).await;
        if committed.is_err() {
            spans::erred(&span);
        }
        committed
    }

    fn note_release(&self, cause: ReleaseCause) {
        tracing::debug!(cause = cause.as_str(), "cursor released");
        let unreadable = self.target.as_ref().and_then(|target| target.unreadable);
        if let (ReleaseCause::UnreadableCredentials, Some(error)) = (cause, unreadable)
            && let Some(count) = self.lane.note_unreadable(self.app.clock.steady())
        {
            tracing::error!(count, %error, "cannot read the credentials of webhooks: they wait");
        }
    }
}

/// Cannot be: the runner feeds what the last effect asked for, and no effect needs what an earlier one has not fetched.
fn out_of_order() -> CommitError {
    StoreError::Corrupt("a cursor that is in no state for its delivery".into()).into()
}
