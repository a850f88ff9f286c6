//! `morag plugin run`: runs a component on one file.

use super::project::write;
use super::report::Report;
use super::trial::{self, Outcome, Trial};
use super::units;
use anyhow::{Context as _, ensure};
use clap::Args;
use clap::builder::PossibleValuesParser;
use morag_client::{line, plain};
use morag_core::JsonObject;
use morag_core::plugin::Capability;
use morag_core::task::{ArtifactName, Resources};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What `--help` shows below the options.
pub const EXAMPLES: &str = "Examples:
  morag plugin run build/redact.wasm --input letter.txt --artifact markdown.md=letter.md --out build/out
  morag plugin run build/redact.wasm --input letter.txt --artifact markdown.md=letter.md --config '{\"kinds\": [\"email\"]}'
  morag plugin run target/plugins/markdown_conversion.wasm --input report.pdf --config @config.json --language de --json
  morag plugin run build/remember.wasm --input a.txt --grant kv
  morag plugin run build/mbox.wasm --input mails.mbox --grant conversion --plugins-dir target/plugins

Runs the component in the server's sandbox with its limits, but without a server. Capabilities that need an external service
(completions, transcription, http) are not available. Documents inside the document (capability conversion) go to the component itself,
and with --plugins-dir to the converters of that folder, as a server has them. Exit code 1 if the step fails.";

/// Runs a component on one file.
#[derive(Debug, Args)]
pub struct Run {
    /// Component to run
    #[arg(value_name = "FILE.wasm")]
    component: PathBuf,
    /// Document to process
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// Artifact of an earlier step; may be repeated
    #[arg(long, value_name = "NAME=FILE", value_parser = artifact)]
    artifact: Vec<(ArtifactName, PathBuf)>,
    /// Configuration of the step
    #[arg(long, value_name = "JSON|@FILE", default_value = "{}")]
    config: String,
    /// Language code of the document, such as en
    #[arg(long, value_name = "CODE")]
    language: Option<String>,
    /// Capability to grant; may be repeated
    #[arg(long, value_name = "CAPABILITY", value_parser = PossibleValuesParser::new(Capability::ALL.map(Capability::as_str)))]
    grant: Vec<String>,
    /// Folder whose converters take documents inside the document
    #[arg(long, value_name = "FOLDER")]
    plugins_dir: Option<PathBuf>,
    /// Folder to write the artifacts to
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

fn artifact(text: &str) -> Result<(ArtifactName, PathBuf), String> {
    let (name, file) = text.split_once('=').ok_or("expected NAME=FILE, such as markdown.md=letter.md")?;
    Ok((name.parse().map_err(|error| format!("{error}"))?, file.into()))
}

/// `morag plugin run`. Exit code 1 if the step failed.
pub async fn run(command: Run) -> anyhow::Result<ExitCode> {
    let granted = command.grant.iter().filter_map(|name| name.parse().ok());
    let plugins = command.plugins_dir.as_deref();
    let bench =
        trial::open(&command.component, granted, plugins, |name| format!("grant it with --grant {name}")).await?;
    let trial = read_trial(&command)?;
    let is_shown = !command.json;
    let on_progress = move |fraction: f64, message: &str| {
        if is_shown {
            line(format_args!("{:>4.0}%  {message}", fraction * 100.0));
        }
    };
    let hint = |name: &str| format!("pass it with --artifact {name}=FILE");
    let outcome = trial::run(&bench, trial, on_progress, hint).await?;
    if let Some(folder) = &command.out {
        for (artifact, bytes) in &outcome.artifacts {
            write(&folder.join(artifact.name.as_str()), bytes)?;
        }
    }
    let failed = outcome.report.result.is_err();
    match command.json {
        true => line(format_args!("{:#}", as_json(outcome))),
        false => show(&outcome, command.out.as_deref()),
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn read_trial(command: &Run) -> anyhow::Result<Trial> {
    let read = |path: &Path| std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()));
    let mut artifacts = BTreeMap::new();
    for (name, path) in &command.artifact {
        ensure!(artifacts.insert(name.clone(), read(path)?).is_none(), "--artifact names {name} twice");
    }
    let name = command.input.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Trial {
        document: read(&command.input)?,
        file_name: name,
        media_type: None,
        language: command.language.clone(),
        options: JsonObject::new(),
        metadata: JsonObject::new(),
        config: config(&command.config)?,
        artifacts,
    })
}

fn config(text: &str) -> anyhow::Result<JsonObject> {
    let text = match text.strip_prefix('@') {
        Some(file) => &std::fs::read_to_string(file).with_context(|| format!("--config: {file} cannot be read"))?,
        None => text,
    };
    serde_json::from_str(text).context("--config is not a JSON object")
}

fn as_json(outcome: Outcome) -> Value {
    let Outcome { report, progress, artifacts } = outcome;
    let mut json = Report::of(&progress, &report, artifacts).json;
    json["log"] = json!(report.log);
    json["resources"] = json!(report.resources);
    json
}

fn show(outcome: &Outcome, out: Option<&Path>) {
    match &outcome.report.result {
        Ok(success) => {
            line("completed");
            success.data.iter().for_each(|(key, value)| line(format_args!("  {key:24} {}", plain(value))));
        }
        Err(failure) => {
            line(format_args!("failed: {}: {}", failure.code, plain(&failure.message.clone().into())));
            failure.details.iter().for_each(|(key, value)| line(format_args!("  {key:24} {}", plain(value))));
            if failure.retryable {
                line("  retryable: a server would retry the step");
            }
        }
    }
    let Outcome { artifacts, report, .. } = outcome;
    if !artifacts.is_empty() {
        line("artifacts");
    }
    for (artifact, _) in artifacts {
        let to = out.map(|folder| format!("  {}", folder.join(artifact.name.as_str()).display())).unwrap_or_default();
        let media_type = plain(&artifact.media_type.clone().into());
        line(format_args!("  {:24} {media_type}, {}{to}", artifact.name.as_str(), units::bytes(artifact.size)));
    }
    if !report.log.is_empty() {
        line("log");
    }
    report.log.iter().for_each(|one| line(format_args!("  {:6} {}", one.level, one.message)));
    line(resources(&report.resources));
}

fn resources(took: &Resources) -> String {
    let [memory, read, written] = [took.peak_memory_bytes, took.bytes_in, took.bytes_out].map(units::bytes);
    format!(
        "resources\n  {} ms ({} ms CPU time), {memory} memory, {} host calls, {read} read, {written} written",
        took.wall_ms, took.cpu_ms, took.host_calls
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn artifacts_are_given_by_name() {
        assert_eq!(artifact("a.md=b=c.md").unwrap(), ("a.md".parse().unwrap(), PathBuf::from("b=c.md")));
        assert!(artifact("a.md").unwrap_err().contains("NAME=FILE"));
        assert!(artifact("../a=b").unwrap_err().contains("file name of a task"));
    }

    #[test]
    fn a_configuration_is_text_or_a_file() {
        assert_eq!(config("{\"a\": 1}").unwrap()["a"], 1);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "{\"a\": 2}").unwrap();
        assert_eq!(config(&format!("@{}", file.path().display())).unwrap()["a"], 2);
        assert!(config("[1]").unwrap_err().to_string().contains("not a JSON object"));
        assert!(config("@/none").unwrap_err().to_string().contains("/none cannot be read"));
    }
}
