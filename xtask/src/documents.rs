//! Documents of a folder, and their way through a server.
use std::collections::VecDeque;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::api::{Client, Submitted};
use crate::children;
use crate::shell;

/// Between two looks at a task: small beside the seconds that are reported.
const POLL: Duration = Duration::from_millis(50);

/// How a document ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The whole pipeline ran.
    Completed,
    /// The task failed with this code.
    Failed(String),
    /// The server did not take the file.
    Refused(String),
    /// It did not end, and why.
    None(String),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Completed => f.write_str("completed"),
            Self::Failed(code) => write!(f, "failed {code}"),
            Self::Refused(why) => write!(f, "refused {why}"),
            Self::None(why) => write!(f, "NO END: {why}"),
        }
    }
}

/// All files of a folder and of those below it, sorted.
pub fn below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    if files.is_empty() {
        bail!("there is no file in {}", folder.display());
    }
    files.sort();
    Ok(files)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// Does something with each of the items, so many at the same time, and gives the results in the order of the items. After Ctrl-C
/// no further item is begun.
pub fn each<T: Send, R: Send>(items: Vec<T>, at_once: usize, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let queue: Mutex<VecDeque<_>> = Mutex::new(items.into_iter().enumerate().collect());
    let results = Mutex::new(Vec::new());
    let run = || {
        while !children::stop_wanted() {
            let Some((index, item)) = queue.lock().ok().and_then(|mut queue| queue.pop_front()) else { break };
            let result = work(item);
            if let Ok(mut results) = results.lock() {
                results.push((index, result));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..at_once.max(1) {
            scope.spawn(run);
        }
    });
    let mut results = results.into_inner().unwrap_or_default();
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Submits a file and waits until its task has ended. Gives the task too, if there is one.
pub fn send(client: &Client, path: &Path, limit: Duration) -> Result<(End, Option<String>)> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let started = Instant::now();
    let task = match client.submit(&name, &bytes, &[])? {
        Submitted::Task(task) => task,
        Submitted::Refused { status, code, .. } => return Ok((End::Refused(format!("{status} {code}")), None)),
    };
    let status = loop {
        let status = client.status(&task)?;
        if status.ended() {
            break status;
        }
        if started.elapsed() > limit {
            let step = status.step.unwrap_or_default();
            let why = format!("still {} in {step} after {}", status.word, shell::seconds(limit));
            return Ok((End::None(why), Some(task)));
        }
        if children::stop_wanted() {
            bail!("stopped");
        }
        std::thread::sleep(POLL);
    };
    let end = match status.word.as_str() {
        "completed" => End::Completed,
        _ => End::Failed(status.error_code.unwrap_or(status.word)),
    };
    Ok((end, Some(task)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let (second_is_done, wait) = std::sync::mpsc::channel();
        let wait = Mutex::new(wait);
        let second_first = |number: u64| {
            match number {
                0 => wait.lock().unwrap().recv().unwrap(),
                _ => second_is_done.send(()).unwrap(),
            }
            number * 2
        };
        assert_eq!(each(vec![0, 1], 2, second_first), [0, 2]);
        assert_eq!(each(vec![1], 0, |number: u64| number), [1]);
    }
}
