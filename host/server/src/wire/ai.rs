//! Completions and transcription: the configured service, or a stub whose errors name the missing settings.

use morag_adapters::ai::{NoService, OpenAiCompleter, OpenAiService, OpenAiTranscriber};
use morag_core::ports::{Blobs, Completer, Transcriber};
use morag_engine::config::Config;
use std::sync::Arc;

/// Both ports, implemented by one service.
pub(super) struct Ai {
    pub(super) completer: Arc<dyn Completer>,
    pub(super) transcriber: Arc<dyn Transcriber>,
}

/// Builds the ports. Does not contact the service, so that the server starts even if the service is down.
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
