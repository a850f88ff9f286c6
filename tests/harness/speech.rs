//! Speech: a recording that a program speaks, in files of every kind, and a service with a real model that writes down what is said.

use super::clients::script;
use super::program;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What is spoken. The model, the smallest of its kind, understands the second sentence word for word in every file.
pub const SPOKEN: &str = "The library opens at nine in the morning. Please return your books before Friday.";

/// Endings of the files that hold sound alone, and of those that are films.
pub const ENDINGS: [&str; 10] = ["wav", "mp3", "m4a", "aac", "ogg", "flac", "mp4", "mov", "mkv", "webm"];

/// Python with the model and the codecs: `MORAG_TEST_SPEECH_PYTHON`, set by `cargo xtask test`, or its default location.
fn python() -> PathBuf {
    let path = std::env::var_os("MORAG_TEST_SPEECH_PYTHON")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/speech-venv/bin/python"), PathBuf::from);
    assert!(path.exists(), "{} is missing: `cargo xtask test` makes it", path.display());
    path
}

/// Writes `spoken.ENDING` for each of [`ENDINGS`].
pub async fn record(folder: &Path) {
    let spoken = folder.join("spoken.wav");
    let mut speak = Command::new("espeak-ng");
    speak.args(["-v", "en-us", "-s", "140", "-w"]).arg(&spoken).arg(SPOKEN);
    program::run(speak).await;
    let mut encode = Command::new(python());
    encode.arg(script("speech/recordings.py")).arg(&spoken).arg(folder);
    program::run(encode).await;
}

/// A running service for transcription. Killed when dropped, and ended with the test process.
pub struct SpeechService {
    /// `http://127.0.0.1:PORT`.
    pub address: String,
    child: Child,
}

impl SpeechService {
    /// Loads the model, which takes some seconds, and serves on a free port.
    pub fn start() -> Self {
        let mut command = Command::new(python());
        command.arg(script("speech/server.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("Python starts");
        let mut address = String::new();
        let out = child.stdout.take().expect("its output");
        BufReader::new(out).read_line(&mut address).expect("its first line");
        assert!(address.starts_with("http://"), "the service does not start; its errors are above");
        Self { address: address.trim().to_owned(), child }
    }
}

impl Drop for SpeechService {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
