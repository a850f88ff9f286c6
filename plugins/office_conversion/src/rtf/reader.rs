//! Goes through the pieces of a document and writes what they say.

use super::properties::{self, Date};
use super::state::{Destination, Ends, Kind, Paragraph, State};
use super::table::Table;
use crate::write::{Blocks, Inline, Style, escape};
use encoding_rs::{Encoding, WINDOWS_1252};
use morag_conversion::codepage;
use morag_conversion::images::{IMAGE_BYTES_MAX, LeftOut};
use morag_conversion::rtf_lexer::Token;
use morag_conversion::{Images, Properties};
use morag_step::Failure;
use std::collections::HashMap;

/// Groups within groups. Word writes under a hundred.
const DEPTH_MAX: usize = 10_000;
/// Texts of their own within each other: a note in a box in a note. Deeper ones are part of the one around them.
const CONTEXTS_MAX: usize = 8;
/// Fonts and styles of a document.
const NAMED_MAX: usize = 65_536;
/// Characters of a name, a mark or the code of a field.
const NAME_CHARS_MAX: usize = 4096;

/// A text that stands apart: the document itself, a note, a box.
#[derive(Debug, Default)]
struct Context {
    out: Blocks,
    text: Inline,
    table: Table,
    paragraph: Paragraph,
    /// The mark of the item that is read.
    mark: Option<String>,
    /// Texts of boxes that are anchored in the paragraph.
    boxes: Vec<String>,
}

/// A document while it is read.
pub struct Reader<'i> {
    images: &'i Images<'i>,
    /// Digits of the picture that is read.
    picture: Vec<u8>,
    states: Vec<State>,
    state: State,
    contexts: Vec<Context>,
    here: Context,
    /// Whether `\*` stands before the next word: who does not know the word skips its group.
    optional: bool,
    /// Bytes of text whose encoding is that of the font in use.
    pending: Vec<u8>,
    /// The first half of a character of two.
    high: Option<u16>,
    /// Characters that stand in for the last one of Unicode.
    skip: u32,
    page: &'static Encoding,
    default_font: i32,
    fonts: HashMap<i32, &'static Encoding>,
    levels: HashMap<i32, i32>,
    style: (i32, Option<i32>),
    /// Text of a group that is not part of the document.
    name: String,
    author: String,
    link: Option<String>,
    date: Date,
    notes: Vec<(String, String)>,
    counts: [usize; 2],
    properties: Properties,
}

impl<'i> Reader<'i> {
    /// Before the first piece, with what pictures become.
    pub fn new(images: &'i Images<'i>) -> Self {
        let state = State {
            destination: Destination::Text,
            style: Style::default(),
            hidden: false,
            font: 0,
            stand_ins: 1,
            ends: Ends::Nothing,
        };
        Self {
            images,
            picture: Vec::new(),
            states: Vec::new(),
            state,
            contexts: Vec::new(),
            here: Context::default(),
            optional: false,
            pending: Vec::new(),
            high: None,
            skip: 0,
            page: WINDOWS_1252,
            default_font: 0,
            fonts: HashMap::new(),
            levels: HashMap::new(),
            style: (0, None),
            name: String::new(),
            author: String::new(),
            link: None,
            date: Date::default(),
            notes: Vec::new(),
            counts: [0; 2],
            properties: Properties::default(),
        }
    }

    /// Takes a piece.
    ///
    /// # Errors
    /// Groups that are nested more than [`DEPTH_MAX`] deep.
    pub fn token(&mut self, token: Token<'_>) -> Result<(), String> {
        match token {
            Token::Open => {
                self.decode();
                self.skip = 0;
                if self.states.len() >= DEPTH_MAX {
                    return Err(format!("it has groups within groups, more than {DEPTH_MAX} deep"));
                }
                self.states.push(self.state);
                self.state.ends = Ends::Nothing;
                self.optional = false;
            }
            Token::Close => {
                self.decode();
                self.skip = 0;
                self.optional = false;
                self.close();
            }
            Token::Text(bytes) => {
                let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
                self.skip -= skipped as u32;
                self.bytes(&bytes[skipped..]);
            }
            Token::Hex(byte) => {
                if self.skip > 0 {
                    self.skip -= 1;
                } else {
                    self.bytes(&[byte]);
                }
            }
            Token::Symbol(symbol) => self.symbol(symbol),
            Token::Word("u", number) => self.unicode(number.unwrap_or(0)),
            // Words of structure do not stand in for characters, whatever the writer meant.
            Token::Word(word, _)
                if self.skip > 0 && !matches!(word, "par" | "cell" | "row" | "line" | "tab" | "sect" | "page") =>
            {
                self.skip -= 1
            }
            Token::Word(word, number) => {
                self.decode();
                self.word(word, number);
                self.optional = false;
            }
        }
        Ok(())
    }

