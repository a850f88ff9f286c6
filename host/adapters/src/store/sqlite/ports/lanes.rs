//! Claiming deliveries: lanes take turns, whatever the number of keys of each.

use super::claim::claimed;
use super::context::Context;
use super::rotor::Rotor;
use crate::store::sqlite::tables::due::{self, Free};
use morag_core::SteadyTime;
use morag_core::ports::{Claim, LaneLimits, Lease, Queue, StoreError};
use morag_core::store_policy::LaneTurns;
use morag_core::webhook::CursorName;
use rusqlite::Connection;
use std::time::Duration;

/// Due keys that a claim reads for each key it may take, oldest first. Mostly they are all that are due.
const READ_FACTOR: usize = 2;

/// Fewest and most of them: with a long backlog of one lane, of which only its share is taken, more would be read for nothing.
const READ: std::ops::RangeInclusive<usize> = 32..=128;

/// Most lanes that a claim reads beyond those. The next claim goes on where this one ended.
const LANES_READ_MAX: usize = 256;

/// Fewest of them, even where enough are known: the lane whose last turn is longest ago may be among them.
const LANES_READ_MIN: usize = 8;

/// The job behind [`morag_core::ports::DueQueue::claim_deliveries`].
pub(crate) fn claim(
    connection: &Connection,
    context: &Context,
    max: usize,
    lease: Duration,
    limits: &LaneLimits,
    rotor: &Rotor,
) -> Result<Claim, StoreError> {
    let now = context.steady();
    let max_read = max.saturating_mul(READ_FACTOR).clamp(*READ.start(), *READ.end());
    let oldest = due::due_deliveries(connection, now, max_read)?;
    let has_all = oldest.len() < max_read;
    let mut lanes = LaneTurns::new(limits);
    for key in oldest {
        let lane = CursorName::lane_of_key(&key.0).to_owned();
        lanes.add(&lane, key, has_all);
    }
    let mut has_all_lanes = true;
    if !has_all {
        has_all_lanes = read_more_lanes(connection, &mut lanes, max, now, rotor)?;
    }
    let dealt = lanes.deal(max);
    let until = now.plus(lease);
    let leases: Result<Vec<Lease>, _> =
        dealt.keys.into_iter().map(|key| due::take(connection, Queue::Deliveries, key, until)).collect();
    let leases = leases?;
    // A lease of no time has run out already.
    let due_again = lease.is_zero() && !leases.is_empty();
    let next_due = match dealt.left_over || !has_all_lanes || due_again {
        true => Some(now),
        false => due::next_delivery_after(connection, now)?,
    };
    claimed(connection, context, Queue::Deliveries, leases, next_due)
}

/// Adds lanes whose keys are all younger than those that were read: a few, and until as many lanes are open as keys are wanted.
/// `false`: some lanes may not have been read.
fn read_more_lanes(
    connection: &Connection,
    lanes: &mut LaneTurns<'_, Free>,
    max: usize,
    now: SteadyTime,
    rotor: &Rotor,
) -> Result<bool, StoreError> {
    let start = rotor.get();
    let (mut at, mut wrapped) = (start.clone(), false);
    for read in 0..LANES_READ_MAX {
        if read >= LANES_READ_MIN && lanes.open() >= max {
            break;
        }
        match due::next_lane(connection, &at)? {
            Some((lane, _)) if wrapped && lane > start => {
                rotor.set(start);
                return Ok(true);
            }
            Some((lane, earliest)) => {
                let keys = lanes.limit(&lane).keys;
                let room = keys.min(max);
                if earliest <= now && room > 0 && !lanes.has(&lane) {
                    for key in due::due_of_lane(connection, &lane, now, room)? {
                        lanes.add(&lane, key, keys <= max);
                    }
                }
                at = lane;
            }
            None if wrapped || start.is_empty() => {
                rotor.set(String::new());
                return Ok(true);
            }
            None => {
                wrapped = true;
                at = String::new();
            }
        }
    }
    rotor.set(at);
    Ok(false)
}
