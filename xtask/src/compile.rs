//! Cargo's builds with their progress: a bar `crate n of m` on a terminal, a line at each tenth elsewhere.
//!
//! Cargo draws its own bar only on a terminal, below a line for each crate. Here it is asked to draw it always, and what it draws is
//! read: the numbers become our bar, lines of crates are left out, and warnings and errors are shown as they are.
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use rustix::process::{Pid, setpriority_process};

use crate::shell;

/// Columns of the bar that cargo draws for us: room for its numbers and the name of a crate.
const CARGO_COLUMNS: &str = "100";
/// Lines at most where the output is no terminal.
const LINES: u64 = 10;
/// Longest line that is read, bytes: a compiler's warning has a few kilobytes.
const LINE_BYTES_MAX: usize = 1 << 20;
/// What cargo says of single crates and of itself, before everything else on a line.
const VERBS: [&str; 13] = [
    "Adding",
    "Building",
    "Checking",
    "Compiling",
    "Dirty",
    "Downloaded",
    "Downloading",
    "Finished",
    "Fresh",
    "Locking",
    "Replaced",
    "Running",
    "Updating",
];

/// Niceness of a build that others are waited for: it takes what they leave idle, and about a tenth of the rest.
const BEHIND: i32 = 10;

/// Builds that run beside each other, their bars below each other.
#[derive(Default)]
pub struct Builds {
    bars: MultiProgress,
    niceness: i32,
}

impl Builds {
    /// For a shorter build beside a longer one: the longer one then ends as early as it can, and what it leaves idle, mostly at its
    /// end, is used.
    pub fn behind(&self) -> Self {
        Self { bars: self.bars.clone(), niceness: BEHIND }
    }

    /// Runs a build to its end. Fails with the command to repeat.
    pub fn run(&self, name: &str, command: &mut Command) -> Result<()> {
        let started = Instant::now();
        let bar = self.bars.add(bar(name));
        command.env("CARGO_TERM_PROGRESS_WHEN", "always").env("CARGO_TERM_PROGRESS_WIDTH", CARGO_COLUMNS);
        if !bar.is_hidden() {
            command.env("CARGO_TERM_COLOR", "always");
        }
        let mut child = command
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start `{}`", shell::shown(command)))?;
        if let Some(process) = i32::try_from(child.id()).ok().and_then(Pid::from_raw).filter(|_| self.niceness != 0) {
            // Where it is not allowed, both only take longer.
            let _ = setpriority_process(Some(process), self.niceness);
        }
        let mut shown = Shown { name, bar, tenths: 0, crates: 0 };
        let mut lines = BufReader::new(child.stderr.take().context("the build has no standard error")?);
        let mut line = Vec::new();
        while read_line(&mut lines, &mut line)? {
            shown.take(&String::from_utf8_lossy(&line));
        }
        let status = child.wait()?;
        shown.bar.finish_and_clear();
        if !status.success() {
            bail!("building {name} failed ({status}); to repeat it:\n    {}", shell::repeat(command));
        }
        let crates = shown.crates;
        self.print(&format!("{name}: {crates} crates built in {}", shell::seconds(started.elapsed())));
        Ok(())
    }

    /// Prints a line above the bars.
    fn print(&self, line: &str) {
        self.bars.suspend(|| println!("{line}"));
    }
}

fn bar(name: &str) -> ProgressBar {
    let bar = ProgressBar::new(0).with_prefix(name.to_owned());
    // A wrong template would only cost its looks.
    match ProgressStyle::with_template("{prefix:<10} [{bar:30}] crate {pos} of {len} {wide_msg}") {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        Err(_) => bar,
    }
}

/// What has been shown of a build.
struct Shown<'a> {
    name: &'a str,
    bar: ProgressBar,
    /// Tenths that have their line.
    tenths: u64,
    /// Crates built so far.
    crates: u64,
}

