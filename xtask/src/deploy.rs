//! `cargo xtask deploy`: checks the deployment files against their schemas and the built server.
//!
//! Linters of the test venv check the schemas. The rest is checked here: settings and command lines exist in the built
//! binary, every process has enough time to stop, and every container and unit is confined.
mod compose;
mod findings;
mod kubernetes;
mod names;
mod serve;
mod units;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::Value;

use crate::workspace::Workspace;
use crate::{python, shell};
use findings::{FOLDER, Findings};
use serve::Server;

/// Check the deployment files.
///
/// Checks them against their schemas, with the linters of tests/clients/requirements.txt, and against the binary
/// target/debug/morag, which must have been built.
#[derive(Args)]
pub struct Options {}

/// Filled in by whoever runs the compose file. Never read here: a finding would print a part of it.
const SECRETS: &str = "secrets.env";

/// Prints the documents of YAML files as JSON, one list per file. This parser refuses duplicate keys.
const TO_JSON: &str = "import json, sys
from ruamel.yaml import YAML
load = lambda path: list(YAML(typ='safe', pure=True).load_all(open(path, encoding='utf-8')))
print(json.dumps([load(path) for path in sys.argv[1:]]))";

/// The command.
pub fn run(_: &Options) -> Result<()> {
    let workspace = Workspace::find()?;
    check(&workspace, &python::ensure(&workspace)?)
}

/// Prints all findings; fails if there are any.
pub fn check(workspace: &Workspace, python: &Path) -> Result<()> {
    let folder = workspace.root.join(FOLDER);
    let files = Files::read(&folder)?;
    schemas(python, &folder, &files)?;
    let server = Server::ask(&workspace.morag("debug"))?;
    let openapi = fs::read_to_string(workspace.root.join("host/api/openapi.json"))?;
    let openapi: Value = serde_json::from_str(&openapi).context("host/api/openapi.json is not JSON")?;

    let mut findings = Findings::default();
    for (path, text) in &files.texts {
        names::check(&server, path, text, &mut findings);
    }
    let units: Vec<_> = files.texts.iter().filter(|(path, _)| path.ends_with(".service")).collect();
    units::check(&server, &units, &mut findings);
    let compose = documents(python, &folder, &["compose.yaml"])?;
    compose::check(&server, compose.first().context("compose.yaml is empty")?, &mut findings);
    let manifests = documents(python, &folder, &files.manifests())?;
    kubernetes::check(&server, &openapi, &files.manifests(), &manifests, &mut findings);
    findings.verdict(files.texts.len())
}

/// The files of the folder: path in it, text.
struct Files {
    texts: Vec<(String, String)>,
}

impl Files {
    fn read(folder: &Path) -> Result<Self> {
        let (mut texts, mut folders) = (Vec::new(), vec![folder.to_owned()]);
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(&next).with_context(|| format!("cannot read {}", next.display()))? {
                let path: PathBuf = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                if path.ends_with(SECRETS) {
                    continue;
                }
                let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
                texts.push((path.strip_prefix(folder)?.to_string_lossy().into_owned(), text));
            }
        }
        texts.sort();
        Ok(Self { texts })
    }

    /// Paths of the Kubernetes manifests.
    fn manifests(&self) -> Vec<&str> {
        let paths = self.texts.iter().map(|(path, _)| path.as_str());
        paths.filter(|path| path.starts_with("kubernetes/") && path.ends_with(".yaml")).collect()
    }
}

/// Runs the linters, which contain their schemas.
fn schemas(python: &Path, folder: &Path, files: &Files) -> Result<()> {
    let mut compose = linter(python, folder, "check_jsonschema");
    shell::run(compose.args(["--builtin-schema", "vendor.compose-spec", "compose.yaml"]))?;
    // Skips kinds that Kubernetes itself does not define; those of KEDA and kustomize are checked by `kubernetes::check`.
    let mut manifests = linter(python, folder, "kubernetes_validate");
    shell::run(manifests.args(["--strict", "--quiet", "--no-warn"]).args(files.manifests()))
}

fn linter(python: &Path, folder: &Path, module: &str) -> Command {
    let mut command = shell::program(&python.to_string_lossy(), &["-m", module]);
    command.current_dir(folder);
    command
}

/// Documents of YAML files, one list per file.
fn documents(python: &Path, folder: &Path, paths: &[&str]) -> Result<Vec<Vec<Value>>> {
    let mut command = shell::program(&python.to_string_lossy(), &["-c", TO_JSON]);
    let text = shell::read(command.current_dir(folder).args(paths)).context("not YAML")?;
    serde_json::from_str(&text).context("the YAML reader did not print JSON")
}
