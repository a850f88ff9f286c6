//! Film: the sound track is taken out of its container, and written to a file that services for transcription take.
//!
//! [`mp4`] and [`mkv`] find the frames of the track, and `output` writes them.

mod aac;
mod atom;
mod ebml;
mod found;
mod m4a;
mod mkv;
mod mkv_block;
mod mp4;
mod mp4_codec;
mod mp4_tags;
mod ogg;
mod output;
mod sample_table;
mod track;

pub use found::Film;
pub(crate) use mp4::tags_of_file;
pub use track::{Codec, Frame, Pcm, Track};

use crate::codes;
use crate::input::Input;
use crate::sound::Tags;
use morag_conversion::{Format, formats};
use morag_step::{Blob, Failure, Task};

/// Finds the sound track of a film.
///
/// # Errors
/// `CORRUPT_DOCUMENT` for a container that cannot be read; what the host answers when the file cannot be read.
pub fn read(input: &Input, format: &'static Format) -> Result<Film, Failure> {
    if format == &formats::MKV || format == &formats::WEBM {
        mkv::read(input, format)
    } else {
        mp4::read(input, format)
    }
}

/// The tags of a film, and its sound as a file of its own; none where the film is to be sent as it is.
///
/// # Errors
/// `NO_SOUND_TRACK`, `UNSUPPORTED_CODEC`, `CORRUPT_DOCUMENT`; what the host answers when a file cannot be read or written.
pub fn sound(
    task: &dyn Task,
    input: &Input,
    format: &'static Format,
    warnings: &mut Vec<String>,
) -> Result<(Tags, Option<Box<dyn Blob>>), Failure> {
    let film = read(input, format)?;
    let Some(track) = film.track else { return Err(codes::no_sound_track(format)) };
    if track.is_cut {
        warnings
            .push("the film ends before its sound does, or says more of it than it has: the rest is missing".into());
    }
    let why = match &track.codec {
        Codec::Other(name) => format!("it is in the codec {name}"),
        // Of a film in fragments the index is empty: each fragment has its own.
        _ if track.frames.is_empty() => "its frames are not in the index of the film".into(),
        _ => return Ok((film.tags, Some(output::write(task, input, &track)?))),
    };
    // Services take the other containers as they are.
    if format == &formats::MKV {
        return Err(codes::unsupported_codec(format, &why));
    }
    warnings.push(format!("the sound track is not taken out of the film, which is sent whole: {why}"));
    Ok((film.tags, None))
}
