//! Containers of films: the frames that are found are in the file and no more than it has, and their sound can be written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media_conversion::film;
use media_conversion::input::Input;
use morag_conversion::formats;
use morag_step::Task;
use morag_step::mock::MockTask;

fuzz_target!(|bytes: &[u8]| {
    let task = MockTask::new("film", bytes);
    let source = task.source();
    let input = Input::new(source.as_ref());
    for format in [&formats::MP4, &formats::MKV] {
        let Ok(film) = film::read(&input, format) else { continue };
        if let Some(track) = film.track {
            let within = |frame: &film::Frame| frame.offset + u64::from(frame.bytes) <= bytes.len() as u64;
            assert!(track.frames.iter().all(within));
            assert!(track.bytes() <= bytes.len() as u64);
        }
        let _ = film::sound(&task, &input, format, &mut Vec::new());
    }
});
