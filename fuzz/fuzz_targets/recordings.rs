//! Sound files: what they say about themselves is read from any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media_conversion::{input::Input, sound};
use morag_conversion::formats;
use morag_step::Task;
use morag_step::mock::MockTask;

fuzz_target!(|bytes: &[u8]| {
    let source = MockTask::new("sound", bytes).source();
    let input = Input::new(source.as_ref());
    for format in [&formats::MP3, &formats::WAV, &formats::M4A, &formats::OGG, &formats::FLAC, &formats::AAC] {
        let tags = sound::tags(format, &input).expect("files in memory can be read");
        assert!([&tags.title, &tags.artist, &tags.album].into_iter().flatten().all(|text| !text.contains('\n')));
    }
});