    /// Whether a group has not ended.
    pub fn is_open(&self) -> bool {
        !self.states.is_empty()
    }

    /// The markdown and what the document says about itself.
    ///
    /// # Errors
    /// `DOCUMENT_TOO_LARGE`.
    pub fn finish(mut self) -> Result<(String, Properties), Failure> {
        self.decode();
        // Groups whose end is missing.
        while !self.states.is_empty() {
            self.close();
        }
        self.here.end();
        for (label, text) in std::mem::take(&mut self.notes) {
            self.here.out.note(&label, &text);
        }
        Ok((self.here.out.finish()?, self.properties))
    }

    fn bytes(&mut self, bytes: &[u8]) {
        if self.state.destination == Destination::Picture {
            // One digit more than is kept shows that it is too large.
            let room = (IMAGE_BYTES_MAX * 2 + 2).saturating_sub(self.picture.len());
            self.picture.extend(bytes.iter().filter(|byte| byte.is_ascii_hexdigit()).take(room));
            return;
        }
        if self.state.destination != Destination::Skip {
            self.pending.extend_from_slice(bytes);
        }
    }

    /// Puts the bytes so far where they belong.
    fn decode(&mut self) {
        if self.high.take().is_some() {
            self.put("\u{fffd}");
        }
        if self.pending.is_empty() {
            return;
        }
        let bytes = std::mem::take(&mut self.pending);
        let encoding = match self.state.destination {
            Destination::Text | Destination::Mark => self.fonts.get(&self.state.font).copied().unwrap_or(self.page),
            _ => self.page,
        };
        let (text, _) = encoding.decode_without_bom_handling(&bytes);
        self.put(&text);
        self.pending = bytes;
        self.pending.clear();
    }

    fn put(&mut self, text: &str) {
        match self.state.destination {
            Destination::Text if self.state.hidden => {}
            Destination::Text => self.here.text.push(text, self.state.style),
            Destination::Skip | Destination::Info | Destination::Picture => {}
            _ if self.name.len() + text.len() <= NAME_CHARS_MAX => self.name.push_str(text),
            _ => {}
        }
    }

    fn unicode(&mut self, number: i32) {
        if self.high.is_none() {
            self.decode();
        }
        // Negative for the upper half.
        let unit = (number & 0xffff) as u16;
        let text = match (self.high.take(), char::decode_utf16([unit]).next()) {
            (Some(high), Some(Err(_))) => {
                char::decode_utf16([high, unit]).map(|c| c.unwrap_or('\u{fffd}')).collect::<String>()
            }
            (Some(_), Some(Ok(c))) => format!("\u{fffd}{c}"),
            (None, Some(Ok(c))) => c.to_string(),
            _ => {
                self.high = Some(unit);
                String::new()
            }
        };
        if !text.is_empty() {
            self.put(&text);
        }
        self.skip = self.state.stand_ins;
    }

    fn symbol(&mut self, symbol: u8) {
        if self.skip > 0 {
            self.skip -= 1;
            return;
        }
        self.decode();
        match symbol {
            b'*' => self.optional = true,
            b'~' => self.put("\u{a0}"),
            b'_' => self.put("\u{2011}"),
            b'\r' | b'\n' => self.word("par", None),
            b'\t' => self.put(" "),
            b'{' | b'}' | b'\\' => self.put(&char::from(symbol).to_string()),
            _ => {}
        }
    }

    fn close(&mut self) {
        let Some(outer) = self.states.pop() else { return };
        let inner = std::mem::replace(&mut self.state, outer);
        if inner.destination != outer.destination {
            self.end_of(inner.destination);
        } else if inner.destination == Destination::Fonts {
            self.name.clear();
        } else if inner.destination == Destination::Styles {
            self.end_of(Destination::Styles);
        }
        match inner.ends {
            Ends::Nothing => {}
            Ends::Link => self.here.text.link(None),
            Ends::Context(kind) => self.leave(kind),
        }
    }