impl Shown<'_> {
    fn take(&mut self, line: &str) {
        match read(line) {
            Said::Progress { done, of, what } => {
                self.crates = self.crates.max(done);
                self.bar.set_length(of);
                self.bar.set_position(done);
                self.bar.set_message(what);
                let tenths = (done * LINES).checked_div(of).unwrap_or_default();
                if self.bar.is_hidden() && tenths > self.tenths {
                    self.tenths = tenths;
                    println!("{}: crate {done} of {of}", self.name);
                }
            }
            Said::Crate => {}
            Said::Text => self.bar.suspend(|| eprintln!("{}", line.trim_end())),
        }
    }
}

/// A line of cargo's output.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    /// Its bar.
    Progress { done: u64, of: u64, what: String },
    /// A step of its own, of one crate or of all.
    Crate,
    /// What a person should read.
    Text,
}

/// Reads a line: `    Building [=====>   ] 12/345: wasmtime, ring(build)`.
fn read(line: &str) -> Said {
    let plain = without_colours(line);
    let text = plain.trim();
    let Some((verb, rest)) = text.split_once(' ') else {
        return if text.is_empty() { Said::Crate } else { Said::Text };
    };
    if !VERBS.contains(&verb) {
        return Said::Text;
    }
    let numbers = rest.strip_prefix('[').and_then(|rest| rest.split_once("] ")).and_then(|(_, rest)| {
        let (numbers, what) = rest.split_once(':').unwrap_or((rest, ""));
        let (done, of) = numbers.trim().split_once('/')?;
        Some(Said::Progress { done: done.parse().ok()?, of: of.parse().ok()?, what: what.trim().to_owned() })
    });
    numbers.unwrap_or(Said::Crate)
}

/// Without the terminal's escape sequences (ECMA-48: `ESC [`, parameters, a letter).
fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        let end = after.find(|letter: char| letter.is_ascii_alphabetic()).map_or(after.len(), |at| at + 1);
        rest = &after[end..];
    }
    plain.push_str(rest);
    plain
}

/// Reads up to the next end of a line or return of the carriage; false at the end. A longer line comes in parts.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> Result<bool> {
    line.clear();
    for byte in input.by_ref().bytes() {
        match byte? {
            b'\n' | b'\r' => return Ok(true),
            byte => line.push(byte),
        }
        if line.len() == LINE_BYTES_MAX {
            return Ok(true);
        }
    }
    Ok(!line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_of_cargo_is_read() {
        let progress = |done, of, what: &str| Said::Progress { done, of, what: what.to_owned() };
        assert_eq!(
            read("    Building [=====>     ] 12/345: wasmtime, ring(build)"),
            progress(12, 345, "wasmtime, ring(build)")
        );
        assert_eq!(read("    Building [           ] 0/5"), progress(0, 5, ""));
        let coloured = "\u{1b}[1m\u{1b}[36m    Building\u{1b}[0m [=> ] 3/9: serde\u{1b}[K";
        assert_eq!(read(coloured), progress(3, 9, "serde"));
    }

    #[test]
    fn lines_of_crates_are_left_out_and_all_else_is_shown() {
        for line in ["   Compiling serde v1.0.0", "    Finished `dev` profile in 3s", "\u{1b}[K", ""] {
            assert_eq!(read(line), Said::Crate, "{line:?}");
        }
        let shown = [
            "warning: unused variable: `x`",
            "error[E0308]: mismatched types",
            "  --> src/main.rs:1:1",
            "    Blocking waiting for file lock on build directory",
        ];
        for line in shown {
            assert_eq!(read(line), Said::Text, "{line:?}");
        }
    }

    #[test]
    fn lines_end_at_returns_too_and_are_bounded() {
        let long = vec![b'x'; LINE_BYTES_MAX + 1];
        let mut input = std::io::Cursor::new([&b"one\rtwo\n"[..], &long].concat());
        let (mut line, mut lengths) = (Vec::new(), Vec::new());
        while read_line(&mut input, &mut line).unwrap() {
            lengths.push(line.len());
        }
        assert_eq!(lengths, [3, 3, LINE_BYTES_MAX, 1]);
    }

    #[test]
    fn a_failing_build_is_named_with_its_command() {
        let error = Builds::default().run("nothing", &mut Command::new("false")).unwrap_err().to_string();
        assert!(error.contains("building nothing failed") && error.ends_with("false"), "{error}");
    }
}
