//! Delivers webhooks. A [`dispatcher`] claims cursors as the lanes allow, and [`deliver`] takes each through its log: it prepares
//! ([`events`]: what is to be delivered, [`target`]: to which endpoint, [`turns`]: in which order, [`give_up`]: what is too old), sends
//! ([`attempt`]) and records ([`record`]). What follows what is decided in the core (`webhook/delivery`). [`announce`] sends
//! `endpoint_disabled` to other endpoints, and [`unpark`] makes parked cursors due.

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