    fn end_of(&mut self, destination: Destination) {
        let name = std::mem::take(&mut self.name);
        match destination {
            Destination::Styles => {
                let name = name.trim().trim_end_matches(';').to_lowercase();
                let by_name = match name.strip_prefix("heading ") {
                    Some(level) => level.trim().parse::<i32>().ok().map(|level| level - 1),
                    None => (name == "title").then_some(0),
                };
                let (number, outline) = std::mem::take(&mut self.style);
                if let Some(level) =
                    by_name.or(outline).filter(|level| (0..9).contains(level) && self.levels.len() < NAMED_MAX)
                {
                    self.levels.insert(number, level);
                }
            }
            Destination::Property(property @ ("creatim" | "revtim")) => {
                let date = std::mem::take(&mut self.date);
                properties::take(&mut self.properties, property, &date.text());
            }
            Destination::Property(property) => properties::take(&mut self.properties, property, &name),
            Destination::FieldCode => {
                let code = name.trim();
                let address = code.strip_prefix("HYPERLINK").map(str::trim_start);
                self.link = address.and_then(|rest| {
                    match rest.strip_prefix('"') {
                        Some(quoted) => quoted.split('"').next(),
                        None => rest.split_whitespace().next(),
                    }
                    .map(str::to_owned)
                });
            }
            Destination::Mark => self.here.mark = Some(name),
            Destination::Author => self.author = name,
            Destination::Picture => self.figure(),
            _ => {}
        }
    }

    /// Writes the picture whose digits were read.
    fn figure(&mut self) {
        let digits = std::mem::take(&mut self.picture);
        let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or(0) as u8;
        let read = || match digits.len() / 2 {
            0 => Err(LeftOut::Other),
            1..=IMAGE_BYTES_MAX => {
                Ok(digits.chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect())
            }
            _ => Err(LeftOut::TooLarge),
        };
        if let Some(reference) = self.images.figure(None, None, read) {
            self.here.text.raw(&reference);
        }
    }

    /// A text of its own begins.
    fn enter(&mut self, kind: Kind) {
        if self.contexts.len() < CONTEXTS_MAX {
            self.contexts.push(std::mem::take(&mut self.here));
            self.state.ends = Ends::Context(kind);
            self.state.style = Style::default();
        }
    }

    fn leave(&mut self, kind: Kind) {
        let Some(outer) = self.contexts.pop() else { return };
        let mut inner = std::mem::replace(&mut self.here, outer);
        inner.end();
        let said = inner.out.into_text();
        if said.trim().is_empty() {
            return;
        }
        let (at, prefix) = match kind {
            Kind::Box => return self.here.boxes.push(said),
            Kind::Note => (0, ""),
            Kind::Remark => (1, "c"),
        };
        self.counts[at] += 1;
        let label = format!("{prefix}{}", self.counts[at]);
        let author = if kind == Kind::Remark { std::mem::take(&mut self.author) } else { String::new() };
        let said = if author.trim().is_empty() { said } else { format!("{}: {said}", escape(author.trim())) };
        self.here.text.raw(&format!("[^{label}]"));
        self.notes.push((label, said));
    }

    fn word(&mut self, word: &str, number: Option<i32>) {
        if self.state.destination == Destination::Skip {
            // A group within one that is skipped, with what an older program shows instead.
            return;
        }
        if self.state.destination == Destination::Picture {
            // Its properties are groups of their own; other words are its size and kind, which its bytes say too.
            if self.optional || word == "sp" {
                self.state.destination = Destination::Skip;
            }
            return;
        }
        if self.destination(word) {
            return;
        }
        if self.optional {
            self.state.destination = Destination::Skip;
            return;
        }
        match self.state.destination {
            Destination::Fonts => match (word, number) {
                ("f", Some(font)) => self.state.font = font,
                ("fcharset", Some(charset)) => self.name_font(codepage::of_charset(charset)),
                ("cpg", Some(page)) => self.name_font(codepage::of_page(page)),
                _ => {}
            },
            Destination::Styles => match (word, number) {
                ("s", Some(style)) => self.style.0 = style,
                // Styles of characters have numbers of their own.
                ("cs" | "ds" | "ts", _) => self.style.0 = i32::MIN,
                ("outlinelevel", level) => self.style.1 = level,
                _ => {}
            },
            Destination::Property(_) => self.date.word(word, number.unwrap_or(0)),
            _ => self.text_word(word, number),
        }
    }

