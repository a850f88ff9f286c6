//! Pages within Rich Text (MS-OXRTFEX): Outlook keeps a page that was sent as Rich Text of its own making, with the tags in groups that
//! other programs skip.

use encoding_rs::{Encoding, WINDOWS_1252};
use morag_conversion::codepage;
use morag_conversion::rtf_lexer::{Lexer, Token};
use std::collections::HashMap;

/// Pieces in which the mark stands: the specification asks for the first ten.
const MARK_WITHIN: usize = 10;
/// Groups within groups; Outlook writes under a hundred. Deeper ones are not gone into.
const DEPTH_MAX: usize = 1_000;
/// Fonts that are remembered, as of a document.
const FONTS_MAX: usize = 65_536;

/// The page that Rich Text was made of; none where it was made of none.
pub fn page(rtf: &[u8]) -> Option<String> {
    let mark = |token| matches!(token, Token::Word("fromhtml", Some(1)));
    if !Lexer::new(rtf).take(MARK_WITHIN).any(mark) {
        return None;
    }
    let mut reader = Reader::default();
    Lexer::new(rtf).for_each(|token| reader.token(token));
    reader.flush();
    Some(reader.out)
}

/// What holds for a group.
#[derive(Debug, Clone, Copy)]
struct State {
    /// Nothing of it is text.
    skipped: bool,
    /// It is the list of fonts.
    fonts: bool,
    /// It is for readers of Rich Text: the page has it in its tags.
    rtf_only: bool,
    font: i32,
    /// Characters that stand in for one of Unicode, after it.
    stand_ins: u32,
}

impl Default for State {
    fn default() -> Self {
        Self { skipped: false, fonts: false, rtf_only: false, font: 0, stand_ins: 1 }
    }
}

#[derive(Debug)]
struct Reader {
    out: String,
    states: Vec<State>,
    state: State,
    /// Groups that are open beyond the deepest.
    beyond: usize,
    /// Whether `\*` stands before the next word.
    optional: bool,
    /// Bytes whose encoding is that of the font.
    pending: Vec<u8>,
    /// The first half of a character of two.
    high: Option<u16>,
    /// Characters to be left out, which stand in for the last one of Unicode.
    skip: u32,
    page: &'static Encoding,
    fonts: HashMap<i32, &'static Encoding>,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            out: String::new(),
            states: Vec::new(),
            state: State::default(),
            beyond: 0,
            optional: false,
            pending: Vec::new(),
            high: None,
            skip: 0,
            page: WINDOWS_1252,
            fonts: HashMap::new(),
        }
    }
}

impl Reader {
    fn token(&mut self, token: Token<'_>) {
        match token {
            Token::Open => self.open(),
            Token::Close => self.close(),
            _ if self.beyond > 0 => {}
            Token::Symbol(b'*') => self.optional = true,
            Token::Word(word, number) => self.word(word, number),
            Token::Symbol(symbol) => match symbol {
                b'{' | b'}' | b'\\' => self.bytes(&[symbol]),
                b'~' => self.text("&nbsp;"),
                b'_' => self.text("&shy;"),
                b'\r' | b'\n' => self.text("\n"),
                _ => {}
            },
            Token::Hex(byte) => self.bytes(&[byte]),
            Token::Text(bytes) => self.bytes(bytes),
        }
    }

    fn open(&mut self) {
        if self.states.len() >= DEPTH_MAX {
            self.beyond += 1;
            return;
        }
        self.skip = 0;
        self.states.push(self.state);
    }

    fn close(&mut self) {
        if self.beyond > 0 {
            self.beyond -= 1;
            return;
        }
        self.flush();
        (self.skip, self.optional) = (0, false);
        self.state = self.states.pop().unwrap_or(self.state);
    }

    fn word(&mut self, word: &str, number: Option<i32>) {
        if std::mem::take(&mut self.optional) {
            // Tags; of the others, those for readers of Rich Text too, nothing is text.
            self.state.skipped = word != "htmltag" || self.state.skipped;
            return;
        }
        match word {
            "fonttbl" => (self.state.fonts, self.state.skipped) = (true, true),
            "colortbl" | "stylesheet" | "info" | "pict" => self.state.skipped = true,
            "ansicpg" => self.page = codepage::of_page(number.unwrap_or(0)).unwrap_or(self.page),
            "htmlrtf" => {
                self.flush();
                self.state.rtf_only = number != Some(0);
            }
            "f" => {
                self.flush();
                self.state.font = number.unwrap_or(0);
            }
            "fcharset" if self.state.fonts && self.fonts.len() < FONTS_MAX => {
                if let Some(encoding) = number.and_then(codepage::of_charset) {
                    self.fonts.insert(self.state.font, encoding);
                }
            }
            "uc" => self.state.stand_ins = number.and_then(|number| u32::try_from(number).ok()).unwrap_or(1).min(16),
            "u" => self.unicode(number.unwrap_or(0)),
            "par" | "line" => self.text("\n"),
            "tab" => self.text("\t"),
            "lquote" => self.text("\u{2018}"),
            "rquote" => self.text("\u{2019}"),
            "ldblquote" => self.text("\u{201c}"),
            "rdblquote" => self.text("\u{201d}"),
            "bullet" => self.text("\u{2022}"),
            "endash" => self.text("\u{2013}"),
            "emdash" => self.text("\u{2014}"),
            _ => {}
        }
    }

