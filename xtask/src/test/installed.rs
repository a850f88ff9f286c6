//! What the tests need besides what is built, and the environment variables by which they find it.
use std::path::PathBuf;

use anyhow::Result;

use super::stage::Stages;
use crate::workspace::Workspace;
use crate::{node, python, speech, toolchain};

/// The folder with the Node.js packages and the compiled example.
const NODE: &str = "MORAG_TEST_NODE_DIR";
/// The folder with the Node.js packages that work on the OpenAPI document.
const NODE_OPENAPI: &str = "MORAG_TEST_NODE_OPENAPI_DIR";

/// Where it is.
pub struct Installed {
    /// The Python of the test clients.
    pub python: PathBuf,
    speech: PathBuf,
    node: node::Folders,
}

impl Installed {
    /// Installs what is missing.
    pub fn ensure(workspace: &Workspace, stages: &mut Stages) -> Result<Self> {
        let python = stages.run("Python of the test clients", || python::ensure(workspace))?;
        let speech = stages.run("model that writes down speech", || speech::ensure(workspace))?;
        stages.run("programs that the tests start", toolchain::programs::ensure)?;
        let node = stages.run("Node.js packages of the test clients", || node::ensure(workspace))?;
        Ok(Self { python, speech, node })
    }

    /// The variables.
    pub fn environment(&self) -> [(&'static str, &PathBuf); 4] {
        [
            (python::VARIABLE, &self.python),
            (speech::VARIABLE, &self.speech),
            (NODE, &self.node.example),
            (NODE_OPENAPI, &self.node.openapi),
        ]
    }
}
