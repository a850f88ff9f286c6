//! The Python of the test clients.
use std::path::PathBuf;

use anyhow::Result;

use crate::venv::Venv;
use crate::workspace::Workspace;

/// The environment variable by which tests find it.
pub const VARIABLE: &str = "MORAG_TEST_PYTHON";

/// Its packages, and an import of what the clients and the harness use.
const CLIENTS: Venv = Venv {
    folder: "venv",
    requirements: "tests/clients/requirements.txt",
    proof: &[
        "-c",
        "import fastapi, flask, jsonschema, moto.server, openapi_python_client, schemathesis, sqlalchemy, standardwebhooks, uvicorn",
    ],
};

/// Makes the venv where needed. Returns its `python`.
pub fn ensure(workspace: &Workspace) -> Result<PathBuf> {
    Ok(CLIENTS.ensure(workspace)?.join("python"))
}
