//! The service of completions and transcription.

use super::sources::Written;
use morag_core::Secret;
use std::time::Duration;

/// Used where a key is set and no address.
const OPENAI: &str = "https://api.openai.com/v1";

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// A service with an OpenAI-compatible API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AiConfig {
    /// Its address. Not shown: it may contain a password by mistake.
    pub base_url: Secret,
    /// API key.
    pub api_key: Option<Secret>,
    /// Model for completions.
    pub completions_model: String,
    /// Timeout of one completion.
    pub completions_timeout: Duration,
    /// Model for transcription.
    pub transcription_model: String,
    /// Timeout of one transcription.
    pub transcription_timeout: Duration,
}

/// Reads the service; none unless an address or a key is set.
pub(super) fn read(written: &Written<'_>) -> Option<AiConfig> {
    let (base_url, api_key) = (written.secret("openai_base_url"), written.secret("openai_api_key"));
    let config = AiConfig {
        completions_model: written.required("completions_model"),
        completions_timeout: written.time("completions_timeout", SECOND, Duration::from_millis(1)..=HOUR),
        transcription_model: written.required("transcription_model"),
        transcription_timeout: written.time("transcription_timeout", SECOND, Duration::from_millis(1)..=HOUR),
        base_url: base_url.clone().unwrap_or_else(|| Secret::new(OPENAI)),
        api_key: api_key.clone(),
    };
    (base_url.is_some() || api_key.is_some()).then_some(config)
}
