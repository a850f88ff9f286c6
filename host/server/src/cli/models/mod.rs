//! `morag models`: adds the files of models, which are no part of the program, to the models folder.

mod files;
mod pip;
mod source;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use files::in_folder;
use morag_engine::config::{Config, Sources};
use morag_ocr::{KnownModel, LoadError, MODELS, ModelFile};
use source::Source;
use std::error::Error as _;
use std::fs::Permissions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub(super) const EXAMPLES: &str = "Examples:\n  \
    morag models list\n  \
    morag models add pp-ocrv6-small                        download it by pip of this machine\n  \
    morag models add ./rapidocr/models                     copy them from a folder\n  \
    morag models add https://files.example.com/pp-ocrv6    download them from a folder of a server";

#[derive(Debug, Args)]
pub(super) struct Models {
    #[command(subcommand)]
    command: ModelsCommand,
}

#[derive(Debug, Subcommand)]
enum ModelsCommand {
    /// Copy or download the files of a model into the models folder, and check their digests
    #[command(after_help = EXAMPLES)]
    Add(Add),
    /// List the known models, and whether their files are there
    #[command(after_help = EXAMPLES)]
    List(Folder),
}

#[derive(Debug, Args)]
struct Add {
    /// Name of a model, or folder or address of a folder with its files
    source: String,
    #[command(flatten)]
    folder: Folder,
}

#[derive(Debug, Args)]
struct Folder {
    /// Settings file; by default ./morag.toml, if it exists
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data folder of the server; overrides the settings
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
}

impl Folder {
    /// The models folder of the settings.
    fn models(&self) -> anyhow::Result<PathBuf> {
        let flags = self.data_dir.iter().map(|folder| ("data_dir", "--data-dir", folder.clone())).collect();
        let sources = Sources { flags, ..Sources::of_process(self.config.as_deref()) };
        Ok(Config::load(&sources)?.models_dir)
    }
}

pub(super) async fn run(models: Models) -> anyhow::Result<ExitCode> {
    match models.command {
        ModelsCommand::List(folder) => list(&folder.models()?),
        ModelsCommand::Add(add) => add_from(&add.source, &add.folder.models()?).await?,
    }
    Ok(ExitCode::SUCCESS)
}

fn list(models: &Path) {
    for model in &MODELS {
        println!("{}  {}\n  {}", model.name, model.summary, state(model, models));
    }
}

/// Whether the files of a model are there and whole, and what to do where they are not.
fn state(model: &KnownModel, models: &Path) -> String {
    let folder = models.join(model.name);
    let add = format!("run `morag models add {}`", model.name);
    let faults: Vec<_> = model.files().iter().filter_map(|file| file.read(&folder).err()).collect();
    let is_missing =
        |error: &LoadError| matches!(error, LoadError::Read { source, .. } if source.kind() == ErrorKind::NotFound);
    match faults.as_slice() {
        [] => format!("in {}", folder.display()),
        all if all.len() == model.files().len() && all.iter().all(is_missing) => {
            format!("missing in {}: {add}", folder.display())
        }
        [fault, ..] => {
            let why = fault.source().map_or_else(String::new, |source| format!(": {source}"));
            format!("not usable: {fault}{why}: {add}")
        }
    }
}

async fn add_from(source: &str, models: &Path) -> anyhow::Result<()> {
    let source = Source::parse(source)?;
    for model in source.models() {
        let folder = models.join(model.name);
        if in_folder(model, &folder).is_ok() {
            println!("{} is already in {}, and its files are whole", model.name, folder.display());
            continue;
        }
        let content = source.read(model).await?;
        // All files are right before the first one is written.
        for (file, content) in model.files().iter().zip(&content) {
            write(&folder, file, content)
                .with_context(|| format!("cannot write {} to {}", file.name, folder.display()))?;
        }
        // Whole, so that it can be compared with the folder in a server's error.
        let folder = std::fs::canonicalize(&folder).unwrap_or(folder);
        println!("added {} to {}", model.name, folder.display());
    }
    Ok(())
}

/// Writes a file so that its name never has half of it.
fn write(folder: &Path, file: &ModelFile, content: &[u8]) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    temporary.write_all(content)?;
    // The server may run as another user than the operator; the files are no secret.
    temporary.as_file().set_permissions(Permissions::from_mode(0o644))?;
    temporary.as_file().sync_all()?;
    temporary.persist(folder.join(file.name)).map_err(|error| error.error)?;
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn other_files_are_refused_and_nothing_is_written() {
        let (source, models) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for file in MODELS[0].files() {
            std::fs::write(source.path().join(file.name), b"another").unwrap();
        }
        let error = add_from(source.path().to_str().unwrap(), models.path()).await.unwrap_err();
        assert!(format!("{error:#}").contains("is not the known file"), "{error:#}");
        assert_eq!(std::fs::read_dir(models.path()).unwrap().count(), 0);
        let error = add_from("/nowhere", models.path()).await.unwrap_err().to_string();
        assert!(error.contains("no folder, no address and no known model (pp-ocrv6-small)"), "{error}");
    }

    #[test]
    fn a_list_tells_missing_from_damaged_and_how_to_add() {
        let models = tempfile::tempdir().unwrap();
        let model = &MODELS[0];
        let missing = state(model, models.path());
        assert!(missing.starts_with("missing in ") && missing.contains("morag models add pp-ocrv6-small"), "{missing}");
        let folder = models.path().join(model.name);
        write(&folder, &model.detector, b"cut off").unwrap();
        let damaged = state(model, models.path());
        assert!(damaged.starts_with("not usable: ") && damaged.contains("is not the known file"), "{damaged}");
        assert!(damaged.contains("morag models add pp-ocrv6-small"), "{damaged}");
    }

    /// A pipe that no one writes to would be read for ever.
    #[tokio::test]
    async fn a_pipe_in_place_of_a_file_is_refused_and_replaced() {
        let (source, models) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let folder = models.path().join(MODELS[0].name);
        std::fs::create_dir(&folder).unwrap();
        for folder in [source.path(), &folder] {
            let pipe = folder.join(MODELS[0].detector.name);
            assert!(std::process::Command::new("mkfifo").arg(pipe).status().unwrap().success());
        }
        let listed = state(&MODELS[0], models.path());
        assert!(listed.contains("is no file"), "{listed}");
        let error = add_from(source.path().to_str().unwrap(), models.path()).await.unwrap_err();
        assert!(format!("{error:#}").contains("is no file"), "{error:#}");
        write(&folder, &MODELS[0].detector, b"new").unwrap();
        assert_eq!(std::fs::read(folder.join(MODELS[0].detector.name)).unwrap(), b"new");
    }

    #[tokio::test]
    async fn the_system_says_once_that_a_file_is_missing() {
        let (source, models) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let error = add_from(source.path().to_str().unwrap(), models.path()).await.unwrap_err();
        assert_eq!(format!("{error:#}").matches("No such file").count(), 1, "{error:#}");
    }

    #[test]
    fn a_written_file_is_whole_and_alone() {
        let models = tempfile::tempdir().unwrap();
        let folder = models.path().join("model");
        write(&folder, &MODELS[0].detector, b"old").unwrap();
        write(&folder, &MODELS[0].detector, b"new").unwrap();
        let names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, [MODELS[0].detector.name]);
        let mode = std::fs::metadata(folder.join(MODELS[0].detector.name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644, "another user's server reads it");
        assert_eq!(std::fs::read(folder.join(MODELS[0].detector.name)).unwrap(), b"new");
    }
}
