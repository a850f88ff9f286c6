//! How a project's component is made, by language. Each says what is missing and the command that installs it.

mod command;
mod javascript;
mod python;
mod rust;

use super::manifest::Language;
use super::project::Project;
use anyhow::Context as _;

/// Makes the component where [`Project::component`] says. Takes seconds to a minute.
pub fn build(project: &Project) -> anyhow::Result<()> {
    let folder = project.folder.join("build");
    std::fs::create_dir_all(&folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    match project.manifest.language {
        Language::Rust => rust::build(project),
        Language::Python => python::build(project),
        Language::Javascript => javascript::build(project),
        Language::C | Language::Other => command::build(project),
    }?;
    anyhow::ensure!(
        project.component().is_file(),
        "the build went well and made no {}: its command must write that file",
        project.component_below()
    );
    Ok(())
}
