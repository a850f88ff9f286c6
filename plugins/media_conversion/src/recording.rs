//! Sound and film: their sound is handed to the host's service, and what was said becomes markdown.

use crate::input::Input;
use crate::sound::{self, Tags};
use crate::transcript::{self, PAGE_MS};
use crate::{codes, film};
use morag_conversion::document::{join_pages, property};
use morag_conversion::escape::push_paragraph;
use morag_conversion::formats::Kind;
use morag_conversion::markdown::{finish, push_cell};
use morag_conversion::{Converted, Format, Options, Properties, dates};
use morag_step::{Blob, Failure, Info, Task, Transcript, Transcription};

/// A converted recording.
#[derive(Debug)]
pub struct Recording {
    /// The document.
    pub converted: Converted,
    /// Length in milliseconds: as the service says it, else as the file does; none where neither does.
    pub duration_ms: Option<u64>,
}

/// Converts a recording.
///
/// # Errors
/// `TRANSCRIPTION_NOT_CONFIGURED`, `TRANSCRIPTION_LIMIT` and `TRANSCRIPTION_REFUSED` by what the service answers; `NO_SPEECH` where no words
/// were heard; `NO_SOUND_TRACK`, `UNSUPPORTED_CODEC` and `CORRUPT_DOCUMENT` for films; what the host answers when a file cannot be read.
pub fn convert(
    task: &dyn Task,
    info: &Info,
    source: &dyn Blob,
    format: &'static Format,
    service: &dyn Transcription,
) -> Result<Recording, Failure> {
    // Asked first: what follows takes time.
    service.model().map_err(codes::no_transcription)?;
    let input = Input::new(source);
    let mut warnings = Vec::new();
    let (tags, track) = match format.kind {
        Kind::Video => film::sound(task, &input, format, &mut warnings)?,
        _ => (sound::tags(format, &input)?, None),
    };
    task.report_progress(0.2, "the sound is transcribed");
    let sound = track.as_deref().unwrap_or(source);
    let heard = service
        .transcribe(sound, info.language.as_deref())
        .map_err(|error| codes::transcription(error, sound.size()))?;
    let mut recording = document(format, tags, heard, &Options::of(&info.options), info.language.as_deref())?;
    recording.converted.warnings.append(&mut warnings);
    Ok(recording)
}

/// What was heard, as a document.
fn document(
    format: &'static Format,
    tags: Tags,
    heard: Transcript,
    options: &Options,
    language: Option<&str>,
) -> Result<Recording, Failure> {
    let duration_ms = heard.duration_ms.filter(|millis| *millis > 0).or(tags.duration_ms);
    let head = head(&tags, duration_ms);
    let with_head = |text: &str| if head.is_empty() { text.to_owned() } else { format!("{head}\n{text}") };
    let has_times = heard.segments.iter().any(|segment| !segment.text.trim().is_empty());
    if !has_times && heard.text.trim().is_empty() {
        return Err(codes::no_speech());
    }
    let mut converted = if has_times {
        let mut texts = transcript::pages(heard.segments, options);
        // A range after the end has no pages; what the recording says about itself is on the first.
        let first = texts.first().cloned().unwrap_or_default();
        let first = with_head(&first);
        match texts.first_mut() {
            Some(page) => *page = first,
            None => texts.push(first),
        }
        let (markdown, mut pages) = join_pages(&texts);
        for page in &mut pages {
            let start = u64::from(page.number - 1) * PAGE_MS;
            let end = start + PAGE_MS;
            page.start_ms = Some(start);
            page.end_ms =
                Some(duration_ms.filter(|duration| *duration > start).map_or(end, |duration| end.min(duration)));
        }
        Converted { pages, ..Converted::without_pages(format, markdown) }
    } else {
        let markdown = finish(&with_head(&transcript::untimed(&heard.text)));
        let mut converted = Converted::without_pages(format, markdown);
        if options.page_range.is_some() || options.max_pages.is_some() {
            converted.warnings.push("the service gave no times, so the whole recording is there".into());
        }
        converted
    };
    let of_service = heard.language.as_deref().and_then(property);
    converted.properties = properties(tags, of_service.or_else(|| language.map(Into::into)));
    Ok(Recording { converted, duration_ms })
}

/// Title and table; empty where the file says nothing about itself.
fn head(tags: &Tags, duration_ms: Option<u64>) -> String {
    let mut out = String::new();
    if let Some(title) = &tags.title {
        out.push_str("# ");
        push_paragraph(&mut out, title);
        out.push('\n');
    }
    let duration = duration_ms.map(transcript::clock);
    let cells = [("Artist", &tags.artist), ("Album", &tags.album), ("Date", &tags.date), ("Duration", &duration)];
    let cells: Vec<_> = cells.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))).collect();
    if !cells.is_empty() {
        out.push_str(if out.is_empty() { "" } else { "\n" });
        let mut row = |cell: &dyn Fn(&mut String, (&str, &str))| {
            for text in &cells {
                out.push_str("| ");
                cell(&mut out, *text);
                out.push(' ');
            }
            out.push_str("|\n");
        };
        row(&|out, (name, _)| out.push_str(name));
        row(&|out, _| out.push_str("---"));
        row(&|out, (_, value)| push_cell(out, value));
    }
    out
}

fn properties(tags: Tags, language: Option<String>) -> Properties {
    let creation_date = tags.date.as_deref().and_then(dates::iso);
    Properties {
        title: tags.title,
        author: tags.artist,
        subject: tags.comment,
        language: language.or(tags.language),
        creator: tags.encoder,
        creation_date,
        ..Properties::default()
    }
}
