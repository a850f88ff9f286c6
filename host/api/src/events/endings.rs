//! The last comments of streams that end before their events do.

/// Last comment to a reader that was too slow.
pub(super) const TOO_SLOW: &str = "events came faster than this connection took them: connect again with the last id";

/// Last comment when the process stops.
pub(super) const STOPPING: &str = "the server stops: connect again with the last id";

/// Last comment when what is stored of the task is damaged: it will not be read by connecting again.
pub(super) const DAMAGED: &str = "what is stored of the task cannot be read: tell the server's operator";

/// Last comment when the store cannot be read.
pub(super) const AWAY: &str = "the server's storage does not answer: connect again with the last id";
