//! One run of the program: a picture goes to its standard input, its table comes from its standard output. No shell, no file.

use crate::reader::ReadError;
use morag_core::plugin::FailureCode;
use morag_core::ports::{Picture, PixelFormat};
use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitId, WaitIdOptions, getrlimit, kill_process_group, prlimit, waitid,
};
use std::io::{Read, Write};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStderr, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Address space of the process, bytes: the largest picture takes 600 MB, each language some 50 MB.
const ADDRESS_SPACE_MAX: u64 = 2 << 30;
/// Processor time of the process, seconds: a page takes 2, the worst picture found 30.
const CPU_SECONDS_MAX: u64 = 120;
/// Time of the process by the clock: five times the processor time, for a core that five processes share.
const WALL_TIME_MAX: Duration = Duration::from_secs(600);
/// Time of the process that lists languages, which takes some ms.
const LIST_TIME_MAX: Duration = Duration::from_secs(10);
/// Bytes of the table: a page has 100 KB.
const OUTPUT_BYTES_MAX: u64 = 8 << 20;
/// Bytes of what it says about an error.
const SAID_BYTES_MAX: u64 = 4 << 10;
/// Between two looks at whether the process has ended or is to be ended.
const POLL: Duration = Duration::from_millis(10);

/// What is said where the program is missing.
pub(super) fn absent() -> String {
    "this server has no Tesseract: its operator must install it (Debian: tesseract-ocr and tesseract-ocr-eng), or set \
     `ocr` to a model"
        .to_owned()
}

/// A process that is killed where it is not awaited, with those that it has started: where the program is a script, that is Tesseract.
struct Running {
    child: Child,
    /// Whether its status was taken, after which its number may be another's.
    is_reaped: bool,
}

