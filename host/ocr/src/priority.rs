//! The priority of threads that read pictures.

/// Niceness of the threads: as that of guests, so that a request goes before a picture.
const NICENESS: i32 = 5;

/// Lowers the priority of the calling thread, where the system has that.
pub(crate) fn be_nice() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "the priority of reading pictures cannot be lowered");
    }
}
