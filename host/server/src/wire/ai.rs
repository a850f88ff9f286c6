//! Completions and transcription: the service that the settings name, or an answer that says what to set.

use morag_adapters::ai::{NoService, OpenAiCompleter, OpenAiService, OpenAiTranscriber};
use morag_core::ports::{Blobs, Completer, Transcriber};
use morag_engine::config::Config;
use std::sync::Arc;

/// Both, of one service.
pub(super) struct Ai {
    pub(super) completer: Arc<dyn Completer>,
    pub(super) transcriber: Arc<dyn Transcriber>,
}

/// Builds them. Nothing is asked of the service: that it is away must not keep a server from starting.
pub(super) fn build(config: &Config, blobs: &Arc<dyn Blobs>) -> anyhow::Result<Ai> {
    let Some(ai) = &config.ai else {
        return Ok(Ai { completer: Arc::new(NoService), transcriber: Arc::new(NoService) });
    };
    let service = OpenAiService::new(ai.base_url.expose(), ai.api_key.clone())?;
    let completer = OpenAiCompleter::new(service.clone(), ai.completions_model.clone(), ai.completions_timeout);
    let transcriber =
        OpenAiTranscriber::new(service, blobs.clone(), ai.transcription_model.clone(), ai.transcription_timeout);
    Ok(Ai { completer: Arc::new(completer), transcriber: Arc::new(transcriber) })
}
