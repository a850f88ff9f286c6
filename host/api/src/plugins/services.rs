//! Whether pictures can be read and speech transcribed.

use morag_engine::services::ServiceStates;
use serde::Serialize;
use utoipa::ToSchema;

/// What the components' capabilities `ocr` and `transcription` have behind them.
#[derive(Debug, Serialize, ToSchema)]
pub struct ServicesBody {
    /// What reads pictures and scans.
    pub ocr: OcrBody,
    /// What transcribes sound and film.
    pub transcription: TranscriptionBody,
}

/// What reads pictures and scans.
#[derive(Debug, Serialize, ToSchema)]
pub struct OcrBody {
    /// Whether pictures can be read: the model's files are there, or Tesseract with its languages. The files are checked when they are loaded.
    pub ready: bool,
    /// The model, or `tesseract` with its languages; null where pictures cannot be read.
    pub reader: Option<String>,
    /// Why pictures cannot be read, and what the operator can do; null where they can.
    pub message: Option<String>,
}

/// What transcribes sound and film.
#[derive(Debug, Serialize, ToSchema)]
pub struct TranscriptionBody {
    /// Whether a service is configured. It is not asked, so that this does not say that it answers.
    pub configured: bool,
    /// Host of the service, with its port where one is set; null where none is configured.
    pub host: Option<String>,
    /// The model; null where no service is configured.
    pub model: Option<String>,
    /// What the operator can do; null where a service is configured.
    pub message: Option<String>,
}

impl From<ServiceStates> for ServicesBody {
    fn from(states: ServiceStates) -> Self {
        let ocr = match states.ocr {
            Ok(reader) => OcrBody { ready: true, reader: Some(reader), message: None },
            Err(problem) => OcrBody { ready: false, reader: None, message: Some(problem) },
        };
        let transcription = match states.transcription {
            Ok(service) => TranscriptionBody {
                configured: true,
                host: Some(service.host),
                model: Some(service.model),
                message: None,
            },
            Err(problem) => TranscriptionBody { configured: false, host: None, model: None, message: Some(problem) },
        };
        Self { ocr, transcription }
    }
}
