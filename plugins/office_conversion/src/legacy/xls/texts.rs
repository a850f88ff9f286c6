//! Texts of Excel 97, which may go on in the next record, and there in another width.

use morag_conversion::ole::bytes::{latin, utf16};

/// Texts of a workbook.
const TEXTS_MAX: usize = 4_000_000;

/// Goes through the data of a record and of those that continue it.
#[derive(Debug)]
pub struct Reader<'a> {
    parts: Vec<&'a [u8]>,
    part: usize,
    at: usize,
}

impl<'a> Reader<'a> {
    /// From the start of the first part.
    pub fn new(parts: Vec<&'a [u8]>) -> Self {
        Self { parts, part: 0, at: 0 }
    }

    fn left(&self) -> &'a [u8] {
        self.parts.get(self.part).and_then(|part| part.get(self.at..)).unwrap_or_default()
    }

    fn next_part(&mut self) -> Option<()> {
        self.part += 1;
        self.at = 0;
        (self.part < self.parts.len()).then_some(())
    }

    fn byte(&mut self) -> Option<u8> {
        while self.left().is_empty() {
            self.next_part()?;
        }
        let byte = self.left().first().copied();
        self.at += 1;
        byte
    }

    fn number(&mut self, bytes: u32) -> Option<usize> {
        (0..bytes).try_fold(0usize, |number, index| Some(number | usize::from(self.byte()?) << (8 * index)))
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        let mut left = count;
        while left > 0 {
            let step = self.left().len().min(left);
            if step == 0 {
                self.next_part()?;
            }
            self.at += step;
            left -= step;
        }
        Some(())
    }

    /// Characters of a width that the flags say. A part that goes on begins with flags of its own.
    pub fn characters(&mut self, count: usize, flags: u8) -> String {
        let (mut out, mut left, mut wide) = (String::new(), count, flags & 1 != 0);
        while left > 0 {
            let here = self.left();
            let width = if wide { 2 } else { 1 };
            let step = left.min(here.len() / width);
            let text = &here[..step * width];
            out.push_str(&if wide { utf16(text) } else { latin(text) });
            self.at += step * width;
            left -= step;
            if left > 0 {
                if self.next_part().is_none() {
                    break;
                }
                wide = self.byte().unwrap_or(0) & 1 != 0;
                // A part of nothing but its flags ends the text sooner or later: there are only so many.
            }
        }
        out
    }

    /// A text with its length in so many bytes; its fonts and how it is pronounced are passed over.
    pub fn text(&mut self, length_bytes: u32) -> Option<String> {
        let count = self.number(length_bytes)?;
        let flags = self.byte()?;
        let fonts = if flags & 8 != 0 { self.number(2)? } else { 0 };
        let pronounced = if flags & 4 != 0 { self.number(4)? } else { 0 };
        let text = self.characters(count, flags);
        self.skip(fonts.checked_mul(4)?.checked_add(pronounced)?);
        Some(text)
    }
}

/// The shared texts.
pub fn shared(parts: Vec<&[u8]>) -> Vec<Box<str>> {
    let mut reader = Reader::new(parts);
    // How often they are used, and how many there are.
    let count = reader.number(4).and_then(|_| reader.number(4)).unwrap_or(0).min(TEXTS_MAX);
    let mut texts = Vec::new();
    for _ in 0..count {
        match reader.text(2) {
            Some(text) => texts.push(text.into()),
            None => break,
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_go_on_in_another_width() {
        let first = [&[1, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0][..], b"ab"].concat();
        let second = [1, b'c', 0, 0xe9, 0, 1, 0, 0, b'x'];
        let texts = shared(vec![&first, &second]);
        assert_eq!(texts.iter().map(|text| &**text).collect::<Vec<_>>(), ["abcé", "x"]);
        assert!(shared(vec![&[0xff; 8]]).is_empty());
    }
}
