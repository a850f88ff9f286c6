//! Converts sound, film and pictures to markdown: the converter `media_conversion`.
//!
//! The host's service hears the sound, and the host's model reads the pictures. Here the sound track is taken out of its container, the
//! picture is decoded, and what was said or read becomes a document. Recordings of hundreds of megabytes are never in memory as a whole.

mod codes;
mod detect;
pub mod film;
mod input;
pub mod picture;
mod recording;
mod sound;
#[cfg(test)]
mod tests;
mod transcript;

use morag_conversion::formats::Kind;
use morag_conversion::{descriptor, formats_of};
use morag_step::{Converter, Data, Descriptor, Failure, Format, Ocr, Step, Task, Transcription, host, json};

/// Runs the converter over a task.
///
/// # Errors
/// One of [`morag_conversion::failures`] or of this converter's own codes, or what the host answers when a file cannot be read or written.
pub fn run(task: &dyn Task, transcription: &dyn Transcription, ocr: &dyn Ocr) -> Result<Data, Failure> {
    let (info, source) = (task.info(), task.source());
    let format = detect::format(&input::Input::new(source.as_ref()), &info)?;
    match format.kind {
        Kind::Image => morag_conversion::write(task, info.size, &picture::convert(task, &info, format, ocr)?),
        _ => transcribe(task, transcription),
    }
}

/// Runs the converter over a task whose document is a recording.
///
/// # Errors
/// As [`run`]; `UNSUPPORTED_FORMAT` for a picture.
pub fn transcribe(task: &dyn Task, transcription: &dyn Transcription) -> Result<Data, Failure> {
    let (info, source) = (task.info(), task.source());
    let format = detect::format(&input::Input::new(source.as_ref()), &info)?;
    if format.kind == Kind::Image {
        return Err(morag_conversion::failures::unsupported(format.name));
    }
    let recording = recording::convert(task, &info, source.as_ref(), format, transcription)?;
    let mut data = morag_conversion::write(task, info.size, &recording.converted)?;
    if let Some(metadata) = data.get_mut("conversion_metadata").and_then(|metadata| metadata.as_object_mut()) {
        metadata.insert("duration_seconds".into(), json!(recording.duration_ms.map(|millis| millis as f64 / 1000.0)));
    }
    Ok(data)
}

/// The converter `media_conversion`.
#[derive(Debug)]
pub struct MediaConversion;

impl Step for MediaConversion {
    fn describe() -> Descriptor {
        descriptor("media_conversion", env!("CARGO_PKG_VERSION"), "Transcribes sound to markdown")
            .wants("transcription")
    }

    fn run() -> Result<Data, Failure> {
        transcribe(&host::TaskHandle, &host::TranscriptionHandle)
    }
}

impl Converter for MediaConversion {
    fn formats() -> Vec<Format> {
        // Pictures are taken as soon as the host has the capability `ocr`.
        let is_heard = |format: &&&'static morag_conversion::Format| format.kind != Kind::Image;
        formats_of(&detect::TAKEN.iter().filter(is_heard).copied().collect::<Vec<_>>())
    }
}

morag_step::export_converter!(MediaConversion);
