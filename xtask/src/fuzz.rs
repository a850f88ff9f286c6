//! `cargo xtask fuzz`: fuzzes the parsers of untrusted input. The targets are in `fuzz/`, a workspace of its own in the layout of
//! `cargo fuzz`, but only the nightly compiler is needed.
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::shell;
use crate::workspace::Workspace;

/// Compiler flags of `cargo fuzz`: coverage counters, comparison tracing and the address sanitizer.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares -Cllvm-args=-simplifycfg-branch-fold-threshold=0 \
     --cfg fuzzing -Zsanitizer=address";
/// The only supported platform. Passed explicitly, so that build scripts are compiled without the flags.
const TARGET: &str = "x86_64-unknown-linux-gnu";
/// Maximum input size, bytes: longer than any URL, header or setting that is accepted. For higher limits (fields, forms) targets
/// expand short encodings of long runs, because the fuzzer tries many short inputs but hardly any of 64 KiB.
const INPUT_BYTES_MAX: u32 = 4096;
/// Memory limit of a target, MiB; the sanitizer alone takes some hundred.
const MEMORY_MIB_MAX: u32 = 1024;
/// Limit of one allocation, MiB: results are at most some hundred times as long as the input.
const ALLOCATION_MIB_MAX: u32 = 16;
/// Time limit per input, seconds; a slower input is a finding.
const INPUT_SECONDS_MAX: u32 = 5;
/// Lines of a target's output shown for a finding.
const LINES_SHOWN: usize = 40;

/// Fuzz the parsers of untrusted input: URLs, addresses, dates, ids, signatures, descriptors, forms and their fields, JSON,
/// `morag.toml`, responses of Redis; documents: messages, Rich Text, Office files, markup, data, films and sound.
///
/// Builds the targets with the nightly compiler and the address sanitizer (minutes the first time), runs each for the given time
/// and prints the findings. The corpus is kept in target/fuzz/corpus, findings in target/fuzz/artifacts. Exits with 1 if there are
/// findings: fix them, and add each as a test beside the fix.
#[derive(Args)]
pub struct Options {
    /// Seconds per target.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Only check that all targets compile: minutes the first time, then seconds. No other command checks that they match the
    /// server's code.
    #[arg(long)]
    check: bool,
    /// Targets to run; all by default.
    targets: Vec<String>,
}

/// The command.
pub fn run(options: &Options) -> Result<()> {
    let workspace = Workspace::find()?;
    if options.check {
        return check(&workspace);
    }
    let targets = chosen(all(&workspace.root)?, &options.targets)?;
    let folder = workspace.target.join("fuzz");
    let [manifest, seeds] = ["fuzz/Cargo.toml", "fuzz/seeds"].map(|path| workspace.root.join(path));
    let mut build = shell::program("cargo", &["+nightly", "build", "--release", "--locked", "--target", TARGET]);
    build.arg("--manifest-path").arg(manifest).arg("--target-dir").arg(&folder).env("RUSTFLAGS", FLAGS);
    build.args(targets.iter().flat_map(|target| ["--bin", target]));
    shell::run(&mut build).context("fuzz targets need the nightly compiler: `rustup toolchain install nightly`")?;
    let mut found = Vec::new();
    for target in &targets {
        let report = fuzz(&folder, &seeds.join(target), target, options.seconds)?;
        println!("{target:<12} {report}");
        found.extend(matches!(report, Report::Found(_)).then_some(target.as_str()));
    }
    match found.is_empty() {
        true => Ok(()),
        false => {
            bail!("findings in {}; the inputs are in {}", found.join(", "), folder.join("artifacts").display())
        }
    }
}

