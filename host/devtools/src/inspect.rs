//! `morag plugin inspect`: shows the descriptor and imports of a component.

use super::{trial, units};
use crate::workbench;
use clap::Args;
use morag_client::{line, plain};
use morag_core::plugin::{Capability, Descriptor, Input, Output};
use morag_runtime::{Facts, Inspection, inspect};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

/// What `--help` shows below the options.
pub const EXAMPLES: &str = "Examples:
  morag plugin inspect build/redact.wasm
  morag plugin inspect target/plugins/chunking.wasm --json

The component is loaded and describes itself; it has no task, no files and no network.";

/// Shows the descriptor and imports of a component.
#[derive(Debug, Args)]
pub struct Inspect {
    /// Component to inspect
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// `morag plugin inspect`.
pub async fn run(command: Inspect) -> anyhow::Result<ExitCode> {
    let inspection = inspect(&command.file, Some(&trial::compile_cache()?), workbench::compiler()?).await?;
    match command.json {
        true => line(format_args!("{:#}", as_json(&inspection))),
        false => line(text(&inspection).trim_end()),
    }
    Ok(ExitCode::SUCCESS)
}

/// Imports by the permission they need.
#[derive(Debug, Default, PartialEq, Eq)]
struct Groups<'a> {
    /// Linked for every step.
    free: Vec<&'a str>,
    /// Linked if the operator grants the capability.
    capabilities: Vec<&'a str>,
    /// WASI interfaces, linked without access to files or the network.
    wasi: Vec<&'a str>,
}

impl<'a> Groups<'a> {
    fn of(imports: &'a [String]) -> Self {
        let mut groups = Self::default();
        for name in imports {
            let is_capability = interface(name).is_some_and(|interface| interface.parse::<Capability>().is_ok());
            match (is_capability || name.starts_with("wasi:http"), name.starts_with("wasi:")) {
                (true, _) => &mut groups.capabilities,
                (false, true) => &mut groups.wasi,
                (false, false) => &mut groups.free,
            }
            .push(name.as_str());
        }
        groups
    }
}

/// The interface of an import or export `morag:step/NAME@VERSION`.
pub fn interface(name: &str) -> Option<&str> {
    name.strip_prefix("morag:step/")?.split('@').next()
}

fn as_json(inspection: &Inspection) -> Value {
    let Inspection { descriptor, facts } = inspection;
    let groups = Groups::of(&facts.imports);
    json!({
        "descriptor": &**descriptor,
        "imports": {"free": groups.free, "capabilities": groups.capabilities, "wasi": groups.wasi},
        "wit_version": facts.wit_version,
        "producers": facts.producers,
        "size": facts.size,
        "sha256": facts.digest,
    })
}

fn text(inspection: &Inspection) -> String {
    let Descriptor { name, version, summary, inputs, outputs, capabilities, config_schema, formats } =
        &*inspection.descriptor;
    let Facts { imports, wit_version, producers, size, digest, .. } = &inspection.facts;
    let groups = Groups::of(imports);
    let read = |input: &Input| format!("{}{}", input.name, if input.required { "" } else { " (if present)" });
    let written = |output: &Output| match &output.data_key {
        Some(key) => format!("{} ({}, published as {key})", output.name, output.media_type),
        None => format!("{} ({})", output.name, output.media_type),
    };
    let own = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
    let rows: [(&str, Vec<String>); 10] = [
        ("reads", inputs.iter().map(read).collect()),
        ("converts", formats.iter().flatten().map(|format| format.name.clone()).collect()),
        ("writes", outputs.iter().map(written).collect()),
        ("capabilities", capabilities.iter().map(|capability| capability.as_str().to_owned()).collect()),
        ("imports", own(groups.free)),
        ("  need grant", own(groups.capabilities)),
        ("  WASI", own(groups.wasi)),
        ("WIT", vec![wit_version.as_ref().map_or("unknown".into(), |version| format!("morag:step {version}"))]),
        ("made with", producers.clone()),
        ("size", vec![format!("{} ({size} bytes)", units::bytes(*size))]),
    ];
    let mut made = format!("{name} {version}\n  {summary}\n");
    for (title, items) in rows {
        let items = if items.is_empty() { "none".to_owned() } else { items.join(", ") };
        made.push_str(&format!("  {title:14}{items}\n"));
    }
    made.push_str(&format!("  {:14}{digest}\n  {:14}{config_schema}", "sha256", "configuration"));
    // The component's author is untrusted, so control characters are removed.
    made.lines().map(|line| plain(&line.into()) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_core::plugin::AcceptedFormat;
    use std::sync::Arc;

    fn inspection() -> Inspection {
        let descriptor = Descriptor {
            name: "redact".into(),
            version: "0.1.0".into(),
            summary: "Hides \u{1b}[31mnames".into(),
            inputs: vec![Input { name: "markdown.md".parse().unwrap(), required: true }],
            outputs: vec![
                Output::read("redacted.md", "text/markdown".into(), Some("url".into())).unwrap(),
                Output::read("page-*.png", "image/png".into(), None).unwrap(),
            ],
            capabilities: vec![Capability::Kv],
            config_schema: json!({"type": "object"}),
            formats: Some(vec![AcceptedFormat {
                name: "docx".into(),
                media_types: vec![],
                extensions: vec!["docx".into()],
            }]),
        };
        let imports = ["morag:step/task@1.1.0", "morag:step/kv@1.1.0", "wasi:io/poll@0.2.6", "wasi:http/types@0.2.6"];
        let facts = Facts {
            imports: imports.map(str::to_owned).to_vec(),
            exports: vec!["morag:step/step@1.1.0".into()],
            wit_version: Some("1.1.0".into()),
            producers: vec!["language Rust".into()],
            size: 2048,
            digest: "ab".repeat(32),
        };
        Inspection { descriptor: Arc::new(descriptor), facts }
    }

    #[test]
    fn imports_are_grouped_by_what_they_need() {
        let inspection = inspection();
        let groups = Groups::of(&inspection.facts.imports);
        assert_eq!(groups.free, ["morag:step/task@1.1.0"]);
        assert_eq!(groups.capabilities, ["morag:step/kv@1.1.0", "wasi:http/types@0.2.6"]);
        assert_eq!(groups.wasi, ["wasi:io/poll@0.2.6"]);
    }

    #[test]
    fn all_of_it_is_shown() {
        let text = text(&inspection());
        for part in [
            "redact 0.1.0",
            "markdown.md",
            "converts      docx\n",
            "redacted.md (text/markdown, published as url), page-*.png (image/png)",
            "morag:step 1.1.0",
            "2.0 KiB (2048 bytes)",
            "language Rust",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains('\u{1b}'));
        let json = as_json(&inspection());
        assert_eq!((&json["descriptor"]["name"], &json["size"]), (&json!("redact"), &json!(2048)));
        assert_eq!(json["imports"]["capabilities"][0], "morag:step/kv@1.1.0");
    }
}
