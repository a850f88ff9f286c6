//! Server-Sent Events that `morag listen --forward-to` reads: in whatever pieces they come, they are the same events.
#![no_main]

use libfuzzer_sys::fuzz_target;
use morag_api::sse::SseParser;

fuzz_target!(|input: (&[u8], u8)| {
    let (bytes, piece) = input;
    let whole = SseParser::default().push(bytes);
    let mut parser = SseParser::default();
    let mut events = Vec::new();
    for piece in bytes.chunks(usize::from(piece).max(1)) {
        match parser.push(piece) {
            Ok(more) => events.extend(more),
            Err(_) => return,
        }
    }
    assert_eq!(whole.expect("no larger than its pieces"), events);
});
