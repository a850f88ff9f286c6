//! Sound files.

use super::{converts_or_says_why, heard, hearing, said};
use crate::sound::{id3, mpeg, ogg, riff};
use morag_step::mock::{MockTask, MockTranscription, assert_fails};
use morag_step::{CapabilityError, Transcript};
use proptest::prelude::*;
use serde_json::{Value, json};

fn mp3() -> Vec<u8> {
    let tag =
        id3::tests::tag(4, &[(b"TIT2", b"\x03A *talk*"), (b"TPE1", b"\x03Jane | John"), (b"TDRC", b"\x032024-01-10")]);
    [tag, mpeg::tests::frames(1000)].concat()
}

#[test]
fn a_recording_becomes_its_tags_and_paragraphs_with_times() {
    let task = MockTask::new("a.mp3", mp3()).with_language("en");
    let service = hearing(&[(0, "Hello."), (65, "Good bye.")]);
    let data = heard(&task, &service).unwrap();
    let markdown = task.text("markdown.md");
    assert_eq!(
        markdown,
        "# A \\*talk\\*\n\n| Artist | Date | Duration |\n| --- | --- | --- |\n| Jane \\| John | 2024-01-10 | 00:00:26 |\n\n\
         [00:00:00] Hello.\n\n[00:01:05] Good bye.\n"
    );
    let meta = &data["conversion_metadata"];
    assert_eq!((&meta["original_format"], &meta["page_count"]), (&json!("mp3"), &json!(2)));
    assert_eq!(meta["duration_seconds"], 26.062);
    let document: Value = task.json("document.json");
    assert_eq!(document["media_type"], "audio/mpeg");
    assert_eq!(document["properties"]["author"], "Jane | John");
    assert_eq!(document["properties"]["creation_date"], "2024-01-10");
    assert_eq!(document["properties"]["language"], "en");
    let pages = &document["pages"];
    assert_eq!((&pages[0]["start_ms"], &pages[0]["end_ms"]), (&json!(0), &json!(26_062)));
    assert_eq!(
        (&pages[1]["number"], &pages[1]["start_ms"], &pages[1]["end_ms"]),
        (&json!(2), &json!(60_000), &json!(120_000))
    );
    let start = pages[1]["start"].as_u64().unwrap() as usize;
    assert_eq!(&markdown[start..], "[00:01:05] Good bye.\n");
    assert_eq!(service.heard(), [(mp3(), Some("en".to_owned()))], "the file is handed over as it is");
    task.assert_progress_rises();
}

#[test]
fn every_sound_file_is_known_by_its_bytes_whatever_its_name() {
    let flac = [b"fLaC\x80\0\0\x22", &[0; 34][..]].concat();
    let aac = [&[0xFF, 0xF1, 0x60, 0x40, 8, 0x1F, 0xFC][..], &[0; 57]].concat().repeat(3);
    let m4a = b"\0\0\0\x10ftypM4A \0\0\0\0".to_vec();
    for (bytes, name, media_type) in [
        (mp3(), "mp3", "audio/mpeg"),
        (mpeg::tests::frames(3), "mp3", "audio/mpeg"),
        (riff::tests::wav(0), "wav", "audio/wav"),
        (ogg::tests::opus(), "ogg", "audio/ogg"),
        (flac, "flac", "audio/flac"),
        (aac, "aac", "audio/aac"),
        (m4a, "m4a", "audio/mp4"),
    ] {
        let task = MockTask::new("recording", bytes);
        let data = heard(&task, &hearing(&[(0, "Hello.")])).unwrap();
        assert_eq!(data["conversion_metadata"]["original_format"], name);
        assert_eq!(task.json::<Value>("document.json")["media_type"], media_type);
    }
}

#[test]
fn minutes_are_taken_as_pages() {
    let minutes: Vec<_> = (0..5).map(|minute| (minute * 60, "x")).collect();
    let task = MockTask::new("a.mp3", mpeg::tests::frames(3))
        .with_option("page_range", json!([2, 9]))
        .with_option("max_pages", 2);
    heard(&task, &hearing(&minutes)).unwrap();
    let markdown = task.text("markdown.md");
    assert!(markdown.ends_with("[00:01:00] x\n\n[00:02:00] x\n") && !markdown.contains("[00:00:00]"), "{markdown}");
    let pages = &task.json::<Value>("document.json")["pages"];
    assert_eq!((pages.as_array().unwrap().len(), &pages[2]["start_ms"]), (3, &json!(120_000)));
}

