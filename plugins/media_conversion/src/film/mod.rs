//! Film: the sound track is taken out of its container, and written to a file that services for transcription take.
//!
//! [`mp4`] and [`mkv`] find the frames of the track, and `output` writes them.

mod aac;
mod ebml;
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

pub(crate) use mp4::tags_of_file;
pub use track::{Codec, Frame, Pcm, Track};

use crate::codes;
use crate::input::Input;
use crate::sound::Tags;
use morag_conversion::{Format, formats};
use morag_step::{Blob, Failure, Task};

/// What was found in a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Film {
    /// What it says about itself.
    pub tags: Tags,
    /// Its sound track, the first whose codec is known where there are several; none where it has no sound.
    pub track: Option<Track>,
}

impl Film {
    /// Takes a track, unless there is one that is as good.
    fn offer(&mut self, track: Track) {
        let is_other = |track: &Track| matches!(track.codec, Codec::Other(_));
        if self.track.as_ref().is_none_or(|kept| is_other(kept) && !is_other(&track)) {
            self.track = Some(track);
        }
    }
}

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
    let name = match &track.codec {
        Codec::Other(name) => name.clone(),
        _ if track.frames.is_empty() => "whose frames are not found".into(),
        _ => return Ok((film.tags, Some(output::write(task, input, &track)?))),
    };
    // Services take these containers as they are.
    if format == &formats::MKV {
        return Err(codes::unsupported_codec(format, &name));
    }
    warnings.push(format!("the sound track is not taken out of the film, which is sent whole: its codec is {name}"));
    Ok((film.tags, None))
}
