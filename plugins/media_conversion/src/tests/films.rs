//! Films: their sound is taken out of containers that the tests write.

mod mkv;
mod mp4;

use super::{converts_or_says_why, heard, hearing};
use crate::film::{self, Codec, Film};
use crate::input::Input;
use crate::input::tests::blob;
use crate::sound;
use morag_conversion::{Format, formats};
use morag_step::mock::{MockTask, assert_fails};
use morag_step::{Level, Task as _};
use proptest::prelude::*;
use serde_json::Value;

/// `AudioSpecificConfig` of AAC in 44.1 kHz and stereo.
const AAC: [u8; 2] = [0x12, 0x10];

/// Frames that are no sound, but of which each is another.
fn frames(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|index| vec![index as u8; 40 + index % 7]).collect()
}

fn read(bytes: &[u8], format: &'static Format) -> Film {
    film::read(&Input::new(blob(bytes).as_ref()), format).unwrap()
}

/// The sound that the service gets of a film.
fn sound_of(film: &[u8]) -> (Vec<u8>, MockTask) {
    let task = MockTask::new("film", film);
    let service = hearing(&[(0, "Hello.")]);
    heard(&task, &service).unwrap();
    (service.heard().remove(0).0, task)
}

/// The frames of a film's sound track.
fn frames_of(bytes: &[u8], format: &'static Format) -> Vec<Vec<u8>> {
    let track = read(bytes, format).track.unwrap();
    let frame = |frame: &film::Frame| bytes[frame.offset as usize..][..frame.bytes as usize].to_vec();
    track.frames.iter().map(frame).collect()
}

#[test]
fn aac_of_mp4_becomes_an_m4a_with_the_same_frames() {
    let source = mp4::film(&mp4::aac(), &frames(9), &[2, 3, 4]);
    let (sound, task) = sound_of(&source);
    assert!(task.temporary_file("sound.m4a").is_some());
    let found = read(&sound, &formats::M4A);
    assert_eq!(found.track.as_ref().map(|track| track.codec.clone()), Some(Codec::Aac(AAC.into())));
    assert_eq!(frames_of(&sound, &formats::M4A), frames(9));
    assert!(!found.track.unwrap().is_cut);
    assert_eq!(found.tags.duration_ms, Some(208), "nine frames of 1024 samples");
    let markdown = task.text("markdown.md");
    assert!(markdown.starts_with("# A film\n") && markdown.contains("| 00:00:10 |"), "{markdown}");
}

#[test]
fn other_codecs_of_mp4_become_files_of_their_own() {
    let source = mp4::film(&mp4::pcm(b"twos"), &[vec![1, 2, 3, 4], vec![5, 6, 7, 8]], &[1, 1]);
    let (sound, _) = sound_of(&source);
    assert_eq!((&sound[..4], &sound[sound.len() - 8..]), (&b"RIFF"[..], &[2, 1, 4, 3, 6, 5, 8, 7][..]));
    let wav = sound::tags(&formats::WAV, &Input::new(blob(&sound).as_ref())).unwrap();
    assert_eq!(wav.duration_ms, None, "two moments of 44.1 kHz are less than a millisecond");
    let source = mp4::film(&mp4::opus(), &[vec![0xFC; 20], vec![0xFC; 300]], &[2]);
    let (sound, task) = sound_of(&source);
    assert!(task.temporary_file("sound.ogg").is_some());
    assert!(sound.windows(8).any(|eight| eight == b"OpusHead") && sound.ends_with(&[0xFC; 300]));
    let source = mp4::film(&mp4::entry(b".mp3", 0, &[]), &frames(3), &[3]);
    assert_eq!(sound_of(&source).0, frames(3).concat());
}

#[test]
fn a_codec_that_is_not_taken_out_is_sent_in_its_film() {
    let source = mp4::film(&mp4::entry(b"ac-3", 0, &[]), &frames(3), &[3]);
    let (sound, task) = sound_of(&source);
    assert_eq!(sound, source);
    task.assert_logged(Level::Warn, "in the codec ac-3");
    let source = mkv::film("matroska", "A_DTS", &[], &frames(3));
    let task = MockTask::new("a.mkv", source);
    assert!(assert_fails(heard(&task, &hearing(&[])), "UNSUPPORTED_CODEC").message.contains("A_DTS"));
}

#[test]
fn a_film_without_sound_says_so() {
    for source in [mp4::silent(), mkv::silent()] {
        assert_fails(heard(&MockTask::new("film", source), &hearing(&[])), "NO_SOUND_TRACK");
    }
}

#[test]
fn opus_of_webm_becomes_ogg_and_aac_of_mkv_m4a() {
    let head = [b"OpusHead\x01\x02", &[0; 9][..]].concat();
    let source = mkv::film("webm", "A_OPUS", &head, &[vec![0xFC; 20], vec![0xFC; 300], vec![0xFC; 20]]);
    let (sound, task) = sound_of(&source);
    let tags = sound::tags(&formats::OGG, &Input::new(blob(&sound).as_ref())).unwrap();
    assert_eq!(tags.duration_ms, Some(60), "three packets of 20 ms");
    assert_eq!(task.json::<Value>("document.json")["format"], "webm");
    assert!(task.text("markdown.md").starts_with("# A film\n"));
    let source = mkv::film("matroska", "A_AAC", &AAC, &frames(9));
    let (sound, task) = sound_of(&source);
    assert_eq!(frames_of(&sound, &formats::M4A), frames(9));
    assert_eq!(task.json::<Value>("document.json")["format"], "mkv");
}

