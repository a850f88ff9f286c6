//! Delivers webhooks: a [`dispatcher`] claims cursors as the lanes allow, [`deliver`] takes each through its log ([`target`]: to whom, now;
//! [`attempt`]: render, sign, send, judge; [`give_up`]: what is too old), and [`announce`] tells of endpoints that were disabled.

mod announce;
mod attempt;
mod deliver;
mod dispatcher;
mod endpoint_state;
mod give_up;
mod target;
#[cfg(test)]
mod tests;
mod turns;

pub(crate) use announce::announce;
pub(crate) use dispatcher::dispatch;
