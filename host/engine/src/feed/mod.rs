//! Events as they happen, for whoever listens: one reader of the store's feed a process ([`live`]), whatever the number of
//! listeners, and the latest events in memory, once for all of them ([`ring`]).

mod live;
mod ring;

pub use live::{LiveFeed, happened};
pub use ring::{Behind, News, Subscription};