    /// The encoding of the font that is named; none is that of the document.
    fn name_font(&mut self, encoding: Option<&'static Encoding>) {
        match encoding {
            Some(encoding) if self.fonts.len() < NAMED_MAX => {
                self.fonts.insert(self.state.font, encoding);
            }
            Some(_) => {}
            None => {
                self.fonts.remove(&self.state.font);
            }
        }
    }

    /// Words that say where the text of their group goes.
    fn destination(&mut self, word: &str) -> bool {
        let into = match word {
            "fonttbl" => Destination::Fonts,
            "stylesheet" => Destination::Styles,
            "info" => Destination::Info,
            "title" if self.state.destination == Destination::Info => Destination::Property("title"),
            "author" if self.state.destination == Destination::Info => Destination::Property("author"),
            "subject" if self.state.destination == Destination::Info => Destination::Property("subject"),
            "keywords" if self.state.destination == Destination::Info => Destination::Property("keywords"),
            "doccomm" if self.state.destination == Destination::Info => Destination::Property("doccomm"),
            "creatim" if self.state.destination == Destination::Info => Destination::Property("creatim"),
            "revtim" if self.state.destination == Destination::Info => Destination::Property("revtim"),
            "fldinst" => Destination::FieldCode,
            "listtext" | "pntext" => Destination::Mark,
            "atnauthor" => Destination::Author,
            "pict"
                if self.state.destination == Destination::Text && !self.state.hidden && self.images.takes_figures() =>
            {
                self.picture.clear();
                Destination::Picture
            }
            // A group that holds a picture; older programs show the one of `nonshppict`.
            "shppict" if self.state.destination == Destination::Text && self.images.takes_figures() => return true,
            // Pictures, embedded files, what repeats on every page, indexes, definitions.
            "pict" | "objdata" | "objclass" | "header" | "headerl" | "headerr" | "headerf" | "footer" | "footerl"
            | "footerr" | "footerf" | "colortbl" | "listtable" | "listoverridetable" | "pn" | "xe" | "tc"
            | "bkmkstart" | "bkmkend" | "nonshppict" | "shprslt" | "sp" | "mmathPict" | "rsidtbl" | "filetbl"
            | "revtbl" | "themedata" | "datastore" | "atnid" | "atndate" | "atnref" | "atrfstart" | "atrfend"
            | "ftnsep" | "ftnsepc" | "aftnsep" | "aftnsepc" | "generator" | "operator" | "nonesttables" | "falt"
            | "panose" => Destination::Skip,
            "footnote" | "annotation" | "shptxt" | "dptxbxtext" if self.state.destination == Destination::Text => {
                self.enter(match word {
                    "footnote" => Kind::Note,
                    "annotation" => Kind::Remark,
                    _ => Kind::Box,
                });
                return true;
            }
            "fldrslt" => {
                if let Some(link) = self.link.take() {
                    self.here.text.link(Some(&link));
                    self.state.ends = Ends::Link;
                }
                return true;
            }
            // Groups that begin as if one did not have to know them, and hold text.
            "shpinst" | "moMath" | "moMathPara" | "ud" | "shpgrp" | "do" => return true,
            word if self.state.destination == Destination::Text
                && word.len() > 2
                && word.starts_with('m')
                && word.ends_with("Pr") =>
            {
                Destination::Skip
            }
            _ => return false,
        };
        self.name.clear();
        self.state.destination = into;
        true
    }

