//! Forms of submissions: whatever the body and its pieces, what is kept of it is bounded, and the guard sees the parts that the
//! parser sees.
//! The input is the body, short where that is long (`inflate`).
#![no_main]

use axum::body::Body;
use axum::http::{Request, header};
use bytes::Bytes;
use futures::StreamExt as _;
use libfuzzer_sys::fuzz_target;
use morag_fuzz::inflate;
use morag_api::fuzzing::{Guarded, Unbounded, read_form};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What may stand before the first boundary, and in the head of a part: as it was decided, not as the guard has it.
const PREAMBLE_BYTES_MAX: usize = 4 << 10;
const HEAD_BYTES_MAX: usize = 8 << 10;
/// Longest text of a field, and of an error, with what is around it in an answer.
const FIELD_BYTES_MAX: usize = 64 << 10;
const ERROR_BYTES_MAX: usize = 4 << 10;
/// Longest body that an input is made into.
const BODY_BYTES_MAX: usize = 256 << 10;

const BOUNDARY: &str = "X-b";

/// What the parser made of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Parsed {
    /// Names and contents of the parts that were whole.
    parts: Vec<(Option<String>, Vec<u8>)>,
    /// Whether the form was read to its end.
    is_whole: bool,
    /// Why the guard ended it.
    refused: Option<Unbounded>,
}

fuzz_target!(|input: &[u8]| {
    let [sizes, bytes_max, script @ ..] = input else { return };
    let (sizes, bytes_max) = (*sizes, *bytes_max);
    let body = Bytes::from(inflate(script, BODY_BYTES_MAX));
    // The place of a piece's end is as arbitrary as the rest.
    let pieces = |seed: u8| pieces(&body, seed);
    let free = parsed(vec![body.clone()], None);
    let seen = parsed(pieces(sizes), Some((usize::MAX, u64::MAX)));
    if seen.refused.is_none() {
        assert_eq!(seen, free, "guarded, and in pieces, it is another form");
    } else {
        assert!(body.len() > PREAMBLE_BYTES_MAX, "{:?} of {} bytes", seen.refused, body.len());
        assert!(seen.parts.len() <= free.parts.len());
    }
    if seen.is_whole {
        // The guard counts as many parts as the parser finds.
        let count = free.parts.len();
        assert_eq!(parsed(pieces(sizes ^ 0x55), Some((count, u64::MAX))), free);
        if let Some(fewer) = count.checked_sub(1) {
            let refused = parsed(pieces(sizes), Some((fewer, u64::MAX)));
            assert_eq!(refused.refused, Some(Unbounded::Parts(fewer)));
        }
    }
    let limit = u64::from(bytes_max) << 10;
    let limited = parsed(pieces(sizes), Some((usize::MAX, limit)));
    assert!(limited == seen || body.len() as u64 > limit);
    submitted(pieces(sizes), body.len());
});

/// As a route reads it.
fn submitted(pieces: Vec<Bytes>, bytes: usize) {
    let stream = futures::stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>));
    let request = Request::builder()
        .header(header::CONTENT_TYPE, format!("multipart/form-data; boundary={BOUNDARY}"))
        .body(Body::from_stream(stream))
        .expect("a request");
    match block_on(read_form(request, bytes as u64)) {
        Ok((fields, of_files)) => {
            assert!(fields.values().all(|text| text.len() <= FIELD_BYTES_MAX));
            assert!(fields.keys().all(|name| name.len() <= 256));
            assert!(of_files <= bytes as u64);
        }
        Err(error) => {
            assert!(!error.status().is_server_error(), "{error:?}");
            let said = error.public().len() + error.detail().to_string().len() + error.log().map_or(0, str::len);
            assert!(said <= ERROR_BYTES_MAX, "{said} bytes of an error: {error:?}");
        }
    }
}

/// Reads a form: by the parser alone, or behind a guard with these limits of parts and bytes.
fn parsed(pieces: Vec<Bytes>, limits: Option<(usize, u64)>) -> Parsed {
    let longest = pieces.iter().map(Bytes::len).max().unwrap_or(0);
    let whole = futures::stream::iter(pieces).map(Ok::<_, axum::Error>);
    let Some((parts_max, bytes_max)) = limits else {
        return block_on(read(multer::Multipart::new(whole, BOUNDARY), || {}));
    };
    let given = Arc::new(AtomicUsize::new(0));
    let (count, taken) = (given.clone(), AtomicUsize::new(0));
    let guarded = Guarded::new(whole, BOUNDARY, parts_max, bytes_max);
    let counted = guarded.inspect(move |piece| {
        count.fetch_add(piece.as_ref().map_or(0, Bytes::len), Ordering::Relaxed);
    });
    // Between two signs of life the parser has got no more than it may keep: what is before a part, its head, and the pieces
    // that these begin and end in.
    let progress = || {
        let all = given.load(Ordering::Relaxed);
        let kept = all - taken.swap(all, Ordering::Relaxed);
        let allowed = PREAMBLE_BYTES_MAX + HEAD_BYTES_MAX + 2 * BOUNDARY.len() + 16 + 2 * longest;
        assert!(kept <= allowed, "the parser was given {kept} bytes at once, of {allowed}");
    };
    let parsed = block_on(read(multer::Multipart::new(counted, BOUNDARY), progress));
    assert!(given.load(Ordering::Relaxed) as u64 <= bytes_max);
    parsed
}

async fn read(mut form: multer::Multipart<'static>, progress: impl Fn()) -> Parsed {
    let mut parts = Vec::new();
    let (is_whole, refused) = loop {
        let next = form.next_field().await;
        progress();
        let mut part = match next {
            Ok(Some(part)) => part,
            Ok(None) => break (true, None),
            Err(error) => break (false, unbounded(&error)),
        };
        let (name, mut content) = (part.name().map(str::to_owned), Vec::new());
        let failure = loop {
            let piece = part.chunk().await;
            progress();
            match piece {
                Ok(Some(piece)) => content.extend_from_slice(&piece),
                Ok(None) => break None,
                Err(error) => break Some(unbounded(&error)),
            }
        };
        match failure {
            None => parts.push((name, content)),
            Some(refused) => break (false, refused),
        }
    };
    Parsed { parts, is_whole, refused }
}

fn unbounded(error: &multer::Error) -> Option<Unbounded> {
    match error {
        multer::Error::StreamReadFailed(cause) => cause.downcast_ref::<Unbounded>().copied(),
        _ => None,
    }
}

/// The body in pieces of sizes that a seed says: now and then of a byte, now and then of thousands.
fn pieces(body: &Bytes, seed: u8) -> Vec<Bytes> {
    let (mut pieces, mut rest, mut state) = (Vec::new(), body.clone(), u32::from(seed) | 0x100);
    while !rest.is_empty() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // Runs are long: no more than some hundred pieces of one body.
        let size = 1 + (state >> 16) as usize % [1, 3, 70, 4000][usize::from(seed & 3)] + body.len() / 500;
        pieces.push(rest.split_to(size.min(rest.len())));
    }
    pieces
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    }
    RUNTIME.with(|runtime| runtime.block_on(work))
}