/// Checks that the targets compile, with the workspace's compiler and without libFuzzer's C++ code. Not a stage of
/// `cargo xtask test`: `--cfg fuzzing` recompiles every dependency, which takes two minutes on two cores in a fresh clone.
fn check(workspace: &Workspace) -> Result<()> {
    let manifest = workspace.root.join("fuzz/Cargo.toml");
    let mut check = workspace.cargo(&["check", "--bins", "--locked", "--target", TARGET]);
    check.arg("--manifest-path").arg(&manifest).arg("--target-dir").arg(workspace.target.join("fuzz-check"));
    // Any path works, since checking does not link; an existing file is not rebuilt every time.
    check.env("RUSTFLAGS", "--cfg fuzzing").env("CUSTOM_LIBFUZZER_PATH", &manifest);
    shell::run(&mut check)
}

/// Names of the existing targets.
fn all(root: &Path) -> Result<Vec<String>> {
    let folder = root.join("fuzz/fuzz_targets");
    let files = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut names: Vec<_> = files
        .flatten()
        .filter_map(|file| file.path().file_stem().map(|name| name.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    Ok(names)
}

fn chosen(all: Vec<String>, asked: &[String]) -> Result<Vec<String>> {
    if let Some(unknown) = asked.iter().find(|name| !all.contains(name)) {
        bail!("there is no fuzz target {unknown}: choose one of {}", all.join(", "));
    }
    Ok(if asked.is_empty() { all } else { asked.to_vec() })
}

/// Result of running a target.
enum Report {
    /// No findings; the last status line.
    Nothing(String),
    /// A finding; the end of the output.
    Found(String),
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nothing(line) => write!(f, "nothing found  {line}"),
            Self::Found(output) => write!(f, "FOUND\n{output}"),
        }
    }
}

/// Runs a target. `seeds`: folder of initial inputs beside the corpus, if it exists.
fn fuzz(folder: &Path, seeds: &Path, target: &str, seconds: u64) -> Result<Report> {
    let binary = folder.join(TARGET).join("release").join(target);
    let [corpus, artifacts] = ["corpus", "artifacts"].map(|name| folder.join(name).join(target));
    for made in [&corpus, &artifacts] {
        fs::create_dir_all(made).with_context(|| format!("cannot make {}", made.display()))?;
    }
    let mut command = shell::program(&binary.display().to_string(), &[]);
    command
        .arg(corpus)
        .args(Some(seeds).filter(|folder| folder.is_dir()))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={INPUT_BYTES_MAX}"));
    command.arg(format!("-timeout={INPUT_SECONDS_MAX}")).arg(format!("-rss_limit_mb={MEMORY_MIB_MAX}"));
    // Allow long inputs from the start: short ones cannot cover responses or files with many parts.
    command.arg("-len_control=0");
    // Objects that a runtime caches are not leaks, and leak detection takes longer than most inputs.
    command.arg("-detect_leaks=0").arg(format!("-malloc_limit_mb={ALLOCATION_MIB_MAX}")).arg(prefix(&artifacts));
    let output = shell::output(&mut command)?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines: Vec<_> = said.lines().collect();
    Ok(match output.status.success() {
        true => {
            let done = lines.iter().rev().find(|line| line.contains("DONE")).copied().unwrap_or_default();
            Report::Nothing(done.trim().to_owned())
        }
        false => Report::Found(lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n")),
    })
}

/// Option for the folder of findings. libFuzzer prepends the prefix unchanged, so it must end with a slash.
fn prefix(artifacts: &Path) -> String {
    format!("-artifact_prefix={}/", PathBuf::from(artifacts).display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_target_of_the_manifest_and_the_other_way_round() {
        let root = Workspace::find().unwrap().root;
        let manifest = fs::read_to_string(root.join("fuzz/Cargo.toml")).unwrap();
        let files = all(&root).unwrap();
        assert_eq!(manifest.matches("[[bin]]").count(), files.len());
        for name in files {
            assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
        }
    }

    #[test]
    fn a_target_that_is_not_there_is_named() {
        let all = || vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(chosen(all(), &[]).unwrap(), all());
        assert_eq!(chosen(all(), &["b".to_owned()]).unwrap(), ["b"]);
        assert!(chosen(all(), &["c".to_owned()]).unwrap_err().to_string().contains("c: choose one of a, b"));
    }
}