impl Running {
    /// Ends it and its group, where they have not ended by themselves, and takes its status.
    fn end(&mut self) -> std::io::Result<ExitStatus> {
        if !self.is_reaped {
            if let Some(group) = pid(&self.child) {
                let _ = kill_process_group(group, Signal::KILL);
            }
            self.is_reaped = true;
        }
        self.child.wait()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// Runs the program on a picture, and returns what it wrote.
pub(super) fn run(
    program: &str,
    languages: &str,
    picture: &Picture,
    cancelled: &dyn Fn() -> bool,
) -> Result<Vec<u8>, ReadError> {
    let arguments = ["stdin", "stdout", "--psm", "3", "-l", languages, "tsv"];
    start(program, &arguments, Some(picture), WALL_TIME_MAX, cancelled)
}

/// The languages that the program has, by their names.
pub(super) fn languages(program: &str) -> Result<Vec<String>, ReadError> {
    let listed = start(program, &["--list-langs"], None, LIST_TIME_MAX, &|| false)?;
    // The first line is a heading.
    Ok(String::from_utf8_lossy(&listed).lines().skip(1).map(|line| line.trim().to_owned()).collect())
}

fn start(
    program: &str,
    arguments: &[&str],
    picture: Option<&Picture>,
    time_max: Duration,
    cancelled: &dyn Fn() -> bool,
) -> Result<Vec<u8>, ReadError> {
    let mut command = Command::new(program);
    command.args(arguments).process_group(0);
    // Of the server's environment, which has secrets, it gets what it needs to find itself and its languages.
    let needed = ["PATH", "TESSDATA_PREFIX", "LD_LIBRARY_PATH"];
    command.env_clear();
    command.envs(needed.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    // One thread: the number of pictures that are read at once is set elsewhere.
    command.env("OMP_THREAD_LIMIT", "1");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = match command.spawn() {
        Ok(child) => Running { child, is_reaped: false },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(ReadError::NotUsable { code: FailureCode::OcrNotConfigured, text: absent() });
        }
        Err(error) => return Err(failed(&error)),
    };
    limit(&running.child).map_err(|error| failed(&error))?;
    let child = &mut running.child;
    let (Some(input), Some(output), Some(said)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
        return Err(ReadError::Model("it has no pipes".to_owned()));
    };
    std::thread::scope(|scope| {
        scope.spawn(move || picture.map(|picture| send(input, picture)));
        let read = scope.spawn(move || {
            let mut table = Vec::new();
            // One byte more shows that there is more.
            output.take(OUTPUT_BYTES_MAX + 1).read_to_end(&mut table).map(|_| table)
        });
        let said = scope.spawn(move || said_of(said));
        let ended = wait(&running.child, time_max, cancelled);
        let ended = ended.and_then(|()| running.end().map_err(|error| failed(&error)));
        // Ends the pipes, so that the threads end too.
        drop(running);
        let (table, said) = (read.join(), said.join().unwrap_or_default());
        let table = table.map_err(|_| ReadError::Model("its output could not be read".to_owned()))?;
        let table = table.map_err(|error| failed(&error))?;
        // Before its status: it ends by a signal where its output is not read to the end.
        if table.len() as u64 > OUTPUT_BYTES_MAX {
            return Err(ReadError::Model(format!("it wrote more than {OUTPUT_BYTES_MAX} bytes")));
        }
        match ended? {
            status if status.success() => Ok(table),
            status => Err(failed(&format!("{status}: {said}"))),
        }
    })
}

/// The beginning of what it says about an error, in one line. The rest is read and dropped, so that the process is not held up.
fn said_of(mut said: ChildStderr) -> String {
    let mut beginning = Vec::new();
    let _ = said.by_ref().take(SAID_BYTES_MAX).read_to_end(&mut beginning);
    let _ = std::io::copy(&mut said, &mut std::io::sink());
    String::from_utf8_lossy(&beginning).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn failed(error: &dyn std::fmt::Display) -> ReadError {
    ReadError::Model(format!("tesseract: {error}"))
}

fn pid(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

/// Sets limits of the process. It reads its input first, which has not been sent yet.
fn limit(child: &Child) -> std::io::Result<()> {
    let pid = pid(child);
    let lower = |resource: Resource, most: u64| {
        // A limit of the service that is lower already must not be raised.
        let most = getrlimit(resource).maximum.map_or(most, |maximum| maximum.min(most));
        prlimit(pid, resource, Rlimit { current: Some(most), maximum: Some(most) }).map(drop)
    };
    lower(Resource::As, ADDRESS_SPACE_MAX)?;
    lower(Resource::Cpu, CPU_SECONDS_MAX)?;
    // It writes no files.
    lower(Resource::Fsize, 0)?;
    Ok(())
}

/// The picture as PGM or PPM. An error means that the process has ended, whose status says more.
fn send(mut input: ChildStdin, picture: &Picture) {
    let kind = match picture.format() {
        PixelFormat::Gray8 => "P5",
        PixelFormat::Rgb8 => "P6",
    };
    let header = format!("{kind}\n{} {}\n255\n", picture.width(), picture.height());
    let _ = input.write_all(header.as_bytes()).and_then(|()| input.write_all(picture.pixels()));
}

/// Waits until the process has ended, and leaves its status to be taken.
fn wait(child: &Child, time_max: Duration, cancelled: &dyn Fn() -> bool) -> Result<(), ReadError> {
    let Some(id) = pid(child) else { return Err(failed(&"it has no number")) };
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let started = Instant::now();
    loop {
        if waitid(WaitId::Pid(id), look).map_err(|error| failed(&error))?.is_some() {
            return Ok(());
        }
        if cancelled() {
            return Err(ReadError::Cancelled);
        }
        if started.elapsed() > time_max {
            return Err(failed(&format!("it ran longer than {} s", time_max.as_secs())));
        }
        std::thread::sleep(POLL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    /// A program in place of Tesseract.
    fn program(folder: &Path, script: &str) -> String {
        let path = folder.join("program");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn ran(script: &str) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let picture = Picture::new(16, 16, PixelFormat::Gray8, vec![7; 256]).unwrap();
        let table = run(&program(folder.path(), script), "eng", &picture, &|| false);
        table.map(|table| String::from_utf8(table).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn it_gets_the_picture_and_nothing_of_the_environment() {
        assert_eq!(ran("wc -c").unwrap().trim(), (256 + "P5\n16 16\n255\n".len()).to_string());
        let environment = ran("env").unwrap();
        let names: Vec<_> = environment.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
        let allowed = ["PATH", "TESSDATA_PREFIX", "LD_LIBRARY_PATH", "OMP_THREAD_LIMIT", "PWD", "SHLVL", "_"];
        assert!(
            names.contains(&"OMP_THREAD_LIMIT") && names.iter().all(|name| allowed.contains(name)),
            "{environment}"
        );
    }

    #[test]
    fn it_has_limits() {
        let limits = ran("cat >/dev/null; ulimit -v; ulimit -t; ulimit -f").unwrap();
        let kilobytes = (ADDRESS_SPACE_MAX / 1024).to_string();
        assert_eq!(limits.split_whitespace().collect::<Vec<_>>(), [&kilobytes, &CPU_SECONDS_MAX.to_string(), "0"]);
        let much = ran(&format!("cat >/dev/null; head -c {} /dev/zero", OUTPUT_BYTES_MAX + 100_000)).unwrap_err();
        assert!(much.contains("it wrote more than"), "{much}");
    }

    #[test]
    fn what_it_says_of_an_error_is_told() {
        let failed = ran("cat >/dev/null; echo 'no language xyz' >&2; exit 3").unwrap_err();
        assert!(failed.contains("no language xyz") && failed.contains('3'), "{failed}");
    }

    #[test]
    fn its_languages_are_listed() {
        let folder = tempfile::tempdir().unwrap();
        let list = "test \"$1\" = --list-langs && printf 'List of available languages in \"/x/\" (2):\\neng\\nscript/Latin\\n'";
        assert_eq!(languages(&program(folder.path(), list)), Ok(vec!["eng".to_owned(), "script/Latin".to_owned()]));
        assert!(languages(&program(folder.path(), "exit 1")).is_err());
    }

    /// A script in place of the program, which waits for a process of its own that has the pipes.
    #[test]
    fn what_it_has_started_is_killed_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let program = program(folder.path(), "sleep 1000 & wait");
        let picture = Picture::new(16, 16, PixelFormat::Gray8, vec![7; 256]).unwrap();
        let started = Instant::now();
        let cancelled = || started.elapsed() > Duration::from_millis(100);
        assert_eq!(run(&program, "eng", &picture, &cancelled), Err(ReadError::Cancelled));
        assert!(started.elapsed() < Duration::from_secs(500), "its pipes would be open for longer");
    }

    #[test]
    fn it_is_killed_once_it_is_not_awaited() {
        let folder = tempfile::tempdir().unwrap();
        let program = program(folder.path(), "exec sleep 1000");
        let picture = Picture::new(16, 16, PixelFormat::Gray8, vec![7; 256]).unwrap();
        let started = Instant::now();
        let cancelled = || started.elapsed() > Duration::from_millis(100);
        assert_eq!(run(&program, "eng", &picture, &cancelled), Err(ReadError::Cancelled));
        assert!(started.elapsed() < Duration::from_secs(500), "it would have slept for longer");
    }
}
