//! What is found in a container.

use super::track::{Codec, Track};
use crate::sound::Tags;

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
    pub(super) fn offer(&mut self, track: Track) {
        let is_other = |track: &Track| matches!(track.codec, Codec::Other(_));
        if self.track.as_ref().is_none_or(|kept| is_other(kept) && !is_other(&track)) {
            self.track = Some(track);
        }
    }
}
