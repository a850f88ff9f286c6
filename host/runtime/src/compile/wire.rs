//! What the two processes say to each other: a component goes in, native code or a reason comes out.
//!
//! In: its length in 8 bytes, little endian, and the component. What comes in stays open until the answer has been read: its end
//! tells the compiling process that the other is gone. Out: a byte for the kind, the length as above, and the content.

use std::io::{self, Read, Write};

/// Native code of one component: that of redact in JavaScript, 37 MB, seven times.
pub(super) const CODE_BYTES_MAX: u64 = 256 << 20;

/// Bytes of a reason.
const REASON_BYTES_MAX: u64 = 4 << 10;

/// What compiling came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Native code.
    Code(Vec<u8>),
    /// It is not what WebAssembly allows.
    Invalid(String),
    /// There was no memory left.
    NoMemory,
}

const CODE: u8 = 1;
const INVALID: u8 = 2;
const NO_MEMORY: u8 = 3;

/// Writes a component.
pub(super) fn write_component(to: &mut impl Write, wasm: &[u8]) -> io::Result<()> {
    to.write_all(&(wasm.len() as u64).to_le_bytes())?;
    to.write_all(wasm)?;
    to.flush()
}

/// Reads a component of at most so many bytes, and nothing after it.
pub(super) fn read_component(from: &mut impl Read, bytes_max: u64) -> io::Result<Vec<u8>> {
    read_sized(from, bytes_max)
}

/// Writes an answer.
pub(super) fn write_answer(to: &mut impl Write, answer: &Answer) -> io::Result<()> {
    let (kind, content) = match answer {
        Answer::Code(code) => (CODE, code.as_slice()),
        Answer::Invalid(reason) => {
            let end = reason.floor_char_boundary(REASON_BYTES_MAX as usize);
            (INVALID, &reason.as_bytes()[..end])
        }
        Answer::NoMemory => (NO_MEMORY, &[][..]),
    };
    to.write_all(&[kind])?;
    to.write_all(&(content.len() as u64).to_le_bytes())?;
    to.write_all(content)?;
    to.flush()
}

/// Reads an answer whole.
pub(super) fn read_answer(from: &mut impl Read) -> io::Result<Answer> {
    let mut kind = [0];
    from.read_exact(&mut kind)?;
    match kind[0] {
        CODE => read_sized(from, CODE_BYTES_MAX).map(Answer::Code),
        INVALID => {
            let reason = read_sized(from, REASON_BYTES_MAX)?;
            Ok(Answer::Invalid(String::from_utf8_lossy(&reason).into_owned()))
        }
        NO_MEMORY => read_sized(from, 0).map(|_| Answer::NoMemory),
        other => Err(invalid(format!("no answer has the kind {other}"))),
    }
}

fn read_sized(from: &mut impl Read, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut size = [0; 8];
    from.read_exact(&mut size)?;
    let size = u64::from_le_bytes(size);
    if size > bytes_max {
        return Err(invalid(format!("it has {size} bytes; at most {bytes_max} are taken")));
    }
    let mut content = Vec::new();
    // Not reserved by what is said: what is there may be less.
    from.take(size).read_to_end(&mut content)?;
    match content.len() as u64 == size {
        true => Ok(content),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let mut bytes = Vec::new();
        write_component(&mut bytes, b"wasm").unwrap();
        bytes.extend(b"more");
        let mut from = bytes.as_slice();
        assert_eq!(read_component(&mut from, 4).unwrap(), b"wasm");
        assert_eq!(from, b"more", "it is left");
        for answer in [Answer::Code(vec![1, 2]), Answer::Invalid("no".into()), Answer::NoMemory] {
            let mut bytes = Vec::new();
            write_answer(&mut bytes, &answer).unwrap();
            assert_eq!(read_answer(&mut bytes.as_slice()).unwrap(), answer);
            bytes.pop();
            assert!(read_answer(&mut bytes.as_slice()).is_err(), "half an answer is none");
        }
    }

    #[test]
    fn nothing_is_taken_beyond_its_limit() {
        let said = |kind: u8, size: u64| [vec![kind], size.to_le_bytes().to_vec()].concat();
        for (kind, size) in [(CODE, CODE_BYTES_MAX + 1), (INVALID, REASON_BYTES_MAX + 1), (NO_MEMORY, 1), (9, 0)] {
            let error = read_answer(&mut said(kind, size).as_slice()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{kind}");
        }
        assert!(read_component(&mut 5_u64.to_le_bytes().as_slice(), 4).is_err());
        let long = Answer::Invalid("ä".repeat(REASON_BYTES_MAX as usize));
        let mut bytes = Vec::new();
        write_answer(&mut bytes, &long).unwrap();
        assert!(matches!(read_answer(&mut bytes.as_slice()).unwrap(), Answer::Invalid(text) if text.ends_with('ä')));
    }
}
