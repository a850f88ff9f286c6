//! A service that speaks OpenAI's protocol: the ports `Completer` and `Transcriber` on `reqwest`.
//!
//! Where it is, the operator says: the address is trusted, and may be private. What it can do to us is bounded: one deadline
//! over the whole exchange, a bounded answer, no redirects (they would carry the key elsewhere), nothing tried twice. Errors
//! say a status and, where it is a plain word, the service's code: never the key, and nothing of what was asked.

mod absent;
mod completions;
mod service;
#[cfg(test)]
mod tests;
mod transcription;

pub use absent::NoService;
pub use completions::OpenAiCompleter;
pub use service::{AiSetUpError, OpenAiService};
pub use transcription::OpenAiTranscriber;
