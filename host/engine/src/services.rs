//! Whether pictures can be read and speech transcribed, for the operator: in the start log, `morag config check` and the list of components.

use futures::future::BoxFuture;
use std::fmt;
use std::sync::Arc;

/// What the settings make of the capabilities `ocr` and `transcription`. It has no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceStates {
    /// What reads pictures and scans: the model or program, ready to read; or what the operator can do.
    pub ocr: Result<String, String>,
    /// What transcribes speech; or what the operator can do.
    pub transcription: Result<TranscriptionService, String>,
}

/// The configured service for transcription. Whether it answers is not known before it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TranscriptionService {
    /// Its host, with the port where one is given.
    pub host: String,
    /// The model.
    pub model: String,
}

impl fmt::Display for TranscriptionService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.model, self.host)
    }
}

impl ServiceStates {
    /// In one line each: `ocr` and `transcription`.
    pub fn lines(&self) -> [(&'static str, String); 2] {
        fn line(state: Result<&impl fmt::Display, &String>) -> String {
            state.map_or_else(|problem| format!("none: {problem}"), ToString::to_string)
        }
        [("ocr", line(self.ocr.as_ref())), ("transcription", line(self.transcription.as_ref()))]
    }
}

/// Finds the states out: they change while the server runs, where a model is added.
#[derive(Clone)]
pub struct ServiceCheck(Arc<dyn Fn() -> BoxFuture<'static, ServiceStates> + Send + Sync>);

impl ServiceCheck {
    /// A check by this function.
    pub fn new(check: impl Fn() -> BoxFuture<'static, ServiceStates> + Send + Sync + 'static) -> Self {
        Self(Arc::new(check))
    }

    /// The states now.
    pub async fn states(&self) -> ServiceStates {
        (self.0)().await
    }
}
