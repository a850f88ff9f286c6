//! The service of completions and transcription.

use super::sources::{ConfigError, Written};
use morag_core::Secret;
use std::time::Duration;

/// OpenAI's own, where a key is set and no address.
const OPENAI: &str = "https://api.openai.com/v1";

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// A service that speaks OpenAI's protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AiConfig {
    /// Where it is. May have a password in it by mistake, so it is not shown.
    pub base_url: Secret,
    /// The key to it.
    pub api_key: Option<Secret>,
    /// Model of completions.
    pub completions_model: String,
    /// Limit of one completion.
    pub completions_timeout: Duration,
    /// Model of transcription.
    pub transcription_model: String,
    /// Limit of one transcription.
    pub transcription_timeout: Duration,
}

/// The service, where an address or a key is set.
pub(super) fn read(written: &Written<'_>) -> Result<Option<AiConfig>, ConfigError> {
    let (base_url, api_key) = (written.secret("openai_base_url"), written.secret("openai_api_key"));
    let config = AiConfig {
        completions_model: written.required("completions_model")?,
        completions_timeout: written.time("completions_timeout", SECOND, Duration::from_millis(1)..=HOUR)?,
        transcription_model: written.required("transcription_model")?,
        transcription_timeout: written.time("transcription_timeout", SECOND, Duration::from_millis(1)..=HOUR)?,
        base_url: base_url.clone().unwrap_or_else(|| Secret::new(OPENAI)),
        api_key: api_key.clone(),
    };
    Ok((base_url.is_some() || api_key.is_some()).then_some(config))
}
