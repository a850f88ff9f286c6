//! `cargo xtask test`: everything that CI runs, in order, stopping at the first stage that fails.
mod installed;
mod results;
mod shared;
mod stage;

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::compile::Builds;
use crate::tools::Tool;
use crate::workspace::Workspace;
use crate::{attack, circles, deny, deploy, models, plugins, shell, toolchain};
use installed::Installed;
use results::Results;
use shared::Shared;
use stage::Stages;

/// Run everything that CI runs.
///
/// Format, circles of imports, the Python of the test clients, the model that writes down speech, the programs that tests start, the
/// Node.js packages of the test clients, the wasm toolchain, clang for the step in C, step components and test guests, the dependency
/// check, clippy, the build, the deployment files, the model that reads pictures, all tests of the workspace, and the attacks in short.
/// Stops at the first stage that fails, with the command to repeat it.
#[derive(Args)]
pub struct Options {
    /// The sagas of failure in full size: 500 tasks each instead of 60. Takes long.
    #[arg(long)]
    full: bool,
}

/// The tests find what they need by these.
const BINARY: &str = "MORAG_TEST_BINARY";
const PLUGINS: &str = "MORAG_TEST_PLUGINS_DIR";
const GUESTS: &str = "MORAG_TEST_GUESTS_DIR";
/// The programs that tests start.
const BINARIES: [&str; 4] = ["morag", "webhook-receiver-rust", "attack", shared::PROGRAM];
/// Tasks of each saga of failure.
const FAULT_TASKS: &str = "MORAG_FAULT_TASKS";
/// Their full size.
const FAULT_TASKS_FULL: &str = "500";

/// The command.
pub fn run(options: &Options) -> Result<()> {
    let workspace = Workspace::find()?;
    let mut stages = Stages::new();
    // What fails fast comes first, and so does what needs the network.
    stages.run("format", || shell::run(&mut cargo(&workspace, &["fmt", "--all", "--check"])))?;
    stages.run("circles of imports", || circles::check(&workspace))?;
    let installed = Installed::ensure(&workspace, &mut stages)?;
    stages.run("unit tests of the Python and JavaScript SDKs", || sdk_tests(&workspace))?;
    stages.run("wasm toolchain", || toolchain::ensure().map(drop))?;
    stages.run("clang for the step in C", toolchain::c::ensure)?;
    stages.run("step components and test guests", || plugins::build(&workspace, &plugins::Options { guests: true }))?;
    stages.run("dependency check", || deny::check(&workspace))?;
    stages.run("clippy", || {
        let args = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
        Builds::default().run("clippy", &mut cargo(&workspace, &args))
    })?;
    // One call for the tests and the binaries they start: cargo unifies features per call, and two would compile twice.
    let mut build = vec!["build", "--workspace", "--tests"];
    build.extend(BINARIES.iter().flat_map(|binary| ["--bin", binary]));
    stages.run("build", || Builds::default().run("tests", &mut cargo(&workspace, &build)))?;
    // Against the binary: its settings and command lines.
    stages.run("deploy", || deploy::check(&workspace, &installed.python))?;
    let morag = workspace.morag("debug");
    let models = stages.run("model that reads pictures", || models::ensure(&workspace, &morag, &installed.python))?;
    let results = stages.run("tests", || tests(&workspace, &installed, &models, options.full))?;
    stages.run("attacks, in short", || attack::short(&workspace))?;
    stages.summary();
    if results.ignored() > 0 {
        println!("{} ignored tests did not run", results.ignored());
    }
    // The line by which CI counts.
    println!("{results}");
    Ok(())
}

/// The SDKs that are no crates: their own tests, on the languages' own runners, without wasm.
fn sdk_tests(workspace: &Workspace) -> Result<()> {
    let python = ["-m", "unittest", "discover", "-s", "plugins/sdk/python/tests"];
    let mut python = shell::program("python3", &python);
    shell::run(python.current_dir(&workspace.root).env("PYTHONDONTWRITEBYTECODE", "1"))?;
    shell::run(
        shell::program("node", &["--test", "plugins/sdk/javascript/tests/sdk.test.js"]).current_dir(&workspace.root),
    )
}

/// Cargo for the host. In CI nothing is compiled twice, so incremental files would only cost time and disk.
fn cargo(workspace: &Workspace, args: &[&str]) -> Command {
    let mut command = workspace.cargo(args);
    in_ci(&mut command);
    command
}

fn in_ci(command: &mut Command) {
    if std::env::var_os("CI").is_some() && std::env::var_os("CARGO_INCREMENTAL").is_none() {
        command.env("CARGO_INCREMENTAL", "0");
    }
}

/// Runs all suites, each test in a process of its own, and then the examples in the documentation.
fn tests(workspace: &Workspace, installed: &Installed, models: &Path, full: bool) -> Result<Results> {
    let profile = if full { "full" } else { "default" };
    let mut command =
        Tool::Nextest.command(workspace, &["run", "--workspace", "--retries", "0", "--profile", profile])?;
    in_ci(&mut command);
    // Until the last test has ended.
    let shared = Shared::start(workspace, &installed.python)?;
    command
        .envs(shared.environment())
        .env(BINARY, workspace.morag("debug"))
        .env(PLUGINS, workspace.plugins_folder())
        .env(GUESTS, workspace.guests_folder())
        .envs(installed.environment())
        .env(models::VARIABLE, models)
        .stdin(Stdio::null());
    if full {
        command.env(FAULT_TASKS, FAULT_TASKS_FULL);
    }
    // Nextest takes the folder of `.config/nextest.toml` from the repository, wherever the target folder is.
    let report = workspace.root.join("target/nextest").join(profile).join("results.xml");
    // A run that ends before it has begun must not be judged by the report of the one before.
    match fs::remove_file(&report) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).context("cannot remove the last report");
        }
        _ => {}
    }
    let started = Instant::now();
    let status = command.status().with_context(|| format!("cannot start `{}`", shell::shown(&command)))?;
    drop(shared);
    let xml = fs::read_to_string(&report)
        .with_context(|| format!("nextest ({status}) wrote no report to {}", report.display()))?;
    let mut results = Results::parse(&xml)?;
    println!("\n== slowest tests\n{}", results.slowest());
    let mut documentation = cargo(workspace, &["test", "--workspace", "--doc", "--quiet"]);
    let output = shell::output(&mut documentation)?;
    let printed = String::from_utf8_lossy(&output.stdout);
    print!("{printed}");
    results.add(&printed);
    if !output.status.success() {
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
    }
    if let Err(error) = results.verdict(status.success() && output.status.success()) {
        println!("\n{results}");
        bail!(
            "{error} after {}; to repeat them:\n    {}\n    {}",
            shell::seconds(started.elapsed()),
            shell::repeat(&command),
            shell::repeat(&documentation)
        );
    }
    Ok(results)
}