#[test]
fn a_range_of_minutes_is_cut_from_the_transcript_of_the_whole() {
    let bytes = mpeg::tests::frames(3);
    let task = MockTask::new("a.mp3", bytes.as_slice()).with_option("page_range", json!([7, 9]));
    let service = hearing(&[(0, "x")]);
    heard(&task, &service).unwrap();
    assert_eq!(service.heard()[0].0, bytes);
    let markdown = task.text("markdown.md");
    assert!(markdown.contains("| Duration |") && !markdown.contains('x'), "{markdown}");
}

#[test]
fn a_service_without_times_gives_a_text_without_pages() {
    let transcript = Transcript { text: " Hello.\nBye. ".into(), duration_ms: Some(3_500), ..Transcript::default() };
    let task = MockTask::new("a.mp3", mpeg::tests::frames(3)).with_option("max_pages", 1);
    let data = heard(&task, &MockTranscription::hearing(transcript)).unwrap();
    assert_eq!(task.text("markdown.md"), "| Duration |\n| --- |\n| 00:00:03 |\n\nHello.\n\nBye.\n");
    assert_eq!(data["conversion_metadata"]["duration_seconds"], 3.5);
    assert_eq!(data["conversion_metadata"]["page_count"], Value::Null);
    task.assert_logged(morag_step::Level::Warn, "no times");
}

#[test]
fn the_failure_says_whether_there_is_no_service_or_what_it_answered() {
    let task = || MockTask::new("a.mp3", mpeg::tests::frames(3));
    let failing = |error| heard(&task(), &MockTranscription::failing(error));
    let failure = assert_fails(heard(&task(), &MockTranscription::absent()), "TRANSCRIPTION_NOT_CONFIGURED");
    assert!(
        !failure.retryable && failure.message.contains("the mock has no service"),
        "the host's text names the settings"
    );
    let limit = "the step's budget transcription_bytes of 9 bytes a run is used up".to_owned();
    let failure = assert_fails(failing(CapabilityError::Limit(limit)), "TRANSCRIPTION_LIMIT");
    assert!(failure.message.contains("transcription_bytes") && failure.message.contains("1251 bytes"), "{failure}");
    assert_fails(failing(CapabilityError::Invalid("too large".into())), "TRANSCRIPTION_REFUSED");
    let away = assert_fails(failing(CapabilityError::Unavailable("away".into())), "SERVICE_UNAVAILABLE");
    assert!(away.retryable);
    assert_fails(heard(&task(), &MockTranscription::hearing(Transcript::default())), "NO_SPEECH");
}

#[test]
fn what_is_no_recording_is_passed_on_or_corrupt_by_its_name() {
    for (bytes, name, code) in [
        (&b""[..], "a.mp3", "EMPTY_DOCUMENT"),
        (b"hello", "a.mp3", "CORRUPT_DOCUMENT"),
        (b"hello", "a.txt", "UNSUPPORTED_FORMAT"),
        (b"%PDF-1.4", "a", "UNSUPPORTED_FORMAT"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "a.heic", "UNSUPPORTED_FORMAT"),
        // One frame's header in other bytes is chance.
        (b"\xFF\xFB\x90\0 and text", "a.bin", "UNSUPPORTED_FORMAT"),
    ] {
        assert_fails(heard(&MockTask::new(name, bytes), &MockTranscription::hearing(said(&[]))), code);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_recordings(
        which in 0usize..4,
        at in any::<prop::sample::Index>(),
        bytes in proptest::collection::vec(any::<u8>(), 1..9),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut source = [mp3(), riff::tests::wav(16_000), ogg::tests::opus(), mpeg::tests::frames(5)][which].clone();
        source.truncate(4_000);
        let start = at.index(source.len() - bytes.len());
        source[start..start + bytes.len()].copy_from_slice(&bytes);
        converts_or_says_why(&source, "a.mp3")?;
        converts_or_says_why(&source[..cut.index(source.len())], "a")?;
    }

    #[test]
    fn any_bytes_after_any_beginning(
        start in prop::sample::select(vec![
            &b"ID3\x03\0\0\0\0\x10\0"[..], b"ID3\x04\0\xC0\0\0\x10\0", b"RIFF\xFF\xFF\xFF\xFFWAVE", b"fLaC", b"OggS\0\x02", b"\xFF\xFB\x90\0",
        ]),
        rest in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        converts_or_says_why(&[start, &rest].concat(), "a.mp3")?;
    }
}
