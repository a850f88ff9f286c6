//! Sound files: what they say about themselves. Their sound is not decoded.

pub mod adts;
pub mod flac;
pub mod id3;
pub mod mpeg;
pub mod ogg;
pub mod riff;
pub mod tags;
pub mod vorbis_comment;

pub use tags::Tags;

use crate::input::Input;
use morag_conversion::{Format, formats};
use morag_step::Failure;

/// The tags and the duration of a sound file. What cannot be read is left out: a damaged tag does not keep the sound from being heard.
///
/// # Errors
/// What the host answers when the file cannot be read.
pub fn tags(format: &Format, input: &Input) -> Result<Tags, Failure> {
    if format == &formats::WAV {
        return riff::tags(input);
    }
    if format == &formats::OGG {
        return ogg::tags(input);
    }
    if format == &formats::M4A {
        return crate::film::tags_of_file(input);
    }
    let mut tags = id3::tags(input)?;
    let start = id3::len(input)?;
    if format == &formats::FLAC {
        tags.fill(flac::tags(input, start)?);
    } else if format == &formats::AAC {
        tags.duration_ms = adts::duration_ms(input, start)?;
    } else {
        tags.duration_ms = mpeg::duration_ms(input, start)?;
    }
    Ok(tags)
}
