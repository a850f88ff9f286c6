//! A step that makes the capability calls of its configuration, and returns their results: for the tests of capabilities.

#[cfg(target_family = "wasm")]
mod web;

use morag_step::bindings::morag::step::capability::Error;
use morag_step::bindings::morag::step::completions::{self, Message, Options, Role};
use morag_step::bindings::morag::step::{conversion, embeddings, kv, ocr, secrets, task, transcription};
use morag_step::{Data, Descriptor, Failure, Level, Step, Task, data, host, json};

/// The step.
pub struct Capabilities;

impl Step for Capabilities {
    fn describe() -> Descriptor {
        Descriptor::new("uses_all_one", "1.0.0", "Asks every capability for what its configuration says")
            .wants("embeddings")
            .wants("completions")
            .wants("transcription")
            .wants("kv")
            .wants("secrets")
            .wants("conversion")
            .wants("ocr")
            .wants("http")
    }

    fn run() -> Result<Data, Failure> {
        let task = host::TaskHandle;
        let config: Data = (&task as &dyn Task).config()?;
        let text = |key: &str| config.get(key).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
        let number = |key: &str| config.get(key).and_then(|value| value.as_u64());
        let calls = number("calls").unwrap_or(1);
        let results: Vec<String> = match text("mode").as_str() {
            "embed" => (0..calls).map(|_| shown(embeddings::embed(&[text("text")]).map(|all| all.len()))).collect(),
            "complete" => (0..calls).map(|_| complete(&text("text"), number("max_tokens"))).collect(),
            "transcription_model" => vec![shown(transcription::model())],
            "transcribe" => (0..calls).map(|_| transcribe(&text("language"))).collect(),
            "ocr_model" => vec![shown(ocr::model().map(|model| (model.name, model.scripts)))],
            "read" => (0..calls).map(|_| read(&number)).collect(),
            "set" => (0..calls)
                .map(|n| shown(kv::set(&format!("{}{n}", text("key")), text("text").as_bytes()).map(|()| "done")))
                .collect(),
            "get" => vec![shown(
                kv::get(&text("key")).map(|value| value.map(|value| String::from_utf8_lossy(&value).into_owned())),
            )],
            "delete" => vec![shown(kv::delete(&text("key")).map(|()| "done"))],
            "keys" => vec![shown(kv::keys(&text("key"), None))],
            "secret" => vec![shown(secrets::get(&text("key")))],
            "secret_length" => vec![shown(secrets::get(&text("key")).map(|secret| secret.len()))],
            "leak" => return leak(&task, &secrets::get(&text("key")).unwrap_or_default()),
            "convert" => vec![shown(conversion::convert(&task::source(), "a.txt").map(|_| "done"))],
            "temporary" => temporary(&text("text"), calls),
            "fetch" => (0..calls).map(|_| fetch(&config)).collect(),
            other => return Err(Failure::new("UNKNOWN_MODE", format!("no mode {other:?}"))),
        };
        // As `?` makes a failure of a capability's error, or a step that says so itself.
        match text("fail").as_str() {
            "" => Ok(data(json!({ "results": results }))),
            "for_now" => Err(Failure::unavailable("it is away")),
            code => Err(Failure::new(code, "for good")),
        }
    }
}

/// What becomes of temporary files: one that is written so often, one that is not, and two that the host refuses.
fn temporary(text: &str, times: u64) -> Vec<String> {
    let write = || {
        let writer = task::create_temporary_file("t.txt", "text/plain")?;
        writer.write(text.as_bytes())?;
        writer.finish()
    };
    let written: Result<(), _> = (0..times).try_for_each(|_| write());
    let read = written.ok().and_then(|()| task::temporary_file("t.txt")).map(|file| {
        let bytes = file.read(0, 100).unwrap_or_default();
        format!("{} {} {}", file.size(), file.media_type(), String::from_utf8_lossy(&bytes))
    });
    let missing = task::temporary_file("other.txt").map_or("none", |_| "a file");
    let refused = |name, media_type| match task::create_temporary_file(name, media_type) {
        Ok(_) => "taken".to_owned(),
        Err(_) => "refused".to_owned(),
    };
    vec![
        read.unwrap_or_else(|| "nothing".into()),
        missing.into(),
        refused("../t.txt", "text/plain"),
        refused("t.txt", "no type"),
    ]
}

fn shown<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(Error::Invalid(text)) => format!("invalid: {text}"),
        Err(Error::Limit(text)) => format!("limit: {text}"),
        Err(Error::Unavailable(text)) => format!("unavailable: {text}"),
    }
}

fn complete(text: &str, max_tokens: Option<u64>) -> String {
    let message = Message { role: Role::User, content: text.to_owned() };
    let options = Options {
        max_tokens: max_tokens.and_then(|tokens| u32::try_from(tokens).ok()),
        temperature: None,
        response_schema: None,
    };
    shown(completions::complete(&[message], &options).map(|answer| (answer.text, answer.model, answer.output_tokens)))
}

fn transcribe(language: &str) -> String {
    let language = (!language.is_empty()).then_some(language);
    shown(transcription::transcribe(&task::source(), language).map(|said| (said.text, said.segments.len())))
}

/// Reads a picture of the sides, with so many bytes a pixel, all of the same value.
fn read(number: &dyn Fn(&str) -> Option<u64>) -> String {
    let side = |key: &str| number(key).and_then(|side| u32::try_from(side).ok()).unwrap_or(16);
    let (width, height, bytes) = (side("width"), side("height"), number("bytes").unwrap_or(1));
    let format = if bytes == 3 { ocr::PixelFormat::Rgb8 } else { ocr::PixelFormat::Gray8 };
    let count = u64::from(width) * u64::from(height) * bytes;
    let pixels = vec![7; usize::try_from(number("pixel_bytes").unwrap_or(count)).unwrap_or_default()];
    shown(ocr::read(&ocr::Picture { width, height, format, pixels }).map(|reading| {
        let corner = |line: &ocr::Line| (line.top_left.x, line.top_left.y, line.bottom_right.x, line.bottom_right.y);
        let lines: Vec<_> = reading.lines.iter().map(|line| (line.text.clone(), line.density, corner(line))).collect();
        (lines, reading.turned, reading.truncated)
    }))
}

/// Outputs a secret in every way that a step has.
fn leak(task: &dyn Task, secret: &str) -> Result<Data, Failure> {
    task.log(Level::Info, &format!("the log has {secret} in it"));
    println!("printed {secret}");
    eprintln!("{secret}");
    task.report_progress(0.5, &format!("at {secret}"));
    Err(Failure::new("LEAKED", format!("with {secret}")).with("url", format!("https://a.example/?key={secret}")))
}

#[cfg(target_family = "wasm")]
fn fetch(config: &Data) -> String {
    web::fetch(config)
}

#[cfg(not(target_family = "wasm"))]
fn fetch(_: &Data) -> String {
    "requests are made inside a component only".to_owned()
}

morag_step::export_step!(Capabilities);
