//! `cargo xtask test`: everything that CI runs, in order, stopping at the first stage that fails.
mod stage;
mod totals;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::workspace::Workspace;
use crate::{attack, circles, deny, deploy, node, plugins, python, shell, toolchain};
use stage::Stages;
use totals::Totals;

/// Run everything that CI runs.
///
/// Format, circles of imports, the Python of the test clients, the programs that tests start, the Node.js packages of the test clients, the
/// wasm toolchain, clang for the step in C, step components and test guests, the dependency check, clippy, the deployment
/// files, all tests of the workspace, and the attacks in short. Stops at the first stage that fails, with the command to repeat it.
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
const PYTHON: &str = "MORAG_TEST_PYTHON";
const NODE: &str = "MORAG_TEST_NODE_DIR";
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
    let python = stages.run("Python of the test clients", || python::ensure(&workspace))?;
    stages.run("programs that the tests start", toolchain::programs::ensure)?;
    let node = stages.run("Node.js packages of the test clients", || node::ensure(&workspace))?;
    stages.run("unit tests of the Python and JavaScript SDKs", || sdk_tests(&workspace))?;
    stages.run("wasm toolchain", || toolchain::ensure().map(drop))?;
    stages.run("clang for the step in C", toolchain::c::ensure)?;
    stages.run("step components and test guests", || plugins::build(&workspace, &plugins::Options { guests: true }))?;
    stages.run("dependency check", || deny::check(&workspace))?;
    stages.run("clippy", || {
        shell::run(&mut cargo(&workspace, &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
    })?;
    // One call for the tests and the binaries they start: cargo unifies features per call, and two would compile twice.
    let build =
        ["build", "--workspace", "--tests", "--bin", "morag", "--bin", "webhook-receiver-rust", "--bin", "attack"];
    stages.run("build", || shell::run(&mut cargo(&workspace, &build)))?;
    // Against the binary: its settings and command lines.
    stages.run("deploy", || deploy::check(&workspace, &python))?;
    let totals = stages.run("tests", || tests(&workspace, &python, &node, options.full))?;
    stages.run("attacks, in short", || attack::short(&workspace))?;
    stages.summary();
    if totals.ignored() > 0 {
        println!("{} ignored tests did not run", totals.ignored());
    }
    // The line by which CI counts.
    println!("{totals}");
    totals.verdict()
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
fn cargo(workspace: &Workspace, args: &[&str]) -> std::process::Command {
    let mut command = workspace.cargo(args);
    if std::env::var_os("CI").is_some() && std::env::var_os("CARGO_INCREMENTAL").is_none() {
        command.env("CARGO_INCREMENTAL", "0");
    }
    command
}

/// Runs all suites, showing their output as it comes.
fn tests(workspace: &Workspace, python: &Path, node: &Path, full: bool) -> Result<Totals> {
    let mut command = cargo(workspace, &["test", "--workspace", "--no-fail-fast"]);
    command
        .env(BINARY, workspace.morag("debug"))
        .env(PLUGINS, workspace.plugins_folder())
        .env(GUESTS, workspace.guests_folder())
        .env(PYTHON, python)
        .env(NODE, node)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    if full {
        command.env(FAULT_TASKS, FAULT_TASKS_FULL);
    }
    let shown = shell::repeat(&command);
    let started = Instant::now();
    let mut child = command.spawn().with_context(|| format!("cannot start `{shown}`"))?;
    let mut totals = Totals::default();
    let mut lines = BufReader::new(child.stdout.take().context("cargo test has no output")?);
    let (mut line, mut out) = (Vec::new(), std::io::stdout().lock());
    // Bytes, not text: a test may print anything.
    while lines.read_until(b'\n', &mut line)? > 0 {
        out.write_all(&line)?;
        totals.read(&String::from_utf8_lossy(&line));
        line.clear();
    }
    drop(out);
    totals.end(child.wait()?.success());
    if let Err(error) = totals.verdict() {
        println!("\n{totals}");
        bail!("{error} after {}; to repeat them:\n    {shown}", shell::seconds(started.elapsed()));
    }
    Ok(totals)
}