    fn text_word(&mut self, word: &str, number: Option<i32>) {
        let on = number != Some(0);
        match word {
            "par" | "sect" | "page" | "column" if self.state.destination == Destination::Text => {
                self.here.end_paragraph(&self.levels)
            }
            "line" | "lbr" | "softline" => self.put("\n"),
            "tab" => self.put(" "),
            "cell" if self.state.destination == Destination::Text => self.here.end_cell(),
            "row" if self.state.destination == Destination::Text => self.here.table.row(),
            "nestcell" | "nestrow" => self.put("\n"),
            "trowd" => self.here.table.define(),
            "cellx" => self.here.table.edge(number.unwrap_or(0)),
            "intbl" => self.here.paragraph.in_table = on,
            "pard" => self.here.paragraph = Paragraph::default(),
            "s" => self.here.paragraph.style = number,
            "outlinelevel" => self.here.paragraph.outline = number,
            "ilvl" => self.here.paragraph.level = usize::try_from(number.unwrap_or(0)).unwrap_or(0),
            "plain" => {
                (self.state.style, self.state.hidden, self.state.font) = (Style::default(), false, self.default_font);
            }
            "b" => self.state.style.bold = on,
            "i" => self.state.style.italic = on,
            "strike" | "striked" => self.state.style.strike = on,
            "v" => self.state.hidden = on,
            "f" => self.state.font = number.unwrap_or(0),
            "deff" => {
                self.default_font = number.unwrap_or(0);
                self.state.font = self.default_font;
            }
            "uc" => self.state.stand_ins = u32::try_from(number.unwrap_or(1)).unwrap_or(0).min(255),
            "ansicpg" => self.page = codepage::of_page(number.unwrap_or(0)).unwrap_or(self.page),
            "mac" => self.page = encoding_rs::MACINTOSH,
            "deflang" => {
                self.properties.language =
                    self.properties.language.take().or(number.and_then(codepage::language).map(str::to_owned));
            }
            "emdash" => self.put("—"),
            "endash" => self.put("–"),
            "bullet" => self.put("•"),
            "lquote" => self.put("‘"),
            "rquote" => self.put("’"),
            "ldblquote" => self.put("“"),
            "rdblquote" => self.put("”"),
            "emspace" | "enspace" | "qmspace" => self.put(" "),
            _ => {}
        }
    }
}

impl Context {
    fn end_cell(&mut self) {
        let text = std::mem::take(&mut self.text).finish();
        let mark = self.mark.take().map(|mark| mark_of(&mark));
        self.table.cell(match mark {
            Some((marker, label)) if !text.is_empty() => format!("{marker} {label}{text}"),
            _ => text,
        });
    }

    fn end_paragraph(&mut self, levels: &HashMap<i32, i32>) {
        if self.paragraph.in_table {
            // The cell goes on.
            return self.text.plain("\n");
        }
        if !self.table.is_empty() {
            self.table.flush(&mut self.out);
        }
        let text = std::mem::take(&mut self.text);
        let mark = self.mark.take();
        if !text.is_blank() {
            let text = text.finish();
            let style = self.paragraph.style.and_then(|style| levels.get(&style).copied());
            let level = self.paragraph.outline.filter(|level| (0..9).contains(level)).or(style);
            match (level.and_then(|level| usize::try_from(level + 1).ok()), mark.as_deref().map(mark_of)) {
                (Some(level), None) => self.out.heading(level, &text),
                (Some(level), Some((marker, label))) if marker == "-" => {
                    self.out.heading(level, &format!("{label}{text}"))
                }
                (Some(level), Some((marker, _))) => self.out.heading(level, &format!("{marker} {text}")),
                (None, Some((marker, label))) => {
                    self.out.item(self.paragraph.level, &marker, &format!("{label}{text}"))
                }
                (None, None) => self.out.paragraph(&text),
            }
        }
        for text in std::mem::take(&mut self.boxes) {
            self.out.paragraph(&text);
        }
    }

    fn end(&mut self) {
        if self.paragraph.in_table && !self.text.is_blank() {
            self.end_cell();
        }
        self.paragraph.in_table = false;
        self.end_paragraph(&HashMap::new());
    }
}

/// The marker of an item and what stands before its text, by the mark that is written: `1.`, a bullet, `b)`.
fn mark_of(mark: &str) -> (String, String) {
    let mark = mark.trim();
    let digits = mark.trim_end_matches(['.', ')']);
    let numbered = mark.len() == digits.len() + 1
        && (1..=9).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    match () {
        () if numbered => (format!("{digits}."), String::new()),
        // A bullet is one sign, and often a letter of a font of signs.
        () if mark.chars().count() <= 1 || !mark.chars().any(char::is_alphanumeric) => ("-".into(), String::new()),
        () => ("-".into(), format!("{} ", escape(mark))),
    }
}
