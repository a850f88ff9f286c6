//! What reads text in pictures: the model or the program that the settings name.

use morag_core::ports::PictureReader;
use morag_engine::config::{Config, OcrEngine};
use morag_ocr::{KnownModel, Language, MODELS, ModelReader, NoReader, TesseractReader};
use std::sync::Arc;

/// Builds the port. Loads no model and starts no program, so that the server starts without them.
pub(super) fn build(config: &Config) -> anyhow::Result<Arc<dyn PictureReader>> {
    let ocr = &config.ocr;
    Ok(match &ocr.engine {
        OcrEngine::Off => Arc::new(NoReader),
        OcrEngine::Tesseract => {
            let languages = ocr.languages.iter().map(|language| language.parse()).collect::<Result<_, _>>()?;
            Arc::new(TesseractReader::start(languages, ocr.threads)?)
        }
        OcrEngine::Model(name) => {
            let model = KnownModel::named(name).ok_or_else(|| anyhow::anyhow!("ocr {}", unknown(name)))?;
            Arc::new(ModelReader::start(model, &config.models_dir, ocr.threads)?)
        }
    })
}

/// What is wrong with the setting `ocr`, if anything.
pub(super) fn engine_fault(text: &str) -> Option<String> {
    let is_known = matches!(text, "tesseract" | "off") || KnownModel::named(text).is_some();
    (!is_known).then(|| unknown(text))
}

/// What is wrong with the setting `ocr_languages`, if anything.
pub(super) fn languages_fault(text: &str) -> Option<String> {
    let languages = text.split(',').map(str::trim).filter(|language| !language.is_empty());
    let parsed = languages.map(str::parse::<Language>);
    parsed.filter_map(Result::err).next().map(|error| format!("names a language that cannot be one: {error}"))
}

fn unknown(text: &str) -> String {
    let names: Vec<_> = MODELS.iter().map(|model| model.name).collect();
    format!("is {:?}: give {}, tesseract or off", morag_core::shown(text), names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_built_passes() {
        for good in ["pp-ocrv6-small", "tesseract", "off"] {
            assert_eq!(engine_fault(good), None);
        }
        let fault = engine_fault("pp-ocr").unwrap();
        assert_eq!(fault, "is \"pp-ocr\": give pp-ocrv6-small, tesseract or off");
        assert_eq!(languages_fault("deu, eng"), None);
        assert!(languages_fault("deu,-c x").unwrap().contains("\"-c x\" is no language of Tesseract"));
    }
}
