//! Client of a service with an OpenAI-compatible API: the ports `Completer` and `Transcriber` on `reqwest`.
//!
//! The operator configures the address, so it is trusted and may be private. The effect of a bad service is bounded: one deadline over the
//! whole exchange, a size limit on the response, no redirects (they would send the key elsewhere), no retries. A refusal of
//! the key, the model or the address is the operator's to mend and no outage: [`CapabilityError::NotUsable`](morag_core::ports::CapabilityError). Errors contain the status
//! and, where it is a plain word, the service's error code: never the key nor a part of the request.

mod absent;
mod completions;
mod service;
#[cfg(test)]
mod tests;
mod transcription;

pub use absent::{NoService, no_transcription};
pub use completions::OpenAiCompleter;
pub use service::{
    AiSetUpError, InvalidServiceAddress, InvalidServiceKey, OpenAiService, check_service_address, check_service_key,
    service_host,
};
pub use transcription::OpenAiTranscriber;
