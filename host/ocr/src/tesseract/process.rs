//! One run of the program: the picture goes to its standard input, its table comes from its standard output. No shell, no file.

use crate::reader::ReadError;
use morag_core::ports::{Picture, PixelFormat};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

/// Address space of the process, bytes: the largest picture takes 600 MB, each language some 50 MB.
const ADDRESS_SPACE_MAX: u64 = 2 << 30;
/// Processor time of the process, seconds: a page takes 2, the worst picture found 30.
const CPU_SECONDS_MAX: u64 = 120;
/// Time of the process by the clock: as much as on a machine with four other such processes for each core.
const WALL_TIME_MAX: Duration = Duration::from_secs(600);
/// Bytes of the table: a page has 100 KB.
const OUTPUT_BYTES_MAX: u64 = 8 << 20;
/// Between two looks at whether the process has ended or is to be ended.
const POLL: Duration = Duration::from_millis(10);

/// What is said where the program is missing.
pub(super) fn absent() -> String {
    "this server has no Tesseract: its operator must install it (Debian: tesseract-ocr and tesseract-ocr-eng), or set \
     `ocr` to a model"
        .to_owned()
}

/// A process that is killed where it is not awaited.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs the program on a picture, and returns what it wrote.
pub(super) fn run(
    program: &str,
    languages: &str,
    picture: &Picture,
    cancelled: &dyn Fn() -> bool,
) -> Result<Vec<u8>, ReadError> {
    let mut command = Command::new(program);
    command.args(["stdin", "stdout", "--psm", "3", "-l", languages, "tsv"]);
    // Of the server's environment, which has secrets, it gets what it needs to find itself and its languages.
    let needed = ["PATH", "TESSDATA_PREFIX", "LD_LIBRARY_PATH"];
    command.env_clear();
    command.envs(needed.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    // One thread: the number of pictures that are read at once is set elsewhere.
    command.env("OMP_THREAD_LIMIT", "1");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut running = match command.spawn() {
        Ok(child) => Running(child),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(ReadError::Unavailable(absent())),
        Err(error) => return Err(failed(&error)),
    };
    limit(&running.0).map_err(|error| failed(&error))?;
    let (Some(input), Some(output)) = (running.0.stdin.take(), running.0.stdout.take()) else {
        return Err(ReadError::Model("it has no pipes".to_owned()));
    };
    std::thread::scope(|scope| {
        scope.spawn(move || send(input, picture));
        let read = scope.spawn(move || {
            let mut table = Vec::new();
            // One byte more shows that there is more.
            output.take(OUTPUT_BYTES_MAX + 1).read_to_end(&mut table).map(|_| table)
        });
        let ended = wait(&mut running.0, cancelled);
        // Ends the pipes, so that both threads end too.
        drop(running);
        let table = read.join().map_err(|_| ReadError::Model("its output could not be read".to_owned()))?;
        ended?;
        let table = table.map_err(|error| failed(&error))?;
        if table.len() as u64 > OUTPUT_BYTES_MAX {
            return Err(ReadError::Model(format!("it wrote more than {OUTPUT_BYTES_MAX} bytes")));
        }
        Ok(table)
    })
}

fn failed(error: &dyn std::fmt::Display) -> ReadError {
    ReadError::Model(format!("tesseract: {error}"))
}

/// Sets limits of the process. It reads its input first, which has not been sent yet.
fn limit(child: &Child) -> std::io::Result<()> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let limit = |most: u64| Rlimit { current: Some(most), maximum: Some(most) };
    prlimit(pid, Resource::As, limit(ADDRESS_SPACE_MAX))?;
    prlimit(pid, Resource::Cpu, limit(CPU_SECONDS_MAX))?;
    // It writes no files.
    prlimit(pid, Resource::Fsize, limit(0))?;
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

/// Waits until the process has ended well.
fn wait(child: &mut Child, cancelled: &dyn Fn() -> bool) -> Result<(), ReadError> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().map_err(|error| failed(&error))? {
            return if status.success() { Ok(()) } else { Err(failed(&status)) };
        }
        if cancelled() {
            return Err(ReadError::Cancelled);
        }
        if started.elapsed() > WALL_TIME_MAX {
            return Err(failed(&format!("it ran longer than {} s", WALL_TIME_MAX.as_secs())));
        }
        std::thread::sleep(POLL);
    }
}
