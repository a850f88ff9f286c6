//! Elements of EBML (RFC 8794): an identifier, a length, and a content. Numbers say by their first bits how long they are.

use crate::input::Input;
use morag_step::Failure;

/// An element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element {
    pub id: u32,
    /// Where its content begins.
    pub start: u64,
    /// Where it ends; none where its length is not said, as in streams.
    pub end: Option<u64>,
}

/// The element at a place of the file, if there is one.
pub(super) fn element(input: &Input, offset: u64) -> Result<Option<Element>, Failure> {
    let bytes = input.bytes(offset, 12)?;
    Ok(header(&bytes).map(|(id, len, header_bytes)| {
        let start = offset.saturating_add(header_bytes as u64);
        Element { id, start, end: len.map(|len| start.saturating_add(len)) }
    }))
}

/// Identifier, length (none where it is not said), and bytes of both.
fn header(bytes: &[u8]) -> Option<(u32, Option<u64>, usize)> {
    let id_bytes = bytes.first()?.leading_zeros() as usize + 1;
    if id_bytes > 4 {
        return None;
    }
    let id = bytes.get(..id_bytes)?.iter().fold(0, |id, byte| id << 8 | u32::from(*byte));
    let (len, len_bytes) = number(bytes.get(id_bytes..)?)?;
    // All ones.
    let is_said = len != (1 << (7 * len_bytes)) - 1;
    Some((id, is_said.then_some(len), id_bytes + len_bytes))
}

/// A number without the bits of its length, and its bytes.
pub(super) fn number(bytes: &[u8]) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let len = first.leading_zeros() as usize + 1;
    if len > 8 {
        return None;
    }
    let first = u64::from(first) & ((1 << (8 - len)) - 1);
    let number = bytes.get(1..len)?.iter().fold(first, |number, byte| number << 8 | u64::from(*byte));
    Some((number, len))
}

/// Elements within a content that is in memory; up to the first that makes no sense. One that says that it is longer ends with what
/// it is in.
pub(super) fn elements(bytes: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (id, len, header_bytes) = header(rest)?;
        let body = rest.get(header_bytes..)?;
        let len = len.map_or(body.len(), |len| usize::try_from(len).unwrap_or(usize::MAX).min(body.len()));
        let (content, after) = body.split_at(len);
        rest = after;
        Some((id, content))
    })
}

/// The content of the first element of an identifier.
pub(super) fn child(bytes: &[u8], id: u32) -> Option<&[u8]> {
    elements(bytes).find(|(found, _)| *found == id).map(|(_, content)| content)
}

/// A whole number without a sign; more than eight bytes are none.
pub(super) fn unsigned(bytes: &[u8]) -> u64 {
    let bytes = if bytes.len() > 8 { &[] } else { bytes };
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// A number with a fraction.
pub(super) fn float(bytes: &[u8]) -> f64 {
    match bytes.len() {
        4 => f64::from(f32::from_bits(unsigned(bytes) as u32)),
        8 => f64::from_bits(unsigned(bytes)),
        _ => 0.0,
    }
}

/// A text, which zeros may follow.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_length_are_read() {
        assert_eq!(number(&[0x81]), Some((1, 1)));
        assert_eq!(number(&[0x40, 0x02]), Some((2, 2)));
        assert_eq!(number(&[0x01, 0, 0, 0, 0, 0, 0, 9]), Some((9, 8)));
        assert_eq!((number(&[0]), number(&[0x40]), number(&[])), (None, None, None));
        assert_eq!(header(&[0x1A, 0x45, 0xDF, 0xA3, 0xFF]), Some((0x1A45_DFA3, None, 5)));
        assert_eq!((float(&1.5f32.to_be_bytes()), float(&2.5f64.to_be_bytes())), (1.5, 2.5));
    }

    #[test]
    fn an_element_longer_than_what_it_is_in_ends_with_it() {
        let all: Vec<_> = elements(&[0xAE, 0x81, 7, 0x83, 0xFE, 1, 2]).collect();
        assert_eq!(all, [(0xAE, &[7][..]), (0x83, &[1, 2])]);
    }
}
