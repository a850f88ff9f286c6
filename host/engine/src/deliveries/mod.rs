//! Delivers webhooks. A [`dispatcher`] claims cursors as the lanes allow, and [`deliver`] takes each through its log: it prepares
//! ([`events`]: what is to be delivered, [`target`]: to which endpoint, [`turns`]: in which order, [`give_up`]: what is too old), sends
//! ([`attempt`]) and records ([`record`]). What follows what is decided in the core (`webhook/delivery`). [`announce`] sends
//! `endpoint_disabled` to other endpoints, and [`unpark`] makes parked cursors due.
//!
//! Each commit of a task makes its idle cursors due. An attempt has one owner and one deadline: the holder of the cursor's lease makes
//! it, under one time limit from the look-up of the name to the last byte read, and its result and the cursor's move are one commit, made
//! before the next attempt, so a crash repeats the last at most.
//!
//! The backlog of a failing receiver has a limit of age: a task's history stays while a delivery of it is due, so without one history
//! would grow for as long as the receiver fails. What is older is recorded as dead, in order, without an exchange.
//!
//! A delivery that is made again is a cursor of one event, with a name and attempts of its own. An endpoint that wants a document's
//! tasks in order has chains (`ports/chains`, [`turns`]): a task's cursor waits until the one before it says that it has finished. If
//! that one cannot say so, because its process died in between, the waiting one finds out.

mod announce;
mod attempt;
mod deliver;
mod dispatcher;
mod endpoint_state;
mod events;
mod exchange;
mod give_up;
mod record;
mod target;
#[cfg(test)]
mod tests;
mod turns;
mod unpark;

pub(crate) use announce::announce;
pub(crate) use dispatcher::dispatch;