    fn is_text(&self) -> bool {
        !self.state.skipped && !self.state.rtf_only
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let skipped = bytes.len().min(usize::try_from(self.skip).unwrap_or(usize::MAX));
        self.skip -= u32::try_from(skipped).unwrap_or(self.skip);
        if self.is_text() {
            self.pending.extend(&bytes[skipped..]);
        }
    }

    fn text(&mut self, text: &str) {
        self.flush();
        if self.is_text() {
            self.out.push_str(text);
        }
    }

    /// A character of Unicode as a number of 16 bits, which may be written below zero.
    fn unicode(&mut self, number: i32) {
        self.flush();
        self.skip = self.state.stand_ins;
        if !self.is_text() {
            return;
        }
        let unit = (number & 0xffff) as u16;
        match (self.high.take(), unit) {
            (_, 0xd800..=0xdbff) => self.high = Some(unit),
            (high, _) => {
                let units = high.into_iter().chain([unit]);
                self.out.extend(char::decode_utf16(units).map(|c| c.unwrap_or('\u{fffd}')));
            }
        }
    }

    fn flush(&mut self) {
        if !self.pending.is_empty() {
            let encoding = self.fonts.get(&self.state.font).copied().unwrap_or(self.page);
            let (text, _) = encoding.decode_without_bom_handling(&self.pending);
            self.out.push_str(&text);
            self.pending.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_what_it_was() {
        let rtf = b"{\\rtf1\\ansi\\ansicpg1252\\fromhtml1 \\deff0{\\fonttbl\n{\\f0\\fswiss Arial;}{\\f1\\fcharset128 MS;}}{\\colortbl\\red0;}\n\
            {\\*\\htmltag64 <html>\\par}{\\*\\htmltag84 <p class=\\{a\\}>}\\htmlrtf {\\b\\htmlrtf0 caf\\'e9 & \\u8364?\\u-10179 ?\\u-8704 ?{\\*\\htmltag84 &lt;}\
            {\\*\\htmltag92 </p>}\\htmlrtf \\par}\\htmlrtf0 {\\f1 \\'93\\'fa}\\tab{\\*\\mhtmltag84 <img src=x>}\\ldblquote a\\rdblquote\\~{\\*\\htmltag0 </html>}}";
        let expected = "<html>\n<p class={a}>café & €😀&lt;</p>日\t\u{201c}a\u{201d}&nbsp;</html>";
        assert_eq!(page(rtf).unwrap(), expected);
    }

    #[test]
    fn the_number_of_stand_ins_holds_for_its_group() {
        assert_eq!(
            page(b"{\\rtf1\\fromhtml1 {\\uc0\\u8364}\\u8364?{\\uc2\\u8364 ??{\\u8364 ??}}\\u8364?}").unwrap(),
            "€€€€€"
        );
    }

    #[test]
    fn text_that_was_no_page_is_none() {
        assert_eq!(page(b"{\\rtf1\\ansi text \\fromhtml0}"), None);
        assert_eq!(page(b"{\\rtf1\\ansi\\fromtext text}"), None);
        // Late, it is text about Rich Text.
        assert_eq!(page(format!("{{\\rtf1{}\\fromhtml1}}", "\\b ".repeat(20)).as_bytes()), None);
        assert_eq!(page(b""), None);
    }

    #[test]
    fn groups_without_end_are_gone_into_to_a_depth() {
        let deep = format!("{{\\rtf1\\fromhtml1 a{}b", "{".repeat(1_000_000));
        assert_eq!(page(deep.as_bytes()).unwrap(), "a");
        let whole = format!("{{\\rtf1\\fromhtml1 a{}b{}c}}}}d", "{".repeat(2_000), "}".repeat(2_000));
        assert_eq!(page(whole.as_bytes()).unwrap(), "acd");
    }
}
