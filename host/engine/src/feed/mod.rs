//! Live events for subscriptions: one reader of the store's feed in a process ([`live`]), and the latest events in memory, shared by
//! all subscriptions ([`ring`]).

mod live;
mod ring;

pub use live::LiveFeed;
pub use ring::{Behind, Happened, News, Subscription};
