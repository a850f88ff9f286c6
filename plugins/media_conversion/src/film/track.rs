//! The sound track of a film: its codec, and where its frames are.

use crate::input::Input;

/// Frames of a track. A day of AAC in 48 kHz has four million; each takes 16 bytes of memory.
pub const FRAMES_MAX: usize = 4 << 20;

/// What the frames of a track are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Codec {
    /// Advanced Audio Coding, with its `AudioSpecificConfig`.
    Aac(Vec<u8>),
    /// Opus, with its header as Ogg has it.
    Opus(Vec<u8>),
    /// Vorbis, with its three headers.
    Vorbis([Vec<u8>; 3]),
    /// MPEG audio, which needs no container.
    Mpeg,
    /// FLAC, with what precedes its frames.
    Flac(Vec<u8>),
    /// Samples.
    Pcm(Pcm),
    /// One that is not taken out, by the name that the container has for it.
    Other(String),
}

/// Samples of whole bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pcm {
    /// Samples a second.
    pub rate: u32,
    /// Samples of a moment.
    pub channels: u16,
    /// Bits of a sample: 8, 16, 24, 32 or 64.
    pub bits: u16,
    /// Whether the highest byte comes first.
    pub is_big_endian: bool,
    /// Whether they are numbers with fractions.
    pub is_float: bool,
}

impl Pcm {
    /// Samples that a wav file can have; none where the numbers make no sense.
    pub fn checked(self) -> Option<Self> {
        let has_bits = matches!((self.bits, self.is_float), (8 | 16 | 24 | 32, false) | (32 | 64, true));
        let is_of_sound = (1..=1_000_000).contains(&self.rate) && (1..=64).contains(&self.channels);
        (has_bits && is_of_sound).then_some(self)
    }

    /// Bytes of a moment.
    pub fn bytes(&self) -> u64 {
        u64::from(self.channels) * u64::from(self.bits / 8)
    }
}

/// A frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Its place in the film.
    pub offset: u64,
    /// Its length.
    pub bytes: u32,
    /// When it is heard, in milliseconds from the beginning; 0 where the container's times are not read.
    pub at_ms: u32,
}

/// A sound track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// What its frames are.
    pub codec: Codec,
    /// Its frames, in the order in which they are heard.
    pub frames: Vec<Frame>,
    /// Whether frames are missing: the file ends before, lies about them, or there are too many.
    pub is_cut: bool,
}

impl Track {
    /// A track without frames yet.
    pub fn new(codec: Codec) -> Self {
        Self { codec, frames: Vec::new(), is_cut: false }
    }

    /// Adds a frame that is within the file; `total` are the bytes of all, which are no more than the file's: otherwise a table that
    /// names one place again and again would make terabytes of a kilobyte. Says whether there may be more.
    pub fn push(&mut self, input: &Input, frame: Frame, total: &mut u64) -> bool {
        *total = total.saturating_add(u64::from(frame.bytes));
        let end = frame.offset.saturating_add(u64::from(frame.bytes));
        if end > input.size() || *total > input.size() || self.frames.len() >= FRAMES_MAX {
            self.is_cut = true;
            return false;
        }
        if frame.bytes > 0 {
            self.frames.push(frame);
        }
        true
    }

    /// Bytes of all frames.
    pub fn bytes(&self) -> u64 {
        self.frames.iter().map(|frame| u64::from(frame.bytes)).sum()
    }
}
