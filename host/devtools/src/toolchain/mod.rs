//! Builds a project's component with the toolchain of its language. If a tool is missing, the error says how to install it.

mod command;
mod javascript;
mod python;
mod rust;

use super::manifest::Language;
use super::project::Project;
use anyhow::Context as _;

/// Builds the component at [`Project::component`]. Takes seconds to a minute.
pub fn build(project: &Project) -> anyhow::Result<()> {
    let folder = project.folder.join("build");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create the folder {}", folder.display()))?;
    match project.manifest.language {
        Language::Rust => rust::build(project),
        Language::Python => python::build(project),
        Language::Javascript => javascript::build(project),
        Language::C | Language::Other => command::build(project),
    }?;
    anyhow::ensure!(
        project.component().is_file(),
        "the build succeeded but did not create {}: its command must write that file",
        project.component_below()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Manifest;
    use crate::project::write;

    #[test]
    fn the_output_of_an_earlier_build_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let project = |command: &str| {
            let text = format!("[plugin]\nname = \"a\"\nlanguage = \"other\"\n[build]\ncommand = \"{command}\"\n");
            Project { folder: folder.path().into(), manifest: Manifest::parse(&text).unwrap() }
        };
        write(&project("true").component(), b"old").unwrap();
        assert!(build(&project("true")).unwrap_err().to_string().contains("did not create build/a.wasm"));
        build(&project("echo new > build/a.wasm")).unwrap();
        assert_eq!(std::fs::read_to_string(project("true").component()).unwrap(), "new\n");
    }
}
