//! `morag plugin new`: creates a step project.

use super::embedded;
use super::manifest::Language;
use super::project::{Project, write};
use super::template::{check_name, fill, next_commands, path};
use anyhow::{Context as _, ensure};
use clap::Args;
use morag_client::line;
use std::path::PathBuf;
use std::process::ExitCode;

/// What `--help` shows below the options.
pub const EXAMPLES: &str = "Examples:
  morag plugin new redact --lang python
  morag plugin new word_count --lang rust --dir ~/steps/word_count
  morag plugin new kvtxt --lang python --converter
  cd redact && morag plugin build && morag plugin test

The project contains the step's code, plugin.toml, a README and one test. Downloads nothing, and writes only to the project
folder.";

/// Creates a step project.
#[derive(Debug, Args)]
pub struct New {
    /// Name of the step in lower snake case
    name: String,
    /// Language of the step
    #[arg(long, value_enum)]
    lang: Language,
    /// Make the step a converter: one that turns documents of some formats into markdown
    #[arg(long)]
    converter: bool,
    /// Folder to create; by default ./NAME
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

/// `morag plugin new`.
pub fn run(command: New) -> anyhow::Result<ExitCode> {
    let New { name, lang, converter, dir } = command;
    check_name(&name).map_err(anyhow::Error::msg)?;
    let folder = dir.unwrap_or_else(|| PathBuf::from(&name));
    // An existing empty folder is fine: many create it first.
    let is_free = match std::fs::read_dir(&folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    };
    ensure!(is_free, "{} already exists and is not empty: choose another folder with --dir", folder.display());
    for (file, text) in embedded::template(lang, converter) {
        write(&folder.join(path(file)), fill(text, &name).as_bytes())?;
    }
    Project::open_folder(&folder).and_then(|project| project.generate()).context("the new project is incomplete")?;
    let what = if converter { "converter" } else { "step" };
    line(format_args!("{}: a {what} in {}", folder.display(), lang.as_str()));
    line("next:");
    next_commands(lang, &folder.display().to_string()).iter().for_each(|command| line(format_args!("  {command}")));
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(name: &str, lang: Language, dir: PathBuf) -> anyhow::Result<ExitCode> {
        run(New { name: name.into(), lang, converter: false, dir: Some(dir) })
    }

    #[test]
    fn a_new_project_is_complete() {
        for lang in [Language::Rust, Language::Python, Language::Javascript, Language::C] {
            let folder = tempfile::tempdir().unwrap();
            let project = folder.path().join("deep/my_step");
            new("my_step", lang, project.clone()).unwrap();
            assert_eq!(Project::open_folder(&project).unwrap().manifest.name, "my_step");
            for file in [".gitignore", "README.md", ".morag/wit/plugin.wit", ".morag/wit/task.wit"] {
                assert!(project.join(file).is_file(), "{lang:?} {file}");
            }
        }
    }

    #[test]
    fn a_new_converter_has_the_world_of_one() {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path().join("kvtxt");
        run(New { name: "kvtxt".into(), lang: Language::Python, converter: true, dir: Some(project.clone()) }).unwrap();
        assert!(Project::open_folder(&project).unwrap().manifest.is_converter);
        let world = std::fs::read_to_string(project.join(".morag/wit/plugin.wit")).unwrap();
        assert!(world.contains("export converter;"), "{world}");
    }

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("taken");
        write(&taken.join("notes.txt"), b"mine").unwrap();
        let error = new("a_step", Language::Rust, taken.clone()).unwrap_err().to_string();
        assert!(error.contains("not empty") && error.contains("--dir"), "{error}");
        assert_eq!(std::fs::read_dir(&taken).unwrap().count(), 1);
        // A file with the name of the folder is not overwritten either.
        assert!(new("a_step", Language::Rust, taken.join("notes.txt")).is_err());
        assert!(new("a-step", Language::Rust, folder.path().join("b")).unwrap_err().to_string().contains("try a_step"));
        assert!(!folder.path().join("b").exists());
        std::fs::create_dir(folder.path().join("empty")).unwrap();
        new("a_step", Language::Rust, folder.path().join("empty")).unwrap();
    }
}
