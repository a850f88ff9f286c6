//! Converts sound, film and pictures to markdown: the converter `media_conversion`.
//!
//! The host's service hears the sound, and the host's model reads the pictures. Here the sound track is taken out of its container, the
//! picture is decoded, and what was said or read becomes a document. Recordings of hundreds of megabytes are never in memory as a whole.

mod codes;
mod detect;
pub mod film;
pub mod input;
mod picture;
mod recording;
pub mod sound;
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
    if format.kind == Kind::Image {
        return morag_conversion::write(task, info.size, &picture::convert(task, &info, format, ocr)?);
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
        descriptor("media_conversion", env!("CARGO_PKG_VERSION"), "Converts sound, film and pictures to markdown")
            .wants("transcription")
            .wants("ocr")
    }

    fn run() -> Result<Data, Failure> {
        run(&host::TaskHandle, &host::TranscriptionHandle, &host::OcrHandle)
    }
}

impl Converter for MediaConversion {
    fn formats() -> Vec<Format> {
        formats_of(&detect::TAKEN)
    }
}

morag_step::export_converter!(MediaConversion);
