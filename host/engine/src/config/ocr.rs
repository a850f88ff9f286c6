//! What reads text in pictures.

use super::sources::Written;
use super::values::list;
use std::num::NonZero;

/// Pictures that may be read at once: more cores than most machines have.
const THREADS_MAX: u64 = 64;
/// Languages at most: each takes time and some 50 MB.
const LANGUAGES_MAX: usize = 16;

/// A model or a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OcrEngine {
    /// A model by its name; whether it is known is for the adapter to check.
    Model(String),
    /// Tesseract, which the operator has installed.
    Tesseract,
    /// Pictures are not read.
    Off,
}

/// How text in pictures is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OcrConfig {
    /// By what.
    pub engine: OcrEngine,
    /// Pictures that are read at once.
    pub threads: NonZero<usize>,
    /// Languages of Tesseract, as it names them.
    pub languages: Vec<String>,
}

/// Reads the settings.
pub(super) fn read(written: &Written<'_>) -> OcrConfig {
    let engine = match written.required("ocr").as_str() {
        "tesseract" => OcrEngine::Tesseract,
        "off" => OcrEngine::Off,
        name => OcrEngine::Model(name.to_owned()),
    };
    let text = written.required("ocr_languages");
    let languages: Vec<_> = list(&text).map(str::to_owned).collect();
    if !(1..=LANGUAGES_MAX).contains(&languages.len()) {
        written.refuse("ocr_languages", &format!("1 to {LANGUAGES_MAX} languages, separated by commas"));
    }
    let threads = usize::try_from(written.number("ocr_threads", 1, THREADS_MAX)).ok().and_then(NonZero::new);
    OcrConfig { engine, threads: threads.unwrap_or(NonZero::<usize>::MIN), languages }
}
