//! The pieces of which Rich Text is made.

/// A piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token<'a> {
    /// `{`
    Open,
    /// `}`
    Close,
    /// `\word` or `\word12`
    Word(&'a str, Option<i32>),
    /// `\*`, `\~` and other marks.
    Symbol(u8),
    /// `\'e9`
    Hex(u8),
    /// Text as it stands.
    Text(&'a [u8]),
}

/// Goes through a document.
#[derive(Debug)]
pub struct Lexer<'a> {
    rest: &'a [u8],
}

impl<'a> Lexer<'a> {
    /// From the start.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(count.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    fn length(&self, mut keep: impl FnMut(u8) -> bool) -> usize {
        self.rest.iter().position(|byte| !keep(*byte)).unwrap_or(self.rest.len())
    }

    /// What follows a backslash.
    fn control(&mut self) -> Option<Token<'a>> {
        let letters = self.length(|byte| byte.is_ascii_alphabetic());
        if letters == 0 {
            let symbol = *self.take(1).first()?;
            if symbol != b'\'' {
                return Some(Token::Symbol(symbol));
            }
            let digits = std::str::from_utf8(self.rest.get(..2)?).ok();
            let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
            if byte.is_some() {
                self.take(2);
            }
            return Some(Token::Hex(byte.unwrap_or(b'?')));
        }
        let word = std::str::from_utf8(self.take(letters)).unwrap_or_default();
        let signed = usize::from(self.rest.first() == Some(&b'-'));
        let digits = self.rest[signed..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = if digits == 0 {
            None
        } else {
            std::str::from_utf8(self.take(signed + digits)).ok().and_then(|text| text.parse().ok())
        };
        if self.rest.first() == Some(&b' ') {
            self.take(1);
        }
        if word == "bin" {
            // So many bytes that are no text.
            self.take(usize::try_from(number.unwrap_or(0)).unwrap_or(0));
        }
        Some(Token::Word(word, number))
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            return match self.rest.first()? {
                b'{' => {
                    self.take(1);
                    Some(Token::Open)
                }
                b'}' => {
                    self.take(1);
                    Some(Token::Close)
                }
                b'\\' => {
                    self.take(1);
                    self.control()
                }
                // Ends of lines are those of the file, not of the text.
                b'\r' | b'\n' | 0 => {
                    self.take(1);
                    continue;
                }
                _ => {
                    let count = self.length(|byte| !matches!(byte, b'{' | b'}' | b'\\' | b'\r' | b'\n' | 0));
                    Some(Token::Text(self.take(count)))
                }
            };
        }
    }
}
