//! Ways in which a recording or a picture is refused, beside those of all converters; each with what can be done about it.

use morag_conversion::{Format, failures};
use morag_step::{CapabilityError, Failure};

/// What the service's model answered when it was asked for: where there is none, the host's text names the settings.
pub fn no_transcription(error: CapabilityError) -> Failure {
    match error {
        CapabilityError::Unavailable(why) => {
            Failure::new("TRANSCRIPTION_NOT_CONFIGURED", format!("The recording was not transcribed: {why}"))
        }
        other => other.into(),
    }
}

/// What the service answered instead of a transcript of so many bytes.
pub fn transcription(error: CapabilityError, bytes: u64) -> Failure {
    match error {
        CapabilityError::Limit(why) => Failure::new(
            "TRANSCRIPTION_LIMIT",
            format!(
                "The recording was not transcribed: its sound has {bytes} bytes, and {why}. Split it, compress its sound, or let the operator \
                 raise that budget of the plugin"
            ),
        ),
        CapabilityError::Invalid(why) => Failure::new(
            "TRANSCRIPTION_REFUSED",
            format!(
                "The service for transcription did not take the recording, whose sound has {bytes} bytes: {why}. Send it in another format, \
                 or in parts if the service takes only smaller files"
            ),
        ),
        away => away.into(),
    }
}

/// A recording in which the service heard no words.
pub fn no_speech() -> Failure {
    Failure::new(
        "NO_SPEECH",
        "The service for transcription heard no words in the recording. Check that the right file was sent, and that it is not silent",
    )
}

/// A film without sound.
pub fn no_sound_track(format: &Format) -> Failure {
    Failure::new(
        "NO_SOUND_TRACK",
        format!(
            "The {} file has no sound track, so there is nothing to transcribe. Send a recording with sound",
            format.name
        ),
    )
}

/// A sound track that can neither be taken out of the film nor be sent with it.
pub fn unsupported_codec(format: &Format, why: &str) -> Failure {
    Failure::new(
        "UNSUPPORTED_CODEC",
        format!(
            "The sound track of the {} file cannot be taken out: {why}. Save its sound as mp3, m4a, ogg or wav and submit that file",
            format.name
        ),
    )
}

/// A picture of more pixels than can be held.
pub fn too_many_pixels(width: u32, height: u32) -> Failure {
    failures::too_large(format_args!(
        "its picture has {width} x {height} pixels, which is more than can be decoded: save it smaller"
    ))
}

/// A picture of a kind that is not decoded.
pub fn unsupported_picture(format: &Format, why: impl std::fmt::Display) -> Failure {
    Failure::new(
        "UNSUPPORTED_CODEC",
        format!(
            "The {} picture is of a kind that cannot be decoded ({why}). Save it as png and submit that file",
            format.name
        ),
    )
}

/// A temporary file that was finished is not there: the host broke its word.
pub fn no_temporary_file() -> Failure {
    Failure::unavailable("The host has lost a temporary file")
}