#[test]
fn vorbis_flac_and_mp3_of_mkv_become_files_of_their_own() {
    let head = [&b"\x01vorbis\0\0\0\0\x02"[..], &48_000u32.to_le_bytes(), &[0; 14]].concat();
    let private = [&[2, head.len() as u8, 9][..], &head, b"\x03vorbis\0\0", b"\x05vorbis books"].concat();
    let (sound, _) = sound_of(&mkv::film("matroska", "A_VORBIS", &private, &frames(3)));
    let tags = sound::tags(&formats::OGG, &Input::new(blob(&sound).as_ref())).unwrap();
    assert_eq!(tags.duration_ms, Some(40), "the last frame is at 40 ms");
    let (sound, _) = sound_of(&mkv::film("matroska", "A_FLAC", b"fLaC head", &frames(3)));
    assert_eq!(sound, [&b"fLaC head"[..], &frames(3).concat()].concat());
    let (sound, _) = sound_of(&mkv::film("matroska", "A_MPEG/L3", &[], &frames(3)));
    assert_eq!(sound, frames(3).concat());
}

#[test]
fn clusters_whose_lengths_are_not_said_are_read() {
    for is_said in [true, false] {
        let source = mkv::film_of(is_said, "webm", "A_MPEG/L3", &[], &frames(5));
        assert_eq!(frames_of(&source, &formats::WEBM), frames(5), "{is_said}");
    }
}

#[test]
fn a_film_that_was_cut_off_gives_what_is_there() {
    let whole = mkv::film("matroska", "A_MPEG/L3", &[], &frames(9));
    let (sound, task) = sound_of(&whole[..whole.len() - 60]);
    assert_eq!(sound, frames(8).concat());
    task.assert_logged(Level::Warn, "ends before its sound");
    let whole = mp4::film(&mp4::aac(), &frames(9), &[9]);
    let (sound, task) = sound_of(&whole[..whole.len() - 30]);
    assert_eq!(frames_of(&sound, &formats::M4A), frames(8)[..]);
    task.assert_logged(Level::Warn, "ends before its sound");
    // Without its index nothing is known.
    let task = MockTask::new("a.mp4", &b"\0\0\0\x10ftypisom\0\0\0\0\0\0\0\x10mdat\0\0\0\0\0\0\0\0"[..]);
    assert!(assert_fails(heard(&task, &hearing(&[])), "CORRUPT_DOCUMENT").message.contains("moov"));
}

#[test]
fn atoms_that_lie_about_their_length_end_with_what_they_are_in() {
    let source = mp4::film(&mp4::aac(), &frames(3), &[3]);
    let at = source.windows(4).position(|four| four == b"stbl").unwrap() - 4;
    for len in [0u32, 1, 2, 7, 8, u32::MAX] {
        let mut lying = source.clone();
        lying[at..at + 4].copy_from_slice(&len.to_be_bytes());
        // The length of eight bytes that follows is one of letters: 2^62 and more.
        converts_or_says_why(&lying, "a.mp4").unwrap();
    }
    let mut lying = source.clone();
    lying[at..at + 4].copy_from_slice(&0u32.to_be_bytes());
    assert_eq!(frames_of(&lying, &formats::MP4), frames(3), "it lasts to the end of its parent");
}

#[test]
fn a_table_that_names_one_place_for_ever_makes_no_more_than_the_film_has() {
    let mut source = mp4::film(&mp4::aac(), &frames(3), &[3]);
    let at = source.windows(4).position(|four| four == b"stsz").unwrap();
    // Frames of 500 bytes each, four thousand million of them.
    source[at + 8..at + 16].copy_from_slice(&[0, 0, 1, 0xF4, 0xFF, 0xFF, 0xFF, 0xFF]);
    let at = source.windows(4).position(|four| four == b"stsc").unwrap();
    source[at + 16..at + 20].copy_from_slice(&[0xFF; 4]);
    let track = read(&source, &formats::MP4).track.unwrap();
    assert!(track.is_cut && track.bytes() <= source.len() as u64);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn damaged_films(
        which in 0usize..6,
        at in any::<prop::sample::Index>(),
        bytes in prop_oneof![
            proptest::collection::vec(any::<u8>(), 1..9),
            prop::sample::select(vec![vec![0xFF; 8], vec![0; 8], vec![0, 0, 0, 1], vec![0x7F, 0xFF, 0xFF, 0xFF], vec![1, 0xFF, 0xFF, 0xFF]]),
        ],
        cut in any::<prop::sample::Index>(),
    ) {
        let mut source = match which {
            0 => mp4::film(&mp4::aac(), &frames(5), &[2, 3]),
            1 => mp4::film(&mp4::pcm(b"sowt"), &frames(2), &[1, 1]),
            2 => mp4::film(&mp4::opus(), &frames(5), &[5]),
            3 => mkv::film("webm", "A_OPUS", b"OpusHead\x01\x02\0\0\0\0\0\0\0\0\0", &frames(5)),
            4 => mkv::film("matroska", "A_AAC", &AAC, &frames(5)),
            _ => mkv::film_of(false, "matroska", "A_PCM/INT/BIG", &[], &frames(5)),
        };
        let start = at.index(source.len() - bytes.len());
        source[start..start + bytes.len()].copy_from_slice(&bytes);
        converts_or_says_why(&source, "a.mkv")?;
        converts_or_says_why(&source[..cut.index(source.len())], "a")?;
    }

    #[test]
    fn any_bytes_in_a_container(
        start in prop::sample::select(vec![
            &b"\0\0\0\x10ftypisom\0\0\0\0"[..], b"\0\0\0\0moov", b"\x1A\x45\xDF\xA3\x80\x18\x53\x80\x67\xFF\x1F\x43\xB6\x75\xFF",
        ]),
        rest in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        converts_or_says_why(&[start, &rest].concat(), "a.mp4")?;
    }
}
