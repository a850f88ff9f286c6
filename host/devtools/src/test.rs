//! `morag plugin test`: runs the component on its test documents and compares the results with golden files.

use super::case::{self, Case};
use super::project::{Project, ProjectArgs, write};
use super::report::{Difference, Report, differences};
use super::trial::{self, Outcome};
use super::{golden, junit};
use crate::workbench::Workbench;
use anyhow::Context as _;
use clap::Args;
use morag_client::line;
use morag_core::ports::LogLine;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// What `--help` shows below the options.
pub const EXAMPLES: &str = "Examples:
  morag plugin test
  morag plugin test --case phone_numbers
  morag plugin test --bless
  morag plugin test --junit build/tests.xml

A case is a folder tests/CASE with one document.EXT and, if needed, case.json (config, file_name, media_type, language, options,
metadata) and artifacts/ (the outputs of earlier steps). The step's result, artifacts and events are compared with
tests/CASE/expected/, which --bless writes. --bless rejects failures of the host (PLUGIN_…), whose texts contain measured values.

The component runs in the server's sandbox with the capabilities that plugin.toml lists. Vectors, graph and kv are empty for each
case, embeddings are the server's built-in ones, and other services are not available. Documents inside the document (capability
conversion) go to the component itself, and with --plugins-dir to the converters of that folder. Exit code 1 if anything differs.";

/// Prefix of the error codes of host failures.
const HOST_CODES: &str = "PLUGIN_";

