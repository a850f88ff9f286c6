//! Runs the program of `benches/extism`.

use crate::measure::Took;
use anyhow::Context as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// Path of the program; `cargo xtask bench plugins` sets it.
const PROGRAM: &str = "MORAG_BENCH_EXTISM";

/// The running program.
pub struct Extism {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Extism {
    /// Starts it.
    ///
    /// # Errors
    /// If the program's path is not set or it does not start.
    pub fn start() -> anyhow::Result<Self> {
        let program = std::env::var_os(PROGRAM)
            .with_context(|| format!("{PROGRAM} is not set: run this by `cargo xtask bench plugins`"))?;
        let mut child = Command::new(&program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (stdin, stdout) = (child.stdin.take().context("no stdin")?, child.stdout.take().context("no stdout")?);
        Ok(Self { child, stdin, stdout: BufReader::new(stdout) })
    }

    /// Creates, calls and drops this many plug-ins.
    ///
    /// # Errors
    /// If the program has ended.
    pub fn calls(&mut self, calls: u32) -> anyhow::Result<Took> {
        writeln!(self.stdin, "{calls}")?;
        let mut line = String::new();
        self.stdout.read_line(&mut line)?;
        let mut nanos = line.split_whitespace().map(str::parse::<u64>);
        let mut next =
            || nanos.next().context("the program has ended")?.context("the program did not answer with a number");
        Ok(Took { wall: Duration::from_nanos(next()?), cpu: Duration::from_nanos(next()?) })
    }
}

impl Drop for Extism {
    fn drop(&mut self) {
        // It also ends when its input is closed, but only after its round.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
