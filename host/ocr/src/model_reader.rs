//! The port by a known model whose files are in the models folder.

use crate::model::{KnownModel, LoadError};
use crate::reader::{ReadError, Reader};
use crate::threads::{Engine, Threads};
use async_trait::async_trait;
use morag_core::plugin::FailureCode;
use morag_core::ports::{CapabilityError, Picture, PictureReader, Reading, ReadingModel};
use std::error::Error as _;
use std::io::ErrorKind;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Reads pictures by a model. Its files are loaded for the first picture, so that they can be added while the server runs.
pub struct ModelReader {
    lazy: Arc<Lazy>,
    threads: Threads,
}

struct Lazy {
    model: &'static KnownModel,
    models: PathBuf,
    folder: PathBuf,
    loaded: Mutex<Option<Arc<Reader>>>,
}

impl ModelReader {
    /// Starts threads, each of which reads one picture at a time, with about 250 MB of memory. The model's files are in the folder of
    /// its name in `models`.
    ///
    /// # Errors
    /// Where the system gives no threads.
    pub fn start(model: &'static KnownModel, models: &Path, threads: NonZero<usize>) -> std::io::Result<Self> {
        let lazy = Arc::new(Lazy {
            model,
            models: models.to_owned(),
            folder: models.join(model.name),
            loaded: Mutex::new(None),
        });
        Ok(Self { threads: Threads::start(threads, lazy.clone())?, lazy })
    }
}

impl Lazy {
    /// The loaded model. One thread loads it; the others wait.
    fn loaded(&self) -> Result<Arc<Reader>, ReadError> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reader) = loaded.as_ref() {
            return Ok(reader.clone());
        }
        let reader = Reader::load(self.model, &self.folder).map_err(|error| {
            let reason = error.source().map(ToString::to_string);
            tracing::error!(%error, reason, model = self.model.name, "a model cannot be loaded");
            self.not_usable(&error)
        })?;
        tracing::info!(model = self.model.name, "the model that reads pictures is loaded");
        let reader = Arc::new(reader);
        *loaded = Some(reader.clone());
        Ok(reader)
    }

    /// Why the files, which may be there, make no model.
    fn not_usable(&self, error: &LoadError) -> ReadError {
        let name = self.model.name;
        let text = match error {
            LoadError::Read { source, .. } if source.kind() == ErrorKind::NotFound => {
                let code = FailureCode::OcrNotConfigured;
                return ReadError::NotUsable { code, text: absent(self.model) };
            }
            LoadError::Read { source, .. } if source.kind() == ErrorKind::PermissionDenied => {
                format!(
                    "the server cannot read the files of its model {name}: its operator must give it the permission"
                )
            }
            // Too many open files, say: another time it can be read.
            LoadError::Read { .. } => {
                return ReadError::Unavailable(format!("the server cannot read the files of its model {name} now"));
            }
            LoadError::NoFile { .. } | LoadError::Unknown { .. } | LoadError::Unfit { .. } => {
                format!(
                    "the model {name} of this server is damaged: its operator must run `morag models add {name}` again, in the server's \
                     folder or with its --data-dir"
                )
            }
        };
        ReadError::NotUsable { code: FailureCode::OcrMisconfigured, text }
    }
}

/// What an operator is told who has not added a model.
fn absent(model: &KnownModel) -> String {
    let name = model.name;
    format!(
        "this server has no model that reads pictures: its operator must run `morag models add {name}`, in the server's folder or with \
         its --data-dir"
    )
}

/// Checks that the files of a model are in the folder of its name in `models`, by their names: their content is checked when they are loaded.
///
/// # Errors
/// `NotUsable`, with the command that adds them.
pub fn check_model(model: &KnownModel, models: &Path) -> Result<(), CapabilityError> {
    let folder = models.join(model.name);
    match model.files().iter().all(|file| folder.join(file.name).exists()) {
        true => Ok(()),
        false => Err(CapabilityError::NotUsable { code: FailureCode::OcrNotConfigured, text: absent(model) }),
    }
}

impl Engine for Lazy {
    fn read(&self, picture: Picture, cancelled: &dyn Fn() -> bool) -> Result<Reading, ReadError> {
        self.loaded()?.read(picture, cancelled)
    }
}

#[async_trait]
impl PictureReader for ModelReader {
    fn model(&self) -> Result<ReadingModel, CapabilityError> {
        let model = self.lazy.model;
        check_model(model, &self.lazy.models)?;
        let scripts = model.scripts.iter().map(|&script| script.to_owned()).collect();
        Ok(ReadingModel { name: model.name.to_owned(), scripts })
    }

    async fn read(&self, picture: Picture) -> Result<Reading, CapabilityError> {
        // Asked before the picture waits for a thread.
        self.model()?;
        self.threads.read(picture).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MODELS;
    use morag_core::ports::PixelFormat;

    fn picture() -> Picture {
        Picture::new(16, 16, PixelFormat::Gray8, vec![0; 256]).unwrap()
    }

    #[tokio::test]
    async fn without_files_it_says_how_to_add_them() {
        let models = tempfile::tempdir().unwrap();
        let reader = ModelReader::start(&MODELS[0], models.path(), NonZero::<usize>::MIN).unwrap();
        for error in [reader.model().unwrap_err(), reader.read(picture()).await.unwrap_err()] {
            assert!(
                matches!(&error, CapabilityError::NotUsable { code: FailureCode::OcrNotConfigured, text }
                    if text.contains("`morag models add pp-ocrv6-small`")),
                "{error}"
            );
        }
    }

    #[tokio::test]
    async fn changed_files_are_not_loaded_and_the_operator_is_told_how_to_repair_them() {
        for length in [0, 1] {
            let models = tempfile::tempdir().unwrap();
            let folder = models.path().join(MODELS[0].name);
            std::fs::create_dir(&folder).unwrap();
            for file in MODELS[0].files() {
                std::fs::File::create(folder.join(file.name)).unwrap().set_len(file.bytes * length).unwrap();
            }
            let reader = ModelReader::start(&MODELS[0], models.path(), NonZero::<usize>::MIN).unwrap();
            assert_eq!(reader.model().unwrap().name, "pp-ocrv6-small");
            let error = reader.read(picture()).await.unwrap_err();
            let CapabilityError::NotUsable { code: FailureCode::OcrMisconfigured, text } = error else {
                panic!("{error:?}");
            };
            assert!(text.contains("is damaged") && text.contains("`morag models add pp-ocrv6-small` again"), "{text}");
        }
    }
}
