//! Programs in other languages that run to their end.

use super::server::PATIENCE;
use std::process::Stdio;
use tokio::process::Command;

/// Runs a program that must succeed. Returns what it printed.
pub async fn run(command: std::process::Command) -> String {
    let shown = format!("{command:?}");
    let mut command = Command::from(command);
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(PATIENCE, output).await;
    let output = output.unwrap_or_else(|_| panic!("{shown} has not ended after {PATIENCE:?}")).expect("it starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{shown}: {}\n{stdout}\n{stderr}", output.status);
    stdout
}
