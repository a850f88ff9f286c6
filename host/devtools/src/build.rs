//! `morag plugin build`: builds and checks the component of a project.

use super::progress::Busy;
use super::project::{Project, ProjectArgs};
use super::{toolchain, trial, units};
use crate::workbench;
use anyhow::ensure;
use clap::Args;
use morag_client::line;
use morag_core::plugin::Capability;
use morag_runtime::{Inspection, inspect};
use std::process::ExitCode;

/// What `--help` shows below the options.
pub const EXAMPLES: &str = "Examples:
  morag plugin build
  morag plugin build --dir ~/steps/redact

Builds for release, into build/NAME.wasm. The first build installs further tools that a language needs (componentize-py,
componentize-js, wasm-tools) with pinned versions into $MORAG_TOOLS_DIR (~/.cache/morag/tools). The component is then loaded as
by a server, and may import only the capabilities that plugin.toml lists.";

/// Builds the project's component.
#[derive(Debug, Args)]
pub struct Build {
    #[command(flatten)]
    project: ProjectArgs,
    /// Has no effect, because builds are always for release
    #[arg(long, hide = true)]
    release: bool,
}

/// `morag plugin build`.
pub async fn run(command: Build) -> anyhow::Result<ExitCode> {
    build(&Project::open(&command.project)?).await?;
    Ok(ExitCode::SUCCESS)
}

/// Builds and checks a project's component, and prints its size and digest.
pub async fn build(project: &Project) -> anyhow::Result<()> {
    project.generate()?;
    tokio::task::block_in_place(|| toolchain::build(project))?;
    let busy = Busy::start("checking the component");
    let inspected = inspect(&project.component(), Some(&trial::compile_cache()?), workbench::compiler()?).await;
    busy.end(inspected.is_ok());
    let inspection = inspected?;
    check(project, &inspection)?;
    let (size, digest) = (units::bytes(inspection.facts.size), &inspection.facts.digest);
    line(format_args!("{}  {size}  sha256:{digest}", project.component_below()));
    Ok(())
}

/// Checks that the component matches `plugin.toml`.
fn check(project: &Project, inspection: &Inspection) -> anyhow::Result<()> {
    let (actual, name) = (&inspection.descriptor.name, &project.manifest.name);
    ensure!(actual == name, "the component is named {actual}, but plugin.toml says {name}: use the same name in both");
    let is_converter = inspection.facts.exports.iter().any(|name| super::inspect::interface(name) == Some("converter"));
    ensure!(
        is_converter || !project.manifest.is_converter,
        "plugin.toml says converter = true, but the component exports no converter: export one, in Rust with export_converter!"
    );
    ensure!(
        !is_converter || project.manifest.is_converter,
        "the component exports a converter, which plugin.toml does not say: add converter = true to [plugin]"
    );
    let listed = &project.manifest.capabilities;
    let wants = inspection.descriptor.capabilities.iter().map(|capability| (*capability, "wants"));
    let imports = Capability::ALL.into_iter().filter(|capability| imports(inspection, *capability));
    let used: Vec<_> = wants.chain(imports.map(|capability| (capability, "imports"))).collect();
    if let Some((missing, how)) = used.iter().find(|(capability, _)| !listed.contains(capability)) {
        let missing = missing.as_str();
        anyhow::bail!(
            "the component {how} {missing}, which plugin.toml does not list: add \"{missing}\" to capabilities"
        )
    }
    Ok(())
}

fn imports(inspection: &Inspection, capability: Capability) -> bool {
    let interface = match capability {
        Capability::Http => "wasi:http/outgoing-handler",
        _ => {
            return inspection
                .facts
                .imports
                .iter()
                .any(|name| super::inspect::interface(name) == Some(capability.as_str()));
        }
    };
    inspection.facts.imports.iter().any(|name| name.starts_with(interface))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Manifest;
    use morag_core::plugin::Descriptor;
    use morag_runtime::Facts;
    use std::sync::Arc;

    fn check(listed: &str, name: &str, wanted: &[Capability], imports: &[&str]) -> Result<(), String> {
        check_exports(&format!("capabilities = [{listed}]"), name, wanted, imports, &["morag:step/step@1.1.0"])
    }

    fn check_exports(
        keys: &str,
        name: &str,
        wanted: &[Capability],
        imports: &[&str],
        exports: &[&str],
    ) -> Result<(), String> {
        let text = format!("[plugin]\nname = \"a\"\nlanguage = \"rust\"\n{keys}\n");
        let project = Project { folder: "/a".into(), manifest: Manifest::parse(&text).unwrap() };
        let descriptor = Descriptor {
            name: name.into(),
            version: "1.0.0".into(),
            summary: String::new(),
            inputs: vec![],
            outputs: vec![],
            capabilities: wanted.to_vec(),
            config_schema: serde_json::json!({}),
            formats: None,
        };
        let facts = Facts {
            imports: imports.iter().map(|name| (*name).to_owned()).collect(),
            exports: exports.iter().map(|name| (*name).to_owned()).collect(),
            wit_version: None,
            producers: vec![],
            size: 1,
            digest: String::new(),
        };
        let inspection = Inspection { descriptor: Arc::new(descriptor), facts };
        super::check(&project, &inspection).map_err(|error| error.to_string())
    }

    #[test]
    fn a_converter_is_one_in_its_component_and_in_its_project() {
        let (step, both) = (["morag:step/step@1.1.0"], ["morag:step/step@1.1.0", "morag:step/converter@1.1.0"]);
        let check = |keys: &str, exports: &[&str]| check_exports(keys, "a", &[], &[], exports);
        assert_eq!(check("converter = true", &both), Ok(()));
        assert!(check("converter = true", &step).unwrap_err().contains("exports no converter"));
        assert!(check("", &both).unwrap_err().contains("add converter = true"));
    }

    #[test]
    fn a_component_must_match_its_project() {
        let free = ["morag:step/task@1.1.0", "morag:step/log@1.1.0", "wasi:clocks/wall-clock@0.2.6"];
        assert_eq!(check("", "a", &[], &free), Ok(()));
        assert!(check("", "b", &[], &[]).unwrap_err().contains("is named b, but plugin.toml says a"));
        assert!(check("", "a", &[Capability::Kv], &[]).unwrap_err().contains("wants kv"));
        assert_eq!(check("\"kv\"", "a", &[Capability::Kv], &["morag:step/kv@1.1.0"]), Ok(()));
        assert!(check("", "a", &[], &["morag:step/kv@1.1.0"]).unwrap_err().contains("imports kv"));
        assert!(check("", "a", &[], &["wasi:http/outgoing-handler@0.2.6"]).unwrap_err().contains("imports http"));
    }
}
