//! A step whose configuration's `mode` selects what it does, mostly harm.

use morag_step::{Blob, Data, Descriptor, Failure, Level, Output, Step, Task, blob_bytes, data, host, json};
use std::time::Duration;

/// The step.
pub struct Misbehave;

impl Step for Misbehave {
    fn describe() -> Descriptor {
        Descriptor::new("misbehave", "1.0.0", "Does what its configuration's mode says")
            .writes(Output::new("o*.txt", "text/x-first-pattern"))
            .writes(Output::new("out.txt", "text/plain").published_as("out_url"))
            .writes(Output::new("second.txt", "text/plain"))
            .writes(Output::new("sheet-*.png", "image/png"))
    }

    fn run() -> Result<Data, Failure> {
        let task = host::TaskHandle;
        let config: Data = (&task as &dyn Task).config()?;
        match config.get("mode").and_then(|mode| mode.as_str()).unwrap_or_default() {
            "echo" => echo(&task),
            "loop" => endless(),
            "sleep" => {
                std::thread::sleep(Duration::from_secs(3600));
                Ok(Data::new())
            }
            "sleep_short" => {
                std::thread::sleep(Duration::from_millis(50));
                Ok(Data::new())
            }
            "recursion" => Ok(data(json!({ "depth": recurse(std::hint::black_box(1)) }))),
            "memory" => Ok(data(json!({ "bytes": hoard() }))),
            "flood" => flood(&task),
            "pages" => pages(&task, &config),
            "pages_and_texts" => {
                let written = pages(&task, &config)?;
                task.write_artifact("out.txt", b"out")?;
                task.write_artifact("second.txt", b"second")?;
                Ok(written)
            }
            "pages_or_failure" => {
                let count = config["counts"][0].as_u64().unwrap_or_default();
                (1..=count).try_for_each(|page| task.write_artifact(&format!("sheet-{page}.png"), b"x"))?;
                Ok(Data::new())
            }
            "half_a_page" => {
                let mut writer = task.create_artifact("sheet-1.png")?;
                writer.write(&[b'x'; 10])?;
                drop(writer.write(&[b'x'; 1000]));
                Ok(data(json!({ "finished": writer.finish().is_ok() })))
            }
            "names" => Ok(data(json!({ "refused": refused_names(&task, &config) }))),
            "undeclared" => task.write_artifact("secret.txt", b"x").map(|()| Data::new()),
            "escape" => task.write_artifact("../../escape", b"x").map(|()| Data::new()),
            "panic" => panic!("the guest's own words"),
            "print" => {
                (0..5000).for_each(|line| eprintln!("line {line} {}", "x".repeat(1000)));
                Ok(Data::new())
            }
            "log" => {
                (0..5000).for_each(|line| task.log(Level::Info, &format!("line {line}")));
                Ok(Data::new())
            }
            "progress" => {
                for fraction in [f64::NAN, -1.0, 0.5, 0.2, f64::INFINITY, 0.6, 7.0] {
                    task.report_progress(fraction, "a\nb");
                }
                Ok(Data::new())
            }
            "unfinished" => {
                let mut writer = task.create_artifact("out.txt")?;
                writer.write(b"half")?;
                Ok(Data::new())
            }
            "trap_after_writing" => {
                task.write_artifact("out.txt", b"whole")?;
                panic!("after writing")
            }
            "fail" => Err(Failure::new("CUSTOM_CODE", "a message for people").with("attempted_format", "xyz")),
            "bad_code" => Err(Failure::new("not a code", "x")),
            "huge_data" => Ok(data(json!({ "text": "x".repeat(300 << 10) }))),
            "options" => Ok(data(json!({ "options": task.info().options }))),
            "environment" => Ok(data(json!({
                "variables": std::env::vars().count(),
                "arguments": std::env::args().count(),
                "root": std::fs::read_dir("/").is_ok(),
            }))),
            "read_past_the_end" => {
                let source = task.source();
                let size = source.size();
                let lengths = [(0, 4), (size - 1, 100), (size, 10), (u64::MAX, 10)]
                    .map(|(offset, len)| source.read(offset, len).map(|bytes| bytes.len()).unwrap_or(usize::MAX));
                Ok(data(json!({ "lengths": lengths })))
            }
            other => Err(Failure::new("UNKNOWN_MODE", format!("no mode {other:?}"))),
        }
    }
}

fn echo(task: &dyn Task) -> Result<Data, Failure> {
    let bytes = blob_bytes(task.source().as_ref() as &dyn Blob)?;
    task.write_artifact("out.txt", &bytes)?;
    Ok(data(json!({ "bytes": bytes.len(), "file_name": task.info().file_name })))
}

/// Writes as many pages as `counts` says for this attempt, and ignores errors.
fn pages(task: &dyn Task, config: &Data) -> Result<Data, Failure> {
    let attempt = task.info().attempt;
    let count = config["counts"][attempt as usize - 1].as_u64().unwrap_or_default();
    for page in 1..=count {
        drop(task.write_artifact(&format!("sheet-{page}.png"), format!("page {page} of attempt {attempt}").as_bytes()));
    }
    Ok(data(json!({ "pages": count })))
}

/// Writes a file of each of the configuration's `names`; those that were refused, with the code.
fn refused_names(task: &dyn Task, config: &Data) -> Vec<(String, String)> {
    let names = config["names"].as_array().into_iter().flatten().filter_map(|name| name.as_str());
    names.filter_map(|name| Some((name.to_owned(), task.write_artifact(name, b"x").err()?.code))).collect()
}

fn endless() -> ! {
    let mut count = 0u64;
    loop {
        count = std::hint::black_box(count.wrapping_add(1));
    }
}

#[expect(unconditional_recursion, reason = "the test is about the stack's limit")]
fn recurse(depth: u64) -> u64 {
    std::hint::black_box(recurse(std::hint::black_box(depth + 1)) + depth)
}

fn hoard() -> usize {
    let mut hoard = Vec::new();
    loop {
        hoard.push(vec![1u8; 1 << 20]);
        if hoard.len() > 1 << 20 {
            return hoard.len();
        }
    }
}

fn flood(task: &dyn Task) -> Result<Data, Failure> {
    let piece = vec![b'x'; 1 << 20];
    let mut writer = task.create_artifact("out.txt")?;
    // A guest that ignores errors: the host's limit must end it anyway.
    (0..1000).for_each(|_| drop(writer.write(&piece)));
    Ok(Data::new())
}

morag_step::export_step!(Misbehave);
