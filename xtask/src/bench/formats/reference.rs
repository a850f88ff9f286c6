//! The words that a document has, read independently of all converters: `benches/formats/reference`.
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::words::Words;
use crate::limited::{self, Ended, Limits};
use crate::shell;
use crate::workspace::Workspace;

/// LibreOffice.
const OFFICE: &str = "soffice";
/// Between two readings.
const READINGS: char = '\u{c}';

/// What is known of a document's words.
#[derive(Debug)]
pub enum Reference {
    /// Its words. Where there are several, each is right.
    Words(Vec<Words>),
    /// It cannot be read, and why.
    None(String),
}

/// Who reads them.
pub struct Readers {
    python: PathBuf,
    script: PathBuf,
    /// Whether LibreOffice is there.
    office: bool,
}

impl Readers {
    /// With what is on this machine.
    pub fn new(workspace: &Workspace, python: &Path) -> Self {
        let script = workspace.root.join("benches/formats/reference");
        Self { python: python.to_owned(), script, office: shell::have(OFFICE) }
    }

    /// Whether documents of a format can be read on this machine.
    pub fn can_read(&self, format: &str) -> bool {
        self.office || through(format).is_none()
    }

    /// Reads a document. `folder` is for temporary files.
    pub fn read(&self, path: &Path, format: &str, limits: Limits, folder: &Path) -> Result<Reference> {
        let Some(through) = through(format) else { return self.words(path, format, limits, folder) };
        let office = folder.join("office");
        let mut convert = shell::program(OFFICE, &["--headless", "--convert-to", through]);
        // A profile of its own: it runs once for each.
        convert.arg(format!("-env:UserInstallation=file://{}/profile", office.display()));
        convert.arg("--outdir").arg(&office).arg(path);
        if let Ended::Failed(_, reason) = limited::run(&convert, limits, &office)? {
            return Ok(Reference::None(format!("LibreOffice: {reason}")));
        }
        let converted = office.join(path.with_extension(through).file_name().unwrap_or_default());
        if !converted.is_file() {
            return Ok(Reference::None("LibreOffice cannot read it".to_owned()));
        }
        self.words(&converted, through, limits, folder)
    }

    fn words(&self, path: &Path, format: &str, limits: Limits, folder: &Path) -> Result<Reference> {
        // By itself, and without leaving compiled files in the repository.
        let mut command = shell::program(&self.python.display().to_string(), &["-I", "-B"]);
        command.arg(&self.script).arg(format).arg(path);
        Ok(match limited::run(&command, limits, &folder.join("reference"))? {
            Ended::Failed(_, reason) => Reference::None(reason),
            Ended::Output(text) => {
                let readings: Vec<_> = text.split(READINGS).map(Words::of_text).collect();
                if readings.iter().all(Words::is_empty) {
                    Reference::None("it has no words".to_owned())
                } else {
                    Reference::Words(readings)
                }
            }
        })
    }
}

/// The format to which LibreOffice converts a document that Python cannot read, or None.
fn through(format: &str) -> Option<&'static str> {
    match format {
        "doc" | "rtf" => Some("odt"),
        "xls" => Some("ods"),
        "ppt" => Some("odp"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_reads_documents_as_its_own_tests_say() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let tests = ["-B", "-m", "unittest", "discover", "--start-directory", "benches/formats"];
        shell::read(shell::program("python3", &tests).current_dir(root)).unwrap();
    }
}
