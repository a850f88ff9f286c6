//! Whether pictures can be read and speech transcribed with these settings. The service for transcription is not asked.

use morag_adapters::ai::service_host;
use morag_core::ports::CapabilityError;
use morag_engine::config::{Config, OcrEngine};
use morag_engine::services::{ServiceCheck, ServiceStates, TranscriptionService};
use morag_ocr::{KnownModel, check_model, check_tesseract};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How long states are reused: a check looks at files, or starts Tesseract, and a list of components can be asked for often.
const AGE_MAX: Duration = Duration::from_secs(5);

/// The states now. Looks at the model's files; Tesseract is started to say which languages it has.
pub(crate) fn states(config: &Config) -> ServiceStates {
    ServiceStates { ocr: ocr(config).map_err(|error| error.to_string()), transcription: transcription(config) }
}

fn ocr(config: &Config) -> Result<String, CapabilityError> {
    let ocr = &config.ocr;
    match &ocr.engine {
        OcrEngine::Off => Err(morag_ocr::off()),
        OcrEngine::Tesseract => {
            // Names that are none were refused when the settings were read.
            let languages: Vec<_> = ocr.languages.iter().filter_map(|language| language.parse().ok()).collect();
            check_tesseract(&languages).map(|()| format!("tesseract ({})", ocr.languages.join(", ")))
        }
        OcrEngine::Model(name) => match KnownModel::named(name) {
            Some(model) => check_model(model, &config.models_dir).map(|()| name.clone()),
            None => Err(CapabilityError::Unavailable(format!("no model {name} is known"))),
        },
    }
}

fn transcription(config: &Config) -> Result<TranscriptionService, String> {
    let absent = || morag_adapters::ai::no_transcription().to_string();
    let ai = config.ai.as_ref().ok_or_else(absent)?;
    let host = service_host(ai.base_url.expose()).ok_or_else(absent)?;
    Ok(TranscriptionService { host, model: ai.transcription_model.clone() })
}

/// A check of these settings, for a server that runs.
pub(super) fn check(config: &Config) -> ServiceCheck {
    let config = Arc::new(config.clone());
    let last: Arc<Mutex<Option<(Instant, ServiceStates)>>> = Arc::default();
    ServiceCheck::new(move || {
        let (config, last) = (config.clone(), last.clone());
        Box::pin(async move {
            // Held meanwhile, so that concurrent requests check once.
            let mut last = last.lock().await;
            if let Some((at, states)) = last.as_ref()
                && at.elapsed() < AGE_MAX
            {
                return states.clone();
            }
            let checked = tokio::task::spawn_blocking(move || states(&config)).await;
            let states = checked.unwrap_or_else(|error| {
                tracing::error!(%error, "the check of services failed");
                let failed = "the check failed; the server's log says why".to_owned();
                ServiceStates { ocr: Err(failed.clone()), transcription: Err(failed) }
            });
            *last = Some((Instant::now(), states.clone()));
            states
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_engine::config::Sources;

    fn of(file: &str) -> [(&'static str, String); 2] {
        states(&Config::of(&Sources::default(), Some(file)).unwrap()).lines()
    }

    #[test]
    fn what_is_missing_is_told_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let [ocr, transcription] = of(&format!("models_dir = {:?}", folder.path()));
        assert!(ocr.1.starts_with("none: ") && ocr.1.contains("`morag models add pp-ocrv6-small`"), "{ocr:?}");
        assert!(
            transcription.1.starts_with("none: ") && transcription.1.contains("OPENAI_BASE_URL"),
            "{transcription:?}"
        );
        let [ocr, _] = of("ocr = \"off\"");
        assert!(ocr.1.contains("`off`"), "{ocr:?}");
    }

    #[test]
    fn what_is_there_is_named_without_a_secret() {
        let folder = tempfile::tempdir().unwrap();
        let model = &morag_ocr::MODELS[0];
        std::fs::create_dir(folder.path().join(model.name)).unwrap();
        for file in model.files() {
            std::fs::write(folder.path().join(model.name).join(file.name), "").unwrap();
        }
        let lines = of(&format!(
            "models_dir = {:?}\nopenai_base_url = \"http://speech.example:9000/s3cr3t-path/v1\"\nopenai_api_key = \"s3cr3t\"",
            folder.path()
        ));
        assert_eq!(lines[0], ("ocr", "pp-ocrv6-small".to_owned()));
        assert_eq!(lines[1], ("transcription", "whisper-1 at speech.example:9000".to_owned()));
    }
}