/// Tests the project's component.
#[derive(Debug, Args)]
pub struct Test {
    #[command(flatten)]
    project: ProjectArgs,
    /// Run only this case
    #[arg(long, value_name = "NAME")]
    case: Option<String>,
    /// Write the results as the expected ones
    #[arg(long)]
    bless: bool,
    /// Folder whose converters take documents inside the document
    #[arg(long, value_name = "FOLDER")]
    plugins_dir: Option<PathBuf>,
    /// Also write the results as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// `morag plugin test`. Exit code 1 if a case failed.
pub async fn run(command: Test) -> anyhow::Result<ExitCode> {
    let project = Project::open(&command.project)?;
    let cases = case::find(&project.tests(), command.case.as_deref())?;
    warn_if_stale(&project)?;
    let plugins = command.plugins_dir.as_deref();
    let mut bench = open(&project, plugins).await?;
    let mut results = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        if index > 0 && bench.keeps_state() {
            // Otherwise cases would see each other's keys, and their order would matter.
            bench = open(&project, plugins).await?;
        }
        let result = run_case(&bench, case, command.bless).await;
        show(&result);
        results.push(result);
    }
    let failed = results.iter().filter(|result| result.failure.is_some()).count();
    line(format_args!("{}: {} passed, {failed} failed", project.manifest.name, results.len() - failed));
    if let Some(file) = &command.junit {
        let cases: Vec<_> = results.into_iter().map(CaseResult::into_junit).collect();
        write(absolute(file).as_path(), junit::render(&project.manifest.name, &cases).as_bytes())?;
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Makes a path absolute, because [`write()`] needs a parent folder and a bare file name has none.
fn absolute(file: &Path) -> PathBuf {
    std::path::absolute(file).unwrap_or_else(|_| file.to_owned())
}

async fn open(project: &Project, plugins: Option<&Path>) -> anyhow::Result<Workbench> {
    let hint = |name: &str| format!("add \"{name}\" to capabilities in plugin.toml");
    trial::open(&project.component(), project.manifest.capabilities.iter().copied(), plugins, hint).await
}

fn warn_if_stale(project: &Project) -> anyhow::Result<()> {
    let built = std::fs::metadata(project.component()).and_then(|meta| meta.modified()).ok();
    let sources = project.snapshot()?;
    let is_source = |path: &Path| !path.starts_with(&project.manifest.tests);
    if let Some(newer) = built.and_then(|built| sources.newer_than(built, is_source)) {
        eprintln!("warning: {} has changed since the build: run `morag plugin build`", newer.display());
    }
    Ok(())
}

/// The result of a case.
struct CaseResult {
    name: String,
    time: Duration,
    log: Vec<LogLine>,
    /// `None` if the case was compared; otherwise the blessed result: empty for a success, ` (failed: CODE)` for a failure.
    blessed: Option<String>,
    failure: Option<junit::Failure>,
}

async fn run_case(bench: &Workbench, case: &Case, bless: bool) -> CaseResult {
    let started = Instant::now();
    let outcome = run_component(bench, case).await;
    let time = started.elapsed();
    let name = case.name.clone();
    match outcome {
        Err(error) => {
            let text = format!("{error:#}");
            let failure = Some(junit::Failure { message: text.clone(), text });
            CaseResult { name, time, log: Vec::new(), blessed: None, failure }
        }
        Ok(outcome) => {
            let report = Report::of(&outcome.progress, &outcome.report, outcome.artifacts);
            let failure = match compare_or_bless(case, &report, bless) {
                Err(error) => Some(format!("{error:#}")).map(|text| junit::Failure { message: text.clone(), text }),
                Ok(found) => failure(&found),
            };
            let blessed = (bless && failure.is_none())
                .then(|| report.error_code().map(|code| format!(" (failed: {code})")).unwrap_or_default());
            CaseResult { name, time, log: outcome.report.log, blessed, failure }
        }
    }
}

async fn run_component(bench: &Workbench, case: &Case) -> anyhow::Result<Outcome> {
    let hint = |name: &str| format!("add {}/artifacts/{name}", case.folder.display());
    trial::run(bench, case.trial()?, |_, _| (), hint).await
}

/// Compares the report with the golden files, or writes it as the golden files if `bless` is set.
fn compare_or_bless(case: &Case, report: &Report, bless: bool) -> anyhow::Result<Vec<Difference>> {
    let folder = case.expected();
    if bless {
        // Its text contains a measured time or size, which differs in the next run.
        if let Some(code) = report.error_code().filter(|code| code.starts_with(HOST_CODES)) {
            anyhow::bail!(
                "{code} is a failure of the host whose text contains measured values, so it is not blessed: change the step or \
                 the case so that the step itself succeeds or fails"
            );
        }
        golden::bless(&folder, report)?;
        return Ok(Vec::new());
    }
    let expected = golden::read(&folder)?.with_context(|| {
        format!(
            "{} does not exist: check the result with `morag plugin run`, then accept it with --bless",
            folder.display()
        )
    })?;
    Ok(differences(&expected, report))
}

fn failure(found: &[Difference]) -> Option<junit::Failure> {
    let files: Vec<_> = found.iter().map(|one| one.file.as_str()).collect();
    let parts: Vec<_> = found.iter().map(|one| format!("{}\n{}", one.file, one.text)).collect();
    (!found.is_empty())
        .then(|| junit::Failure { message: format!("not as expected: {}", files.join(", ")), text: parts.join("\n\n") })
}

fn show(result: &CaseResult) {
    let CaseResult { name, time, log, blessed, failure } = result;
    let Some(failure) = failure else {
        let (word, how) = blessed.as_deref().map_or(("ok", ""), |how| ("blessed", how));
        return line(format_args!("{word:8}{name}{how}  {} ms", time.as_millis()));
    };
    line(format_args!("FAILED  {name}: {}", failure.message));
    if failure.text != failure.message {
        failure.text.lines().for_each(|text| line(format_args!("    {text}")));
    }
    log.iter().for_each(|one| line(format_args!("    log {} {}", one.level, one.message)));
}

impl CaseResult {
    fn into_junit(self) -> junit::Case {
        let log: Vec<_> = self.log.iter().map(|line| format!("{} {}", line.level, line.message)).collect();
        junit::Case { name: self.name, time: self.time, failure: self.failure, log: log.join("\n") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn failed(code: &str) -> Report {
        let events = json!([{"event": "step_failed", "error_code": code, "error_message": "after 1234 ms"}]);
        Report { json: json!({"result": "failed", "events": events}), artifacts: Default::default() }
    }

    #[test]
    fn a_failure_of_the_step_is_blessed_and_one_of_the_host_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let case = Case { name: "one".into(), folder: folder.path().into() };
        let refused = compare_or_bless(&case, &failed("PLUGIN_TIMEOUT"), true).unwrap_err().to_string();
        assert!(refused.contains("PLUGIN_TIMEOUT") && refused.contains("not blessed"), "{refused}");
        assert!(!case.expected().exists());
        assert_eq!(compare_or_bless(&case, &failed("NO_TEXT"), true).unwrap(), []);
        assert_eq!(compare_or_bless(&case, &failed("NO_TEXT"), false).unwrap(), []);
        assert_eq!(failed("NO_TEXT").error_code(), Some("NO_TEXT"));
    }
}
